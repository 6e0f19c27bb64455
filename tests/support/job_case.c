/* job_case.c - see job_case.h. */
#include "tests/support/job_case.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "io/auth.h"
#include "io/endpoint_mem.h"
#include "tests/support/raw_http.h"

/* ---- Life ---- */

static void remove_folder(const char *folder)
{
    char command[TEST_PATH_MAX_BYTES + 16];

    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert_eq(system(command), 0);
}

void job_case_open(struct job_case *c, const char *faults)
{
    struct err e = {0};

    memset(c, 0, sizeof *c);
    blob_bench_begin(&c->region, faults);
    test_temp_path(c->folder, "job");
    remove_folder(c->folder);
    cr_assert_eq(mkdir(c->folder, 0700), 0);
    snprintf(c->state, sizeof c->state, "%s/state", c->folder);
    job_spec_init(&c->spec);
    c->spec.limits = (struct job_limits){.memory_bytes = 64 * BUF_BYTES};
    c->spec.report.interval_ms = JOB_INTERVAL_MIN_MS;
    c->share = share_new(c->region.reactor, c->region.pool, &c->spec.limits, &e);
    cr_assert(c->share, "%s", e.text);
    c->events = calloc(JOB_CASE_EVENTS_MAX, sizeof *c->events);
    cr_assert(c->events);
}

void job_case_forget(struct job_case *c)
{
    cr_assert_null(c->job);
    job_spec_fini(&c->spec);
    job_spec_init(&c->spec);
    c->spec.report.interval_ms = JOB_INTERVAL_MIN_MS;
    c->events_count = 0;
}

void job_case_close(struct job_case *c)
{
    cr_assert_null(c->job);
    cr_assert_eq(bufpool_borrowed_count(c->region.pool), 0u, "a buffer was not given back");
    share_free(c->share);
    job_spec_fini(&c->spec);
    blob_bench_end(&c->region);
    remove_folder(c->folder);
    free(c->events);
}

/* ---- Disks ---- */

void job_case_point(struct job_case *c, const char *id)
{
    struct job_spec *spec = &c->spec;

    spec->points = realloc(spec->points, (spec->points_count + 1) * sizeof *spec->points);
    cr_assert(spec->points);
    spec->points[spec->points_count++] =
        (struct job_point){.id = strdup(id), .first_disk = spec->disks_count};
}

struct job_disk *job_case_disk(struct job_case *c, const char *id, const char *source,
                               const char *target)
{
    struct job_spec *spec = &c->spec;

    cr_assert(spec->points_count && spec->disks_count < JOB_CASE_DISKS_MAX);
    spec->disks = realloc(spec->disks, (spec->disks_count + 1) * sizeof *spec->disks);
    cr_assert(spec->disks);
    spec->points[spec->points_count - 1].disk_count++;
    spec->disks[spec->disks_count] = (struct job_disk){.id = strdup(id),
                                                       .point = spec->points_count - 1,
                                                       .priority = JOB_PRIORITY_DEFAULT,
                                                       .source.text = strdup(source),
                                                       .target.text = strdup(target)};
    return &spec->disks[spec->disks_count++];
}

const char *job_case_path(const struct job_case *c, const char *name)
{
    static char paths[4][TEST_PATH_MAX_BYTES + 64];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", c->folder, name);
    return path;
}

const char *job_case_file(const struct job_case *c, const char *name, uint64_t bytes, uint64_t seed)
{
    const char *path = job_case_path(c, name);
    unsigned char *content = malloc(bytes);
    FILE *file = fopen(path, "w");

    cr_assert(content && file);
    endpoint_pattern_fill(seed, 0, 0, content, bytes);
    cr_assert_eq(fwrite(content, 1, bytes, file), bytes);
    fclose(file);
    free(content);
    return path;
}

static void put_bytes(struct job_case *c, const char *name, uint64_t offset, const void *content,
                      size_t bytes)
{
    char path[128], headers[128];

    snprintf(path, sizeof path, "/ccc/%s?comp=page", name);
    snprintf(headers, sizeof headers, "x-ms-page-write: update\r\nx-ms-range: bytes=%llu-%llu\r\n",
             (unsigned long long)offset, (unsigned long long)(offset + bytes - 1));
    blob_bench_owner(&c->region, 201, BENCH_ACCOUNT, "PUT", path, headers, content, bytes, "");
}

