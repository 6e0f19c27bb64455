/* schema_test.c - the published schemas against the program: what it writes fits, and of what it reads both
 * say the same. The judge is Debian's python3-jsonschema, by tests/system/check_schema.py. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/control.h"
#include "engine/event.h"
#include "engine/job_parse.h"
#include "io/clock.h"

#define LINES_MAX  200
#define NOW_NS     (1795270805ull * NS_PER_S)
#define SHA256     "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define URL        "https://a.blob.x/c/s?snapshot=2026-11-01T00:00:00Z&sig=abc"
#define TARGET_URL "https://b.blob.x/c/t?sig=abc"

/* Lines for the judge, and what it says of each. */
struct bench {
    char path[200];
    FILE *file;
    unsigned count;
    bool wrong[LINES_MAX];
    char said[8000];
};

static void bench_open(struct bench *bench)
{
    const char *folder = getenv("TMPDIR");

    memset(bench, 0, sizeof *bench);
    snprintf(bench->path, sizeof bench->path, "%s/lines.XXXXXX", folder ? folder : "/var/tmp");
    bench->file = fdopen(mkstemp(bench->path), "w");
    cr_assert_not_null(bench->file);
}

static void bench_add(struct bench *bench, const char *line)
{
    cr_assert_lt(bench->count, LINES_MAX);
    fprintf(bench->file, "%s\n", line);
    bench->count++;
}

/* Asks about all of them at once. */
static void bench_judge(struct bench *bench, const char *kind)
{
    const char *source = getenv("SNAPFERRY_SOURCE_DIR");
    char command[1000], line[1000];
    unsigned number;
    size_t used = 0;
    FILE *said;
    int status;

    fclose(bench->file);
    snprintf(command, sizeof command,
             "/usr/bin/python3 -W ignore '%s/tests/system/check_schema.py' %s '%s' 2>&1",
             source ? source : ".", kind, bench->path);
    said = popen(command, "r");
    cr_assert_not_null(said);
    while (fgets(line, sizeof line, said)) {
        if (sscanf(line, "line %u:", &number) == 1 && number >= 1 && number <= LINES_MAX)
            bench->wrong[number - 1] = true;
        used += (size_t)snprintf(bench->said + used, sizeof bench->said - used, "%s", line);
        used = used < sizeof bench->said ? used : sizeof bench->said - 1;
    }
    status = pclose(said);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) <= 1 && strstr(bench->said, " looked at, "),
              "%s", bench->said);
    unlink(bench->path);
}

/* ---- Events ---- */

static const struct event_disk_status statuses[] = {
    {"a", "rp", EVENT_PENDING, 1, 0, {0, 0, 0, 0, UINT64_MAX}, ""},
    {"b", "rp", EVENT_WAITING_FOR_ACCESS, 9, 2, {12.34, 1, 2, 3, 4}, "the source's URL has ended"}};

static void fill_summary(struct copy_summary *copy)
{
    *copy = (struct copy_summary){.delta = true,
                                  .committed = true,
                                  .has_map = true,
                                  .source_size_bytes = 1,
                                  .ended_ns = 1234567890};
    strcpy(copy->root, SHA256);
    strcpy(copy->base_root, SHA256);
    strcpy(copy->delta_digest, SHA256);
    strcpy(copy->why_full, "the base is gone");
    strcpy(copy->copy_uuid, "00112233-4455-6677-8899-aabbccddeeff");
}

static void add_event(struct bench *bench, struct event event)
{
    size_t bytes;
    char *line;

    event.time_ns = NOW_NS + bench->count;
    line = event_format(&event, &bytes);
    cr_assert_not_null(line);
    bench_add(bench, line);
    free(line);
}

static void add_states(struct bench *bench, struct event event, const struct err *error)
{
    static const char *const levels[] = {"Info", "Warning", "Error"};

    for (unsigned i = 0; i < EVENT_CODES_COUNT; i++) {
        event.code = (enum event_code)i;
        event.level = levels[i % 3];
        event.error = i % 2 ? error : NULL;
        event.message = i % 3 ? "a sentence" : NULL;
        event.disk = i % 4 ? "d" : NULL;
        add_event(bench, event);
    }
}

