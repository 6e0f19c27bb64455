/* stream_decode.c - what a record says, as values; see stream_read.h. Of sound records, but it bounds itself
 * whatever they are: HEAD and END are decoded before they are judged. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "blockmap/bytes.h"
#include "blockmap/stream_check.h"
#include "blockmap/stream_frame.h"

static bool refuse(const struct stream_record *record, struct err *e, const char *why)
{
    return err_set(e, ERR_CORRUPT, RETRY_NEVER, "record %llu (%s) at byte %llu %s",
                   (unsigned long long)record->number, stream_kind_name(record->kind),
                   (unsigned long long)record->at_bytes, why);
}

uint32_t stream_record_u32(const struct stream_record *record, uint32_t at_bytes)
{
    struct bytes_cursor c = {.at = record->payload, .left = record->payload_bytes};

    (void)bytes_take(&c, at_bytes);
    return bytes_take_u32(&c);
}

struct stream_list stream_record_list(const struct stream_record *record, uint32_t at_bytes)
{
    struct stream_list list = {.bad = at_bytes > record->payload_bytes};

    list.at = record->payload + (list.bad ? record->payload_bytes : at_bytes);
    list.end = record->payload + record->payload_bytes;
    return list;
}

bool stream_get_copy(struct stream_list *list, uint64_t disk_bytes, struct stream_copy_piece *out)
{
    struct stream_piece place;
    uint64_t from;

    if (!stream_get_place(list, disk_bytes, &place))
        return false;
    from = stream_get_number(list);
    if (list->bad || place.length > UINT32_MAX || from > disk_bytes / STREAM_PAGE_BYTES ||
        (size_t)(list->end - list->at) < BLOCK_ID_BYTES) {
        list->bad = true;
        return false;
    }
    out->offset = place.offset;
    out->length = (uint32_t)place.length;
    out->from = from ? (from - 1) * STREAM_PAGE_BYTES : STREAM_FROM_INDEX;
    memcpy(out->id.bytes, list->at, BLOCK_ID_BYTES);
    list->at += BLOCK_ID_BYTES;
    return true;
}

/* ---- HEAD, END ---- */

static bool whole_pages(uint64_t bytes)
{
    return bytes % STREAM_PAGE_BYTES == 0 && bytes <= STREAM_DISK_MAX_BYTES + VHD_FOOTER_BYTES;
}

static bool head_is_sound(const struct stream_head *head, unsigned has_footer)
{
    return head->uuid[0] && head->source[0] && has_footer <= 1 && head->disk_bytes > 0 &&
           head->disk_bytes <= STREAM_DISK_MAX_BYTES && whole_pages(head->disk_bytes) &&
           head->source_bytes == head->disk_bytes + (has_footer ? VHD_FOOTER_BYTES : 0) &&
           whole_pages(head->base_bytes) && (head->base[0] != '\0') == (head->base_bytes > 0) &&
           (head->base_copy[0] != '\0') == (head->base_etag[0] != '\0') &&
           (head->base[0] || !head->base_copy[0]);
}

bool stream_head_decode(const struct stream_record *record, struct stream_head *out, struct err *e)
{
    struct bytes_cursor c = {.at = record->payload, .left = record->payload_bytes};
    struct stream_head head = {0};
    const unsigned char *footer;
    unsigned has_footer;

    bytes_take_text(&c, head.uuid, sizeof head.uuid);
    bytes_take_text(&c, head.source, sizeof head.source);
    bytes_take_text(&c, head.base, sizeof head.base);
    bytes_take_text(&c, head.base_copy, sizeof head.base_copy);
    bytes_take_text(&c, head.base_etag, sizeof head.base_etag);
    head.source_bytes = bytes_take_u64(&c);
    head.base_bytes = bytes_take_u64(&c);
    head.disk_bytes = bytes_take_u64(&c);
    head.made_ms = bytes_take_u64(&c);
    has_footer = bytes_take_u8(&c);
    head.has_footer = has_footer == 1;
    footer = head.has_footer ? bytes_take(&c, sizeof head.footer) : NULL;
    if (c.ran_out || c.left > 0 || !head_is_sound(&head, has_footer))
        return refuse(record, e, "says what no HEAD says");
    if (footer)
        memcpy(head.footer, footer, sizeof head.footer);
    *out = head;
    return true;
}

bool stream_end_decode(const struct stream_record *record, struct stream_end *out, struct err *e)
{
    struct bytes_cursor c = {.at = record->payload, .left = record->payload_bytes};
    struct stream_end end = {0};
    struct marker *marker = &end.marker;

    end.records = bytes_take_u64(&c);
    end.data_bytes = bytes_take_u64(&c);
    end.stored_bytes = bytes_take_u64(&c);
    end.zero_bytes = bytes_take_u64(&c);
    end.copy_bytes = bytes_take_u64(&c);
    marker->state = (enum marker_state)bytes_take_u8(&c);
    marker->footer = (enum marker_footer)bytes_take_u8(&c);
    marker->size_bytes = bytes_take_u64(&c);
    bytes_take_text(&c, marker->copy_uuid, sizeof marker->copy_uuid);
    bytes_take_text(&c, marker->source, sizeof marker->source);
    bytes_take_text(&c, marker->root, sizeof marker->root);
    bytes_take_text(&c, marker->base_root, sizeof marker->base_root);
    bytes_take_text(&c, marker->delta, sizeof marker->delta);
    if (c.ran_out || c.left > 0 || marker->state != MARKER_COMPLETE ||
        (unsigned)marker->footer > MARKER_FOOTER_VHD || !marker->source[0] ||
        (!marker->root[0] && !marker->delta[0]))
        return refuse(record, e, "says what no END says");
    *out = end;
    return true;
}

