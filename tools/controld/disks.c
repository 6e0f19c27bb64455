/* disks.c - see disks.h. */
#include "tools/controld/disks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/event.h"
#include "tools/controld/arm_render.h"
#include "tools/controld/arm_resource_body.h"
#include "tools/controld/catalog_accesses.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_disks.h"
#include "tools/controld/disk_place.h"
#include "tools/controld/operation.h"
#include "tools/controld/pace.h"
#include "tools/controld/regions.h"
#include "tools/controld/replication.h"

static bool keep_progress(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    const struct catalog_disk *row = arg;

    (void)why;
    return catalog_disk_set_progress(service->catalog, row->id, row->code, row->percent, row->level,
                                     row->message, e);
}

/* As of restore points: what is shown was kept before, so that it never goes back. */
json_t *disks_render(struct service *service, const struct catalog_disk *row)
{
    const struct ferry_disk_view *view =
        row->ended_ns ? NULL : replication_look(service->replication, row->id, row->id);
    struct catalog_disk fresh = *row;
    struct arm_error why = {0};
    json_t *shown;

    if (view) {
        fresh.code = event_code_name(view->code);
        fresh.message = view->message[0] ? view->message : NULL;
        if (view->percent > fresh.percent)
            fresh.percent = view->percent;
    }
    if (fresh.percent > row->percent && !service_change(service, keep_progress, &fresh, &why))
        fresh.percent = row->percent;
    shown = arm_render_disk(&fresh);
    if (pace_tell(json_object_get(shown, "properties"), view))
        return shown;
    json_decref(shown);
    return NULL;
}

static void get(void *arg, struct front_ask *ask)
{
    struct service *service = arg;
    struct catalog_disk row = {0};
    char id[ARM_ID_MAX_BYTES];
    struct err e = {0};

    arm_id_text(&ask->route.id, id);
    if (!catalog_disk_get(service->catalog, id, &row, &e))
        service_refuse_err(ask, &e);
    else if (!row.id)
        service_refuse_missing(ask, &ask->route.id);
    else
        front_answer(ask->call, 200, disks_render(service, &row), NULL, 0);
    catalog_disk_fini(&row);
}

/* ---- PUT: restored ---- */

struct putting {
    struct front_ask *ask;
    struct arm_disk_body body;
    char id[ARM_ID_MAX_BYTES], source_id[ARM_ID_MAX_BYTES], operation[FRONT_GUID_BYTES];
    const struct region *region;
};

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
    json_t *backing = disk_place_new(service, &put->body, put->region);
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
    bool ok = (place && doc) || arm_error_memory(why);

    front_make_guid(guid);
    ok = ok && disk_place_is_free(service, backing, why, e) &&
         catalog_disk_put(service->catalog, &row, e);
    json_decref(backing);
    free(place);
    free(doc);
    return ok;
}

static bool put_again(const struct putting *put, const struct catalog_disk *old,
                      struct arm_error *why)
{
    if (!old->source_id || strcasecmp(old->source_id, put->source_id) != 0)
        return arm_error_set(why, 409, "PropertyChangeNotAllowed", NULL,
                             "There is another disk of that name.");
    return old->state != CATALOG_DELETING ||
           arm_error_set(why, 409, ARM_CONFLICT, NULL, "It is being deleted.");
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

    if (ok && old.id) {
        ok = put_again(put, &old, why);
        if (ok && old.state == CATALOG_FAILED)
            ok =
                catalog_disk_set_progress(service->catalog, put->id, event_code_name(EVENT_PENDING),
                                          0, CATALOG_INFO, NULL, e) &&
                catalog_disk_set_state(service->catalog, put->id, CATALOG_CREATING, 0, e);
    } else if (ok) {
        ok =
            look_at_source(service, put, &source, why, e) && put_new(service, put, &source, why, e);
    }
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

static void put(void *arg, struct front_ask *ask)
{
    struct service *service = arg;
    struct putting put = {.ask = ask};
    struct arm_error why = {0};
    bool ok = arm_disk_read(ask->call->body, ask->call->body_bytes, &put.body, &why);

    if (ok) {
        arm_id_text(&ask->route.id, put.id);
        if (put.body.source.type != ARM_NONE)
            arm_id_text(&put.body.source, put.source_id);
        put.region = regions_find(service->regions, put.body.location);
        ok = may_be(&put, &why) && service_change(service, put_row, &put, &why);
    }
    if (ok)
        answer(service, &put);
    else
        service_refuse(ask, &why);
    arm_disk_body_fini(&put.body);
}

/* ---- Lists ---- */

static bool list_rows(struct service *service, const char *under, const struct catalog_page *page,
                      json_t *value, char last_id[ARM_ID_MAX_BYTES], struct err *e)
{
    struct catalog_disk_list rows = {0};
    bool ok = catalog_disk_list(service->catalog, under, page, &rows, e);

    for (size_t i = 0; i < rows.count; i++)
        json_array_append_new(value, disks_render(service, &rows.rows[i]));
    if (rows.more)
        snprintf(last_id, ARM_ID_MAX_BYTES, "%s", rows.rows[rows.count - 1].id);
    catalog_disk_list_fini(&rows);
    return ok;
}

static void list(void *arg, struct front_ask *ask)
{
    service_list(arg, ask, list_rows);
}

void disks_serve(struct service *service, struct front_table *table)
{
    static const struct front_handler handlers[] = {
        {ARM_DISK, ARM_VERB_PUT, put},
        {ARM_DISK, ARM_VERB_GET, get},
        {ARM_DISK, ARM_VERB_LIST_GROUP, list},
        {ARM_DISK, ARM_VERB_LIST_SUBSCRIPTION, list},
    };

    front_table_add(table, handlers, sizeof handlers / sizeof handlers[0], service);
}
