/* root.c - see root.h. Finished blocks wait in a table with linear probing, keyed by block number. */
#include "engine/root.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ROOT_TABLE_START 1024u /* a power of two */
#define ROOT_BATCH_MAX   256u  /* hashes told to the sink at once */

_Static_assert(ROOT_TAKE_BLOCKS_MAX >= ROOT_TAKE_MAX_BYTES / DIGEST_BLOCK_BYTES + 1,
               "an unaligned take touches one block more");

struct root_entry {
    uint64_t block_plus_one; /* 0 = free */
    struct block_hash hash;
};

/* A block of which a part has come; the rest of it is zero until it comes too. */
struct root_part {
    struct root_part *next;
    uint64_t block;
    uint64_t missing_bytes;
    unsigned char bytes[DIGEST_BLOCK_BYTES];
};

struct root {
    /* set once */
    uint64_t disk_bytes;
    uint64_t block_count;
    const struct extent_set *data;
    struct root_sink sink; /* blocks NULL: nobody is told */
    /* changes */
    bool knows; /* of blocks whose bytes may come all the same */
    struct digest_root *digest;
    uint64_t cursor;   /* next block to feed */
    size_t data_index; /* first extent of data that ends after the cursor's block begins */
    struct root_entry *table;
    size_t table_size;
    size_t table_count;
    struct root_part *parts;
};

/* Hashes on their way to the sink. */
struct root_batch {
    uint64_t first;
    uint64_t count;
    struct block_hash hashes[ROOT_BATCH_MAX];
};

struct root *root_new(uint64_t disk_bytes, const struct extent_set *data,
                      const struct root_sink *sink, struct err *e)
{
    struct root *root = calloc(1, sizeof *root);

    if (root)
        root->table = calloc(ROOT_TABLE_START, sizeof *root->table);
    if (!root || !root->table) {
        root_free(root);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to make the disk's root");
        return NULL;
    }
    root->table_size = ROOT_TABLE_START;
    root->disk_bytes = disk_bytes;
    root->block_count = (disk_bytes + DIGEST_BLOCK_BYTES - 1) / DIGEST_BLOCK_BYTES;
    root->data = data;
    if (sink)
        root->sink = *sink;
    root->digest = digest_root_new(disk_bytes, e);
    if (!root->digest) {
        root_free(root);
        return NULL;
    }
    return root;
}

void root_free(struct root *root)
{
    if (!root)
        return;
    while (root->parts) {
        struct root_part *part = root->parts;

        root->parts = part->next;
        free(part);
    }
    digest_root_free(root->digest);
    free(root->table);
    free(root);
}

static size_t root_home(const struct root *root, uint64_t block)
{
    return (size_t)((block * 0x9E3779B97F4A7C15ull) >> 20) & (root->table_size - 1);
}

static void root_table_put(struct root *root, uint64_t block, const struct block_hash *hash)
{
    size_t i = root_home(root, block);

    while (root->table[i].block_plus_one) {
        assert(root->table[i].block_plus_one != block + 1); /* every byte comes once */
        i = (i + 1) & (root->table_size - 1);
    }
    root->table[i].block_plus_one = block + 1;
    root->table[i].hash = *hash;
    root->table_count++;
}

static bool root_table_grow(struct root *root)
{
    struct root_entry *old = root->table;
    size_t old_size = root->table_size;
    struct root_entry *bigger = calloc(old_size * 2, sizeof *bigger);

    if (!bigger)
        return false;
    root->table = bigger;
    root->table_size = old_size * 2;
    root->table_count = 0;
    for (size_t i = 0; i < old_size; i++)
        if (old[i].block_plus_one)
            root_table_put(root, old[i].block_plus_one - 1, &old[i].hash);
    free(old);
    return true;
}

/* Where the hash of block stands in the table; false when it does not. */
static bool root_table_find(const struct root *root, uint64_t block, size_t *out_index)
{
    size_t i = root_home(root, block);

    while (root->table[i].block_plus_one != block + 1) {
        if (!root->table[i].block_plus_one)
            return false;
        i = (i + 1) & (root->table_size - 1);
    }
    *out_index = i;
    return true;
}

