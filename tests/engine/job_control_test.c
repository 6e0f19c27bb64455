/* job_control_test.c - a running job is steered: verbs in right and in wrong states, URLs renewed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/job_case.h"

/* The reads of "slow" take a moment each. */
#define SLOW                                                                                       \
    "{\"seed\":1,\"rules\":[{\"match\":{\"method\":\"GET\",\"blob\":\"slow\",\"comp\":\"\"},"      \
    "\"fault\":\"delay\",\"ms\":200}]}"
#define SLOW_BYTES (64 * JOB_CASE_MIB)

static void open_slow(struct job_case *c)
{
    job_case_open(c, SLOW);
    job_case_blob(c, "slow", SLOW_BYTES, 7);
    job_case_point(c, "rp");
    job_case_disk(c, "slow", job_case_snapshot_url(c, "slow"),
                  job_case_url(c, "copy", NULL, "racwd", 3600));
}

static void refused(const struct job_case_event *answer, const char *words)
{
    cr_assert_not(answer->accepted);
    cr_assert(strstr(answer->message, words), "\"%s\" does not say \"%s\"", answer->message, words);
}

static void accepted(const struct job_case_event *answer)
{
    cr_assert(answer->accepted, "%s", answer->message);
}

/* ---- Pause, resume, cancel ---- */

Test(job_control, pauses_and_goes_on_without_repeating)
{
    struct job_case c;
    const struct job_case_event *summary;
    uint32_t at;

    open_slow(&c);
    job_case_start(&c);
    job_case_await_percent(&c, "slow", 1);
    accepted(job_case_verb(&c, CONTROL_PAUSE, "slow"));
    refused(job_case_verb(&c, CONTROL_PAUSE, "slow"), "already");
    at = job_case_await(&c, 0, EVENT_STATE, "slow", EVENT_PAUSED);
    cr_assert_eq(bufpool_borrowed_count(c.region.pool), 0u, "something is still in flight");
    refused(job_case_verb(&c, CONTROL_PAUSE, "slow"), "paused already");
    accepted(job_case_verb(&c, CONTROL_RESUME, "slow"));
    job_case_await(&c, at, EVENT_STATE, "slow", EVENT_IN_PROGRESS);
    refused(job_case_verb(&c, CONTROL_RESUME, "slow"), "not paused");
    cr_assert_eq(job_case_finish(&c), 0);
    summary = job_case_summary(&c, "slow");
    cr_assert_eq(summary->copy.written_bytes, SLOW_BYTES, "nothing was written twice");
    cr_assert(summary->copy.resumed_bytes > 0);
    cr_assert_eq(summary->attempts, 1u, "a pause is no attempt");
    job_case_expect_blob(&c, "copy", SLOW_BYTES, 7);
    job_case_close(&c);
}

/* Where nothing is recorded it begins anew; what was told stays told (job_case holds every event to that). */
Test(job_control, begins_a_paused_disk_anew_where_nothing_is_recorded)
{
    struct job_case c;

    open_slow(&c);
    c.stateless = true;
    job_case_start(&c);
    job_case_await_percent(&c, "slow", 10);
    accepted(job_case_verb(&c, CONTROL_PAUSE, "slow"));
    job_case_await(&c, 0, EVENT_STATE, "slow", EVENT_PAUSED);
    accepted(job_case_verb(&c, CONTROL_RESUME, "slow"));
    cr_assert_eq(job_case_finish(&c), 0);
    cr_assert_gt(job_case_summary(&c, "slow")->copy.written_bytes, SLOW_BYTES);
    job_case_expect_blob(&c, "copy", SLOW_BYTES, 7);
    job_case_close(&c);
}

