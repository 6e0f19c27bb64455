/* machines.c - see machines.h. */
#include "tools/controld/machines.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "tools/controld/arm_render.h"
#include "tools/controld/arm_resource_body.h"
#include "tools/controld/catalog_disks.h"
#include "tools/controld/catalog_machines.h"
#include "tools/controld/config.h"
#include "tools/controld/disk_owner.h"
#include "tools/controld/regions.h"

static void answer(struct service *service, struct front_ask *ask, int status)
{
    struct catalog_machine row = {0};
    char id[ARM_ID_MAX_BYTES];
    struct err e = {0};

    arm_id_text(&ask->route.id, id);
    if (!catalog_machine_get(service->catalog, id, &row, &e))
        service_refuse_err(ask, &e);
    else if (!row.id)
        service_refuse_missing(ask, &ask->route.id);
    else
        front_answer(ask->call, status, arm_render_machine(&row), NULL, 0);
    catalog_machine_fini(&row);
}

static void get(void *arg, struct front_ask *ask)
{
    answer(arg, ask, 200);
}

/* ---- PUT ---- */

struct putting {
    const struct arm_route *route;
    struct arm_machine_body body;
    char id[ARM_ID_MAX_BYTES];
    bool existed;
};

/* By name: what the service refuses to take restore points of (seed 003). */
static bool disk_is_served(const struct arm_machine_disk *disk, struct arm_error *why)
{
    const char *what = disk->ephemeral   ? "an ephemeral OS disk"
                       : disk->unmanaged ? "an unmanaged disk"
                       : disk->ultra     ? "an Ultra disk"
                                         : NULL;

    return !what ||
           arm_error_refused(why, "properties.storageProfile",
                             "The disk '%s' is %s, which is not supported.", disk->name, what);
}

/* What two machines write to at once is no disk of either (seed 003: shared disks). */
static bool disk_is_free(struct service *service, const struct putting *put, const char *id,
                         struct arm_error *why, struct err *e)
{
    char other[ARM_ID_MAX_BYTES];

    return disk_owner_find(service, id, put->id, other, e) &&
           (!other[0] || arm_error_set(why, 409, ARM_CONFLICT, "managedDisk.id",
                                       "The disk '%.300s' is attached to the virtual machine "
                                       "'%.300s'.",
                                       id, other));
}

static bool disk_is_there(struct service *service, const struct putting *put,
                          const struct arm_machine_disk *disk, struct arm_error *why, struct err *e)
{
    struct catalog_disk row = {0};
    char id[ARM_ID_MAX_BYTES];
    bool ok;

    if (disk->disk.type == ARM_NONE)
        return arm_error_set(
            why, 400, ARM_INVALID_PARAMETER, "managedDisk.id",
            "The disk '%s' names no managed disk: only disks that exist can be attached.",
            disk->name);
    arm_id_text(&disk->disk, id);
    ok = catalog_disk_get(service->catalog, id, &row, e);
    if (ok && !row.id)
        ok = arm_id_not_found(&disk->disk, why);
    if (ok && strcasecmp(row.location, put->body.location) != 0)
        ok = arm_error_refused(why, "managedDisk.id", "The disk '%s' lies in %s, not in %s.", id,
                               row.location, put->body.location);
    if (ok && (row.state != CATALOG_SUCCEEDED || (row.source_id && !row.ended_ns)))
        ok = arm_error_set(
            why, 409, ARM_CONFLICT, "managedDisk.id",
            "The disk '%s' is not restored yet: wait until its provisioningState is Succeeded.",
            id);
    ok = ok && disk_is_free(service, put, id, why, e);
    catalog_disk_fini(&row);
    return ok;
}

