/* relay_batch.h - writes that travel together: hashed, asked about, packed, sent; what was missing, again.
 *
 * Knows:         blocks of 64 KiB, records, the protocol's have and write.
 * Must not know: when a batch is full enough to go (relay_gather.c), why a range is written.
 * Threads:       the reactor's; hashing and packing on workers, which then own the batch.
 * Errors:        of a batch are the errors of all its requests.
 *
 *   GATHERED -> HASHING -> ASKING -> UNPACKED -> PACKING -> SENDING -> done
 *      |  no dedup, or no whole block    ^            missing |
 *      +---------------------------------+--------------------+
 */
#ifndef IO_RELAY_BATCH_H
#define IO_RELAY_BATCH_H

#include "blockmap/stream.h"
#include "blockmap/stream_pack.h"
#include "io/endpoint.h"
#include "io/workers.h"

#define RELAY_BATCH_PARTS_MAX    512u
#define RELAY_BATCH_REQUESTS_MAX 256u
#define RELAY_BATCH_BLOCKS_MAX   (STREAM_RAW_MAX_BYTES / STREAM_BLOCK_BYTES)
/* A frame and its payload, and before them what a batch clears and what it refers to. */
#define RELAY_RECORD_BYTES (STREAM_FRAME_BYTES + STREAM_PAYLOAD_MAX_BYTES + (32u << 10))

struct endpoint_relay;

struct relay_block { /* a whole block of the disk, inside what is written */
    uint64_t offset;
    const unsigned char *bytes;
    struct block_id id;
    bool known; /* by us: not asked about */
    bool held;  /* by the receiver: sent as a reference */
};

struct relay_batch {
    struct endpoint_relay *ep;
    struct relay_batch *next;
    /* what the caller gave */
    struct block_req *reqs[RELAY_BATCH_REQUESTS_MAX];
    uint32_t req_count;
    uint32_t parts_bound; /* parts, zeros and blocks will be no more */
    uint64_t raw_bytes;   /* of writes, what they leave out included */
    uint64_t data_bytes;  /* of those, what is sent as bytes or references */
    uint64_t zero_bytes;
    /* what it is */
    struct stream_part runs[RELAY_BATCH_PARTS_MAX]; /* data, by offset; blocks lie in them */
    uint32_t run_count;
    struct stream_piece zeros[RELAY_BATCH_PARTS_MAX];
    uint32_t zero_count;
    struct relay_block blocks[RELAY_BATCH_BLOCKS_MAX];
    uint32_t block_count, held_count;
    struct block_id asked[RELAY_BATCH_BLOCKS_MAX];
    uint32_t asked_count;
    /* this sending */
    struct stream_part parts[RELAY_BATCH_PARTS_MAX]; /* of the DATA record */
    uint32_t part_count;
    uint32_t part_bytes;
    struct stream_copy_piece copies[RELAY_BATCH_BLOCKS_MAX];
    uint32_t copy_block[RELAY_BATCH_BLOCKS_MAX]; /* of each, its index in blocks */
    uint32_t copy_count, copy_record;
    unsigned char *record; /* RELAY_RECORD_BYTES; NULL unless packed or about to be */
    uint32_t record_bytes;
    uint32_t records; /* in it */
    int level;
    uint64_t hash_ns; /* the ids took, until that was told */
    uint32_t sendings;
    struct stream_packed packed;
    struct work work;
    struct err err;
};

/* The largest a request may be beside what is there already; false: it begins the next batch. An empty one
 * takes any. */
bool relay_batch_takes(const struct relay_batch *batch, const struct block_req *req);
void relay_batch_add(struct relay_batch *batch, struct block_req *req);
struct relay_batch *relay_batch_new(struct endpoint_relay *ep);
void relay_batch_free(struct relay_batch *batch);

/* Nothing is added from here on. Ends all its requests, then gives itself back to the endpoint. */
void relay_batch_start(struct relay_batch *batch);

#endif
