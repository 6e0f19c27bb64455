/* point_leave.c - see point_leave.h. */
#include "tools/controld/point_leave.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/reactor.h"
#include "tools/controld/catalog_accesses.h"
#include "tools/controld/catalog_bases.h"
#include "tools/controld/catalog_collections.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_families.h"
#include "tools/controld/catalog_points.h"
#include "tools/controld/cut_drops.h"
#include "tools/controld/cut_place.h"
#include "tools/controld/family_place.h"
#include "tools/controld/region_snapshot.h"
#include "tools/controld/regions.h"
#include "tools/controld/replication.h"
#include "tools/controld/spare_bases.h"

#define TELL_AGAIN_NS (5 * NS_PER_S)

/* One point: its disks one after the other. */
struct leaving {
    struct point_leave *leave;
    struct leaving *next;
    char id[ARM_ID_MAX_BYTES];
    struct catalog_disk_point_list disks;
    size_t at, cuts_gone; /* of the first disks */
    bool asking;          /* a region, at this moment */
    struct region_op op;
    struct region_snapshot doubles;
    struct err trouble;
    struct timer again; /* the catalog could not be told its end */
};

struct point_leave {
    struct service *service;
    struct leaving *leavings;
    bool stopping;
};

/* ---- Rows ---- */

static bool drop_families(struct service *service, const char *collection_id, struct err *e)
{
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    struct catalog_family_list list = {0};
    bool ok = true, more = true;

    while (ok && more) {
        ok = catalog_family_list_of_collection(service->catalog, collection_id, &all, &list, e);
        for (size_t i = 0; ok && i < list.count; i++)
            ok = catalog_family_delete(service->catalog, list.rows[i].guid, e);
        more = ok && list.more;
        catalog_family_list_fini(&list);
    }
    return ok;
}

bool point_leave_drop_collection(struct service *service, const char *id, struct err *e)
{
    struct catalog_collection row = {0};
    uint64_t count = 0;
    bool ok = catalog_collection_get(service->catalog, id, &row, e) &&
              (!row.id || catalog_point_count(service->catalog, id, &count, e));

    if (ok && row.id && row.state == CATALOG_DELETING && count == 0)
        ok = drop_families(service, id, e) && catalog_collection_delete(service->catalog, id, e) &&
             service_end_operations(service, id, NULL, NULL, e);
    catalog_collection_fini(&row);
    return ok;
}

/* A family that was closed goes with the last of its disk points. */
static bool drop_disk(struct service *service, const struct catalog_disk_point *disk, struct err *e)
{
    const struct catalog_page one = {.limit = 1};
    struct catalog_disk_point_list others = {0};
    struct catalog_family family = {0};
    bool ok = (!disk->family || catalog_family_get(service->catalog, disk->family, &family, e)) &&
              catalog_access_delete(service->catalog, disk->id, e) &&
              catalog_disk_point_delete(service->catalog, disk->id, e);

    if (ok && family_place_is_closed(&family))
        ok = catalog_disk_point_list_of_family(service->catalog, family.guid, &one, &others, e) &&
             (others.count > 0 || catalog_family_delete(service->catalog, family.guid, e));
    catalog_disk_point_list_fini(&others);
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
        ok = drop_disk(service, &leaving->disks.rows[i], e);
    ok = ok && catalog_point_delete(service->catalog, leaving->id, e) &&
         service_end_operations(service, leaving->id, NULL, NULL, e) &&
         (!point.id || point_leave_drop_collection(service, point.collection_id, e));
    catalog_point_fini(&point);
    return ok;
}

/* It stays Deleting: some of it may be gone. Who asked for it, or for its collection, is told. */
static bool give_up(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    struct leaving *leaving = arg;
    struct catalog_point point = {0};
    struct arm_error trouble = {0};
    const char *kind = arm_verb_name(ARM_VERB_DELETE);
    bool ok = catalog_point_get(service->catalog, leaving->id, &point, e);

    (void)why;
    arm_error_of(&trouble, &leaving->trouble);
    ok = ok && service_end_operations(service, leaving->id, kind, &trouble, e) &&
         (!point.id || service_end_operations(service, point.collection_id, kind, &trouble, e));
    catalog_point_fini(&point);
    return ok;
}

