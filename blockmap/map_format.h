/* map_format.h - a block map as bytes: head, directory, pages. Pure encoding and decoding.
 *
 * Knows:         map_format.md, and nothing else.
 * Must not know: files, who looks something up (map_view.h), what a difference means.
 * Threads:       none; values.
 * Errors:        ERR_CORRUPT: these are no sound bytes of a map.
 */
#ifndef BLOCKMAP_MAP_FORMAT_H
#define BLOCKMAP_MAP_FORMAT_H

#include "blockmap/map.h"

#define MAP_HEAD_BYTES     8192u
#define MAP_SLOT_BYTES     16u
#define MAP_PAGE_BLOCKS    1024u /* 64 MiB of disk */
#define MAP_STATES_BYTES   (MAP_PAGE_BLOCKS / 4)
#define MAP_CHECKSUM_BYTES 16u
#define MAP_PAGE_MAX_BYTES                                                                         \
    (8u + MAP_STATES_BYTES + MAP_PAGE_BLOCKS * MAP_HASH_MAX_BYTES + MAP_CHECKSUM_BYTES)
#define MAP_PAGES_MAX (MAP_DISK_MAX_BYTES / MAP_BLOCK_BYTES / MAP_PAGE_BLOCKS)

/* What the head says of all the rest. */
struct map_totals {
    uint64_t hashed_blocks, zero_blocks, unknown_blocks;
    uint64_t file_bytes;
    unsigned char directory[MAP_CHECKSUM_BYTES]; /* its checksum */
};

/* One of the directory: where a page is. */
struct map_slot {
    uint64_t offset; /* 0: no page, all of its blocks are of one state */
    uint32_t hashed_blocks, zero_blocks;
};

uint64_t map_page_count(uint64_t disk_bytes);
uint32_t map_page_blocks(uint64_t disk_bytes, uint64_t page); /* the last has fewer */
uint32_t map_page_bytes(enum map_strength strength, uint32_t hashed_blocks);

void map_checksum(const void *bytes, size_t count, uint64_t salt,
                  unsigned char out_checksum[MAP_CHECKSUM_BYTES]);

/* ---- The head ---- */
bool map_is_ours(const unsigned char *bytes, size_t count); /* begins as a map does */
/* Goes into every checksum: no page of another map is ever taken for one of this. */
uint64_t map_salt(const struct map_head *head);
void map_head_encode(const struct map_head *head, const struct map_totals *totals,
                     unsigned char out_bytes[MAP_HEAD_BYTES]);
bool map_head_decode(const unsigned char *bytes, size_t count, struct map_head *out_head,
                     struct map_totals *out_totals, struct err *e);

/* ---- The directory: MAP_SLOT_BYTES for each page, behind the head ---- */
void map_slot_encode(const struct map_slot *slot, unsigned char out_bytes[MAP_SLOT_BYTES]);
void map_slot_decode(const unsigned char bytes[MAP_SLOT_BYTES], struct map_slot *out_slot);
/* Its checksum, fed in any pieces. */
struct map_sum;
struct map_sum *map_sum_new(uint64_t salt, struct err *e);
void map_sum_free(struct map_sum *sum); /* NULL is fine */
void map_sum_add(struct map_sum *sum, const void *bytes, size_t count);
void map_sum_end(const struct map_sum *sum, unsigned char out_checksum[MAP_CHECKSUM_BYTES]);

/* ---- Pages ---- */
/* All blocks of a page. Fills *out_slot but for the offset. Returns the page's bytes; 0: it needs none. */
uint32_t map_page_encode(enum map_strength strength, uint64_t salt, uint64_t page,
                         const struct map_entry *entries, uint32_t block_count,
                         unsigned char out_bytes[MAP_PAGE_MAX_BYTES], struct map_slot *out_slot);
/* bytes are map_page_bytes of the slot. Checksum, number, states and counts. */
bool map_page_check(enum map_strength strength, uint64_t salt, uint64_t page,
                    const struct map_slot *slot, uint32_t block_count, const unsigned char *bytes,
                    struct err *e);
/* Of a checked page: its blocks from first on, within the page. */
void map_page_entries(enum map_strength strength, const unsigned char *bytes, uint32_t first,
                      uint32_t count, struct map_entry *out_entries);
/* How many of a checked page's blocks from first on are of one state, at most count. */
uint32_t map_page_run(const unsigned char *bytes, uint32_t first, uint32_t count,
                      enum map_state *out_state);

#endif
