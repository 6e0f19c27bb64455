/* travel.c - a travel made of the catalog's rows, and handed to the ferry; see replication_internal.h.
 *
 * Knows:         which row tells where a disk comes from. Must not know: bases and blobs of targets
 *                (travel_plan.c).
 * Threads:       the reactor's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/reactor.h"
#include "tools/controld/catalog_disks.h"
#include "tools/controld/catalog_points.h"
#include "tools/controld/cut_place.h"
#include "tools/controld/region_sas.h"
#include "tools/controld/replication_internal.h"
#include "tools/controld/restore_place.h"

#define DISKS_MAX CATALOG_PAGE_MAX
#define SAS_NS    (6ull * 3600 * NS_PER_S)
#define KEY_BYTES 2048u

static bool no_memory(struct err *e)
{
    return err_set_errno(e, ENOMEM, RETRY_LATER, "cannot prepare a copy");
}

static bool keep(char **out, const char *text, struct err *e)
{
    *out = text ? strdup(text) : NULL;
    return *out || !text || no_memory(e);
}

/* ---- Life ---- */

static void place_fini(struct travel_place *place)
{
    free(place->container);
    free(place->blob);
    free(place->snapshot);
}

void travel_free(struct travel *travel)
{
    if (!travel)
        return;
    for (size_t i = 0; i < travel->count; i++) {
        struct travel_disk *disk = &travel->disks[i];

        region_snapshot_fini(&disk->seal);
        place_fini(&disk->source);
        place_fini(&disk->base);
        place_fini(&disk->target);
        free(disk->id);
        free(disk->source_id);
        free(disk->base_id);
        free(disk->base_place);
        free(disk->family_key);
        free(disk->family);
        free(disk->cut_path);
        free(disk->target_path);
        free(disk->map);
    }
    free(travel->disks);
    free(travel->id);
    free(travel);
}

static struct travel *travel_new(struct replication *replication, const char *id, size_t count,
                                 struct err *e)
{
    struct travel *travel = calloc(1, sizeof *travel);

    if (travel) {
        travel->replication = replication;
        travel->id = strdup(id);
        travel->disks = calloc(count ? count : 1, sizeof *travel->disks);
    }
    if (travel && travel->id && travel->disks)
        return travel;
    no_memory(e);
    travel_free(travel);
    return NULL;
}

struct travel_disk *travel_disk_find(struct travel *travel, const char *id)
{
    for (size_t i = 0; i < travel->count; i++)
        if (strcasecmp(travel->disks[i].id, id) == 0)
            return &travel->disks[i];
    return NULL;
}

/* ---- Where it comes from ---- */

/* The snapshot that a disk point is. */
static bool place_of(struct replication *replication, const struct catalog_disk_point *row,
                     struct travel_place *out, struct err *e)
{
    out->region = row->region ? regions_find(replication->service->regions, row->region) : NULL;
    if (!out->region)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "the region '%.64s' of the disk restore point %.300s is not in the "
                       "configuration any more",
                       row->region ? row->region : "?", row->id);
    return keep(&out->container, row->container, e) && keep(&out->blob, row->blob, e) &&
           keep(&out->snapshot, row->snapshot, e);
}

static bool source_of_copy(struct travel_disk *disk, const char *source_id, struct err *e)
{
    struct replication *replication = disk->travel->replication;
    struct catalog_disk_point row = {0};
    bool ok = catalog_disk_point_get(replication->service->catalog, source_id, &row, e);

    if (ok && !row.snapshot)
        ok = err_set(e, ERR_GONE, RETRY_NEVER,
                     "the disk restore point %.300s is not there, or not complete", source_id);
    ok = ok && keep(&disk->source_id, row.id, e) && place_of(replication, &row, &disk->source, e);
    catalog_disk_point_fini(&row);
    return ok;
}

