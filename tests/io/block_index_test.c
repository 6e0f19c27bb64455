/* block_index_test.c - places are found again, the oldest give way, damage is never more than a loss. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blockmap/stream.h"
#include "io/block_index.h"
#include "tests/support/test_reactor.h"

#define SMALL_BYTES  (3 * 4096ull) /* two buckets */
#define MIDDLE_BYTES (64 * 4096ull)

static struct block_id id_of(uint64_t number)
{
    return block_id_of(&number, sizeof number);
}

static struct block_index *open_index(const char *path, uint64_t bytes)
{
    struct err e = {0};
    struct block_index *index = block_index_open(path, bytes, &e);

    cr_assert(index, "%s", e.text);
    return index;
}

static void note(struct block_index *index, uint64_t number, const char *target)
{
    struct block_id id = id_of(number);

    block_index_note(index, &id, target, number * 65536);
}

static bool found(struct block_index *index, uint64_t number, const char *target)
{
    struct block_id id = id_of(number);
    struct block_place place;

    return block_index_find(index, &id, &place) && place.offset == number * 65536 &&
           strcmp(place.target, target) == 0;
}

static bool absent(struct block_index *index, uint64_t number)
{
    struct block_id id = id_of(number);
    struct block_place place;

    return !block_index_find(index, &id, &place);
}

Test(block_index, finds_what_was_noted_and_nothing_else)
{
    char path[TEST_PATH_MAX_BYTES];
    struct block_index *index;

    test_temp_path(path, "index");
    index = open_index(path, MIDDLE_BYTES);
    cr_assert(absent(index, 1));
    for (uint64_t i = 0; i < 2000; i++)
        note(index, i, i % 2 ? "west/a" : "west/b");
    for (uint64_t i = 0; i < 2000; i++)
        cr_assert(found(index, i, i % 2 ? "west/a" : "west/b"), "%lu", (unsigned long)i);
    for (uint64_t i = 2000; i < 4000; i++)
        cr_assert(absent(index, i));
    block_index_close(index);
    block_index_close(NULL);
}

Test(block_index, a_block_seen_again_has_its_newest_place)
{
    char path[TEST_PATH_MAX_BYTES];
    struct block_id id = id_of(5);
    struct block_place place;
    struct block_index *index;

    test_temp_path(path, "index");
    index = open_index(path, SMALL_BYTES);
    block_index_note(index, &id, "a", 512);
    block_index_note(index, &id, "b", 1024);
    cr_assert(block_index_find(index, &id, &place));
    cr_assert(strcmp(place.target, "b") == 0 && place.offset == 1024);
    block_index_forget(index, &id);
    cr_assert(!block_index_find(index, &id, &place));
    block_index_forget(index, &id);
    block_index_close(index);
}

