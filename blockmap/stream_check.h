/* stream_check.h - is what a whole record says what a writer may say? Included by blockmap/stream_*.c alone.
 *
 * Knows:         bounds of a disk, order of pieces, the counts an END must have.
 * Must not know: frames, where bytes come from.
 * Threads:       none; a value with one owner.
 */
#ifndef BLOCKMAP_STREAM_CHECK_H
#define BLOCKMAP_STREAM_CHECK_H

#include "blockmap/stream_frame.h"
#include "blockmap/stream_read.h"

struct stream_check {
    bool batch;
    uint64_t disk_bytes;                   /* 0: until the HEAD says it */
    uint64_t plan_end_bytes[2];            /* of data and clears, as far as they were told */
    uint64_t data_end, zero_end, copy_end; /* of the last piece of each; a stream's only rise */
    uint64_t plan_bytes;                   /* of data */
    struct stream_end seen;                /* counts so far */
};

/* Takes a record whose checksum is right. False: *e names it. */
bool stream_check_record(struct stream_check *check, const struct stream_record *record,
                         struct err *e);

/* ---- Parts of a payload; stream_decode.c ---- */
uint32_t stream_record_u32(const struct stream_record *record,
                           uint32_t at_bytes); /* 0: too short */
struct stream_list stream_record_list(const struct stream_record *record, uint32_t at_bytes);
bool stream_get_copy(struct stream_list *list, uint64_t disk_bytes, struct stream_copy_piece *out);

#endif
