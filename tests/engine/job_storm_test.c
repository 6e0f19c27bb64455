/* job_storm_test.c - commands at random moments, in right and wrong states, while hosts fail: all ends. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/retry.h"
#include "tests/support/job_case.h"

#define DISKS      24u
#define DISK_BYTES (JOB_CASE_MIB / 2)
#define VERBS      400u

/* A twentieth of all requests is refused for a moment, some bytes are damaged, some URLs are refused. */
#define WEATHER                                                                                    \
    "{\"seed\":%llu,\"rules\":["                                                                   \
    "{\"after\":100,\"probability\":0.03,\"fault\":\"status\",\"status\":503},"                    \
    "{\"match\":{\"method\":\"GET\"},\"probability\":0.02,\"fault\":\"corruptBody\"},"             \
    "{\"match\":{\"comp\":\"page\"},\"after\":30,\"probability\":0.02,\"fault\":\"lostAnswer\"},"  \
    "{\"match\":{\"method\":\"GET\"},\"probability\":0.3,\"fault\":\"delay\",\"ms\":30},"          \
    "{\"after\":100,\"probability\":0.005,\"fault\":\"status\",\"status\":403}]}"

struct storm {
    struct job_case c;
    struct retry_random random;
    char snapshots[DISKS][64];
};

static void one_verb(struct storm *storm, uint32_t disk, uint32_t draw)
{
    char id[16], name[16];
    struct control control = {.disk = id, .side = draw % 2 ? ACCESS_SOURCE : ACCESS_TARGET};
    static const enum control_verb verbs[] = {CONTROL_PAUSE,        CONTROL_PAUSE,
                                              CONTROL_RESUME,       CONTROL_RESUME,
                                              CONTROL_RENEW_ACCESS, CONTROL_RENEW_ACCESS,
                                              CONTROL_SET_PRIORITY, CONTROL_STATUS,
                                              CONTROL_CANCEL};

    control.verb = verbs[draw / 2 % (sizeof verbs / sizeof verbs[0])];
    control.priority = 1 + draw % 5;
    if (control.verb == CONTROL_CANCEL && disk % 8)
        return; /* a few only */
    snprintf(id, sizeof id, "d%u", disk);
    snprintf(name, sizeof name, draw % 2 ? "d%u" : "t%u", disk);
    control.url =
        (char *)(draw % 2 ? job_case_url(&storm->c, name, storm->snapshots[disk], "r", 600)
                          : job_case_url(&storm->c, name, NULL, "racwd", 600));
    job_control(storm->c.job, &control, draw);
}

static bool is_over(const struct storm *storm, uint32_t disk)
{
    struct job_disk_view view;

    job_look(storm->c.job, disk, &view);
    return view.code == EVENT_SUCCEEDED || view.code == EVENT_FAILED || view.code == EVENT_CANCELED;
}

/* The weather is over for those who wait: what is paused goes on, what waits gets its URL. */
static void help(struct storm *storm)
{
    for (uint32_t i = 0; i < DISKS && !storm->c.ended; i++) {
        if (is_over(storm, i))
            continue;
        one_verb(storm, i, 4);  /* resume */
        one_verb(storm, i, 9);  /* renewAccess of the source */
        one_verb(storm, i, 10); /* of the target */
    }
}

/* ---- The job ---- */

static void begin(struct storm *storm, uint64_t seed)
{
    char faults[1024], id[16];

    snprintf(faults, sizeof faults, WEATHER, (unsigned long long)seed);
    job_case_open(&storm->c, faults);
    storm->random.state = seed;
    for (uint32_t i = 0; i < DISKS; i++) {
        snprintf(id, sizeof id, "d%u", i);
        job_case_blob(&storm->c, id, DISK_BYTES, i + 1);
        job_case_snapshot(&storm->c, id, storm->snapshots[i]);
    }
}

