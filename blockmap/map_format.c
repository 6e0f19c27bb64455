/* map_format.c - see map_format.h and map_format.md. */
#include "blockmap/map_format.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "blockmap/bytes.h"
#include "blockmap/zero.h"

#define MAP_MAGIC       "snapfmp1"
#define MAGIC_BYTES     8u
#define IDENTITY_BYTES  8112u /* the head up to the totals */
#define TOTALS_BYTES    48u
#define STATES_AT       8u
#define HASHES_AT       (STATES_AT + MAP_STATES_BYTES)
#define HEAD_SEALED     (MAP_HEAD_BYTES - MAP_CHECKSUM_BYTES)
#define TEXTS_MAX_BYTES (MARKER_UUID_MAX_BYTES + 2 * MARKER_SOURCE_MAX_BYTES + 128u + 8u)

_Static_assert(72u + TEXTS_MAX_BYTES <= IDENTITY_BYTES, "the texts fit");
_Static_assert(IDENTITY_BYTES + TOTALS_BYTES <= HEAD_SEALED, "the totals fit");
_Static_assert(MAP_DISK_MAX_BYTES % ((uint64_t)MAP_BLOCK_BYTES * MAP_PAGE_BLOCKS) == 0, "whole");

struct map_sum {
    XXH3_state_t *state;
};

uint64_t map_page_count(uint64_t disk_bytes)
{
    return (map_block_count(disk_bytes) + MAP_PAGE_BLOCKS - 1) / MAP_PAGE_BLOCKS;
}

uint32_t map_page_blocks(uint64_t disk_bytes, uint64_t page)
{
    uint64_t left = map_block_count(disk_bytes) - page * MAP_PAGE_BLOCKS;

    return left < MAP_PAGE_BLOCKS ? (uint32_t)left : MAP_PAGE_BLOCKS;
}

uint32_t map_page_bytes(enum map_strength strength, uint32_t hashed_blocks)
{
    return HASHES_AT + hashed_blocks * map_hash_bytes(strength) + MAP_CHECKSUM_BYTES;
}

void map_checksum(const void *bytes, size_t count, uint64_t salt,
                  unsigned char out_checksum[MAP_CHECKSUM_BYTES])
{
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical, XXH3_128bits_withSeed(bytes, count, salt));
    memcpy(out_checksum, canonical.digest, MAP_CHECKSUM_BYTES);
}

static bool map_checksum_fits(const unsigned char *bytes, size_t sealed_bytes, uint64_t salt)
{
    unsigned char checksum[MAP_CHECKSUM_BYTES];

    map_checksum(bytes, sealed_bytes, salt, checksum);
    return memcmp(checksum, bytes + sealed_bytes, sizeof checksum) == 0;
}

/* ---- The head ---- */

bool map_is_ours(const unsigned char *bytes, size_t count)
{
    return count >= MAGIC_BYTES && memcmp(bytes, MAP_MAGIC, MAGIC_BYTES) == 0;
}

static void identity_encode(const struct map_head *head, unsigned char out_bytes[IDENTITY_BYTES])
{
    struct bytes_writer w = {out_bytes, IDENTITY_BYTES, 0};

    memset(out_bytes, 0, IDENTITY_BYTES);
    bytes_put(&w, MAP_MAGIC, MAGIC_BYTES);
    bytes_put_u32(&w, MAP_VERSION);
    bytes_put_u32(&w, MAP_BLOCK_BYTES);
    bytes_put_u32(&w, MAP_PAGE_BLOCKS);
    bytes_put_u32(&w, head->strength);
    bytes_put(&w, head->seed, sizeof head->seed);
    bytes_put_u64(&w, head->disk_bytes);
    bytes_put_u64(&w, head->made_ms);
    bytes_put_text(&w, head->copy_uuid);
    bytes_put_text(&w, head->target);
    bytes_put_text(&w, head->source);
    bytes_put_text(&w, head->etag);
}

uint64_t map_salt(const struct map_head *head)
{
    unsigned char bytes[IDENTITY_BYTES];

    identity_encode(head, bytes);
    return XXH3_64bits(bytes, sizeof bytes);
}

void map_head_encode(const struct map_head *head, const struct map_totals *totals,
                     unsigned char out_bytes[MAP_HEAD_BYTES])
{
    struct bytes_writer w = {out_bytes + IDENTITY_BYTES, MAP_HEAD_BYTES - IDENTITY_BYTES, 0};

    memset(out_bytes, 0, MAP_HEAD_BYTES);
    identity_encode(head, out_bytes);
    bytes_put_u64(&w, totals->hashed_blocks);
    bytes_put_u64(&w, totals->zero_blocks);
    bytes_put_u64(&w, totals->unknown_blocks);
    bytes_put_u64(&w, totals->file_bytes);
    bytes_put(&w, totals->directory, sizeof totals->directory);
    map_checksum(out_bytes, HEAD_SEALED, 0, out_bytes + HEAD_SEALED);
}

