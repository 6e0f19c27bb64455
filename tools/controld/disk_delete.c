/* disk_delete.c - see disk_delete.h. */
#include "tools/controld/disk_delete.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/endpoint_file.h"
#include "io/reactor.h"
#include "tools/controld/access_desk.h"
#include "tools/controld/catalog_accesses.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_disks.h"
#include "tools/controld/disk_owner.h"
#include "tools/controld/disk_place.h"
#include "tools/controld/operation.h"
#include "tools/controld/regions.h"
#include "tools/controld/replication.h"
#include "tools/controld/restore_path.h"

#define TELL_AGAIN_NS (5 * NS_PER_S)

struct going {
    struct disk_delete *deletes;
    struct going *next;
    char id[ARM_ID_MAX_BYTES];
    bool asking; /* a region, at this moment */
    struct disk_place place;
    char *source_id; /* what it is restored from: whose marker the bytes must have */
    struct region_op op;
    struct pageblob_metadata metadata;
    struct err trouble;
    struct timer again; /* the catalog could not be told its end */
};

struct disk_delete {
    struct service *service;
    struct going *goings;
    bool stopping;
};

static struct going *find(const struct disk_delete *deletes, const char *id)
{
    for (struct going *going = deletes->goings; going; going = going->next)
        if (strcasecmp(going->id, id) == 0)
            return going;
    return NULL;
}

/* ---- May it be? ---- */

static bool nobody_has_it(struct service *service, const char *id, struct arm_error *why,
                          struct err *e)
{
    char machine[ARM_ID_MAX_BYTES];

    return disk_owner_find(service, id, NULL, machine, e) &&
           (!machine[0] ||
            arm_error_set(why, 409, ARM_OPERATION_REFUSED, NULL,
                          "The disk is attached to the virtual machine '%.300s'.", machine));
}

/* Restore points of a machine that had it are snapshots of its blob: they would go with it. */
static bool no_point_lies_in_it(struct service *service, const struct catalog_disk *row,
                                struct arm_error *why, struct err *e)
{
    const struct catalog_page one = {.limit = 1};
    struct catalog_disk_point_list list = {0};
    struct disk_place place = {0};
    bool ok = disk_place_read(service, row->backing, &place, e);

    if (ok && place.region && place.container[0])
        ok = catalog_disk_point_list_of_blob(service->catalog, place.region->config->name,
                                             place.container, place.blob, &one, &list, e);
    if (ok && list.count > 0)
        ok = arm_error_set(why, 409, ARM_OPERATION_REFUSED, NULL,
                           "A restore point lies in the disk's blob: %.300s. Delete it first.",
                           list.rows[0].point_id);
    catalog_disk_point_list_fini(&list);
    disk_place_fini(&place);
    return ok;
}

static bool may_go(struct service *service, const struct catalog_disk *row, struct arm_error *why,
                   struct err *e)
{
    bool active;

    if (!row->source_id)
        return arm_error_refused(why, NULL,
                                 "This disk stands in the configuration: change it there.");
    if (!nobody_has_it(service, row->id, why, e) || !no_point_lies_in_it(service, row, why, e) ||
        !access_desk_active(service, row->id, &active, e))
        return false;
    return !active || arm_error_set(why, 409, ARM_OPERATION_REFUSED, NULL,
                                    "There is active access (SAS) to it. End it first "
                                    "(endGetAccess).");
}

/* ---- Its end ---- */

static bool drop_row(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    const struct going *going = arg;

    (void)why;
    return catalog_access_delete(service->catalog, going->id, e) &&
           catalog_disk_delete(service->catalog, going->id, e) &&
           service_end_operations(service, going->id, NULL, NULL, e);
}

static bool give_up(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    const struct going *going = arg;
    struct arm_error trouble = {0};

    (void)why;
    arm_error_of(&trouble, &going->trouble);
    return service_end_operations(service, going->id, arm_verb_name(ARM_VERB_DELETE), &trouble, e);
}

static void going_free(struct going *going)
{
    if (going->again.slot)
        reactor_disarm(going->deletes->service->reactor, &going->again);
    disk_place_fini(&going->place);
    pageblob_metadata_fini(&going->metadata);
    free(going->source_id);
    free(going);
}

static void leave(struct going *going);

static void on_again(struct timer *timer)
{
    leave((struct going *)((char *)timer - offsetof(struct going, again)));
}

/* A catalog that takes no change now is told later. */
static void leave(struct going *going)
{
    struct going **at = &going->deletes->goings;
    struct reactor *reactor = going->deletes->service->reactor;
    struct arm_error why = {0};
    bool troubled = err_is_set(&going->trouble);

    if (!troubled)
        replication_forget(going->deletes->service->replication, going->id, going->id);
    if (!service_change(going->deletes->service, troubled ? give_up : drop_row, going, &why)) {
        fprintf(stderr, "snapferryd: the deletion of %s is told later: %s\n", going->id,
                why.message);
        reactor_arm(reactor, &going->again, reactor_now_ns(reactor) + TELL_AGAIN_NS, on_again);
        return;
    }
    if (troubled)
        fprintf(stderr, "snapferryd: cannot delete %s: %s\n", going->id, going->trouble.text);
    while (*at != going)
        at = &(*at)->next;
    *at = going->next;
    going_free(going);
}

