/* ferry_noise_test.c - a child that is not what it should be: its output is input from outside. Scripts
 * play it. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/ferry_case.h"
#include "tools/controld/ferry_internal.h"

#define SUCCEEDED                                                                                  \
    "echo '{\"event\":\"summary\",\"disk\":\"one\",\"code\":\"ReplicationState/succeeded\"}'\n"

/* A program that reads its job and then does this. $n is 1 in its first life, 2 in its second, ... */
static void open_script(struct ferry_case *c, const char *body)
{
    FILE *file;

    ferry_case_open(c);
    c->setup.program = job_case_path(&c->job, "child.sh");
    file = fopen(c->setup.program, "w");
    cr_assert_not_null(file);
    fprintf(file, "#!/bin/sh\ncd '%s'\necho x >>lives\nn=$(wc -l <lives)\nread -r job\n%s",
            c->job.folder, body);
    fclose(file);
    cr_assert_eq(chmod(c->setup.program, 0700), 0);
    ferry_case_make(c, "one", "a", "a-copy", 1 * JOB_CASE_MIB, 1);
    ferry_case_start(c);
    c->ferry->rest_ns = NS_PER_MS;
    ferry_case_begin(c, "point", "one");
}

static unsigned lives(const struct ferry_case *c)
{
    struct stat st;

    cr_assert_eq(stat(job_case_path(&c->job, "lives"), &st), 0);
    return (unsigned)st.st_size / 2;
}

static void expect_end(struct ferry_case *c, enum event_code code, const char *words)
{
    const struct ferry_case_end *end = ferry_case_await_end(c, "point");

    cr_assert_eq(end->code, code, "%s", end->message);
    cr_assert_not_null(strstr(end->message, words), "%s", end->message);
    ferry_case_close(c);
}

Test(ferry_noise, garbage_is_passed_by)
{
    struct ferry_case c;

    open_script(
        &c, "echo 'not JSON'\necho '[1,2]'\necho '{\"event\":5}'\necho '{\"event\":\"new\"}'\n"
            "head -c 3000000 /dev/zero | tr '\\0' x\necho\nprintf '\\000\\377\\n'\n"
            "head -c 100000 /dev/urandom\necho\n"
            "echo '{\"event\":\"progress\",\"disk\":\"nobody\",\"completionPercent\":50}'\n"
            "echo '{\"event\":\"progress\",\"disk\":[\"one\"],\"completionPercent\":50}'\n"
            "echo '{\"event\":\"state\",\"disk\":\"one\",\"code\":\"ReplicationState/odd\"}'\n"
            "echo '{\"event\":\"state\",\"disk\":\"one\",\"code\":7}'\n"
            "echo '{\"event\":\"answer\",\"tag\":\"99999999999 7\",\"accepted\":true}'\n"
            "echo '{\"event\":\"accessExpiring\",\"disk\":\"one\",\"side\":\"base\"}'\n" SUCCEEDED
            "echo '{\"event\":\"progress\",\"disk\":\"one\",\"completionPercent\":1}'\n");
    expect_end(&c, EVENT_SUCCEEDED, "");
}

Test(ferry_noise, numbers_that_cannot_be_are_bounded)
{
    struct ferry_case c;
    const struct ferry_disk_view *view;

    open_script(&c, "echo '{\"event\":\"progress\",\"disk\":\"one\",\"completionPercent\":1e300,"
                    "\"durableBytes\":-5,\"changedBytes\":\"7\",\"bytesPerSecond\":3.5}'\n"
                    "echo '{\"event\":\"progress\",\"disk\":\"one\",\"completionPercent\":-1}'\n"
                    "while [ ! -e go ]; do sleep 0.02; done\n" SUCCEEDED);
    ferry_case_await_percent(&c, "one", 99);
    view = ferry_look(c.ferry, "point", "one");
    cr_assert_leq(view->percent, FERRY_PERCENT_UNENDED);
    cr_assert_eq(view->durable_bytes, 0u);
    cr_assert_eq(view->changed_bytes, 0u);
    cr_assert_eq(view->bytes_per_s, 0u);
    close(open(job_case_path(&c.job, "go"), O_CREAT | O_WRONLY, 0600));
    expect_end(&c, EVENT_SUCCEEDED, "");
}

Test(ferry_noise, a_failure_that_passes_is_followed_by_another_child)
{
    struct ferry_case c;

    open_script(&c,
                "[ $n -lt 4 ] && echo '{\"event\":\"summary\",\"disk\":\"one\",\"code\":"
                "\"ReplicationState/failed\",\"errorKind\":\"network\",\"message\":\"no route to "
                "https://x/y?sv=1&sig=abc\"}' && exit 1\n" SUCCEEDED);
    ferry_case_await(&c, 0, "one", EVENT_PENDING, "no route");
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_SUCCEEDED);
    cr_assert_eq(lives(&c), 4u);
    ferry_case_close(&c);
}

Test(ferry_noise, a_process_that_always_dies_fails_the_point_with_its_last_words)
{
    struct ferry_case c;
    const struct ferry_case_end *end;

    open_script(&c, "echo 'first words' >&2\n"
                    "printf 'cannot: \\033[31mhttps://x/y?sv=1&sig=abc \\377' >&2\nexit 9\n");
    c.ferry->rest_ns = 1; /* doubles */
    end = ferry_case_await_end(&c, "point");
    cr_assert_eq(end->code, EVENT_FAILED);
    cr_assert_not_null(strstr(end->message, "status 9: cannot:"), "%s", end->message);
    cr_assert_not_null(strstr(end->message, "16th time"), "%s", end->message);
    cr_assert_null(strchr(end->message, 27));
    cr_assert_eq(lives(&c), FERRY_DEATHS_MAX);
    ferry_case_close(&c);
}

