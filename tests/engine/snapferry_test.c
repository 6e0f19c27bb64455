/* snapferry_test.c - the public library from several threads: commands, a stop, misuse, what is
 * said and when. */
#include "engine/snapferry.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/control.h"

#define DISK_BYTES   (24u << 20)
#define ANSWERS_MAX  64
#define PATH_BYTES   300
#define COMMAND(tag) "{\"command\":\"status\",\"tag\":\"" tag "\"}"

/* A handle, a folder with a source, and what was said. */
struct bench {
    struct snapferry *handle;
    char folder[PATH_BYTES], job[2000];
    pthread_t runner; /* the thread of snapferry_run */
    int exit;
    atomic_uint lines, answers, accepted, ends, progress, stray;
    atomic_bool ended;
    const char *on_progress; /* a command that the callback gives at each progress event */
    atomic_bool stop_on_progress;
};

static void take(void *user, const char *line, size_t bytes)
{
    struct bench *b = user;
    json_t *event = json_loadb(line, bytes, JSON_REJECT_DUPLICATES, NULL);
    const char *kind = json_string_value(json_object_get(event, "event"));

    cr_assert(kind && line[bytes] == 0);
    if (b->ended || !pthread_equal(pthread_self(), b->runner))
        b->stray++;
    b->lines++;
    b->answers += strcmp(kind, "answer") == 0;
    b->accepted += json_is_true(json_object_get(event, "accepted"));
    if (strcmp(kind, "end") == 0) {
        b->ends++;
        b->ended = true;
    }
    if (strcmp(kind, "progress") == 0) {
        b->progress++;
        if (b->on_progress)
            cr_expect(snapferry_command(b->handle, b->on_progress, strlen(b->on_progress)));
        if (b->stop_on_progress)
            snapferry_stop(b->handle);
    }
    json_decref(event);
}

static void make_file(const char *path, size_t bytes)
{
    FILE *file = fopen(path, "w");
    unsigned state = 1;

    cr_assert_not_null(file);
    for (size_t i = 0; i < bytes / sizeof state; i++) {
        state = state * 1664525 + 1013904223;
        fwrite(&state, sizeof state, 1, file);
    }
    fclose(file);
}

/* limits: of the job, so that it can be made as slow as a test needs. */
static void bench_open(struct bench *b, const char *limits)
{
    struct snapferry_options options = {
        .size = sizeof options, .event = take, .user = b, .renew_wait_seconds = 5};
    const char *temp = getenv("TMPDIR");
    char path[PATH_BYTES + 20];

    memset(b, 0, sizeof *b);
    b->exit = -1;
    snprintf(b->folder, sizeof b->folder, "%s/library.XXXXXX", temp ? temp : "/var/tmp");
    cr_assert_not_null(mkdtemp(b->folder));
    snprintf(path, sizeof path, "%s/source", b->folder);
    make_file(path, DISK_BYTES);
    snprintf(b->job, sizeof b->job,
             "{\"restorePoints\":[{\"id\":\"p\",\"disks\":[{\"id\":\"d\",\"source\":{\"url\":\"%s/"
             "source\"},"
             "\"target\":{\"url\":\"%s/target\"},\"journal\":\"%s/journal\"}]}],\"limits\":{%s},"
             "\"report\":{\"intervalMs\":100}}",
             b->folder, b->folder, b->folder, limits);
    b->handle = snapferry_new(&options, b->job, strlen(b->job));
    cr_assert_not_null(b->handle);
}

static void bench_close(struct bench *b)
{
    static const char *const names[] = {"source", "target", "target.snapferry", "journal"};
    char path[PATH_BYTES + 20];

    snapferry_free(b->handle);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", b->folder, names[i]);
        unlink(path);
    }
    cr_expect_eq(rmdir(b->folder), 0, "%s", b->folder);
    cr_expect_eq(b->stray, 0, "events came in another thread, or behind the end");
}

static void bench_run(struct bench *b)
{
    b->runner = pthread_self();
    b->exit = snapferry_run(b->handle);
}

static void *run_apart(void *arg)
{
    bench_run(arg);
    return NULL;
}

Test(snapferry, copies_and_ends_with_end)
{
    struct bench b;

    bench_open(&b, "");
    bench_run(&b);
    cr_expect_eq(b.exit, SNAPFERRY_DONE);
    cr_expect_eq(b.ends, 1);
    cr_expect_geq(b.lines, 4);
    cr_expect_eq(snapferry_command(b.handle, COMMAND("late"), strlen(COMMAND("late"))), 0);
    snapferry_stop(b.handle);
    cr_expect_eq(snapferry_run(b.handle), SNAPFERRY_INVALID, "once is enough");
    cr_expect_eq(b.ends, 1);
    bench_close(&b);
}

Test(snapferry, commands_that_came_before_the_run_are_answered_in_it)
{
    struct bench b;

    bench_open(&b, "");
    for (unsigned i = 0; i < 10; i++)
        cr_expect_eq(snapferry_command(b.handle, COMMAND("x"), strlen(COMMAND("x"))), 1);
    cr_expect_eq(snapferry_command(b.handle, "no json", 7), 1);
    bench_run(&b);
    cr_expect_eq(b.exit, SNAPFERRY_DONE);
    cr_expect_eq(b.answers, 11);
    cr_expect_eq(b.accepted, 10);
    bench_close(&b);
}

Test(snapferry, what_waits_is_bounded_and_freed_without_a_run)
{
    struct bench b;
    unsigned taken = 0;

    bench_open(&b, "");
    while (taken < 100000 && snapferry_command(b.handle, COMMAND("x"), strlen(COMMAND("x"))))
        taken++;
    cr_expect_eq(taken, 4096);
    bench_close(&b);
}

