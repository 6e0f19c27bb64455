/* ferry_storm_test.c - kill -9 of snapferryd's part, of its children and of the region, at moments that a
 * seed chooses: the copy comes to its end, whole, and nothing that was durable was written again.
 *
 * FERRY_STORM_SEEDS=100 does so for as many seeds; a failure names its seed. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/retry.h"
#include "tests/support/ferry_case.h"
#include "tools/controld/ferry_internal.h"

#define MIB        JOB_CASE_MIB
#define DISK       (16 * MIB)
#define KILLS      10u
#define LOOKS_MAX  60000u /* of a millisecond each: the next moment comes within a minute */
#define MOMENT_MAX 99.5   /* percent: an orphan may then come to the end, which nobody hears */

/* What the process that copies lets its parent know. */
struct shared {
    volatile double percent;
    volatile int child;
};

struct storm {
    struct ferry_case c;
    struct shared *shared;
    unsigned seed;
};

/* ---- The process that copies ---- */

static struct shared *seen; /* by the watch, in that process */

static void watch(struct ferry_case *c, const char *point, const char *disk,
                  const struct ferry_disk_view *view)
{
    (void)disk;
    if (view->percent < seen->percent)
        abort(); /* it went back */
    seen->percent = view->percent;
    seen->child = ferry_child_pid(c->ferry, point);
}

static pid_t start_snapferryd(struct storm *storm)
{
    struct ferry_case *c = &storm->c;
    struct ferry_disk disk = ferry_case_disk(&c->disks[0]);
    struct err e = {0};
    pid_t pid;

    storm->shared->child = 0; /* an orphan ends by itself */
    pid = fork();
    cr_assert(pid >= 0);
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* of a test that crashes nothing is left behind */
    seen = storm->shared;
    c->setup.reactor = c->job.region.reactor = reactor_new(REACTOR_AUTO, &c->job.region.clock, &e);
    c->watch = watch;
    ferry_case_start(c);
    c->ferry->rest_ns = NS_PER_MS;
    disk.seed_percent = storm->shared->percent;
    ferry_case_begin_one(c, "point", &disk);
    _exit(ferry_case_await_end(c, "point")->code == EVENT_SUCCEEDED ? 0 : 1);
}

/* ---- The storm ---- */

static void restart_region(struct storm *storm)
{
    struct region_process *region = &storm->c.job.region.region;
    char listen[32];
    const char *extra[] = {"--listen", listen, NULL};

    snprintf(listen, sizeof listen, "127.0.0.1:%u", region->port);
    region_kill(region);
    region_start(region, extra);
}

/* False: the copy ended before. */
static bool await_moment(const struct storm *storm, pid_t pid, double percent)
{
    for (unsigned looks = 0; storm->shared->percent < percent; looks++) {
        cr_assert_lt(looks, LOOKS_MAX, "seed %u: it stays at %.1f %%", storm->seed,
                     storm->shared->percent);
        if (waitpid(pid, NULL, WNOHANG | WNOWAIT) == pid)
            return false;
        usleep(1000);
    }
    return storm->shared->percent < 100;
}

/* Who copies then; 0: it had told the end already. */
static pid_t strike(struct storm *storm, uint64_t choice, pid_t pid)
{
    if (choice % 3 == 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return storm->shared->percent < 100 ? start_snapferryd(storm) : 0;
    }
    if (choice % 3 == 1 && storm->shared->child > 1) {
        kill(storm->shared->child, SIGKILL);
        storm->shared->child = 0; /* until the next one speaks */
    } else {
        restart_region(storm);
    }
    return pid;
}

static void storm_once(unsigned seed)
{
    struct storm storm = {.seed = seed};
    struct retry_random random = {.state = seed};
    double percent = 0;
    int status = 0;
    pid_t pid;

    storm.shared =
        mmap(NULL, sizeof *storm.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(storm.shared, MAP_FAILED);
    ferry_case_open(&storm.c);
    storm.c.setup.bytes_per_s = 4 * MIB;
    ferry_case_make(&storm.c, "one", "a", "a-copy", DISK, seed);
    pid = start_snapferryd(&storm);
    for (unsigned i = 0; i < KILLS && pid; i++) {
        percent += (double)(retry_random_next(&random) % 200) / 10;
        if (percent > MOMENT_MAX || !await_moment(&storm, pid, percent))
            break;
        pid = strike(&storm, retry_random_next(&random), pid);
    }
    cr_assert(!pid || waitpid(pid, &status, 0) == pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "seed %u: status %d", seed, status);
    job_case_expect_blob(&storm.c.job, "a-copy", DISK, seed);
    cr_assert_leq(ferry_case_put_bytes(&storm.c, "a-copy"), DISK + KILLS * MIB, "seed %u", seed);
    ferry_case_close(&storm.c);
    munmap(storm.shared, sizeof *storm.shared);
}

Test(ferry_storm, whatever_is_killed_the_copy_ends_whole)
{
    const char *given = getenv("FERRY_STORM_SEEDS");
    unsigned seeds = given ? (unsigned)strtoul(given, NULL, 10) : 2;

    for (unsigned seed = 1; seed <= seeds; seed++)
        storm_once(seed);
}
