/* endpoint_stream_out.c - see endpoint_stream_out.h: its life, HEAD and PLAN, the end. */
#include "io/endpoint_stream_out.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/stream_write.h"
#include "io/endpoint_stream_out_parts.h"

_Static_assert(STREAM_GROUPS_OWN_MAX_BYTES >= STREAM_SMALL_MAX_BYTES, "a HEAD fits");
_Static_assert(STREAM_GROUPS_OWN_MAX_BYTES >= STREAM_FRAME_BYTES + 8 + 20 * STREAM_PLAN_EXTENTS_MAX,
               "a PLAN fits");

void out_fail(struct endpoint_stream_out *out, const struct err *why)
{
    if (!err_is_set(&out->err))
        out->err = *why;
}

static void out_moved(void *arg)
{
    out_pump(arg);
}

/* ---- Stat, and what is made first ---- */

static void out_stat(struct endpoint *ep, struct stat_req *req)
{
    struct endpoint_stream_out *out = endpoint_stream_out_of(ep);

    req->exists = ep->size_bytes > 0;
    req->size_bytes = ep->size_bytes;
    endpoint_later_stat(&out->later, ep, req);
}

static bool out_create(struct endpoint_stream_out *out, const struct setup_req *req, struct err *e)
{
    struct stream_groups_setup setup = {.reactor = out->head.reactor,
                                        .workers = out->workers,
                                        .out = &out->bytes,
                                        .level = out->options.level,
                                        .moved = out_moved,
                                        .arg = out};

    if (req->marker)
        memcpy(out->stream_head.uuid, req->marker->copy_uuid, sizeof out->stream_head.uuid);
    if (out->groups)
        return true; /* tried again */
    if (!out_place_open(out, e))
        return false;
    out->groups = stream_groups_new(&setup, e);
    return out->groups != NULL;
}

/* ---- What will come ---- */

static bool text_is_plain(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

/* Every text that goes into the HEAD, but for the source's. */
static bool base_is_plain(const struct setup_expect *expect)
{
    return (!expect->base || text_is_plain(expect->base)) &&
           (!expect->base_copy ||
            (text_is_plain(expect->base_copy) && text_is_plain(expect->base_etag)));
}

static void out_name_base(struct stream_head *head, const struct setup_expect *expect)
{
    snprintf(head->base, sizeof head->base, "%s", expect->base ? expect->base : "");
    if (!expect->base_copy)
        return;
    snprintf(head->base_copy, sizeof head->base_copy, "%s", expect->base_copy);
    snprintf(head->base_etag, sizeof head->base_etag, "%s", expect->base_etag);
}

static bool out_expect(struct endpoint_stream_out *out, const struct setup_expect *expect,
                       struct err *e)
{
    struct stream_head *head = &out->stream_head;
    uint64_t whole_bytes = expect->disk_bytes + (expect->has_footer ? VHD_FOOTER_BYTES : 0);

    if (!out->groups || expect->source_bytes != whole_bytes)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%s: a stream is of a disk as it is",
                       out->head.name);
    if (expect->disk_bytes > STREAM_DISK_MAX_BYTES)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "%s: a stream is of at most 64 TiB",
                       out->head.name);
    if (!text_is_plain(expect->source) || !base_is_plain(expect))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%s: the name of the disk has control characters; give it another with "
                       "--source-id",
                       out->head.name);
    snprintf(head->source, sizeof head->source, "%s", expect->source);
    out_name_base(head, expect);
    head->source_bytes = expect->source_bytes;
    head->base_bytes = expect->base_bytes;
    head->disk_bytes = expect->disk_bytes;
    head->has_footer = expect->has_footer;
    if (expect->has_footer)
        memcpy(head->footer, expect->footer, sizeof head->footer);
    if (expect->source_etag) {
        out->with_origin = out->part_open && text_is_plain(expect->source_etag);
        snprintf(out->origin.etag, sizeof out->origin.etag, "%s", expect->source_etag);
        out->origin.fixed = expect->source_fixed;
        out->origin.level = out->options.level;
        out->origin.no_dedup = out->options.no_dedup;
    }
    head->made_ms = reactor_wall_ns(out->head.reactor) / NS_PER_MS;
    if (extent_set_copy(&out->data, expect->data) && extent_set_copy(&out->clears, expect->clears))
        return true;
    return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the plan of a stream");
}

