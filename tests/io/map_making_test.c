/* map_making_test.c - a map while it is made: over an old one, over kills, beside what is not ours. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blockmap/map_format.h"
#include "tests/support/map_case.h"

#define BLOCK ((uint64_t)MAP_BLOCK_BYTES)

static struct map_making *open_making(const struct map_case *c, struct map_file *old)
{
    struct err e = {0};
    struct map_making *making = map_making_open(c->path, &c->head, old, &e);

    cr_assert_not_null(making, "%s", e.text);
    return making;
}

static void put(struct map_making *making, uint64_t block, struct map_entry entry)
{
    struct err e = {0};

    cr_assert(map_making_put(making, block, 1, &entry, &e), "%s", e.text);
}

static struct map_file *commit(const struct map_case *c, struct map_making *making)
{
    struct err e = {0};

    cr_assert(map_making_commit(making, "\"0x2\"", 77, &e), "%s", e.text);
    map_making_close(making);
    return map_case_look_up(c);
}

static struct map_entry hashed(const struct map_case *c, uint64_t block, unsigned seed)
{
    return map_case_of(c->head.strength, MAP_HASHED, block, seed);
}

static void expect_state(struct map_file *map, uint64_t block, enum map_state state)
{
    struct map_entry wanted = {.state = state};

    map_case_expect(map, block, &wanted);
}

/* ---- Over an old map ---- */

static void keeps_what_was_not_put(enum map_strength strength)
{
    struct map_case c;
    struct map_file *old, *map;
    struct map_making *making;
    struct map_entry wanted;
    struct err e = {0};

    map_case_open(&c, strength, 3000 * BLOCK);
    old = map_case_make(&c, 1);
    making = open_making(&c, old);
    put(making, 7, hashed(&c, 7, 9));
    put(making, 2999, hashed(&c, 2999, 9));
    put(making, 2999, hashed(&c, 2999, 10));
    put(making, 8, (struct map_entry){.state = MAP_UNKNOWN});
    cr_assert(map_making_put_zero(making, 1000, 1100, &e));
    put(making, 1500, hashed(&c, 1500, 9));
    map = commit(&c, making);
    for (uint64_t block = 0; block < 3000; block++) {
        wanted = map_case_entry(strength, block, 1);
        if (block == 7 || block == 1500)
            wanted = hashed(&c, block, 9);
        else if (block == 2999)
            wanted = hashed(&c, block, 10);
        else if (block == 8)
            wanted = (struct map_entry){.state = MAP_UNKNOWN};
        else if (block >= 1000 && block < 2100)
            wanted = (struct map_entry){.state = MAP_ZERO};
        map_case_expect(map, block, &wanted);
    }
    cr_assert_str_eq(map_file_head(map)->etag, "\"0x2\"");
    cr_assert_eq(map_file_head(map)->made_ms, 77u);
    wanted = map_case_entry(strength, 7, 1);
    map_case_expect(old, 7, &wanted); /* a view of what it was opened on */
    map_file_close(old);
    map_file_close(map);
    map_case_close(&c);
}

Test(map_making, keeps_of_the_old_map_what_was_not_put)
{
    keeps_what_was_not_put(MAP_XXH3_128);
    keeps_what_was_not_put(MAP_SHA_256);
}

Test(map_making, takes_seed_and_strength_of_the_old_map)
{
    struct map_case c;
    struct map_file *old, *map;
    struct map_making *making;

    map_case_open(&c, MAP_SHA_256, 10 * BLOCK);
    old = map_case_make(&c, 1);
    c.head.strength = MAP_XXH3_128;
    memset(c.head.seed, 9, sizeof c.head.seed);
    making = open_making(&c, old);
    cr_assert_eq(map_making_head(making)->strength, MAP_SHA_256);
    map = commit(&c, making);
    cr_assert_eq(memcmp(map_file_head(map)->seed, map_file_head(old)->seed, MAP_SEED_BYTES), 0);
    map_file_close(old);
    map_file_close(map);
    map_case_close(&c);
}

Test(map_making, what_is_behind_a_smaller_disk_is_zero)
{
    struct map_case c;
    struct map_file *old, *map;
    struct map_entry wanted;

    map_case_open(&c, MAP_XXH3_128, 1030 * BLOCK - 512);
    old = map_case_make(&c, 1);
    c.head.disk_bytes = 4000 * BLOCK;
    map = commit(&c, open_making(&c, old));
    for (uint64_t block = 0; block < 4000; block++) {
        wanted = block < 1030 ? map_case_entry(MAP_XXH3_128, block, 1)
                              : (struct map_entry){.state = MAP_ZERO};
        map_case_expect(map, block, &wanted);
    }
    map_file_close(old);
    map_file_close(map);
    map_case_close(&c);
}

Test(map_making, a_larger_old_disk_is_refused)
{
    struct map_case c;
    struct map_file *old;
    struct err e = {0};

    map_case_open(&c, MAP_XXH3_128, 20 * BLOCK);
    old = map_case_make(&c, 1);
    c.head.disk_bytes = 19 * BLOCK;
    cr_assert_null(map_making_open(c.path, &c.head, old, &e));
    cr_assert_eq(e.kind, ERR_USAGE);
    map_file_close(old);
    map_case_close(&c);
}