static void put_piece(struct job_case *c, const char *name, uint64_t offset, uint64_t bytes,
                      uint64_t seed)
{
    unsigned char *content = malloc(bytes);

    cr_assert(content);
    endpoint_pattern_fill(seed, 0, offset, content, bytes);
    put_bytes(c, name, offset, content, bytes);
    free(content);
}

void job_case_spoil(struct job_case *c, const char *name, uint64_t offset)
{
    unsigned char page[512];

    memset(page, 1, sizeof page);
    put_bytes(c, name, offset, page, sizeof page);
}

void job_case_blob(struct job_case *c, const char *name, uint64_t bytes, uint64_t seed)
{
    char path[128], headers[128];

    snprintf(path, sizeof path, "/ccc/%s", name);
    snprintf(headers, sizeof headers,
             "x-ms-blob-type: PageBlob\r\nx-ms-blob-content-length: %llu\r\n",
             (unsigned long long)bytes);
    blob_bench_owner(&c->region, 201, BENCH_ACCOUNT, "PUT", path, headers, NULL, 0, "");
    for (uint64_t at = 0; at < bytes; at += BUF_BYTES)
        put_piece(c, name, at, bytes - at < BUF_BYTES ? bytes - at : BUF_BYTES, seed);
}

void job_case_snapshot(struct job_case *c, const char *name, char out_snapshot[64])
{
    char path[128];

    snprintf(path, sizeof path, "/ccc/%s?comp=snapshot", name);
    snprintf(out_snapshot, 64, "%s",
             blob_bench_owner(&c->region, 201, BENCH_ACCOUNT, "PUT", path, NULL, NULL, 0,
                              "x-ms-snapshot"));
}

const char *job_case_url(struct job_case *c, const char *name, const char *snapshot,
                         const char *permissions, int64_t life_s)
{
    static char urls[4][2048];
    static unsigned next;
    char *url = urls[next++ % 4];
    char resource[200], expiry[40];
    time_t end = time(NULL) + (time_t)life_s;
    struct auth_sas sas = {.version = "2020-12-06",
                           .resource = resource,
                           .kind = snapshot ? "bs" : "b",
                           .snapshot = snapshot,
                           .permissions = permissions,
                           .expiry = expiry};
    struct auth_key key;
    struct err e = {0};
    struct tm tm;
    char *query;

    strftime(expiry, sizeof expiry, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&end, &tm));
    snprintf(resource, sizeof resource, "/blob/" BENCH_ACCOUNT "/ccc/%s", name);
    cr_assert(auth_key_parse(AUTH_DEVELOPMENT_KEY, &key, &e), "%s", e.text);
    query = auth_sas_query(&sas, &key);
    snprintf(url, sizeof urls[0], "http://127.0.0.1:%u/" BENCH_ACCOUNT "/ccc/%s?%s",
             c->region.region.port, name, query);
    secret_wipe_free(query);
    return url;
}

const char *job_case_snapshot_url(struct job_case *c, const char *name)
{
    char snapshot[64];

    job_case_snapshot(c, name, snapshot);
    return job_case_url(c, name, snapshot, "r", 3600);
}

void job_case_expect_blob(struct job_case *c, const char *name, uint64_t bytes, uint64_t seed)
{
    struct raw_request request = {.method = "GET", .account = BENCH_ACCOUNT};
    unsigned char *content = malloc(bytes);
    struct raw_answer answer;
    char target[128];
    int fd = raw_connect(c->region.region.port);

    cr_assert(content);
    endpoint_pattern_fill(seed, 0, 0, content, bytes);
    snprintf(target, sizeof target, "/" BENCH_ACCOUNT "/ccc/%s", name);
    request.target = target;
    cr_assert(raw_exchange(fd, &request, &answer));
    close(fd);
    cr_assert_eq(answer.status, 200u);
    cr_assert_eq(answer.body_bytes, bytes);
    cr_assert_eq(memcmp(answer.body, content, bytes), 0, "%s differs", name);
    raw_answer_fini(&answer);
    free(content);
}

