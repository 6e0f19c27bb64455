/* stream_frame.c - see stream_frame.h and stream_format.md. */
#include "blockmap/stream_frame.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>

#include "blockmap/bytes.h"

#define MAGIC_BYTES    4u
#define CHECK_AT_BYTES 12u /* of the frame's own checksum */
#define SUM_AT_BYTES   24u /* of the checksum of frame and payload */

/* ---- Frames ---- */

/* Guards the length before anybody waits for that many bytes. */
static uint32_t frame_check(const unsigned char *frame)
{
    unsigned char guarded[SUM_AT_BYTES];

    memcpy(guarded, frame, sizeof guarded);
    memset(guarded + CHECK_AT_BYTES, 0, sizeof(uint32_t));
    return (uint32_t)XXH3_64bits(guarded, sizeof guarded);
}

uint64_t stream_frame_checksum(const void *frame_bytes, const void *payload, uint32_t payload_bytes)
{
    return XXH3_64bits_withSeed(payload, payload_bytes, XXH3_64bits(frame_bytes, SUM_AT_BYTES));
}

uint32_t stream_frame_seal(void *record, unsigned kind, uint64_t number, uint32_t payload_bytes)
{
    struct bytes_writer w = {.bytes = record, .size = STREAM_FRAME_BYTES};
    struct bytes_writer check = {.bytes = (unsigned char *)record + CHECK_AT_BYTES, .size = 4};

    assert(payload_bytes <= stream_payload_max(kind));
    bytes_put(&w, STREAM_FRAME_MAGIC, MAGIC_BYTES);
    bytes_put_u8(&w, (uint8_t)kind);
    bytes_put_u8(&w, kind <= STREAM_END ? STREAM_FLAG_MANDATORY : 0);
    bytes_put_u8(&w, (uint8_t)STREAM_VERSION);
    bytes_put_u8(&w, (uint8_t)(STREAM_VERSION >> 8));
    bytes_put_u32(&w, payload_bytes);
    bytes_put_u32(&w, 0);
    bytes_put_u64(&w, number);
    bytes_put_u32(&check, frame_check(record));
    bytes_put_u64(&w, stream_frame_checksum(record, (unsigned char *)record + STREAM_FRAME_BYTES,
                                            payload_bytes));
    return STREAM_FRAME_BYTES + payload_bytes;
}

bool stream_frame_decode(const void *bytes, struct stream_frame *out_frame)
{
    struct bytes_cursor c = {.at = bytes, .left = STREAM_FRAME_BYTES};
    const unsigned char *magic = bytes_take(&c, MAGIC_BYTES);
    uint32_t check;

    out_frame->kind = bytes_take_u8(&c);
    out_frame->flags = bytes_take_u8(&c);
    out_frame->version = bytes_take_u8(&c);
    out_frame->version |= (unsigned)bytes_take_u8(&c) << 8;
    out_frame->payload_bytes = bytes_take_u32(&c);
    check = bytes_take_u32(&c);
    out_frame->number = bytes_take_u64(&c);
    out_frame->checksum = bytes_take_u64(&c);
    return memcmp(magic, STREAM_FRAME_MAGIC, MAGIC_BYTES) == 0 && check == frame_check(bytes);
}

uint32_t stream_payload_max(unsigned kind)
{
    switch (kind) {
    case STREAM_HEAD:
    case STREAM_END:
        return STREAM_TEXTS_MAX_BYTES;
    case STREAM_PLAN:
        return 8 + STREAM_PLAN_EXTENTS_MAX * STREAM_EXTENT_BYTES;
    case STREAM_ZERO:
        return 4 + STREAM_PIECES_MAX * STREAM_EXTENT_BYTES;
    case STREAM_COPY:
        return 4 + STREAM_PIECES_MAX * (STREAM_EXTENT_BYTES + STREAM_VARINT_BYTES + BLOCK_ID_BYTES);
    default:
        return STREAM_PAYLOAD_MAX_BYTES;
    }
}

const char *stream_kind_name(unsigned kind)
{
    static const char *const names[] = {"",     "HEAD", "PLAN", "DATA",
                                        "ZERO", "COPY", "END",  "ORIGIN"};

    return kind > 0 && kind < sizeof names / sizeof names[0] ? names[kind] : "of an unknown kind";
}

/* ---- Lists ---- */

