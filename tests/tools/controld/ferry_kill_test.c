/* ferry_kill_test.c - processes that die: a child, again and again; snapferryd itself, in order or by kill
 * -9. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/ferry_case.h"
#include "tools/controld/ferry_internal.h"

#define MIB  JOB_CASE_MIB
#define DISK (16 * MIB)

static void open_slow(struct ferry_case *c)
{
    ferry_case_open(c);
    c->setup.bytes_per_s = 4 * MIB;
    ferry_case_make(c, "one", "a", "a-copy", DISK, 1);
}

/* What was durable was not written again: only what a kill found in flight, a tenth of a second of the cap
 * or two and a listing's footer, may have been. */
static void expect_copied_once(struct ferry_case *c, uint64_t kills)
{
    job_case_expect_blob(&c->job, "a-copy", DISK, 1);
    cr_assert_leq(ferry_case_put_bytes(c, "a-copy"), DISK + kills * 2 * MIB);
}

Test(ferry_kill, a_killed_child_is_started_again_and_goes_on)
{
    struct ferry_case c;
    size_t at;
    int pid;

    open_slow(&c);
    ferry_case_start(&c);
    ferry_case_begin(&c, "point", "one");
    ferry_case_await_percent(&c, "one", 40);
    pid = ferry_child_pid(c.ferry, "point");
    ferry_case_kill(&c, "point");
    at = ferry_case_await(&c, 0, "one", EVENT_PENDING, "signal 9");
    cr_assert_geq(c.told[at].percent, 40);
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_SUCCEEDED);
    cr_assert_neq(ferry_child_pid(c.ferry, "point"), pid);
    expect_copied_once(&c, 1);
    cr_assert_geq(ferry_case_last(&c, "one")->outcome.resumed_bytes, DISK / 4);
    ferry_case_close(&c);
}

/* It stands still, as on a disk that hangs; the real one answers when it is asked, and is left alone. */
Test(ferry_kill, a_child_that_hangs_is_replaced_and_one_that_answers_is_not)
{
    struct ferry_case c;
    int pid;

    open_slow(&c);
    ferry_case_start(&c);
    c.ferry->pulse_ns = 50 * NS_PER_MS;
    ferry_case_begin(&c, "point", "one");
    ferry_case_await_percent(&c, "one", 40);
    pid = ferry_child_pid(c.ferry, "point");
    cr_assert_eq(kill(pid, SIGSTOP), 0);
    c.ferry->mute_ns = 3 * NS_PER_S;
    ferry_case_await(&c, 0, "one", EVENT_PENDING, "did not answer");
    c.ferry->mute_ns = FERRY_MUTE_NS;
    ferry_case_await_gone(&c, pid);
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_SUCCEEDED);
    expect_copied_once(&c, 1);
    ferry_case_close(&c);
}

Test(ferry_kill, children_killed_over_and_over_end_with_a_whole_target)
{
    struct ferry_case c;
    unsigned kills = 0;

    open_slow(&c);
    ferry_case_start(&c);
    c.ferry->rest_ns = NS_PER_MS;
    ferry_case_begin(&c, "point", "one");
    for (double percent = 1; percent < 90; percent += 9, kills++) {
        ferry_case_await_percent(&c, "one", percent);
        while (!ferry_child_pid(c.ferry, "point") && ferry_has(c.ferry, "point"))
            ferry_case_turn(&c);
        if (!ferry_has(c.ferry, "point"))
            break;
        ferry_case_kill(&c, "point");
    }
    cr_assert_geq(kills, 5u);
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_SUCCEEDED);
    expect_copied_once(&c, kills);
    ferry_case_close(&c);
}

Test(ferry_kill, a_stop_lets_children_record_and_the_next_goes_on)
{
    struct ferry_case c;
    struct ferry_disk disk;
    double percent;
    int pid;

    open_slow(&c);
    ferry_case_start(&c);
    ferry_case_begin(&c, "point", "one");
    ferry_case_await_percent(&c, "one", 40);
    pid = ferry_child_pid(c.ferry, "point");
    ferry_case_stop(&c);
    cr_assert_eq(c.ends_count, 0u, "a point that was stopped has not ended");
    cr_assert_neq(kill(pid, 0), 0);
    percent = c.disks[0].percent;

    ferry_case_start(&c);
    disk = ferry_case_disk(&c.disks[0]);
    disk.seed_percent = percent;
    ferry_case_begin_one(&c, "point", &disk);
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_SUCCEEDED);
    cr_assert_leq(ferry_case_put_bytes(&c, "a-copy"), DISK + MIB / 2, "what was drained is lost");
    expect_copied_once(&c, 0);
    ferry_case_close(&c);
}

Test(ferry_kill, what_is_dropped_at_any_moment_leaves_no_process_and_the_next_goes_on)
{
    struct ferry_case c;
    int pid;

    open_slow(&c);
    ferry_case_start(&c);
    ferry_case_begin(&c, "point", "one");
    ferry_case_drop(&c); /* nothing of it was looked at yet */
    ferry_case_start(&c);
    ferry_case_begin(&c, "point", "one");
    while (!(pid = ferry_child_pid(c.ferry, "point")))
        ferry_case_turn(&c);
    ferry_case_drop(&c); /* its job is on its way */
    cr_assert_neq(kill(pid, 0), 0);
    ferry_case_start(&c);
    ferry_case_begin(&c, "point", "one");
    ferry_case_await_percent(&c, "one", 30);
    pid = ferry_child_pid(c.ferry, "point");
    ferry_case_drop(&c);
    cr_assert_neq(kill(pid, 0), 0);
    ferry_case_start(&c);
    ferry_case_begin(&c, "point", "one");
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_SUCCEEDED);
    expect_copied_once(&c, 2);
    ferry_case_close(&c);
}