void job_case_same_files(const struct job_case *c, const char *one, const char *other)
{
    char command[3 * TEST_PATH_MAX_BYTES];

    snprintf(command, sizeof command, "cmp '%s/%s' '%s/%s'", c->folder, one, c->folder, other);
    cr_assert_eq(system(command), 0, "%s and %s differ", one, other);
}

/* ---- Events ---- */

static void check(const struct job_case *c, const struct job_case_event *event)
{
    cr_assert_null(strstr(event->message, "sig="), "%s", event->message);
    cr_assert_null(strstr(event->error.text, "sig="), "%s", event->error.text);
    if (event->kind == EVENT_ANSWER || !event->disk[0])
        return;
    for (uint32_t i = 0; i < c->events_count; i++) {
        const struct job_case_event *before = &c->events[i];

        if (strcmp(before->disk, event->disk) != 0)
            continue;
        cr_assert(before->kind != EVENT_SUMMARY, "%s: something came after its summary",
                  event->disk);
        if (before->kind == EVENT_PROGRESS &&
            (event->kind == EVENT_PROGRESS || event->kind == EVENT_SUMMARY))
            cr_assert_geq(event->progress.percent, before->progress.percent,
                          "%s: the percentage went back", event->disk);
    }
    if (event->code != EVENT_SUCCEEDED)
        cr_assert_lt(event->progress.percent, 100, "%s: 100 too early", event->disk);
}

static void on_told(void *arg, const struct event *event)
{
    struct job_case *c = arg;
    struct job_case_event *kept = &c->events[c->events_count];

    cr_assert(c->events_count < JOB_CASE_EVENTS_MAX && event->time_ns);
    *kept = (struct job_case_event){.kind = event->kind,
                                    .code = event->code,
                                    .side = event->side,
                                    .progress = event->progress,
                                    .accepted = event->accepted,
                                    .attempts = event->attempts,
                                    .statuses_count = event->statuses_count,
                                    .ticket = event->ticket,
                                    .has_copy = event->copy != NULL};
    snprintf(kept->disk, sizeof kept->disk, "%s", event->disk ? event->disk : "");
    snprintf(kept->point, sizeof kept->point, "%s", event->point ? event->point : "");
    snprintf(kept->message, sizeof kept->message, "%s", event->message ? event->message : "");
    if (event->error)
        kept->error = *event->error;
    if (event->copy)
        kept->copy = *event->copy;
    if (event->statuses_count)
        kept->status_code = event->statuses[0].code;
    check(c, kept);
    c->events_count++;
    if (c->watch)
        c->watch(c, event);
}

static void on_ended(void *arg)
{
    struct job_case *c = arg;

    cr_assert_not(c->ended, "a job ends once");
    c->ended = true;
}

/* ---- Run ---- */

void job_case_start(struct job_case *c)
{
    struct err e = {0};

    c->ended = false;
    c->setup.reactor = c->region.reactor;
    c->setup.http = c->region.http;
    c->setup.pool = c->region.pool;
    c->setup.share = c->share;
    c->setup.spec = &c->spec;
    c->setup.state_folder = c->stateless ? NULL : c->state;
    c->setup.random_seed = 1;
    c->setup.told = on_told;
    c->setup.ended = on_ended;
    c->setup.arg = c;
    c->job = job_new(&c->setup, &e);
    cr_assert(c->job, "%s", e.text);
    job_start(c->job);
}

static void turn(struct job_case *c)
{
    struct err e = {0};

    cr_assert(reactor_turn(c->region.reactor, NS_PER_S, &e), "%s", e.text);
}

int job_case_finish(struct job_case *c)
{
    int status;

    uint64_t limit_ns = reactor_now_ns(c->region.reactor) + 2 * JOB_CASE_WAIT_NS;

    while (!c->ended) {
        cr_assert_lt(reactor_now_ns(c->region.reactor), limit_ns, "the job does not end");
        turn(c);
    }
    cr_assert(job_ended(c->job));
    status = job_exit(c->job);
    job_free(c->job);
    c->job = NULL;
    return status;
}

