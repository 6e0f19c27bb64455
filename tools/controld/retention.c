/* retention.c - see retention.h. */
#include "tools/controld/retention.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "io/reactor.h"
#include "tools/controld/arm_id.h"
#include "tools/controld/catalog_collections.h"
#include "tools/controld/catalog_points.h"
#include "tools/controld/retention_rows.h"

#define MINUTE_NS          (60 * (int64_t)NS_PER_S)
#define FIRST_NS           NS_PER_S       /* from the start to the first look; machines come */
#define APART_NS           (NS_PER_S / 4) /* one after the other */
#define WATCH_NS           (2 * (int64_t)NS_PER_S)
#define SOON_NS            (10 * (int64_t)NS_PER_S)
#define SENTENCE_MAX_BYTES 1400u

struct keeper { /* of one machine */
    struct retention *retention;
    const struct config_machine *machine;
    struct timer timer;
    bool known;     /* what earlier lives made was looked at, and due_ns is set */
    int64_t due_ns; /* wall clock */
    unsigned failures;
    char
        watched[ARM_ID_MAX_BYTES]; /* the point that was made last, until it is cut or has failed */
};

struct retention {
    struct service *service;
    struct retention_hands hands;
    struct keeper *keepers;
    size_t count;
    bool stopped;
};

/* ---- When ---- */

static int64_t every_ns(const struct keeper *keeper)
{
    return keeper->machine->schedule_minutes * MINUTE_NS;
}

static int64_t retry_ns(const struct keeper *keeper)
{
    int64_t longest_ns = RETENTION_RETRY_MAX * MINUTE_NS, wait_ns;

    if (every_ns(keeper) > longest_ns)
        longest_ns = every_ns(keeper);
    wait_ns = RETENTION_RETRY_MINUTES * MINUTE_NS;
    for (unsigned i = 1; i < keeper->failures && wait_ns < longest_ns; i++)
        wait_ns *= 2;
    return wait_ns < longest_ns ? wait_ns : longest_ns;
}

static void say(const struct keeper *keeper, const char *what, const char *why)
{
    char sentence[SENTENCE_MAX_BYTES];

    snprintf(sentence, sizeof sentence, "%s: %s: %s", keeper->machine->id, what, why);
    keeper->retention->hands.log(keeper->retention->hands.arg, sentence);
}

static void failed(struct keeper *keeper, int64_t now_ns, const char *why)
{
    char what[128];

    keeper->failures++;
    keeper->due_ns = now_ns + retry_ns(keeper);
    snprintf(what, sizeof what, "no restore point was made on schedule, next try in %lld min",
             (long long)(retry_ns(keeper) / MINUTE_NS));
    say(keeper, what, why);
}

/* ---- What is there ---- */

/* A time to come (the clock was set back) is as good as now: a schedule must not stand still for it. */
static void learn(struct keeper *keeper, const struct retention_rows *rows, int64_t now_ns)
{
    const struct keep_point *newest = rows->count > 0 ? &rows->points[0] : NULL;

    keeper->known = true;
    keeper->due_ns = newest ? newest->created_ns + every_ns(keeper) : now_ns;
    if (newest && newest->worth != KEEP_WHOLE)
        snprintf(keeper->watched, sizeof keeper->watched, "%s", newest->id);
}

static void never_too_late(struct keeper *keeper, int64_t now_ns)
{
    int64_t longest_ns = every_ns(keeper);

    if (keeper->failures > 0 && retry_ns(keeper) > longest_ns)
        longest_ns = retry_ns(keeper);
    if (keeper->due_ns > now_ns + longest_ns)
        keeper->due_ns = now_ns + longest_ns;
}

static bool watch(struct keeper *keeper, int64_t now_ns, struct err *e)
{
    struct catalog_point row = {0};

    if (!keeper->watched[0])
        return true;
    if (!catalog_point_get(keeper->retention->service->catalog, keeper->watched, &row, e))
        return false;
    if (!row.id || row.state != CATALOG_CREATING)
        keeper->watched[0] = '\0';
    if (row.id && row.state == CATALOG_SUCCEEDED)
        keeper->failures = 0;
    else if (row.id && row.state == CATALOG_FAILED)
        failed(keeper, now_ns, row.failure_message ? row.failure_message : "it failed");
    catalog_point_fini(&row);
    return true;
}

