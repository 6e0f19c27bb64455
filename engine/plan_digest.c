/* plan_digest.c - see plan_digest.h. */
#include "engine/plan_digest.h"

#include <assert.h>
#include <string.h>

struct chain {
    size_t used; /* of bytes; the digest so far stands in front */
    unsigned char bytes[PLAN_DIGEST_LINK_BYTES];
};

static void chain_link(struct chain *chain)
{
    struct block_hash hash = digest_bytes(chain->bytes, chain->used);

    memcpy(chain->bytes, hash.bytes, sizeof hash.bytes);
    chain->used = sizeof hash.bytes;
}

static void chain_put(struct chain *chain, uint64_t value)
{
    if (chain->used + sizeof value > sizeof chain->bytes)
        chain_link(chain);
    for (size_t i = 0; i < sizeof value; i++)
        chain->bytes[chain->used++] = (unsigned char)(value >> (8 * i));
}

static void chain_put_set(struct chain *chain, const struct extent_set *set)
{
    chain_put(chain, set->count);
    for (size_t i = 0; i < set->count; i++) {
        struct extent e = extent_set_at(set, i);

        chain_put(chain, e.offset);
        chain_put(chain, e.length);
    }
}

struct block_hash plan_digest(const struct plan *plan, const void *with, size_t with_bytes)
{
    struct chain chain = {.used = DIGEST_HASH_BYTES};
    struct block_hash digest;

    assert(with_bytes <= sizeof chain.bytes - DIGEST_HASH_BYTES);
    memcpy(chain.bytes + chain.used, with, with_bytes);
    chain.used += with_bytes;
    chain_link(&chain);
    chain_put(&chain, plan->delta);
    chain_put(&chain, plan->disk_bytes);
    chain_put_set(&chain, &plan->reads);
    chain_put_set(&chain, &plan->clears);
    chain_put_set(&chain, &plan->stale);
    if (plan->by_block) {
        chain_put_set(&chain, &plan->fetch);
        chain_put_set(&chain, &plan->writes);
    }
    chain_link(&chain);
    memcpy(digest.bytes, chain.bytes, sizeof digest.bytes);
    return digest;
}
