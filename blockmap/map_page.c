/* map_page.c - the pages of a block map: two bits a block, and the hashes of those that have one. See
 * map_format.h. */
#include <assert.h>
#include <string.h>

#include "blockmap/bytes.h"
#include "blockmap/map_format.h"

#define STATES_AT       8u /* behind the page's number */
#define HASHES_AT       (STATES_AT + MAP_STATES_BYTES)
#define WORD_BLOCKS     32u /* states in 64 bits */
#define STATE_LOW_BITS  0x5555555555555555ull
#define STATES_OF(code) ((uint64_t)(code)*STATE_LOW_BITS) /* 32 blocks of one state */

_Static_assert(MAP_UNKNOWN == 0 && MAP_ZERO == 1 && MAP_HASHED == 2, "as they are written");
_Static_assert(MAP_PAGE_BLOCKS % WORD_BLOCKS == 0, "whole words");

static uint64_t states_word(const unsigned char *page, uint32_t word)
{
    struct bytes_cursor c = {page + STATES_AT + (size_t)word * 8, 8, false};

    return bytes_take_u64(&c);
}

static enum map_state state_at(const unsigned char *page, uint32_t block)
{
    return (enum map_state)(page[STATES_AT + block / 4] >> (block % 4 * 2) & 3);
}

/* How many of the blocks whose bits stand in the word are HASHED, and how many ZERO. */
static uint32_t hashed_in(uint64_t word)
{
    return (uint32_t)__builtin_popcountll(word >> 1 & STATE_LOW_BITS);
}

static uint32_t zero_in(uint64_t word)
{
    return (uint32_t)__builtin_popcountll(word & STATE_LOW_BITS);
}

uint32_t map_page_encode(enum map_strength strength, uint64_t salt, uint64_t page,
                         const struct map_entry *entries, uint32_t block_count,
                         unsigned char out_bytes[MAP_PAGE_MAX_BYTES], struct map_slot *out_slot)
{
    struct bytes_writer w = {out_bytes, STATES_AT, 0};
    uint32_t hash_bytes = map_hash_bytes(strength);
    unsigned char *hashes = out_bytes + HASHES_AT;
    size_t sealed_bytes;

    assert(block_count > 0 && block_count <= MAP_PAGE_BLOCKS);
    memset(out_slot, 0, sizeof *out_slot);
    bytes_put_u64(&w, page);
    memset(out_bytes + STATES_AT, 0, MAP_STATES_BYTES);
    for (uint32_t i = 0; i < block_count; i++) {
        out_bytes[STATES_AT + i / 4] |= (unsigned char)(entries[i].state << (i % 4 * 2));
        out_slot->zero_blocks += entries[i].state == MAP_ZERO;
        if (entries[i].state != MAP_HASHED)
            continue;
        memcpy(hashes, entries[i].hash, hash_bytes);
        hashes += hash_bytes;
        out_slot->hashed_blocks++;
    }
    if (out_slot->hashed_blocks == 0 &&
        (out_slot->zero_blocks == 0 || out_slot->zero_blocks == block_count))
        return 0;
    sealed_bytes = (size_t)(hashes - out_bytes);
    map_checksum(out_bytes, sealed_bytes, salt, hashes);
    return (uint32_t)sealed_bytes + MAP_CHECKSUM_BYTES;
}

/* No state that there is not, none behind the disk's end, and as many as the directory counted. */
static bool states_fit(const unsigned char *page, const struct map_slot *slot, uint32_t block_count)
{
    uint32_t hashed = 0, zero = 0;

    for (uint32_t i = 0; i < MAP_PAGE_BLOCKS / WORD_BLOCKS; i++) {
        uint64_t word = states_word(page, i);
        uint32_t behind = i * WORD_BLOCKS >= block_count ? 0 : block_count - i * WORD_BLOCKS;

        if ((word & word >> 1 & STATE_LOW_BITS) != 0)
            return false;
        if (behind < WORD_BLOCKS && word >> (behind * 2) != 0)
            return false;
        hashed += hashed_in(word);
        zero += zero_in(word);
    }
    return hashed == slot->hashed_blocks && zero == slot->zero_blocks;
}

bool map_page_check(enum map_strength strength, uint64_t salt, uint64_t page,
                    const struct map_slot *slot, uint32_t block_count, const unsigned char *bytes,
                    struct err *e)
{
    size_t sealed_bytes =
        map_page_bytes(strength, slot->hashed_blocks) - (size_t)MAP_CHECKSUM_BYTES;
    struct bytes_cursor c = {bytes, STATES_AT, false};
    unsigned char checksum[MAP_CHECKSUM_BYTES];

    map_checksum(bytes, sealed_bytes, salt, checksum);
    if (memcmp(checksum, bytes + sealed_bytes, sizeof checksum) != 0 ||
        bytes_take_u64(&c) != page || !states_fit(bytes, slot, block_count))
        return err_set(e, ERR_CORRUPT, RETRY_NEVER,
                       "its page %llu, at byte %llu of the file, is damaged",
                       (unsigned long long)page, (unsigned long long)slot->offset);
    return true;
}

void map_page_entries(enum map_strength strength, const unsigned char *bytes, uint32_t first,
                      uint32_t count, struct map_entry *out_entries)
{
    uint32_t hash_bytes = map_hash_bytes(strength);
    uint32_t before = 0;
    const unsigned char *hash;

    assert(first <= MAP_PAGE_BLOCKS && count <= MAP_PAGE_BLOCKS - first);
    for (uint32_t i = 0; i < first / WORD_BLOCKS; i++)
        before += hashed_in(states_word(bytes, i));
    if (first % WORD_BLOCKS)
        before += hashed_in(states_word(bytes, first / WORD_BLOCKS) &
                            ((1ull << (first % WORD_BLOCKS * 2)) - 1));
    hash = bytes + HASHES_AT + (size_t)before * hash_bytes;
    for (uint32_t i = 0; i < count; i++) {
        struct map_entry *entry = &out_entries[i];

        *entry = (struct map_entry){.state = state_at(bytes, first + i)};
        if (entry->state != MAP_HASHED)
            continue;
        memcpy(entry->hash, hash, hash_bytes);
        hash += hash_bytes;
    }
}

uint32_t map_page_run(const unsigned char *bytes, uint32_t first, uint32_t count,
                      enum map_state *out_state)
{
    enum map_state state = state_at(bytes, first);
    uint64_t alike = STATES_OF(state);
    uint32_t at = first, end = first + count;

    assert(count > 0 && count <= MAP_PAGE_BLOCKS - first);
    while (at < end) {
        uint64_t other = (states_word(bytes, at / WORD_BLOCKS) ^ alike) >> (at % WORD_BLOCKS * 2);

        if (other != 0) {
            at += (uint32_t)__builtin_ctzll(other) / 2;
            break;
        }
        at += WORD_BLOCKS - at % WORD_BLOCKS;
    }
    *out_state = state;
    return (at < end ? at : end) - first;
}