Test(snapferry, a_line_that_is_too_long_is_refused_alone)
{
    char *longer = malloc(1 << 20);
    struct bench b;

    cr_assert_not_null(longer);
    memset(longer, ' ', 1 << 20);
    bench_open(&b, "");
    cr_expect_eq(snapferry_command(b.handle, longer, 1 << 20), 1);
    cr_expect_eq(snapferry_command(b.handle, COMMAND("x"), strlen(COMMAND("x"))), 1);
    bench_run(&b);
    cr_expect_eq(b.exit, SNAPFERRY_DONE);
    cr_expect_eq(b.answers, 2);
    cr_expect_eq(b.accepted, 1);
    bench_close(&b);
    free(longer);
}

struct commander {
    struct bench *b;
    unsigned taken;
};

static void *command_often(void *arg)
{
    struct commander *c = arg;

    while (c->taken < ANSWERS_MAX &&
           snapferry_command(c->b->handle, COMMAND("x"), strlen(COMMAND("x"))))
        c->taken++;
    return NULL;
}

/* A copy of 24 MiB at 2 MiB/s lasts until it is stopped. */
Test(snapferry, threads_command_and_stop_a_run)
{
    struct commander commanders[4];
    pthread_t threads[4], runner;
    struct bench b;

    bench_open(&b, "\"bytesPerSecond\":2097152");
    cr_assert_eq(pthread_create(&runner, NULL, run_apart, &b), 0);
    for (unsigned i = 0; i < 4; i++) {
        commanders[i] = (struct commander){&b, 0};
        cr_assert_eq(pthread_create(&threads[i], NULL, command_often, &commanders[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        cr_expect_eq(commanders[i].taken, ANSWERS_MAX);
    }
    while (b.answers < 4 * ANSWERS_MAX || b.progress < 2)
        usleep(1000);
    snapferry_stop(b.handle);
    snapferry_stop(b.handle);
    pthread_join(runner, NULL);
    cr_expect_eq(b.exit, SNAPFERRY_STOPPED);
    cr_expect_eq(b.answers, 4 * ANSWERS_MAX);
    cr_expect_eq(b.ends, 1);
    bench_close(&b);
}

Test(snapferry, the_callback_may_command_and_stop)
{
    struct bench b;

    bench_open(&b, "\"bytesPerSecond\":2097152");
    b.on_progress = "{\"command\":\"setLimits\",\"bytesPerSecond\":4194304}";
    b.stop_on_progress = true;
    bench_run(&b);
    cr_expect_eq(b.exit, SNAPFERRY_STOPPED);
    cr_expect_geq(b.accepted, 1);
    bench_close(&b);
}

Test(snapferry, a_run_that_was_stopped_before_begins_nothing_new)
{
    struct bench b;

    bench_open(&b, "\"bytesPerSecond\":65536");
    snapferry_stop(b.handle);
    bench_run(&b);
    cr_expect_eq(b.exit, SNAPFERRY_STOPPED);
    cr_expect_eq(b.ends, 1);
    bench_close(&b);
}

Test(snapferry, two_run_side_by_side)
{
    struct bench b[2];
    pthread_t runners[2];

    for (unsigned i = 0; i < 2; i++) {
        bench_open(&b[i], "\"memoryBytes\":16777216");
        cr_assert_eq(pthread_create(&runners[i], NULL, run_apart, &b[i]), 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(runners[i], NULL);
        cr_expect_eq(b[i].exit, SNAPFERRY_DONE);
        bench_close(&b[i]);
    }
}

static unsigned ends_seen;

static void count_ends(void *user, const char *line, size_t bytes)
{
    (void)user;
    (void)bytes;
    ends_seen += strstr(line, "\"event\":\"end\"") != NULL;
}

Test(snapferry, a_job_or_option_that_is_wrong_is_said_and_not_begun)
{
    struct snapferry_options options = {.size = sizeof options, .event = count_ends};
    struct snapferry *handle = snapferry_new(&options, "{", 1);

    cr_assert_not_null(handle);
    cr_expect_eq(snapferry_run(handle), SNAPFERRY_INVALID);
    cr_expect_eq(ends_seen, 1);
    snapferry_free(handle);
    options.size = 4;
    cr_expect_null(snapferry_new(&options, "{}", 2));
    options.size = sizeof options + 8;
    cr_expect_null(snapferry_new(&options, "{}", 2));
    options.size = sizeof options;
    options.event = NULL;
    cr_expect_null(snapferry_new(&options, "{}", 2));
    cr_expect_null(snapferry_new(NULL, "{}", 2));
    snapferry_free(NULL);
}

Test(snapferry, options_of_an_older_caller_are_taken)
{
    struct snapferry_options options = {
        .size = offsetof(struct snapferry_options, state_folder),
        .event = count_ends,
        .state_folder = (const char *)1 /* behind the size: not looked at */
    };
    struct snapferry *handle = snapferry_new(&options, "[]", 2);

    cr_assert_not_null(handle);
    cr_expect_eq(snapferry_run(handle), SNAPFERRY_INVALID);
    snapferry_free(handle);
}

Test(snapferry, signals_are_as_they_were)
{
    sigset_t before, after;
    struct bench b;

    bench_open(&b, "");
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    bench_run(&b);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int i = 1; i < SIGRTMIN; i++)
        cr_expect_eq(sigismember(&before, i), sigismember(&after, i), "%d", i);
    bench_close(&b);
}
