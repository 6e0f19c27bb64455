/* stream_held_read.c - bytes of the disk out of records that count. See stream_held.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blockmap/stream_read.h"
#include "io/stream_held_parts.h"

#define COPIES_OF_COPIES_MAX                                                                       \
    8u /* a writer makes none of those that are not at their place by then */

bool held_take(const struct stream_held *held, uint64_t at_bytes, void *memory, size_t count)
{
    unsigned char *to = memory;

    while (count > 0) {
        ssize_t took = pread(held->wanted.fd, to, count, (off_t)at_bytes);

        if (took < 0 && errno == EINTR)
            continue;
        if (took <= 0)
            return false;
        to += took;
        at_bytes += (uint64_t)took;
        count -= (size_t)took;
    }
    return true;
}

static struct held_raw *oldest_raw(struct stream_held *held)
{
    struct held_raw *oldest = &held->raws[0];

    for (unsigned i = 1; i < HELD_RAWS; i++)
        if (held->raws[i].used < oldest->used)
            oldest = &held->raws[i];
    return oldest;
}

/* The record's bytes, decompressed, its digest right; NULL: *e is set. */
static const unsigned char *raw_of(struct stream_held *held, uint32_t index, struct err *e)
{
    const struct held_record *of = &held->records[index];
    struct stream_record record = {.kind = STREAM_DATA,
                                   .number = of->number,
                                   .at_bytes = of->at_bytes,
                                   .payload = held->bytes,
                                   .payload_bytes = of->payload_bytes};
    struct held_raw *raw;

    for (unsigned i = 0; i < HELD_RAWS; i++) {
        raw = &held->raws[i];
        if (raw->used && raw->record == index) {
            raw->used = ++held->reads;
            return raw->memory;
        }
    }
    raw = oldest_raw(held);
    raw->used = 0;
    if (!raw->memory)
        raw->memory = malloc(STREAM_RAW_MAX_BYTES);
    if (!raw->memory) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to read a stream");
        return NULL;
    }
    if (!held_take(held, of->at_bytes + STREAM_FRAME_BYTES, held->bytes, of->payload_bytes)) {
        err_set_errno(e, errno ? errno : EIO, RETRY_NEVER, "cannot read record %llu again",
                      (unsigned long long)of->number);
        return NULL;
    }
    if (!stream_data_decode(&record, raw->memory, of->raw_bytes, e))
        return NULL;
    raw->record = index;
    raw->used = ++held->reads;
    return raw->memory;
}

static size_t piece_at(const struct stream_held *held, uint64_t offset)
{
    size_t low = 0, high = held->piece_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (held->pieces[middle].offset + held->pieces[middle].length <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool read_at_depth(struct stream_held *held, struct extent range, unsigned char *memory,
                          unsigned depth, struct err *e)
{
    for (size_t i = piece_at(held, range.offset); range.length > 0; i++) {
        const struct held_piece *piece = &held->pieces[i];
        struct extent part = {range.offset, 0};
        const unsigned char *raw;

        if (i == held->piece_count || piece->offset > range.offset || depth > COPIES_OF_COPIES_MAX)
            return err_set(e, ERR_CORRUPT, RETRY_NEVER,
                           "the stream does not have the %llu bytes at %llu yet",
                           (unsigned long long)range.length, (unsigned long long)range.offset);
        part.length = piece->offset + piece->length - range.offset;
        if (part.length > range.length)
            part.length = range.length;
        if (piece->record == HELD_ZERO) {
            memset(memory, 0, part.length);
        } else if (piece->record == HELD_COPY) {
            struct extent from = {piece->from + part.offset - piece->offset, part.length};

            if (!read_at_depth(held, from, memory, depth + 1, e))
                return false;
        } else {
            raw = raw_of(held, piece->record, e);
            if (!raw)
                return false;
            memcpy(memory, raw + piece->from + (part.offset - piece->offset), part.length);
        }
        memory += part.length;
        range.offset += part.length;
        range.length -= part.length;
    }
    return true;
}

bool stream_held_read(struct stream_held *held, struct extent range, unsigned char *memory,
                      struct err *e)
{
    return read_at_depth(held, range, memory, 0, e);
}
