/* job_test.c - many disks as one: states in order, units, a disk that fails alone, what is gone on with. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/support/job_case.h"

#define DISK_BYTES (2 * JOB_CASE_MIB)

/* Files s0.., to t0..; ids d0... */
static void add_files(struct job_case *c, uint32_t first, uint32_t count)
{
    char id[16], source[16], target[16];

    for (uint32_t i = first; i < first + count; i++) {
        snprintf(id, sizeof id, "d%u", i);
        snprintf(source, sizeof source, "s%u", i);
        snprintf(target, sizeof target, "t%u", i);
        job_case_disk(c, id, job_case_file(c, source, DISK_BYTES, i + 1), job_case_path(c, target));
    }
}

Test(job, copies_every_disk_and_tells_its_states_in_order)
{
    struct job_case c;
    uint32_t at;

    job_case_open(&c, NULL);
    job_case_point(&c, "rp");
    add_files(&c, 0, 3);
    c.spec.disks[1].verify = true;
    job_case_start(&c);
    for (uint32_t i = 0; i < 3; i++) {
        char id[16];

        snprintf(id, sizeof id, "d%u", i);
        at = job_case_await(&c, 0, EVENT_STATE, id, EVENT_PENDING);
        at = job_case_await(&c, at, EVENT_STATE, id, EVENT_IN_PROGRESS);
        at = job_case_await(&c, at, EVENT_STATE, id, EVENT_SUCCEEDED);
        at = job_case_await(&c, at, EVENT_PROGRESS, id, EVENT_SUCCEEDED);
        cr_expect_eq(c.events[at].progress.percent, 100.0, "who looks at percent alone");
        at = job_case_await(&c, at, EVENT_SUMMARY, id, EVENT_SUCCEEDED);
        cr_assert_eq(c.events[at].progress.percent, 100.0);
        cr_assert(c.events[at].has_copy && c.events[at].copy.committed);
        cr_assert_eq(c.events[at].copy.written_bytes, DISK_BYTES);
        cr_assert_str_not_empty(c.events[at].copy.root);
        cr_assert_eq(c.events[at].attempts, 1u);
    }
    at = job_case_await(&c, 0, EVENT_STATE, NULL, EVENT_IN_PROGRESS);
    at = job_case_await(&c, at, EVENT_SUMMARY, NULL, EVENT_SUCCEEDED);
    cr_assert_eq(at, c.events_count - 1, "the restore point's summary comes last");
    cr_assert_str_eq(c.events[at].point, "rp");
    cr_assert_eq(job_case_finish(&c), 0);
    for (uint32_t i = 0; i < 3; i++) {
        char source[16], target[16];

        snprintf(source, sizeof source, "s%u", i);
        snprintf(target, sizeof target, "t%u", i);
        job_case_same_files(&c, source, target);
    }
    job_case_close(&c);
}

Test(job, fails_one_restore_point_and_not_the_other)
{
    struct job_case c;
    const struct job_case_event *failed;

    job_case_open(&c, NULL);
    job_case_point(&c, "good");
    add_files(&c, 0, 2);
    job_case_point(&c, "bad");
    add_files(&c, 2, 1);
    job_case_disk(&c, "lost", job_case_path(&c, "nowhere"), job_case_path(&c, "t-lost"));
    cr_assert_eq(job_case_run(&c), 1);
    cr_assert_eq(job_case_point_summary(&c, "good")->code, EVENT_SUCCEEDED);
    cr_assert_eq(job_case_point_summary(&c, "bad")->code, EVENT_FAILED);
    cr_assert_eq(job_case_summary(&c, "d2")->code, EVENT_SUCCEEDED, "a sibling goes on");
    failed = job_case_summary(&c, "lost");
    cr_assert_eq(failed->code, EVENT_FAILED);
    cr_assert(strstr(failed->message, "nowhere"), "%s", failed->message);
    cr_assert_eq(failed->attempts, 1u, "it was tried again, which cannot help");
    job_case_close(&c);
}

