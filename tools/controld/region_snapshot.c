/* region_snapshot.c - see region_snapshot.h. */
#include "tools/controld/region_snapshot.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static void end(struct region_snapshot *s, const struct err *why)
{
    if (err_is_set(why))
        s->err = *why;
    s->done(s);
}

static void prepare_op(struct region_snapshot *s, void (*done)(struct region_op *))
{
    err_clear(&s->err);
    s->op = (struct region_op){
        .container = s->container, .blob = s->blob, .due_ns = s->due_ns, .done = done, .arg = s};
}

/* ---- Prepare ---- */

static void on_looked(struct region_op *op)
{
    struct region_snapshot *s = op->arg;
    struct err why = op->err;

    if (!err_is_set(&why) && strcmp(op->head.blob_type, "PageBlob") != 0)
        err_set(&why, ERR_USAGE, RETRY_NEVER, "%.64s/%.160s is not a page blob", s->container,
                s->blob);
    if (!err_is_set(&why))
        pageblob_metadata_set(&s->metadata, REGION_SNAPSHOT_POINT, s->point, &why);
    s->size_bytes = op->head.content_bytes;
    end(s, &why);
}

void region_snapshot_prepare(struct region_snapshot *s)
{
    assert(strlen(s->point) < REGION_POINT_MAX_BYTES);
    prepare_op(s, on_looked);
    s->op.out_metadata = &s->metadata; /* emptied first */
    region_account_properties(s->account, &s->op);
}

/* ---- Take ---- */

static void on_taken(struct region_op *op)
{
    struct region_snapshot *s = op->arg;

    s->unsure = op->unsure;
    if (!err_is_set(&op->err))
        strcpy(s->snapshot, op->head.snapshot);
    end(s, &op->err);
}

void region_snapshot_take(struct region_snapshot *s)
{
    assert(pageblob_metadata_get(&s->metadata, REGION_SNAPSHOT_POINT));
    prepare_op(s, on_taken);
    s->op.metadata = &s->metadata;
    s->snapshot[0] = 0;
    region_account_snapshot(s->account, &s->op);
}

/* ---- Tidy ---- */

/* The service answers a prefix: other blobs' names may begin with ours. */
static bool is_of_point(const struct region_snapshot *s, const struct region_list_item *item)
{
    const char *point = region_list_metadata(item, REGION_SNAPSHOT_POINT);

    return item->snapshot && strcmp(item->blob, s->blob) == 0 && point &&
           strcasecmp(point, s->point) == 0;
}

static void delete_next(struct region_snapshot *s);

static void on_deleted(struct region_op *op)
{
    struct region_snapshot *s = op->arg;

    if (err_is_set(&op->err)) {
        region_list_fini(&s->list);
        end(s, &op->err);
        return;
    }
    s->tidied += !op->as_it_was;
    delete_next(s);
}

static void delete_next(struct region_snapshot *s)
{
    const struct err none = {0};

    while (s->at < s->list.count) {
        const struct region_list_item *item = &s->list.items[s->at++];

        if (!is_of_point(s, item) || strcmp(item->snapshot, s->snapshot) == 0)
            continue;
        prepare_op(s, on_deleted);
        s->op.snapshot = item->snapshot;
        region_account_delete(s->account, &s->op);
        return;
    }
    region_list_fini(&s->list);
    end(s, &none);
}

static void on_listed(struct region_op *op)
{
    struct region_snapshot *s = op->arg;
    bool gone = op->err.kind == ERR_GONE; /* the container, with all that was in it */

    if (err_is_set(&op->err) && !gone) {
        region_list_fini(&s->list);
        end(s, &op->err);
        return;
    }
    s->at = 0;
    s->tidied = 0;
    delete_next(s);
}

void region_snapshot_tidy(struct region_snapshot *s)
{
    prepare_op(s, on_listed);
    s->op.list = &s->list;
    region_account_list(s->account, &s->op);
}

/* ---- Find ---- */

static void on_found(struct region_op *op)
{
    struct region_snapshot *s = op->arg;

    s->snapshot[0] = 0;
    for (size_t i = 0; i < s->list.count; i++) {
        const struct region_list_item *item = &s->list.items[i];

        /* Times of one width: their order is the order of their texts. */
        if (is_of_point(s, item) && strlen(item->snapshot) < sizeof s->snapshot &&
            strcmp(item->snapshot, s->snapshot) > 0)
            strcpy(s->snapshot, item->snapshot);
    }
    region_list_fini(&s->list);
    end(s, &op->err);
}

void region_snapshot_find(struct region_snapshot *s)
{
    prepare_op(s, on_found);
    s->op.list = &s->list;
    region_account_list(s->account, &s->op);
}

void region_snapshot_fini(struct region_snapshot *s)
{
    pageblob_metadata_fini(&s->metadata);
    region_list_fini(&s->list);
}

/* ---- Sweep ---- */

static void sweep_next(struct region_sweep *sweep);

static void sweep_end(struct region_sweep *sweep, const struct err *why)
{
    region_list_fini(&sweep->list);
    sweep->err = *why;
    sweep->done(sweep);
}

static void on_swept(struct region_op *op)
{
    struct region_sweep *sweep = op->arg;

    if (err_is_set(&op->err)) {
        sweep_end(sweep, &op->err);
        return;
    }
    sweep->deleted += !op->as_it_was;
    sweep_next(sweep);
}

static void sweep_next(struct region_sweep *sweep)
{
    const struct err none = {0};

    while (sweep->at < sweep->list.count) {
        const struct region_list_item *item = &sweep->list.items[sweep->at++];
        const char *point = region_list_metadata(item, REGION_SNAPSHOT_POINT);

        if (!item->snapshot || !point || sweep->keep(sweep->arg, item->blob, item->snapshot, point))
            continue;
        sweep->op = (struct region_op){.container = sweep->container,
                                       .blob = item->blob,
                                       .snapshot = item->snapshot,
                                       .done = on_swept,
                                       .arg = sweep};
        region_account_delete(sweep->account, &sweep->op);
        return;
    }
    sweep_end(sweep, &none);
}

static void on_sweep_listed(struct region_op *op)
{
    struct region_sweep *sweep = op->arg;
    const struct err none = {0};

    if (err_is_set(&op->err)) {
        sweep_end(sweep, op->err.kind == ERR_GONE ? &none : &op->err);
        return;
    }
    sweep_next(sweep);
}

void region_sweep_start(struct region_sweep *sweep)
{
    sweep->deleted = 0;
    sweep->at = 0;
    sweep->list = (struct region_list){0};
    sweep->op = (struct region_op){.container = sweep->container,
                                   .blob = sweep->prefix,
                                   .list = &sweep->list,
                                   .done = on_sweep_listed,
                                   .arg = sweep};
    region_account_list(sweep->account, &sweep->op);
}

void region_sweep_give_up(struct region_sweep *sweep)
{
    region_account_give_up(&sweep->op);
}
