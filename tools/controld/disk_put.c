/* disk_put.c - see disk_put.h. */
#include "tools/controld/disk_put.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/event.h"
#include "io/reactor.h"
#include "tools/controld/arm_resource_body.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_disks.h"
#include "tools/controld/disk_change.h"
#include "tools/controld/disk_place.h"
#include "tools/controld/disks.h"
#include "tools/controld/operation.h"
#include "tools/controld/regions.h"
#include "tools/controld/replication.h"

#define LOOK_NS    (15 * NS_PER_S) /* at a blob that may be there; the caller waits */
#define NOT_CHANGE "PropertyChangeNotAllowed"

struct putting {
    struct disk_put *puts;
    struct putting *next;
    struct front_ask *ask;
    struct arm_disk_body body;
    char id[ARM_ID_MAX_BYTES], source_id[ARM_ID_MAX_BYTES], operation[FRONT_GUID_BYTES];
    const struct region *region;
    struct disk_place place; /* that is looked at */
    struct region_op op;
};

struct disk_put {
    struct service *service;
    struct putting *puttings;
};

/* ---- What is asked for ---- */

static bool may_be(const struct putting *put, struct arm_error *why)
{
    const struct arm_disk_body *body = &put->body;

    if (!put->region)
        return arm_error_set(why, 400, "LocationNotAvailableForResourceType", "location",
                             "There is no region '%s' here.", body->location);
    if (body->create != ARM_CREATE_RESTORE || body->source.type != ARM_DISK_POINT)
        return arm_error_refused(
            why, "properties.creationData.createOption",
            "Disks are made with createOption Restore from a disk restore point; nothing else is "
            "served.");
    if (body->ultra || body->shared)
        return arm_error_refused(why, "sku", "Ultra and shared disks are not supported.");
    return disk_place_named(body, why);
}

static bool look_at_source(struct service *service, const struct putting *put,
                           const struct catalog_disk_point *source, struct arm_error *why,
                           struct err *e)
{
    const char *target = "properties.creationData.sourceResourceId";

    if (!source->id)
        return arm_id_not_found(&put->body.source, why);
    if (!source->snapshot)
        return arm_error_set(why, 409, ARM_CONFLICT, target,
                             "The disk restore point is not complete yet ('%.60s', %.1f %%): "
                             "nothing can be restored "
                             "from it.",
                             source->code, source->percent);
    if (!service_point_stays(service, source->point_id, why, e))
        return false;
    if (strcasecmp(source->location, put->body.location) != 0)
        return arm_error_refused(
            why, target, "The disk restore point lies in %s: a disk is restored in its own region.",
            source->location);
    if (put->body.size_bytes && put->body.size_bytes < (uint64_t)source->size_bytes)
        return arm_error_bad(why, "properties.diskSizeGB",
                             "The disk would be smaller than what is to be restored.");
    return true;
}

static bool put_new(struct service *service, struct putting *put,
                    const struct catalog_disk_point *source, struct arm_error *why, struct err *e)
{
    json_t *backing =
        disk_place_new(service, &put->body, put->region, (uint64_t)source->size_bytes, why);
    char *place = backing ? service_text(backing) : NULL, *doc = service_text(put->body.doc);
    char guid[FRONT_GUID_BYTES];
    struct catalog_disk row = {
        .id = put->id,
        .guid = guid,
        .location = put->region->config->name,
        .doc = doc,
        .backing = place,
        .size_bytes = source->size_bytes,
        .source_id = source->id,
        .state = CATALOG_CREATING,
        .code = event_code_name(EVENT_PENDING),
        .created_ns = service_now_ns(service),
    };
    bool ok = (place && doc) || arm_error_is_set(why) || arm_error_memory(why);

    front_make_guid(guid);
    ok = ok && !arm_error_is_set(why) && disk_place_is_free(service, backing, why, e) &&
         catalog_disk_put(service->catalog, &row, e);
    json_decref(backing);
    free(place);
    free(doc);
    return ok;
}

/* ---- One that is there ---- */

static bool is_same(const struct putting *put, const struct catalog_disk *old, const json_t *doc,
                    struct arm_error *why)
{
    char path[ARM_ERROR_TARGET_MAX_BYTES];

