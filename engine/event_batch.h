/* event_batch.h - lines on their way: records of a spool become the body of a post, and leave by pieces.
 *
 * Knows:         records, newlines.
 * Must not know: files, HTTP.
 * Threads:       none; one owner.
 */
#ifndef ENGINE_EVENT_BATCH_H
#define ENGINE_EVENT_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/spool_format.h"

struct event_batch { /* zeroed = empty */
    char *text;      /* owned: lines, each with its newline */
    size_t room, begin, end;
    uint32_t lines;
    uint64_t first; /* number of the first line; they are consecutive */
};

struct event_piece { /* the first lines of a batch */
    const char *text;
    size_t bytes;
    uint32_t lines;
};

enum event_batch_filled {
    EVENT_BATCH_GOOD,     /* a line at least */
    EVENT_BATCH_SHORT,    /* not one whole record: out_needed bytes are */
    EVENT_BATCH_WRONG,    /* no record begins here, or it is of another number */
    EVENT_BATCH_NO_MEMORY /* to be tried again */
};

void event_batch_fini(struct event_batch *batch);
/* An empty batch takes records of consecutive numbers from `from` on, up to max_bytes of text, and one in any
 * case. */
enum event_batch_filled event_batch_fill(struct event_batch *batch, const struct spool_id *id,
                                         const unsigned char *records, size_t count, uint64_t from,
                                         size_t max_bytes, size_t *out_needed);
/* At most so many lines and bytes (0: as many as there are), but one line at least. */
struct event_piece event_batch_piece(const struct event_batch *batch, uint32_t max_lines,
                                     size_t max_bytes);
/* The first lines are done with; returns how many bytes their records have. */
uint64_t event_batch_drop(struct event_batch *batch, uint32_t lines);

#endif
