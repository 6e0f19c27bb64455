/* point_delete.c - see point_delete.h. */
#include "tools/controld/point_delete.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "tools/controld/catalog_accesses.h"
#include "tools/controld/catalog_collections.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_families.h"
#include "tools/controld/catalog_points.h"
#include "tools/controld/operation.h"
#include "tools/controld/regions.h"
#include "tools/controld/replication.h"

/* One point on its way out: its disks one after the other. */
struct leaving {
    struct point_delete *deletes;
    struct leaving *next;
    char id[ARM_ID_MAX_BYTES];
    struct catalog_disk_point_list disks;
    size_t at;
    struct region_op op;
    struct err trouble;
};

struct point_delete {
    struct service *service;
    struct leaving *leavings;
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

/* ---- The end of a point ---- */

/* A collection that is being deleted goes with its last point. */
static bool drop_empty_collection(struct service *service, const char *id, struct err *e)
{
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    struct catalog_collection row = {0};
    struct catalog_family_list families = {0};
    uint64_t count = 0;
    bool ok = catalog_collection_get(service->catalog, id, &row, e) &&
              (!row.id || catalog_point_count(service->catalog, id, &count, e));

    if (ok && row.id && row.state == CATALOG_DELETING && count == 0) {
        ok = catalog_family_list_of_collection(service->catalog, id, &all, &families, e);
        for (size_t i = 0; ok && i < families.count; i++)
            ok = catalog_family_delete(service->catalog, families.rows[i].guid, e);
        ok = ok && catalog_collection_delete(service->catalog, id, e) &&
             service_end_operations(service, id, NULL, e);
    }
    catalog_family_list_fini(&families);
    catalog_collection_fini(&row);
    return ok;
}

/* What the live blob holds stays there, but nobody can say any more what it is: the next copy is a full
 * one. */
static bool forget_held(struct service *service, const struct catalog_disk_point *disk,
                        struct err *e)
{
    struct catalog_family family = {0};
    bool ok = !disk->family || catalog_family_get(service->catalog, disk->family, &family, e);

    if (ok && family.held_disk_point_id && strcasecmp(family.held_disk_point_id, disk->id) == 0)
        ok = catalog_family_set_held(service->catalog, family.guid, NULL, e);
    catalog_family_fini(&family);
    return ok;
}

static bool drop_rows(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    const struct leaving *leaving = arg;
    struct catalog_point point = {0};
    bool ok = catalog_point_get(service->catalog, leaving->id, &point, e);

    (void)why;
    for (size_t i = 0; ok && i < leaving->disks.count; i++)
        ok = catalog_access_delete(service->catalog, leaving->disks.rows[i].id, e) &&
             forget_held(service, &leaving->disks.rows[i], e) &&
             catalog_disk_point_delete(service->catalog, leaving->disks.rows[i].id, e);
    ok = ok && catalog_point_delete(service->catalog, leaving->id, e) &&
         service_end_operations(service, leaving->id, NULL, e) &&
         (!point.id || drop_empty_collection(service, point.collection_id, e));
    catalog_point_fini(&point);
    return ok;
}

static bool give_up(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    struct leaving *leaving = arg;
    struct arm_error trouble = {0};

    (void)why;
    arm_error_of(&trouble, &leaving->trouble);
    return catalog_point_set_state(service->catalog, leaving->id, CATALOG_FAILED, trouble.code,
                                   trouble.message, e) &&
           service_end_operations(service, leaving->id, &trouble, e);
}

static void leave(struct leaving *leaving)
{
    struct leaving **at = &leaving->deletes->leavings;
    struct arm_error why = {0};

    (void)service_change(leaving->deletes->service,
                         err_is_set(&leaving->trouble) ? give_up : drop_rows, leaving, &why);
    if (arm_error_is_set(&why))
        fprintf(stderr, "snapferryd: cannot delete %s: %s\n", leaving->id, why.message);
    while (*at != leaving)
        at = &(*at)->next;
    *at = leaving->next;
    catalog_disk_point_list_fini(&leaving->disks);
    free(leaving);
}

/* ---- Its snapshots ---- */

/* Is this the last disk point of its family, or of its blob? The family's own live blob stays for the
 * next copy; a blob that is a disk itself is never ours to delete. */
static bool is_last(const struct leaving *leaving, const struct catalog_disk_point *disk,
                    bool *out_of_blob, struct err *e)
{
    struct catalog *catalog = leaving->deletes->service->catalog;
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    struct catalog_disk_point_list list = {0};
    struct catalog_family family = {0};
    size_t others = 0;
    bool ok = catalog_family_get(catalog, disk->family, &family, e) &&
              catalog_disk_point_list_of_family(catalog, disk->family, &all, &list, e);

    for (size_t i = 0; ok && i < list.count; i++)
        others += strcasecmp(list.rows[i].id, disk->id) != 0 && list.rows[i].blob && disk->blob &&
                  strcmp(list.rows[i].blob, disk->blob) == 0;
    *out_of_blob = ok && family.blob_count > 0 && others == 0 && !list.more;
    catalog_disk_point_list_fini(&list);
    catalog_family_fini(&family);
    return ok;
}

static void next_disk(struct leaving *leaving);

static void deleted(struct region_op *op)
{
    struct leaving *leaving = op->arg;

    if (err_is_set(&op->err)) {
        leaving->trouble = op->err;
        leave(leaving);
        return;
    }
    leaving->at++;
    next_disk(leaving);
}

static void delete_disk(struct leaving *leaving, const struct catalog_disk_point *disk)
{
    const struct region *region = regions_find(leaving->deletes->service->regions, disk->region);
    bool last = false;

    if (!region)
        err_set(&leaving->trouble, ERR_USAGE, RETRY_NEVER,
                "the region '%.64s' is not in the configuration any more", disk->region);
    if (!region || (disk->family && !is_last(leaving, disk, &last, &leaving->trouble))) {
        leave(leaving);
        return;
    }
    leaving->op = (struct region_op){
        .container = disk->container,
        .blob = disk->blob,
        .snapshot = last ? NULL : disk->snapshot,
        .what = last ? REGION_DELETE_WITH_SNAPSHOTS : REGION_DELETE_PLAIN,
        .done = deleted,
        .arg = leaving,
    };
    region_account_delete(region->account, &leaving->op);
}

/* A disk without a snapshot has nothing but, perhaps, a half-written blob, which goes with the last of
 * its family. */
static void next_disk(struct leaving *leaving)
{
    const struct catalog_disk_point *disk = NULL;

    while (leaving->at < leaving->disks.count && !disk) {
        disk = &leaving->disks.rows[leaving->at];
        if (disk->cut_path)
            (void)unlink(disk->cut_path);
        if (!disk->region || !disk->blob || !disk->snapshot) {
            disk = NULL;
            leaving->at++;
        }
    }
    if (disk)
        delete_disk(leaving, disk);
    else
        leave(leaving);
}

static void begin_leaving(void *arg)
{
    struct leaving *leaving = arg;
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};