/* The checksum was right: what stands there was meant, by somebody. */
static bool identity_decode(const unsigned char *bytes, struct map_head *out_head)
{
    struct bytes_cursor c = {bytes + MAGIC_BYTES + 4, IDENTITY_BYTES - MAGIC_BYTES - 4, false};
    uint32_t block_bytes = bytes_take_u32(&c);
    uint32_t page_blocks = bytes_take_u32(&c);
    uint32_t strength = bytes_take_u32(&c);

    memset(out_head, 0, sizeof *out_head);
    out_head->strength = strength == MAP_SHA_256 ? MAP_SHA_256 : MAP_XXH3_128;
    memcpy(out_head->seed, bytes_take(&c, MAP_SEED_BYTES), MAP_SEED_BYTES);
    out_head->disk_bytes = bytes_take_u64(&c);
    out_head->made_ms = bytes_take_u64(&c);
    bytes_take_text(&c, out_head->copy_uuid, sizeof out_head->copy_uuid);
    bytes_take_text(&c, out_head->target, sizeof out_head->target);
    bytes_take_text(&c, out_head->source, sizeof out_head->source);
    bytes_take_text(&c, out_head->etag, sizeof out_head->etag);
    return !c.ran_out && zero_is(c.at, c.left) && block_bytes == MAP_BLOCK_BYTES &&
           page_blocks == MAP_PAGE_BLOCKS && strength <= MAP_SHA_256 && out_head->disk_bytes > 0 &&
           out_head->disk_bytes <= MAP_DISK_MAX_BYTES;
}

static bool totals_decode(const unsigned char *bytes, uint64_t disk_bytes,
                          struct map_totals *out_totals)
{
    struct bytes_cursor c = {bytes + IDENTITY_BYTES, HEAD_SEALED - IDENTITY_BYTES, false};
    uint64_t blocks = map_block_count(disk_bytes);

    out_totals->hashed_blocks = bytes_take_u64(&c);
    out_totals->zero_blocks = bytes_take_u64(&c);
    out_totals->unknown_blocks = bytes_take_u64(&c);
    out_totals->file_bytes = bytes_take_u64(&c);
    memcpy(out_totals->directory, bytes_take(&c, MAP_CHECKSUM_BYTES), MAP_CHECKSUM_BYTES);
    return zero_is(c.at, c.left) && out_totals->hashed_blocks <= blocks &&
           out_totals->zero_blocks <= blocks - out_totals->hashed_blocks &&
           out_totals->unknown_blocks ==
               blocks - out_totals->hashed_blocks - out_totals->zero_blocks;
}

bool map_head_decode(const unsigned char *bytes, size_t count, struct map_head *out_head,
                     struct map_totals *out_totals, struct err *e)
{
    struct bytes_cursor c = {bytes + MAGIC_BYTES, 4, false};
    uint32_t version;

    if (!map_is_ours(bytes, count))
        return err_set(e, ERR_CORRUPT, RETRY_NEVER, "it is no block map");
    if (count < MAP_HEAD_BYTES)
        return err_set(e, ERR_CORRUPT, RETRY_NEVER, "it is cut off in its head");
    version = bytes_take_u32(&c);
    if (!map_checksum_fits(bytes, HEAD_SEALED, 0))
        return err_set(e, ERR_CORRUPT, RETRY_NEVER,
                       "its head is damaged, or of a version that this program does not know");
    if (version != MAP_VERSION)
        return err_set(e, ERR_CORRUPT, RETRY_NEVER, "it is of version %u, this program knows %u",
                       version, MAP_VERSION);
    if (!identity_decode(bytes, out_head) ||
        !totals_decode(bytes, out_head->disk_bytes, out_totals))
        return err_set(e, ERR_CORRUPT, RETRY_NEVER, "its head holds what no map says");
    return true;
}

/* ---- The directory ---- */

void map_slot_encode(const struct map_slot *slot, unsigned char out_bytes[MAP_SLOT_BYTES])
{
    struct bytes_writer w = {out_bytes, MAP_SLOT_BYTES, 0};

    bytes_put_u64(&w, slot->offset);
    bytes_put_u32(&w, slot->hashed_blocks);
    bytes_put_u32(&w, slot->zero_blocks);
}

void map_slot_decode(const unsigned char bytes[MAP_SLOT_BYTES], struct map_slot *out_slot)
{
    struct bytes_cursor c = {bytes, MAP_SLOT_BYTES, false};

    out_slot->offset = bytes_take_u64(&c);
    out_slot->hashed_blocks = bytes_take_u32(&c);
    out_slot->zero_blocks = bytes_take_u32(&c);
}

struct map_sum *map_sum_new(uint64_t salt, struct err *e)
{
    struct map_sum *sum = calloc(1, sizeof *sum);

    if (sum)
        sum->state = XXH3_createState();
    if (!sum || !sum->state || XXH3_128bits_reset_withSeed(sum->state, salt) != XXH_OK) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the checksum of a map");
        map_sum_free(sum);
        return NULL;
    }
    return sum;
}

void map_sum_free(struct map_sum *sum)
{
    if (!sum)
        return;
    XXH3_freeState(sum->state);
    free(sum);
}

void map_sum_add(struct map_sum *sum, const void *bytes, size_t count)
{
    XXH_errorcode fed = XXH3_128bits_update(sum->state, bytes, count);

    assert(fed == XXH_OK);
}

void map_sum_end(const struct map_sum *sum, unsigned char out_checksum[MAP_CHECKSUM_BYTES])
{
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(sum->state));
    memcpy(out_checksum, canonical.digest, MAP_CHECKSUM_BYTES);
}
