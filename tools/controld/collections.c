/* collections.c - see collections.h. */
#include "tools/controld/collections.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/controld/arm_body.h"
#include "tools/controld/arm_render.h"
#include "tools/controld/catalog_collections.h"
#include "tools/controld/catalog_machines.h"
#include "tools/controld/points.h"
#include "tools/controld/regions.h"

static void answer(struct service *service, struct front_ask *ask, int status)
{
    struct catalog_collection row = {0};
    char id[ARM_ID_MAX_BYTES];
    struct err e = {0};
    json_t *points = NULL;
    bool ok;

    arm_id_text(&ask->route.id, id);
    ok = catalog_collection_get(service->catalog, id, &row, &e);
    if (ok && row.id && ask->route.expand_points)
        ok = (points = points_render_of_collection(service, id, &e)) != NULL;
    if (!ok)
        service_refuse_err(ask, &e);
    else if (!row.id)
        service_refuse_missing(ask, &ask->route.id);
    else
        front_answer(ask->call, status, arm_render_collection(&row, points), NULL, 0);
    catalog_collection_fini(&row);
}

static void get(void *arg, struct front_ask *ask)
{
    answer(arg, ask, 200);
}

/* ---- PUT ---- */

struct putting {
    const struct arm_route *route;
    struct arm_collection_body body;
    char id[ARM_ID_MAX_BYTES], source_id[ARM_ID_MAX_BYTES];
    bool existed;
};

static bool tells_other(const struct catalog_collection *row, const struct putting *put)
{
    return strcasecmp(row->location, put->body.location) != 0 ||
           (put->body.source.type != ARM_NONE && strcasecmp(row->source_id, put->source_id) != 0);
}

/* Where the source lies; ARM_NONE and collections in one region are refused. */
static bool look_at_source(struct service *service, const struct putting *put,
                           struct catalog_collection *row,
                           char out_location[ARM_LOCATION_MAX_BYTES], struct arm_error *why,
                           struct err *e)
{
    struct catalog_machine machine = {0};
    struct catalog_collection source = {0};
    bool of_machine = put->body.source.type == ARM_MACHINE, ok;
    const char *location;

    ok = of_machine ? catalog_machine_get(service->catalog, put->source_id, &machine, e)
                    : catalog_collection_get(service->catalog, put->source_id, &source, e);
    location = of_machine ? machine.location : source.location;
    if (ok && !location)
        ok = arm_id_not_found(&put->body.source, why);
    if (ok)
        snprintf(out_location, ARM_LOCATION_MAX_BYTES, "%s", location);
    if (ok && !of_machine && strcasecmp(location, put->body.location) == 0)
        ok = arm_error_refused(
            why, "properties.source.id",
            "The source collection lies in %s too: a copy goes to another region.", location);
    if (ok && of_machine && strcasecmp(location, put->body.location) != 0)
        ok = arm_version_reaches(put->route->api_version, ARM_VERSION_CREATE_ELSEWHERE,
                                 "A collection in another region than its virtual machine's", why);
    row->source_kind = of_machine ? CATALOG_SOURCE_MACHINE : CATALOG_SOURCE_COLLECTION;
    catalog_machine_fini(&machine);
    catalog_collection_fini(&source);
    return ok;
}

static bool add(struct service *service, struct putting *put, const char *tags,
                struct arm_error *why, struct err *e)
{
    const struct region *region = regions_find(service->regions, put->body.location);
    char guid[FRONT_GUID_BYTES], source_location[ARM_LOCATION_MAX_BYTES];
    struct catalog_collection row = {
        .id = put->id,
        .tags = tags,
        .source_id = put->source_id,
        .source_location = source_location,
        .guid = guid,
        .state = CATALOG_SUCCEEDED,
        .created_ns = service_now_ns(service),
    };

    if (!region)
        return arm_error_set(why, 400, "LocationNotAvailableForResourceType", "location",
                             "There is no region '%s' here.", put->body.location);
    if (put->body.source.type == ARM_NONE)
        return arm_error_set(why, 400, ARM_INVALID_PARAMETER, "properties.source.id",
                             "Required parameter 'properties.source.id' is missing.");
    if (!look_at_source(service, put, &row, source_location, why, e))
        return false;
    row.location = region->config->name;
    front_make_guid(guid);
    return catalog_collection_put(service->catalog, &row, e);
}