/* One record of the plan; false: there is no room now. */
static bool out_put_plan(struct endpoint_stream_out *out, const struct extent_set *set)
{
    struct extent extents[STREAM_PLAN_EXTENTS_MAX];
    uint32_t count = 0;
    uint64_t number;
    void *record = stream_groups_own(out->groups, &number);

    if (!record)
        return false;
    while (count < STREAM_PLAN_EXTENTS_MAX && out->plan_at < set->count)
        extents[count++] = extent_set_at(set, (size_t)out->plan_at++);
    stream_groups_put_own(out->groups,
                          stream_plan_encode(number, set == &out->clears, extents, count, record,
                                             STREAM_GROUPS_OWN_MAX_BYTES));
    return true;
}

static bool out_put_head(struct endpoint_stream_out *out)
{
    uint64_t number;
    void *record = stream_groups_own(out->groups, &number);

    if (!record)
        return false;
    stream_groups_put_own(out->groups, stream_head_encode(number, &out->stream_head, record,
                                                          STREAM_GROUPS_OWN_MAX_BYTES));
    return true;
}

static bool out_put_origin(struct endpoint_stream_out *out)
{
    uint64_t number;
    void *record = stream_groups_own(out->groups, &number);

    if (!record)
        return false;
    stream_groups_put_own(out->groups, stream_origin_encode(number, &out->origin, record,
                                                            STREAM_GROUPS_OWN_MAX_BYTES));
    return true;
}

/* The sets do not change until all of the plan is out: no write comes before that. */
static bool out_announce(struct endpoint_stream_out *out)
{
    const struct extent_set *const sets[OUT_PLAN_SETS] = {&out->data, &out->clears};

    if (!out_held_settle(out))
        return false;
    if (!out->head_out && !(out->head_out = out_put_head(out)))
        return false;
    if (out->with_origin && !out->origin_out && !(out->origin_out = out_put_origin(out)))
        return false;
    for (; out->plan_set < OUT_PLAN_SETS; out->plan_set++, out->plan_at = 0)
        while (out->plan_at < sets[out->plan_set]->count)
            if (!out_put_plan(out, sets[out->plan_set]))
                return false;
    return true;
}

/* ---- The end ---- */

/* What it counts must be packed; false: not yet. */
static bool out_put_end(struct endpoint_stream_out *out)
{
    struct stream_end end;
    uint64_t number;
    void *record;

    stream_groups_close(out->groups);
    if (!stream_groups_written(out->groups))
        return false;
    end = *stream_groups_counts(out->groups);
    record = stream_groups_own(out->groups, &number);
    if (!record)
        return false;
    end.marker = out->marker;
    end.records = number + 1;
    stream_groups_put_own(out->groups,
                          stream_end_encode(number, &end, record, STREAM_GROUPS_OWN_MAX_BYTES));
    return true;
}

static void out_end_setup(struct endpoint_stream_out *out)
{
    struct setup_req *req = out->setup;

    out->setup = NULL;
    req->err = out->err;
    endpoint_setup_end(&out->head, req);
}

static void out_end_flush(struct endpoint_stream_out *out)
{
    struct block_req *req = out->flush;

    out->flush = NULL;
    req->err = out->err;
    endpoint_block_end(&out->head, req);
}

static void out_synced(struct reactor_op *op)
{
    struct endpoint_stream_out *out =
        (struct endpoint_stream_out *)((char *)op - offsetof(struct endpoint_stream_out, sync_op));
    struct err error = {0};

    out->syncing = false;
    out->ending = OUT_SYNCED;
    if (op->result < 0) {
        err_set_errno(&error, (int)-op->result, RETRY_NEVER, "cannot make %s durable",
                      out->bytes.name);
        out_fail(out, &error);
    }
    out_pump(out);
}

