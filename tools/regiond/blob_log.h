/* blob_log.h - a blob's log: records with a CRC each, one after the other.
 *
 * Knows:         framing, and how values are laid out in a record's payload.
 * Must not know: what a record does to a blob.
 * Threads:       none of its own. Results are 0 or an errno; EBADMSG: not a log, or damaged.
 *
 * A record is u32 payload bytes, u32 type, u64 CRC64 of those and the payload, payload; all
 * little-endian. A record torn by a kill can only be the last, and is cut off; damage anywhere
 * else is refused, because what follows it would be lost in silence.
 */
#ifndef REGIOND_BLOB_LOG_H
#define REGIOND_BLOB_LOG_H

#include "tools/regiond/store_types.h"

#define LOG_FORMAT        1u
#define LOG_HEADER_BYTES  16u
#define LOG_PAYLOAD_BYTES (128u << 10) /* the most that one record carries */

/* Numbers are on disk: never reuse one. */
enum log_type {
    LOG_HEAD = 1,         /* format, blob id, container id, name */
    LOG_ATTRIBUTES = 2,   /* attributes after a change; a smaller size drops pages */
    LOG_WRITE = 3,        /* tick, start, end (pages) */
    LOG_CLEAR = 4,        /* tick, start, end */
    LOG_SNAPSHOT = 5,     /* tick, attributes of the snapshot */
    LOG_UNSNAPSHOT = 6,   /* tick of the snapshot deleted */
    LOG_REPLACE = 7,      /* attributes of the new blob, pages it has (block blobs) */
    LOG_LEASE = 8,        /* lease */
    LOG_EPOCH = 9,        /* compaction: generation, next file, current file, files */
    LOG_RUNS = 10,        /* compaction: runs of the open epoch: count, (start, end, value)... */
    LOG_SNAPSHOT_END = 11 /* compaction: the epoch just described is sealed: tick, attributes */
};

/* ---- Writing: a payload being made. Beyond its room it remembers that it failed ---- */
struct log_record {
    unsigned char *bytes; /* owned; header first */
    size_t used, room;
    bool failed;
};
void log_record_begin(struct log_record *record, enum log_type type); /* reuses the memory */
void log_record_u32(struct log_record *record, uint32_t value);
void log_record_u64(struct log_record *record, uint64_t value);
void log_record_text(struct log_record *record, const char *text);
void log_record_pairs(struct log_record *record, const struct store_pairs *pairs);
bool log_record_end(struct log_record *record); /* false: too long, or memory is out */
void log_record_fini(struct log_record *record);

/* ---- Reading ---- */
struct log_view { /* a payload; after a failed read every further one fails too */
    const unsigned char *at, *end;
    bool failed;
};
uint32_t log_view_u32(struct log_view *view);
uint64_t log_view_u64(struct log_view *view);
char *log_view_text(struct log_view *view); /* owned by the caller; NULL on failure */
bool log_view_pairs(struct log_view *view, struct store_pairs *out); /* into an empty one */
bool log_view_done(const struct log_view *view); /* everything read, nothing failed */

/* Calls back for every whole record; a result other than 0 ends the replay with it.
 * out_good_bytes is where the next record goes. */
typedef int log_seen_fn(void *context, uint32_t type, struct log_view *payload);
int blob_log_replay(int fd, log_seen_fn *seen, void *context, uint64_t *out_good_bytes);

#endif
