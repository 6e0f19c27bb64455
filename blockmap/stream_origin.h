/* stream_origin.h - the ORIGIN record: what the source was when a stream was begun, and how it is made. Pure.
 *
 * Knows:         stream_format.md, "Payloads". Its kind is optional: who applies a stream passes it over.
 * Must not know: files, who goes on with a stream.
 * Threads:       any.
 */
#ifndef BLOCKMAP_STREAM_ORIGIN_H
#define BLOCKMAP_STREAM_ORIGIN_H

#include "blockmap/stream.h"

#define STREAM_ORIGIN 7u /* beside enum stream_kind, whose kinds are mandatory */

struct stream_origin {
    char etag[STREAM_ETAG_MAX_BYTES]; /* of the source; "" = it has none */
    bool fixed; /* it cannot change: its name is enough where it has no ETag */
    int level;  /* of zstd, as it was asked for */
    bool no_dedup;
};

/* One whole record in memory of STREAM_SMALL_MAX_BYTES (stream_write.h). 0: out_max is less. */
uint32_t stream_origin_encode(uint64_t number, const struct stream_origin *origin, void *out,
                              uint32_t out_max);
/* Of a record whose checksum is right. False: no writer writes this. */
bool stream_origin_decode(const void *payload, uint32_t payload_bytes, struct stream_origin *out);
/* Is the source as it was? */
bool stream_origin_same_source(const struct stream_origin *then, const struct stream_origin *now);

#endif