/* All that was put is written and synced; false: not yet. */
static bool out_settle(struct endpoint_stream_out *out)
{
    if (out->ending == OUT_SYNCED)
        return true;
    stream_groups_close(out->groups);
    if (!stream_groups_written(out->groups) || out->syncing)
        return false;
    if (!out->bytes.seekable) {
        out->ending = OUT_SYNCED;
        return true;
    }
    out->syncing = true;
    reactor_fsync(out->head.reactor, &out->sync_op, out->bytes.fd, out_synced);
    return false;
}

static bool out_finish(struct endpoint_stream_out *out)
{
    struct err error = {0};

    if (!out->end_out && !(out->end_out = out_put_end(out)))
        return false;
    if (!out_settle(out))
        return false;
    if (!out_place_finish(out, &error))
        out_fail(out, &error);
    return true;
}

void out_pump(struct endpoint_stream_out *out)
{
    bool setup_done = false;

    out->head.wire_written_bytes = stream_groups_bytes(out->groups);
    out_fail(out, stream_groups_error(out->groups));
    out_take_writes(out);
    if (err_is_set(&out->err))
        setup_done = true;
    else if (out->setup)
        setup_done = out->setup->verb == SETUP_EXPECT ? out_announce(out) : out_finish(out);
    if (out->setup && setup_done)
        out_end_setup(out);
    if (out->flush && !out->syncing && (err_is_set(&out->err) || out_settle(out)))
        out_end_flush(out);
}

static void out_pump_task(struct reactor_task *task)
{
    out_pump(
        (struct endpoint_stream_out *)((char *)task - offsetof(struct endpoint_stream_out, task)));
}

static void out_look(struct endpoint_stream_out *out)
{
    if (!out->task.posted)
        reactor_post(out->head.reactor, &out->task, out_pump_task);
}

/* ---- Requests ---- */

static void out_setup(struct endpoint *ep, struct setup_req *req)
{
    struct endpoint_stream_out *out = endpoint_stream_out_of(ep);
    bool waits = false;

    req->err = out->err;
    if (err_is_set(&req->err)) {
        endpoint_later_setup(&out->later, ep, req);
        return;
    }
    if (req->verb == SETUP_CREATE) {
        (void)out_create(out, req, &req->err);
    } else if (req->verb == SETUP_EXPECT) {
        waits = out_expect(out, req->expect, &req->err);
    } else if (req->verb == SETUP_MARK && req->marker->state == MARKER_COMPLETE) {
        out->marker = *req->marker;
        out->ending = OUT_GATHERS;
        waits = true;
    } else if (req->verb != SETUP_MARK) {
        err_set(&req->err, ERR_USAGE, RETRY_NEVER, "%s: a stream cannot do that", ep->name);
    }
    if (!waits) {
        endpoint_later_setup(&out->later, ep, req);
        return;
    }
    assert(!out->setup);
    out->setup = req;
    out_look(out);
}

static void out_flush(struct endpoint *ep, struct block_req *req)
{
    struct endpoint_stream_out *out = endpoint_stream_out_of(ep);

    assert(!out->flush && !out->setup && out->groups);
    out->flush = req;
    out->ending = OUT_GATHERS;
    out_look(out);
}

static void out_list(struct endpoint *ep, struct list_req *req)
{
    err_set(&req->err, ERR_USAGE, RETRY_NEVER, "%s: a stream that is made cannot be read",
            ep->name);
    endpoint_later_list(&endpoint_stream_out_of(ep)->later, ep, req);
}

/* ---- Life ---- */

static void out_give_up(struct endpoint *ep)
{
    struct endpoint_stream_out *out = endpoint_stream_out_of(ep);
    struct err why = {0};

    if (!out->groups || out->marker.state == MARKER_COMPLETE)
        return; /* once the commit is sent there is nothing left to stop */
    err_set(&why, ERR_CANCELED, RETRY_LATER, "stopped on request");
    out_fail(out, &why);
    byte_stream_give_up(&out->bytes);
    if (out->held.held)
        stream_held_stop(out->held.held);
    out_look(out);
}