static void add_summaries(struct bench *bench, struct event event, const struct err *error)
{
    struct copy_summary copy;

    fill_summary(&copy);
    event.code = EVENT_SUCCEEDED;
    event.copy = &copy;
    add_event(bench, event);
    for (unsigned i = EVENT_FAILED; i <= EVENT_CANCELED; i++) {
        event.code = (enum event_code)i;
        event.copy = NULL;
        event.error = error;
        event.message = NULL;
        add_event(bench, event);
        event.error = NULL;
        add_event(bench, event);
    }
    event.disk = NULL;
    add_event(bench, event);
}

static void add_answers(struct bench *bench, struct event event)
{
    event.command = "pause";
    add_event(bench, event);
    add_event(bench, (struct event){.kind = EVENT_ANSWER});
    add_event(bench, (struct event){.kind = EVENT_ANSWER,
                                    .command = "status",
                                    .tag = "7",
                                    .accepted = true,
                                    .statuses = statuses,
                                    .statuses_count = 2});
}

/* Of a kind, with as much and with as little in it as there can be. */
static void add_events(struct bench *bench, enum event_kind kind)
{
    struct err error = {.http_status = 403, .code = "AuthenticationFailed", .request_id = "r-1"};
    struct event event = {.kind = kind, .disk = "d", .point = "rp", .message = "a sentence"};

    err_set(&error, ERR_AUTH, RETRY_NEVER, "the service says no");
    switch (kind) {
    case EVENT_PROGRESS:
        add_event(bench, event);
        event.progress = (struct progress_view){100, 1, 1, 1, UINT64_MAX};
        event.point = NULL;
        add_event(bench, event);
        break;
    case EVENT_STATE:
        add_states(bench, event, &error);
        break;
    case EVENT_ACCESS_EXPIRING:
        event.side = ACCESS_BASE;
        add_event(bench, event);
        event.message = NULL;
        event.expires_s = NOW_NS / NS_PER_S;
        add_event(bench, event);
        break;
    case EVENT_SUMMARY:
        add_summaries(bench, event, &error);
        break;
    case EVENT_ANSWER:
        add_answers(bench, event);
        break;
    case EVENT_WARNING:
    case EVENT_INVALID:
        event.disk = event.point = NULL;
        add_event(bench, event);
        event.path = "$.restorePoints";
        add_event(bench, event);
        break;
    case EVENT_END:
        add_event(bench, (struct event){.kind = kind, .exit = 3});
        break;
    }
}

Test(schema, every_kind_of_event_fits_it)
{
    struct bench bench;

    bench_open(&bench);
    for (unsigned kind = EVENT_PROGRESS; kind <= EVENT_END; kind++)
        add_events(&bench, (enum event_kind)kind);
    bench_judge(&bench, "event");
    for (unsigned i = 0; i < bench.count; i++)
        cr_expect_not(bench.wrong[i], "%s", bench.said);
}

Test(schema, what_is_no_event_does_not)
{
    static const char *const lines[] = {
        "{\"event\":\"end\",\"exit\":0}",
        "{\"time\":\"2026-11-21T14:20:05.007Z\",\"event\":\"end\",\"exit\":7}",
        "{\"time\":\"2026-11-21T14:20:05.007Z\",\"event\":\"end\",\"exit\":0,\"more\":1}",
        "{\"time\":\"2026-11-21 14:20:05\",\"event\":\"end\",\"exit\":0}",
        "{\"time\":\"2026-11-21T14:20:05.007Z\",\"event\":\"state\",\"disk\":\"d\",\"code\":"
        "\"ReplicationState/done\",\"level\":\"Info\",\"displayStatus\":\"\"}",
        "{\"time\":\"2026-11-21T14:20:05.007Z\",\"event\":\"progress\",\"disk\":\"d\","
        "\"completionPercent\":100.1,\"changedBytes\":1,\"durableBytes\":1,\"bytesPerSecond\":0,"
        "\"etaSeconds\":0}",
        "{\"time\":\"2026-11-21T14:20:05.007Z\",\"event\":\"summary\",\"disk\":\"d\",\"code\":"
        "\"ReplicationState/failed\"}"};
    struct bench bench;

    bench_open(&bench);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        bench_add(&bench, lines[i]);
    bench_judge(&bench, "event");
    for (unsigned i = 0; i < bench.count; i++)
        cr_expect(bench.wrong[i], "%s\n%s", lines[i], bench.said);
}

