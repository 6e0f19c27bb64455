/* manifest_test.c - manifests as files: made in pieces, walked in pieces, refused unless sound.
 * Must not know: copies. */
#include "engine/manifest.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test_reactor.h"

#define BLOCKS_COUNT 40000u

static struct block_hash hash_of(uint64_t block)
{
    struct block_hash hash = {{0}};

    return block / 100 % 3 == 1 ? hash : digest_bytes(&block, sizeof block);
}

static struct manifest_head head_of(uint64_t blocks)
{
    struct manifest_head head = {.copy_uuid = "0f0e0d0c-0b0a-4908-8706-050403020100",
                                 .source = "a-disk",
                                 .source_bytes = blocks * 65536,
                                 .disk_bytes = blocks * 65536,
                                 .target_bytes = blocks * 65536};

    return head;
}

static void feed(struct manifest_writer *writer, uint64_t blocks)
{
    struct err e = {0};

    for (uint64_t i = 0; i < blocks; i++) {
        struct block_hash hash = hash_of(i);

        cr_assert(manifest_writer_blocks(writer, i, 1, &hash, &e), "%s", e.text);
    }
}

static void make(const char *path, uint64_t blocks)
{
    struct manifest_head head = head_of(blocks);
    struct manifest_end end = {0};
    struct err e = {0};
    struct manifest_writer *writer = manifest_writer_open(path, &head, &e);

    cr_assert_not_null(writer, "%s", e.text);
    feed(writer, blocks);
    cr_assert_neq(access(path, F_OK), 0, "not there before it is whole");
    cr_assert(manifest_writer_commit(writer, &end, &e), "%s", e.text);
    manifest_writer_close(writer);
}

static void path_new(char path[TEST_PATH_MAX_BYTES])
{
    test_temp_path(path, "manifest-XXXXXX");
    cr_assert(mkdtemp(path));
    strcat(path, "/m");
}

static void path_drop(char path[TEST_PATH_MAX_BYTES])
{
    unlink(path);
    *strrchr(path, '/') = '\0';
    cr_assert_eq(rmdir(path), 0);
}

static void walk(struct manifest_reader *reader, uint64_t blocks, uint64_t count_max)
{
    struct err e = {0};
    uint64_t next = 0;

    while (next < blocks) {
        struct manifest_run run;

        cr_assert(manifest_reader_next(reader, count_max, &run, &e), "%s", e.text);
        cr_assert_eq(run.first_block, next);
        cr_assert_leq(run.count, count_max);
        for (uint64_t i = 0; i < run.count; i++) {
            struct block_hash wanted = hash_of(next + i);

            cr_assert(run.hashes ? !memcmp(&run.hashes[i], &wanted, sizeof wanted)
                                 : block_hash_is_zero(&wanted));
        }
        next += run.count;
    }
    cr_assert(manifest_reader_finish(reader, &e), "%s", e.text);
}

Test(manifest, is_walked_in_any_step_and_again)
{
    char path[TEST_PATH_MAX_BYTES];
    struct manifest_reader *reader;
    struct err e = {0};
    struct stat st;

    path_new(path);
    make(path, BLOCKS_COUNT);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600u);
    reader = manifest_reader_open(path, &e);
    cr_assert_not_null(reader, "%s", e.text);
    cr_assert_str_eq(manifest_reader_head(reader)->source, "a-disk");
    cr_assert_eq(manifest_reader_end(reader)->data_blocks +
                     manifest_reader_end(reader)->zero_blocks,
                 BLOCKS_COUNT);
    walk(reader, BLOCKS_COUNT, UINT64_MAX);
    cr_assert(manifest_reader_rewind(reader, &e));
    walk(reader, BLOCKS_COUNT, 7);
    manifest_reader_close(reader);
    path_drop(path);
}

Test(manifest, is_not_there_when_its_writer_is_closed_early)
{
    char path[TEST_PATH_MAX_BYTES];
    struct manifest_head head = head_of(10);
    struct err e = {0};
    struct manifest_writer *writer;

    path_new(path);
    writer = manifest_writer_open(path, &head, &e);
    feed(writer, 5);
    manifest_writer_close(writer);
    cr_assert_neq(access(path, F_OK), 0);
    path_drop(path);
}

