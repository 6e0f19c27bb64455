/* spool_format.c - see spool_format.h and event_spool.md. */
#include "engine/spool_format.h"

#include <assert.h>
#include <string.h>

#include "blockmap/bytes.h"
#include "blockmap/digest.h"

#define MAGIC          "SFEVENT1"
#define MAGIC_BYTES    8u
#define SUMMED_BYTES   48u /* of the header, before its checksum */
#define CURSORS_OFFSET 64u
#define FLAG_PROGRESS  1u
#define FLAGS_KNOWN    FLAG_PROGRESS
#define CHECK_AT_BYTES 16u /* in a record's head */
#define CURSOR_SUMMED  24u

_Static_assert(CURSORS_OFFSET + 2 * SPOOL_CURSOR_BYTES == SPOOL_HEADER_BYTES, "two cursors fit");

static uint64_t first_u64(const unsigned char *bytes)
{
    struct bytes_cursor c = {.at = bytes, .left = 8};

    return bytes_take_u64(&c);
}

/* Salted by the stream, so that bytes of another file, left on the disk, are never taken for ours. */
static uint64_t sum_of(const struct spool_id *id, const void *bytes, size_t count)
{
    struct block_hash hash = digest_bytes(bytes, count);

    return first_u64(hash.bytes) ^ first_u64(id->stream);
}

/* ---- Header and cursors ---- */

uint64_t spool_cursor_encode(const struct spool_id *id, const struct spool_cursor *cursor,
                             unsigned char out_bytes[SPOOL_CURSOR_BYTES])
{
    struct bytes_writer w = {.bytes = out_bytes, .size = SPOOL_CURSOR_BYTES};

    bytes_put_u64(&w, cursor->turn);
    bytes_put_u64(&w, cursor->offset);
    bytes_put_u64(&w, cursor->line);
    bytes_put_u64(&w, sum_of(id, out_bytes, CURSOR_SUMMED));
    return CURSORS_OFFSET + cursor->turn % 2 * SPOOL_CURSOR_BYTES;
}

static bool cursor_decode(const struct spool_id *id, const unsigned char *bytes,
                          struct spool_cursor *out_cursor)
{
    struct bytes_cursor c = {.at = bytes, .left = SPOOL_CURSOR_BYTES};

    out_cursor->turn = bytes_take_u64(&c);
    out_cursor->offset = bytes_take_u64(&c);
    out_cursor->line = bytes_take_u64(&c);
    return bytes_take_u64(&c) == sum_of(id, bytes, CURSOR_SUMMED) &&
           out_cursor->offset >= SPOOL_HEADER_BYTES;
}

void spool_header_encode(const struct spool_id *id, unsigned char out_bytes[SPOOL_HEADER_BYTES])
{
    struct bytes_writer w = {.bytes = out_bytes, .size = SPOOL_HEADER_BYTES};
    struct spool_cursor cursor = {.turn = 2, .offset = SPOOL_HEADER_BYTES, .line = 1};

    memset(out_bytes, 0, SPOOL_HEADER_BYTES);
    bytes_put(&w, MAGIC, MAGIC_BYTES);
    bytes_put(&w, id->stream, SPOOL_STREAM_BYTES);
    bytes_put(&w, id->key, SPOOL_KEY_BYTES);
    bytes_put_u64(&w, id->created_ns);
    assert(w.used == SUMMED_BYTES);
    bytes_put_u64(&w, sum_of(id, out_bytes, SUMMED_BYTES));
    spool_cursor_encode(id, &cursor, out_bytes + CURSORS_OFFSET);
}

bool spool_header_decode(const unsigned char bytes[SPOOL_HEADER_BYTES], struct spool_id *out_id,
                         struct spool_cursor *out_cursor, struct err *e)
{
    struct bytes_cursor c = {.at = bytes, .left = SPOOL_HEADER_BYTES};
    struct spool_cursor cursors[2];
    bool good[2];
    struct spool_id id;