static bool put_row(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    struct putting *put = arg;
    struct catalog_collection row = {0};
    char *tags = service_text(put->body.tags);
    bool ok = tags || arm_error_memory(why);

    ok = ok && catalog_collection_get(service->catalog, put->id, &row, e);
    put->existed = row.id != NULL;
    if (ok && put->existed && row.state == CATALOG_DELETING)
        ok = arm_error_set(why, 409, ARM_CONFLICT, NULL, "The collection is being deleted.");
    else if (ok && put->existed && tells_other(&row, put))
        ok = arm_error_set(why, 409, "PropertyChangeNotAllowed", NULL,
                           "Of a collection that is there only the tags can be changed.");
    else if (ok && put->existed)
        ok = catalog_collection_set_tags(service->catalog, put->id, tags, e);
    else if (ok)
        ok = add(service, put, tags, why, e);
    catalog_collection_fini(&row);
    free(tags);
    return ok;
}

static void put(void *arg, struct front_ask *ask)
{
    struct putting put = {.route = &ask->route};
    struct arm_error why = {0};
    bool ok = arm_collection_read(ask->call->body, ask->call->body_bytes, &put.body, &why);

    if (ok) {
        arm_id_text(&ask->route.id, put.id);
        if (put.body.source.type != ARM_NONE)
            arm_id_text(&put.body.source, put.source_id);
        ok = service_change(arg, put_row, &put, &why);
    }
    if (ok)
        answer(arg, ask, put.existed ? 200 : 201);
    else
        service_refuse(ask, &why);
    arm_collection_body_fini(&put.body);
}

/* ---- PATCH ---- */

static bool patch_row(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    struct putting *patch = arg;
    struct catalog_collection row = {0};
    char *tags = patch->body.tags ? service_text(patch->body.tags) : NULL;
    bool ok = tags || !patch->body.tags || arm_error_memory(why);

    ok = ok && catalog_collection_get(service->catalog, patch->id, &row, e);
    if (ok && !row.id)
        ok = arm_id_not_found(&patch->route->id, why);
    if (ok && tags)
        ok = catalog_collection_set_tags(service->catalog, patch->id, tags, e);
    catalog_collection_fini(&row);
    free(tags);
    return ok;
}

static void patch(void *arg, struct front_ask *ask)
{
    struct putting patch = {.route = &ask->route};
    struct arm_error why = {0};
    bool ok = arm_tags_read(ask->call->body, ask->call->body_bytes, &patch.body, &why);

    if (ok) {
        arm_id_text(&ask->route.id, patch.id);
        ok = service_change(arg, patch_row, &patch, &why);
    }
    if (ok)
        answer(arg, ask, 200);
    else
        service_refuse(ask, &why);
    arm_collection_body_fini(&patch.body);
}

/* ---- Lists ---- */

static bool list_rows(struct service *service, const char *under, const struct catalog_page *page,
                      json_t *value, char last_id[ARM_ID_MAX_BYTES], struct err *e)
{
    struct catalog_collection_list rows = {0};
    bool ok = catalog_collection_list(service->catalog, under, page, &rows, e);

    for (size_t i = 0; i < rows.count; i++)
        json_array_append_new(value, arm_render_collection(&rows.rows[i], NULL));
    if (rows.more)
        snprintf(last_id, ARM_ID_MAX_BYTES, "%s", rows.rows[rows.count - 1].id);
    catalog_collection_list_fini(&rows);
    return ok;
}

static void list(void *arg, struct front_ask *ask)
{
    service_list(arg, ask, list_rows);
}

void collections_serve(struct service *service, struct front_table *table)
{
    static const struct front_handler handlers[] = {
        {ARM_COLLECTION, ARM_VERB_PUT, put},
        {ARM_COLLECTION, ARM_VERB_PATCH, patch},
        {ARM_COLLECTION, ARM_VERB_GET, get},
        {ARM_COLLECTION, ARM_VERB_LIST_GROUP, list},
        {ARM_COLLECTION, ARM_VERB_LIST_SUBSCRIPTION, list},
    };

    front_table_add(table, handlers, sizeof handlers / sizeof handlers[0], service);
}
