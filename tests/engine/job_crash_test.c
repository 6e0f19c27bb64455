/* job_crash_test.c - kill -9 in the midst of many disks: the same job again finishes, nothing is repeated. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/job_case.h"

#define DISKS      64u
#define DISK_BYTES JOB_CASE_MIB

/* Each disk needs eight requests, and the slow half comes later: some are complete, some half, some not begun
 * when the process ends. */
static void fill_job(struct job_case *c, char snapshots[DISKS][64], int64_t life_s)
{
    char id[16], target[16];

    job_case_point(c, "rp");
    c->spec.limits.blob_bytes_per_s = 2 * JOB_CASE_MIB;
    for (uint32_t i = 0; i < DISKS; i++) {
        snprintf(id, sizeof id, "d%u", i);
        snprintf(target, sizeof target, "t%u", i);
        job_case_disk(c, id, job_case_url(c, id, snapshots[i], "r", life_s),
                      job_case_url(c, target, NULL, "racwd", life_s));
    }
}

/* In the process that is to be killed: a dozen disks are told to be half done, or one has ended. */
static void kill_in_the_midst(struct job_case *c, const struct event *event)
{
    uint32_t far = 0;

    if (event->kind != EVENT_PROGRESS || event->progress.percent < 50)
        return;
    for (uint32_t i = 0; i < c->events_count; i++)
        far += c->events[i].kind == EVENT_PROGRESS && c->events[i].progress.percent >= 50;
    if (far >= 12)
        raise(SIGKILL);
}

Test(job_crash, finishes_sixty_four_disks_and_repeats_nothing_durable)
{
    static char snapshots[DISKS][64];
    struct job_case c;
    uint64_t resumed = 0, written = 0;
    char id[16];

    job_case_open(&c, NULL);
    for (uint32_t i = 0; i < DISKS; i++) {
        snprintf(id, sizeof id, "d%u", i);
        job_case_blob(&c, id, DISK_BYTES, i + 1);
        job_case_snapshot(&c, id, snapshots[i]);
    }
    fill_job(&c, snapshots, 3600);
    c.watch = kill_in_the_midst;
    cr_assert(job_case_run_apart(&c), "it ended before it could be killed");
    c.watch = NULL;

    job_case_forget(&c);
    fill_job(&c, snapshots, 7200); /* other SAS, the same disks */
    c.spec.limits.blob_bytes_per_s = 0;
    cr_assert_eq(job_case_run(&c), 0);
    for (uint32_t i = 0; i < DISKS; i++) {
        const struct job_case_event *summary;

        snprintf(id, sizeof id, "d%u", i);
        summary = job_case_summary(&c, id);
        cr_assert_eq(summary->copy.resumed_bytes + summary->copy.written_bytes, DISK_BYTES,
                     "%s: %llu resumed, %llu written", id,
                     (unsigned long long)summary->copy.resumed_bytes,
                     (unsigned long long)summary->copy.written_bytes);
        resumed += summary->copy.resumed_bytes;
        written += summary->copy.written_bytes;
        snprintf(id, sizeof id, "t%u", i);
        job_case_expect_blob(&c, id, DISK_BYTES, i + 1);
    }
    cr_assert_gt(resumed, 0u);
    cr_assert_lt(written, DISKS * DISK_BYTES);
    job_case_close(&c);
}