/* A raw disk's cut is a file on this machine, another region's a snapshot there. */
static bool source_of_cut(struct travel_disk *disk, const char *cut_path, struct err *e)
{
    struct cut_place place;
    bool ok;

    if (!cut_place_read(cut_path, &place))
        return err_set(e, ERR_CORRUPT, RETRY_NEVER, "nobody knows where the cut '%.200s' lies",
                       cut_path);
    ok =
        place.file || (disk->source.region =
                           regions_find(disk->travel->replication->service->regions, place.region));
    if (!ok)
        err_set(e, ERR_USAGE, RETRY_NEVER,
                "the region '%.64s' of the cut of %.300s is not in the configuration any more",
                place.region, disk->id);
    ok = ok && keep(&disk->cut_path, cut_path, e) &&
         keep(&disk->source.container, place.container, e) &&
         keep(&disk->source.blob, place.blob, e) && keep(&disk->source.snapshot, place.snapshot, e);
    cut_place_fini(&place);
    return ok;
}

/* ---- Of a restore point ---- */

static bool add_disk(struct travel *travel, const struct catalog_disk_point *row,
                     const char *collection, struct err *e)
{
    struct travel_disk *disk = &travel->disks[travel->count++];
    char key[KEY_BYTES];

    disk->travel = travel;
    disk->kept_percent = row->percent;
    disk->kept_code = EVENT_PENDING;
    snprintf(key, sizeof key, "%s|%s|%s", row->location, row->disk_id, collection);
    return keep(&disk->id, row->id, e) && keep(&disk->family_key, key, e) &&
           (!row->cut_path || source_of_cut(disk, row->cut_path, e)) &&
           (!row->source_disk_point_id || source_of_copy(disk, row->source_disk_point_id, e));
}

/* What has ended well stays; what failed in an earlier life begins again. A disk of this VM's own region
 * that is not cut yet is not on its way. */
static bool is_on_its_way(const struct catalog_disk_point *row)
{
    return !row->ended_ns && (row->cut_path || row->source_disk_point_id);
}

struct travel *travel_of_point(struct replication *replication, const char *point_id, struct err *e)
{
    struct catalog *catalog = replication->service->catalog;
    const struct catalog_page all = {.limit = DISKS_MAX};
    struct catalog_disk_point_list list = {0};
    struct catalog_point point = {0};
    struct travel *travel = NULL;
    bool ok = catalog_point_get(catalog, point_id, &point, e) &&
              (point.id ||
               err_set(e, ERR_GONE, RETRY_NEVER, "there is no restore point %.300s", point_id)) &&
              catalog_disk_point_list(catalog, point_id, &all, &list, e);

    ok = ok && (travel = travel_new(replication, point.id, list.count, e));
    if (ok) {
        travel->deadline_ns = point.deadline_ns;
        travel->begun = point.state == CATALOG_SUCCEEDED;
    }
    for (size_t i = 0; ok && i < list.count; i++)
        if (is_on_its_way(&list.rows[i]))
            ok = add_disk(travel, &list.rows[i], point.source_point_id ? point.collection_id : "",
                          e);
    if (ok && travel->count == 0)
        ok = err_set(e, ERR_USAGE, RETRY_NEVER, "nothing of %.300s is to be copied", point_id);
    catalog_disk_point_list_fini(&list);
    catalog_point_fini(&point);
    if (ok)
        return travel;
    travel_free(travel);
    return NULL;
}

/* ---- Of a disk to be restored ---- */

static bool target_of_disk(struct travel_disk *disk, const struct catalog_disk *row, struct err *e)
{
    json_t *backing = service_json(row->backing);
    const char *file = json_string_value(json_object_get(backing, "file"));
    const char *region = json_string_value(json_object_get(backing, "region"));
    const char *place = json_string_value(json_object_get(backing, "outside"));
    bool ok;

    disk->target_is_device = place && place[0];

    if (region)
        disk->target.region = regions_find(disk->travel->replication->service->regions, region);
    if (file && place)
        ok = restore_place_stays(disk->travel->replication->service->config, file, place, e) &&
             keep(&disk->target_path, file, e);
    else if (file)
        ok = keep(&disk->target_path, file, e);
    else if (disk->target.region)
        ok = keep(&disk->target.container, json_string_value(json_object_get(backing, "container")),
                  e) &&
             keep(&disk->target.blob, json_string_value(json_object_get(backing, "blob")), e);
    else
        ok = err_set(e, ERR_USAGE, RETRY_NEVER, "the disk %.300s has no place to be restored to",
                     row->id);
    json_decref(backing);
    return ok;
}

