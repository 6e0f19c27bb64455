/* map.h - the block map of a disk as bytes: 64 KiB block -> hash | zero | unknown. Pure.
 *
 * Knows:         map_format.md: head, directory, pages, checksums; how a block is hashed for a map.
 * Must not know: files; which target the map is of; why a block is compared.
 * Threads:       none; one owner. map_hash_blocks only reads its hasher: any thread.
 * Errors:        ERR_CORRUPT for bytes that are no sound map; ERR_LIMIT when memory ran out.
 *
 * The hash of a map is keyed by a random seed that stands in the map, so that who chooses a disk's
 * content cannot choose two blocks of one hash. It is never the root's canonical hash (digest.h).
 */
#ifndef BLOCKMAP_MAP_H
#define BLOCKMAP_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/digest.h"
#include "blockmap/err.h"
#include "blockmap/marker.h"

#define MAP_VERSION        1u
#define MAP_BLOCK_BYTES    DIGEST_BLOCK_BYTES
#define MAP_SEED_BYTES     32u
#define MAP_HASH_MAX_BYTES 32u
#define MAP_DISK_MAX_BYTES (1ull << 46) /* 64 TiB: twice the largest managed disk */

enum map_strength {
    MAP_XXH3_128, /* 16 bytes a block: two XXH3-128, keyed by two secrets of the seed, xor-ed */
    MAP_SHA_256   /* 32 bytes a block; the seed goes first into the hash */
};

enum map_state { MAP_UNKNOWN, MAP_ZERO, MAP_HASHED };

struct map_entry {
    enum map_state state;
    unsigned char hash[MAP_HASH_MAX_BYTES]; /* of HASHED; what the strength does not use is 0 */
};

/* What the map says of the disk it is of. Of a map made of a target: the copy that left it so. */
struct map_head {
    enum map_strength strength;
    unsigned char seed[MAP_SEED_BYTES];
    uint64_t disk_bytes;                   /* footer left out, as the root does */
    char copy_uuid[MARKER_UUID_MAX_BYTES]; /* of the marker the target had; "" = no target's map */
    char target[MARKER_SOURCE_MAX_BYTES];  /* identity of what the map is of, never a SAS */
    char source[MARKER_SOURCE_MAX_BYTES];  /* identity of what was copied there; may be "" */
    char etag[128];                        /* of the target when the map was made; "" = unknown */
    uint64_t made_ms;                      /* wall clock, since 1970 */
};

uint64_t map_block_count(uint64_t disk_bytes);
uint32_t map_hash_bytes(enum map_strength strength); /* 16 or 32 */

/* Same state and hash, and the state is not UNKNOWN. */
bool map_entry_same(const struct map_entry *a, const struct map_entry *b);

/* ---- Hashing ---- */
struct map_hasher;
struct map_hasher *map_hasher_new(enum map_strength strength,
                                  const unsigned char seed[MAP_SEED_BYTES], struct err *e);
void map_hasher_free(struct map_hasher *hasher); /* NULL is fine */
/* Neighbouring blocks of count_bytes in all; the last may be cut (the disk's end): its rest is zero.
 * One entry a block; ZERO or HASHED (with MAP_SHA_256 UNKNOWN where memory ran out). */
void map_hash_blocks(const struct map_hasher *hasher, const void *bytes, size_t count_bytes,
                     struct map_entry *out_entries);

#endif