/* Damaged bytes are tried four times by the copy itself; then the disk is begun again by the job. */
Test(job, begins_a_disk_again_alone)
{
    struct job_case c;
    const struct job_case_event *summary;

    job_case_open(&c, "{\"seed\":1,\"rules\":[{\"match\":{\"method\":\"GET\",\"blob\":\"sick\","
                      "\"comp\":\"\"},\"times\":5,\"fault\":\"corruptBody\"}]}");
    job_case_blob(&c, "sick", JOB_CASE_MIB, 1);
    job_case_blob(&c, "well", JOB_CASE_MIB, 2);
    job_case_point(&c, "rp");
    job_case_disk(&c, "sick", job_case_snapshot_url(&c, "sick"), job_case_path(&c, "t0"));
    job_case_disk(&c, "well", job_case_snapshot_url(&c, "well"), job_case_path(&c, "t1"));
    cr_assert_eq(job_case_run(&c), 0);
    summary = job_case_summary(&c, "sick");
    cr_assert_eq(summary->code, EVENT_SUCCEEDED, "%s", summary->message);
    cr_assert_eq(summary->attempts, 2u);
    cr_assert_eq(job_case_summary(&c, "well")->attempts, 1u);
    cr_assert_eq(job_case_count(&c, EVENT_STATE, "sick", EVENT_IN_PROGRESS), 2u,
                 "that it is tried again is told");
    job_case_close(&c);
}

Test(job, tells_what_a_failed_disk_failed_of)
{
    struct job_case c;
    const struct job_case_event *summary;

    job_case_open(&c, "{\"seed\":1,\"rules\":[{\"match\":{\"method\":\"GET\",\"blob\":\"gone\","
                      "\"comp\":\"\"},\"after\":1,\"fault\":\"status\",\"status\":409,"
                      "\"code\":\"BlobIsBroken\"}]}");
    job_case_blob(&c, "gone", 4 * JOB_CASE_MIB, 1);
    job_case_point(&c, "rp");
    job_case_disk(&c, "gone", job_case_snapshot_url(&c, "gone"), job_case_path(&c, "t0"));
    job_case_run(&c);
    summary = job_case_summary(&c, "gone");
    cr_assert_eq(summary->code, EVENT_FAILED);
    cr_assert_eq(&c.events[c.events_count - 3] - summary, 0, "it is the disk's last event");
    cr_assert_str_not_empty(summary->message);
    cr_assert_eq(summary->error.http_status, 409);
    cr_assert_str_not_empty(summary->error.request_id);
    job_case_close(&c);
}

/* The reads of "slow" take a moment each, so that there is one in which some of it is done. */
#define SLOW                                                                                       \
    "{\"seed\":1,\"rules\":[{\"match\":{\"method\":\"GET\",\"blob\":\"slow\",\"comp\":\"\"},"      \
    "\"fault\":\"delay\",\"ms\":200}]}"
#define SLOW_BYTES (64 * JOB_CASE_MIB)

Test(job, goes_on_after_a_stop_and_repeats_nothing)
{
    struct job_case c;
    struct copy_summary stopped, resumed;
    double percent;
    char snapshot[64];

    job_case_open(&c, SLOW);
    job_case_blob(&c, "slow", SLOW_BYTES, 7);
    job_case_snapshot(&c, "slow", snapshot);
    job_case_point(&c, "rp");
    add_files(&c, 0, 1);
    job_case_disk(&c, "slow", job_case_url(&c, "slow", snapshot, "r", 3600),
                  job_case_url(&c, "copy", NULL, "racwd", 3600));
    job_case_start(&c);
    job_case_await(&c, 0, EVENT_SUMMARY, "d0", EVENT_SUCCEEDED);
    job_case_await_percent(&c, "slow", 1);
    job_stop(c.job);
    cr_assert_eq(job_case_finish(&c), 3);
    cr_assert_eq(job_case_summary(&c, "slow")->code, EVENT_PAUSED);
    cr_assert_eq(job_case_point_summary(&c, "rp")->code, EVENT_PAUSED);
    stopped = job_case_summary(&c, "slow")->copy;
    cr_assert(stopped.written_bytes > 0 && stopped.written_bytes < SLOW_BYTES);
    percent = job_case_summary(&c, "slow")->progress.percent;

    job_case_forget(&c);
    job_case_point(&c, "rp");
    job_case_disk(&c, "slow", job_case_url(&c, "slow", snapshot, "r", 7200),
                  job_case_url(&c, "copy", NULL, "racwd", 3600));
    job_case_start(&c);
    cr_assert_geq(
        c.events[job_case_await(&c, 0, EVENT_PROGRESS, "slow", EVENT_IN_PROGRESS)].progress.percent,
        percent, "the percentage of the process before");
    cr_assert_eq(job_case_finish(&c), 0);
    resumed = job_case_summary(&c, "slow")->copy;
    cr_assert_eq(resumed.resumed_bytes, stopped.written_bytes);
    cr_assert_eq(resumed.written_bytes, SLOW_BYTES - stopped.written_bytes);
    job_case_expect_blob(&c, "copy", SLOW_BYTES, 7);
    job_case_close(&c);
}

