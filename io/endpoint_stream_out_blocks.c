/* endpoint_stream_out_blocks.c - writes become places of records: hashed as they come, taken in order.
 */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/zero.h"
#include "io/endpoint_stream_out_parts.h"

/* ---- On a worker ---- */

static void part_judge(struct out_part *part, const unsigned char *bytes, bool whole)
{
    if (zero_is(bytes, part->length)) {
        part->kind = OUT_ZERO;
    } else if (whole) {
        part->kind = OUT_BLOCK;
        part->id = block_id_of(bytes, part->length);
    } else {
        part->kind = OUT_PIECE;
    }
}

/* Cut where the disk's blocks end. */
static void write_hash(struct work *work, unsigned worker)
{
    struct out_write *w = (struct out_write *)((char *)work - offsetof(struct out_write, work));
    const struct block_req *req = w->req;
    const unsigned char *bytes = req->buf->memory + req->buf_offset;

    (void)worker;
    for (uint64_t at = 0; at < req->length;) {
        uint64_t to_next = STREAM_BLOCK_BYTES - (req->offset + at) % STREAM_BLOCK_BYTES;
        struct out_part *part = &w->parts[w->part_count++];

        part->at = (uint32_t)at;
        part->length = (uint32_t)(to_next < req->length - at ? to_next : req->length - at);
        part_judge(part, bytes + at, part->length == STREAM_BLOCK_BYTES);
        at += part->length;
    }
}

/* ---- Taking, in turn ---- */

/* An earlier process put it into the stream, whole or up to there: it is only remembered. */
static bool part_put_behind(struct endpoint_stream_out *out, const struct out_part *part,
                            uint64_t offset, const unsigned char *bytes)
{
    uint64_t there = out->held.below_bytes - offset, known_at;

    if (there < part->length && part->kind == OUT_ZERO)
        return stream_groups_zero(out->groups, offset + there, part->length - there);
    if (there < part->length)
        return stream_groups_data(out->groups, offset + there, bytes + there,
                                  part->length - (uint32_t)there);
    if (part->kind == OUT_BLOCK && out->seen && !stream_seen_find(out->seen, &part->id, &known_at))
        stream_seen_note(out->seen, &part->id, offset);
    return true;
}

static bool part_put(struct endpoint_stream_out *out, const struct out_write *w,
                     const struct out_part *part)
{
    uint64_t offset = w->req->offset + part->at;
    const unsigned char *bytes = w->req->buf->memory + w->req->buf_offset + part->at;
    struct stream_copy_piece copy = {.offset = offset, .length = part->length, .id = part->id};

    if (offset < out->held.below_bytes)
        return part_put_behind(out, part, offset, bytes);
    if (part->kind == OUT_ZERO)
        return stream_groups_zero(out->groups, offset, part->length);
    if (part->kind == OUT_BLOCK && out->seen && stream_seen_find(out->seen, &part->id, &copy.from))
        return stream_groups_copy(out->groups, &copy);
    if (!stream_groups_data(out->groups, offset, bytes, part->length))
        return false;
    if (part->kind == OUT_BLOCK && out->seen)
        stream_seen_note(out->seen, &part->id, offset);
    return true;
}

/* False: its turn has not come, or there is no room. */
static bool write_take(struct endpoint_stream_out *out, struct out_write *w)
{
    struct extent taken;

    if (extent_set_at(&out->data, 0).offset != w->req->offset)
        return false;
    while (w->part_next < w->part_count) {
        if (!part_put(out, w, &w->parts[w->part_next]))
            return false;
        w->part_next++;
    }
    (void)extent_set_take_front(&out->data, w->req->length, 0, &taken);
    assert(taken.length == w->req->length);
    return true;
}

static void write_end(struct endpoint_stream_out *out, struct out_write *w)
{
    struct block_req *req = w->req;

    out->waiting = w->next;
    w->next = out->free_writes;
    out->free_writes = w;
    endpoint_block_end(&out->head, req);
}

