/* map.c - how a block is hashed for a map. See map.h and map_format.md, "Hashes". */
#include "blockmap/map.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/xxh3_wide.h"
#include "blockmap/zero.h"

#define SHA256_BYTES  32u
#define SECRETS       2u /* so many keyed hashes make one */
#define SECRET_BYTES  192u
#define SECRET_SHAS   (SECRETS * SECRET_BYTES / SHA256_BYTES)
#define SECRET_DOMAIN "snapferry-map-key-1"

_Static_assert(SECRETS *SECRET_BYTES % SHA256_BYTES == 0, "whole digests");
_Static_assert(SECRET_BYTES >= XXH3_SECRET_MIN_BYTES, "a secret is long enough");
_Static_assert(MAP_HASH_MAX_BYTES >= SHA256_BYTES, "a hash fits");

struct map_hasher {
    enum map_strength strength;
    unsigned char secrets[SECRETS][SECRET_BYTES];
    EVP_MD_CTX *seeded; /* SHA-256 that took the seed; only copied */
};

uint64_t map_block_count(uint64_t disk_bytes)
{
    return disk_bytes / MAP_BLOCK_BYTES + (disk_bytes % MAP_BLOCK_BYTES != 0);
}

uint32_t map_hash_bytes(enum map_strength strength)
{
    return strength == MAP_SHA_256 ? SHA256_BYTES : XXH3_HASH_BYTES;
}

bool map_entry_same(const struct map_entry *a, const struct map_entry *b)
{
    return a->state == b->state && a->state != MAP_UNKNOWN &&
           (a->state == MAP_ZERO || memcmp(a->hash, b->hash, sizeof a->hash) == 0);
}

/* SHA-256 in counter mode, so that every bit of the seed is in every byte, whatever library reads the map. */
static bool hasher_secrets(struct map_hasher *hasher, const unsigned char seed[MAP_SEED_BYTES])
{
    unsigned char text[sizeof SECRET_DOMAIN + 1 + MAP_SEED_BYTES] = SECRET_DOMAIN;
    unsigned char *out = hasher->secrets[0];
    bool ok = true;

    memcpy(text + sizeof SECRET_DOMAIN + 1, seed, MAP_SEED_BYTES);
    for (unsigned i = 0; ok && i < SECRET_SHAS; i++) {
        text[sizeof SECRET_DOMAIN] = (unsigned char)i;
        ok = EVP_Digest(text, sizeof text, out + (size_t)i * SHA256_BYTES, NULL, EVP_sha256(),
                        NULL) == 1;
    }
    return ok;
}

struct map_hasher *map_hasher_new(enum map_strength strength,
                                  const unsigned char seed[MAP_SEED_BYTES], struct err *e)
{
    struct map_hasher *hasher = calloc(1, sizeof *hasher);
    bool ok = false;

    if (hasher) {
        hasher->strength = strength;
        hasher->seeded = EVP_MD_CTX_new();
        ok = hasher->seeded && EVP_DigestInit_ex(hasher->seeded, EVP_sha256(), NULL) == 1 &&
             EVP_DigestUpdate(hasher->seeded, seed, MAP_SEED_BYTES) == 1 &&
             hasher_secrets(hasher, seed);
    }
    if (ok)
        return hasher;
    map_hasher_free(hasher);
    err_set(e, ERR_LIMIT, RETRY_NEVER, "cannot set up the hash of a map: out of memory");
    return NULL;
}

void map_hasher_free(struct map_hasher *hasher)
{
    if (!hasher)
        return;
    EVP_MD_CTX_free(hasher->seeded);
    explicit_bzero(hasher, sizeof *hasher);
    free(hasher);
}

/* One keyed XXH3-128 can be made to collide by who guesses the 32 bits by which two words of its secret
 * differ (a flip of the top bit at two places, map_format.md); under two secrets at once that is not to be
 * guessed. The second pass finds the block in the cache. */
static void hash_xxh3(const struct map_hasher *hasher, const void *block, unsigned char *out_hash)
{
    unsigned char second[XXH3_HASH_BYTES];

    xxh3_wide_keyed(block, MAP_BLOCK_BYTES, hasher->secrets[0], SECRET_BYTES, out_hash);
    xxh3_wide_keyed(block, MAP_BLOCK_BYTES, hasher->secrets[1], SECRET_BYTES, second);
    for (unsigned i = 0; i < sizeof second; i++)
        out_hash[i] ^= second[i];
}

static void hash_block(const struct map_hasher *hasher, EVP_MD_CTX *sha, const void *block,
                       struct map_entry *out_entry)
{
    *out_entry = (struct map_entry){.state = MAP_ZERO};
    if (zero_is(block, MAP_BLOCK_BYTES))
        return;
    out_entry->state = MAP_HASHED;
    if (hasher->strength == MAP_XXH3_128) {
        hash_xxh3(hasher, block, out_entry->hash);
        return;
    }
    if (!sha || EVP_MD_CTX_copy_ex(sha, hasher->seeded) != 1 ||
        EVP_DigestUpdate(sha, block, MAP_BLOCK_BYTES) != 1 ||
        EVP_DigestFinal_ex(sha, out_entry->hash, NULL) != 1)
        *out_entry = (struct map_entry){.state = MAP_UNKNOWN};
}

void map_hash_blocks(const struct map_hasher *hasher, const void *bytes, size_t count_bytes,
                     struct map_entry *out_entries)
{
    EVP_MD_CTX *sha = hasher->strength == MAP_SHA_256 ? EVP_MD_CTX_new() : NULL;
    const unsigned char *at = bytes;
    size_t left = count_bytes;

    for (; left >= MAP_BLOCK_BYTES; left -= MAP_BLOCK_BYTES, at += MAP_BLOCK_BYTES)
        hash_block(hasher, sha, at, out_entries++);
    if (left) {
        unsigned char block[MAP_BLOCK_BYTES];

        memcpy(block, at, left);
        memset(block + left, 0, sizeof block - left);
        hash_block(hasher, sha, block, out_entries);
    }
    EVP_MD_CTX_free(sha);
}