Test(job_control, goes_on_when_resumed_while_it_is_being_paused)
{
    struct job_case c;

    open_slow(&c);
    job_case_start(&c);
    job_case_await_percent(&c, "slow", 1);
    accepted(job_case_verb(&c, CONTROL_PAUSE, "slow"));
    accepted(job_case_verb(&c, CONTROL_RESUME, "slow"));
    cr_assert_eq(job_case_finish(&c), 0);
    cr_assert_eq(job_case_count(&c, EVENT_STATE, "slow", EVENT_PAUSED), 0u);
    cr_assert_eq(job_case_summary(&c, "slow")->copy.written_bytes, SLOW_BYTES);
    job_case_close(&c);
}

Test(job_control, does_not_begin_what_is_paused_before)
{
    struct job_case c;

    open_slow(&c);
    job_case_disk(&c, "other", job_case_file(&c, "s", JOB_CASE_MIB, 1), job_case_path(&c, "t"));
    job_case_start(&c);
    accepted(job_case_verb(&c, CONTROL_PAUSE, "slow"));
    job_case_await(&c, 0, EVENT_SUMMARY, "other", EVENT_SUCCEEDED);
    cr_assert_eq(job_case_count(&c, EVENT_STATE, "slow", EVENT_IN_PROGRESS), 0u);
    refused(job_case_verb(&c, CONTROL_PAUSE, "other"), "ended");
    refused(job_case_verb(&c, CONTROL_CANCEL, "other"), "ReplicationState/succeeded");
    accepted(job_case_verb(&c, CONTROL_RESUME, "slow"));
    cr_assert_eq(job_case_finish(&c), 0);
    job_case_close(&c);
}

Test(job_control, cancels_one_disk_and_not_its_sibling)
{
    struct job_case c;

    open_slow(&c);
    job_case_disk(&c, "other", job_case_file(&c, "s", JOB_CASE_MIB, 1), job_case_path(&c, "t"));
    job_case_point(&c, "rp2");
    job_case_disk(&c, "third", job_case_file(&c, "s3", JOB_CASE_MIB, 1), job_case_path(&c, "t3"));
    job_case_start(&c);
    job_case_await_percent(&c, "slow", 1);
    accepted(job_case_verb(&c, CONTROL_CANCEL, "slow"));
    refused(job_case_verb(&c, CONTROL_CANCEL, "slow"), "already");
    refused(job_case_verb(&c, CONTROL_PAUSE, "slow"), "already");
    cr_assert_eq(job_case_finish(&c), 3);
    cr_assert_eq(job_case_summary(&c, "slow")->code, EVENT_CANCELED);
    cr_assert_eq(job_case_summary(&c, "other")->code, EVENT_SUCCEEDED);
    cr_assert_eq(job_case_point_summary(&c, "rp")->code, EVENT_CANCELED);
    cr_assert_eq(job_case_point_summary(&c, "rp2")->code, EVENT_SUCCEEDED);
    job_case_close(&c);
}

Test(job_control, steers_a_restore_point_as_a_whole)
{
    struct job_case c;
    struct control pause = {.verb = CONTROL_PAUSE, .point = (char *)"rp"};
    struct control unknown = {.verb = CONTROL_PAUSE, .point = (char *)"nobody"};
    struct control resume = {.verb = CONTROL_RESUME, .point = (char *)"rp"};

    job_case_open(&c, NULL);
    job_case_point(&c, "rp");
    job_case_disk(&c, "a", job_case_file(&c, "s1", JOB_CASE_MIB, 1), job_case_path(&c, "t1"));
    job_case_disk(&c, "b", job_case_file(&c, "s2", JOB_CASE_MIB, 2), job_case_path(&c, "t2"));
    job_case_start(&c);
    accepted(job_case_control(&c, &pause));
    refused(job_case_control(&c, &pause), "paused already");
    refused(job_case_control(&c, &unknown), "no restore point \"nobody\"");
    refused(job_case_verb(&c, CONTROL_PAUSE, "nobody"), "no disk \"nobody\"");
    accepted(job_case_verb(&c, CONTROL_RESUME, "a"));
    job_case_await(&c, 0, EVENT_SUMMARY, "a", EVENT_SUCCEEDED);
    cr_assert(strstr(job_case_control(&c, &resume)->message, "1 of 2"));
    cr_assert_eq(job_case_finish(&c), 0);
    job_case_close(&c);
}

