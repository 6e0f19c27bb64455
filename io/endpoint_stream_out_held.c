/* endpoint_stream_out_held.c - PATH.part of an export that was interrupted: what of it is this stream's is
 * gone on with, and read from there. The scan and each read are a worker's; one at a time.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/endpoint_stream_out_parts.h"

/* ---- The scan ---- */

static void held_scan(struct work *work, unsigned worker)
{
    struct out_held *held = (struct out_held *)((char *)work - offsetof(struct out_held, work));

    (void)worker;
    (void)stream_held_scan(held->held, &held->err);
}

static void held_scanned(struct work *work)
{
    struct out_held *held = (struct out_held *)((char *)work - offsetof(struct out_held, work));

    held->busy = false;
    out_pump(held->out);
}

static bool held_begin(struct endpoint_stream_out *out)
{
    struct stream_held_wanted wanted = {.fd = out->bytes.fd,
                                        .head = &out->stream_head,
                                        .origin = &out->origin,
                                        .data = &out->data,
                                        .clears = &out->clears};
    struct err error = {0};

    out->held.out = out;
    out->held.held = stream_held_new(&wanted, &error);
    if (!out->held.held) {
        out_fail(out, &error);
        return false;
    }
    out->held.work = (struct work){.run = held_scan, .done = held_scanned};
    out->held.busy = true;
    workers_submit(out->workers, &out->held.work);
    return false;
}

/* What counts stays, what is behind it goes; nothing was put yet. */
static void held_adopt(struct endpoint_stream_out *out, struct setup_held *told)
{
    const struct stream_held_found *found = stream_held_found(out->held.held);
    struct err error = {0};

    if (ftruncate(out->bytes.fd, (off_t)found->file_bytes) != 0) {
        err_set_errno(&error, errno, RETRY_NEVER, "cannot write %.200s", out->part_path);
        out_fail(out, &error);
        return;
    }
    byte_stream_rewind(&out->bytes, found->file_bytes);
    snprintf(told->why_not, sizeof told->why_not, "%s", found->why_not);
    if (!found->below_bytes)
        return;
    out->stream_head = found->head;
    out->head_out = out->origin_out = true;
    out->plan_set = OUT_PLAN_SETS;
    out->held.below_bytes = found->below_bytes;
    stream_groups_resume(out->groups, &found->counts);
    told->below_bytes = found->below_bytes;
    told->bytes = found->counts.data_bytes + found->counts.zero_bytes + found->counts.copy_bytes;
    memcpy(told->copy_uuid, found->head.uuid, sizeof told->copy_uuid);
}

bool out_held_settle(struct endpoint_stream_out *out)
{
    struct stat st;

    if (out->held.settled || !out->part_open)
        return true;
    if (out->held.busy)
        return false;
    if (!out->held.held && out->setup->expect->held && fstat(out->bytes.fd, &st) == 0 &&
        st.st_size > 0)
        return held_begin(out);
    out->held.settled = true;
    out_fail(out, &out->held.err);
    if (out->held.held) {
        held_adopt(out, out->setup->expect->held);
    } else if (ftruncate(out->bytes.fd, 0) != 0) {
        struct err error = {0};

        err_set_errno(&error, errno, RETRY_NEVER, "cannot write %.200s", out->part_path);
        out_fail(out, &error);
    }
    return true;
}

/* ---- Reads ---- */

static void held_read_next(struct endpoint_stream_out *out);

static void held_read(struct work *work, unsigned worker)
{
    struct out_held *held = (struct out_held *)((char *)work - offsetof(struct out_held, work));
    struct block_req *req = held->reads->req;
    struct extent range = {req->offset, req->length};

    (void)worker;
    (void)stream_held_read(held->held, range, req->buf->memory + req->buf_offset, &req->err);
}

static void held_read_done(struct work *work)
{
    struct out_held *held = (struct out_held *)((char *)work - offsetof(struct out_held, work));
    struct endpoint_stream_out *out = held->out;
    struct out_read *read = held->reads;
    struct block_req *req = read->req;

    held->busy = false;
    held->reads = read->next;
    free(read);
    held_read_next(out);
    endpoint_block_end(&out->head, req);
}

static void held_read_next(struct endpoint_stream_out *out)
{
    if (out->held.busy || !out->held.reads)
        return;
    out->held.work = (struct work){.run = held_read, .done = held_read_done};
    out->held.busy = true;
    workers_submit(out->workers, &out->held.work);
}

void out_read(struct endpoint *ep, struct block_req *req)
{
    struct endpoint_stream_out *out = endpoint_stream_out_of(ep);
    struct out_read **at = &out->held.reads;
    struct out_read *read = NULL;

    if (req->offset + req->length > out->held.below_bytes)
        err_set(&req->err, ERR_USAGE, RETRY_NEVER, "%s: a stream that is made cannot be read",
                ep->name);
    else if (!(read = malloc(sizeof *read)))
        err_set(&req->err, ERR_LIMIT, RETRY_LATER, "no memory to read a stream");
    if (!read) {
        endpoint_later_block(&out->later, ep, req);
        return;
    }
    *read = (struct out_read){.req = req};
    while (*at)
        at = &(*at)->next;
    *at = read;
    held_read_next(out);
}

void out_held_fini(struct endpoint_stream_out *out)
{
    assert(!out->held.busy && !out->held.reads);
    stream_held_free(out->held.held);
}
