/* digest.c - see digest.h. */
#include "blockmap/digest.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/bytes.h"
#include "blockmap/xxh3_wide.h"
#include "blockmap/zero.h"

#define SHA256_BYTES      ((size_t)32)
#define ROOT_MAGIC        "snapferry-root-1"
#define DELTA_MAGIC       "snapferry-delta-1"
#define HOLE_BATCH_BLOCKS 256u /* hashes of holes fed at once */

_Static_assert(XXH3_HASH_BYTES == DIGEST_HASH_BYTES, "the canonical form is the hash");
_Static_assert(sizeof "sha256:" + 2 * SHA256_BYTES <= DIGEST_TEXT_MAX_BYTES, "text fits");

struct digest_root {
    EVP_MD_CTX *sha;
    uint64_t blocks_count; /* of the whole disk */
    uint64_t blocks_fed;
};

struct digest_delta {
    EVP_MD_CTX *sha;
    uint64_t disk_bytes;
    uint64_t next_offset; /* where the next record may begin */
};

static void put_le(unsigned char *out, uint64_t value, size_t width_bytes)
{
    for (size_t i = 0; i < width_bytes; i++)
        out[i] = (unsigned char)(value >> (8 * i));
}

/* SHA-256 in memory cannot fail once its context is made. */
static void sha_feed(EVP_MD_CTX *sha, const void *bytes, size_t count)
{
    int fed = EVP_DigestUpdate(sha, bytes, count);

    assert(fed == 1);
}

static EVP_MD_CTX *sha_new(const char *magic, uint64_t disk_bytes, struct err *e)
{
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    unsigned char size[8];

    if (!sha || EVP_DigestInit_ex(sha, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(sha);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "cannot set up SHA-256: out of memory");
        return NULL;
    }
    sha_feed(sha, magic, strlen(magic));
    put_le(size, disk_bytes, sizeof size);
    sha_feed(sha, size, sizeof size);
    return sha;
}

static void sha_text(const unsigned char sha[SHA256_BYTES], char out_text[DIGEST_TEXT_MAX_BYTES])
{
    size_t used = (size_t)snprintf(out_text, DIGEST_TEXT_MAX_BYTES, "sha256:");

    bytes_hex(sha, SHA256_BYTES, out_text + used);
}

static void sha_end(EVP_MD_CTX *sha, char out_text[DIGEST_TEXT_MAX_BYTES])
{
    unsigned char bytes[SHA256_BYTES];
    unsigned length = 0;
    int ended = EVP_DigestFinal_ex(sha, bytes, &length);

    assert(ended == 1 && length == sizeof bytes);
    sha_text(bytes, out_text);
}

struct block_hash digest_bytes(const void *bytes, size_t count)
{
    struct block_hash hash;

    xxh3_wide(bytes, count, hash.bytes);
    return hash;
}

struct block_hash digest_block(const void *block)
{
    if (zero_is(block, DIGEST_BLOCK_BYTES))
        return (struct block_hash){{0}};
    return digest_bytes(block, DIGEST_BLOCK_BYTES);
}

uint32_t digest_blocks_within(uint64_t offset, uint64_t length, uint64_t *out_at)
{
    uint64_t at = (DIGEST_BLOCK_BYTES - offset % DIGEST_BLOCK_BYTES) % DIGEST_BLOCK_BYTES;

    *out_at = at;
    return length > at ? (uint32_t)((length - at) / DIGEST_BLOCK_BYTES) : 0;
}

struct block_hash digest_block_padded(const void *bytes, size_t count)
{
    unsigned char block[DIGEST_BLOCK_BYTES];

    assert(count > 0 && count <= sizeof block);
    if (count == sizeof block)
        return digest_block(bytes);
    memcpy(block, bytes, count);
    memset(block + count, 0, sizeof block - count);
    return digest_block(block);
}

bool block_hash_is_zero(const struct block_hash *hash)
{
    return zero_is(hash->bytes, sizeof hash->bytes);
}