    if (!old->source_id)
        return arm_error_set(why, 409, NOT_CHANGE, NULL, "There is another disk of that name.");
    if (strcasecmp(old->source_id, put->source_id) != 0)
        return arm_error_set(why, 409, NOT_CHANGE, "properties.creationData.sourceResourceId",
                             "The disk is restored from another disk restore point: %.300s",
                             old->source_id);
    if (strcasecmp(old->location, put->region->config->name) != 0)
        return arm_error_set(why, 409, NOT_CHANGE, "location", "The disk is in %.64s.",
                             old->location);
    return !disk_change_find(doc, put->body.doc, path) ||
           arm_error_set(why, 409, NOT_CHANGE, path,
                         "The disk was made with another '%s', which cannot be changed: delete it "
                         "first, or give another name.",
                         path);
}

static bool take_tags(struct service *service, const struct putting *put,
                      const struct catalog_disk *old, const json_t *doc, struct arm_error *why,
                      struct err *e)
{
    struct catalog_disk row = *old;
    bool failed, ok;
    json_t *changed = disk_change_tags(doc, put->body.doc, &failed);
    char *text = changed ? service_text(changed) : NULL;

    row.doc = text;
    ok = (!failed && !changed) ||
         (text ? catalog_disk_put(service->catalog, &row, e) : arm_error_memory(why));
    json_decref(changed);
    free(text);
    return ok;
}

static bool put_again(struct service *service, const struct putting *put,
                      const struct catalog_disk *old, struct arm_error *why, struct err *e)
{
    json_t *doc = service_json(old->doc);
    bool ok = is_same(put, old, doc, why);

    if (ok && old->state == CATALOG_DELETING)
        ok = arm_error_set(why, 409, ARM_CONFLICT, NULL, "It is being deleted.");
    ok = ok && take_tags(service, put, old, doc, why, e);
    if (ok && old->state == CATALOG_FAILED)
        ok = catalog_disk_set_progress(service->catalog, put->id, event_code_name(EVENT_PENDING), 0,
                                       CATALOG_INFO, NULL, e) &&
             catalog_disk_set_state(service->catalog, put->id, CATALOG_CREATING, 0, e);
    json_decref(doc);
    return ok;
}

static bool put_row(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    struct putting *put = arg;
    const struct operation_spec spec = {.kind = arm_verb_name(ARM_VERB_PUT),
                                        .subscription = put->ask->route.id.subscription,
                                        .location = put->region->config->name,
                                        .resource = put->id};
    struct catalog_disk_point source = {0};
    struct catalog_disk old = {0};
    bool ok = catalog_disk_get(service->catalog, put->id, &old, e) &&
              catalog_disk_point_get(service->catalog, put->source_id, &source, e);

    if (ok && old.id)
        ok = put_again(service, put, &old, why, e);
    else if (ok)
        ok =
            look_at_source(service, put, &source, why, e) && put_new(service, put, &source, why, e);
    ok = ok && operation_begin(service->operations, &spec, put->operation, e);
    if (ok && old.state == CATALOG_SUCCEEDED && old.id)
        ok = operation_end(service->operations, put->operation, NULL, e);
    catalog_disk_point_fini(&source);
    catalog_disk_fini(&old);
    return ok;
}

struct failing {
    const char *id;
    struct err why;
};

static bool fail_row(struct service *service, void *arg, struct arm_error *unused, struct err *e)
{
    const struct failing *failing = arg;

    (void)unused;
    return replication_fail_disk(service, failing->id, &failing->why, e);
}

/* One that cannot be begun is there, and has failed: its operation says why. */
static void begin_or_fail(struct service *service, struct catalog_disk *row)
{
    struct failing failing = {.id = row->id};
    struct arm_error unused = {0};

    if (!replication_begin_disk(service->replication, row->id, &failing.why) &&
        service_change(service, fail_row, &failing, &unused))
        row->state = CATALOG_FAILED;
}

static void answer(struct service *service, struct putting *put)
{
    const struct operation_spec spec = {.kind = arm_verb_name(ARM_VERB_PUT),
                                        .subscription = put->ask->route.id.subscription,
                                        .location = put->region->config->name,
                                        .resource = put->id};
    struct catalog_disk row = {0};
    struct err e = {0};
    json_t *shown = NULL;

    if (catalog_disk_get(service->catalog, put->id, &row, &e) && row.id) {
        if (row.state == CATALOG_CREATING && !replication_runs(service->replication, row.id))
            begin_or_fail(service, &row);
        shown = disks_render(service, &row);
    }
    if (err_is_set(&e))
        service_refuse_err(put->ask, &e);
    else
        operation_answer(service->operations, put->ask->call, 202, shown, &spec, put->operation);
    catalog_disk_fini(&row);
}

