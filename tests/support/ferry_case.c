/* ferry_case.c - see ferry_case.h. */
#include "tests/support/ferry_case.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURN_NS (50 * NS_PER_MS)

static struct ferry_case_disk *known(struct ferry_case *c, const char *id)
{
    for (size_t i = 0; i < c->disks_count; i++)
        if (strcmp(c->disks[i].id, id) == 0)
            return &c->disks[i];
    return NULL;
}

/* ---- What the ferry asks and tells ---- */

static bool give_url(struct ferry_case *c, const struct ferry_case_disk *disk,
                     enum access_side side, struct ferry_access *out_access)
{
    const char *url = NULL;

    if (side == ACCESS_SOURCE)
        url = job_case_url(&c->job, disk->source, disk->snapshot, "r", c->life_s);
    else if (side == ACCESS_BASE)
        url = job_case_url(&c->job, disk->source, disk->base, "r", c->life_s);
    else
        url = job_case_url(&c->job, disk->target, NULL, "rcw", c->life_s);
    out_access->url = strdup(url);
    out_access->expires_s =
        side == ACCESS_BASE ? 0
                            : clock_wall_ns(&c->job.region.clock) / NS_PER_S + (uint64_t)c->life_s;
    return true;
}

static bool on_access(void *arg, const char *point, const char *disk, enum access_side side,
                      struct ferry_access *out_access, struct err *e)
{
    struct ferry_case *c = arg;
    const struct ferry_case_disk *one = known(c, disk);

    cr_assert_not_null(one, "%s of %s is asked for", disk, point);
    c->asked[side]++;
    if (c->refuse > 0) {
        c->refuse--;
        return err_set(e, ERR_AUTH, c->refuse_retry, "there is no key for %s", disk);
    }
    return give_url(c, one, side, out_access);
}

static void on_disk(void *arg, const char *point, const char *disk,
                    const struct ferry_disk_view *view)
{
    struct ferry_case *c = arg;
    struct ferry_case_disk *one = known(c, disk);
    struct ferry_case_told *told = &c->told[c->told_count++];

    cr_assert_lt(c->told_count, FERRY_CASE_TOLD_MAX);
    cr_assert(one && !one->ended, "%s: something came after its end", disk);
    cr_assert_null(strstr(view->message, "sig="), "%s", view->message);
    cr_assert_geq(view->percent, one->percent, "%s: the percentage went back", disk);
    cr_assert_eq(view->percent == 100, view->code == EVENT_SUCCEEDED);
    one->percent = view->percent;
    one->ended = ferry_code_is_last(view->code);
    *told = (struct ferry_case_told){
        .disk = one->id, .code = view->code, .percent = view->percent, .outcome = view->outcome};
    snprintf(told->message, sizeof told->message, "%s", view->message);
    if (c->watch)
        c->watch(c, point, disk, view);
}

static void on_point_ended(void *arg, const char *point, enum event_code code, const char *message)
{
    struct ferry_case *c = arg;
    struct ferry_case_end *end = &c->ends[c->ends_count++];

    cr_assert_lt(c->ends_count, FERRY_CASE_POINTS_MAX);
    cr_assert_not(ferry_has(c->ferry, point));
    cr_assert_null(strstr(message, "sig="), "%s", message);
    end->code = code;
    snprintf(end->point, sizeof end->point, "%s", point);
    snprintf(end->message, sizeof end->message, "%s", message);
}

static void on_stopped(void *arg)
{
    ((struct ferry_case *)arg)->stopped = true;
}

/* ---- Life ---- */