    if (catalog_disk_point_list(leaving->deletes->service->catalog, leaving->id, &all,
                                &leaving->disks, &leaving->trouble))
        next_disk(leaving);
    else
        leave(leaving);
}

static bool go(struct point_delete *deletes, const char *point_id, struct err *e)
{
    struct leaving *leaving = calloc(1, sizeof *leaving);

    if (!leaving)
        return err_set_errno(e, ENOMEM, RETRY_LATER, "cannot delete a restore point");
    leaving->deletes = deletes;
    snprintf(leaving->id, sizeof leaving->id, "%s", point_id);
    leaving->next = deletes->leavings;
    deletes->leavings = leaving;
    replication_cancel(deletes->service->replication, point_id, begin_leaving, leaving);
    return true;
}

/* ---- DELETE of a point ---- */

struct deleting {
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
    deleting->under_way = point.id && point.state == CATALOG_DELETING;
    if (ok && point.id && !deleting->under_way)
        ok = may_go(service, &point, why, e) &&
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
    struct deleting deleting = {.id = point_id};
    struct err e = {0};

    return service_change(deletes->service, mark_point, &deleting, why) &&
           (!deleting.there || deleting.under_way || go(deletes, point_id, &e) ||
            arm_error_of(why, &e));
}

static void delete_point(void *arg, struct front_ask *ask)
{
    struct point_delete *deletes = arg;
    struct service *service = deletes->service;
    char id[ARM_ID_MAX_BYTES];
    struct deleting deleting = {.id = id, .arm_id = &ask->route.id};
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
        if (!deleting.under_way && !go(deletes, id, &e))
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
        ok = ok && (list.count > 0 || drop_empty_collection(service, row.id, e));
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
    struct deleting deleting = {.id = id, .arm_id = &ask->route.id};
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

    if (deletes)
        deletes->service = service;
    else
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin");
    return deletes;
}

void point_delete_free(struct point_delete *deletes)
{
    free(deletes);
}

bool point_delete_idle(const struct point_delete *deletes)
{
    return !deletes->leavings;
}

/* Collections first: their points may not all be marked yet. */
static bool recover_collections(struct point_delete *deletes, struct err *e)
{
    struct catalog_page page = {.limit = CATALOG_PAGE_MAX};
    struct catalog_collection_list list = {0};
    struct arm_error why = {0};
    char after[ARM_ID_MAX_BYTES];
    bool ok = true, more = true;

    while (ok && more) {
        ok = catalog_collection_list(deletes->service->catalog, NULL, &page, &list, e);
        for (size_t i = 0; ok && i < list.count; i++)
            if (list.rows[i].state == CATALOG_DELETING &&
                !delete_points(deletes, list.rows[i].id, &why))
                ok = err_set(e, ERR_CONFLICT, RETRY_LATER, "%.380s", why.message);
        more = ok && list.more;
        if (more) {
            snprintf(after, sizeof after, "%s", list.rows[list.count - 1].id);
            page.after = after;
        }
        catalog_collection_list_fini(&list);
    }
    return ok;
}

bool point_delete_recover(struct point_delete *deletes, struct err *e)
{
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    struct catalog_point_list list = {0};
    bool ok =
        catalog_point_list_in_state(deletes->service->catalog, CATALOG_DELETING, &all, &list, e);

    for (size_t i = 0; ok && i < list.count; i++)
        ok = go(deletes, list.rows[i].id, e);
    catalog_point_list_fini(&list);
    return ok && recover_collections(deletes, e);
}

void point_delete_serve(struct point_delete *deletes, struct front_table *table)
{
    static const struct front_handler handlers[] = {
        {ARM_POINT, ARM_VERB_DELETE, delete_point},
        {ARM_COLLECTION, ARM_VERB_DELETE, delete_collection},
    };

    front_table_add(table, handlers, sizeof handlers / sizeof handlers[0], deletes);
}
