/* journal_record.h - what a journal says: the records, as values.
 *
 * Knows:         what a copy must remember to go on.
 * Must not know: their bytes (journal_format.h), files, what a copy does with them.
 * Threads:       none; values.
 */
#ifndef BLOCKMAP_JOURNAL_RECORD_H
#define BLOCKMAP_JOURNAL_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/digest.h"
#include "blockmap/extent.h"
#include "blockmap/marker.h"

#define JOURNAL_TEXT_MAX_BYTES 128u  /* ETag, time, lease id */
#define JOURNAL_HASHES_MAX     65u   /* blocks that one range of 4 MiB may touch */
#define JOURNAL_EXTENTS_MAX    4096u /* in one record; more go into the next */
#define JOURNAL_MAP_NEW        "new"

enum journal_kind { JOURNAL_COPY = 1, JOURNAL_VERIFY = 2 };

/* What the journal is bound to; all of it is compared before anything is taken from it. */
struct journal_header {
    enum journal_kind kind;
    uint64_t created_s; /* wall clock, seconds since 1970 */
    char copy_uuid[MARKER_UUID_MAX_BYTES];
    char lease_id[JOURNAL_TEXT_MAX_BYTES]; /* "" = none */
    char source[MARKER_SOURCE_MAX_BYTES];  /* identity, never a SAS */
    uint64_t source_bytes, base_bytes;     /* footer included */
    char source_etag[JOURNAL_TEXT_MAX_BYTES];
    char source_modified[JOURNAL_TEXT_MAX_BYTES];
    char base[MARKER_SOURCE_MAX_BYTES];      /* identity; "" = a full copy */
    char base_root[MARKER_DIGEST_MAX_BYTES]; /* what the target's marker said of it */
    char target[MARKER_SOURCE_MAX_BYTES];
    uint64_t target_bytes;                    /* as found; 0 = absent */
    char target_etag[JOURNAL_TEXT_MAX_BYTES]; /* as found */
    uint8_t footer;                           /* enum copy_footer */
    bool hash;
    uint64_t coalesce_bytes;
    uint64_t sample; /* VERIFY: seed and share of a sample; 0 = everything */
    /* "": no map is kept. Else the copy that left the map in use, JOURNAL_MAP_NEW: none was */
    char map[MARKER_UUID_MAX_BYTES];
};

/* Lists that were made, so that none is made twice. */
enum journal_list {
    JOURNAL_LIST_SOURCE, /* full: what holds data; delta: what changed */
    JOURNAL_LIST_SOURCE_ALL,
    JOURNAL_LIST_TARGET,
    JOURNAL_LISTS
};

enum journal_type {
    JOURNAL_HEADER = 1,
    JOURNAL_LISTED,  /* a part of a list */
    JOURNAL_MARKED,  /* the target carries our marker, and nothing older can land on it */
    JOURNAL_PLANNED, /* the plan made of the lists: what follows is of this plan alone */
    JOURNAL_DONE,    /* a range is durable at the target */
    JOURNAL_STAGE    /* the data phase is over, the commit landed, ... */
};

enum journal_stage {
    JOURNAL_MOVED = 1,
    JOURNAL_COMMITTED = 2,
    JOURNAL_PULLED = 3 /* from here on data may be moved without being seen: no hashes */
};

struct journal_listed {
    enum journal_list list;
    uint64_t size_bytes; /* of what was listed, as the lister said it */
    uint64_t up_to;      /* the list is complete below this offset; UINT64_MAX: it is whole */
    bool clears;         /* extents are clears, else data */
    uint32_t count;
    struct extent extents[JOURNAL_EXTENTS_MAX]; /* sorted */
};

struct journal_planned {
    uint64_t disk_bytes;
    uint64_t target_bytes;                 /* wanted */
    uint64_t total_bytes;                  /* that must change */
    unsigned char plan[DIGEST_HASH_BYTES]; /* of the worklist: engine/plan_digest.h */
};

/* hashes: of the blocks that this range's bytes made whole, neighbours, from
 * first_block on. A delta has one hash, of the range's bytes, and first_block 0; a clear has none. */
struct journal_done {
    struct extent extent;
    bool clear;
    uint64_t first_block;
    uint32_t hash_count;
    struct block_hash hashes[JOURNAL_HASHES_MAX];
};

struct journal_record {
    enum journal_type type;
    union {
        struct journal_header header;
        struct journal_listed listed;
        struct journal_planned planned;
        struct journal_done done;
        enum journal_stage stage;
    };
};

#endif
