/* endpoint_stream_in_reads.c - reads are answered in order of offset, from the records that are held. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_stream_in_parts.h"

void in_read(struct endpoint *ep, struct block_req *req)
{
    struct endpoint_stream_in *in = endpoint_stream_in_of(ep);
    struct in_read **at = &in->reads;
    struct in_read *read = in->free_reads;

    ep->requests_count++;
    if (read)
        in->free_reads = read->next;
    else
        read = malloc(sizeof *read);
    if (!read) {
        err_set(&req->err, ERR_LIMIT, RETRY_LATER, "no memory to read a stream");
        endpoint_later_block(&in->later, ep, req);
        return;
    }
    while (*at && (*at)->req->offset <= req->offset)
        at = &(*at)->next;
    *read = (struct in_read){.next = *at, .req = req};
    *at = read;
    in_look(in);
}

uint64_t in_wanted(const struct endpoint_stream_in *in)
{
    return in->reads ? in->reads->req->offset + in->reads->filled : UINT64_MAX;
}

static void in_end_read(struct endpoint_stream_in *in, struct in_read *read)
{
    struct in_read **at = &in->reads;
    struct block_req *req = read->req;

    while (*at != read)
        at = &(*at)->next;
    *at = read->next;
    read->next = in->free_reads;
    in->free_reads = read;
    endpoint_block_end(&in->head, req);
}

void in_fail_reads(struct endpoint_stream_in *in)
{
    while (in->reads) {
        in->reads->req->err = in->err;
        in_end_read(in, in->reads);
    }
}

/* What is handed out is in doubt until it is known to be written. */
static void in_finish_read(struct endpoint_stream_in *in, struct in_read *read)
{
    struct extent extent = {read->req->offset, read->req->length};
    struct err why = {0};

    if (in->target && !extent_set_add(&in->handed, extent)) {
        err_set(&why, ERR_LIMIT, RETRY_NEVER, "no memory for what is written");
        in_fail(in, &why);
        return;
    }
    in_end_read(in, read);
}

/* ---- One piece of the first read ---- */

enum served { SERVED, SERVE_WAITS, SERVE_WANTS_RECORD };

static enum served in_serve_data(struct endpoint_stream_in *in, struct held *held,
                                 const unsigned char **out_bytes, const struct held_place *place)
{
    if (!held->decoded) {
        stream_held_decode(held);
        if (!held->decoded)
            return SERVE_WAITS;
    }
    if (err_is_set(&held->err)) {
        in_fail(in, &held->err);
        return SERVE_WAITS;
    }
    *out_bytes = held->raw + place->where;
    return SERVED;
}

static enum served in_serve_copy(struct endpoint_stream_in *in, struct held *held,
                                 const unsigned char **out_bytes, const struct held_place *place)
{
    if (in_fetch(in, held, place, in->reads) != IN_FETCH_HAS)
        return SERVE_WAITS; /* or it failed: then in->err says it */
    *out_bytes = in->fetch.buf.memory;
    return SERVED;
}

static enum served in_serve_piece(struct endpoint_stream_in *in, struct in_read *read)
{
    uint64_t at = read->req->offset + read->filled, left = read->req->length - read->filled, behind;
    unsigned char *out = read->req->buf->memory + read->req->buf_offset + read->filled;
    const unsigned char *bytes = NULL;
    const struct held_place *place = NULL;
    struct held *held = stream_hold_find(&in->hold, at, 0, &place);
    enum served served = SERVED;

    if (!held)
        return SERVE_WANTS_RECORD;
    behind = place->offset + place->length - at;
    if (behind < left)
        left = behind;
    if (held->record.kind == STREAM_DATA)
        served = in_serve_data(in, held, &bytes, place);
    else if (held->record.kind == STREAM_COPY)
        served = in_serve_copy(in, held, &bytes, place);
    if (served != SERVED)
        return served;
    if (bytes)
        memcpy(out, bytes + (at - place->offset), (size_t)left);
    else
        memset(out, 0, (size_t)left);
    read->filled += left;
    return SERVED;
}

bool in_serve(struct endpoint_stream_in *in)
{
    while (in->reads && !err_is_set(&in->err)) {
        struct in_read *read = in->reads;
        enum served served = SERVED;

        while (read->filled < read->req->length && served == SERVED)
            served = in_serve_piece(in, read);
        if (served != SERVED)
            return served == SERVE_WANTS_RECORD;
        in_finish_read(in, read);
    }
    return false;
}

void in_reads_fini(struct endpoint_stream_in *in)
{
    assert(!in->reads);
    while (in->free_reads) {
        struct in_read *read = in->free_reads;

        in->free_reads = read->next;
        free(read);
    }
}