/* A snapferryd that was killed before it wrote down the end, or whose orphan came to it. */
Test(ferry_kill, a_disk_whose_end_nobody_heard_is_not_copied_again)
{
    struct ferry_case c;

    open_slow(&c);
    c.setup.bytes_per_s = 0;
    ferry_case_start(&c);
    ferry_case_begin(&c, "point", "one");
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_SUCCEEDED);
    c.ends_count = 0;
    ferry_case_begin(&c, "point", "one");
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_SUCCEEDED);
    cr_assert_eq(strncmp(ferry_case_last(&c, "one")->outcome.root, "sha256:", 7), 0);
    cr_assert_eq(ferry_case_last(&c, "one")->outcome.read_bytes, 0u);
    expect_copied_once(&c, 0);
    ferry_case_close(&c);
}

static void on_stopped(void *arg)
{
    *(bool *)arg = true;
}

Test(ferry_kill, a_stop_begins_nothing_more_and_ends_at_once_where_nothing_runs)
{
    struct ferry_case c;
    struct ferry_disk disk;
    struct ferry_point point = {.id = "later", .disks = &disk, .disks_count = 1};
    struct err e = {0};
    bool stopped = false;

    open_slow(&c);
    c.setup.children_max = 1;
    ferry_case_start(&c);
    ferry_case_begin(&c, "waits", "one");
    ferry_stop(c.ferry, on_stopped, &stopped);
    disk = ferry_case_disk(&c.disks[0]);
    cr_assert_not(ferry_begin(c.ferry, &point, &e));
    cr_assert_eq(e.kind, ERR_CANCELED);
    cr_assert_not(stopped, "told from inside of stop");
    while (!stopped)
        ferry_case_turn(&c);
    cr_assert_eq(ferry_case_put_bytes(&c, "a-copy"), 0u);
    ferry_case_drop(&c);
    ferry_case_close(&c);
}

/* ---- snapferryd is killed ---- */

/* Its child stands still, so that it is certain to be there yet when it has become an orphan. */
static void die_at_30_percent(struct ferry_case *c, const char *point, const char *disk,
                              const struct ferry_disk_view *view)
{
    (void)disk;
    if (view->percent < 30)
        return;
    kill(ferry_child_pid(c->ferry, point), SIGSTOP);
    kill(getpid(), SIGKILL);
}

/* Another process copies until that. A ring is nothing that two processes could share. */
static void run_a_snapferryd_that_dies(struct ferry_case *c)
{
    struct err e = {0};
    int status = 0;
    pid_t pid = fork();

    cr_assert(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* of a test that crashes nothing is left behind */
        c->setup.reactor = c->job.region.reactor =
            reactor_new(REACTOR_AUTO, &c->job.region.clock, &e);
        c->watch = die_at_30_percent;
        ferry_case_start(c);
        ferry_case_begin(c, "point", "one");
        ferry_case_await_end(c, "point");
        _exit(1);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static int orphan_of(const struct ferry_case *c, const char *point)
{
    char *path = ferry_place(c->folder, FERRY_LOCKS, point, NULL);
    FILE *file = path ? fopen(path, "r") : NULL;
    int pid = 0;

    cr_assert_not_null(file);
    cr_assert_eq(fscanf(file, "%d", &pid), 1);
    fclose(file);
    free(path);
    return pid;
}

Test(ferry_kill, an_orphan_is_waited_for_and_fights_nobody)
{
    struct ferry_case c;
    int orphan;

    open_slow(&c);
    run_a_snapferryd_that_dies(&c);
    orphan = orphan_of(&c, "point");
    cr_assert_eq(kill(orphan, 0), 0);
    ferry_case_start(&c);
    ferry_case_begin(&c, "point", "one");
    ferry_case_await(&c, 0, "one", EVENT_PENDING, "earlier copying process");
    cr_assert_eq(ferry_child_pid(c.ferry, "point"), 0);
    cr_assert_eq(kill(orphan, SIGCONT), 0);
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_SUCCEEDED);
    cr_assert_geq(ferry_case_last(&c, "one")->outcome.resumed_bytes, DISK / 4);
    expect_copied_once(&c, 0);
    ferry_case_close(&c);
}

Test(ferry_kill, an_orphan_that_does_not_end_is_killed)
{
    struct ferry_case c;
    int orphan;

    open_slow(&c);
    run_a_snapferryd_that_dies(&c);
    orphan = orphan_of(&c, "point");
    ferry_case_start(&c);
    c.ferry->orphan_ns = 200 * NS_PER_MS;
    ferry_case_begin(&c, "point", "one");
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_SUCCEEDED);
    ferry_case_await_gone(&c, orphan);
    expect_copied_once(&c, 1);
    ferry_case_close(&c);
}

Test(ferry_kill, what_waits_for_an_orphan_can_be_canceled_and_the_orphan_still_counts)
{
    struct ferry_case c;
    struct err e = {0};
    int orphan;

    open_slow(&c);
    run_a_snapferryd_that_dies(&c);
    orphan = orphan_of(&c, "point");
    ferry_case_start(&c);
    ferry_case_begin(&c, "point", "one");
    ferry_case_await(&c, 0, "one", EVENT_PENDING, "earlier copying process");
    cr_assert(ferry_cancel(c.ferry, "point", &e), "%s", e.text);
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_CANCELED);
    ferry_case_begin(&c, "point", "one");
    ferry_case_await(&c, c.told_count, "one", EVENT_PENDING, "earlier copying process");
    cr_assert_eq(kill(orphan, SIGKILL), 0);
    c.ends_count = 0;
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_SUCCEEDED);
    job_case_expect_blob(&c.job, "a-copy", DISK, 1);
    ferry_case_close(&c);
}
