/* stream_origin.c - see stream_origin.h and stream_format.md. */
#include "blockmap/stream_origin.h"

#include <assert.h>
#include <string.h>

#include "blockmap/bytes.h"
#include "blockmap/stream_frame.h"

uint32_t stream_origin_encode(uint64_t number, const struct stream_origin *origin, void *out,
                              uint32_t out_max)
{
    struct bytes_writer w = {.bytes = (unsigned char *)out + STREAM_FRAME_BYTES,
                             .size = STREAM_TEXTS_MAX_BYTES};

    assert(strnlen(origin->etag, sizeof origin->etag) < sizeof origin->etag);
    if (out_max < STREAM_FRAME_BYTES + STREAM_TEXTS_MAX_BYTES)
        return 0;
    bytes_put_text(&w, origin->etag);
    bytes_put_u8(&w, origin->fixed);
    bytes_put_u32(&w, (uint32_t)origin->level);
    bytes_put_u8(&w, origin->no_dedup);
    return stream_frame_seal(out, STREAM_ORIGIN, number, (uint32_t)w.used);
}

bool stream_origin_decode(const void *payload, uint32_t payload_bytes, struct stream_origin *out)
{
    struct bytes_cursor c = {.at = payload, .left = payload_bytes};

    memset(out, 0, sizeof *out);
    bytes_take_text(&c, out->etag, sizeof out->etag);
    out->fixed = bytes_take_u8(&c) == 1;
    out->level = (int)bytes_take_u32(&c);
    out->no_dedup = bytes_take_u8(&c) == 1;
    return !c.ran_out && c.left == 0;
}

bool stream_origin_same_source(const struct stream_origin *then, const struct stream_origin *now)
{
    if (then->etag[0] || now->etag[0])
        return strcmp(then->etag, now->etag) == 0;
    return then->fixed && now->fixed;
}