/* Takes the hash of block out of the table; later entries of its run move up. */
static bool root_table_take(struct root *root, uint64_t block, struct block_hash *out_hash)
{
    size_t mask = root->table_size - 1;
    size_t hole;

    if (!root_table_find(root, block, &hole))
        return false;
    *out_hash = root->table[hole].hash;
    for (size_t j = (hole + 1) & mask; root->table[j].block_plus_one; j = (j + 1) & mask) {
        size_t home = root_home(root, root->table[j].block_plus_one - 1);

        if (((j - home) & mask) >= ((j - hole) & mask)) {
            root->table[hole] = root->table[j];
            hole = j;
        }
    }
    root->table[hole].block_plus_one = 0;
    root->table_count--;
    return true;
}

/* A block that ends with the disk, or before a hole, is told of padded. */
static void root_tell_whole(const struct root *root, uint64_t block, const unsigned char *bytes,
                            size_t count)
{
    unsigned char padded[DIGEST_BLOCK_BYTES];

    if (!root->sink.whole)
        return;
    if (count == DIGEST_BLOCK_BYTES) {
        root->sink.whole(root->sink.arg, block, bytes);
        return;
    }
    memcpy(padded, bytes, count);
    memset(padded + count, 0, sizeof padded - count);
    root->sink.whole(root->sink.arg, block, padded);
}

static bool root_block_done(struct root *root, uint64_t block, const struct block_hash *hash)
{
    if (root->table_count * 2 >= root->table_size && !root_table_grow(root))
        return false;
    root_table_put(root, block, hash);
    return true;
}

static struct root_part *root_part_of(struct root *root, uint64_t block, uint64_t missing_bytes)
{
    struct root_part *part = root->parts;

    while (part && part->block != block)
        part = part->next;
    if (part)
        return part;
    part = calloc(1, sizeof *part);
    if (!part)
        return NULL;
    part->block = block;
    part->missing_bytes = missing_bytes;
    part->next = root->parts;
    root->parts = part;
    return part;
}

static void root_part_drop(struct root *root, struct root_part *part)
{
    struct root_part **at = &root->parts;

    while (*at != part)
        at = &(*at)->next;
    *at = part->next;
    free(part);
}

/* The bytes of one block, or a part of them; known: its hash, if they are all of it. *out_whole: they made it
 * whole, *out_hash is set. */
static bool root_take_in_block(struct root *root, uint64_t block, size_t at,
                               const unsigned char *bytes, size_t count,
                               const struct block_hash *known, bool *out_whole,
                               struct block_hash *out_hash)
{
    struct extent whole = {block * DIGEST_BLOCK_BYTES, DIGEST_BLOCK_BYTES};
    uint64_t expected_bytes;
    struct root_part *part;

    *out_whole = true;
    if (count == DIGEST_BLOCK_BYTES) {
        *out_hash = known ? *known : digest_block(bytes);
        root_tell_whole(root, block, bytes, count);
        return root_block_done(root, block, out_hash);
    }
    expected_bytes = extent_set_bytes_in(root->data, whole);
    assert(expected_bytes >= count);
    if (expected_bytes == count && at == 0) {
        *out_hash = digest_block_padded(bytes, count);
        root_tell_whole(root, block, bytes, count);
        return root_block_done(root, block, out_hash);
    }
    *out_whole = false;
    part = root_part_of(root, block, expected_bytes);
    if (!part)
        return false;
    memcpy(part->bytes + at, bytes, count);
    assert(part->missing_bytes >= count);
    part->missing_bytes -= count;
    if (part->missing_bytes)
        return true;
    *out_whole = true;
    *out_hash = digest_block(part->bytes);
    root_tell_whole(root, block, part->bytes, sizeof part->bytes);
    root_part_drop(root, part);
    return root_block_done(root, block, out_hash);
}

static void root_tell(struct root_blocks *blocks, uint64_t block, const struct block_hash *hash)
{
    if (blocks->count == 0)
        blocks->first_block = block;
    if (blocks->first_block + blocks->count == block)
        blocks->hashes[blocks->count++] = *hash;
}

