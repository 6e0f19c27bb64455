/* copy_summary.h - what a copy planned, did and came to.
 *
 * Knows:         numbers and names. A value, filled by the copy, read by whoever watches.
 * Must not know: how a copy goes about it (copy.h).
 */
#ifndef ENGINE_COPY_SUMMARY_H
#define ENGINE_COPY_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/digest.h"
#include "blockmap/extent.h"
#include "engine/copy_path.h"
#include "engine/copy_proof.h"

/* Bytes are counted once, when they are durable; requests and retries as they happen. */
struct copy_summary {
    bool delta;
    bool planned;
    bool committed;
    bool at_base_already;       /* nothing had changed */
    struct extent disk;         /* 0 and the disk's bytes, footer left out */
    uint64_t source_size_bytes; /* footer included */
    uint64_t target_size_bytes; /* what it has or will have */
    bool target_existed;
    uint64_t plan_read_bytes;  /* planned: to be read and written */
    uint64_t plan_clear_bytes; /* planned: to be cleared without reading */
    uint64_t plan_clear_count;
    uint64_t plan_range_count; /* planned: separate ranges to read */
    uint64_t plan_read_count;  /* planned: reads after cutting */
    uint64_t gap_bytes;        /* part of plan_read_bytes that did not change */
    uint64_t read_bytes;
    uint64_t written_bytes; /* what the target's service wrote by itself included, */
    uint64_t pulled_bytes;  /* which is so much */
    uint64_t cleared_bytes; /* zeroed at the target */
    uint64_t
        skipped_bytes;    /* not written: zero at both ends, or the map says that they are there */
    uint64_t proof_bytes; /* read only for the hashes of a map, or of a base to compare with it */
    uint64_t resumed_bytes; /* of the plan: durable before this process began */
    bool has_map;           /* made, and in its place */
    bool journal_kept;      /* it failed, and what was done is recorded: the same again goes on */
    uint64_t retries;
    uint32_t window;     /* ranges in flight at the end */
    uint64_t started_ns; /* monotonic */
    uint64_t ended_ns;
    char why_full[320]; /* a sentence when a base was given and a full copy was made */
    char root[DIGEST_TEXT_MAX_BYTES]; /* full copy with hash */
    char base_root[DIGEST_TEXT_MAX_BYTES];
    char delta_digest[DIGEST_TEXT_MAX_BYTES];
    char copy_uuid[40];
    struct copy_path_summary path;
    struct copy_proof_summary proof;
};

#endif