/* ---- Status, limits, priority ---- */

Test(job_control, answers_status_limits_and_priority)
{
    struct job_case c;
    struct control status = {.verb = CONTROL_STATUS};
    struct control limits = {.verb = CONTROL_SET_LIMITS, .limit_given[CONTROL_LIMIT_BYTES] = true};
    const struct job_case_event *answer;

    open_slow(&c);
    job_case_disk(&c, "other", job_case_file(&c, "s", JOB_CASE_MIB, 1), job_case_path(&c, "t"));
    job_case_start(&c);
    job_case_await(&c, 0, EVENT_SUMMARY, "other", EVENT_SUCCEEDED);
    answer = job_case_control(&c, &status);
    accepted(answer);
    cr_assert_eq(answer->statuses_count, 2u);
    status.disk = (char *)"other";
    answer = job_case_control(&c, &status);
    cr_assert_eq(answer->statuses_count, 1u);
    cr_assert_eq(answer->status_code, EVENT_SUCCEEDED);
    status.disk = (char *)"nobody";
    refused(job_case_control(&c, &status), "no disk");
    limits.limit[CONTROL_LIMIT_BYTES] = 500 * JOB_CASE_MIB;
    accepted(job_case_control(&c, &limits));
    accepted(job_case_verb(&c, CONTROL_SET_PRIORITY, "slow"));
    refused(job_case_verb(&c, CONTROL_SET_PRIORITY, "other"), "ended");
    job_stop(c.job);
    refused(job_case_verb(&c, CONTROL_RESUME, "slow"), "being stopped");
    cr_assert_eq(job_case_finish(&c), 3);
    job_case_close(&c);
}

/* ---- Renewals ---- */

static const struct job_case_event *renew(struct job_case *c, const char *disk,
                                          enum access_side side, const char *url)
{
    struct control control = {
        .verb = CONTROL_RENEW_ACCESS, .disk = (char *)disk, .side = side, .url = (char *)url};

    return job_case_control(c, &control);
}

Test(job_control, asks_for_a_url_and_goes_on_with_it)
{
    struct job_case c;
    char snapshot[64];
    uint32_t at;

    job_case_open(&c, NULL);
    job_case_blob(&c, "disk", JOB_CASE_MIB, 3);
    job_case_blob(&c, "wrong", JOB_CASE_MIB, 4);
    job_case_snapshot(&c, "disk", snapshot);
    job_case_point(&c, "rp");
    job_case_disk(&c, "d", job_case_url(&c, "disk", snapshot, "r", -60), job_case_path(&c, "t"));
    job_case_start(&c);
    at = job_case_await(&c, 0, EVENT_STATE, "d", EVENT_WAITING_FOR_ACCESS);
    at = job_case_await(&c, at, EVENT_ACCESS_EXPIRING, "d", EVENT_PENDING);
    cr_assert_eq(c.events[at].side, ACCESS_SOURCE);
    refused(renew(&c, "nobody", ACCESS_SOURCE, "https://h/a/b?sig=x"), "no disk");
    refused(renew(&c, "d", ACCESS_BASE, job_case_url(&c, "disk", snapshot, "r", 600)), "no base");
    refused(renew(&c, "d", ACCESS_TARGET, job_case_url(&c, "disk", snapshot, "r", 600)), "no URL");
    refused(renew(&c, "d", ACCESS_SOURCE, "http://127.0.0.1:1/a/b/c"), "no SAS");
    refused(renew(&c, "d", ACCESS_SOURCE, "/etc/passwd"), "no URL");
    refused(renew(&c, "d", ACCESS_SOURCE, job_case_url(&c, "disk", snapshot, "r", -5)), "");
    refused(renew(&c, "d", ACCESS_SOURCE, job_case_url(&c, "wrong", NULL, "r", 600)),
            "another disk than the source");
    cr_assert_eq(job_case_count(&c, EVENT_SUMMARY, "d", EVENT_FAILED), 0u,
                 "a wrong URL costs the disk nothing");
    accepted(renew(&c, "d", ACCESS_SOURCE, job_case_url(&c, "disk", snapshot, "r", 600)));
    job_case_await(&c, at, EVENT_STATE, "d", EVENT_IN_PROGRESS);
    cr_assert_eq(job_case_finish(&c), 0);
    cr_assert_eq(job_case_summary(&c, "d")->attempts, 1u, "a URL waited for is no attempt");
    job_case_close(&c);
}