/* After a failure everything that was hashed ends: nothing will come to its turn. */
static bool end_failed(struct endpoint_stream_out *out)
{
    for (struct out_write **at = &out->waiting; *at; at = &(*at)->next) {
        struct out_write *w = *at;
        struct block_req *req = w->req;

        if (!w->hashed)
            continue;
        *at = w->next;
        w->next = out->free_writes;
        out->free_writes = w;
        req->err = out->err;
        endpoint_block_end(&out->head, req);
        return true; /* the list may be another one now */
    }
    return false;
}

void out_take_writes(struct endpoint_stream_out *out)
{
    while (!err_is_set(&out->err) && out->waiting && out->waiting->hashed &&
           write_take(out, out->waiting))
        write_end(out, out->waiting);
    while (err_is_set(&out->err) && end_failed(out))
        ;
}

static void write_hashed(struct work *work)
{
    struct out_write *w = (struct out_write *)((char *)work - offsetof(struct out_write, work));

    w->hashed = true;
    out_pump(w->out);
}

/* ---- Requests ---- */

static struct out_write *write_new(struct endpoint_stream_out *out)
{
    struct out_write *w = out->free_writes;

    if (w)
        out->free_writes = w->next;
    else
        w = malloc(sizeof *w);
    if (!w)
        return NULL;
    w->out = out;
    w->hashed = false;
    w->part_count = w->part_next = 0;
    w->work = (struct work){.run = write_hash, .done = write_hashed};
    return w;
}

static void write_wait(struct endpoint_stream_out *out, struct out_write *w)
{
    struct out_write **at = &out->waiting;

    while (*at && (*at)->req->offset < w->req->offset)
        at = &(*at)->next;
    w->next = *at;
    *at = w;
    workers_submit(out->workers, &w->work);
}

/* The footer went out with the HEAD: here it is only held against that. */
static void write_footer(struct endpoint_stream_out *out, struct block_req *req)
{
    const struct stream_head *head = &out->stream_head;

    if (req->length != VHD_FOOTER_BYTES || !head->has_footer ||
        memcmp(req->buf->memory + req->buf_offset, head->footer, VHD_FOOTER_BYTES) != 0)
        err_set(&req->err, ERR_USAGE, RETRY_NEVER,
                "%s: the footer is another one than the stream began with", out->head.name);
    endpoint_later_block(&out->later, &out->head, req);
}

void out_write(struct endpoint *ep, struct block_req *req)
{
    struct endpoint_stream_out *out = endpoint_stream_out_of(ep);
    struct extent range = {req->offset, req->length};
    struct out_write *w;

    ep->requests_count++;
    if (err_is_set(&out->err)) {
        req->err = out->err;
        endpoint_later_block(&out->later, ep, req);
        return;
    }
    if (req->offset >= out->stream_head.disk_bytes) {
        write_footer(out, req);
        return;
    }
    if (!extent_set_covers(&out->data, range)) {
        err_set(&req->err, ERR_USAGE, RETRY_NEVER,
                "%s: this range is no part of the plan, or came already", ep->name);
        endpoint_later_block(&out->later, ep, req);
        return;
    }
    w = write_new(out);
    if (!w) {
        err_set(&req->err, ERR_LIMIT, RETRY_LATER, "no memory to make a stream");
        endpoint_later_block(&out->later, ep, req);
        return;
    }
    w->req = req;
    write_wait(out, w);
}

/* What became zero stands in the plan; nothing else is to be said of it. */
void out_zero(struct endpoint *ep, struct block_req *req)
{
    struct endpoint_stream_out *out = endpoint_stream_out_of(ep);
    struct extent range = {req->offset, req->length};

    if (err_is_set(&out->err))
        req->err = out->err;
    else if (range.offset < out->stream_head.disk_bytes && !extent_set_covers(&out->clears, range))
        err_set(&req->err, ERR_USAGE, RETRY_NEVER, "%s: this clear is no part of the plan",
                ep->name);
    endpoint_later_block(&out->later, ep, req);
}

void out_blocks_fini(struct endpoint_stream_out *out)
{
    assert(!out->waiting);
    while (out->free_writes) {
        struct out_write *w = out->free_writes;

        out->free_writes = w->next;
        free(w);
    }
}
