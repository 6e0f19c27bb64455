/* cut_drops.c - see cut_drops.h. */
#include "tools/controld/cut_drops.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/reactor.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/cut_means.h"
#include "tools/controld/cut_place.h"
#include "tools/controld/regions.h"

#define DROP_SNAPSHOT_NS (60 * NS_PER_S)

struct drop {
    struct cut_drops *drops;
    struct drop *next;
    char *id, *point, *disk_id;
    struct cut_place place;
    struct cut_raw raw;
    struct cut_raw_op *op;     /* of a file or device, once it runs */
    struct region_op snapshot; /* of a blob */
    cut_dropped_fn *dropped;
    void *arg;
};

struct cut_drops {
    struct service *service;
    struct drop *first; /* runs; the others wait in their order */
    struct reactor_task turn;
    bool running, stopping;
};

static void drop_free(struct drop *drop)
{
    if (!drop)
        return;
    cut_raw_free(drop->op);
    cut_place_fini(&drop->place);
    free(drop->id);
    free(drop->point);
    free(drop->disk_id);
    free(drop);
}

/* ---- Its end ---- */

static bool clear_row(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    const struct drop *drop = arg;

    (void)why;
    return catalog_disk_point_set_cut(service->catalog, drop->id, NULL, e);
}

static void next_turn(struct cut_drops *drops);

static void ended(struct drop *drop, const struct err *error)
{
    struct cut_drops *drops = drop->drops;
    struct arm_error why = {0};
    struct err end = *error;

    drops->running = false;
    drops->first = drop->next;
    if (!err_is_set(&end) && !service_change(drops->service, clear_row, drop, &why))
        err_set(&end, ERR_IO, RETRY_LATER, "%.300s", why.message);
    if (err_is_set(&end) && !drop->dropped && !drops->stopping)
        fprintf(stderr, "snapferryd: the cut of %s is not needed any more, and stays: %s\n",
                drop->id, end.text);
    if (drop->dropped)
        drop->dropped(drop->arg, &end);
    drop_free(drop);
    next_turn(drops);
}

static void raw_dropped(void *arg, struct cut_raw_op *op, const struct err *error)
{
    (void)op;
    ended(arg, error);
}

static void snapshot_dropped(struct region_op *op)
{
    ended(op->arg, &op->err);
}

/* ---- One after the other ---- */

static bool drop_file(struct drop *drop, struct err *e)
{
    struct service *service = drop->drops->service;
    const struct cut_raw_setup setup = {.reactor = service->reactor,
                                        .point = drop->point,
                                        .disk = drop->id,
                                        .raw = &drop->raw,
                                        .done = raw_dropped,
                                        .arg = drop};

    cut_means_fill(cut_means_disk(service->config, drop->disk_id), &drop->raw);
    drop->raw.cut_path = drop->place.file;
    drop->op = cut_raw_new(&setup, e);
    if (drop->op)
        cut_raw_drop(drop->op);
    return drop->op != NULL;
}

static bool drop_snapshot(struct drop *drop, struct err *e)
{
    struct service *service = drop->drops->service;
    const struct region *region = regions_find(service->regions, drop->place.region);

    if (!region)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "the region '%.64s' is not in the configuration any more",
                       drop->place.region);
    drop->snapshot = (struct region_op){
        .container = drop->place.container,
        .blob = drop->place.blob,
        .snapshot = drop->place.snapshot,
        .what = REGION_DELETE_PLAIN,
        .due_ns = reactor_now_ns(service->reactor) + DROP_SNAPSHOT_NS,
        .done = snapshot_dropped,
        .arg = drop,
    };
    region_account_delete(region->account, &drop->snapshot);
    return true;
}

static void on_turn(struct reactor_task *task)
{
    struct cut_drops *drops = (struct cut_drops *)((char *)task - offsetof(struct cut_drops, turn));
    struct drop *drop = drops->first;
    struct err e = {0};

    if (!drop || drops->running)
        return;
    drops->running = true;
    if (drops->stopping)
        err_set(&e, ERR_CANCELED, RETRY_LATER, "stopped before the cut was dropped");
    if (err_is_set(&e) || !(drop->place.file ? drop_file(drop, &e) : drop_snapshot(drop, &e)))
        ended(drop, &e);
}

