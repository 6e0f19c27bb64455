/* event_batch.c - see event_batch.h. */
#include "engine/event_batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NEWLINE_BYTES 1u

void event_batch_fini(struct event_batch *batch)
{
    free(batch->text);
    *batch = (struct event_batch){0};
}

static bool batch_add(struct event_batch *batch, const struct spool_record *record)
{
    size_t end = batch->end + record->line_bytes + NEWLINE_BYTES;

    if (end > batch->room) {
        size_t room = end < batch->room * 2 ? batch->room * 2 : end;
        char *more = realloc(batch->text, room);

        if (!more)
            return false;
        batch->text = more;
        batch->room = room;
    }
    memcpy(batch->text + batch->end, record->line, record->line_bytes);
    batch->text[end - 1] = '\n';
    batch->end = end;
    if (batch->lines++ == 0)
        batch->first = record->number;
    return true;
}

enum event_batch_filled event_batch_fill(struct event_batch *batch, const struct spool_id *id,
                                         const unsigned char *records, size_t count, uint64_t from,
                                         size_t max_bytes, size_t *out_needed)
{
    struct spool_record record;
    size_t used = 0, bytes;

    assert(batch->lines == 0);
    if (batch->room > 2 * max_bytes) /* a line was very long */
        event_batch_fini(batch);
    batch->begin = batch->end = 0;
    while (used < count && batch->end < max_bytes) {
        enum spool_decoded answer =
            spool_record_decode(id, records + used, count - used, &record, &bytes);

        if (answer == SPOOL_SHORT && batch->lines == 0) {
            *out_needed = bytes;
            return EVENT_BATCH_SHORT;
        }
        if (answer != SPOOL_WHOLE || record.number < from)
            break;
        if (batch->lines && (record.number != batch->first + batch->lines ||
                             batch->end + record.line_bytes + NEWLINE_BYTES > max_bytes))
            break;
        if (!batch_add(batch, &record))
            return batch->lines ? EVENT_BATCH_GOOD : EVENT_BATCH_NO_MEMORY;
        used += bytes;
    }
    return batch->lines ? EVENT_BATCH_GOOD : EVENT_BATCH_WRONG;
}

static size_t line_end(const struct event_batch *batch, size_t begin)
{
    const char *newline = memchr(batch->text + begin, '\n', batch->end - begin);

    assert(newline);
    return (size_t)(newline - batch->text) + NEWLINE_BYTES;
}

struct event_piece event_batch_piece(const struct event_batch *batch, uint32_t max_lines,
                                     size_t max_bytes)
{
    struct event_piece piece = {batch->text + batch->begin, 0, 0};

    assert(batch->lines > 0);
    while (piece.lines < batch->lines && (!max_lines || piece.lines < max_lines)) {
        size_t bytes = line_end(batch, batch->begin + piece.bytes) - batch->begin;

        if (piece.lines && max_bytes && bytes > max_bytes)
            break;
        piece.bytes = bytes;
        piece.lines++;
    }
    return piece;
}

uint64_t event_batch_drop(struct event_batch *batch, uint32_t lines)
{
    struct event_piece piece = event_batch_piece(batch, lines, 0);

    assert(piece.lines == lines);
    batch->begin += piece.bytes;
    batch->lines -= lines;
    batch->first += lines;
    return piece.bytes + (uint64_t)lines * (SPOOL_RECORD_HEAD_BYTES - NEWLINE_BYTES);
}
