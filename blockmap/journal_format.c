/* journal_format.c - see journal_format.h and journal_format.md. */
#include "blockmap/journal_format.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>

#define JOURNAL_MAGIC          "snapfjl1"
#define MAGIC_BYTES            8u
#define PREAMBLE_BYTES         16u /* magic and salt, before the first record */
#define FRAME_HEAD_BYTES       5u  /* length of the payload and type */
#define CHECKSUM_BYTES         8u
#define JOURNAL_VERSION        1u
#define VARINT_MAX_BYTES       10u
#define PAGE_SHIFT             9u /* extents in whole pages are told in pages */
#define HEADER_TEXTS_MAX_BYTES (3 * MARKER_SOURCE_MAX_BYTES + 8 * JOURNAL_TEXT_MAX_BYTES)

#define LISTED_CLEARS 1u
#define LISTED_PAGES  2u
#define DONE_CLEAR    1u

_Static_assert(JOURNAL_EXTENTS_MAX * 2 * VARINT_MAX_BYTES + 256 < JOURNAL_RECORD_MAX_BYTES,
               "a full list fits a record");
_Static_assert(HEADER_TEXTS_MAX_BYTES + 256 < JOURNAL_RECORD_MAX_BYTES, "a header fits a record");
_Static_assert(JOURNAL_HASHES_MAX *DIGEST_HASH_BYTES + 4 * VARINT_MAX_BYTES + FRAME_HEAD_BYTES +
                       CHECKSUM_BYTES + 1 <=
                   JOURNAL_DONE_MAX_BYTES,
               "a range and its hashes fit");

/* ---- Numbers ---- */