static void next_turn(struct cut_drops *drops)
{
    if (drops->first && !drops->running && !drops->turn.posted)
        reactor_post(drops->service->reactor, &drops->turn, on_turn);
}

/* ---- Use ---- */

static struct drop *find(const struct cut_drops *drops, const char *id)
{
    for (struct drop *drop = drops->first; drop; drop = drop->next)
        if (strcasecmp(drop->id, id) == 0)
            return drop;
    return NULL;
}

static bool add(struct cut_drops *drops, const struct catalog_disk_point *row,
                cut_dropped_fn *dropped, void *arg, struct err *e)
{
    struct drop *drop = calloc(1, sizeof *drop), **at = &drops->first;

    if (!drop || !(drop->id = strdup(row->id)) || !(drop->point = strdup(row->point_id)) ||
        !(drop->disk_id = strdup(row->disk_id ? row->disk_id : ""))) {
        drop_free(drop);
        return err_set_errno(e, ENOMEM, RETRY_LATER, "cannot drop a cut");
    }
    if (!cut_place_read(row->cut_path, &drop->place)) {
        drop_free(drop);
        return err_set(e, ERR_CORRUPT, RETRY_NEVER, "nobody knows where the cut '%.200s' lies",
                       row->cut_path);
    }
    drop->drops = drops;
    drop->dropped = dropped;
    drop->arg = arg;
    while (*at)
        at = &(*at)->next;
    *at = drop;
    next_turn(drops);
    return true;
}

bool cut_drops_begin(struct cut_drops *drops, const char *disk_point_id, cut_dropped_fn *dropped,
                     void *arg, struct err *e)
{
    struct catalog_disk_point row = {0};
    struct drop *known = find(drops, disk_point_id);
    bool ok;

    if (known && known->dropped)
        return err_set(e, ERR_CONFLICT, RETRY_LATER, "the cut of %.300s is being dropped",
                       disk_point_id);
    if (known) {
        known->dropped = dropped;
        known->arg = arg;
        return true;
    }
    ok = catalog_disk_point_get(drops->service->catalog, disk_point_id, &row, e);
    if (ok && !row.cut_path)
        ok = err_set(e, ERR_GONE, RETRY_NEVER, "there is no cut of %.300s", disk_point_id);
    ok = ok && add(drops, &row, dropped, arg, e);
    catalog_disk_point_fini(&row);
    return ok;
}

void cut_drops_arrived(void *arg, const char *disk_point_id)
{
    struct err e = {0};

    if (!cut_drops_begin(arg, disk_point_id, NULL, NULL, &e))
        fprintf(stderr, "snapferryd: the cut of %s is not needed any more, and stays: %s\n",
                disk_point_id, e.text);
}

/* ---- Life ---- */

struct cut_drops *cut_drops_new(struct service *service, struct err *e)
{
    struct cut_drops *drops = calloc(1, sizeof *drops);

    if (drops)
        drops->service = service;
    else
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin");
    return drops;
}

bool cut_drops_recover(struct cut_drops *drops, struct err *e)
{
    struct catalog_page page = {.limit = CATALOG_PAGE_MAX};
    struct catalog_disk_point_list list = {0};
    char after[ARM_ID_MAX_BYTES];
    bool ok = true, more = true;

    while (ok && more) {
        ok = catalog_disk_point_list_left_cuts(drops->service->catalog, &page, &list, e);
        for (size_t i = 0; ok && i < list.count; i++)
            cut_drops_arrived(drops, list.rows[i].id);
        more = ok && list.more;
        if (more) {
            snprintf(after, sizeof after, "%s", list.rows[list.count - 1].id);
            page.after = after;
        }
        catalog_disk_point_list_fini(&list);
    }
    return ok;
}

void cut_drops_stop(struct cut_drops *drops)
{
    drops->stopping = true;
    if (drops->first && drops->first->op)
        cut_raw_stop(drops->first->op);
}

bool cut_drops_idle(const struct cut_drops *drops)
{
    return !drops->first;
}

void cut_drops_free(struct cut_drops *drops)
{
    if (!drops)
        return;
    while (drops->first) {
        struct drop *drop = drops->first;

        drops->first = drop->next;
        drop_free(drop);
    }
    free(drops);
}