/* ---- A new one ---- */

static bool add_collection(struct service *service, const struct config_machine *machine,
                           struct err *e)
{
    char guid[FRONT_GUID_BYTES];
    const struct catalog_collection row = {
        .id = machine->collection,
        .location = machine->location,
        .tags = "{}",
        .source_id = machine->id,
        .source_kind = CATALOG_SOURCE_MACHINE,
        .source_location = machine->location,
        .guid = guid,
        .state = CATALOG_SUCCEEDED,
        .created_ns = service_now_ns(service),
    };

    front_make_guid(guid);
    if (!catalog_begin(service->catalog, e))
        return false;
    if (catalog_collection_put(service->catalog, &row, e))
        return catalog_commit(service->catalog, e);
    catalog_rollback(service->catalog);
    return false;
}

/* The schedule's collection, made if it is not there. One that is there may be of something else. */
static bool have_collection(struct keeper *keeper, struct err *e)
{
    struct service *service = keeper->retention->service;
    const struct config_machine *machine = keeper->machine;
    struct catalog_collection row = {0};
    bool ok = catalog_collection_get(service->catalog, machine->collection, &row, e);

    if (ok && !row.id)
        ok = add_collection(service, machine, e);
    else if (ok && row.state == CATALOG_DELETING)
        ok = err_set(e, ERR_CONFLICT, RETRY_LATER, "its collection is being deleted");
    else if (ok && (row.source_kind != CATALOG_SOURCE_MACHINE || !row.source_id ||
                    strcasecmp(row.source_id, machine->id) != 0))
        ok = err_set(e, ERR_USAGE, RETRY_NEVER, "%.300s is a collection of something else",
                     machine->collection);
    catalog_collection_fini(&row);
    return ok;
}

static bool name_point(const struct keeper *keeper, int64_t now_ns, char out_id[ARM_ID_MAX_BYTES],
                       struct err *e)
{
    time_t seconds = (time_t)(now_ns / (int64_t)NS_PER_S);
    struct arm_error why = {0};
    struct arm_id id;
    char name[64] = "";
    struct tm utc;

    if (gmtime_r(&seconds, &utc))
        strftime(name, sizeof name, RETENTION_NAME_PREFIX "%Y%m%dT%H%M%SZ", &utc);
    if (!arm_id_parse(keeper->machine->collection, "schedule.collection", &id, &why) ||
        !arm_id_child(&id, ARM_POINT, name, &id, &why))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%.300s", why.message);
    arm_id_text(&id, out_id);
    return true;
}

/* A name that is taken (the clock was set back) is nobody's to make again. */
static bool is_free(struct catalog *catalog, const char *point_id, struct err *e)
{
    struct catalog_point row = {0};
    bool ok = catalog_point_get(catalog, point_id, &row, e);

    if (ok && row.id)
        ok = err_set(e, ERR_CONFLICT, RETRY_LATER, "%.300s is there already", point_id);
    catalog_point_fini(&row);
    return ok;
}

static void make(struct keeper *keeper, int64_t now_ns)
{
    const struct retention *retention = keeper->retention;
    char id[ARM_ID_MAX_BYTES];
    struct err e = {0};

    if (!have_collection(keeper, &e) || !name_point(keeper, now_ns, id, &e) ||
        !is_free(retention->service->catalog, id, &e) ||
        !retention->hands.create(retention->hands.arg, keeper->machine, id, &e)) {
        failed(keeper, now_ns, e.text);
        return;
    }
    keeper->due_ns = now_ns + every_ns(keeper);
    snprintf(keeper->watched, sizeof keeper->watched, "%s", id);
}

/* ---- Old ones ---- */

/* True: its deletion has begun. Access that somebody has and copies that read it are no trouble: its time
 * comes. */
