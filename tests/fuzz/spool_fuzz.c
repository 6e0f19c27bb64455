/* spool_fuzz.c - a file of events that wait as a broken disk may give it back. First as it stands; then with
 * the checksums of its records made good. A record that is taken is one that the writer would have written
 * in these very bytes. Must not know: files. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/event_batch.h"
#include "engine/spool_format.h"

#define INPUT_MAX_BYTES 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_written_so(const struct spool_id *id, const struct spool_record *record,
                              const uint8_t *bytes, size_t count)
{
    unsigned char *again = malloc(count);

    assert(again && SPOOL_RECORD_HEAD_BYTES + record->line_bytes == count);
    assert(spool_record_encode(id, record, again) == count);
    assert(memcmp(again, bytes, count) == 0);
    free(again);
}

static void read_records(const struct spool_id *id, const uint8_t *data, size_t size)
{
    struct spool_record record;
    size_t used;

    for (size_t at = 0; at < size; at += used) {
        if (spool_record_decode(id, data + at, size - at, &record, &used) != SPOOL_WHOLE)
            return;
        assert(used <= size - at);
        expect_written_so(id, &record, data + at, used);
    }
}

/* Batches of what is there, taken to pieces: as many bytes leave as came. */
static void read_batches(const struct spool_id *id, const uint8_t *data, size_t size)
{
    struct event_batch batch = {0};
    uint64_t from = 1;
    size_t at = 0, needed = 0;

    while (event_batch_fill(&batch, id, data + at, size - at, from, 4096, &needed) ==
           EVENT_BATCH_GOOD) {
        while (batch.lines > 0) {
            struct event_piece piece = event_batch_piece(&batch, 3, 1000);

            assert(piece.lines > 0 && piece.bytes > 0 && piece.text[piece.bytes - 1] == '\n');
            at += event_batch_drop(&batch, piece.lines);
            assert(at <= size);
        }
        from = batch.first;
    }
    event_batch_fini(&batch);
}

/* Makes the checksum of every record that fits good; what is left keeps its bytes. */
static void mend(const struct spool_id *id, uint8_t *data, size_t size)
{
    size_t at = 0;

    while (size - at >= SPOOL_RECORD_HEAD_BYTES) {
        size_t bytes = SPOOL_RECORD_HEAD_BYTES + data[at] + 256u * data[at + 1];

        if (bytes > size - at)
            return;
        spool_record_stamp(id, data + at, bytes);
        at += bytes;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t mended[INPUT_MAX_BYTES];
    struct spool_id id = {.created_ns = 1};
    struct spool_cursor cursor;
    struct err e = {0};

    if (size > sizeof mended)
        return 0;
    if (size >= SPOOL_HEADER_BYTES && spool_header_decode(data, &id, &cursor, &e))
        assert(cursor.offset >= SPOOL_HEADER_BYTES && !err_is_set(&e));
    read_records(&id, data, size);
    memcpy(mended, data, size);
    mend(&id, mended, size);
    read_records(&id, mended, size);
    read_batches(&id, mended, size);
    return 0;
}
