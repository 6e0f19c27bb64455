/* orphans.c - see orphans.h. One container at a time, family by family in the order of their guids. */
#include "tools/controld/orphans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/controld/catalog_bases.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_families.h"
#include "tools/controld/catalog_points.h"
#include "tools/controld/cut_place.h"

#define PLACE_MAX_BYTES 160u /* "region container" */
#define PLACES_KEPT     32u  /* disks of one machine share a container: it is looked at once */

struct orphans {
    struct orphans_setup setup;
    struct timer timer;
    struct region_sweep sweep;
    bool busy, stopping, again; /* again: asked for while one was under way */
    void (*stopped)(void *arg);
    void *stopped_arg;
    struct catalog_family family; /* the one at hand; guid: where the list goes on */
    char places[PLACES_KEPT][PLACE_MAX_BYTES];
    size_t place_count; /* ever in this round */
};

static void look(struct orphans *o);

/* ---- What stays ---- */

static bool is_failed_cut(struct orphans *o, const struct catalog_disk_point *row)
{
    struct catalog_point point = {0};
    struct err e = {0};
    bool failed;

    if (row->source_disk_point_id || row->cut_path) /* its copy can go on: who does finds it */
        return false;
    failed = catalog_point_get(o->setup.catalog, row->point_id, &point, &e) && point.id &&
             point.state == CATALOG_FAILED;
    catalog_point_fini(&point);
    return failed;
}

/* A delta starts from it, though it is no restore point. */
static bool is_base(struct orphans *o, const char *blob, const char *snapshot)
{
    char *place = cut_place_of_blob(o->family.region, o->family.container, blob, snapshot);
    struct err e = {0};
    bool kept;
    bool told = place && catalog_base_is_kept(o->setup.catalog, place, &kept, &e);

    free(place);
    return !told || kept;
}

static bool keep(void *arg, const char *blob, const char *snapshot, const char *point)
{
    struct orphans *o = arg;
    struct catalog_disk_point row = {0};
    struct err e = {0};
    bool stays = true;

    if (o->stopping || !catalog_disk_point_get(o->setup.catalog, point, &row, &e) || !row.id)
        stays = true;
    else if (row.snapshot)
        stays = (row.blob && strcmp(row.blob, blob) == 0 && strcmp(row.snapshot, snapshot) == 0) ||
                is_base(o, blob, snapshot);
    else
        stays = !is_failed_cut(o, &row);
    catalog_disk_point_fini(&row);
    return stays;
}

/* ---- Rounds ---- */

static void on_timer(struct timer *timer)
{
    struct orphans *o = (struct orphans *)((char *)timer - offsetof(struct orphans, timer));

    o->busy = true;
    o->again = false;
    o->place_count = 0;
    catalog_family_fini(&o->family);
    look(o);
}

static void arm(struct orphans *o, uint64_t after_ns)
{
    reactor_arm(o->setup.reactor, &o->timer, reactor_now_ns(o->setup.reactor) + after_ns, on_timer);
}

static void end_round(struct orphans *o)
{
    o->busy = false;
    catalog_family_fini(&o->family);
    if (!o->stopping)
        arm(o, o->again ? o->setup.first_ns : ORPHANS_EVERY_NS);
    else if (o->stopped)
        o->stopped(o->stopped_arg);
}

static bool was_here(struct orphans *o, const char *region, const char *container)
{
    char place[PLACE_MAX_BYTES];

    snprintf(place, sizeof place, "%s %s", region, container);
    for (size_t i = 0; i < PLACES_KEPT && i < o->place_count; i++)
        if (strcmp(o->places[i], place) == 0)
            return true;
    memcpy(o->places[o->place_count++ % PLACES_KEPT], place, sizeof place);
    return false;
}

static void on_swept(struct region_sweep *sweep)
{
    struct orphans *o = sweep->arg;

    if ((sweep->deleted || err_is_set(&sweep->err)) && sweep->err.kind != ERR_CANCELED)
        o->setup.told(o->setup.arg, o->family.region, o->family.container, sweep->deleted,
                      &sweep->err);
    look(o);
}

/* The family after the one at hand; false at the end, and where the catalog cannot be read now. */
static bool next_family(struct orphans *o)
{
    const struct catalog_page page = {.after = o->family.guid, .limit = 1};
    struct catalog_family_list list = {0};
    struct err e = {0};
    bool found = catalog_family_list(o->setup.catalog, &page, &list, &e) && list.count == 1;

    catalog_family_fini(&o->family);
    if (found) {
        o->family = list.rows[0]; /* moves */
        list.rows[0] = (struct catalog_family){0};
    }
    catalog_family_list_fini(&list);
    return found;
}

static void look(struct orphans *o)
{
    while (!o->stopping && next_family(o)) {
        const struct catalog_family *family = &o->family;
        struct region_account *account;

        if (!family->region || !family->container || was_here(o, family->region, family->container))
            continue;
        account = o->setup.account(o->setup.arg, family->region);
        if (!account)
            continue;
        o->sweep = (struct region_sweep){.account = account,
                                         .container = family->container,
                                         .keep = keep,
                                         .done = on_swept,
                                         .arg = o};
        region_sweep_start(&o->sweep);
        return;
    }
    end_round(o);
}

/* ---- Life ---- */

struct orphans *orphans_new(const struct orphans_setup *setup, struct err *e)
{
    struct orphans *o = calloc(1, sizeof *o);

    if (!o) {
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory to look for what was left");
        return NULL;
    }
    o->setup = *setup;
    if (!o->setup.first_ns)
        o->setup.first_ns = ORPHANS_FIRST_NS;
    arm(o, o->setup.first_ns);
    return o;
}

void orphans_stop(struct orphans *o, void (*stopped)(void *arg), void *arg)
{
    o->stopping = true;
    o->stopped = stopped;
    o->stopped_arg = arg;
    reactor_disarm(o->setup.reactor, &o->timer);
    if (o->busy)
        region_sweep_give_up(&o->sweep);
    else if (stopped)
        stopped(arg);
}

void orphans_free(struct orphans *o)
{
    if (!o)
        return;
    reactor_disarm(o->setup.reactor, &o->timer);
    catalog_family_fini(&o->family);
    free(o);
}

void orphans_soon(struct orphans *o)
{
    o->again = true;
    if (!o->busy && !o->stopping)
        arm(o, o->setup.first_ns);
}