Test(map_making, without_an_old_map_all_else_is_unknown)
{
    struct map_case c;
    struct map_making *making;
    struct map_file *map;

    map_case_open(&c, MAP_XXH3_128, 2000 * BLOCK);
    map_file_close(map_case_make(&c, 1));
    making = open_making(&c, NULL);
    put(making, 100, hashed(&c, 100, 2));
    map = commit(&c, making);
    cr_assert_eq(map_file_counts(map).hashed_blocks, 1u);
    cr_assert_eq(map_file_counts(map).unknown_blocks, 1999u);
    map_file_close(map);
    map_case_close(&c);
}

Test(map_making, forgets_what_was_not_put)
{
    struct map_case c;
    struct map_file *old, *map;
    struct map_making *making;
    struct map_entry wanted;
    struct err e = {0};

    map_case_open(&c, MAP_XXH3_128, 9000 * BLOCK);
    old = map_case_make(&c, 1);
    making = open_making(&c, old);
    put(making, 1100, hashed(&c, 1100, 3));
    cr_assert(map_making_put_zero(making, 4096, 1024, &e));
    cr_assert(map_making_forget(making, 1000, 6500, &e), "%s", e.text);
    put(making, 1101, hashed(&c, 1101, 4));
    cr_assert(map_making_put_zero(making, 1102, 2, &e));
    map = commit(&c, making);
    for (uint64_t block = 0; block < 9000; block++) {
        wanted = map_case_entry(MAP_XXH3_128, block, 1);
        if (block >= 1000 && block < 7500)
            wanted = (struct map_entry){.state = MAP_UNKNOWN};
        if (block == 1100)
            wanted = hashed(&c, block, 3);
        if (block == 1101)
            wanted = hashed(&c, block, 4);
        if (block == 1102 || block == 1103 || (block >= 4096 && block < 5120))
            wanted = (struct map_entry){.state = MAP_ZERO};
        map_case_expect(map, block, &wanted);
    }
    map_file_close(old);
    map_file_close(map);
    map_case_close(&c);
}

Test(map_making, a_damaged_page_of_the_old_map_is_unknown_in_the_new_one)
{
    struct map_case c;
    struct map_file *old, *map;
    struct map_entry wanted;
    int fd;

    map_case_open(&c, MAP_XXH3_128, 2500 * BLOCK);
    map_file_close(map_case_make(&c, 1));
    fd = open(c.path, O_RDWR);
    cr_assert_eq(pwrite(fd, "XXXX", 4, MAP_HEAD_BYTES + 3 * MAP_SLOT_BYTES + 300), 4);
    close(fd);
    old = map_case_look_up(&c);
    map = commit(&c, open_making(&c, old));
    for (uint64_t block = 0; block < 1024; block++)
        expect_state(map, block, MAP_UNKNOWN);
    wanted = map_case_entry(MAP_XXH3_128, 1024, 1);
    map_case_expect(map, 1024, &wanted);
    map_file_close(old);
    map_file_close(map);
    map_case_close(&c);
}

/* ---- Going on ---- */