static void leaving_free(struct leaving *leaving)
{
    if (leaving->again.slot)
        reactor_disarm(leaving->leave->service->reactor, &leaving->again);
    region_snapshot_fini(&leaving->doubles);
    catalog_disk_point_list_fini(&leaving->disks);
    free(leaving);
}

/* False: the catalog takes no change now. */
static bool tell_end(struct leaving *leaving)
{
    struct leaving **at = &leaving->leave->leavings;
    struct arm_error why = {0};
    bool troubled = err_is_set(&leaving->trouble);

    for (size_t i = 0; !troubled && i < leaving->disks.count; i++)
        replication_forget(leaving->leave->service->replication, leaving->disks.rows[i].point_id,
                           leaving->disks.rows[i].id);
    if (!service_change(leaving->leave->service, troubled ? give_up : drop_rows, leaving, &why)) {
        fprintf(stderr, "snapferryd: the deletion of %s is told later: %s\n", leaving->id,
                why.message);
        return false;
    }
    if (troubled)
        fprintf(stderr, "snapferryd: cannot delete %s: %s\n", leaving->id, leaving->trouble.text);
    while (*at != leaving)
        at = &(*at)->next;
    *at = leaving->next;
    leaving_free(leaving);
    return true;
}

static void leave(struct leaving *leaving);

static void on_again(struct timer *timer)
{
    leave((struct leaving *)((char *)timer - offsetof(struct leaving, again)));
}

static void leave(struct leaving *leaving)
{
    struct service *service = leaving->leave->service;

    if (tell_end(leaving))
        spare_bases_soon(service->bases); /* what its chain started from may be spare now */
    else
        reactor_arm(service->reactor, &leaving->again,
                    reactor_now_ns(service->reactor) + TELL_AGAIN_NS, on_again);
}

/* ---- What lies in the regions ---- */

static void next_disk(struct leaving *leaving);

/* What was asked of a region is answered: on to the next disk, unless it was refused. */
static bool went_well(struct leaving *leaving, const struct err *error)
{
    leaving->asking = false;
    if (!err_is_set(error))
        return true;
    if (leaving->leave->stopping) /* the next life goes on */
        return false;
    leaving->trouble = *error;
    leave(leaving);
    return false;
}

static void disk_gone(struct region_op *op)
{
    struct leaving *leaving = op->arg;

    if (!went_well(leaving, &op->err))
        return;
    leaving->at++;
    next_disk(leaving);
}

static void doubles_gone(struct region_snapshot *doubles)
{
    struct leaving *leaving = doubles->arg;

    if (!went_well(leaving, &doubles->err))
        return;
    leaving->at++;
    next_disk(leaving);
}

/* Lost answers may have left more than one snapshot that names it: all of them go, but the one that is
 * kept as a base. */
static void delete_snapshots(struct leaving *leaving, const struct region *region,
                             const struct catalog_disk_point *disk, const char *kept)
{
    leaving->doubles = (struct region_snapshot){.account = region->account,
                                                .container = disk->container,
                                                .blob = disk->blob,
                                                .point = disk->id,
                                                .done = doubles_gone,
                                                .arg = leaving};
    snprintf(leaving->doubles.snapshot, sizeof leaving->doubles.snapshot, "%s", kept);
    region_snapshot_tidy(&leaving->doubles);
}

static void snapshot_gone(struct region_op *op)
{
    struct leaving *leaving = op->arg;
    const struct catalog_disk_point *disk = &leaving->disks.rows[leaving->at];

    if (!went_well(leaving, &op->err) || leaving->leave->stopping)
        return;
    leaving->asking = true;
    delete_snapshots(leaving, regions_find(leaving->leave->service->regions, disk->region), disk,
                     "");
}

enum lonely {
    LONELY_NOT,
    LONELY_BLOB,  /* no other disk point is of its blob, and no next one goes on from it */
    LONELY_FAMILY /* nor of its family */
};

