/* catalog_kill_test.c - a writer killed at random moments loses nothing that it committed and shows nothing
 * half, and what it left can be gone on with. Must not know: SQL. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/catalog_case.h"
#include "tools/controld/catalog_collections.h"

#define KILLS        25u
#define DISKS        3u
#define LIFE_MAX_US  60000u /* of a writer, from its first word on */
#define START_MAX_US 15000u /* of one that is killed as it begins */
#define SEED         20261121u

static struct catalog_case k;
static struct err e;

static void kill_begin(void)
{
    catalog_case_begin(&k);
}

static void kill_end(void)
{
    catalog_case_end(&k);
}

TestSuite(catalog_kill, .init = kill_begin, .fini = kill_end, .timeout = 240);

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* One transaction: restore point n with its disks, the collection's tags say n; every third time it is
 * the point before that goes away instead. */
static void write_point(struct catalog *c, unsigned n)
{
    char point[CATALOG_CASE_ID_BYTES], disk[CATALOG_CASE_ID_BYTES], tags[32];

    snprintf(tags, sizeof tags, "%u", n);
    catalog_case_ok(catalog_begin(c, &e), &e);
    catalog_case_ok(catalog_collection_set_tags(c, CATALOG_CASE_COLLECTION, tags, &e), &e);
    catalog_case_point_id(point, CATALOG_CASE_COLLECTION, n % 3 ? n : n - 1);
    if (n % 3)
        catalog_case_put_point(c, CATALOG_CASE_COLLECTION, point);
    for (unsigned i = 0; i < DISKS; i++) {
        catalog_case_disk_point_id(disk, point, i);
        if (n % 3)
            catalog_case_put_disk_point(c, point, disk);
        else
            catalog_case_ok(catalog_disk_point_delete(c, disk, &e), &e);
    }
    if (n % 3 == 0)
        catalog_case_ok(catalog_point_delete(c, point, &e), &e);
    catalog_case_ok(catalog_commit(c, &e), &e);
}

/* From now on, in this process: SIGKILL in so many microseconds, wherever it then is. */
static void kill_me_in(uint64_t us)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    struct itimerspec life = {.it_value = {.tv_nsec = (long)us * 1000 + 1}};
    timer_t timer;

    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
        timer_settime(timer, 0, &life, NULL) != 0)
        _exit(1);
}

/* Writes from first on, and says each number once it is committed; until killed: some time after the
 * first word, or at once, while it puts in order what the one before it left. */
static void writer(unsigned first, bool at_once, uint64_t random, int said)
{
    if (at_once)
        kill_me_in(random % START_MAX_US);
    catalog_case_open(&k);
    for (unsigned n = first;; n++) {
        write_point(k.catalog, n);
        if (write(said, &n, sizeof n) != sizeof n)
            _exit(1);
        if (n == first && !at_once)
            kill_me_in(random % LIFE_MAX_US);
    }
}

/* The last number a writer said before it was killed. */
static unsigned run_writer(unsigned first, bool at_once, uint64_t *random)
{
    uint64_t moment = next_random(random);
    unsigned said = first - 1, word;
    int pipes[2], status = 0;
    pid_t pid;

    cr_assert_eq(pipe(pipes), 0);
    pid = fork();
    if (pid == 0) {
        close(pipes[0]);
        writer(first, at_once, moment, pipes[1]);
    }
    cr_assert_gt(pid, 0);
    close(pipes[1]);
    while (read(pipes[0], &word, sizeof word) == sizeof word)
        said = word;
    close(pipes[0]);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the writer failed by itself");
    return said;
}

/* Whether point n is there; if so with all its disks, if not with none. */
static bool point_is_whole(unsigned n)
{
    static const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    struct catalog_disk_point_list disks = {.rows = NULL};
    struct catalog_point point = {.id = NULL};
    char id[CATALOG_CASE_ID_BYTES];
    bool there;

    catalog_case_point_id(id, CATALOG_CASE_COLLECTION, n);
    catalog_case_ok(catalog_point_get(k.catalog, id, &point, &e), &e);
    catalog_case_ok(catalog_disk_point_list(k.catalog, id, &all, &disks, &e), &e);
    there = point.id != NULL;
    cr_expect_eq(disks.count, there ? DISKS : 0, "half of transaction %u", n);
    catalog_point_fini(&point);
    catalog_disk_point_list_fini(&disks);
    return there;
}

/* What was committed last: said, or the one after it, whose commit was not told any more. */
static unsigned check_left(unsigned said)
{
    struct catalog_collection collection = {.id = NULL};
    unsigned last;

    catalog_case_open(&k);
    catalog_case_ok(catalog_collection_get(k.catalog, CATALOG_CASE_COLLECTION, &collection, &e),
                    &e);
    cr_assert_not_null(collection.tags);
    last = (unsigned)strtoul(collection.tags, NULL, 10);
    catalog_collection_fini(&collection);
    cr_assert(last == said || last == said + 1, "said %u, found %u", said, last);
    for (unsigned n = 1; n <= last + 1; n++) {
        bool wanted = n <= last && (n % 3 == 1 || (n % 3 == 2 && n == last));

        cr_expect_eq(point_is_whole(n), wanted, "transaction %u of %u", n, last);
    }
    catalog_case_close(&k);
    return last;
}

Test(catalog_kill, a_killed_writer_loses_nothing_committed_and_shows_nothing_half)
{
    uint64_t random = SEED;
    unsigned last = 0;

    catalog_case_open(&k);
    catalog_case_ok(catalog_begin(k.catalog, &e), &e);
    catalog_case_put_collection(k.catalog, CATALOG_CASE_COLLECTION);
    catalog_case_ok(catalog_collection_set_tags(k.catalog, CATALOG_CASE_COLLECTION, "0", &e), &e);
    catalog_case_ok(catalog_commit(k.catalog, &e), &e);
    catalog_case_close(&k);
    for (unsigned i = 0; i < KILLS; i++)
        last = check_left(run_writer(last + 1, i % 2, &random));
    cr_expect_geq(last, KILLS / 2, "each writer that was let said at least one");
}

Test(catalog_kill, a_first_start_that_is_killed_can_be_tried_again)
{
    uint64_t random = SEED + 1;

    for (unsigned i = 0; i < KILLS; i++) {
        uint64_t moment = next_random(&random);
        int status = 0;
        pid_t pid = fork();

        if (pid == 0) {
            kill_me_in(moment % START_MAX_US);
            catalog_case_open(&k);
            _exit(0);
        }
        cr_assert_gt(pid, 0);
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "the start failed by itself");
        catalog_case_open(&k);
        catalog_case_end(&k);
        catalog_case_begin(&k);
    }
}