/* ---- The request ---- */

static void putting_free(struct putting *put)
{
    struct putting **at = &put->puts->puttings;

    while (*at && *at != put)
        at = &(*at)->next;
    if (*at)
        *at = put->next;
    arm_disk_body_fini(&put->body);
    disk_place_fini(&put->place);
    free(put);
}

static void refuse(struct putting *put, const struct arm_error *why)
{
    service_refuse(put->ask, why);
    putting_free(put);
}

static void keep(struct putting *put)
{
    struct service *service = put->puts->service;
    struct arm_error why = {0};

    if (!service_change(service, put_row, put, &why)) {
        refuse(put, &why);
        return;
    }
    answer(service, put);
    putting_free(put);
}

/* A named blob must be one that nobody has yet. Whoever makes it after this look is safe, too: the copy
 * itself takes no blob that it did not begin. */
static void looked(struct region_op *op)
{
    struct putting *put = op->arg;
    struct arm_error why = {0};

    if (!err_is_set(&op->err))
        arm_error_set(&why, 409, ARM_CONFLICT, "properties.x-snapferry.blob",
                      "There is a blob %.300s already, which this restore did not make: nothing "
                      "was touched.",
                      put->body.blob);
    else if (op->err.http_status != 404)
        arm_error_of(&why, &op->err);
    if (arm_error_is_set(&why))
        refuse(put, &why);
    else
        keep(put);
}

static bool is_there(struct service *service, const char *id, struct err *e)
{
    struct catalog_disk row = {0};
    bool there = catalog_disk_get(service->catalog, id, &row, e) && row.id;

    catalog_disk_fini(&row);
    return there;
}

static void look_or_keep(struct putting *put)
{
    struct service *service = put->puts->service;
    const char *slash = strchr(put->body.blob, '/');
    struct err ignored = {0}; /* who keeps it finds the same again */

    if (!slash || is_there(service, put->id, &ignored)) {
        keep(put);
        return;
    }
    snprintf(put->place.container, sizeof put->place.container, "%.*s",
             (int)(slash - put->body.blob), put->body.blob);
    put->op = (struct region_op){.container = put->place.container,
                                 .blob = slash + 1,
                                 .due_ns = reactor_now_ns(service->reactor) + LOOK_NS,
                                 .done = looked,
                                 .arg = put};
    put->next = put->puts->puttings;
    put->puts->puttings = put;
    region_account_properties(put->region->account, &put->op);
}

static void put(void *arg, struct front_ask *ask)
{
    struct disk_put *puts = arg;
    struct putting *put = calloc(1, sizeof *put);
    struct arm_error why = {0};
    bool ok = put || arm_error_memory(&why);

    if (!ok) {
        service_refuse(ask, &why);
        return;
    }
    put->puts = puts;
    put->ask = ask;
    ok = arm_disk_read(ask->call->body, ask->call->body_bytes, &put->body, &why);
    if (ok) {
        arm_id_text(&ask->route.id, put->id);
        if (put->body.source.type != ARM_NONE)
            arm_id_text(&put->body.source, put->source_id);
        put->region = regions_find(puts->service->regions, put->body.location);
        ok = may_be(put, &why);
    }
    if (ok)
        look_or_keep(put);
    else
        refuse(put, &why);
}

/* ---- Life ---- */

struct disk_put *disk_put_new(struct service *service, struct err *e)
{
    struct disk_put *puts = calloc(1, sizeof *puts);

    if (puts)
        puts->service = service;
    else
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin");
    return puts;
}

bool disk_put_idle(const struct disk_put *puts)
{
    return !puts->puttings;
}

void disk_put_free(struct disk_put *puts)
{
    if (!puts)
        return;
    while (puts->puttings) /* the reactor has failed: nobody answers any more */
        putting_free(puts->puttings);
    free(puts);
}

void disk_put_serve(struct disk_put *puts, struct front_table *table)
{
    static const struct front_handler handlers[] = {{ARM_DISK, ARM_VERB_PUT, put}};

    front_table_add(table, handlers, sizeof handlers / sizeof handlers[0], puts);
}