Test(job_control, renews_a_url_that_ends_in_the_midst)
{
    struct job_case c;
    char snapshot[64];

    job_case_open(&c, SLOW);
    job_case_blob(&c, "slow", SLOW_BYTES, 7);
    job_case_snapshot(&c, "slow", snapshot);
    job_case_point(&c, "rp");
    job_case_disk(&c, "slow", job_case_url(&c, "slow", snapshot, "r", 3600),
                  job_case_url(&c, "copy", NULL, "racwd", 2));
    c.spec.disks[0].verify = true; /* so that something is left to read when it has ended */
    job_case_start(&c);
    job_case_await(&c, 0, EVENT_STATE, "slow", EVENT_WAITING_FOR_ACCESS);
    cr_assert_geq(job_case_count(&c, EVENT_ACCESS_EXPIRING, "slow", EVENT_PENDING), 1u);
    accepted(renew(&c, "slow", ACCESS_TARGET, job_case_url(&c, "copy", NULL, "racwd", 3600)));
    cr_assert_eq(job_case_finish(&c), 0);
    cr_assert_eq(job_case_summary(&c, "slow")->copy.written_bytes, SLOW_BYTES);
    job_case_expect_blob(&c, "copy", SLOW_BYTES, 7);
    job_case_close(&c);
}

Test(job_control, stays_paused_when_the_url_it_needs_comes)
{
    struct job_case c;
    char snapshot[64];
    const char *fresh;

    job_case_open(&c, NULL);
    job_case_blob(&c, "disk", JOB_CASE_MIB, 3);
    job_case_snapshot(&c, "disk", snapshot);
    job_case_point(&c, "rp");
    job_case_disk(&c, "d", job_case_url(&c, "disk", snapshot, "r", -60), job_case_path(&c, "t"));
    job_case_start(&c);
    job_case_await(&c, 0, EVENT_STATE, "d", EVENT_WAITING_FOR_ACCESS);
    accepted(job_case_verb(&c, CONTROL_PAUSE, "d"));
    job_case_await(&c, 0, EVENT_STATE, "d", EVENT_PAUSED);
    fresh = job_case_url(&c, "disk", snapshot, "r", 600);
    accepted(renew(&c, "d", ACCESS_SOURCE, fresh));
    cr_assert_eq(job_case_count(&c, EVENT_STATE, "d", EVENT_IN_PROGRESS), 1u, "it is paused");
    accepted(job_case_verb(&c, CONTROL_RESUME, "d"));
    cr_assert_eq(job_case_finish(&c), 0);
    cr_assert_eq(job_case_count(&c, EVENT_STATE, "d", EVENT_WAITING_FOR_ACCESS), 1u);
    job_case_close(&c);
}