/* Another one, and not on its way out as well: those go for good, whichever of them is the last. */
static bool stays(struct catalog *catalog, const struct catalog_disk_point *row,
                  const struct catalog_disk_point *disk, bool *out_stays, struct err *e)
{
    struct catalog_point point = {0};
    bool ok = catalog_point_get(catalog, row->point_id, &point, e);

    *out_stays = strcasecmp(row->id, disk->id) != 0 && point.state != CATALOG_DELETING;
    catalog_point_fini(&point);
    return ok;
}

/* What the live blob holds is known: the next copy moves what changed since, whoever is gone by then. */
static bool goes_on(const struct catalog_family *family, const struct catalog_disk_point *disk)
{
    return family->held_disk_point_id && family->live_blob && disk->blob &&
           strcmp(family->live_blob, disk->blob) == 0;
}

/* A blob that is a disk of a machine is never ours to delete: only what lies in the family's own container
 * is. */
static bool look_around(const struct leaving *leaving, const struct catalog_disk_point *disk,
                        struct catalog_family *out_family, enum lonely *out, struct err *e)
{
    struct catalog *catalog = leaving->leave->service->catalog;
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    struct catalog_disk_point_list list = {0};
    size_t of_family = 0, of_blob = 0;
    bool ok, other;

    *out = LONELY_NOT;
    if (!disk->family)
        return true;
    ok = catalog_family_get(catalog, disk->family, out_family, e) &&
         catalog_disk_point_list_of_family(catalog, disk->family, &all, &list, e);
    for (size_t i = 0; ok && !of_blob && i < list.count; i++) {
        ok = stays(catalog, &list.rows[i], disk, &other, e);
        of_family += other;
        of_blob += other && list.rows[i].blob && strcmp(list.rows[i].blob, disk->blob) == 0;
    }
    if (ok && family_place_is_own(out_family) &&
        strcmp(disk->container, out_family->container) == 0 && !list.more)
        *out = !of_family                               ? LONELY_FAMILY
               : !of_blob && !goes_on(out_family, disk) ? LONELY_BLOB
                                                        : LONELY_NOT;
    catalog_disk_point_list_fini(&list);
    return ok;
}

static bool close_family(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    (void)why;
    return family_place_close(service->catalog, arg, e);
}

static void delete_alone(struct leaving *leaving, const struct region *region,
                         const struct catalog_disk_point *disk, struct catalog_family *family,
                         enum lonely lonely)
{
    struct arm_error why = {0};

    leaving->op =
        (struct region_op){.container = disk->container, .done = disk_gone, .arg = leaving};
    if (lonely == LONELY_BLOB) {
        leaving->op.blob = disk->blob;
        leaving->op.what = REGION_DELETE_WITH_SNAPSHOTS;
        region_account_delete(region->account, &leaving->op);
    } else if (service_change(leaving->leave->service, close_family, family, &why)) {
        region_account_delete_container(region->account, &leaving->op);
    } else {
        leaving->asking = false;
        err_set(&leaving->trouble, ERR_IO, RETRY_LATER, "%.380s", why.message);
        leave(leaving);
    }
}

static bool is_kept(const struct leaving *leaving, const struct region *region,
                    const struct catalog_disk_point *disk, bool *out_kept, struct err *e)
{
    char *place = NULL;
    bool ok;

    *out_kept = false;
    if (!disk->snapshot)
        return true;
    place = cut_place_of_blob(region->config->name, disk->container, disk->blob, disk->snapshot);
    ok = place ? catalog_base_is_kept(leaving->leave->service->catalog, place, out_kept, e)
               : err_set_errno(e, ENOMEM, RETRY_LATER, "cannot delete a restore point");
    free(place);
    return ok;
}

