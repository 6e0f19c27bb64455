/* map_crash_test.c - what a kill, a crash of the machine, or a bad disk may do to a map that is made:
 * an entry is what was put, or unknown, or what was there before; never another. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blockmap/map_format.h"
#include "tests/support/map_case.h"

#define BLOCK  ((uint64_t)MAP_BLOCK_BYTES)
#define BLOCKS 3000u
#define ROUNDS 12u

/* The layout of map_format.md, "While it is made". */
#define BOOT_AT    8
#define CLOSED_AT  48
#define SEALED     8256
#define ENTRIES_AT 16384
#define ENTRY      24

/* Puts blocks in an order that follows from round, and says each that it put. */
static void put_until_killed(const struct map_case *c, struct map_file *old, unsigned round,
                             int said)
{
    struct err e = {0};
    struct map_making *making = map_making_open(c->path, &c->head, old, &e);

    if (!making)
        _exit(1);
    for (uint32_t i = 0;; i++) {
        uint32_t block = (i * 911 + round * 37) % BLOCKS;
        struct map_entry entry = map_case_of(c->head.strength, MAP_HASHED, block, 100);

        if (!map_making_put(making, block, 1, &entry, &e) ||
            write(said, &block, sizeof block) != sizeof block)
            _exit(1);
    }
}

/* One process killed after it said so many; marks what it said. */
static void kill_one(const struct map_case *c, struct map_file *old, unsigned round, bool *put)
{
    uint32_t block, after = 1 + round * 97;
    int pipes[2], status;
    pid_t child;

    cr_assert_eq(pipe(pipes), 0);
    child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        close(pipes[0]);
        put_until_killed(c, old, round, pipes[1]);
    }
    close(pipes[1]);
    for (uint32_t i = 0; read(pipes[0], &block, sizeof block) == sizeof block; i++) {
        put[block] = true;
        if (i == after)
            kill(child, SIGKILL);
    }
    close(pipes[0]);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

Test(map_crash, a_killed_process_loses_nothing_that_it_put)
{
    static bool put[BLOCKS];
    struct map_case c;
    struct map_file *old, *map;
    struct map_making *making;
    struct err e = {0};

    map_case_open(&c, MAP_XXH3_128, BLOCKS * BLOCK);
    old = map_case_make(&c, 1);
    for (unsigned round = 0; round < ROUNDS; round++)
        kill_one(&c, old, round, put);
    making = map_making_open(c.path, &c.head, old, &e);
    cr_assert_not_null(making, "%s", e.text);
    cr_assert(map_making_commit(making, "", 1, &e), "%s", e.text);
    map_making_close(making);
    map = map_case_look_up(&c);
    for (uint32_t block = 0; block < BLOCKS; block++) {
        struct map_entry fresh = map_case_of(MAP_XXH3_128, MAP_HASHED, block, 100);
        struct map_entry before = map_case_entry(MAP_XXH3_128, block, 1), found;

        cr_assert(map_file_look(map, block, 1, &found, &e));
        if (put[block])
            cr_assert(map_entry_same(&found, &fresh), "block %u was put", block);
        else /* the last one may have been put without a word */
            cr_assert(memcmp(&found, &before, sizeof found) == 0 || map_entry_same(&found, &fresh));
    }
    map_file_close(old);
    map_file_close(map);
    map_case_close(&c);
}

/* ---- A commit that is cut off ---- */

/* Commits maps of every state in turn, one word a map, until it is killed. */
static void commit_until_killed(const struct map_case *c, int said)
{
    struct err e = {0};

    for (uint32_t round = 1;; round++) {
        struct map_making *making = map_making_open(c->path, &c->head, NULL, &e);
        struct map_entry entries[64];

        for (uint32_t block = 0; making && block < BLOCKS - 64; block += 64) {
            for (uint32_t i = 0; i < 64; i++)
                entries[i] = map_case_of(c->head.strength, MAP_HASHED, block + i, round);
            if (!map_making_put(making, block, 64, entries, &e))
                _exit(1);
        }
        if (!making || write(said, &round, sizeof round) != sizeof round ||
            !map_making_commit(making, "", round, &e))
            _exit(1);
        map_making_close(making);
    }
}