void stream_put_number(struct stream_list *list, uint64_t value)
{
    while (value >= 0x80) {
        *list->out++ = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    *list->out++ = (unsigned char)value;
}

uint64_t stream_get_number(struct stream_list *list)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && list->at < list->end; shift += 7) {
        uint64_t byte = *list->at++;

        if (shift == 63 && byte > 1)
            break; /* more than 64 bits */
        value |= (byte & 0x7F) << shift;
        if (byte & 0x80)
            continue;
        if (byte == 0 && shift > 0)
            break; /* not the shortest form */
        return value;
    }
    list->bad = true;
    return 0;
}

/* Backwards is odd, forwards even: what is in order costs little, and any order can be told. */
void stream_put_place(struct stream_list *list, uint64_t offset, uint64_t length)
{
    bool back = offset < list->last_bytes;
    uint64_t apart = back ? list->last_bytes - offset : offset - list->last_bytes;

    assert(length > 0 && offset % STREAM_PAGE_BYTES == 0 && length % STREAM_PAGE_BYTES == 0);
    stream_put_number(list, apart / STREAM_PAGE_BYTES * 2 + back);
    stream_put_number(list, length / STREAM_PAGE_BYTES);
    list->last_bytes = offset + length;
}

bool stream_get_place(struct stream_list *list, uint64_t disk_bytes, struct stream_piece *out)
{
    uint64_t pages_max = disk_bytes / STREAM_PAGE_BYTES;
    uint64_t last = list->last_bytes / STREAM_PAGE_BYTES;
    uint64_t apart = stream_get_number(list);
    uint64_t length = stream_get_number(list);
    uint64_t pages = apart / 2;
    bool back = apart & 1;

    assert(disk_bytes <= STREAM_DISK_MAX_BYTES);
    if (list->bad || (back && (pages == 0 || pages > last)) || pages > pages_max || length == 0 ||
        length > pages_max) {
        list->bad = true;
        return false;
    }
    pages = back ? last - pages : last + pages;
    if (pages > pages_max - length) {
        list->bad = true;
        return false;
    }
    out->offset = pages * STREAM_PAGE_BYTES;
    out->length = length * STREAM_PAGE_BYTES;
    list->last_bytes = out->offset + out->length;
    return true;
}

/* ---- DATA ---- */

uint32_t stream_data_begin(void *payload, enum stream_codec codec, const struct block_hash *hash,
                           const struct stream_piece *pieces, uint32_t count)
{
    struct bytes_writer w = {.bytes = payload, .size = STREAM_DATA_HEAD_BYTES};
    unsigned char *list_at = (unsigned char *)payload + STREAM_DATA_HEAD_BYTES;
    struct stream_list list = {.out = list_at};
    uint64_t raw_bytes = 0;

    assert(count > 0 && count <= STREAM_PIECES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        stream_put_place(&list, pieces[i].offset, pieces[i].length);
        raw_bytes += pieces[i].length;
    }
    assert(raw_bytes <= STREAM_RAW_MAX_BYTES);
    bytes_put_u32(&w, codec);
    bytes_put_u32(&w, (uint32_t)raw_bytes);
    bytes_put(&w, hash->bytes, sizeof hash->bytes);
    bytes_put_u32(&w, count);
    bytes_put_u32(&w, (uint32_t)(list.out - list_at));
    return STREAM_DATA_HEAD_BYTES + (uint32_t)(list.out - list_at);
}

bool stream_data_head_decode(const void *payload, uint32_t payload_bytes,
                             struct stream_data_head *out_head)
{
    struct bytes_cursor c = {.at = payload, .left = payload_bytes};
    uint32_t codec = bytes_take_u32(&c);
    const unsigned char *hash;

    out_head->codec = codec == STREAM_CODEC_ZSTD ? STREAM_CODEC_ZSTD : STREAM_CODEC_RAW;
    out_head->raw_bytes = bytes_take_u32(&c);
    hash = bytes_take(&c, DIGEST_HASH_BYTES);
    if (hash)
        memcpy(out_head->hash.bytes, hash, DIGEST_HASH_BYTES);
    out_head->count = bytes_take_u32(&c);
    out_head->list_bytes = bytes_take_u32(&c);
    return !c.ran_out && codec <= STREAM_CODEC_ZSTD && out_head->raw_bytes > 0 &&
           out_head->raw_bytes <= STREAM_RAW_MAX_BYTES && out_head->count > 0 &&
           out_head->count <= STREAM_PIECES_MAX && out_head->list_bytes < c.left &&
           (codec == STREAM_CODEC_ZSTD || c.left - out_head->list_bytes == out_head->raw_bytes);
}
