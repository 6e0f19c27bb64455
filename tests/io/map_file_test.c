/* map_file_test.c - a block map as a file: what was put is what it says, and it never says more. */
#include "io/map_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/map_case.h"

#define BLOCK ((uint64_t)MAP_BLOCK_BYTES)

static void expect_all(struct map_case *c, struct map_file *map, unsigned seed)
{
    uint64_t blocks = map_block_count(c->head.disk_bytes);
    struct map_entry *found = calloc(blocks, sizeof *found);
    struct map_counts counts = map_file_counts(map), counted = {0};
    struct err e = {0};

    cr_assert(map_file_look(map, 0, (uint32_t)blocks, found, &e), "%s", e.text);
    for (uint64_t block = 0; block < blocks; block++) {
        struct map_entry wanted = map_case_entry(c->head.strength, block, seed);

        cr_assert_eq(memcmp(&found[block], &wanted, sizeof wanted), 0, "block %llu",
                     (unsigned long long)block);
        counted.hashed_blocks += wanted.state == MAP_HASHED;
        counted.zero_blocks += wanted.state == MAP_ZERO;
        counted.unknown_blocks += wanted.state == MAP_UNKNOWN;
    }
    cr_assert_eq(memcmp(&counts, &counted, sizeof counts), 0);
    free(found);
}

