/* stream_made.c - see stream_made.h. */
#include "tests/support/stream_made.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>

#include "blockmap/stream_write.h"

#define RECORD_MAX_BYTES (STREAM_FRAME_BYTES + STREAM_PAYLOAD_MAX_BYTES)

void stream_made_fini(struct stream_made *made)
{
    free(made->bytes);
    memset(made, 0, sizeof *made);
}

/* Where the next record goes: room for the largest. */
static unsigned char *room_of(struct stream_made *made)
{
    if (made->room - made->used < RECORD_MAX_BYTES) {
        made->room = made->used + 2 * RECORD_MAX_BYTES;
        made->bytes = realloc(made->bytes, made->room);
        assert(made->bytes);
    }
    return made->bytes + made->used;
}

static void took(struct stream_made *made, uint32_t bytes)
{
    assert(bytes > 0);
    made->used += bytes;
    made->records++;
}

void stream_made_head(struct stream_made *made, const struct stream_head *head)
{
    unsigned char *at = room_of(made);

    took(made, stream_head_encode(made->records, head, at, RECORD_MAX_BYTES));
}

void stream_made_plain_head(struct stream_made *made, uint64_t disk_bytes)
{
    struct stream_head head = {.uuid = "01234567-89ab-4cde-8f01-23456789abcd",
                               .source = "file:/source",
                               .source_bytes = disk_bytes,
                               .disk_bytes = disk_bytes};

    stream_made_head(made, &head);
}

void stream_made_plan(struct stream_made *made, bool clears, const struct extent *extents,
                      uint32_t count)
{
    unsigned char *at = room_of(made);

    took(made, stream_plan_encode(made->records, clears, extents, count, at, RECORD_MAX_BYTES));
}

void stream_made_data(struct stream_made *made, const struct stream_piece *pieces, uint32_t count,
                      const void *raw, enum stream_codec codec)
{
    unsigned char *at = room_of(made), *payload = at + STREAM_FRAME_BYTES;
    struct block_hash hash;
    size_t raw_bytes = 0, stored;
    uint32_t begun;

    for (uint32_t i = 0; i < count; i++)
        raw_bytes += pieces[i].length;
    hash = digest_bytes(raw, raw_bytes);
    begun = stream_data_begin(payload, codec, &hash, pieces, count);
    if (codec == STREAM_CODEC_RAW) {
        memcpy(payload + begun, raw, raw_bytes);
        stored = raw_bytes;
    } else {
        stored =
            ZSTD_compress(payload + begun, STREAM_PAYLOAD_MAX_BYTES - begun, raw, raw_bytes, 3);
        assert(!ZSTD_isError(stored));
    }
    made->counts.data_bytes += raw_bytes;
    made->counts.stored_bytes += begun + stored;
    took(made, stream_frame_seal(at, STREAM_DATA, made->records, begun + (uint32_t)stored));
}

void stream_made_zero(struct stream_made *made, uint64_t offset, uint64_t length)
{
    struct stream_piece piece = {offset, length};
    unsigned char *at = room_of(made);

    made->counts.zero_bytes += length;
    took(made, stream_zero_encode(made->records, &piece, 1, at, RECORD_MAX_BYTES));
}

void stream_made_copy(struct stream_made *made, const struct stream_copy_piece *pieces,
                      uint32_t count)
{
    unsigned char *at = room_of(made);

    for (uint32_t i = 0; i < count; i++)
        made->counts.copy_bytes += pieces[i].length;
    took(made, stream_copy_encode(made->records, pieces, count, at, RECORD_MAX_BYTES));
}

void stream_made_mend(struct stream_made *made, size_t at)
{
    unsigned char *frame = made->bytes + at;
    struct stream_frame said;
    uint32_t check;
    uint64_t sum;

    (void)stream_frame_decode(frame, &said);
    memset(frame + 12, 0, 4);
    check = (uint32_t)XXH3_64bits(frame, 24);
    memcpy(frame + 12, &check, sizeof check);
    if (said.payload_bytes > made->used - at - STREAM_FRAME_BYTES)
        return;
    sum = stream_frame_checksum(frame, frame + STREAM_FRAME_BYTES, said.payload_bytes);
    memcpy(frame + 24, &sum, sizeof sum);
}

void stream_made_unknown(struct stream_made *made, unsigned kind, bool mandatory, uint32_t bytes)
{
    unsigned char *at = room_of(made);
    size_t begun = made->used;

    memset(at + STREAM_FRAME_BYTES, 0x3C, bytes);
    took(made, stream_frame_seal(at, STREAM_DATA, made->records, bytes));
    at[4] = (unsigned char)kind;
    at[5] = mandatory;
    stream_made_mend(made, begun);
}

struct stream_end stream_made_end_of(uint64_t target_bytes)
{
    struct stream_end end = {.marker = {.state = MARKER_COMPLETE,
                                        .copy_uuid = "01234567-89ab-4cde-8f01-23456789abcd",
                                        .source = "file:/source",
                                        .size_bytes = target_bytes,
                                        .footer = MARKER_FOOTER_NONE,
                                        .root = "sha256:00"}};
    return end;
}

void stream_made_end(struct stream_made *made, const struct stream_end *end)
{
    unsigned char *at = room_of(made);

    took(made, stream_end_encode(made->records, end, at, RECORD_MAX_BYTES));
}

struct stream_made stream_made_small(uint64_t disk_bytes)
{
    static unsigned char raw[192u << 10];
    struct stream_made made = {0};
    struct extent plan = {0, 512u << 10};
    struct stream_piece first = {0, 64u << 10};
    struct stream_piece rest[] = {{192u << 10, 64u << 10}, {320u << 10, 128u << 10}};
    struct stream_copy_piece copy = {.offset = 256u << 10, .length = 64u << 10};
    struct stream_end end = stream_made_end_of(disk_bytes);

    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = (unsigned char)(i * 7 + i / 509);
    copy.id = block_id_of(raw, 64u << 10);
    stream_made_plain_head(&made, disk_bytes);
    stream_made_plan(&made, false, &plan, 1);
    stream_made_data(&made, &first, 1, raw, STREAM_CODEC_RAW);
    stream_made_zero(&made, 64u << 10, 128u << 10);
    stream_made_copy(&made, &copy, 1);
    stream_made_data(&made, rest, 2, raw, STREAM_CODEC_ZSTD);
    stream_made_zero(&made, 448u << 10, 64u << 10);
    end.data_bytes = made.counts.data_bytes;
    end.stored_bytes = made.counts.stored_bytes;
    end.zero_bytes = made.counts.zero_bytes;
    end.copy_bytes = made.counts.copy_bytes;
    end.records = made.records + 1;
    stream_made_end(&made, &end);
    return made;
}
