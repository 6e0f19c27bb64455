/* point_cutting.c - cuts under way: begun from rows, their end told to the catalog; see
 * point_create_internal.h.
 *
 * Knows:         which account or means each disk has, where cuts of raw disks lie.
 * Must not know: requests.
 * Threads:       the reactor's.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/reactor.h"
#include "tools/controld/catalog_disks.h"
#include "tools/controld/config.h"
#include "tools/controld/cut_frozen.h"
#include "tools/controld/cut_means.h"
#include "tools/controld/cut_place.h"
#include "tools/controld/operation.h"
#include "tools/controld/orphans.h"
#include "tools/controld/point_create_internal.h"
#include "tools/controld/point_end.h"
#include "tools/controld/regions.h"
#include "tools/controld/replication.h"

#define CUTS_FOLDER   "cuts"
#define TELL_AGAIN_NS (2 * NS_PER_S)

struct cutting {
    struct point_create *create;
    struct cutting *next;
    struct catalog_point point;
    struct catalog_collection collection;
    struct catalog_disk_point_list rows;
    const struct config_machine *machine;
    struct cut_disk disks[CUT_DISKS_MAX];
    char *paths[CUT_DISKS_MAX], *cut_paths[CUT_DISKS_MAX],
        *extents[CUT_DISKS_MAX];            /* of raw disks */
    struct cut_place places[CUT_DISKS_MAX]; /* of blobs that are cut for another region */
    char *thaw_folder;
    struct cut *cut;
    struct timer again; /* the catalog could not be told its end */
};

static void cutting_free(struct cutting *cutting)
{
    for (size_t i = 0; i < CUT_DISKS_MAX; i++) {
        free(cutting->paths[i]);
        free(cutting->cut_paths[i]);
        free(cutting->extents[i]);
        cut_place_fini(&cutting->places[i]);
    }
    cut_free(cutting->cut);
    free(cutting->thaw_folder);
    catalog_disk_point_list_fini(&cutting->rows);
    catalog_collection_fini(&cutting->collection);
    catalog_point_fini(&cutting->point);
    free(cutting);
}

static void leave(struct cutting *cutting)
{
    struct point_create *create = cutting->create;
    struct cutting **at = &create->cuttings;

    while (*at != cutting)
        at = &(*at)->next;
    *at = cutting->next;
    cutting_free(cutting);
    point_create_maybe_stopped(create);
}

/* ---- What is cut, and how ---- */

/* A new name beside the disk (LVM), in the folder that was given, or in ours. The disk point's own name
 * is unique. */
static char *cut_path_of(const struct cutting *cutting, const struct config_disk *disk,
                         const char *path, const char *disk_point_id)
{
    const char *name = strrchr(disk_point_id, '/') + 1, *slash = strrchr(path, '/');
    char *made = NULL;
    int length;

    if (disk && disk->snapshot.means == CONFIG_MEANS_LVM && slash)
        length = asprintf(&made, "%.*s/%s", (int)(slash - path), path, name);
    else if (disk && disk->snapshot.folder)
        length = asprintf(&made, "%s/%s", disk->snapshot.folder, name);
    else
        length =
            asprintf(&made, "%s/" CUTS_FOLDER "/%s", cutting->create->service->data_folder, name);
    return length < 0 ? NULL : made;
}

static bool add_raw(struct cutting *cutting, size_t i, const char *file, struct err *e)
{
    const struct catalog_disk_point *row = &cutting->rows.rows[i];
    const struct config_disk *disk = cut_means_disk(cutting->create->service->config, row->disk_id);
    struct cut_raw *raw = &cutting->disks[i].raw;

    cutting->paths[i] = strdup(file);
    cutting->cut_paths[i] = cutting->paths[i] ? cut_path_of(cutting, disk, file, row->id) : NULL;
    if (cutting->cut_paths[i] && disk && disk->snapshot.means == CONFIG_MEANS_LVM &&
        disk->snapshot.lvm_bytes &&
        asprintf(&cutting->extents[i], "%llub", (unsigned long long)disk->snapshot.lvm_bytes) < 0)
        cutting->extents[i] = NULL;
    *raw = (struct cut_raw){
        .path = cutting->paths[i],
        .cut_path = cutting->cut_paths[i],
        .lvm_extents = cutting->extents[i],
    };
    cut_means_fill(disk, raw);
    return cutting->cut_paths[i] || err_set_errno(e, ENOMEM, RETRY_LATER, "cannot cut a disk");
}