Test(map_making, goes_on_for_the_same_copy_and_begins_anew_for_another)
{
    struct map_case c;
    struct map_making *making;
    struct map_entry wanted;
    struct map_file *map;
    struct stat st;

    map_case_open(&c, MAP_XXH3_128, 2000 * BLOCK);
    making = open_making(&c, NULL);
    put(making, 1, hashed(&c, 1, 1));
    map_making_close(making);
    cr_assert_eq(stat(c.making, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0600u);
    memset(c.head.seed, 7, sizeof c.head.seed); /* without old, that of what was begun stays */
    making = open_making(&c, NULL);
    cr_assert_neq(map_making_head(making)->seed[0], 7);
    put(making, 2, hashed(&c, 2, 1));
    map = commit(&c, making);
    wanted = hashed(&c, 1, 1);
    map_case_expect(map, 1, &wanted);
    map_file_close(map);

    for (unsigned change = 0; change < 3; change++) {
        making = open_making(&c, NULL);
        put(making, 3, hashed(&c, 3, 1));
        map_making_close(making);
        if (change == 0)
            c.head.copy_uuid[0] = '9';
        else if (change == 1)
            snprintf(c.head.target, sizeof c.head.target, "file:/another");
        else
            c.head.disk_bytes += 512;
        map = commit(&c, open_making(&c, NULL));
        expect_state(map, 3, MAP_UNKNOWN);
        map_file_close(map);
    }
    map_case_close(&c);
}

Test(map_making, drops_what_was_put_under_another_seed)
{
    struct map_case c;
    struct map_file *old, *map;
    struct map_making *making;
    struct map_entry wanted;

    map_case_open(&c, MAP_XXH3_128, 100 * BLOCK);
    old = map_case_make(&c, 1);
    memset(c.head.seed, 7, sizeof c.head.seed);
    making = open_making(&c, NULL);
    put(making, 3, hashed(&c, 3, 5));
    map_making_close(making);
    map = commit(&c, open_making(&c, old));
    wanted = map_case_entry(MAP_XXH3_128, 3, 1);
    map_case_expect(map, 3, &wanted);
    map_file_close(old);
    map_file_close(map);
    map_case_close(&c);
}

Test(map_making, is_one_process_at_a_time)
{
    struct map_case c;
    struct map_making *making;
    struct err e = {0};

    map_case_open(&c, MAP_XXH3_128, 100 * BLOCK);
    making = open_making(&c, NULL);
    cr_assert_null(map_making_open(c.path, &c.head, NULL, &e));
    cr_assert_eq(e.kind, ERR_CONFLICT, "%s", e.text);
    map_making_drop(making);
    cr_assert_neq(access(c.making, F_OK), 0);
    map_case_close(&c);
}

/* ---- Not ours ---- */

static void expect_untouched(struct map_case *c, const char *what)
{
    struct err e = {0};
    struct stat before, after;

    cr_assert_eq(lstat(c->path, &before), 0);
    cr_assert_null(map_making_open(c->path, &c->head, NULL, &e), "%s", what);
    cr_assert_eq(e.kind, ERR_USAGE, "%s: %s", what, e.text);
    cr_assert_neq(access(c->making, F_OK), 0, "%s", what);
    cr_assert_eq(lstat(c->path, &after), 0);
    cr_assert(before.st_ino == after.st_ino && before.st_size == after.st_size, "%s", what);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    cr_assert_not_null(file);
    cr_assert(fputs(text, file) >= 0);
    fclose(file);
}

Test(map_making, nothing_but_a_map_is_replaced)
{
    struct map_case c;
    char other[sizeof c.path + 8];

    map_case_open(&c, MAP_XXH3_128, 100 * BLOCK);
    write_file(c.path, "dear diary");
    expect_untouched(&c, "a text");
    write_file(c.path, "");
    expect_untouched(&c, "an empty file");
    unlink(c.path);
    cr_assert_eq(mkfifo(c.path, 0600), 0);
    expect_untouched(&c, "a FIFO");
    unlink(c.path);
    cr_assert_eq(mkdir(c.path, 0700), 0);
    expect_untouched(&c, "a folder");
    rmdir(c.path);
    map_file_close(map_case_make(&c, 1));
    snprintf(other, sizeof other, "%s.real", c.path);
    cr_assert_eq(rename(c.path, other), 0);
    cr_assert_eq(symlink(other, c.path), 0);
    expect_untouched(&c, "a link to a map");
    unlink(other);
    map_case_close(&c);
}

Test(map_making, what_comes_to_stand_there_meanwhile_is_not_replaced)
{
    struct map_case c;
    struct map_making *making;
    struct err e = {0};

    map_case_open(&c, MAP_XXH3_128, 100 * BLOCK);
    making = open_making(&c, NULL);
    write_file(c.path, "dear diary");
    cr_assert_not(map_making_commit(making, "", 1, &e));
    cr_assert_eq(e.kind, ERR_USAGE);
    cr_assert_eq(access(c.path, F_OK), 0);
    map_making_close(making);
    cr_assert_eq(access(c.making, F_OK), 0, "what was put is kept");
    map_case_close(&c);
}

Test(map_making, what_somebody_else_keeps_at_its_name_is_left_alone)
{
    static const char precious[] = "not a map, and longer than eight bytes";
    struct map_case c;
    char found[sizeof precious] = "";
    struct err e = {0};
    int fd;

    map_case_open(&c, MAP_XXH3_128, 100 * BLOCK);
    fd = open(c.making, O_RDWR | O_CREAT, 0600);
    cr_assert_eq(write(fd, precious, sizeof precious), (ssize_t)sizeof precious);
    cr_assert_null(map_making_open(c.path, &c.head, NULL, &e));
    cr_assert_eq(e.kind, ERR_USAGE, "%s", e.text);
    cr_assert_eq(pread(fd, found, sizeof found, 0), (ssize_t)sizeof found);
    cr_assert_str_eq(found, precious);
    close(fd);
    unlink(c.making);
    map_case_close(&c);
}

Test(map_making, a_making_that_is_no_file_is_refused)
{
    struct map_case c;
    struct err e = {0};

    map_case_open(&c, MAP_XXH3_128, 100 * BLOCK);
    cr_assert_eq(mkfifo(c.making, 0600), 0);
    cr_assert_null(map_making_open(c.path, &c.head, NULL, &e));
    cr_assert(err_is_set(&e));
    unlink(c.making);
    err_clear(&e);
    cr_assert_eq(symlink(c.path, c.making), 0);
    cr_assert_null(map_making_open(c.path, &c.head, NULL, &e));
    cr_assert_neq(access(c.path, F_OK), 0, "nothing was made through the link");
    map_case_close(&c);
}