/* Workers and the kernel have our memory: nothing else can be done meanwhile. */
static void out_wait(struct endpoint_stream_out *out)
{
    struct err ignored = {0};

    byte_stream_give_up(&out->bytes);
    if (out->held.held)
        stream_held_stop(out->held.held);
    while (stream_groups_busy(out->groups) || out->bytes.busy || out->task.posted || out->syncing ||
           out->held.busy)
        if (!reactor_turn(out->head.reactor, UINT64_MAX, &ignored))
            return;
}

static void out_close(struct endpoint *ep)
{
    struct endpoint_stream_out *out = endpoint_stream_out_of(ep);

    if (out->groups)
        out_wait(out);
    out_held_fini(out);
    stream_groups_free(out->groups);
    stream_seen_free(out->seen);
    byte_stream_close(&out->bytes);
    extent_set_fini(&out->data);
    extent_set_fini(&out->clears);
    out_blocks_fini(out);
    endpoint_later_fini(&out->later);
    free(ep->identity);
    free(out);
}

static const struct endpoint_ops stream_out_ops = {
    .name = "stream",
    .stat = out_stat,
    .setup = out_setup,
    .list = out_list,
    .read = out_read,
    .write = out_write,
    .zero = out_zero,
    .flush = out_flush,
    .give_up = out_give_up,
    .close = out_close,
};

static bool out_name(struct endpoint_stream_out *out, struct err *e)
{
    const char *path = out->options.path;

    snprintf(out->head.name, sizeof out->head.name, "%s", path ? path : "the output");
    if (path && (snprintf(out->path, sizeof out->path, "%s", path) >= (int)sizeof out->path ||
                 snprintf(out->part_path, sizeof out->part_path, "%s" STREAM_PART_SUFFIX, path) >=
                     (int)sizeof out->part_path))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "the path of the stream is too long");
    if (asprintf(&out->head.identity, "stream:%s", out->head.name) < 0) {
        out->head.identity = NULL;
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for an endpoint");
    }
    return true;
}

struct endpoint *endpoint_stream_out_new(struct reactor *r, struct workers *workers,
                                         const struct endpoint_stream_out_options *options,
                                         struct err *e)
{
    struct endpoint_stream_out *out = calloc(1, sizeof *out);

    if (!out) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for an endpoint");
        return NULL;
    }
    out->head.ops = &stream_out_ops;
    out->head.reactor = r;
    out->head.align_bytes = ENDPOINT_PAGE_BYTES;
    out->head.request_max_bytes = BUF_BYTES;
    out->head.clear_max_bytes = UINT64_MAX;
    out->head.capabilities =
        ENDPOINT_CAN_CREATE | ENDPOINT_CAN_MARK | ENDPOINT_WANTS_PLAN | ENDPOINT_DISCARDS;
    out->workers = workers;
    out->options = *options;
    if (!out_name(out, e) || (!options->no_dedup && !(out->seen = stream_seen_new(e)))) {
        free(out->head.identity);
        free(out);
        return NULL;
    }
    return &out->head;
}

uint64_t endpoint_stream_out_bytes(const struct endpoint *ep)
{
    const struct endpoint_stream_out *out = (const struct endpoint_stream_out *)ep;

    assert(ep->ops == &stream_out_ops);
    return (out->held.held ? stream_held_found(out->held.held)->file_bytes : 0) +
           ep->wire_written_bytes;
}

const struct stream_end *endpoint_stream_out_counts(const struct endpoint *ep)
{
    static const struct stream_end none;
    const struct endpoint_stream_out *out = (const struct endpoint_stream_out *)ep;

    assert(ep->ops == &stream_out_ops);
    return out->groups ? stream_groups_counts(out->groups) : &none;
}