bool root_take(struct root *root, uint64_t offset, const unsigned char *bytes, size_t count,
               const struct block_hash *known, struct root_blocks *out_blocks, struct err *e)
{
    assert(offset <= root->disk_bytes && count <= root->disk_bytes - offset);
    assert(count <= ROOT_TAKE_MAX_BYTES);
    if (out_blocks)
        out_blocks->count = 0;
    while (count) {
        uint64_t block = offset / DIGEST_BLOCK_BYTES;
        size_t at = (size_t)(offset % DIGEST_BLOCK_BYTES);
        size_t step = DIGEST_BLOCK_BYTES - at < count ? DIGEST_BLOCK_BYTES - at : count;
        struct block_hash hash;
        bool whole = false;

        if (!(root->knows && root_has(root, block)) &&
            !root_take_in_block(root, block, at, bytes, step, known, &whole, &hash))
            return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to make the disk's root");
        if (known && step == DIGEST_BLOCK_BYTES)
            known++;
        if (whole && out_blocks)
            root_tell(out_blocks, block, &hash);
        offset += step;
        bytes += step;
        count -= step;
    }
    return true;
}

bool root_know(struct root *root, uint64_t block, const struct block_hash *hash, struct err *e)
{
    assert(block < root->block_count);
    root->knows = true;
    if (root_has(root, block))
        return true;
    return root_block_done(root, block, hash) ||
           err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to make the disk's root");
}

bool root_has(const struct root *root, uint64_t block)
{
    size_t index;

    return block < root->cursor || root_table_find(root, block, &index);
}

uint64_t root_cursor(const struct root *root)
{
    return root->cursor;
}

/* The first block at or after the cursor that has data; block_count when none has. */
static uint64_t root_next_data_block(struct root *root)
{
    uint64_t at = root->cursor * DIGEST_BLOCK_BYTES;

    while (root->data_index < root->data->count &&
           extent_end(extent_set_at(root->data, root->data_index)) <= at)
        root->data_index++;
    if (root->data_index == root->data->count)
        return root->block_count;
    at = extent_set_at(root->data, root->data_index).offset / DIGEST_BLOCK_BYTES;
    return at > root->cursor ? at : root->cursor;
}

static bool root_batch_end(struct root *root, struct root_batch *batch, struct err *e)
{
    uint64_t count = batch->count;

    batch->count = 0;
    return !count || root->sink.blocks(root->sink.arg, batch->first, count, batch->hashes, e);
}

static bool root_feed_block(struct root *root, const struct block_hash *hash,
                            struct root_batch *batch, struct err *e)
{
    digest_root_block(root->digest, hash);
    if (root->sink.blocks) {
        if (batch->count == 0)
            batch->first = root->cursor;
        batch->hashes[batch->count++] = *hash;
    }
    root->cursor++;
    return batch->count < ROOT_BATCH_MAX || root_batch_end(root, batch, e);
}

static bool root_feed_holes(struct root *root, uint64_t count, struct root_batch *batch,
                            struct err *e)
{
    digest_root_holes(root->digest, count);
    root->cursor += count;
    return !root->sink.blocks ||
           (root_batch_end(root, batch, e) &&
            root->sink.blocks(root->sink.arg, root->cursor - count, count, NULL, e));
}

bool root_advance(struct root *root, bool *out_more, struct err *e)
{
    uint64_t budget = ROOT_ADVANCE_MAX;
    struct root_batch batch;
    bool ok = true;

    batch.count = 0;
    *out_more = false;
    while (ok && budget && root->cursor < root->block_count) {
        uint64_t holes = root_next_data_block(root) - root->cursor;
        struct block_hash hash;

        if (holes) {
            if (holes > budget)
                holes = budget;
            ok = root_feed_holes(root, holes, &batch, e);
            budget -= holes;
            continue;
        }
        if (!root_table_take(root, root->cursor, &hash))
            return root_batch_end(root, &batch, e);
        ok = root_feed_block(root, &hash, &batch, e);
        budget--;
    }
    ok = ok && root_batch_end(root, &batch, e);
    *out_more = ok && root->cursor < root->block_count;
    return ok;
}

size_t root_backlog(const struct root *root)
{
    return root->table_count;
}

void root_end(struct root *root, char out_text[DIGEST_TEXT_MAX_BYTES])
{
    assert(root->cursor == root->block_count && root->table_count == 0 && !root->parts);
    digest_root_end(root->digest, out_text);
}