int job_case_run(struct job_case *c)
{
    job_case_start(c);
    return job_case_finish(c);
}

/* With a reactor of its own: a ring is nothing that two processes could share. */
static void run_child(struct job_case *c)
{
    struct http_options options = {0};
    struct err e = {0};

    c->region.reactor = reactor_new(REACTOR_AUTO, &c->region.clock, &e);
    c->region.http = c->region.reactor ? http_new(c->region.reactor, &options, &e) : NULL;
    c->region.pool =
        c->region.http ? bufpool_new(c->region.reactor, 4 * BUF_BYTES, 64 * BUF_BYTES, &e) : NULL;
    c->share =
        c->region.pool ? share_new(c->region.reactor, c->region.pool, &c->spec.limits, &e) : NULL;
    cr_assert(c->share, "%s", e.text);
    _exit(job_case_run(c));
}

bool job_case_run_apart(struct job_case *c)
{
    int status = 0;
    pid_t pid = fork();

    cr_assert(pid >= 0);
    if (pid == 0)
        run_child(c);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static bool is_such(const struct job_case_event *event, enum event_kind kind, const char *disk,
                    enum event_code code)
{
    return event->kind == kind && strcmp(event->disk, disk ? disk : "") == 0 &&
           ((kind != EVENT_STATE && kind != EVENT_SUMMARY) || event->code == code);
}

uint32_t job_case_await(struct job_case *c, uint32_t after, enum event_kind kind, const char *disk,
                        enum event_code code)
{
    uint64_t limit_ns = reactor_now_ns(c->region.reactor) + JOB_CASE_WAIT_NS;

    for (;; after++) {
        while (after >= c->events_count) {
            cr_assert_not(c->ended, "the job ended without %s of %s", event_kind_name(kind), disk);
            cr_assert_lt(reactor_now_ns(c->region.reactor), limit_ns, "no %s of %s",
                         event_kind_name(kind), disk);
            turn(c);
        }
        if (is_such(&c->events[after], kind, disk, code))
            return after;
    }
}

void job_case_await_percent(struct job_case *c, const char *disk, double percent)
{
    uint32_t at = 0;

    do
        at = job_case_await(c, at, EVENT_PROGRESS, disk, EVENT_IN_PROGRESS) + 1;
    while (c->events[at - 1].progress.percent < percent);
}

const struct job_case_event *job_case_control(struct job_case *c, const struct control *control)
{
    static uint64_t tickets = 100;
    uint64_t ticket = ++tickets;
    uint32_t at = c->events_count;

    job_control(c->job, control, ticket);
    while (at == c->events_count || c->events[at].kind != EVENT_ANSWER ||
           c->events[at].ticket != ticket) {
        if (at < c->events_count)
            at++;
        else
            turn(c);
    }
    return &c->events[at];
}

const struct job_case_event *job_case_verb(struct job_case *c, enum control_verb verb,
                                           const char *disk)
{
    char id[JOB_CASE_ID_BYTES];
    struct control control = {.verb = verb, .disk = id, .priority = 2};

    snprintf(id, sizeof id, "%s", disk);
    return job_case_control(c, &control);
}

/* ---- Look ---- */

uint32_t job_case_count(const struct job_case *c, enum event_kind kind, const char *disk,
                        enum event_code code)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < c->events_count; i++)
        count += is_such(&c->events[i], kind, disk, code);
    return count;
}

const struct job_case_event *job_case_summary(const struct job_case *c, const char *disk)
{
    for (uint32_t i = 0; i < c->events_count; i++)
        if (c->events[i].kind == EVENT_SUMMARY && strcmp(c->events[i].disk, disk) == 0)
            return &c->events[i];
    cr_assert_fail("%s has no summary", disk);
    return NULL;
}

const struct job_case_event *job_case_point_summary(const struct job_case *c, const char *point)
{
    for (uint32_t i = 0; i < c->events_count; i++)
        if (c->events[i].kind == EVENT_SUMMARY && !c->events[i].disk[0] &&
            strcmp(c->events[i].point, point) == 0)
            return &c->events[i];
    cr_assert_fail("%s has no summary", point);
    return NULL;
}