struct travel *travel_of_disk(struct replication *replication, const char *disk_id, struct err *e)
{
    struct catalog_disk row = {0};
    struct travel *travel = NULL;
    bool ok = catalog_disk_get(replication->service->catalog, disk_id, &row, e);

    if (ok && !row.source_id)
        ok = err_set(e, ERR_GONE, RETRY_NEVER, "there is no disk %.300s to be restored", disk_id);
    ok = ok && (travel = travel_new(replication, row.id, 1, e));
    if (ok) {
        struct travel_disk *disk = &travel->disks[travel->count++];

        travel->of_disk = true;
        disk->travel = travel;
        disk->kept_percent = row.percent;
        ok = keep(&disk->id, row.id, e) && keep(&disk->family_key, row.id, e) &&
             source_of_copy(disk, row.source_id, e) && target_of_disk(disk, &row, e);
    }
    catalog_disk_fini(&row);
    if (ok)
        return travel;
    travel_free(travel);
    return NULL;
}

/* ---- To the ferry ---- */

static void fill(const struct travel_disk *disk, struct ferry_disk *out)
{
    bool of_file = !disk->source.region;

    *out = (struct ferry_disk){
        .id = disk->id,
        .source = {of_file ? FERRY_FILE : FERRY_BLOB, of_file ? disk->cut_path : NULL,
                   disk->source_id ? disk->source_id : disk->id},
        .target = {disk->target_path ? FERRY_FILE : FERRY_BLOB, disk->target_path, NULL},
        .map = disk->map,
        .seed_percent = disk->kept_percent,
        .target_new = disk->travel->of_disk,
        .target_larger = disk->target_is_device,
        .raw = disk->target_is_device,
    };
    if (disk->base.region)
        out->base = (struct ferry_end){FERRY_BLOB, NULL, disk->base_id};
}

bool travel_ferry(struct travel *travel, struct err *e)
{
    struct ferry_disk *disks = calloc(travel->count, sizeof *disks);
    const struct ferry_point point = {.id = travel->id,
                                      .disks = disks,
                                      .disks_count = travel->count};
    bool ok;

    if (!disks)
        return no_memory(e);
    for (size_t i = 0; i < travel->count; i++)
        fill(&travel->disks[i], &disks[i]);
    ok = ferry_begin(travel->replication->ferry, &point, e);
    travel->ferry_has_it = ok;
    for (size_t i = 0; ok && i < travel->count; i++)
        travel->disks[i].step = TRAVEL_DISK_MOVING;
    free(disks);
    return ok;
}

bool travel_access(struct travel_disk *disk, enum access_side side, uint64_t wall_ns,
                   struct ferry_access *out_access, struct err *e)
{
    const struct travel_place *place = side == ACCESS_SOURCE ? &disk->source
                                       : side == ACCESS_BASE ? &disk->base
                                                             : &disk->target;
    const struct region_sas sas = {
        .container = place->container,
        .blob = place->blob,
        .snapshot = place->snapshot,
        .permissions = side == ACCESS_TARGET ? "rcw" : "r",
        .expiry_ns = wall_ns + SAS_NS,
    };

    if (!place->region)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "the %s of %.300s is no blob",
                       access_side_name(side), disk->id);
    out_access->expires_s = sas.expiry_ns / NS_PER_S;
    return region_sas_url(place->region->account, &sas, &out_access->url, e);
}