static void blob_gone(struct region_op *op)
{
    struct going *going = op->arg;

    going->asking = false;
    if (err_is_set(&op->err) && going->deletes->stopping)
        return; /* the next life goes on */
    going->trouble = op->err;
    leave(going);
}

/* ---- Its bytes: only what the restore made ---- */

static void leave_alone(struct going *going, const char *what)
{
    fprintf(stderr,
            "snapferryd: %s goes, and %s is left as it is: no restore of this disk made it\n",
            going->id, what);
    leave(going);
}

static bool is_ours(const struct going *going, const struct marker *marker)
{
    return marker->state != MARKER_NONE && strcmp(marker->source, going->source_id) == 0;
}

static void blob_looked_at(struct region_op *op)
{
    struct going *going = op->arg;
    const struct pageblob_metadata *metadata = &going->metadata;
    struct marker marker = {0};
    struct err e = {0};
    bool ok = true;

    going->asking = false;
    if (err_is_set(&op->err)) {
        if (going->deletes->stopping)
            return; /* the next life goes on */
        if (op->err.http_status != 404)
            going->trouble = op->err;
        leave(going);
        return;
    }
    for (size_t i = 0; ok && i < metadata->count; i++)
        ok = marker_decode_field(&marker, metadata->items[i].name, metadata->items[i].value, &e);
    if (!ok || !marker_decode_end(&marker, &e) || !is_ours(going, &marker)) {
        leave_alone(going, going->place.blob);
        return;
    }
    going->asking = true;
    going->op = (struct region_op){.container = going->place.container,
                                   .blob = going->place.blob,
                                   .what = REGION_DELETE_WITH_SNAPSHOTS,
                                   .done = blob_gone,
                                   .arg = going};
    region_account_delete(going->place.region->account, &going->op);
}

static void delete_blob(struct going *going)
{
    const struct disk_place *place = &going->place;

    going->asking = true;
    going->op = (struct region_op){.container = place->container, .done = blob_gone, .arg = going};
    if (disk_place_is_own(place)) {
        region_account_delete_container(place->region->account, &going->op);
    } else {
        going->op.blob = place->blob;
        going->op.out_metadata = &going->metadata;
        going->op.done = blob_looked_at;
        region_account_properties(place->region->account, &going->op);
    }
}

/* The file's sidecar is snapferry's own state of it. */
static void drop_sidecar(const struct disk_place *place)
{
    char *sidecar = NULL;

    if (asprintf(&sidecar, "%s" RESTORE_PATH_SIDECAR, place->file) < 0)
        return;
    (void)unlink(sidecar);
    free(sidecar);
}

static void delete_file(struct going *going)
{
    const struct disk_place *place = &going->place;

    if (unlink(place->file) != 0 && errno != ENOENT)
        err_set_errno(&going->trouble, errno, RETRY_LATER, "cannot delete %s", place->file);
    else
        drop_sidecar(place);
    leave(going);
}

/* Of a device nothing is wiped: what was restored stays on it, and only the sidecar goes. A file is deleted
 * with the marker of this restore beside it, or empty: killed before that was written. */
static void delete_outside(struct going *going)
{
    const struct disk_place *place = &going->place;
    struct marker marker = {0};
    struct err e = {0};
    struct stat st;
    bool ours = endpoint_file_marker(place->file, &marker, &e) && is_ours(going, &marker);
    bool there = lstat(place->file, &st) == 0;

    if (there && !place->token[0] && !(S_ISREG(st.st_mode) && (ours || st.st_size == 0))) {
        leave_alone(going, place->file);
        return;
    }
    if (there && !place->token[0] && unlink(place->file) != 0 && errno != ENOENT)
        err_set_errno(&going->trouble, errno, RETRY_LATER, "cannot delete %s", place->file);
    else if (ours)
        drop_sidecar(place);
    leave(going);
}

/* Nothing restores it any more. */
static void delete_bytes(void *arg)
{
    struct going *going = arg;
    struct disk_place *place = &going->place;

    if (going->deletes->stopping)
        return;
    if (place->file && place->outside) {
        delete_outside(going);
    } else if (place->file) {
        delete_file(going);
    } else if (place->region && place->container[0]) {
        delete_blob(going);
    } else {
        err_set(&going->trouble, ERR_USAGE, RETRY_NEVER,
                "its region is not in the configuration any more");
        leave(going);
    }
}