static bool prune_one(struct keeper *keeper, const char *point_id)
{
    const struct retention *retention = keeper->retention;
    struct arm_error why = {0};
    struct err e = {0};
    bool needed = true;

    if (!retention_is_needed(retention->service->catalog, point_id, &needed, &e))
        say(keeper, point_id, e.text);
    if (needed)
        return false;
    if (retention->hands.prune(retention->hands.arg, point_id, &why))
        return true;
    if (why.status != 409)
        say(keeper, point_id, why.message);
    return false;
}

/* The oldest first. False: there are more than should go together. */
static bool prune(struct keeper *keeper, struct retention_rows *rows)
{
    unsigned begun = 0;

    keep_rule_judge(&keeper->machine->keep, rows->points, rows->count);
    for (size_t i = rows->count; i-- > 0 && begun < RETENTION_AT_ONCE;)
        if (rows->points[i].goes && prune_one(keeper, rows->points[i].id))
            begun++;
    return begun < RETENTION_AT_ONCE;
}

/* ---- The timer ---- */

static void tick(struct timer *timer);

static void wake(struct keeper *keeper, int64_t in_ns)
{
    struct reactor *reactor = keeper->retention->service->reactor;

    if (!keeper->retention->stopped)
        reactor_arm(reactor, &keeper->timer, reactor_now_ns(reactor) + (uint64_t)in_ns, tick);
}

static void look(struct keeper *keeper, struct retention_rows *rows, int64_t now_ns)
{
    int64_t in_ns = RETENTION_LOOK_MINUTES * MINUTE_NS;

    never_too_late(keeper, now_ns);
    if (now_ns >= keeper->due_ns && !keeper->watched[0])
        make(keeper, now_ns);
    if (!prune(keeper, rows))
        in_ns = SOON_NS;
    if (keeper->watched[0])
        in_ns = WATCH_NS;
    else if (keeper->due_ns - now_ns < in_ns)
        in_ns = keeper->due_ns - now_ns;
    wake(keeper, in_ns);
}

static void tick(struct timer *timer)
{
    struct keeper *keeper = (struct keeper *)((char *)timer - offsetof(struct keeper, timer));
    struct service *service = keeper->retention->service;
    int64_t now_ns = service_now_ns(service);
    struct retention_rows rows = {0};
    struct err e = {0};
    bool ok = retention_rows_read(service->catalog, keeper->machine->collection, &rows, &e);

    if (ok && !keeper->known)
        learn(keeper, &rows, now_ns);
    if (ok && watch(keeper, now_ns, &e)) {
        look(keeper, &rows, now_ns);
    } else {
        say(keeper, "its restore points cannot be looked at", e.text);
        wake(keeper, MINUTE_NS);
    }
    retention_rows_fini(&rows);
}

/* ---- Life ---- */

struct retention *retention_new(struct service *service, const struct retention_hands *hands,
                                struct err *e)
{
    const struct config *config = service->config;
    struct retention *retention = calloc(1, sizeof *retention);

    if (retention)
        retention->keepers = calloc(config->machine_count + 1, sizeof *retention->keepers);
    if (!retention || !retention->keepers) {
        free(retention);
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin");
        return NULL;
    }
    retention->service = service;
    retention->hands = *hands;
    for (unsigned i = 0; i < config->machine_count; i++)
        if (config->machines[i].collection && config->machines[i].schedule_minutes > 0)
            retention->keepers[retention->count++] =
                (struct keeper){.retention = retention, .machine = &config->machines[i]};
    return retention;
}

void retention_begin(struct retention *retention)
{
    for (size_t i = 0; i < retention->count; i++)
        wake(&retention->keepers[i], (int64_t)(FIRST_NS + i * APART_NS));
}

void retention_stop(struct retention *retention)
{
    retention->stopped = true;
    for (size_t i = 0; i < retention->count; i++)
        reactor_disarm(retention->service->reactor, &retention->keepers[i].timer);
}

void retention_free(struct retention *retention)
{
    if (!retention)
        return;
    free(retention->keepers);
    free(retention);
}