struct digest_root *digest_root_new(uint64_t disk_bytes, struct err *e)
{
    struct digest_root *root = calloc(1, sizeof *root);
    unsigned char block_bytes[4];

    if (!root) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "cannot set up the root of a disk: out of memory");
        return NULL;
    }
    root->sha = sha_new(ROOT_MAGIC, disk_bytes, e);
    if (!root->sha) {
        digest_root_free(root);
        return NULL;
    }
    put_le(block_bytes, DIGEST_BLOCK_BYTES, sizeof block_bytes);
    sha_feed(root->sha, block_bytes, sizeof block_bytes);
    root->blocks_count =
        disk_bytes / DIGEST_BLOCK_BYTES + (disk_bytes % DIGEST_BLOCK_BYTES != 0 ? 1 : 0);
    return root;
}

void digest_root_free(struct digest_root *root)
{
    if (!root)
        return;
    EVP_MD_CTX_free(root->sha);
    free(root);
}

void digest_root_block(struct digest_root *root, const struct block_hash *hash)
{
    assert(root->blocks_fed < root->blocks_count);
    sha_feed(root->sha, hash->bytes, sizeof hash->bytes);
    root->blocks_fed++;
}

void digest_root_holes(struct digest_root *root, uint64_t block_count)
{
    static const unsigned char zeros[HOLE_BATCH_BLOCKS * DIGEST_HASH_BYTES];

    assert(block_count <= root->blocks_count - root->blocks_fed);
    root->blocks_fed += block_count;
    while (block_count > 0) {
        uint64_t batch = block_count < HOLE_BATCH_BLOCKS ? block_count : HOLE_BATCH_BLOCKS;

        sha_feed(root->sha, zeros, batch * DIGEST_HASH_BYTES);
        block_count -= batch;
    }
}

uint64_t digest_root_blocks_fed(const struct digest_root *root)
{
    return root->blocks_fed;
}

void digest_root_end(struct digest_root *root, char out_text[DIGEST_TEXT_MAX_BYTES])
{
    assert(root->blocks_fed == root->blocks_count);
    sha_end(root->sha, out_text);
}

struct digest_delta *digest_delta_new(uint64_t disk_bytes, struct err *e)
{
    struct digest_delta *delta = calloc(1, sizeof *delta);

    if (!delta) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "cannot set up the digest of a delta: out of memory");
        return NULL;
    }
    delta->disk_bytes = disk_bytes;
    delta->sha = sha_new(DELTA_MAGIC, disk_bytes, e);
    if (!delta->sha) {
        digest_delta_free(delta);
        return NULL;
    }
    return delta;
}

void digest_delta_free(struct digest_delta *delta)
{
    if (!delta)
        return;
    EVP_MD_CTX_free(delta->sha);
    free(delta);
}

void digest_delta_record(struct digest_delta *delta, uint64_t offset, uint64_t length,
                         const struct block_hash *hash)
{
    unsigned char record[16 + DIGEST_HASH_BYTES];

    assert(offset >= delta->next_offset && offset <= delta->disk_bytes);
    assert(length > 0 && length <= delta->disk_bytes - offset);
    put_le(record, offset, 8);
    put_le(record + 8, length, 8);
    memcpy(record + 16, hash->bytes, DIGEST_HASH_BYTES);
    sha_feed(delta->sha, record, sizeof record);
    delta->next_offset = offset + length;
}

void digest_delta_end(struct digest_delta *delta, char out_text[DIGEST_TEXT_MAX_BYTES])
{
    sha_end(delta->sha, out_text);
}

void digest_sha256_text(const void *bytes, size_t count, char out_text[DIGEST_TEXT_MAX_BYTES])
{
    unsigned char sha[SHA256_BYTES];
    unsigned length = 0;
    int ended = EVP_Digest(bytes, count, sha, &length, EVP_sha256(), NULL);

    assert(ended == 1 && length == sizeof sha);
    sha_text(sha, out_text);
}