Test(job, ends_at_once_when_stopped_before_it_begins)
{
    struct job_case c;

    job_case_open(&c, NULL);
    job_case_point(&c, "rp");
    add_files(&c, 0, 2);
    job_case_start(&c);
    job_stop(c.job);
    cr_assert_eq(job_case_finish(&c), 3);
    cr_assert_eq(job_case_summary(&c, "d1")->code, EVENT_PAUSED);
    cr_assert_not(job_case_summary(&c, "d1")->has_copy);
    job_case_close(&c);
}

Test(job, lets_disks_wait_that_descriptors_do_not_suffice_for)
{
    struct rlimit few = {.rlim_cur = 340, .rlim_max = 4096}; /* three disks' worth above the rest */
    struct job_case c;
    uint32_t most = 0, now = 0;

    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    job_case_open(&c, NULL);
    job_case_point(&c, "rp");
    add_files(&c, 0, 12);
    cr_assert_eq(job_case_run(&c), 0);
    for (uint32_t i = 0; i < c.events_count; i++) {
        const struct job_case_event *event = &c.events[i];

        if (event->kind != EVENT_STATE || !event->disk[0])
            continue;
        now += event->code == EVENT_IN_PROGRESS;
        now -= event->code == EVENT_SUCCEEDED;
        most = now > most ? now : most;
    }
    cr_assert(most >= 1 && most <= 3, "%u at once", most);
    job_case_close(&c);
}

Test(job, copies_what_changed_since_a_base)
{
    struct job_case c;
    char snapshots[2][64];
    const struct job_case_event *summary;

    job_case_open(&c, NULL);
    job_case_blob(&c, "disk", 4 * JOB_CASE_MIB, 1);
    job_case_snapshot(&c, "disk", snapshots[0]);
    job_case_spoil(&c, "disk", JOB_CASE_MIB);
    job_case_snapshot(&c, "disk", snapshots[1]);
    job_case_point(&c, "rp1");
    job_case_disk(&c, "d", job_case_url(&c, "disk", snapshots[0], "r", 3600),
                  job_case_url(&c, "copy", NULL, "racwd", 3600));
    cr_assert_eq(job_case_run(&c), 0);
    job_case_expect_blob(&c, "copy", 4 * JOB_CASE_MIB, 1);

    job_case_forget(&c);
    job_case_point(&c, "rp2");
    job_case_disk(&c, "d", job_case_url(&c, "disk", snapshots[1], "r", 3600),
                  job_case_url(&c, "copy", NULL, "racwd", 3600))
        ->base.text = strdup(job_case_url(&c, "disk", snapshots[0], "r", 3600));
    cr_assert_eq(job_case_run(&c), 0);
    summary = job_case_summary(&c, "d");
    cr_assert(summary->copy.delta, "%s", summary->copy.why_full);
    cr_assert_lt(summary->copy.written_bytes, JOB_CASE_MIB);
    job_case_close(&c);
}

/* Whoever did not hear of the end asks again: the disks are complete, and are not copied twice. */
Test(job, holds_what_an_earlier_process_completed)
{
    struct job_case c;
    char snapshot[64];
    const struct job_case_event *summary;

    job_case_open(&c, NULL);
    job_case_blob(&c, "disk", 4 * JOB_CASE_MIB, 1);
    job_case_snapshot(&c, "disk", snapshot);
    for (uint32_t i = 0; i < 2; i++) {
        job_case_point(&c, "rp");
        job_case_disk(&c, "d", job_case_url(&c, "disk", snapshot, "r", 3600 + i),
                      job_case_url(&c, "copy", NULL, "racwd", 3600));
        cr_assert_eq(job_case_run(&c), 0);
        if (i == 0)
            job_case_forget(&c);
    }
    summary = job_case_summary(&c, "d");
    cr_assert_eq(summary->copy.read_bytes + summary->copy.written_bytes, 0u);
    cr_assert(summary->copy.at_base_already && summary->copy.committed);
    cr_assert_str_not_empty(summary->copy.root);
    cr_assert_eq(summary->progress.percent, 100.0);
    job_case_close(&c);
}