/* ---- Lists ---- */

bool stream_plan_decode(const struct stream_record *record, bool *out_clears,
                        struct extent_set *set, struct err *e)
{
    struct stream_list list = stream_record_list(record, 8);
    uint32_t count = stream_record_u32(record, 4);
    struct stream_piece piece;

    *out_clears = stream_record_u32(record, 0) == 1;
    for (uint32_t i = 0; i < count && stream_get_place(&list, STREAM_DISK_MAX_BYTES, &piece); i++) {
        struct extent extent = {piece.offset, piece.length};

        if (!extent_set_add(set, extent))
            return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the plan of a stream");
    }
    return true;
}

uint32_t stream_zero_decode(const struct stream_record *record, struct stream_piece *out_pieces)
{
    struct stream_list list = stream_record_list(record, 4);
    uint32_t count = stream_record_u32(record, 0), taken = 0;

    while (taken < count && taken < STREAM_PIECES_MAX &&
           stream_get_place(&list, STREAM_DISK_MAX_BYTES, &out_pieces[taken]))
        taken++;
    return taken;
}

uint32_t stream_copy_decode(const struct stream_record *record,
                            struct stream_copy_piece *out_pieces)
{
    struct stream_list list = stream_record_list(record, 4);
    uint32_t count = stream_record_u32(record, 0), taken = 0;

    while (taken < count && taken < STREAM_PIECES_MAX &&
           stream_get_copy(&list, STREAM_DISK_MAX_BYTES, &out_pieces[taken]))
        taken++;
    return taken;
}

/* ---- DATA ---- */

uint32_t stream_data_pieces(const struct stream_record *record, struct stream_piece *out_pieces,
                            uint32_t *out_raw_bytes)
{
    struct stream_data_head head = {0};
    struct stream_list list;
    uint32_t taken = 0;

    if (!stream_data_head_decode(record->payload, record->payload_bytes, &head))
        return 0;
    list = stream_record_list(record, STREAM_DATA_HEAD_BYTES);
    while (taken < head.count && stream_get_place(&list, STREAM_DISK_MAX_BYTES, &out_pieces[taken]))
        taken++;
    *out_raw_bytes = head.raw_bytes;
    return taken;
}

/* One frame that says its size, needs no dictionary, and nothing behind it. What it says is held against
 * what the record says before a byte is made; the memory is no larger than that either. */
static bool data_inflate(const struct stream_record *record, const unsigned char *bytes,
                         size_t count, void *memory, uint32_t raw_bytes, struct err *e)
{
    size_t made;

    if (ZSTD_getFrameContentSize(bytes, count) != raw_bytes)
        return refuse(record, e, "would decompress to another length than it says");
    if (ZSTD_findFrameCompressedSize(bytes, count) != count ||
        ZSTD_getDictID_fromFrame(bytes, count) != 0)
        return refuse(record, e, "is not one whole zstd frame");
    made = ZSTD_decompress(memory, raw_bytes, bytes, count);
    if (ZSTD_isError(made) || made != raw_bytes)
        return refuse(record, e, "cannot be decompressed");
    return true;
}

bool stream_data_decode(const struct stream_record *record, void *memory, uint32_t raw_bytes,
                        struct err *e)
{
    struct stream_data_head head = {0};
    const unsigned char *bytes;
    struct block_hash hash;
    size_t count;

    if (!stream_data_head_decode(record->payload, record->payload_bytes, &head) ||
        head.raw_bytes != raw_bytes)
        return refuse(record, e, "says what no DATA says");
    bytes = record->payload + STREAM_DATA_HEAD_BYTES + head.list_bytes;
    count = record->payload_bytes - STREAM_DATA_HEAD_BYTES - head.list_bytes;
    if (head.codec == STREAM_CODEC_RAW)
        memcpy(memory, bytes, raw_bytes); /* as many as there are: the head says it */
    else if (!data_inflate(record, bytes, count, memory, raw_bytes, e))
        return false;
    hash = digest_bytes(memory, raw_bytes);
    if (memcmp(&hash, &head.hash, sizeof hash) != 0)
        return refuse(record, e, "holds other bytes than were put into it");
    return true;
}

/* ---- The end, before the rest ---- */

bool stream_tail_decode(const void *tail, size_t count, struct stream_end *out)
{
    const unsigned char *bytes = tail;
    struct stream_record record = {.kind = STREAM_END};
    struct stream_frame frame;
    struct err ignored = {0};

    for (size_t at = 0; at + STREAM_FRAME_BYTES <= count; at++) {
        if (memcmp(bytes + at, STREAM_FRAME_MAGIC, 4) != 0 ||
            !stream_frame_decode(bytes + at, &frame) || frame.kind != STREAM_END ||
            frame.version != STREAM_VERSION ||
            frame.payload_bytes != count - at - STREAM_FRAME_BYTES)
            continue;
        record.number = frame.number;
        record.payload = bytes + at + STREAM_FRAME_BYTES;
        record.payload_bytes = frame.payload_bytes;
        return stream_frame_checksum(bytes + at, record.payload, record.payload_bytes) ==
                   frame.checksum &&
               stream_end_decode(&record, out, &ignored);
    }
    return false;
}
