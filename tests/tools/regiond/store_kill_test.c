/* store_kill_test.c - a process dies by SIGKILL in the middle of its work; what it had been
 * answered is there, and what it had not is either there or not, but nothing else. */
#include "tests/support/store_case.h"

#include "tools/regiond/inflight.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES   512u
#define RECORDS 4096u

/* What the child tells before (0) and after (1) each step. */
struct told {
    uint32_t step;
    uint16_t start, count;
    uint8_t done, clear, seed, snapshot;
};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void tell(int fd, const struct told *told)
{
    if (write(fd, told, sizeof *told) != (ssize_t)sizeof *told)
        _exit(2);
}

/* Writes and clears until it is killed; now and then a snapshot, deleted soon after. */
static void work(struct store_case *c, int fd, uint64_t seed)
{
    uint64_t state = seed * 0x9E3779B97F4A7C15u;
    char snapshot[STORE_SNAPSHOT_BYTES] = "";

    store_case_connect(c);
    for (uint32_t step = 0; step < RECORDS; step++) {
        struct told t = {.step = step,
                         .start = (uint16_t)(next_random(&state) % PAGES),
                         .count = (uint16_t)(1 + next_random(&state) % 40),
                         .clear = next_random(&state) % 4 == 0,
                         .seed = (uint8_t)step};

        if (t.count > PAGES - t.start)
            t.count = (uint16_t)(PAGES - t.start);
        tell(fd, &t);
        if (t.clear)
            store_case_clear(c, t.start * 512u, t.count * 512u);
        else
            store_case_write(c, t.start * 512u, t.count * 512u, t.seed);
        t.done = 1;
        tell(fd, &t);
        if (step % 17 == 5)
            store_case_take_snapshot(c, snapshot);
        if (step % 17 == 13) {
            struct store_key key = store_case_snapshot(c, snapshot);

            if (store_blob_delete(c->store, &key, NULL, STORE_DELETE_BASE) != STORE_OK)
                _exit(3);
        }
    }
    _exit(0);
}

static void play(unsigned char *bytes, const struct told *t)
{
    if (t->clear)
        memset(bytes + t->start * 512u, 0, t->count * 512u);
    else
        store_case_fill(bytes + t->start * 512u, t->start * 512u, t->count * 512u, t->seed);
}

/* Every page is as after the last answered step, or, within the one unanswered step, as that
 * step would have made it (a page being the smallest thing written). */
static void judge(const unsigned char *found, const unsigned char *answered,
                  const unsigned char *perhaps)
{
    for (size_t p = 0; p < PAGES; p++) {
        const unsigned char *page = found + p * 512;

        cr_assert(memcmp(page, answered + p * 512, 512) == 0 ||
                      memcmp(page, perhaps + p * 512, 512) == 0,
                  "page %zu is neither old nor new", p);
    }
}

static unsigned kill_once(uint64_t seed)
{
    unsigned char *answered = calloc(PAGES, 512), *perhaps = malloc(PAGES * 512);
    unsigned char *first = NULL;
    struct store_case c = {0};
    unsigned done_count = 0;
    struct told t;
    int ends[2];
    pid_t child;

    store_case_open(&c);
    store_case_create(&c, PAGES * 512);
    store_close(c.store);
    cr_assert_eq(pipe(ends), 0);
    child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        close(ends[0]);
        work(&c, ends[1], seed);
    }
    close(ends[1]);
    memset(&t, 0, sizeof t);
    while (read(ends[0], &t, sizeof t) == (ssize_t)sizeof t) {
        if (!t.done)
            continue;
        play(answered, &t);
        if (++done_count == 1 + seed * 7 % 90)
            kill(child, SIGKILL); /* and read on: what it said before it died counts */
    }
    memcpy(perhaps, answered, PAGES * 512);
    if (!t.done)
        play(perhaps, &t);
    close(ends[0]);
    waitpid(child, NULL, 0);

    store_case_connect(&c);
    for (unsigned spans = 0; spans < 2; spans++) {
        uint64_t size;
        unsigned char *found = store_case_read(&c, NULL, spans != 0, &size);

        cr_assert_eq(size, PAGES * 512);
        judge(found, answered, perhaps);
        if (first)
            cr_assert_eq(memcmp(first, found, size), 0);
        free(first);
        first = found;
    }
    free(first);
    store_case_close(&c);
    free(answered);
    free(perhaps);
    return done_count;
}