void ferry_case_open(struct ferry_case *c)
{
    memset(c, 0, sizeof *c);
    job_case_open(&c->job, NULL);
    snprintf(c->folder, sizeof c->folder, "%s/ferry", c->job.folder);
    c->told = calloc(FERRY_CASE_TOLD_MAX, sizeof *c->told);
    cr_assert_not_null(c->told);
    c->life_s = 3600;
    c->setup = (struct ferry_setup){.reactor = c->job.region.reactor,
                                    .program = getenv("SNAPFERRY_BIN"),
                                    .folder = c->folder,
                                    .callbacks = {.access = on_access,
                                                  .disk = on_disk,
                                                  .point_ended = on_point_ended,
                                                  .arg = c}};
    cr_assert_not_null(c->setup.program, "SNAPFERRY_BIN is not set");
}

void ferry_case_start(struct ferry_case *c)
{
    struct err e = {0};

    c->stopped = false;
    c->ferry = ferry_new(&c->setup, &e);
    cr_assert_not_null(c->ferry, "%s", e.text);
}

void ferry_case_drop(struct ferry_case *c)
{
    ferry_free(c->ferry);
    c->ferry = NULL;
    while (reactor_busy(c->job.region.reactor))
        ferry_case_turn(c);
}

void ferry_case_stop(struct ferry_case *c)
{
    uint64_t due_ns = clock_now_ns(&c->job.region.clock) + JOB_CASE_WAIT_NS;

    ferry_stop(c->ferry, on_stopped, c);
    while (!c->stopped) {
        cr_assert_lt(clock_now_ns(&c->job.region.clock), due_ns, "it does not stop");
        ferry_case_turn(c);
    }
    cr_assert_eq(ferry_children_count(c->ferry), 0u);
    ferry_case_drop(c);
}

void ferry_case_close(struct ferry_case *c)
{
    if (c->ferry)
        ferry_case_drop(c);
    job_case_close(&c->job);
    free(c->told);
}

/* ---- Use ---- */

struct ferry_case_disk *ferry_case_make(struct ferry_case *c, const char *id, const char *source,
                                        const char *target, uint64_t bytes, uint64_t seed)
{
    struct ferry_case_disk *disk = &c->disks[c->disks_count++];

    cr_assert_lt(c->disks_count, FERRY_CASE_DISKS_MAX);
    disk->id = id;
    disk->source = source;
    disk->target = target;
    job_case_blob(&c->job, source, bytes, seed);
    job_case_snapshot(&c->job, source, disk->snapshot);
    return disk;
}

struct ferry_case_disk *ferry_case_again(struct ferry_case *c, const char *id,
                                         const struct ferry_case_disk *earlier)
{
    struct ferry_case_disk *disk = &c->disks[c->disks_count++];

    cr_assert_lt(c->disks_count, FERRY_CASE_DISKS_MAX);
    disk->id = id;
    disk->source = earlier->source;
    disk->target = earlier->target;
    memcpy(disk->base, earlier->snapshot, sizeof disk->base);
    job_case_snapshot(&c->job, disk->source, disk->snapshot);
    return disk;
}

struct ferry_disk ferry_case_disk(const struct ferry_case_disk *disk)
{
    return (struct ferry_disk){.id = disk->id,
                               .source = {.kind = FERRY_BLOB, .identity = disk->id},
                               .base = {.kind = *disk->base ? FERRY_BLOB : FERRY_NOTHING},
                               .target = {.kind = FERRY_BLOB}};
}

static void begin(struct ferry_case *c, const char *id, const struct ferry_disk *disks,
                  size_t count)
{
    struct ferry_point point = {.id = id, .disks = disks, .disks_count = count};
    struct err e = {0};

    for (size_t i = 0; i < count; i++) {
        struct ferry_case_disk *disk = known(c, disks[i].id);

        disk->percent = disks[i].seed_percent;
        disk->ended = false;
    }
    cr_assert(ferry_begin(c->ferry, &point, &e), "%s", e.text);
}

void ferry_case_begin(struct ferry_case *c, const char *point, const char *ids)
{
    struct ferry_disk disks[FERRY_CASE_DISKS_MAX];
    char list[1024], *rest = list, *id;
    size_t count = 0;

    snprintf(list, sizeof list, "%s", ids);
    while ((id = strsep(&rest, " "))) {
        cr_assert(known(c, id) && count < FERRY_CASE_DISKS_MAX, "%s", id);
        disks[count++] = ferry_case_disk(known(c, id));
    }
    begin(c, point, disks, count);
}

