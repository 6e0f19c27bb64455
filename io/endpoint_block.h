/* endpoint_block.h - a request for bytes of a disk: read, write, zero. Included by endpoint.h, which says
 * who may ask, and how it ends.
 *
 * Knows:         what is asked, and what of it is known already.
 * Must not know: how any endpoint does it.
 */
#ifndef IO_ENDPOINT_BLOCK_H
#define IO_ENDPOINT_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/digest.h"
#include "blockmap/err.h"
#include "io/bufpool.h"

/* A run of zeros inside what is written. */
struct block_zero {
    uint32_t offset, length; /* bytes of the request, whole pages */
    bool clear;              /* the target may hold something there; else it holds zeros already */
};

struct endpoint;

struct block_req {
    uint64_t offset;     /* bytes from the start of the disk */
    uint64_t length;     /* bytes; at most request_max_bytes, but for a zero */
    struct buf *buf;     /* borrowed until done; NULL for zero, clear and flush */
    uint32_t buf_offset; /* where in buf the range's first byte is */
    bool crc64_known;    /* in: write may send crc64. out: read computed (and checked) crc64 */
    uint64_t crc64;      /* of exactly these bytes */
    /* Of a read. In: room for the hash of each block of the disk that lies whole within it; NULL: not wanted.
     * Out: how many there are, all or none: who has the bytes in the cache as they come may hash them. */
    struct block_hash *hashes;
    uint32_t hashed_count;
    /* Of a write, where ENDPOINT_TAKES_ZEROS: runs that are zero in buf too, in order and apart. What is not
     * `clear` may be left out. Borrowed until done. */
    const struct block_zero *zeros;
    uint32_t zero_count;
    struct endpoint *from; /* pull: whose bytes, without a buf; else NULL */
    bool from_failed;      /* out, of a pull that failed: it was there */
    struct err err;        /* ERR_NONE on success */
    void (*done)(struct block_req *);
};

#endif
