/* point_delete.c - see point_delete.h. */
#include "tools/controld/point_delete.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/controld/catalog_accesses.h"
#include "tools/controld/catalog_bases.h"
#include "tools/controld/catalog_collections.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_points.h"
#include "tools/controld/cut_place.h"
#include "tools/controld/operation.h"
#include "tools/controld/point_leave.h"
#include "tools/controld/regions.h"
#include "tools/controld/replication.h"
#include "tools/controld/verify_desk.h"

struct point_delete {
    struct service *service;
    struct point_leave *leave;
};

/* ---- May it be? ---- */

static bool nobody_has_access(struct service *service, const char *point_id, struct arm_error *why,
                              struct err *e)
{
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    struct catalog_access_list list = {0};
    bool ok = catalog_access_list(service->catalog, point_id, &all, &list, e);

    for (size_t i = 0; ok && i < list.count; i++)
        if (list.rows[i].expires_ns > service_now_ns(service))
            ok = arm_error_set(
                why, 409, ARM_USED_BY_CUSTOMER, NULL,
                "There is active access (SAS) to %.300s. End it first (endGetAccess).",
                list.rows[i].resource_id);
    catalog_access_list_fini(&list);
    return ok;
}

static bool nobody_reads(struct service *service, const char *point_id, struct arm_error *why,
                         struct err *e)
{
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    struct catalog_disk_point_list list = {0};
    bool ok = catalog_disk_point_list(service->catalog, point_id, &all, &list, e);

    for (size_t i = 0; ok && i < list.count; i++)
        if (replication_reads(service->replication, list.rows[i].id))
            ok = arm_error_set(why, 409, ARM_OPERATION_REFUSED, NULL,
                               "A copy that is under way reads %.300s. Wait for its end, or delete "
                               "the copy first.",
                               list.rows[i].id);
        else if (verify_desk_reads(service->verifications, list.rows[i].id))
            ok = arm_error_set(why, 409, ARM_OPERATION_REFUSED, NULL,
                               "A verification that is under way reads %.300s. Wait for its end.",
                               list.rows[i].id);
    catalog_disk_point_list_fini(&list);
    return ok;
}

static bool may_go(struct service *service, const struct catalog_point *point,
                   struct arm_error *why, struct err *e)
{
    if (point->state == CATALOG_CREATING && !point->source_point_id)
        return arm_error_set(why, 409, ARM_OPERATION_REFUSED, NULL,
                             "The restore point is being created.");
    return nobody_has_access(service, point->id, why, e) &&
           nobody_reads(service, point->id, why, e);
}

/* The snapshot that a delta starts from outlives its restore point: a full copy would be work done again.
 * From here on it is nobody's but the chain's, and goes when that has gone on. */
static bool keep_base(struct service *service, const struct catalog_disk_point *disk, struct err *e)
{
    const struct region *region =
        disk->snapshot && disk->region ? regions_find(service->regions, disk->region) : NULL;
    char *place = NULL;
    bool ok, needed;

    if (!region)
        return true;
    place = cut_place_of_blob(region->config->name, disk->container, disk->blob, disk->snapshot);
    ok = place ? catalog_base_is_needed(service->catalog, place, &needed, e)
               : err_set_errno(e, ENOMEM, RETRY_LATER, "cannot delete a restore point");
    if (ok && needed) {
        const struct catalog_base base = {place, disk->id};

        ok = catalog_base_put(service->catalog, &base, e);
    }
    free(place);
    return ok;
}

static bool keep_bases(struct service *service, const char *point_id, struct err *e)
{
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    struct catalog_disk_point_list list = {0};
    bool ok = catalog_disk_point_list(service->catalog, point_id, &all, &list, e);

    for (size_t i = 0; ok && i < list.count; i++)
        ok = keep_base(service, &list.rows[i], e);
    catalog_disk_point_list_fini(&list);
    return ok;
}

/* ---- DELETE of a point ---- */

struct deleting {
    struct point_delete *deletes;
    const char *id;
    const struct arm_id *arm_id; /* NULL: no operation is wanted */
    char operation[FRONT_GUID_BYTES];
    char location[ARM_LOCATION_MAX_BYTES];
    bool there, under_way;
};