Test(job_control, takes_a_url_for_a_disk_that_has_not_begun)
{
    struct job_case c;
    char snapshot[64];

    job_case_open(&c, NULL);
    job_case_blob(&c, "disk", JOB_CASE_MIB, 3);
    job_case_snapshot(&c, "disk", snapshot);
    job_case_point(&c, "rp");
    job_case_disk(&c, "d", job_case_url(&c, "disk", snapshot, "r", -60), job_case_path(&c, "t"));
    job_case_start(&c);
    accepted(job_case_verb(&c, CONTROL_PAUSE, "d"));
    refused(renew(&c, "d", ACCESS_SOURCE, job_case_url(&c, "other", NULL, "r", 600)),
            "has not begun");
    accepted(renew(&c, "d", ACCESS_SOURCE, job_case_url(&c, "disk", snapshot, "r", 600)));
    accepted(job_case_verb(&c, CONTROL_RESUME, "d"));
    cr_assert_eq(job_case_finish(&c), 0);
    cr_assert_eq(job_case_count(&c, EVENT_STATE, "d", EVENT_WAITING_FOR_ACCESS), 0u);
    job_case_close(&c);
}

Test(job_control, fails_a_disk_whose_url_nobody_renews)
{
    struct job_case c;
    char snapshot[64];

    job_case_open(&c, NULL);
    c.setup.renew_wait_ns = 100 * NS_PER_MS;
    job_case_blob(&c, "disk", JOB_CASE_MIB, 3);
    job_case_snapshot(&c, "disk", snapshot);
    job_case_point(&c, "rp");
    job_case_disk(&c, "d", job_case_url(&c, "disk", snapshot, "r", -60), job_case_path(&c, "t"));
    cr_assert_eq(job_case_run(&c), 1);
    cr_assert(strstr(job_case_summary(&c, "d")->message, "no new URL of the source"), "%s",
              job_case_summary(&c, "d")->message);
    job_case_close(&c);
}

Test(job_control, stops_while_a_disk_waits_for_a_url)
{
    struct job_case c;
    char snapshot[64];

    job_case_open(&c, NULL);
    job_case_blob(&c, "disk", JOB_CASE_MIB, 3);
    job_case_snapshot(&c, "disk", snapshot);
    job_case_point(&c, "rp");
    job_case_disk(&c, "d", job_case_url(&c, "disk", snapshot, "r", -60), job_case_path(&c, "t"));
    job_case_start(&c);
    job_case_await(&c, 0, EVENT_STATE, "d", EVENT_WAITING_FOR_ACCESS);
    job_stop(c.job);
    cr_assert_eq(job_case_finish(&c), 3);
    job_case_close(&c);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    cr_assert(file);
    fputs(text, file);
    fclose(file);
}

Test(job_control, reads_a_file_again_while_a_url_is_wanted)
{
    struct job_case c;
    char snapshot[64], at[TEST_PATH_MAX_BYTES + 64];
    const char *path;

    job_case_open(&c, NULL);
    job_case_blob(&c, "disk", JOB_CASE_MIB, 3);
    job_case_blob(&c, "wrong", JOB_CASE_MIB, 4);
    job_case_snapshot(&c, "disk", snapshot);
    path = job_case_path(&c, "url");
    snprintf(at, sizeof at, "@%s", path);
    write_text(path, job_case_url(&c, "disk", snapshot, "r", -60));
    job_case_point(&c, "rp");
    job_case_disk(&c, "d", at, job_case_path(&c, "t"));
    job_case_start(&c);
    job_case_await(&c, 0, EVENT_STATE, "d", EVENT_WAITING_FOR_ACCESS);
    write_text(at + 1, job_case_url(&c, "wrong", NULL, "r", 600));
    cr_assert(strstr(c.events[job_case_await(&c, 0, EVENT_WARNING, "d", EVENT_PENDING)].message,
                     "another disk"));
    write_text(at + 1, job_case_url(&c, "disk", snapshot, "r", 600));
    cr_assert_eq(job_case_finish(&c), 0);
    cr_assert_eq(job_case_count(&c, EVENT_WARNING, "d", EVENT_PENDING), 1u, "it is said once");
    job_case_close(&c);
}