/* The machine's blob lies in its own region; the row tells of the target's. */
static bool add_blob_elsewhere(struct cutting *cutting, size_t i, const json_t *backing,
                               struct err *e)
{
    const char *name = json_string_value(json_object_get(backing, "region"));
    const char *container = json_string_value(json_object_get(backing, "container"));
    const char *blob = json_string_value(json_object_get(backing, "blob"));
    const struct region *region =
        name ? regions_find(cutting->create->service->regions, name) : NULL;
    struct cut_place *place = &cutting->places[i];

    if (!region || !container || !blob)
        return err_set(e, ERR_GONE, RETRY_NEVER, "nobody knows where the disk %.300s lies",
                       cutting->rows.rows[i].disk_id);
    place->region = strdup(name);
    place->container = strdup(container);
    place->blob = strdup(blob);
    cutting->disks[i].account = region->account;
    cutting->disks[i].container = place->container;
    cutting->disks[i].blob = place->blob;
    return (place->region && place->container && place->blob) ||
           err_set_errno(e, ENOMEM, RETRY_LATER, "cannot cut a disk");
}

static bool add_disk(struct cutting *cutting, size_t i, struct err *e)
{
    struct service *service = cutting->create->service;
    const struct catalog_disk_point *row = &cutting->rows.rows[i];
    const struct region *region = row->region ? regions_find(service->regions, row->region) : NULL;
    struct catalog_disk disk = {0};
    json_t *backing;
    const char *file;
    bool ok;

    cutting->disks[i].id = row->id;
    if (region) {
        cutting->disks[i].account = region->account;
        cutting->disks[i].container = row->container;
        cutting->disks[i].blob = row->blob;
        return true;
    }
    if (!catalog_disk_get(service->catalog, row->disk_id, &disk, e))
        return false;
    backing = service_json(disk.backing);
    file = json_string_value(json_object_get(backing, "file"));
    ok = file ? add_raw(cutting, i, file, e) : add_blob_elsewhere(cutting, i, backing, e);
    json_decref(backing);
    catalog_disk_fini(&disk);
    return ok;
}

static struct cut_hooks hooks_of(const struct cutting *cutting)
{
    const struct config_hooks *config = cutting->machine ? &cutting->machine->hooks : NULL;
    struct cut_hooks hooks = {.machine = cutting->collection.source_id,
                              .thaw_folder = cutting->thaw_folder,
                              .keep_awake = {cutting->create->service->data_folder}};

    if (!config || cutting->point.consistency == CATALOG_CRASH_CONSISTENT)
        return (struct cut_hooks){0};
    hooks.freeze_command = config->freeze_command;
    hooks.thaw_command = config->thaw_command;
    for (unsigned i = 0; i < config->mount_count && i < CUT_MOUNTS_MAX; i++)
        hooks.mounts[i] = config->mounts[i];
    hooks.freeze_limit_ns = config->timeout_s * NS_PER_S;
    return hooks;
}

/* Each step may take its time; then there must be some left for the cut. */
static uint64_t window_of(const struct cut_hooks *hooks)
{
    size_t mounts = 0;

    while (hooks->mounts[mounts])
        mounts++;
    return CUT_WINDOW_NS + (mounts + (hooks->freeze_command != NULL)) * hooks->freeze_limit_ns;
}

/* ---- Its end ---- */

