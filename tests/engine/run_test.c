/* run_test.c - events reach every listener as lines, commands are answered to who sent them, END is last. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "engine/run.h"
#include "tests/support/job_case.h"

#define LINES_MAX 512u

struct listener {
    struct event_sink sink; /* first */
    json_t *lines[LINES_MAX];
    uint32_t count;
};

static void take(struct event_sink *sink, const struct event *event, const char *line, size_t bytes)
{
    struct listener *listener = (struct listener *)sink;
    json_error_t error;

    cr_assert(listener->count < LINES_MAX);
    cr_assert_null(memchr(line, '\n', bytes));
    listener->lines[listener->count] = json_loadb(line, bytes, 0, &error);
    cr_assert(listener->lines[listener->count], "%s: %s", error.text, line);
    cr_assert_str_eq(json_string_value(json_object_get(listener->lines[listener->count], "event")),
                     event_kind_name(event->kind));
    listener->count++;
}

static const char *text_of(const struct listener *listener, uint32_t at, const char *name)
{
    const char *text = json_string_value(json_object_get(listener->lines[at], name));

    return text ? text : "";
}

static void forget(struct listener *listener)
{
    for (uint32_t i = 0; i < listener->count; i++)
        json_decref(listener->lines[i]);
    listener->count = 0;
}

struct bench {
    struct job_case c;
    struct run *run;
    struct listener all, peer;
    bool ended;
};

static void on_ended(void *arg)
{
    struct bench *b = arg;

    cr_assert_not(b->ended);
    b->ended = true;
}

static void begin(struct bench *b)
{
    struct run_setup setup = {.ended = on_ended, .arg = b};
    struct err e = {0};

    memset(b, 0, sizeof *b);
    b->all.sink.take = b->peer.sink.take = take;
    job_case_open(&b->c, NULL);
    job_case_point(&b->c, "rp");
    setup.job = (struct job_setup){.reactor = b->c.region.reactor,
                                   .http = b->c.region.http,
                                   .pool = b->c.region.pool,
                                   .share = b->c.share,
                                   .spec = &b->c.spec,
                                   .state_folder = b->c.state,
                                   .random_seed = 1};
    job_case_disk(&b->c, "a", job_case_file(&b->c, "s1", JOB_CASE_MIB, 1),
                  job_case_path(&b->c, "t1"));
    job_case_disk(&b->c, "b", job_case_file(&b->c, "s2", JOB_CASE_MIB, 2),
                  job_case_path(&b->c, "t2"));
    b->run = run_new(&setup, &e);
    cr_assert(b->run, "%s", e.text);
    run_add_sink(b->run, &b->all.sink);
}

static void command(struct bench *b, const char *line, struct event_sink *only)
{
    run_command(b->run, line, strlen(line), only);
}

static void finish(struct bench *b)
{
    while (!b->ended)
        blob_bench_turn(&b->c.region);
    cr_assert(run_ended(b->run));
}

static void end(struct bench *b)
{
    run_free(b->run);
    forget(&b->all);
    forget(&b->peer);
    job_case_close(&b->c);
}

Test(run, tells_every_listener_all_of_it_and_the_end_last)
{
    struct bench b;
    struct listener second = {.sink.take = take};

    begin(&b);
    run_add_sink(b.run, &second.sink);
    run_warn(b.run, "Something to know.");
    cr_assert_str_eq(text_of(&second, 0, "event"), "warning");
    run_start(b.run);
    finish(&b);
    cr_assert_eq(b.all.count, second.count);
    cr_assert_str_eq(text_of(&b.all, b.all.count - 1, "event"), "end");
    cr_assert_eq(json_integer_value(json_object_get(b.all.lines[b.all.count - 1], "exit")), 0);
    cr_assert_str_eq(text_of(&b.all, b.all.count - 2, "restorePoint"), "rp");
    cr_assert_str_eq(text_of(&b.all, b.all.count - 2, "code"), "ReplicationState/succeeded");
    cr_assert_eq(run_exit(b.run), 0);
    forget(&second);
    end(&b);
}

Test(run, answers_who_asked_and_all_listeners_once)
{
    struct bench b;
    uint32_t at;

    begin(&b);
    run_start(b.run);
    at = b.all.count;
    command(&b, "{\"command\":\"pause\",\"disk\":\"a\",\"tag\":\"t7\"}", &b.peer.sink);
    cr_assert_eq(b.peer.count, 1u);
    cr_assert_str_eq(text_of(&b.peer, 0, "tag"), "t7");
    cr_assert(json_is_true(json_object_get(b.peer.lines[0], "accepted")));
    cr_assert_eq(b.all.count, at + 2, "the state, and one answer");
    command(&b, "{\"command\":\"status\"}", &b.all.sink);
    cr_assert_eq(b.all.count, at + 3, "one who hears everything is answered once");
    cr_assert_eq(b.peer.count, 1u);
    run_stop(b.run);
    finish(&b);
    cr_assert_eq(run_exit(b.run), 3);
    cr_assert_eq(b.peer.count, 1u, "a peer hears its answers alone");
    end(&b);
}

Test(run, refuses_bad_commands_and_goes_on)
{
    struct bench b;
    static const char *const bad[] = {"{", "[]", "{\"command\":\"dance\"}", "",
                                      "{\"command\":\"pause\",\"disk\":\"nobody\"}"};
    uint32_t i;

    begin(&b);
    run_start(b.run);
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        command(&b, bad[i], &b.peer.sink);
        cr_assert_eq(b.peer.count, i + 1);
        cr_assert(json_is_false(json_object_get(b.peer.lines[i], "accepted")));
        cr_assert_str_not_empty(text_of(&b.peer, i, "message"));
    }
    run_refuse_line(b.run, "the line is longer than 65536 bytes", &b.peer.sink);
    cr_assert(strstr(text_of(&b.peer, i, "message"), "65536"));
    finish(&b);
    cr_assert_eq(run_exit(b.run), 0);
    end(&b);
}

Test(run, does_not_answer_a_listener_that_is_gone)
{
    struct bench b;
    char line[1024];

    begin(&b);
    job_case_blob(&b.c, "x", JOB_CASE_MIB, 1);
    run_start(b.run);
    while (strcmp(text_of(&b.all, b.all.count - 1, "code"), "ReplicationState/inProgress") != 0)
        blob_bench_turn(&b.c.region);
    snprintf(line, sizeof line,
             "{\"command\":\"renewAccess\",\"disk\":\"a\",\"side\":\"source\",\"url\":\"%s\"}",
             job_case_url(&b.c, "x", NULL, "r", 600));
    command(&b, line, &b.peer.sink);
    run_remove_sink(b.run, &b.peer.sink);
    run_remove_sink(b.run, &b.peer.sink); /* and once more is fine */
    b.peer.sink.take = NULL;
    finish(&b);
    end(&b);
}

Test(run, answers_after_the_end_to_who_asked_alone)
{
    struct bench b;
    uint32_t at;

    begin(&b);
    run_start(b.run);
    finish(&b);
    at = b.all.count;
    command(&b, "{\"command\":\"pause\",\"disk\":\"a\"}", &b.peer.sink);
    command(&b, "{\"command\":\"status\"}", &b.peer.sink);
    cr_assert_eq(b.peer.count, 2u);
    cr_assert(strstr(text_of(&b.peer, 0, "message"), "ended"));
    cr_assert_eq(b.all.count, at, "END is the last line");
    end(&b);
}
