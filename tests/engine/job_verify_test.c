/* job_verify_test.c - a disk that is verified after its copy: done when it is, whatever comes between. */
#include <criterion/criterion.h>
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
                  job_case_url(c, "copy", NULL, "racwd", 3600))
        ->verify = true;
}

static bool is_verifying(struct job_case *c)
{
    struct job_disk_view view;

    job_look(c->job, 0, &view);
    return strcmp(view.phase, "verifying") == 0;
}

static void await_verify(struct job_case *c)
{
    while (!is_verifying(c)) {
        cr_assert_not(c->ended);
        blob_bench_turn(&c->region);
    }
}

static void pause_and_go_on(struct job_case *c)
{
    uint32_t at;

    await_verify(c);
    cr_assert(job_case_verb(c, CONTROL_PAUSE, "slow")->accepted);
    at = job_case_await(c, 0, EVENT_STATE, "slow", EVENT_PAUSED);
    cr_assert(job_case_verb(c, CONTROL_RESUME, "slow")->accepted);
    job_case_await(c, at, EVENT_STATE, "slow", EVENT_IN_PROGRESS);
    cr_assert_eq(job_case_finish(c), 0);
    cr_assert_eq(job_case_summary(c, "slow")->copy.written_bytes, SLOW_BYTES, "it was copied once");
}

Test(job_verify, goes_on_with_a_verify_that_was_paused)
{
    struct job_case c;

    open_slow(&c);
    job_case_start(&c);
    pause_and_go_on(&c);
    job_case_close(&c);
}

Test(job_verify, copies_once_where_there_is_no_journal)
{
    struct job_case c;

    open_slow(&c);
    c.stateless = true;
    job_case_start(&c);
    pause_and_go_on(&c);
    job_case_close(&c);
}

Test(job_verify, fails_a_disk_whose_target_differs)
{
    struct job_case c;
    const struct job_case_event *summary;

    open_slow(&c);
    job_case_start(&c);
    await_verify(&c);
    job_case_spoil(&c, "copy", SLOW_BYTES - BUF_BYTES);
    cr_assert_eq(job_case_finish(&c), 1);
    summary = job_case_summary(&c, "slow");
    cr_assert(strstr(summary->message, "differs from the source in 512 bytes"), "%s",
              summary->message);
    cr_assert_lt(summary->progress.percent, 100);
    job_case_close(&c);
}

Test(job_verify, is_stopped_and_gone_on_with_by_another_process)
{
    struct job_case c;
    char snapshot[64];

    job_case_open(&c, SLOW);
    job_case_blob(&c, "slow", SLOW_BYTES, 7);
    job_case_snapshot(&c, "slow", snapshot);
    for (uint32_t i = 0; i < 2; i++) {
        job_case_point(&c, "rp");
        job_case_disk(&c, "slow", job_case_url(&c, "slow", snapshot, "r", 3600),
                      job_case_url(&c, "copy", NULL, "racwd", 3600))
            ->verify = true;
        job_case_start(&c);
        if (i == 0) {
            await_verify(&c);
            job_stop(c.job);
            cr_assert_eq(job_case_finish(&c), 3);
            job_case_forget(&c);
        }
    }
    cr_assert_eq(job_case_finish(&c), 0);
    cr_assert_eq(job_case_summary(&c, "slow")->copy.written_bytes, 0u, "it was copied before");
    job_case_close(&c);
}