static void delete_disk(struct leaving *leaving, const struct catalog_disk_point *disk)
{
    const struct region *region = regions_find(leaving->leave->service->regions, disk->region);
    struct catalog_family family = {0};
    enum lonely lonely = LONELY_NOT;
    bool kept = false;

    if (!region)
        err_set(&leaving->trouble, ERR_USAGE, RETRY_NEVER,
                "the region '%.64s' is not in the configuration any more", disk->region);
    if (!region || !look_around(leaving, disk, &family, &lonely, &leaving->trouble) ||
        !is_kept(leaving, region, disk, &kept, &leaving->trouble)) {
        catalog_family_fini(&family);
        leave(leaving);
        return;
    }
    leaving->asking = true;
    if (lonely != LONELY_NOT) {
        delete_alone(leaving, region, disk, &family, lonely);
    } else if (disk->snapshot && !kept) {
        leaving->op = (struct region_op){.container = disk->container,
                                         .blob = disk->blob,
                                         .snapshot = disk->snapshot,
                                         .done = snapshot_gone,
                                         .arg = leaving};
        region_account_delete(region->account, &leaving->op);
    } else {
        delete_snapshots(leaving, region, disk, kept ? disk->snapshot : "");
    }
    catalog_family_fini(&family);
}

static void cut_gone(void *arg, const struct err *error)
{
    struct leaving *leaving = arg;

    if (!went_well(leaving, error))
        return;
    leaving->cuts_gone = leaving->at + 1;
    next_disk(leaving);
}

static void drop_cut(struct leaving *leaving, const struct catalog_disk_point *disk)
{
    struct cut_drops *cuts = leaving->leave->service->cuts;
    const struct err none = {0};
    struct err e = {0};

    if (cut_drops_begin(cuts, disk->id, cut_gone, leaving, &e))
        return;
    /* Gone meanwhile: its disk was safe in its blob, and it was dropped for that. */
    cut_gone(leaving, e.kind == ERR_GONE ? &none : &e);
}

static void next_disk(struct leaving *leaving)
{
    const struct catalog_disk_point *disk = NULL;

    if (leaving->leave->stopping)
        return;
    while (leaving->at < leaving->disks.count && !disk) {
        disk = &leaving->disks.rows[leaving->at];
        if (disk->cut_path && leaving->cuts_gone <= leaving->at) {
            drop_cut(leaving, disk);
            return;
        }
        if (!disk->region || !disk->container || !disk->blob) {
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

    if (catalog_disk_point_list(leaving->leave->service->catalog, leaving->id, &all,
                                &leaving->disks, &leaving->trouble))
        next_disk(leaving);
    else
        leave(leaving);
}

/* ---- Use ---- */

bool point_leave_runs(const struct point_leave *leave, const char *point_id)
{
    for (const struct leaving *leaving = leave->leavings; leaving; leaving = leaving->next)
        if (strcasecmp(leaving->id, point_id) == 0)
            return true;
    return false;
}

bool point_leave_begin(struct point_leave *leave, const char *point_id, struct err *e)
{
    struct leaving *leaving = calloc(1, sizeof *leaving);

    if (!leaving)
        return err_set_errno(e, ENOMEM, RETRY_LATER, "cannot delete a restore point");
    leaving->leave = leave;
    snprintf(leaving->id, sizeof leaving->id, "%s", point_id);
    leaving->next = leave->leavings;
    leave->leavings = leaving;
    replication_cancel(leave->service->replication, point_id, begin_leaving, leaving);
    return true;
}

/* ---- Life ---- */

struct point_leave *point_leave_new(struct service *service, struct err *e)
{
    struct point_leave *leave = calloc(1, sizeof *leave);

    if (leave)
        leave->service = service;
    else
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin");
    return leave;
}

void point_leave_stop(struct point_leave *leave)
{
    leave->stopping = true;
}

bool point_leave_idle(const struct point_leave *leave)
{
    for (const struct leaving *leaving = leave->leavings; leaving; leaving = leaving->next)
        if (leaving->asking)
            return false;
    return true;
}

void point_leave_free(struct point_leave *leave)
{
    if (!leave)
        return;
    for (struct leaving *leaving = leave->leavings, *next; leaving; leaving = next) {
        next = leaving->next;
        leaving_free(leaving);
    }
    free(leave);
}