static bool go(struct disk_delete *deletes, const struct catalog_disk *row, struct err *e)
{
    struct going *going = calloc(1, sizeof *going);

    if (!going)
        return err_set_errno(e, ENOMEM, RETRY_LATER, "cannot delete a disk");
    going->source_id = strdup(row->source_id ? row->source_id : "");
    if (!going->source_id)
        err_set_errno(e, ENOMEM, RETRY_LATER, "cannot delete a disk");
    if (!going->source_id || !disk_place_read(deletes->service, row->backing, &going->place, e)) {
        going_free(going);
        return false;
    }
    going->deletes = deletes;
    snprintf(going->id, sizeof going->id, "%s", row->id);
    going->next = deletes->goings;
    deletes->goings = going;
    replication_cancel(deletes->service->replication, going->id, delete_bytes, going);
    return true;
}

/* ---- DELETE ---- */

struct deleting {
    struct disk_delete *deletes;
    const struct arm_id *arm_id;
    char id[ARM_ID_MAX_BYTES], operation[FRONT_GUID_BYTES], location[ARM_LOCATION_MAX_BYTES];
    struct catalog_disk row;
};

static bool mark(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    struct deleting *deleting = arg;
    struct catalog_disk *row = &deleting->row;
    struct operation_spec spec = {.kind = arm_verb_name(ARM_VERB_DELETE),
                                  .subscription = deleting->arm_id->subscription,
                                  .location = deleting->location,
                                  .resource = deleting->id};
    bool ok = catalog_disk_get(service->catalog, deleting->id, row, e);

    if (!ok || !row->id)
        return ok;
    snprintf(deleting->location, sizeof deleting->location, "%s", row->location);
    if (row->state != CATALOG_DELETING)
        ok = may_go(service, row, why, e) &&
             catalog_disk_set_state(service->catalog, row->id, CATALOG_DELETING, 0, e);
    return ok && operation_begin(service->operations, &spec, deleting->operation, e);
}

static void delete (void *arg, struct front_ask *ask)
{
    struct disk_delete *deletes = arg;
    struct deleting deleting = {.deletes = deletes, .arm_id = &ask->route.id};
    struct arm_error why = {0};
    struct err e = {0};

    arm_id_text(&ask->route.id, deleting.id);
    if (!service_change(deletes->service, mark, &deleting, &why)) {
        service_refuse(ask, &why);
    } else if (!deleting.row.id) {
        front_answer(ask->call, 204, NULL, NULL, 0);
    } else {
        const struct operation_spec spec = {.kind = arm_verb_name(ARM_VERB_DELETE),
                                            .subscription = ask->route.id.subscription,
                                            .location = deleting.location,
                                            .resource = deleting.id};

        operation_answer(deletes->service->operations, ask->call, 202, NULL, &spec,
                         deleting.operation);
        if (!find(deletes, deleting.id) && !go(deletes, &deleting.row, &e))
            fprintf(stderr, "snapferryd: cannot delete %s: %s\n", deleting.id, e.text);
    }
    catalog_disk_fini(&deleting.row);
}

/* ---- Life ---- */

struct disk_delete *disk_delete_new(struct service *service, struct err *e)
{
    struct disk_delete *deletes = calloc(1, sizeof *deletes);

    if (deletes)
        deletes->service = service;
    else
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin");
    return deletes;
}

bool disk_delete_recover(struct disk_delete *deletes, struct err *e)
{
    struct catalog_page page = {.limit = CATALOG_PAGE_MAX};
    struct catalog_disk_list list = {0};
    char after[ARM_ID_MAX_BYTES];
    bool ok = true, more = true;

    while (ok && more) {
        ok = catalog_disk_list_in_state(deletes->service->catalog, CATALOG_DELETING, &page, &list,
                                        e);
        more = ok && list.more;
        if (more)
            snprintf(after, sizeof after, "%s", list.rows[list.count - 1].id);
        for (size_t i = 0; ok && i < list.count; i++)
            ok = go(deletes, &list.rows[i], e);
        page.after = after;
        catalog_disk_list_fini(&list);
    }
    return ok;
}

void disk_delete_stop(struct disk_delete *deletes)
{
    deletes->stopping = true;
}

bool disk_delete_idle(const struct disk_delete *deletes)
{
    for (const struct going *going = deletes->goings; going; going = going->next)
        if (going->asking)
            return false;
    return true;
}

void disk_delete_free(struct disk_delete *deletes)
{
    if (!deletes)
        return;
    for (struct going *going = deletes->goings, *next; going; going = next) {
        next = going->next;
        going_free(going);
    }
    free(deletes);
}

void disk_delete_serve(struct disk_delete *deletes, struct front_table *table)
{
    static const struct front_handler handlers[] = {{ARM_DISK, ARM_VERB_DELETE, delete}};

    front_table_add(table, handlers, sizeof handlers / sizeof handlers[0], deletes);
}