Test(map_crash, a_killed_commit_leaves_one_map_or_the_other)
{
    struct map_case c;

    map_case_open(&c, MAP_XXH3_128, BLOCKS * BLOCK);
    map_file_close(map_case_make(&c, 1));
    for (uint32_t wait = 1; wait <= ROUNDS; wait++) {
        uint32_t said = 0, last = 0;
        struct map_file *map;
        int pipes[2], status;
        pid_t child;

        cr_assert_eq(pipe(pipes), 0);
        child = fork();
        if (child == 0) {
            close(pipes[0]);
            commit_until_killed(&c, pipes[1]);
        }
        close(pipes[1]);
        while (read(pipes[0], &said, sizeof said) == sizeof said) {
            last = said;
            if (said != wait)
                continue;
            for (uint32_t i = 0; i < wait; i++)
                usleep(200);
            kill(child, SIGKILL);
        }
        close(pipes[0]);
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFSIGNALED(status));
        map = map_case_look_up(&c);
        for (uint32_t block = 0; block < BLOCKS - 64 && last > 1; block += 17) {
            struct map_entry wanted =
                map_case_of(MAP_XXH3_128, MAP_HASHED, block, (unsigned)map_file_head(map)->made_ms);

            map_case_expect(map, block, &wanted);
        }
        cr_assert(last == 1 || map_file_head(map)->made_ms + 1 >= last);
        map_file_close(map);
        unlink(c.making);
    }
    {
        char fresh[sizeof c.path + 8];

        snprintf(fresh, sizeof fresh, "%s.new", c.path);
        unlink(fresh); /* of a killed commit; the next one would begin it anew */
    }
    map_case_close(&c);
}

Test(map_crash, a_disk_that_is_full_leaves_the_old_map_and_what_was_put)
{
    const struct rlimit little = {20000, 20000};
    struct map_entry entry = {.state = MAP_HASHED};
    struct map_making *making;
    struct map_case c;
    struct err e = {0};
    struct map_file *old;
    pid_t child;
    int status;

    map_case_open(&c, MAP_XXH3_128, BLOCKS * BLOCK);
    old = map_case_make(&c, 1);
    child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        making = map_making_open(c.path, &c.head, old, &e);
        if (!making || !map_making_put(making, 5, 1, &entry, &e) ||
            setrlimit(RLIMIT_FSIZE, &little) != 0 || map_making_commit(making, "", 9, &e) ||
            e.kind != ERR_IO)
            _exit(1);
        err_clear(&e);
        if (map_making_put(making, BLOCKS - 1, 1, &entry, &e) || e.kind != ERR_IO)
            _exit(2);
        map_making_close(making);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    making = map_making_open(c.path, &c.head, old, &e);
    cr_assert_not_null(making, "%s", e.text);
    cr_assert(map_making_commit(making, "", 9, &e), "%s", e.text);
    map_making_close(making);
    map_file_close(old);
    old = map_case_look_up(&c);
    map_case_expect(old, 5, &entry);
    map_file_close(old);
    map_case_close(&c);
}

/* ---- The file itself ---- */