Test(ferry_noise, a_process_that_ends_well_without_a_word_is_no_success)
{
    struct ferry_case c;

    open_script(&c, "[ $n -lt 3 ] && exit 0\n" SUCCEEDED);
    ferry_case_await(&c, 0, "one", EVENT_PENDING, "status 0");
    expect_end(&c, EVENT_SUCCEEDED, "");
}

Test(ferry_noise, a_job_that_is_refused_fails_at_once)
{
    struct ferry_case c;

    open_script(&c,
                "echo '{\"event\":\"invalid\",\"level\":\"Error\",\"message\":\"two disks have one "
                "target\"}'\nexit 2\n");
    expect_end(&c, EVENT_FAILED, "refused: two disks have one target");
}

Test(ferry_noise, a_program_that_is_not_there_fails_with_its_name)
{
    struct ferry_case c;

    ferry_case_open(&c);
    c.setup.program = "/nowhere/snapferry";
    ferry_case_make(&c, "one", "a", "a-copy", 1 * JOB_CASE_MIB, 1);
    ferry_case_start(&c);
    ferry_case_begin(&c, "point", "one");
    expect_end(&c, EVENT_FAILED, "cannot start /nowhere/snapferry");
}

/* It reads none of its commands: more of them than a socket holds. */
Test(ferry_noise, a_process_that_does_not_listen_holds_nobody)
{
    struct ferry_case c;

    open_script(
        &c,
        "echo '{\"event\":\"state\",\"disk\":\"one\",\"code\":\"ReplicationState/inProgress\"}'\n"
        "for i in $(seq 2000); do\n"
        "echo '{\"event\":\"accessExpiring\",\"disk\":\"one\",\"side\":\"source\"}'\ndone\n"
        "while [ ! -e go ]; do sleep 0.02; done\n" SUCCEEDED);
    while (c.asked[ACCESS_SOURCE] < 2001)
        ferry_case_turn(&c);
    close(open(job_case_path(&c.job, "go"), O_CREAT | O_WRONLY, 0600));
    expect_end(&c, EVENT_SUCCEEDED, "");
}

/* A grandchild that has its stdout is no reason to wait for ever. */
Test(ferry_noise, a_process_whose_output_stays_open_ends_all_the_same)
{
    struct ferry_case c;
    char command[TEST_PATH_MAX_BYTES + 100];

    open_script(&c, "sleep 100 & echo $! >sleeper\n" SUCCEEDED "exit 0\n");
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_SUCCEEDED);
    snprintf(command, sizeof command, "kill $(cat '%s')", job_case_path(&c.job, "sleeper"));
    cr_assert_eq(system(command), 0);
    ferry_case_close(&c);
}

/* Its journal did not fit what is there: it is dropped, once. */
Test(ferry_noise, a_journal_that_does_not_fit_is_begun_anew_once)
{
    struct ferry_case c;
    char *journal;
    int fd;

    open_script(
        &c, "echo '{\"event\":\"summary\",\"disk\":\"one\",\"code\":\"ReplicationState/failed\","
            "\"errorKind\":\"conflict\",\"message\":\"the journal does not fit\"}'\nexit 1\n");
    journal = ferry_place(c.folder, FERRY_JOURNALS, "point", "one");
    fd = open(journal, O_CREAT | O_WRONLY, 0600);
    cr_assert(fd >= 0);
    close(fd);
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_FAILED);
    cr_assert_eq(lives(&c), 2u);
    cr_assert_neq(access(journal, F_OK), 0);
    free(journal);
    ferry_case_close(&c);
}

/* Noise is no answer. */
Test(ferry_noise, a_process_that_does_not_answer_is_killed_and_followed_by_another)
{
    struct ferry_case c;

    open_script(&c, "[ $n -lt 2 ] && while :; do echo noise; sleep 0.05; done\n" SUCCEEDED);
    c.ferry->pulse_ns = 20 * NS_PER_MS;
    c.ferry->mute_ns = 200 * NS_PER_MS;
    ferry_case_await(&c, 0, "one", EVENT_PENDING, "did not answer");
    expect_end(&c, EVENT_SUCCEEDED, "");
}

Test(ferry_noise, a_process_that_ignores_a_stop_is_killed)
{
    struct ferry_case c;
    struct err e = {0};
    int pid;

    open_script(
        &c,
        "echo '{\"event\":\"state\",\"disk\":\"one\",\"code\":\"ReplicationState/inProgress\"}'\n"
        "trap '' TERM\nwhile :; do sleep 0.1; done\n");
    c.ferry->drain_ns = 100 * NS_PER_MS;
    ferry_case_await(&c, 0, "one", EVENT_IN_PROGRESS, "");
    pid = ferry_child_pid(c.ferry, "point");
    cr_assert(ferry_cancel(c.ferry, "point", &e), "%s", e.text);
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_CANCELED);
    ferry_case_await_gone(&c, pid);
    ferry_case_close(&c);
}