static bool mark_point(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    struct deleting *deleting = arg;
    struct catalog_point point = {0};
    struct catalog_collection collection = {0};
    struct operation_spec spec = {.kind = arm_verb_name(ARM_VERB_DELETE), .resource = deleting->id};
    bool ok = catalog_point_get(service->catalog, deleting->id, &point, e);

    deleting->there = point.id != NULL;
    deleting->under_way = point.id && point_leave_runs(deleting->deletes->leave, point.id);
    if (ok && point.id && point.state != CATALOG_DELETING)
        ok = may_go(service, &point, why, e) && keep_bases(service, point.id, e) &&
             catalog_point_set_state(service->catalog, point.id, CATALOG_DELETING, NULL, NULL, e);
    if (ok && point.id && deleting->arm_id) {
        ok = catalog_collection_get(service->catalog, point.collection_id, &collection, e);
        if (ok && collection.id) {
            snprintf(deleting->location, sizeof deleting->location, "%s", collection.location);
            spec.subscription = deleting->arm_id->subscription;
            spec.location = deleting->location;
            ok = operation_begin(service->operations, &spec, deleting->operation, e);
        }
    }
    catalog_collection_fini(&collection);
    catalog_point_fini(&point);
    return ok;
}

bool point_delete_begin(struct point_delete *deletes, const char *point_id, struct arm_error *why)
{
    struct deleting deleting = {.deletes = deletes, .id = point_id};
    struct err e = {0};

    return service_change(deletes->service, mark_point, &deleting, why) &&
           (!deleting.there || deleting.under_way ||
            point_leave_begin(deletes->leave, point_id, &e) || arm_error_of(why, &e));
}

static void delete_point(void *arg, struct front_ask *ask)
{
    struct point_delete *deletes = arg;
    struct service *service = deletes->service;
    char id[ARM_ID_MAX_BYTES];
    struct deleting deleting = {.deletes = deletes, .id = id, .arm_id = &ask->route.id};
    struct arm_error why = {0};
    struct err e = {0};

    arm_id_text(&ask->route.id, id);
    if (!service_change(service, mark_point, &deleting, &why)) {
        service_refuse(ask, &why);
    } else if (!deleting.there) {
        front_answer(ask->call, 204, NULL, NULL, 0);
    } else {
        const struct operation_spec spec = {.kind = arm_verb_name(ARM_VERB_DELETE),
                                            .subscription = ask->route.id.subscription,
                                            .location = deleting.location,
                                            .resource = id};

        operation_answer(service->operations, ask->call, 202, NULL, &spec, deleting.operation);
        if (!deleting.under_way && !point_leave_begin(deletes->leave, id, &e))
            fprintf(stderr, "snapferryd: cannot delete %s: %s\n", id, e.text);
    }
}

/* ---- DELETE of a collection: each point of it, then itself ---- */

/* One page at a time: what does not fit is found when these have gone. */
static bool mark_collection(struct service *service, void *arg, struct arm_error *why,
                            struct err *e)
{
    struct deleting *deleting = arg;
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    struct catalog_collection row = {0};
    struct catalog_point_list list = {0};
    struct operation_spec spec = {.kind = arm_verb_name(ARM_VERB_DELETE),
                                  .subscription = deleting->arm_id->subscription,
                                  .location = deleting->location,
                                  .resource = deleting->id};
    bool ok = catalog_collection_get(service->catalog, deleting->id, &row, e);

    deleting->there = row.id != NULL;
    if (ok && row.id) {
        snprintf(deleting->location, sizeof deleting->location, "%s", row.location);
        ok = nobody_has_access(service, row.id, why, e) &&
             catalog_point_list(service->catalog, row.id, &all, &list, e) &&
             catalog_collection_set_state(service->catalog, row.id, CATALOG_DELETING, e) &&
             operation_begin(service->operations, &spec, deleting->operation, e);
        if (ok && list.more)
            ok = arm_error_refused(
                why, NULL, "The collection has more than %u restore points: delete some first.",
                CATALOG_PAGE_MAX);
        for (size_t i = 0; ok && i < list.count; i++)
            ok = list.rows[i].state == CATALOG_DELETING || may_go(service, &list.rows[i], why, e);
        ok = ok && (list.count > 0 || point_leave_drop_collection(service, row.id, e));
    }
    catalog_point_list_fini(&list);
    catalog_collection_fini(&row);
    return ok;
}

static bool delete_points(struct point_delete *deletes, const char *collection_id,
                          struct arm_error *why)
{
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    struct catalog_point_list list = {0};
    struct err e = {0};
    bool ok = catalog_point_list(deletes->service->catalog, collection_id, &all, &list, &e) ||
              arm_error_of(why, &e);

