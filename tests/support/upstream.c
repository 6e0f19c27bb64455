/* upstream.c - see upstream.h. */
#include "tests/support/upstream.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX_BYTES (64u << 20)
#define STEP_MS        20u
#define LONG_STEP_MS   200u
#define STEPS_MAX      150000u

/* ---- The server ---- */

static void copy_header(char *target, size_t bytes, struct http_call *call, const char *name)
{
    const char *value = http_call_header(call, name);

    snprintf(target, bytes, "%s", value ? value : "");
}

static unsigned count_lines(const char *body, size_t bytes)
{
    unsigned lines = 0;

    for (size_t i = 0; i < bytes; i++)
        lines += body[i] == '\n';
    return lines;
}

static unsigned long long *highest_of(struct upstream *up, const char *stream)
{
    unsigned i = 0;

    while (i < up->streams_count && strcmp(up->streams[i].stream, stream) != 0)
        i++;
    cr_assert_lt(i, 16);
    if (i == up->streams_count)
        memcpy(up->streams[up->streams_count++].stream, stream, sizeof up->streams[0].stream);
    return &up->streams[i].highest;
}

/* As event_http.h says: lines up to the highest number taken of the stream came before. */
static void store(struct upstream *up, const struct upstream_post *post, const char *body)
{
    unsigned long long first, last, *highest = highest_of(up, post->stream);

    cr_assert_eq(sscanf(post->numbers, "%llu-%llu", &first, &last), 2);
    cr_assert_eq(last - first + 1, post->lines);
    for (unsigned long long number = first; number <= last; number++) {
        size_t bytes = (size_t)(strchr(body, '\n') - body) + 1;

        up->taken_lines++;
        if (number <= *highest) {
            up->repeated_lines++;
        } else {
            cr_assert_lt(up->text_bytes + bytes, TEXT_MAX_BYTES);
            memcpy(up->text + up->text_bytes, body, bytes);
            up->text_bytes += bytes;
            *highest = number;
        }
        body += bytes;
    }
    up->text[up->text_bytes] = '\0';
}

static void on_begin(void *arg, struct http_call *call)
{
    (void)arg;
    (void)call;
}

static void on_ready(void *arg, struct http_call *call)
{
    struct upstream *up = arg;
    struct upstream_post *post = &up->posts[up->posts_count];
    struct http_header retry_after = {"Retry-After", NULL};
    struct http_reply reply = {.headers = &retry_after};
    const char *query = http_call_query(call, "code");
    const char *bytes = http_call_body(call, &post->bytes);
    char *body = strndup(bytes, post->bytes);

    cr_assert_lt(up->posts_count++, UPSTREAM_POSTS_MAX);
    cr_assert_eq(http_call_method(call), HTTP_POST);
    cr_assert_str_eq(http_call_path(call), "/report");
    copy_header(post->stream, sizeof post->stream, call, "X-Snapferry-Stream");
    copy_header(post->numbers, sizeof post->numbers, call, "X-Snapferry-Lines");
    copy_header(up->content_type, sizeof up->content_type, call, "Content-Type");
    copy_header(up->authorization, sizeof up->authorization, call, "Authorization");
    snprintf(up->query, sizeof up->query, "%s", query ? query : "");
    post->lines = count_lines(body, post->bytes);
    post->at_ns = reactor_now_ns(up->rig.r);
    post->status = up->answer ? up->answer(up, post, body) : 200;
    retry_after.value = up->retry_after;
    reply.header_count = up->retry_after != NULL;
    reply.status = post->status;
    if (post->status / 100 == 2)
        store(up, post, body);
    free(body);
    if (post->status != UPSTREAM_HOLD)
        http_call_answer(call, &reply);
}

void upstream_up(struct upstream *up)
{
    struct http_server_options options = {.host = "127.0.0.1",
                                          .port = up->port,
                                          .memory_budget_bytes = 64u << 20};
    struct http_server_handler handler = {.begin = on_begin, .ready = on_ready, .arg = up};
    struct err e = {0};

    handler.gone = on_begin;
    up->server = http_server_new(up->rig.r, &options, &handler, &e);
    cr_assert(up->server, "%s", e.text);
    up->port = http_server_port(up->server);
}

void upstream_down(struct upstream *up)
{
    http_server_free(up->server);
    up->server = NULL;
}

/* ---- Life ---- */

void upstream_begin(struct upstream *up, bool simulated)
{
    struct http_options options = {.connections_max = 1};
    struct err e = {0};

    memset(up, 0, sizeof *up);
    up->text = calloc(1, TEXT_MAX_BYTES);
    if (simulated)
        rig_open_simulated(&up->rig, REACTOR_AUTO);
    else
        rig_open(&up->rig, REACTOR_AUTO);
    up->http = http_new(up->rig.r, &options, &e);
    cr_assert(up->http, "%s", e.text);
    upstream_up(up);
    snprintf(up->url, sizeof up->url, "http://127.0.0.1:%u/report?" UPSTREAM_QUERY, up->port);
    test_temp_path(up->folder, "spool");
}

static void each_file(const struct upstream *up,
                      void (*fn)(const char *path, const char *name, void *arg), void *arg)
{
    DIR *dir = opendir(up->folder);
    struct dirent *entry;
    char path[1024];

    while (dir && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", up->folder, entry->d_name);
        fn(path, entry->d_name, arg);
    }
    if (dir)
        closedir(dir);
}

static void remove_file(const char *path, const char *name, void *arg)
{
    (void)name;
    (void)arg;
    cr_assert_eq(unlink(path), 0);
}

void upstream_end(struct upstream *up)
{
    http_server_free(up->server);
    while (reactor_busy(up->rig.r)) /* connections of ours that end */
        rig_peek(&up->rig);
    http_free(up->http);
    rig_until_idle(&up->rig);
    rig_close(&up->rig);
    each_file(up, remove_file, NULL);
    rmdir(up->folder);
    free(up->text);
}