static bool tell_disk(struct cutting *cutting, size_t i, int64_t now_ns, struct err *e)
{
    const struct cut_result result = cut_result(cutting->cut, i);
    const struct cut_place *place = &cutting->places[i];
    struct catalog_disk_point row = cutting->rows.rows[i];
    char *cut_path = NULL;
    bool ok;

    if (result.size_bytes)
        row.size_bytes = (int64_t)result.size_bytes;
    row.begun_ns = now_ns;
    if (place->region) {
        cut_path = cut_place_of_blob(place->region, place->container, place->blob, result.snapshot);
        row.cut_path = cut_path;
        if (!cut_path)
            return err_set_errno(e, ENOMEM, RETRY_LATER, "cannot keep a cut");
    } else if (result.snapshot[0]) {
        row.snapshot = result.snapshot;
        row.code = event_code_name(EVENT_SUCCEEDED);
        row.percent = 100;
        row.ended_ns = now_ns;
    } else {
        row.cut_path = result.path;
    }
    ok = catalog_disk_point_put(cutting->create->service->catalog, &row, e);
    free(cut_path);
    return ok;
}

static bool tell_all(struct service *service, void *arg, struct arm_error *unused, struct err *e)
{
    struct cutting *cutting = arg;
    const struct cut_hook_news *news = cut_hook(cutting->cut);
    const struct err *failed = cut_error(cutting->cut);
    struct catalog_point point = cutting->point;
    struct arm_error why = {0};
    bool ok = true;

    (void)unused;
    point.hook_status = cut_hook_status_name(news->status);
    point.hook_message = news->message[0] ? news->message : NULL;
    point.used_bytes = 0;
    if (err_is_set(failed)) {
        point.state = CATALOG_FAILED;
        arm_error_set(&why, 409, ARM_POINT_CLIENT_ERROR, NULL, "%s", failed->text);
        point.failure_code = why.code;
        point.failure_message = why.message;
        ok = point_end_fail(service, point.id, &why, e);
    } else {
        point.state = CATALOG_SUCCEEDED;
        for (size_t i = 0; ok && i < cutting->rows.count; i++) {
            point.used_bytes += (int64_t)cut_result(cutting->cut, i).used_bytes;
            ok = tell_disk(cutting, i, service_now_ns(service), e);
        }
    }
    return ok && catalog_point_put(service->catalog, &point, e) &&
           service_end_operations(service, point.id, arm_verb_name(ARM_VERB_PUT),
                                  err_is_set(failed) ? &why : NULL, e);
}

/* Is there a cut that is not yet where its restore point is to be? */
static bool has_to_travel(const struct cutting *cutting)
{
    for (size_t i = 0; i < cutting->rows.count; i++)
        if (!cutting->rows.rows[i].region)
            return true;
    return false;
}

static void tell_end(struct cutting *cutting);

static void on_again(struct timer *timer)
{
    tell_end((struct cutting *)((char *)timer - offsetof(struct cutting, again)));
}

/* A catalog that takes no change now (a full disk, somebody else's lock) is told later. */
static void tell_end(struct cutting *cutting)
{
    struct point_create *create = cutting->create;
    struct service *service = create->service;
    struct reactor *reactor = service->reactor;
    struct arm_error why = {0};
    struct err e = {0};
    bool told = service_change(service, tell_all, cutting, &why);

    if (!told && !create->stopping) {
        fprintf(stderr, "snapferryd: the end of the cut of %s is told later: %s\n",
                cutting->point.id, why.message);
        reactor_arm(reactor, &cutting->again, reactor_now_ns(reactor) + TELL_AGAIN_NS, on_again);
        return;
    }
    if (told && !err_is_set(cut_error(cutting->cut)) && has_to_travel(cutting) &&
        !create->stopping && !replication_begin(service->replication, cutting->point.id, &e))
        (void)point_cut_failed(create, cutting->point.id, &e);
    leave(cutting);
}