static void says_what_was_put(enum map_strength strength)
{
    struct map_case c;
    struct map_file *map;
    struct stat st;

    map_case_open(&c, strength, 2500 * BLOCK + 512);
    map = map_case_make(&c, 3);
    expect_all(&c, map, 3);
    cr_assert_eq(memcmp(map_file_head(map), &c.head, sizeof c.head), 0);
    cr_assert_eq(stat(c.path, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0600u);
    cr_assert_eq((uint64_t)st.st_size, map_file_bytes(map));
    cr_assert_neq(access(c.making, F_OK), 0);
    map_file_close(map);
    map_case_close(&c);
}

Test(map_file, says_what_was_put_of_xxh3)
{
    says_what_was_put(MAP_XXH3_128);
}

Test(map_file, says_what_was_put_of_sha256)
{
    says_what_was_put(MAP_SHA_256);
}

Test(map_file, is_absent_without_error)
{
    struct map_file *map = NULL;
    struct map_case c;
    struct err e = {0};

    map_case_open(&c, MAP_XXH3_128, BLOCK);
    cr_assert(map_file_open(c.path, &map, &e));
    cr_assert_null(map);
    map_case_close(&c);
}

Test(map_file, costs_16_bytes_an_allocated_block_and_nothing_for_zeros)
{
    struct map_case c;
    struct map_making *making;
    struct map_file *map;
    struct err e = {0};
    uint64_t allocated = 8 * MAP_PAGE_BLOCKS, disk_blocks = MAP_DISK_MAX_BYTES / BLOCK / 64;

    map_case_open(&c, MAP_XXH3_128, disk_blocks * BLOCK);
    making = map_making_open(c.path, &c.head, NULL, &e);
    cr_assert(map_making_put_zero(making, 0, disk_blocks, &e));
    for (uint64_t block = 0; block < allocated; block++) {
        struct map_entry entry = map_case_of(MAP_XXH3_128, MAP_HASHED, block, 1);

        cr_assert(map_making_put(making, 7 * MAP_PAGE_BLOCKS + block, 1, &entry, &e));
    }
    cr_assert(map_making_commit(making, "", 2, &e), "%s", e.text);
    map_making_close(making);
    map = map_case_look_up(&c);
    cr_assert_leq(map_file_bytes(map),
                  8192 + disk_blocks / MAP_PAGE_BLOCKS * 16 + allocated * 16 + 8 * 280);
    cr_assert_eq(map_file_counts(map).hashed_blocks, allocated);
    cr_assert_eq(map_file_counts(map).zero_blocks, disk_blocks - allocated);
    map_file_close(map);
    map_case_close(&c);
}

Test(map_file, tells_runs_of_blocks_that_are_alike)
{
    struct map_case c;
    struct map_file *map;
    struct map_run run;
    struct err e = {0};
    uint64_t blocks = 5000;

    map_case_open(&c, MAP_XXH3_128, blocks * BLOCK);
    map = map_case_make(&c, 9);
    for (uint64_t at = 0; at < blocks; at += run.count) {
        uint64_t end = at;

        cr_assert(map_file_run(map, at, UINT64_MAX, &run, &e), "%s", e.text);
        while (end < blocks && map_case_entry(MAP_XXH3_128, end, 9).state == run.state)
            end++;
        cr_assert_eq(run.first_block, at);
        cr_assert_eq(run.count, end - at);
    }
    cr_assert(map_file_run(map, 3, 1, &run, &e));
    cr_assert_eq(run.count, 1u);
    map_file_close(map);
    map_case_close(&c);
}

Test(map_file, runs_over_many_pages_of_zeros_at_once)
{
    struct map_case c;
    struct map_making *making;
    struct map_file *map;
    struct map_run run;
    struct err e = {0};

    map_case_open(&c, MAP_XXH3_128, 5000 * BLOCK + 1024);
    making = map_making_open(c.path, &c.head, NULL, &e);
    cr_assert(map_making_put_zero(making, 10, 4991, &e));
    cr_assert(map_making_commit(making, "", 2, &e));
    map_making_close(making);
    map = map_case_look_up(&c);
    cr_assert(map_file_run(map, 0, UINT64_MAX, &run, &e));
    cr_assert(run.state == MAP_UNKNOWN && run.count == 10);
    cr_assert(map_file_run(map, 10, UINT64_MAX, &run, &e));
    cr_assert(run.state == MAP_ZERO && run.count == 4991);
    cr_assert(map_file_run(map, 500, 4000, &run, &e));
    cr_assert(run.state == MAP_ZERO && run.count == 4000);
    map_file_close(map);
    map_case_close(&c);
}

/* ---- What is resident ---- */

/* Pages of files that are in this process's memory. */
static uint64_t resident_file_bytes(void)
{
    FILE *statm = fopen("/proc/self/statm", "r");
    unsigned long long size, resident, shared;

    cr_assert_not_null(statm);
    cr_assert_eq(fscanf(statm, "%llu %llu %llu", &size, &resident, &shared), 3);
    fclose(statm);
    return shared * (uint64_t)sysconf(_SC_PAGESIZE);
}

Test(map_file, keeps_little_of_a_large_map_in_memory)
{
    const uint64_t pages = 1200; /* 37.5 MiB of hashes */
    struct map_entry *entries = calloc(MAP_PAGE_BLOCKS, sizeof *entries);
    struct map_making *making;
    struct map_file *map;
    struct map_case c;
    struct err e = {0};
    uint64_t before, most = 0;

    map_case_open(&c, MAP_SHA_256, pages * MAP_PAGE_BLOCKS * BLOCK);
    making = map_making_open(c.path, &c.head, NULL, &e);
    for (uint32_t i = 0; i < MAP_PAGE_BLOCKS; i++)
        entries[i] = map_case_of(MAP_SHA_256, MAP_HASHED, i, 1);
    for (uint64_t page = 0; page < pages; page++)
        cr_assert(map_making_put(making, page * MAP_PAGE_BLOCKS, MAP_PAGE_BLOCKS, entries, &e));
    cr_assert(map_making_commit(making, "", 1, &e), "%s", e.text);
    map_making_close(making);
    map = map_case_look_up(&c);
    cr_assert_gt(map_file_bytes(map), 37u << 20);
    before = resident_file_bytes();
    for (uint64_t page = 0; page < pages; page++) {
        uint64_t at = page * 7 % pages * MAP_PAGE_BLOCKS, now;

        cr_assert(map_file_look(map, at, MAP_PAGE_BLOCKS, entries, &e));
        now = resident_file_bytes();
        most = now > most ? now : most;
    }
    cr_assert_lt(most, before + (18u << 20), "%llu more", (unsigned long long)(most - before));
    map_file_close(map);
    free(entries);
    map_case_close(&c);
}

/* ---- What is none ---- */

static void expect_none(const struct map_case *c, enum err_kind kind, const char *what)
{
    struct map_file *map = NULL;
    struct err e = {0};

    cr_assert_not(map_file_open(c->path, &map, &e), "%s", what);
    cr_assert_null(map);
    cr_assert_eq(e.kind, kind, "%s: %s", what, e.text);
    cr_assert(strstr(e.text, c->path), "%s", e.text);
}

Test(map_file, opens_maps_alone)
{
    struct map_case c;
    char other[sizeof c.path + 8];
    FILE *file;

    map_case_open(&c, MAP_XXH3_128, 10 * BLOCK);
    cr_assert_eq(mkfifo(c.path, 0600), 0);
    expect_none(&c, ERR_USAGE, "a FIFO, without waiting for a writer");
    unlink(c.path);
    cr_assert_eq(mkdir(c.path, 0700), 0);
    expect_none(&c, ERR_USAGE, "a folder");
    rmdir(c.path);
    file = fopen(c.path, "w");
    expect_none(&c, ERR_CORRUPT, "an empty file");
    for (unsigned i = 0; i < 20000; i++)
        fputc('x', file);
    fclose(file);
    expect_none(&c, ERR_CORRUPT, "some other file");
    unlink(c.path);
    map_file_close(map_case_make(&c, 1));
    snprintf(other, sizeof other, "%s.real", c.path);
    cr_assert_eq(rename(c.path, other), 0);
    cr_assert_eq(symlink(other, c.path), 0);
    expect_none(&c, ERR_USAGE, "a link");
    unlink(other);
    map_case_close(&c);
}