Test(store_kill, nothing_answered_is_lost_and_nothing_unanswered_is_half_seen)
{
    unsigned steps = 0;

    for (uint64_t seed = 1; seed <= 24; seed++)
        steps += kill_once(seed);
    cr_assert_gt(steps, 24 * 10);
}

/* The moment between bytes and record, made by hand: the bytes are in the file, the slot is
 * filled, and no record knows. */
Test(store_kill, bytes_without_a_record_are_never_met)
{
    unsigned char junk[4096], *found;
    struct inflight *inflight;
    struct store_case c = {0};
    uint64_t size;
    uint32_t slot;
    int folder_fd, fd;

    store_case_open(&c);
    store_case_create(&c, PAGES * 512);
    store_case_write(&c, 8192, 4096, 1);
    store_close(c.store);
    memset(junk, 0xEE, sizeof junk);
    folder_fd = open(c.folder, O_RDONLY | O_DIRECTORY);
    fd = openat(folder_fd, "blobs/0000000000000001/000001.0", O_RDWR);
    cr_assert_geq(fd, 0);
    cr_assert_eq(pwrite(fd, junk, sizeof junk, 4096), (ssize_t)sizeof junk);
    inflight = inflight_open(folder_fd, STORE_BLOBS_MAX, false);
    cr_assert(inflight_take(inflight, &slot));
    cr_assert(inflight_fill(inflight, slot, 1, 4096 / 512, 3 * 4096 / 512));
    inflight_close(inflight);
    close(fd);
    close(folder_fd);

    store_case_connect(&c);
    found = store_case_read(&c, NULL, true, &size);
    for (unsigned i = 0; i < 8192; i++)
        cr_assert_eq(found[i], 0);
    store_case_fill(junk, 8192, 4096, 1);
    cr_assert_eq(memcmp(found + 8192, junk, 4096), 0); /* what was recorded stays */
    free(found);
    store_case_close(&c);
}

Test(store_kill, what_a_dead_process_left_unfinished_is_cleaned_up)
{
    struct store_case c = {0};
    struct store_properties properties;
    char path[400];

    store_case_open(&c);
    store_case_create(&c, PAGES * 512);
    store_case_write(&c, 0, 4096, 1);
    store_close(c.store);
    snprintf(path, sizeof path, "%s/blobs/0000000000000007.new", c.folder);
    cr_assert_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/blobs/0000000000000008.gone", c.folder);
    cr_assert_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/blobs/0000000000000001/000009.0", c.folder);
    cr_assert_geq(close(open(path, O_CREAT | O_RDWR, 0600)), 0);

    store_case_connect(&c);
    cr_assert_neq(access(path, F_OK), 0); /* a layer that no record knows */
    snprintf(path, sizeof path, "%s/blobs/0000000000000007.new", c.folder);
    cr_assert_neq(access(path, F_OK), 0);
    snprintf(path, sizeof path, "%s/blobs/0000000000000008.gone", c.folder);
    cr_assert_neq(access(path, F_OK), 0);
    cr_assert_eq(store_blob_get(c.store, &c.key, NULL, &properties), STORE_OK);
    store_properties_fini(&properties);
    store_case_close(&c);
}

Test(store_kill, a_second_server_is_refused_the_folder)
{
    struct store_case c = {0};
    struct store_config config;
    char text[200];

    store_case_open(&c);
    memset(&config, 0, sizeof config);
    config.folder = c.folder;
    cr_assert_null(store_open(&config, text, sizeof text));
    cr_assert_not_null(strstr(text, "in use"));
    store_case_close(&c);
}