static bool put_row(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    struct putting *put = arg;
    struct catalog_machine old = {0};
    char guid[FRONT_GUID_BYTES], *doc = NULL;
    bool ok = catalog_machine_get(service->catalog, put->id, &old, e);

    put->existed = old.id != NULL;
    for (size_t i = 0; ok && i < put->body.disk_count; i++)
        ok = disk_is_served(&put->body.disks[i], why) &&
             disk_is_there(service, put, &put->body.disks[i], why, e);
    if (ok && !(doc = service_text(put->body.doc)))
        ok = arm_error_memory(why);
    front_make_guid(guid);
    if (ok) {
        const struct catalog_machine row = {
            .id = put->id,
            .guid = put->existed ? old.guid : guid,
            .location = regions_find(service->regions, put->body.location)->config->name,
            .doc = doc,
            .state = CATALOG_SUCCEEDED,
            .created_ns = put->existed ? old.created_ns : service_now_ns(service),
        };

        ok = catalog_machine_put(service->catalog, &row, e);
    }
    catalog_machine_fini(&old);
    free(doc);
    return ok;
}

static bool may_change(const struct service *service, const char *id, struct arm_error *why)
{
    return !config_machine_of(service->config, id) ||
           arm_error_refused(why, NULL,
                             "This virtual machine stands in the configuration: change it there.");
}

static void put(void *arg, struct front_ask *ask)
{
    struct service *service = arg;
    struct putting put = {.route = &ask->route};
    struct arm_error why = {0};
    bool ok = arm_machine_read(ask->call->body, ask->call->body_bytes, &put.body, &why);

    arm_id_text(&ask->route.id, put.id);
    ok = ok && may_change(service, put.id, &why);
    if (ok && !regions_find(service->regions, put.body.location))
        ok = arm_error_set(&why, 400, "LocationNotAvailableForResourceType", "location",
                           "There is no region '%s' here.", put.body.location);
    if (ok && service_change(service, put_row, &put, &why))
        answer(service, ask, put.existed ? 200 : 201);
    else
        service_refuse(ask, &why);
    arm_machine_body_fini(&put.body);
}

/* ---- DELETE ---- */

static bool delete_row(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    (void)why;
    return catalog_machine_delete(service->catalog, arg, e);
}

static void delete (void *arg, struct front_ask *ask)
{
    struct service *service = arg;
    struct catalog_machine row = {0};
    char id[ARM_ID_MAX_BYTES];
    struct arm_error why = {0};
    struct err e = {0};
    bool there;

    arm_id_text(&ask->route.id, id);
    if (!catalog_machine_get(service->catalog, id, &row, &e)) {
        service_refuse_err(ask, &e);
        return;
    }
    there = row.id != NULL;
    catalog_machine_fini(&row);
    if (!there)
        front_answer(ask->call, 204, NULL, NULL, 0);
    else if (may_change(service, id, &why) && service_change(service, delete_row, id, &why))
        front_answer(ask->call, 200, NULL, NULL, 0);
    else
        service_refuse(ask, &why);
}

/* ---- Lists ---- */

static bool list_rows(struct service *service, const char *under, const struct catalog_page *page,
                      json_t *value, char last_id[ARM_ID_MAX_BYTES], struct err *e)
{
    struct catalog_machine_list rows = {0};
    bool ok = catalog_machine_list(service->catalog, under, page, &rows, e);

    for (size_t i = 0; i < rows.count; i++)
        json_array_append_new(value, arm_render_machine(&rows.rows[i]));
    if (rows.more)
        snprintf(last_id, ARM_ID_MAX_BYTES, "%s", rows.rows[rows.count - 1].id);
    catalog_machine_list_fini(&rows);
    return ok;
}

static void list(void *arg, struct front_ask *ask)
{
    service_list(arg, ask, list_rows);
}

void machines_serve(struct service *service, struct front_table *table)
{
    static const struct front_handler handlers[] = {
        {ARM_MACHINE, ARM_VERB_PUT, put},
        {ARM_MACHINE, ARM_VERB_GET, get},
        {ARM_MACHINE, ARM_VERB_DELETE, delete},
        {ARM_MACHINE, ARM_VERB_LIST_GROUP, list},
        {ARM_MACHINE, ARM_VERB_LIST_SUBSCRIPTION, list},
    };

    front_table_add(table, handlers, sizeof handlers / sizeof handlers[0], service);
}