/* ---- Reporters ---- */

static void say(void *arg, const char *sentence)
{
    struct upstream *up = arg;
    size_t used = strlen(up->said);

    snprintf(up->said + used, sizeof up->said - used, "%s\n", sentence);
}

struct event_http *upstream_reporter_of(struct upstream *up, struct event_http_setup setup)
{
    struct err e = {0};
    struct event_http *h;

    setup.reactor = up->rig.r;
    setup.http = up->http;
    setup.url = up->url;
    setup.token = UPSTREAM_TOKEN;
    setup.interval_ms = setup.interval_ms ? setup.interval_ms : 100;
    setup.random_seed = (uint64_t)getpid() << 32 ^ (uint64_t)(uintptr_t)&setup ^
                        ((uint64_t)random() << 20) ^ clock_thread_cpu_ns();
    setup.say = say;
    setup.arg = up;
    h = event_http_new(&setup, &e);
    cr_assert(h, "%s", e.text);
    return h;
}

struct event_http *upstream_reporter(struct upstream *up)
{
    return upstream_reporter_of(up, (struct event_http_setup){.spool_folder = up->folder});
}

void upstream_tell(struct event_http *h, enum event_kind kind, const char *disk, const char *line)
{
    struct event event = {.kind = kind, .disk = disk};
    struct event_sink *sink = event_http_sink(h);

    sink->take(sink, &event, line, strlen(line));
}

void upstream_tell_numbered(struct event_http *h, enum event_kind kind, unsigned first,
                            unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        char line[160];

        snprintf(line, sizeof line, "{\"n\":%u,\"text\":\"%0100u\"}", i, i);
        upstream_tell(h, kind, "d", line);
    }
}

/* ---- Turns ---- */

static void step_by(struct upstream *up, uint32_t ms)
{
    rig_peek(&up->rig);
    if (!up->rig.clock.simulated) {
        usleep(500);
        return;
    }
    usleep(200);
    clock_advance(&up->rig.clock, ms * NS_PER_MS);
}

static void step(struct upstream *up)
{
    step_by(up, STEP_MS);
}

void upstream_until(struct upstream *up, unsigned taken_lines)
{
    for (unsigned i = 0; up->taken_lines < taken_lines; i++) {
        cr_assert_lt(i, STEPS_MAX, "%u of %u lines; said: %s", up->taken_lines, taken_lines,
                     up->said);
        step(up);
    }
}

void upstream_until_posts(struct upstream *up, unsigned posts)
{
    for (unsigned i = 0; up->posts_count < posts; i++) {
        cr_assert_lt(i, STEPS_MAX, "%u of %u posts", up->posts_count, posts);
        step(up);
    }
}

void upstream_until_said(struct upstream *up, const char *words)
{
    for (unsigned i = 0; !strstr(up->said, words); i++) {
        cr_assert_lt(i, STEPS_MAX, "not said: %s\nbut: %s", words, up->said);
        step(up);
    }
}

void upstream_pass(struct upstream *up, uint32_t ms)
{
    uint32_t step_ms = ms > 100 * LONG_STEP_MS ? LONG_STEP_MS : STEP_MS;

    for (uint32_t passed = 0; passed < ms; passed += step_ms)
        step_by(up, step_ms);
}

static void on_done(void *arg)
{
    *(bool *)arg = true;
}

void upstream_finish(struct upstream *up, struct event_http *h, uint32_t wait_ms)
{
    bool done = false;

    event_http_finish(h, wait_ms * NS_PER_MS, on_done, &done);
    for (unsigned i = 0; !done; i++) {
        cr_assert_lt(i, STEPS_MAX);
        step(up);
    }
    event_http_free(h);
}

/* ---- What came ---- */

void upstream_expect_numbered(const struct upstream *up, unsigned first, unsigned count)
{
    const char *at = up->text;

    for (unsigned i = first; i < first + count; i++) {
        char line[160];
        size_t bytes = (size_t)sprintf(line, "{\"n\":%u,\"text\":\"%0100u\"}\n", i, i);

        cr_assert_eq(strncmp(at, line, bytes), 0, "%.160s\ninstead of %s", at, line);
        at += bytes;
    }
    cr_assert_eq((size_t)(at - up->text), up->text_bytes, "more came: %.160s", at);
}

static void count_file(const char *path, const char *name, void *arg)
{
    (void)path;
    (void)name;
    ++*(unsigned *)arg;
}

unsigned upstream_files(const struct upstream *up)
{
    unsigned count = 0;

    each_file(up, count_file, &count);
    return count;
}

static void expect_clean(const char *path, const char *name, void *arg)
{
    FILE *file = fopen(path, "r");
    char *bytes = malloc(TEXT_MAX_BYTES);
    size_t count;

    (void)arg;
    cr_assert(file);
    count = fread(bytes, 1, TEXT_MAX_BYTES, file);
    fclose(file);
    cr_assert_null(strstr(name, "report?"));
    cr_assert_null(memmem(bytes, count, "qu3ry", 5));
    cr_assert_null(memmem(bytes, count, "t0psecret", 9));
    cr_assert_null(memmem(bytes, count, "127.0.0.1", 9));
    free(bytes);
}

void upstream_expect_no_secret(const struct upstream *up)
{
    each_file(up, expect_clean, NULL);
    cr_assert_null(strstr(up->said, "qu3ry"), "%s", up->said);
    cr_assert_null(strstr(up->said, "t0psecret"), "%s", up->said);
    cr_assert_null(strstr(up->said, "://127"), "%s", up->said);
    cr_assert_null(strstr(up->said, "://control"), "%s", up->said);
}
