/* disk_map.c - see disk_map.h. */
#include "tools/controld/disk_map.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/reactor.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/regions.h"

struct disk_maps {
    struct service *service;
    unsigned count; /* under way */
};

struct disk_map {
    struct disk_maps *maps;
    struct front_ask *ask;
    char id[ARM_ID_MAX_BYTES], since_id[ARM_ID_MAX_BYTES];
    char container[REGION_CONTAINER_MAX_BYTES], blob[REGION_BLOB_MAX_BYTES];
    char snapshot[REGION_SNAPSHOT_MAX_BYTES]; /* "": what the blob holds so far */
    char since[REGION_SNAPSHOT_MAX_BYTES];    /* "": there is none before it */
    const struct region *region;
    struct region_cells held, changed;
    struct region_op held_op, changed_op;
};

/* ---- The end ---- */

static void map_free(struct disk_map *map)
{
    map->maps->count--;
    free(map);
}

static json_t *cells_json(const struct region_cells *cells)
{
    json_t *list = json_array();

    for (uint32_t i = 0; list && i < cells->count; i++)
        if (json_array_append_new(list, json_integer((json_int_t)cells->bytes[i])) < 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *map_json(const struct disk_map *map)
{
    json_t *changes = NULL, *shown = NULL;

    if (!map->since[0])
        changes = json_object();
    else if (err_is_set(&map->changed_op.err))
        changes =
            json_pack("{s:s, s:s}", "since", map->since_id, "reason", map->changed_op.err.text);
    else
        changes =
            json_pack("{s:s, s:I, s:o}", "since", map->since_id, "changedBytes",
                      (json_int_t)map->changed_op.used_bytes, "changed", cells_json(&map->changed));
    shown =
        json_pack("{s:s, s:I, s:I, s:b, s:I, s:o}", "diskRestorePoint", map->id, "sizeBytes",
                  (json_int_t)map->held.blob_bytes, "cellBytes", (json_int_t)map->held.cell_bytes,
                  "snapshot", map->snapshot[0] != 0, "heldBytes",
                  (json_int_t)map->held_op.used_bytes, "held", cells_json(&map->held));
    if (!changes || !shown || json_object_update(shown, changes) < 0) {
        json_decref(shown);
        shown = NULL;
    }
    json_decref(changes);
    return shown;
}

static void answer(struct disk_map *map)
{
    struct err e = {0};
    json_t *shown = map_json(map);

    if (shown)
        front_answer(map->ask->call, 200, shown, NULL, 0);
    else {
        err_set_errno(&e, ENOMEM, RETRY_LATER, "cannot show the map of a disk");
        service_refuse_err(map->ask, &e);
    }
    map_free(map);
}

/* ---- The lists ---- */

static void changed_listed(struct region_op *op)
{
    answer(op->arg);
}

static struct region_op op_of(struct disk_map *map, struct region_cells *cells,
                              void (*done)(struct region_op *))
{
    struct reactor *reactor = map->maps->service->reactor;

    return (struct region_op){.container = map->container,
                              .blob = map->blob,
                              .snapshot = map->snapshot,
                              .cells = cells,
                              .due_ns = reactor_now_ns(reactor) + DISK_MAP_TIME_NS,
                              .done = done,
                              .arg = map};
}

static void held_listed(struct region_op *op)
{
    struct disk_map *map = op->arg;

    if (err_is_set(&op->err)) {
        service_refuse_err(map->ask, &op->err);
        map_free(map);
    } else if (!map->since[0]) {
        answer(map);
    } else {
        map->changed_op = op_of(map, &map->changed, changed_listed);
        map->changed_op.since = map->since;
        region_account_used(map->region->account, &map->changed_op);
    }
}

/* ---- What is asked for ---- */

static bool same_blob(const struct catalog_disk_point *a, const struct catalog_disk_point *b)
{
    return a->container && b->container && a->blob && b->blob &&
           strcmp(a->container, b->container) == 0 && strcmp(a->blob, b->blob) == 0;
}

/* The newest older snapshot of its blob: times of snapshots are in order as texts. */
static bool find_before(struct disk_map *map, const struct catalog_disk_point *point, struct err *e)
{
    struct catalog_page page = {.limit = CATALOG_PAGE_MAX};
    struct catalog_disk_point_list rows = {0};
    char after[ARM_ID_MAX_BYTES];
    bool ok = true, more = point->family != NULL;

    while (ok && more) {
        ok = catalog_disk_point_list_of_family(map->maps->service->catalog, point->family, &page,
                                               &rows, e);
        for (size_t i = 0; ok && i < rows.count; i++) {
            const struct catalog_disk_point *row = &rows.rows[i];

            if (!row->snapshot || !same_blob(row, point) ||
                (point->snapshot && strcmp(row->snapshot, point->snapshot) >= 0) ||
                strcmp(row->snapshot, map->since) <= 0)
                continue;
            snprintf(map->since, sizeof map->since, "%s", row->snapshot);
            snprintf(map->since_id, sizeof map->since_id, "%s", row->id);
        }
        more = ok && rows.more;
        if (more) {
            snprintf(after, sizeof after, "%s", rows.rows[rows.count - 1].id);
            page.after = after;
        }
        catalog_disk_point_list_fini(&rows);
    }
    return ok;
}

static bool find_place(struct disk_map *map, const struct arm_id *id, struct arm_error *why)
{
    struct service *service = map->maps->service;
    struct catalog_disk_point point = {0};
    struct err e = {0};
    bool ok = catalog_disk_point_get(service->catalog, map->id, &point, &e);

    if (ok && !point.id)
        ok = arm_id_not_found(id, why);
    if (ok && (!point.region || !point.container || !point.blob ||
               !(map->region = regions_find(service->regions, point.region))))
        ok = arm_error_set(why, 409, ARM_CONFLICT, NULL,
                           "The disk restore point has no place in a region yet.");
    if (ok) {
        snprintf(map->container, sizeof map->container, "%s", point.container);
        snprintf(map->blob, sizeof map->blob, "%s", point.blob);
        snprintf(map->snapshot, sizeof map->snapshot, "%s", point.snapshot ? point.snapshot : "");
        ok = find_before(map, &point, &e);
    }
    catalog_disk_point_fini(&point);
    if (!ok && !arm_error_is_set(why))
        arm_error_of(why, &e);
    return ok;
}

void disk_maps_show(struct disk_maps *maps, struct front_ask *ask)
{
    static const char parameter[] = "diskRestorePoint";
    const char *text = front_query(ask->call, parameter);
    struct disk_map *map = NULL;
    struct arm_error why = {0};
    struct arm_id id;
    bool ok = arm_id_parse(text ? text : "", parameter, &id, &why);

    if (ok && id.type != ARM_DISK_POINT)
        ok = arm_error_bad(&why, parameter, "It is not the id of a disk restore point.");
    if (ok && maps->count >= DISK_MAPS_MAX)
        ok = arm_error_set(&why, 429, "TooManyRequests", NULL,
                           "%u maps are being made already; each asks a region for its lists.",
                           maps->count);
    if (ok && !(map = calloc(1, sizeof *map)))
        ok = arm_error_memory(&why);
    if (map) {
        map->maps = maps;
        map->ask = ask;
        maps->count++;
        arm_id_text(&id, map->id);
        ok = find_place(map, &id, &why);
    }
    if (ok) {
        map->held_op = op_of(map, &map->held, held_listed);
        region_account_used(map->region->account, &map->held_op);
        return;
    }
    service_refuse(ask, &why);
    if (map)
        map_free(map);
}

/* ---- Life ---- */

struct disk_maps *disk_maps_new(struct service *service, struct err *e)
{
    struct disk_maps *maps = calloc(1, sizeof *maps);

    if (maps)
        maps->service = service;
    else
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin");
    return maps;
}

void disk_maps_free(struct disk_maps *maps)
{
    free(maps);
}

bool disk_maps_idle(const struct disk_maps *maps)
{
    return maps->count == 0;
}