    if (memcmp(bytes_take(&c, MAGIC_BYTES), MAGIC, MAGIC_BYTES) != 0)
        return err_set(e, ERR_CORRUPT, RETRY_NEVER, "this is no file of events that wait");
    memcpy(id.stream, bytes_take(&c, SPOOL_STREAM_BYTES), SPOOL_STREAM_BYTES);
    memcpy(id.key, bytes_take(&c, SPOOL_KEY_BYTES), SPOOL_KEY_BYTES);
    id.created_ns = bytes_take_u64(&c);
    if (bytes_take_u64(&c) != sum_of(&id, bytes, SUMMED_BYTES))
        return err_set(e, ERR_CORRUPT, RETRY_NEVER, "its head is damaged");
    for (size_t i = 0; i < 2; i++)
        good[i] = cursor_decode(&id, bytes + CURSORS_OFFSET + i * SPOOL_CURSOR_BYTES, &cursors[i]);
    if (!good[0] && !good[1])
        return err_set(e, ERR_CORRUPT, RETRY_NEVER, "how much of it was delivered cannot be read");
    *out_id = id;
    *out_cursor = cursors[!good[0] || (good[1] && cursors[1].turn > cursors[0].turn)];
    return true;
}

/* ---- Records ---- */

static uint64_t record_sum(const struct spool_id *id, const unsigned char *bytes, size_t line_bytes)
{
    uint64_t head = sum_of(id, bytes, CHECK_AT_BYTES);

    return sum_of(id, bytes + SPOOL_RECORD_HEAD_BYTES, line_bytes) + head * 3;
}

size_t spool_record_encode(const struct spool_id *id, const struct spool_record *record,
                           unsigned char *out_bytes)
{
    struct bytes_writer w = {.bytes = out_bytes,
                             .size = SPOOL_RECORD_HEAD_BYTES + record->line_bytes};

    assert(record->line_bytes <= SPOOL_LINE_MAX_BYTES);
    bytes_put_u32(&w, (uint32_t)record->line_bytes);
    bytes_put_u32(&w, record->progress ? FLAG_PROGRESS : 0);
    bytes_put_u64(&w, record->number);
    bytes_put_u64(&w, 0);
    bytes_put(&w, record->line, record->line_bytes);
    spool_record_stamp(id, out_bytes, w.used);
    return w.used;
}

void spool_record_stamp(const struct spool_id *id, unsigned char *bytes, size_t count)
{
    struct bytes_writer w = {.bytes = bytes, .size = count, .used = CHECK_AT_BYTES};

    assert(count >= SPOOL_RECORD_HEAD_BYTES);
    bytes_put_u64(&w, record_sum(id, bytes, count - SPOOL_RECORD_HEAD_BYTES));
}

enum spool_decoded spool_record_decode(const struct spool_id *id, const unsigned char *bytes,
                                       size_t count, struct spool_record *out_record,
                                       size_t *out_bytes)
{
    struct bytes_cursor c = {.at = bytes, .left = count};
    uint32_t line_bytes, flags;
    uint64_t number;

    *out_bytes = SPOOL_RECORD_HEAD_BYTES;
    if (count < SPOOL_RECORD_HEAD_BYTES)
        return SPOOL_SHORT;
    line_bytes = bytes_take_u32(&c);
    flags = bytes_take_u32(&c);
    number = bytes_take_u64(&c);
    if (line_bytes > SPOOL_LINE_MAX_BYTES || (flags & ~FLAGS_KNOWN) || number == 0)
        return SPOOL_WRONG;
    *out_bytes = SPOOL_RECORD_HEAD_BYTES + line_bytes;
    if (count < *out_bytes)
        return SPOOL_SHORT;
    if (bytes_take_u64(&c) != record_sum(id, bytes, line_bytes) ||
        memchr(c.at, '\n', line_bytes)) /* it would be two lines to whoever reads them */
        return SPOOL_WRONG;
    *out_record =
        (struct spool_record){number, (flags & FLAG_PROGRESS) != 0, (const char *)c.at, line_bytes};
    return SPOOL_WHOLE;
}