static void begin_one(struct map_case *c, bool in_order)
{
    struct map_entry entry;
    struct err e = {0};
    struct map_making *making;
    pid_t child;
    int status;

    map_case_open(c, MAP_XXH3_128, 100 * BLOCK);
    entry = map_case_of(MAP_XXH3_128, MAP_HASHED, 5, 8);
    if (in_order) {
        making = map_making_open(c->path, &c->head, NULL, &e);
        cr_assert(map_making_put(making, 5, 1, &entry, &e));
        map_making_close(making);
        return;
    }
    child = fork();
    if (child == 0) {
        making = map_making_open(c->path, &c->head, NULL, &e);
        _exit(making && map_making_put(making, 5, 1, &entry, &e) ? 0 : 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
}

static void change_file(const char *path, long at, const void *bytes, size_t count)
{
    int fd = open(path, O_RDWR);

    cr_assert_geq(fd, 0);
    cr_assert_eq(pwrite(fd, bytes, count, at), (ssize_t)count);
    close(fd);
}

static void read_file(const char *path, long at, void *bytes, size_t count)
{
    int fd = open(path, O_RDONLY);

    cr_assert_eq(pread(fd, bytes, count, at), (ssize_t)count);
    close(fd);
}

/* As a machine that was started since then would find it. */
static void change_boot(const struct map_case *c)
{
    unsigned char head[SEALED + MAP_CHECKSUM_BYTES];

    read_file(c->making, 0, head, sizeof head);
    head[BOOT_AT] ^= 1;
    map_checksum(head, SEALED, 0, head + SEALED);
    change_file(c->making, 0, head, sizeof head);
}

static enum map_state state_after(struct map_case *c)
{
    struct map_entry found, wanted = map_case_of(MAP_XXH3_128, MAP_HASHED, 5, 8);
    struct err e = {0};
    struct map_making *making = map_making_open(c->path, &c->head, NULL, &e);
    struct map_file *map;

    cr_assert_not_null(making, "%s", e.text);
    cr_assert(map_making_commit(making, "", 1, &e), "%s", e.text);
    map_making_close(making);
    map = map_case_look_up(c);
    cr_assert(map_file_look(map, 5, 1, &found, &e));
    if (found.state == MAP_HASHED)
        cr_assert(map_entry_same(&found, &wanted), "a hash that nobody put");
    map_file_close(map);
    return found.state;
}

Test(map_crash, after_a_kill_it_goes_on)
{
    struct map_case c;

    begin_one(&c, false);
    cr_assert_eq(state_after(&c), MAP_HASHED);
    map_case_close(&c);
}

Test(map_crash, after_a_crash_of_the_machine_it_begins_anew)
{
    struct map_case c;

    begin_one(&c, false);
    change_boot(&c);
    cr_assert_eq(state_after(&c), MAP_UNKNOWN);
    map_case_close(&c);
}

Test(map_crash, closed_in_order_it_outlives_a_new_boot)
{
    struct map_case c;
    unsigned char closed;

    begin_one(&c, true);
    read_file(c.making, CLOSED_AT, &closed, 1);
    cr_assert_eq(closed, 1);
    change_boot(&c);
    cr_assert_eq(state_after(&c), MAP_HASHED);
    map_case_close(&c);
}

Test(map_crash, a_torn_entry_is_unknown)
{
    for (unsigned bytes = 1; bytes < ENTRY; bytes++) {
        unsigned char none[ENTRY] = {0}, ones[ENTRY];
        struct map_case c;

        memset(ones, 0xff, sizeof ones);
        begin_one(&c, false);
        change_file(c.making, ENTRIES_AT + 5 * ENTRY + ENTRY - bytes, none, bytes);
        cr_assert_eq(state_after(&c), MAP_UNKNOWN, "without its last %u bytes", bytes);
        map_case_close(&c);
        begin_one(&c, false);
        change_file(c.making, ENTRIES_AT + 5 * ENTRY, ones, bytes);
        cr_assert_eq(state_after(&c), MAP_UNKNOWN, "with %u wrong bytes", bytes);
        map_case_close(&c);
    }
}

Test(map_crash, an_entry_of_another_block_is_unknown)
{
    unsigned char entry[ENTRY];
    struct map_case c;

    begin_one(&c, false);
    read_file(c.making, ENTRIES_AT + 5 * ENTRY, entry, sizeof entry);
    cr_assert_neq(entry[0] | entry[1] | entry[2], 0);
    change_file(c.making, ENTRIES_AT + 6 * ENTRY, entry, sizeof entry);
    cr_assert_eq(state_after(&c), MAP_HASHED);
    {
        struct map_file *map = map_case_look_up(&c);
        struct map_entry unknown = {.state = MAP_UNKNOWN};

        map_case_expect(map, 6, &unknown);
        map_file_close(map);
    }
    map_case_close(&c);
}

Test(map_crash, a_head_that_is_not_whole_begins_anew)
{
    /* behind the eight bytes without which it is somebody else's */
    for (long at = 8; at < SEALED + 16; at += 61) {
        struct map_case c;
        unsigned char byte;

        begin_one(&c, false);
        read_file(c.making, at, &byte, 1);
        byte ^= 0x40;
        change_file(c.making, at, &byte, 1);
        cr_assert_eq(state_after(&c), MAP_UNKNOWN, "byte %ld", at);
        map_case_close(&c);
    }
}

Test(map_crash, a_file_cut_anywhere_never_tells_a_wrong_hash)
{
    struct stat st;
    struct map_case c;

    begin_one(&c, false);
    cr_assert_eq(stat(c.making, &st), 0);
    map_case_close(&c);
    for (off_t cut = 0; cut <= st.st_size; cut += cut < ENTRIES_AT ? 509 : 1) {
        begin_one(&c, false);
        cr_assert_eq(truncate(c.making, cut), 0);
        (void)state_after(&c); /* asserts that a hash is the one that was put */
        map_case_close(&c);
    }
}