    for (size_t i = 0; ok && i < list.count; i++)
        ok = point_delete_begin(deletes, list.rows[i].id, why);
    catalog_point_list_fini(&list);
    return ok;
}

static void delete_collection(void *arg, struct front_ask *ask)
{
    struct point_delete *deletes = arg;
    char id[ARM_ID_MAX_BYTES];
    struct deleting deleting = {.deletes = deletes, .id = id, .arm_id = &ask->route.id};
    struct arm_error why = {0};

    arm_id_text(&ask->route.id, id);
    if (!service_change(deletes->service, mark_collection, &deleting, &why)) {
        service_refuse(ask, &why);
    } else if (!deleting.there) {
        front_answer(ask->call, 204, NULL, NULL, 0);
    } else {
        const struct operation_spec spec = {.kind = arm_verb_name(ARM_VERB_DELETE),
                                            .subscription = ask->route.id.subscription,
                                            .location = deleting.location,
                                            .resource = id};

        operation_answer(deletes->service->operations, ask->call, 202, NULL, &spec,
                         deleting.operation);
        if (!delete_points(deletes, id, &why))
            fprintf(stderr, "snapferryd: cannot delete all of %s: %s\n", id, why.message);
    }
}

/* ---- Life ---- */

struct point_delete *point_delete_new(struct service *service, struct err *e)
{
    struct point_delete *deletes = calloc(1, sizeof *deletes);

    if (deletes && (deletes->leave = point_leave_new(service, e))) {
        deletes->service = service;
        return deletes;
    }
    if (!deletes)
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin");
    free(deletes);
    return NULL;
}

void point_delete_stop(struct point_delete *deletes)
{
    point_leave_stop(deletes->leave);
}

void point_delete_free(struct point_delete *deletes)
{
    if (!deletes)
        return;
    point_leave_free(deletes->leave);
    free(deletes);
}

bool point_delete_idle(const struct point_delete *deletes)
{
    return point_leave_idle(deletes->leave);
}

/* Those whose points were not all marked when the program ended. What cannot go now stays, and is asked for
 * again: no reason not to serve. */
static bool recover_collections(struct point_delete *deletes, struct err *e)
{
    struct catalog_page page = {.limit = CATALOG_PAGE_MAX};
    struct catalog_collection_list list = {0};
    char after[ARM_ID_MAX_BYTES];
    bool ok = true, more = true;

    while (ok && more) {
        ok = catalog_collection_list(deletes->service->catalog, NULL, &page, &list, e);
        for (size_t i = 0; ok && i < list.count; i++) {
            struct arm_error why = {0};

            if (list.rows[i].state == CATALOG_DELETING &&
                !delete_points(deletes, list.rows[i].id, &why))
                fprintf(stderr, "snapferryd: cannot delete %s: %s\n", list.rows[i].id, why.message);
        }
        more = ok && list.more;
        if (more) {
            snprintf(after, sizeof after, "%s", list.rows[list.count - 1].id);
            page.after = after;
        }
        catalog_collection_list_fini(&list);
    }
    return ok;
}

static bool recover_points(struct point_delete *deletes, struct err *e)
{
    struct catalog_page page = {.limit = CATALOG_PAGE_MAX};
    struct catalog_point_list list = {0};
    char after[ARM_ID_MAX_BYTES];
    bool ok = true, more = true;

    while (ok && more) {
        ok = catalog_point_list_in_state(deletes->service->catalog, CATALOG_DELETING, &page, &list,
                                         e);
        more = ok && list.more;
        if (more) /* before: what leaves may be gone at once */
            snprintf(after, sizeof after, "%s", list.rows[list.count - 1].id);
        for (size_t i = 0; ok && i < list.count; i++)
            ok = point_leave_begin(deletes->leave, list.rows[i].id, e);
        page.after = after;
        catalog_point_list_fini(&list);
    }
    return ok;
}

bool point_delete_recover(struct point_delete *deletes, struct err *e)
{
    return recover_points(deletes, e) && recover_collections(deletes, e);
}

void point_delete_serve(struct point_delete *deletes, struct front_table *table)
{
    static const struct front_handler handlers[] = {
        {ARM_POINT, ARM_VERB_DELETE, delete_point},
        {ARM_COLLECTION, ARM_VERB_DELETE, delete_collection},
    };

    front_table_add(table, handlers, sizeof handlers / sizeof handlers[0], deletes);
}