Test(block_index, is_there_after_reopening_and_is_its_owners_alone)
{
    char path[TEST_PATH_MAX_BYTES], beside[TEST_PATH_MAX_BYTES];
    struct block_index *index;
    struct stat st;

    test_temp_path(path, "index");
    test_temp_path(beside, "index.targets");
    umask(0);
    index = open_index(path, MIDDLE_BYTES);
    for (uint64_t i = 0; i < 100; i++)
        note(index, i, "west/disk");
    block_index_close(index);
    cr_assert(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
    cr_assert_eq((uint64_t)st.st_size, MIDDLE_BYTES);
    cr_assert(stat(beside, &st) == 0 && (st.st_mode & 07777) == 0600);
    index = open_index(path, MIDDLE_BYTES);
    for (uint64_t i = 0; i < 100; i++)
        cr_assert(found(index, i, "west/disk"));
    note(index, 100, "west/other");
    cr_assert(found(index, 100, "west/other") && found(index, 0, "west/disk"));
    block_index_close(index);
}

Test(block_index, the_oldest_give_way_and_the_file_does_not_grow)
{
    char path[TEST_PATH_MAX_BYTES];
    uint64_t room = 2 * BLOCK_INDEX_WAYS, count = 20 * room, kept = 0, recent = 0;
    struct block_index *index;
    struct stat st;

    test_temp_path(path, "index");
    index = open_index(path, SMALL_BYTES);
    for (uint64_t i = 0; i < count; i++)
        note(index, i, "t");
    for (uint64_t i = 0; i < count; i++)
        kept += found(index, i, "t");
    for (uint64_t i = count - room / 2; i < count; i++)
        recent += found(index, i, "t");
    cr_assert_eq(kept, room, "the table is full");
    cr_assert_eq(recent, room / 2, "what is young is there");
    cr_assert(stat(path, &st) == 0 && (uint64_t)st.st_size == SMALL_BYTES);
    block_index_close(index);
}

Test(block_index, what_is_noted_again_is_young_again)
{
    char path[TEST_PATH_MAX_BYTES];
    struct block_index *index;

    test_temp_path(path, "index");
    index = open_index(path, SMALL_BYTES);
    for (uint64_t i = 0; i < 100 * BLOCK_INDEX_WAYS; i++) {
        note(index, i + 1, "t");
        if (i % 50 == 0)
            note(index, 0, "t");
    }
    cr_assert(found(index, 0, "t"));
    block_index_close(index);
}

/* ---- Names ---- */

Test(block_index, a_name_that_gave_its_number_away_is_not_found_under_the_new_one)
{
    char path[TEST_PATH_MAX_BYTES], name[32];
    struct block_index *index;

    test_temp_path(path, "index");
    index = open_index(path, MIDDLE_BYTES);
    note(index, 1, "first");
    for (unsigned i = 0; i < BLOCK_INDEX_TARGETS_MAX; i++) {
        struct block_id id = id_of(2);

        snprintf(name, sizeof name, "target-%u", i);
        block_index_note(index, &id, name, 512);
    }
    cr_assert(absent(index, 1), "its number is another's now");
    note(index, 3, "target-7");
    cr_assert(found(index, 3, "target-7"));
    block_index_close(index);
    index = open_index(path, MIDDLE_BYTES);
    cr_assert(absent(index, 1));
    cr_assert(found(index, 3, "target-7"));
    note(index, 1, "first");
    cr_assert(found(index, 1, "first"));
    block_index_close(index);
}

Test(block_index, a_name_too_long_is_not_noted)
{
    char path[TEST_PATH_MAX_BYTES], name[BLOCK_INDEX_TARGET_MAX_BYTES + 1];
    struct block_index *index;

    test_temp_path(path, "index");
    index = open_index(path, SMALL_BYTES);
    memset(name, 'n', sizeof name);
    name[BLOCK_INDEX_TARGET_MAX_BYTES] = '\0';
    note(index, 1, name);
    cr_assert(absent(index, 1));
    name[BLOCK_INDEX_TARGET_MAX_BYTES - 1] = '\0';
    note(index, 1, name);
    cr_assert(found(index, 1, name));
    block_index_close(index);
}

/* ---- Opening ---- */

Test(block_index, another_size_or_version_or_no_index_at_all_is_begun_anew)
{
    static const char *const wrong[] = {"", "short", "sbfidx99 and more of what is no head at all"};
    char path[TEST_PATH_MAX_BYTES];
    struct block_index *index;

    test_temp_path(path, "index");
    for (size_t i = 0; i < 3; i++) {
        int fd = open(path, O_RDWR | O_CREAT, 0644);

        cr_assert(fd >= 0 && write(fd, wrong[i], strlen(wrong[i])) == (ssize_t)strlen(wrong[i]));
        close(fd);
        index = open_index(path, SMALL_BYTES);
        cr_assert(absent(index, 1));
        note(index, 1, "a");
        cr_assert(found(index, 1, "a"));
        block_index_close(index);
    }
    index = open_index(path, MIDDLE_BYTES);
    cr_assert(absent(index, 1));
    block_index_close(index);
}

Test(block_index, names_of_an_earlier_table_are_not_taken)
{
    char path[TEST_PATH_MAX_BYTES];
    struct block_index *index;

    test_temp_path(path, "index");
    index = open_index(path, SMALL_BYTES);
    note(index, 1, "old");
    block_index_close(index);
    unlink(path);
    index = open_index(path, SMALL_BYTES);
    note(index, 2, "new");
    cr_assert(found(index, 2, "new") && absent(index, 1));
    block_index_close(index);
}

Test(block_index, is_one_process_alone)
{
    char path[TEST_PATH_MAX_BYTES];
    struct block_index *index;
    struct err e = {0};

    test_temp_path(path, "index");
    index = open_index(path, SMALL_BYTES);
    cr_assert_null(block_index_open(path, SMALL_BYTES, &e));
    cr_assert_eq(e.kind, ERR_CONFLICT);
    block_index_close(index);
    index = open_index(path, SMALL_BYTES);
    block_index_close(index);
}

Test(block_index, a_folder_that_is_not_there_is_said)
{
    struct err e = {0};

    cr_assert_null(block_index_open("/nowhere/at/all", SMALL_BYTES, &e));
    cr_assert(strstr(e.text, "/nowhere/at/all"));
}

/* ---- Kills and damage ---- */

Test(block_index, survives_a_kill)
{
    char path[TEST_PATH_MAX_BYTES];
    struct block_index *index;
    int status;
    pid_t child;

    test_temp_path(path, "index");
    child = fork();
    if (child == 0) {
        struct err e = {0};

        index = block_index_open(path, MIDDLE_BYTES, &e);
        for (uint64_t i = 0; index && i < 1000; i++)
            note(index, i, "west/disk");
        raise(SIGKILL);
    }
    cr_assert(child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    index = open_index(path, MIDDLE_BYTES);
    for (uint64_t i = 0; i < 1000; i++)
        cr_assert(found(index, i, "west/disk"));
    block_index_close(index);
}

static uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static void damage(const char *path, uint64_t *x, unsigned bytes)
{
    struct stat st;
    int fd = open(path, O_RDWR);

    cr_assert(fd >= 0 && fstat(fd, &st) == 0);
    for (unsigned i = 0; i < bytes; i++) {
        unsigned char byte = (unsigned char)next_random(x);
        off_t at = (off_t)(next_random(x) % (uint64_t)st.st_size);

        if (i % 4 == 0)
            at %= 64; /* the head more often than its share */
        cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
    }
    close(fd);
}

/* Whatever stands in the files: what comes out is a place within bounds with one of the names that were
 * given, and the index goes on. That the place may be wrong is for the caller to find out. */
Test(block_index, damage_anywhere_gives_places_within_bounds_and_names_that_were_given)
{
    char path[TEST_PATH_MAX_BYTES], beside[TEST_PATH_MAX_BYTES];
    uint64_t x = 88172645463325252ull;

    test_temp_path(path, "index");
    test_temp_path(beside, "index.targets");
    for (unsigned round = 0; round < 60; round++) {
        struct block_index *index = open_index(path, SMALL_BYTES);
        struct block_place place;

        for (uint64_t i = 0; i < 200; i++)
            note(index, i, i % 2 ? "west/a" : "west/b");
        block_index_close(index);
        damage(path, &x, round % 3 ? 40 : 4000);
        damage(beside, &x, round % 4 ? 1 : 200);
        index = open_index(path, SMALL_BYTES);
        for (uint64_t i = 0; i < 200; i++) {
            struct block_id id = id_of(i);

            if (!block_index_find(index, &id, &place))
                continue;
            cr_assert(strcmp(place.target, "west/a") == 0 || strcmp(place.target, "west/b") == 0);
            cr_assert(place.offset < STREAM_DISK_MAX_BYTES && place.offset % 512 == 0);
        }
        note(index, 7, "west/a");
        cr_assert(found(index, 7, "west/a"), "round %u", round);
        block_index_close(index);
    }
}