static void fill(struct storm *storm)
{
    char id[16], target[16];

    for (uint32_t i = 0; i < DISKS; i++) {
        snprintf(id, sizeof id, "rp%u", i / 8);
        if (i % 8 == 0)
            job_case_point(&storm->c, id);
        snprintf(id, sizeof id, "d%u", i);
        snprintf(target, sizeof target, "t%u", i);
        job_case_disk(&storm->c, id, job_case_url(&storm->c, id, storm->snapshots[i], "r", 3600),
                      job_case_url(&storm->c, target, NULL, "racwd", 3600))
            ->verify = i % 3 == 0;
    }
}

static void turn(struct storm *storm, uint64_t wait_ns)
{
    struct err e = {0};

    cr_assert(reactor_turn(storm->c.region.reactor, wait_ns, &e), "%s", e.text);
}

static int run_to_the_end(struct storm *storm)
{
    struct reactor *r = storm->c.region.reactor;
    uint64_t limit_ns = reactor_now_ns(r) + 180 * NS_PER_S, next_ns = 0;

    while (!storm->c.ended) {
        cr_assert_lt(reactor_now_ns(r), limit_ns, "the job does not end");
        if (reactor_now_ns(r) >= next_ns) {
            help(storm);
            next_ns = reactor_now_ns(r) + 500 * NS_PER_MS;
        }
        turn(storm, 100 * NS_PER_MS);
    }
    return job_case_finish(&storm->c);
}

/* ---- What must hold ---- */

static void expect_units(const struct storm *storm)
{
    for (uint32_t point = 0; point < DISKS / 8; point++) {
        bool failed = false, canceled = false;
        enum event_code code;
        char id[16];

        for (uint32_t i = point * 8; i < point * 8 + 8; i++) {
            snprintf(id, sizeof id, "d%u", i);
            code = job_case_summary(&storm->c, id)->code;
            failed |= code == EVENT_FAILED;
            canceled |= code == EVENT_CANCELED;
        }
        snprintf(id, sizeof id, "rp%u", point);
        code = job_case_point_summary(&storm->c, id)->code;
        cr_assert_eq(code, failed ? EVENT_FAILED : canceled ? EVENT_CANCELED : EVENT_SUCCEEDED);
    }
}

/* Read from a region in fine weather. */
static void expect_targets(struct storm *storm)
{
    const char *extra[] = {"--account", BENCH_ACCOUNT ":env:SNAPFERRY_TEST_KEY", NULL};
    uint32_t good = 0;
    char id[16];

    region_stop(&storm->c.region.region);
    region_start(&storm->c.region.region, extra);
    for (uint32_t i = 0; i < DISKS; i++) {
        snprintf(id, sizeof id, "d%u", i);
        if (job_case_summary(&storm->c, id)->code != EVENT_SUCCEEDED)
            continue;
        snprintf(id, sizeof id, "t%u", i);
        job_case_expect_blob(&storm->c, id, DISK_BYTES, i + 1);
        good++;
    }
    cr_assert_gt(good, DISKS / 4, "only %u disks were copied", good);
}

static void storm_of(uint64_t seed, bool stop)
{
    static struct storm storm;

    memset(&storm, 0, sizeof storm);
    begin(&storm, seed);
    fill(&storm);
    job_case_start(&storm.c);
    for (uint32_t i = 0; i < VERBS && !storm.c.ended; i++) {
        uint64_t draw = retry_random_next(&storm.random);

        one_verb(&storm, (uint32_t)(draw % DISKS), (uint32_t)(draw >> 32));
        turn(&storm, (draw >> 20) % 4 * NS_PER_MS);
    }
    if (stop) {
        job_stop(storm.c.job);
        cr_assert_neq(job_case_finish(&storm.c), 0);
        job_case_forget(&storm.c);
        fill(&storm);
        job_case_start(&storm.c);
    }
    run_to_the_end(&storm);
    expect_units(&storm);
    expect_targets(&storm);
    job_case_close(&storm.c);
}

Test(job_storm, every_disk_ends_whatever_is_commanded)
{
    storm_of(1, false);
}

Test(job_storm, is_stopped_in_it_and_gone_on_with)
{
    storm_of(2, true);
}
