/* stream_made.h - delta streams made by hand in memory, record by record, also such as no writer makes.
 *
 * Knows:         blockmap/stream_write.h and stream_frame.h.
 * Must not know: export. Threads: none. Asserts when memory runs out.
 */
#ifndef SUPPORT_STREAM_MADE_H
#define SUPPORT_STREAM_MADE_H

#include <stddef.h>

#include "blockmap/stream_frame.h"

struct stream_made { /* a zeroed struct is an empty stream */
    unsigned char *bytes;
    size_t used, room;
    unsigned records;
    struct stream_end counts; /* of what was put so far, records without an END */
};

void stream_made_fini(struct stream_made *made);
void stream_made_head(struct stream_made *made, const struct stream_head *head);
void stream_made_plain_head(struct stream_made *made, uint64_t disk_bytes); /* full, no footer */
void stream_made_plan(struct stream_made *made, bool clears, const struct extent *extents,
                      uint32_t count);
void stream_made_data(struct stream_made *made, const struct stream_piece *pieces, uint32_t count,
                      const void *raw, enum stream_codec codec);
void stream_made_zero(struct stream_made *made, uint64_t offset, uint64_t length);
void stream_made_copy(struct stream_made *made, const struct stream_copy_piece *pieces,
                      uint32_t count);
/* Of a kind nobody knows, its checksum right. */
void stream_made_unknown(struct stream_made *made, unsigned kind, bool mandatory, uint32_t bytes);
struct stream_end stream_made_end_of(uint64_t target_bytes); /* a complete full one, counts 0 */
void stream_made_end(struct stream_made *made, const struct stream_end *end);
/* Makes frame and checksum of the record at `at` good again after a test changed it. */
void stream_made_mend(struct stream_made *made, size_t at);

/* HEAD, PLAN, DATA (raw and zstd), ZERO, COPY, END of a disk of at least 1 MiB: data in [0, 512 KiB). */
struct stream_made stream_made_small(uint64_t disk_bytes);

#endif