static void expect_refused(const char *path, const char *word)
{
    struct err e = {0};

    cr_assert_null(manifest_reader_open(path, &e));
    cr_assert_eq(e.kind, ERR_CORRUPT, "%s", e.text);
    cr_assert_eq(e.retry, RETRY_NEVER);
    cr_assert_not_null(strstr(e.text, path), "%s", e.text);
    cr_assert_not_null(strstr(e.text, word), "%s", e.text);
}

Test(manifest, is_refused_when_cut_flipped_or_something_else)
{
    char path[TEST_PATH_MAX_BYTES];
    struct stat st;
    unsigned char byte;
    int fd;

    path_new(path);
    make(path, 3000);
    cr_assert_eq(stat(path, &st), 0);
    fd = open(path, O_RDWR);
    cr_assert_eq(pread(fd, &byte, 1, st.st_size / 2), 1);
    byte ^= 4;
    cr_assert_eq(pwrite(fd, &byte, 1, st.st_size / 2), 1);
    expect_refused(path, "checksum");
    byte ^= 4;
    cr_assert_eq(pwrite(fd, &byte, 1, st.st_size / 2), 1);
    cr_assert_eq(ftruncate(fd, st.st_size - 1), 0);
    expect_refused(path, "too early");
    cr_assert_eq(ftruncate(fd, 0), 0);
    expect_refused(path, "too early");
    cr_assert_eq(pwrite(fd, "#!/bin/sh\nexit 0\n", 17, 0), 17);
    expect_refused(path, "none of its kind");
    close(fd);
    path_drop(path);
}

Test(manifest, notices_that_it_is_changed_while_it_is_walked)
{
    char path[TEST_PATH_MAX_BYTES];
    struct manifest_reader *reader;
    struct manifest_run run;
    struct err e = {0};
    uint64_t next = 0;

    path_new(path);
    make(path, BLOCKS_COUNT);
    reader = manifest_reader_open(path, &e);
    cr_assert_not_null(reader);
    cr_assert_eq(truncate(path, 100000), 0);
    while (next < BLOCKS_COUNT && manifest_reader_next(reader, 1000, &run, &e))
        next += run.count;
    cr_assert_lt(next, BLOCKS_COUNT);
    cr_assert_eq(e.kind, ERR_CORRUPT);
    manifest_reader_close(reader);
    path_drop(path);
}

static void put_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
}

Test(manifest, takes_the_place_of_a_manifest_or_of_an_empty_file)
{
    char path[TEST_PATH_MAX_BYTES];
    struct manifest_head head = head_of(1);

    path_new(path);
    put_file(path, "");
    for (int i = 0; i < 2; i++) {
        struct manifest_end end = {0};
        struct err e = {0};
        struct manifest_writer *writer = manifest_writer_open(path, &head, &e);

        cr_assert_not_null(writer, "%s", e.text);
        feed(writer, 1);
        cr_assert(manifest_writer_commit(writer, &end, &e), "%s", e.text);
        manifest_writer_close(writer);
    }
    path_drop(path);
}

Test(manifest, leaves_any_other_file_as_it_is)
{
    static const char *const others[] = {"a disk, or the file of a URL", "SF"};
    struct manifest_head head = head_of(1);
    char path[TEST_PATH_MAX_BYTES];

    path_new(path);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct err e = {0}, again = {0};
        char kept[64] = "";
        FILE *file;

        put_file(path, others[i]);
        cr_expect_not(manifest_writer_check(path, &e));
        cr_expect(strstr(e.text, "is no manifest") && strstr(e.text, path), "%s", e.text);
        cr_expect_eq(e.kind, ERR_USAGE);
        cr_expect_null(manifest_writer_open(path, &head, &again));
        file = fopen(path, "r");
        cr_assert_not_null(file);
        cr_expect_not_null(fgets(kept, sizeof kept, file));
        cr_expect_str_eq(kept, others[i]);
        fclose(file);
    }
    path_drop(path);
}