/* ---- What is read: both say the same ---- */

static const char *const commands[] = {
    "{\"command\":\"renewAccess\",\"disk\":\"d\",\"side\":\"base\",\"url\":\"" URL "\"}",
    "{\"command\":\"renewAccess\",\"disk\":\"d\",\"side\":\"base\",\"url\":\"" URL
    "\",\"expiresOn\":\"2030-01-01T00:00:00+01:00\",\"tag\":\"1\"}",
    "{\"command\":\"renewAccess\",\"disk\":\"d\",\"side\":\"left\",\"url\":\"" URL "\"}",
    "{\"command\":\"renewAccess\",\"disk\":\"d\",\"side\":\"base\",\"url\":\"env:A\"}",
    "{\"command\":\"renewAccess\",\"disk\":\"d\",\"side\":\"base\",\"url\":\"https://a.x/c/"
    "b?sv=1\"}",
    "{\"command\":\"renewAccess\",\"disk\":\"d\",\"side\":\"base\"}",
    "{\"command\":\"renewAccess\",\"restorePoint\":\"d\",\"side\":\"base\",\"url\":\"" URL "\"}",
    "{\"command\":\"renewAccess\",\"disk\":\"d\",\"side\":\"base\",\"url\":\"" URL
    "\",\"expiresOn\":\"tomorrow\"}",
    "{\"command\":\"pause\",\"disk\":\"d\"}",
    "{\"command\":\"resume\",\"restorePoint\":\"p\",\"tag\":\"t\"}",
    "{\"command\":\"cancel\",\"disk\":\"d\",\"restorePoint\":\"p\"}",
    "{\"command\":\"cancel\"}",
    "{\"command\":\"pause\",\"disk\":\"\"}",
    "{\"command\":\"pause\",\"disk\":\"d\",\"force\":true}",
    "{\"command\":\"pause\",\"disk\":\"d\",\"tag\":7}",
    "{\"command\":\"setLimits\",\"bytesPerSecond\":\"none\",\"memoryBytes\":4194304}",
    "{\"command\":\"setLimits\",\"accountBytesPerSecond\":65536,\"accountRequestsPerSecond\":1}",
    "{\"command\":\"setLimits\",\"blobBytesPerSecond\":0,\"blobRequestsPerSecond\":0}",
    "{\"command\":\"setLimits\"}",
    "{\"command\":\"setLimits\",\"bytesPerSecond\":65535}",
    "{\"command\":\"setLimits\",\"bytesPerSecond\":\"all\"}",
    "{\"command\":\"setLimits\",\"memoryBytes\":0}",
    "{\"command\":\"setLimits\",\"memoryBytes\":99999999999999}",
    "{\"command\":\"setLimits\",\"disk\":\"d\",\"bytesPerSecond\":0}",
    "{\"command\":\"setPriority\",\"disk\":\"d\",\"priority\":1000}",
    "{\"command\":\"setPriority\",\"disk\":\"d\",\"priority\":1001}",
    "{\"command\":\"setPriority\",\"disk\":\"d\"}",
    "{\"command\":\"setPriority\",\"priority\":1}",
    "{\"command\":\"status\"}",
    "{\"command\":\"status\",\"tag\":\"x\"}",
    "{\"command\":\"status\",\"disk\":\"d\"}",
    "{\"command\":\"stop\"}",
    "{}",
    "[]",
};

Test(schema, commands_are_taken_by_both_or_by_neither)
{
    struct bench bench;
    unsigned taken = 0;

    bench_open(&bench);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        bench_add(&bench, commands[i]);
    bench_judge(&bench, "command");
    for (unsigned i = 0; i < bench.count; i++) {
        struct control control;
        struct err e = {0};
        bool known, ok = control_parse(commands[i], strlen(commands[i]), &control, &known, &e);

        cr_expect_eq(ok, !bench.wrong[i], "%s\nprogram: %s\nschema: %s", commands[i], e.text,
                     bench.said);
        taken += ok;
        control_fini(&control);
    }
    cr_expect(taken > 5 && taken < bench.count - 5);
}