static void done(void *arg, struct cut *cut)
{
    struct cutting *cutting = arg;
    struct service *service = cutting->create->service;

    if (cut_hook(cut)->status == CUT_HOOK_THAW_FAILED)
        cut_frozen_add(service->frozen, cutting->collection.source_id, cutting->point.id,
                       cut_hook(cut)->message);
    if (cut_left(cut))
        orphans_soon(service->orphans);
    /* Stopped by us: the rows stay Creating, and the next life cuts anew. */
    if (cutting->create->stopping && cut_error(cut)->kind == ERR_CANCELED)
        leave(cutting);
    else
        tell_end(cutting);
}

struct failing {
    const char *point_id;
    struct arm_error reason;
};

static bool fail_rows(struct service *service, void *arg, struct arm_error *unused, struct err *e)
{
    const struct failing *failing = arg;

    (void)unused;
    return point_end_fail(service, failing->point_id, &failing->reason, e);
}

bool point_cut_failed(struct point_create *create, const char *point_id, const struct err *why)
{
    struct failing failing = {.point_id = point_id};
    struct arm_error unused = {0};

    arm_error_of(&failing.reason, why);
    return service_change(create->service, fail_rows, &failing, &unused);
}

/* ---- Begin ---- */

static bool load(struct cutting *cutting, const char *point_id, struct err *e)
{
    struct service *service = cutting->create->service;
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    struct arm_error why = {0};

    if (!catalog_point_get(service->catalog, point_id, &cutting->point, e) ||
        !catalog_disk_point_list(service->catalog, point_id, &all, &cutting->rows, e))
        return false;
    if (!cutting->point.id || cutting->rows.count > CUT_DISKS_MAX)
        return err_set(e, ERR_GONE, RETRY_NEVER, "there is no restore point %.300s that can be cut",
                       point_id);
    if (!catalog_collection_get(service->catalog, cutting->point.collection_id,
                                &cutting->collection, e))
        return false;
    if (!point_cut_awake(service, cutting->collection.source_id, &why))
        return err_set(e, ERR_CONFLICT, RETRY_LATER, "%s", why.message);
    cutting->machine = config_machine_of(service->config, cutting->collection.source_id);
    if (asprintf(&cutting->thaw_folder, "%s/frozen", service->data_folder) < 0) {
        cutting->thaw_folder = NULL;
        return err_set_errno(e, ENOMEM, RETRY_LATER, "cannot cut a restore point");
    }
    return true;
}

bool point_cut_begin(struct point_create *create, const char *point_id, struct err *e)
{
    struct cutting *cutting = calloc(1, sizeof *cutting);
    struct cut_setup setup = {
        .reactor = create->service->reactor,
        .again = true, /* a killed life may have begun it */
        .done = done,
        .arg = cutting,
    };
    bool ok;

    if (!cutting)
        return err_set_errno(e, ENOMEM, RETRY_LATER, "cannot cut a restore point");
    cutting->create = create;
    ok = load(cutting, point_id, e);
    for (size_t i = 0; ok && i < cutting->rows.count; i++)
        ok = add_disk(cutting, i, e);
    setup.point = cutting->point.id;
    setup.disks = cutting->disks;
    setup.count = cutting->rows.count;
    if (ok) {
        setup.hooks = hooks_of(cutting);
        setup.window_ns = window_of(&setup.hooks);
    }
    ok = ok && (cutting->cut = cut_begin(&setup, e));
    if (!ok) {
        cutting_free(cutting);
        return false;
    }
    cutting->next = create->cuttings;
    create->cuttings = cutting;
    return true;
}

bool point_cut_runs(const struct point_create *create, const char *point_id)
{
    for (const struct cutting *cutting = create->cuttings; cutting; cutting = cutting->next)
        if (strcasecmp(cutting->point.id, point_id) == 0)
            return true;
    return false;
}

void point_cut_cancel_all(struct point_create *create)
{
    for (struct cutting *cutting = create->cuttings, *next; cutting; cutting = next) {
        next = cutting->next;
        if (cutting->again.slot) { /* its rows stay Creating, as of one that was stopped */
            reactor_disarm(create->service->reactor, &cutting->again);
            leave(cutting);
        } else {
            cut_cancel(cutting->cut);
        }
    }
}