void ferry_case_begin_one(struct ferry_case *c, const char *point, const struct ferry_disk *disk)
{
    begin(c, point, disk, 1);
}

/* ---- Wait ---- */

void ferry_case_turn(struct ferry_case *c)
{
    struct err e = {0};

    cr_assert(reactor_turn(c->job.region.reactor, TURN_NS, &e), "%s", e.text);
}

/* False when a minute is over. */
static bool wait_more(struct ferry_case *c, uint64_t begun_ns)
{
    if (clock_now_ns(&c->job.region.clock) - begun_ns > JOB_CASE_WAIT_NS)
        return false;
    ferry_case_turn(c);
    return true;
}

const struct ferry_case_end *ferry_case_await_end(struct ferry_case *c, const char *point)
{
    uint64_t begun_ns = clock_now_ns(&c->job.region.clock);

    for (;;) {
        for (size_t i = c->ends_count; i-- > 0;)
            if (strcmp(c->ends[i].point, point) == 0)
                return &c->ends[i];
        cr_assert(wait_more(c, begun_ns), "%s does not end: %s", point,
                  c->told_count ? c->told[c->told_count - 1].message : "nothing was told");
    }
}

void ferry_case_await_percent(struct ferry_case *c, const char *disk, double percent)
{
    uint64_t begun_ns = clock_now_ns(&c->job.region.clock);

    while (known(c, disk)->percent < percent)
        cr_assert(wait_more(c, begun_ns), "%s stays at %.1f %%", disk, known(c, disk)->percent);
}

size_t ferry_case_await(struct ferry_case *c, size_t after, const char *disk, enum event_code code,
                        const char *words)
{
    uint64_t begun_ns = clock_now_ns(&c->job.region.clock);

    for (;; after++) {
        while (after >= c->told_count)
            cr_assert(wait_more(c, begun_ns), "%s is not told to be %s", disk,
                      event_code_name(code));
        if (strcmp(c->told[after].disk, disk) == 0 && c->told[after].code == code &&
            strstr(c->told[after].message, words))
            return after;
    }
}

void ferry_case_await_gone(struct ferry_case *c, int pid)
{
    uint64_t begun_ns = clock_now_ns(&c->job.region.clock);

    while (kill(pid, 0) == 0 || errno != ESRCH)
        cr_assert(wait_more(c, begun_ns), "process %d stays", pid);
}

/* ---- Look ---- */

const struct ferry_case_told *ferry_case_last(const struct ferry_case *c, const char *disk)
{
    for (size_t i = c->told_count; i-- > 0;)
        if (strcmp(c->told[i].disk, disk) == 0)
            return &c->told[i];
    cr_assert(false, "nothing was told of %s", disk);
    return NULL;
}

uint64_t ferry_case_put_bytes(const struct ferry_case *c, const char *blob)
{
    FILE *log = fopen(c->job.region.region.log, "r");
    char line[4096], name[200];
    uint64_t bytes = 0;

    cr_assert_not_null(log);
    snprintf(name, sizeof name, "\"blob\":\"%s\"", blob);
    while (fgets(line, sizeof line, log)) {
        const char *length = strstr(line, "\"rangeLength\":");

        if (strstr(line, "\"verb\":\"Put Page\"") && strstr(line, name) && length &&
            strstr(line, "\"status\":201"))
            bytes += strtoull(length + strlen("\"rangeLength\":"), NULL, 10);
    }
    fclose(log);
    return bytes;
}

void ferry_case_kill(struct ferry_case *c, const char *point)
{
    int pid = ferry_child_pid(c->ferry, point);

    cr_assert_gt(pid, 1, "%s has no process", point);
    cr_assert_eq(kill(pid, SIGKILL), 0);
}