#define DISKS(more, source, target)                                                                \
    "{\"restorePoints\":[{\"id\":\"p\",\"disks\":[{\"id\":\"d\"," more "\"source\":{" source       \
    "},\"target\":{" target "}}]}]}"
#define ENV "\"url\":\"env:A\""
#define OUT "\"url\":\"" TARGET_URL "\""
#define WITH(more)                                                                                 \
    "{\"restorePoints\":[{\"id\":\"p\",\"disks\":[{\"id\":\"d\",\"source\":{" ENV                  \
    "},\"target\":{" OUT "}}]}]," more "}"

static const char *const jobs[] = {
    DISKS("", ENV, OUT),
    DISKS("\"priority\":5,\"map\":\"/nowhere/m\",\"journal\":\"/nowhere/j\",\"verify\":true,"
          "\"footer\":\"strip\",",
          ENV, OUT),
    DISKS("",
          "\"url\":\"" URL "\",\"identity\":\"i\",\"expiresOn\":\"2030-01-01T00:00:00Z\","
          "\"baseUrl\":\"env:B\",\"baseIdentity\":\"j\",\"baseExpiresOn\":\"2030-01-01T00:00:00Z\"",
          OUT ",\"expiresOn\":\"2030-01-01T00:00:00Z\""),
    DISKS("", ENV ",\"baseIdentity\":\"j\"", OUT),
    DISKS("", ENV ",\"identity\":\"\"", OUT),
    DISKS("", ENV ",\"expiresOn\":\"2030-01-01\"", OUT),
    DISKS("", "", OUT),
    DISKS("", ENV, ""),
    DISKS("\"priority\":0,", ENV, OUT),
    DISKS("\"priority\":\"1\",", ENV, OUT),
    DISKS("\"verify\":\"yes\",", ENV, OUT),
    DISKS("\"footer\":\"none\",", ENV, OUT),
    DISKS("\"map\":7,", ENV, OUT),
    WITH(
        "\"limits\":{\"memoryBytes\":67108864,\"bytesPerSecond\":0,\"accountBytesPerSecond\":"
        "\"none\","
        "\"accountRequestsPerSecond\":1,\"blobBytesPerSecond\":65536,\"blobRequestsPerSecond\":0}"),
    WITH("\"limits\":{\"memoryBytes\":\"none\"}"),
    WITH("\"limits\":{\"memoryBytes\":1}"),
    WITH("\"limits\":{\"bytesPerSecond\":7}"),
    WITH("\"limits\":[]"),
    WITH("\"report\":{\"url\":\"https://up.x/e\",\"tokenEnv\":\"T\",\"intervalMs\":100}"),
    WITH("\"report\":{\"tokenEnv\":\"T\"}"),
    WITH("\"report\":{\"url\":\"env:UP\"}"),
    WITH("\"report\":{\"url\":\"env:\"}"),
    WITH("\"report\":{\"url\":\"up.x\"}"),
    WITH("\"report\":{\"intervalMs\":99}"),
    "{\"restorePoints\":[]}",
    "{\"restorePoints\":[{\"id\":\"p\",\"disks\":[]}]}",
    "{\"restorePoints\":[{\"disks\":[{\"id\":\"d\",\"source\":{" ENV "},\"target\":{" OUT "}}]}]}",
    "{}",
};

static void ignore(void *arg, bool warning, const char *path, const char *sentence)
{
    unsigned *warnings = arg;

    (void)path;
    (void)sentence;
    *warnings += warning;
}

Test(schema, jobs_are_taken_by_both_or_by_neither)
{
    unsigned taken = 0;

    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        struct job_spec spec;
        struct bench bench;
        unsigned warnings = 0;
        bool ok = job_parse(jobs[i], strlen(jobs[i]), &spec, ignore, &warnings);

        bench_open(&bench);
        bench_add(&bench, jobs[i]);
        bench_judge(&bench, "job");
        cr_expect_eq(ok, strstr(bench.said, " 0 wrong") != NULL, "%s\nschema: %s", jobs[i],
                     bench.said);
        cr_expect_eq(warnings, 0, "the parser knows every member of the schema: %s", jobs[i]);
        taken += ok;
        job_spec_fini(&spec);
    }
    cr_expect_eq(taken, 6);
}
