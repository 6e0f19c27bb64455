/* stream_write.c - see stream_write.h and stream_format.md. */
#include "blockmap/stream_write.h"

#include <assert.h>
#include <string.h>

#include "blockmap/bytes.h"
#include "blockmap/stream_frame.h"

/* Where the payload begins, of an out with room for the largest of its kind; NULL: there is none. */
static unsigned char *payload_of(void *out, uint32_t out_max, uint32_t payload_max)
{
    if (out_max < STREAM_FRAME_BYTES || out_max - STREAM_FRAME_BYTES < payload_max)
        return NULL;
    return (unsigned char *)out + STREAM_FRAME_BYTES;
}

/* One longer than its field is a programmer's error; the readers of the fields see to it. */
static void put_text(struct bytes_writer *w, const char *text, size_t room)
{
    assert(strnlen(text, room) < room);
    bytes_put_text(w, text);
}

uint32_t stream_head_encode(uint64_t number, const struct stream_head *head, void *out,
                            uint32_t out_max)
{
    struct bytes_writer w = {.bytes = payload_of(out, out_max, STREAM_TEXTS_MAX_BYTES),
                             .size = STREAM_TEXTS_MAX_BYTES};

    if (!w.bytes)
        return 0;
    put_text(&w, head->uuid, sizeof head->uuid);
    put_text(&w, head->source, sizeof head->source);
    put_text(&w, head->base, sizeof head->base);
    put_text(&w, head->base_copy, sizeof head->base_copy);
    put_text(&w, head->base_etag, sizeof head->base_etag);
    bytes_put_u64(&w, head->source_bytes);
    bytes_put_u64(&w, head->base_bytes);
    bytes_put_u64(&w, head->disk_bytes);
    bytes_put_u64(&w, head->made_ms);
    bytes_put_u8(&w, head->has_footer);
    if (head->has_footer)
        bytes_put(&w, head->footer, sizeof head->footer);
    return stream_frame_seal(out, STREAM_HEAD, number, (uint32_t)w.used);
}

uint32_t stream_plan_encode(uint64_t number, bool clears, const struct extent *extents,
                            uint32_t count, void *out, uint32_t out_max)
{
    unsigned char *payload = payload_of(out, out_max, 8 + count * STREAM_EXTENT_BYTES);
    struct bytes_writer w = {.bytes = payload, .size = 8};
    struct stream_list list;

    assert(count > 0 && count <= STREAM_PLAN_EXTENTS_MAX);
    if (!payload)
        return 0;
    bytes_put_u32(&w, clears);
    bytes_put_u32(&w, count);
    list = (struct stream_list){.out = payload + w.used};
    for (uint32_t i = 0; i < count; i++)
        stream_put_place(&list, extents[i].offset, extents[i].length);
    return stream_frame_seal(out, STREAM_PLAN, number, (uint32_t)(list.out - payload));
}

uint32_t stream_zero_encode(uint64_t number, const struct stream_piece *pieces, uint32_t count,
                            void *out, uint32_t out_max)
{
    unsigned char *payload = payload_of(out, out_max, 4 + count * STREAM_EXTENT_BYTES);
    struct bytes_writer w = {.bytes = payload, .size = 4};
    struct stream_list list;

    assert(count > 0 && count <= STREAM_PIECES_MAX);
    if (!payload)
        return 0;
    bytes_put_u32(&w, count);
    list = (struct stream_list){.out = payload + w.used};
    for (uint32_t i = 0; i < count; i++)
        stream_put_place(&list, pieces[i].offset, pieces[i].length);
    return stream_frame_seal(out, STREAM_ZERO, number, (uint32_t)(list.out - payload));
}

uint32_t stream_copy_encode(uint64_t number, const struct stream_copy_piece *pieces, uint32_t count,
                            void *out, uint32_t out_max)
{
    uint32_t piece_max = STREAM_EXTENT_BYTES + STREAM_VARINT_BYTES + BLOCK_ID_BYTES;
    unsigned char *payload = payload_of(out, out_max, 4 + count * piece_max);
    struct bytes_writer w = {.bytes = payload, .size = 4};
    struct stream_list list;

    assert(count > 0 && count <= STREAM_PIECES_MAX);
    if (!payload)
        return 0;
    bytes_put_u32(&w, count);
    list = (struct stream_list){.out = payload + w.used};
    for (uint32_t i = 0; i < count; i++) {
        bool index = pieces[i].from == STREAM_FROM_INDEX;

        assert(index || pieces[i].from % STREAM_PAGE_BYTES == 0);
        stream_put_place(&list, pieces[i].offset, pieces[i].length);
        stream_put_number(&list, index ? 0 : pieces[i].from / STREAM_PAGE_BYTES + 1);
        memcpy(list.out, pieces[i].id.bytes, BLOCK_ID_BYTES);
        list.out += BLOCK_ID_BYTES;
    }
    return stream_frame_seal(out, STREAM_COPY, number, (uint32_t)(list.out - payload));
}

uint32_t stream_end_encode(uint64_t number, const struct stream_end *end, void *out,
                           uint32_t out_max)
{
    struct bytes_writer w = {.bytes = payload_of(out, out_max, STREAM_TEXTS_MAX_BYTES),
                             .size = STREAM_TEXTS_MAX_BYTES};
    const struct marker *marker = &end->marker;

    if (!w.bytes)
        return 0;
    bytes_put_u64(&w, end->records);
    bytes_put_u64(&w, end->data_bytes);
    bytes_put_u64(&w, end->stored_bytes);
    bytes_put_u64(&w, end->zero_bytes);
    bytes_put_u64(&w, end->copy_bytes);
    bytes_put_u8(&w, (uint8_t)marker->state);
    bytes_put_u8(&w, (uint8_t)marker->footer);
    bytes_put_u64(&w, marker->size_bytes);
    put_text(&w, marker->copy_uuid, sizeof marker->copy_uuid);
    put_text(&w, marker->source, sizeof marker->source);
    put_text(&w, marker->root, sizeof marker->root);
    put_text(&w, marker->base_root, sizeof marker->base_root);
    put_text(&w, marker->delta, sizeof marker->delta);
    return stream_frame_seal(out, STREAM_END, number, (uint32_t)w.used);
}
