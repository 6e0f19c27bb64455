/* spare_bases.c - see spare_bases.h. */
#include "tools/controld/spare_bases.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/reactor.h"
#include "tools/controld/catalog_bases.h"
#include "tools/controld/cut_place.h"
#include "tools/controld/regions.h"

struct spare_bases {
    struct service *service;
    struct catalog_base
        row; /* the one at hand, or the last that stayed: the list goes on behind it */
    struct cut_place place;
    struct region_op op;
    struct reactor_task task;
    struct timer again;
    bool asking, look_again, stopping;
};

static void next_one(struct spare_bases *bases);

static void forget_current(struct spare_bases *bases)
{
    catalog_base_fini(&bases->row);
    cut_place_fini(&bases->place);
}

/* ---- One ---- */

static bool drop_row(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    const struct spare_bases *bases = arg;

    (void)why;
    return catalog_base_delete(service->catalog, bases->row.place, e);
}

static void on_again(struct timer *timer)
{
    spare_bases_soon((struct spare_bases *)((char *)timer - offsetof(struct spare_bases, again)));
}

/* It stays, and is looked at again later. */
static void refused(struct spare_bases *bases, const char *why)
{
    struct reactor *reactor = bases->service->reactor;

    if (bases->stopping)
        return;
    fprintf(stderr, "snapferryd: the snapshot %s is not needed any more, and stays for now: %s\n",
            bases->row.place, why);
    reactor_arm(reactor, &bases->again, reactor_now_ns(reactor) + SPARE_BASES_AGAIN_NS, on_again);
}

static void on_deleted(struct region_op *op)
{
    struct spare_bases *bases = op->arg;
    struct arm_error why = {0};

    bases->asking = false;
    if (err_is_set(&op->err))
        refused(bases, op->err.text);
    else if (!service_change(bases->service, drop_row, bases, &why))
        refused(bases, why.message);
    next_one(bases);
}

static bool begin_deletion(struct spare_bases *bases)
{
    struct service *service = bases->service;
    const struct region *region = NULL;

    if (cut_place_read(bases->row.place, &bases->place) && bases->place.region)
        region = regions_find(service->regions, bases->place.region);
    if (!region) {
        refused(bases, "its region is not in the configuration any more");
        return false;
    }
    bases->op = (struct region_op){
        .container = bases->place.container,
        .blob = bases->place.blob,
        .snapshot = bases->place.snapshot,
        .what = REGION_DELETE_PLAIN,
        .due_ns = reactor_now_ns(service->reactor) + SPARE_BASES_LIMIT_NS,
        .done = on_deleted,
        .arg = bases,
    };
    bases->asking = true;
    region_account_delete(region->account, &bases->op);
    return true;
}

/* ---- One after the other ---- */

/* The first spare one behind the one at hand. */
static bool find(struct spare_bases *bases)
{
    const struct catalog_page page = {.after = bases->row.place, .limit = 1};
    struct catalog_base_list list = {0};
    struct err e = {0};
    bool found = catalog_base_list_spare(bases->service->catalog, &page, &list, &e) && list.count;

    forget_current(bases);
    if (err_is_set(&e))
        fprintf(stderr, "snapferryd: cannot look for snapshots that nobody needs: %s\n", e.text);
    if (found) {
        bases->row = list.rows[0]; /* moves */
        list.rows[0] = (struct catalog_base){0};
    }
    catalog_base_list_fini(&list);
    return found;
}

static void next_one(struct spare_bases *bases)
{
    while (!bases->stopping && find(bases))
        if (begin_deletion(bases))
            return;
    forget_current(bases);
    if (bases->look_again)
        spare_bases_soon(bases);
}

static void on_task(struct reactor_task *task)
{
    struct spare_bases *bases =
        (struct spare_bases *)((char *)task - offsetof(struct spare_bases, task));

    if (bases->asking || bases->stopping)
        return;
    bases->look_again = false;
    next_one(bases);
}

void spare_bases_soon(struct spare_bases *bases)
{
    bases->look_again = true; /* what is looked for now may have passed it */
    if (!bases->asking && !bases->stopping && !bases->task.posted)
        reactor_post(bases->service->reactor, &bases->task, on_task);
}

/* ---- Life ---- */

struct spare_bases *spare_bases_new(struct service *service, struct err *e)
{
    struct spare_bases *bases = calloc(1, sizeof *bases);

    if (bases)
        bases->service = service;
    else
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin");
    return bases;
}

void spare_bases_stop(struct spare_bases *bases)
{
    bases->stopping = true;
    reactor_disarm(bases->service->reactor, &bases->again);
}

bool spare_bases_idle(const struct spare_bases *bases)
{
    return !bases->asking && !bases->task.posted;
}

void spare_bases_free(struct spare_bases *bases)
{
    if (!bases)
        return;
    reactor_disarm(bases->service->reactor, &bases->again);
    forget_current(bases);
    free(bases);
}
