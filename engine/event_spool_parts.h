/* event_spool_parts.h - what the two files of event_spool share.
 *
 * Knows: the spool's members. Must not know: anybody but event_spool*.c.
 */
#ifndef ENGINE_EVENT_SPOOL_PARTS_H
#define ENGINE_EVENT_SPOOL_PARTS_H

#include <limits.h>

#include "engine/event_spool.h"

struct spool_call { /* one kind of operation; at most one of it is under way */
    struct reactor_op op;
    struct event_spool *spool;
    bool busy;
    event_spool_done_fn *done;
    void *arg;
};

struct event_spool {
    /* set once */
    struct reactor *reactor;
    int fd; /* holds the lock */
    struct spool_id id;
    uint64_t max_bytes;
    char path[PATH_MAX];
    /* changes */
    uint64_t end_bytes;
    struct spool_cursor cursor;
    unsigned char cursor_bytes[SPOOL_CURSOR_BYTES]; /* being written */
    bool cursor_changed;                            /* since that was begun */
    uint64_t marking_offset, marked_offset;   /* of it, and of the one before, which is there */
    uint64_t trimmed_offset, trimming_offset; /* the disk has its blocks back up to here */
    bool no_trim;                             /* the file system cannot */
    bool broken; /* a cursor that must be written before an append could not be */
    bool freed, remove;
    struct spool_call append, read, mark, trim, sync, reset;
    event_spool_done_fn *marked;
    void *marked_arg;
    const unsigned char *append_bytes;
    size_t append_count, appended;
};

#endif