static void put_le(unsigned char *out, uint64_t value, size_t width_bytes)
{
    for (size_t i = 0; i < width_bytes; i++)
        out[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get_le(const unsigned char *bytes, size_t width_bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < width_bytes; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

/* Writes forward; the record's limits see to the room. */
struct writer {
    unsigned char *at;
};

static void put_varint(struct writer *w, uint64_t value)
{
    while (value >= 0x80) {
        *w->at++ = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    *w->at++ = (unsigned char)value;
}

static void put_bytes(struct writer *w, const void *bytes, size_t count)
{
    memcpy(w->at, bytes, count);
    w->at += count;
}

static void put_text(struct writer *w, const char *text, size_t room)
{
    size_t count = strnlen(text, room);

    assert(count < room);
    put_varint(w, count);
    put_bytes(w, text, count);
}

/* Reads forward; bad stays set once something is not as a writer makes it. */
struct reader {
    const unsigned char *at, *end;
    bool bad;
};

static uint64_t get_varint(struct reader *r)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && r->at < r->end; shift += 7) {
        uint64_t byte = *r->at++;

        if (shift == 63 && byte > 1)
            break; /* more than 64 bits */
        value |= (byte & 0x7F) << shift;
        if (byte & 0x80)
            continue;
        if (byte == 0 && shift > 0)
            break; /* not the shortest form */
        return value;
    }
    r->bad = true;
    return 0;
}

static uint64_t get_varint_max(struct reader *r, uint64_t max)
{
    uint64_t value = get_varint(r);

    if (value > max) {
        r->bad = true;
        return 0;
    }
    return value;
}

static void get_bytes(struct reader *r, void *out_bytes, size_t count)
{
    if (r->bad || (size_t)(r->end - r->at) < count) {
        r->bad = true;
        return;
    }
    memcpy(out_bytes, r->at, count);
    r->at += count;
}

static void get_text(struct reader *r, char *out_text, size_t room)
{
    size_t count = (size_t)get_varint_max(r, room - 1);

    get_bytes(r, out_text, count);
    out_text[r->bad ? 0 : count] = '\0';
    if (strlen(out_text) != count)
        r->bad = true;
}

/* ---- The header ---- */

static void put_header(struct writer *w, const struct journal_header *h)
{
    put_varint(w, JOURNAL_VERSION);
    put_varint(w, h->kind);
    put_varint(w, h->created_s);
    put_text(w, h->copy_uuid, sizeof h->copy_uuid);
    put_text(w, h->lease_id, sizeof h->lease_id);
    put_text(w, h->source, sizeof h->source);
    put_varint(w, h->source_bytes);
    put_varint(w, h->base_bytes);
    put_text(w, h->source_etag, sizeof h->source_etag);
    put_text(w, h->source_modified, sizeof h->source_modified);
    put_text(w, h->base, sizeof h->base);
    put_text(w, h->base_root, sizeof h->base_root);
    put_text(w, h->target, sizeof h->target);
    put_varint(w, h->target_bytes);
    put_text(w, h->target_etag, sizeof h->target_etag);
    put_varint(w, h->footer);
    put_varint(w, h->hash);
    put_varint(w, h->coalesce_bytes);
    put_varint(w, h->sample);
    if (h->map[0])
        put_text(w, h->map, sizeof h->map);
}

static void get_header(struct reader *r, struct journal_header *h)
{
    memset(h, 0, sizeof *h);
    (void)get_varint(r); /* the version was looked at */
    h->kind = (enum journal_kind)get_varint_max(r, JOURNAL_VERIFY);
    if (h->kind != JOURNAL_COPY && h->kind != JOURNAL_VERIFY)
        r->bad = true;
    h->created_s = get_varint(r);
    get_text(r, h->copy_uuid, sizeof h->copy_uuid);
    get_text(r, h->lease_id, sizeof h->lease_id);
    get_text(r, h->source, sizeof h->source);
    h->source_bytes = get_varint(r);
    h->base_bytes = get_varint(r);
    get_text(r, h->source_etag, sizeof h->source_etag);
    get_text(r, h->source_modified, sizeof h->source_modified);
    get_text(r, h->base, sizeof h->base);
    get_text(r, h->base_root, sizeof h->base_root);
    get_text(r, h->target, sizeof h->target);
    h->target_bytes = get_varint(r);
    get_text(r, h->target_etag, sizeof h->target_etag);
    h->footer = (uint8_t)get_varint_max(r, UINT8_MAX);
    h->hash = get_varint_max(r, 1) != 0;
    h->coalesce_bytes = get_varint(r);
    h->sample = get_varint(r);
    if (r->bad || r->at == r->end)
        return;
    get_text(r, h->map, sizeof h->map);
    if (!h->map[0])
        r->bad = true; /* one that is not kept is not mentioned */
}

/* ---- Lists ---- */

static bool listed_in_pages(const struct journal_listed *listed)
{
    uint64_t bits = 0;

    for (uint32_t i = 0; i < listed->count; i++)
        bits |= listed->extents[i].offset | listed->extents[i].length;
    return (bits & ((1u << PAGE_SHIFT) - 1)) == 0;
}

static void put_listed(struct writer *w, const struct journal_listed *listed)
{
    bool pages = listed_in_pages(listed);
    unsigned shift = pages ? PAGE_SHIFT : 0;
    uint64_t at = 0;

    assert(listed->list < JOURNAL_LISTS && listed->count <= JOURNAL_EXTENTS_MAX);
    put_varint(w, listed->list);
    put_varint(w, (listed->clears ? LISTED_CLEARS : 0) | (pages ? LISTED_PAGES : 0));
    put_varint(w, listed->size_bytes);
    put_varint(w, listed->up_to);
    put_varint(w, listed->count);
    for (uint32_t i = 0; i < listed->count; i++) {
        struct extent extent = listed->extents[i];

        assert(extent.length && extent.offset >= at);
        put_varint(w, (extent.offset - at) >> shift);
        put_varint(w, extent.length >> shift);
        at = extent_end(extent);
    }
}

static void get_listed(struct reader *r, struct journal_listed *listed)
{
    uint64_t at = 0, flags;
    unsigned shift;

    listed->list = (enum journal_list)get_varint_max(r, JOURNAL_LISTS - 1);
    flags = get_varint_max(r, LISTED_CLEARS | LISTED_PAGES);
    listed->clears = flags & LISTED_CLEARS;
    shift = flags & LISTED_PAGES ? PAGE_SHIFT : 0;
    listed->size_bytes = get_varint(r);
    listed->up_to = get_varint(r);
    listed->count = (uint32_t)get_varint_max(r, JOURNAL_EXTENTS_MAX);
    for (uint32_t i = 0; i < listed->count && !r->bad; i++) {
        uint64_t gap = get_varint_max(r, (UINT64_MAX - at) >> shift) << shift;
        uint64_t length = get_varint_max(r, (UINT64_MAX - at - gap) >> shift) << shift;

        if (length == 0)
            r->bad = true;
        listed->extents[i] = (struct extent){at + gap, length};
        at += gap + length;
    }
    if (!r->bad && listed_in_pages(listed) != (shift != 0))
        r->bad = true; /* pages where they can be */
}

/* ---- The rest ---- */

static void put_planned(struct writer *w, const struct journal_planned *planned)
{
    put_varint(w, planned->disk_bytes);
    put_varint(w, planned->target_bytes);
    put_varint(w, planned->total_bytes);
    put_bytes(w, planned->plan, sizeof planned->plan);
}

static void get_planned(struct reader *r, struct journal_planned *planned)
{
    planned->disk_bytes = get_varint(r);
    planned->target_bytes = get_varint(r);
    planned->total_bytes = get_varint(r);
    get_bytes(r, planned->plan, sizeof planned->plan);
}

static void put_done(struct writer *w, const struct journal_done *done)
{
    assert(done->hash_count <= JOURNAL_HASHES_MAX && done->extent.length);
    put_varint(w, done->clear ? DONE_CLEAR : 0);
    put_varint(w, done->extent.offset);
    put_varint(w, done->extent.length);
    put_varint(w, done->hash_count);
    if (done->hash_count)
        put_varint(w, done->first_block);
    put_bytes(w, done->hashes, done->hash_count * sizeof *done->hashes);
}

static void get_done(struct reader *r, struct journal_done *done)
{
    done->clear = get_varint_max(r, DONE_CLEAR) != 0;
    done->extent.offset = get_varint(r);
    done->extent.length = get_varint_max(r, UINT64_MAX - done->extent.offset);
    done->hash_count = (uint32_t)get_varint_max(r, JOURNAL_HASHES_MAX);
    done->first_block = done->hash_count ? get_varint(r) : 0;
    get_bytes(r, done->hashes, done->hash_count * sizeof *done->hashes);
    if (done->extent.length == 0 || (done->clear && done->hash_count))
        r->bad = true;
}

/* ---- Frames ---- */

static size_t frame_end(unsigned char *frame, enum journal_type type, const struct writer *w)
{
    size_t payload_bytes = (size_t)(w->at - frame) - FRAME_HEAD_BYTES;

    put_le(frame, payload_bytes, 4);
    frame[4] = (unsigned char)type;
    memset(w->at, 0, CHECKSUM_BYTES);
    return FRAME_HEAD_BYTES + payload_bytes + CHECKSUM_BYTES;
}

size_t journal_encode(const struct journal_record *record,
                      unsigned char out_bytes[JOURNAL_RECORD_MAX_BYTES])
{
    size_t preamble_bytes = record->type == JOURNAL_HEADER ? PREAMBLE_BYTES : 0;
    unsigned char *frame = out_bytes + preamble_bytes;
    struct writer w = {frame + FRAME_HEAD_BYTES};

    switch (record->type) {
    case JOURNAL_HEADER:
        memcpy(out_bytes, JOURNAL_MAGIC, MAGIC_BYTES);
        memset(out_bytes + MAGIC_BYTES, 0, PREAMBLE_BYTES - MAGIC_BYTES);
        put_header(&w, &record->header);
        break;
    case JOURNAL_LISTED:
        put_listed(&w, &record->listed);
        break;
    case JOURNAL_MARKED:
        break;
    case JOURNAL_PLANNED:
        put_planned(&w, &record->planned);
        break;
    case JOURNAL_DONE:
        put_done(&w, &record->done);
        break;
    case JOURNAL_STAGE:
        put_varint(&w, record->stage);
        break;
    }
    return preamble_bytes + frame_end(frame, record->type, &w);
}

size_t journal_encode_done(const struct journal_done *done,
                           unsigned char out_bytes[JOURNAL_DONE_MAX_BYTES])
{
    struct writer w = {out_bytes + FRAME_HEAD_BYTES};

    put_done(&w, done);
    return frame_end(out_bytes, JOURNAL_DONE, &w);
}

static uint64_t frame_checksum(const unsigned char *frame, size_t count, uint64_t salt,
                               uint64_t offset)
{
    return XXH3_64bits_withSeed(frame, count, salt + offset * 0x9E3779B97F4A7C15ull);
}

void journal_stamp(unsigned char *bytes, size_t count, uint64_t salt, uint64_t offset)
{
    if (offset == 0 && count) {
        put_le(bytes + MAGIC_BYTES, salt, 8);
        bytes += PREAMBLE_BYTES;
        count -= PREAMBLE_BYTES;
        offset = PREAMBLE_BYTES;
    }
    while (count) {
        size_t sealed_bytes = FRAME_HEAD_BYTES + (size_t)get_le(bytes, 4);

        assert(count >= sealed_bytes + CHECKSUM_BYTES);
        put_le(bytes + sealed_bytes, frame_checksum(bytes, sealed_bytes, salt, offset),
               CHECKSUM_BYTES);
        bytes += sealed_bytes + CHECKSUM_BYTES;
        count -= sealed_bytes + CHECKSUM_BYTES;
        offset += sealed_bytes + CHECKSUM_BYTES;
    }
}

static bool get_payload(struct reader *r, struct journal_record *record)
{
    switch (record->type) {
    case JOURNAL_HEADER:
        get_header(r, &record->header);
        break;
    case JOURNAL_LISTED:
        get_listed(r, &record->listed);
        break;
    case JOURNAL_MARKED:
        break;
    case JOURNAL_PLANNED:
        get_planned(r, &record->planned);
        break;
    case JOURNAL_DONE:
        get_done(r, &record->done);
        break;
    case JOURNAL_STAGE:
        record->stage = (enum journal_stage)get_varint_max(r, JOURNAL_PULLED);
        if (record->stage < JOURNAL_MOVED)
            r->bad = true;
        break;
    default:
        return false;
    }
    return !r->bad && r->at == r->end;
}

/* The checksum matched: what stands there was meant. */
static enum journal_decoded decode_meant(const unsigned char *frame, size_t payload_bytes,
                                         uint64_t offset, struct journal_record *out_record,
                                         struct err *e)
{
    struct reader r = {frame + FRAME_HEAD_BYTES, frame + FRAME_HEAD_BYTES + payload_bytes, false};
    unsigned type = frame[4];
    unsigned version = r.at < r.end ? *r.at : 0; /* below 128: one byte */

    if ((type == JOURNAL_HEADER) != (offset == 0)) {
        err_set(e, ERR_CORRUPT, RETRY_NEVER, "its record at byte %llu is of the wrong kind",
                (unsigned long long)offset);
        return JOURNAL_WRONG;
    }
    if (type == JOURNAL_HEADER && version != JOURNAL_VERSION) {
        err_set(e, ERR_CORRUPT, RETRY_NEVER, "it is of version %u, this program knows %u", version,
                JOURNAL_VERSION);
        return JOURNAL_WRONG;
    }
    out_record->type = (enum journal_type)type;
    if (get_payload(&r, out_record))
        return JOURNAL_WHOLE;
    err_set(e, ERR_CORRUPT, RETRY_NEVER, "its record at byte %llu holds what no journal says",
            (unsigned long long)offset);
    return JOURNAL_WRONG;
}

enum journal_decoded journal_decode(const unsigned char *bytes, size_t count, uint64_t *salt,
                                    uint64_t offset, struct journal_record *out_record,
                                    size_t *out_used, struct err *e)
{
    size_t preamble_bytes = offset == 0 ? PREAMBLE_BYTES : 0;
    size_t claimed_bytes = journal_claimed_bytes(bytes, count, offset);
    const unsigned char *frame = bytes + preamble_bytes;
    size_t sealed_bytes;

    if (claimed_bytes == 0 || claimed_bytes > count || claimed_bytes > JOURNAL_RECORD_MAX_BYTES)
        return JOURNAL_TORN;
    if (offset == 0) {
        if (memcmp(bytes, JOURNAL_MAGIC, MAGIC_BYTES) != 0)
            return JOURNAL_TORN;
        *salt = get_le(bytes + MAGIC_BYTES, 8);
    }
    sealed_bytes = claimed_bytes - preamble_bytes - CHECKSUM_BYTES;
    if (frame_checksum(frame, sealed_bytes, *salt, offset + preamble_bytes) !=
        get_le(frame + sealed_bytes, CHECKSUM_BYTES))
        return JOURNAL_TORN;
    *out_used = claimed_bytes;
    return decode_meant(frame, sealed_bytes - FRAME_HEAD_BYTES, offset, out_record, e);
}

bool journal_is_ours(const unsigned char *bytes, size_t count)
{
    return memcmp(bytes, JOURNAL_MAGIC, count < MAGIC_BYTES ? count : MAGIC_BYTES) == 0;
}

size_t journal_claimed_bytes(const unsigned char *bytes, size_t count, uint64_t offset)
{
    size_t preamble_bytes = offset == 0 ? PREAMBLE_BYTES : 0;

    if (count < preamble_bytes + FRAME_HEAD_BYTES)
        return 0;
    return preamble_bytes + FRAME_HEAD_BYTES + (size_t)get_le(bytes + preamble_bytes, 4) +
           CHECKSUM_BYTES;
}
