/* manifest_encode.c - from blocks in order to the sections of a manifest. See manifest_format.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "blockmap/bytes.h"
#include "blockmap/manifest_section.h"

#define ENCODE_LEVEL 1 /* hashes hardly compress; a higher level only costs time */

struct manifest_encoder {
    /* set once */
    struct manifest_output output;
    uint64_t block_count;
    struct block_hash head_check;
    /* changes */
    struct digest_root *root;
    ZSTD_CCtx *zstd;
    uint64_t next_block;    /* of the disk */
    uint64_t section_first; /* block that the runs below begin with */
    uint64_t data_blocks;
    size_t run_at;      /* of the open run's count in raw */
    uint32_t run_count; /* 0: no run is open */
    bool run_is_hole;
    bool ended;
    struct bytes_writer raw;     /* runs, before zstd */
    struct bytes_writer section; /* as it is put */
    unsigned char raw_bytes[MANIFEST_RAW_MAX_BYTES];
    unsigned char section_bytes[MANIFEST_SECTION_MAX_BYTES];
};

uint64_t manifest_block_count(uint64_t disk_bytes)
{
    return disk_bytes / DIGEST_BLOCK_BYTES + (disk_bytes % DIGEST_BLOCK_BYTES != 0);
}

struct extent manifest_block_extent(uint64_t disk_bytes, uint64_t block)
{
    struct extent extent = {block * DIGEST_BLOCK_BYTES, DIGEST_BLOCK_BYTES};

    assert(extent.offset < disk_bytes);
    if (extent.length > disk_bytes - extent.offset)
        extent.length = disk_bytes - extent.offset;
    return extent;
}

/* ---- Sections ---- */

static void section_begin(struct manifest_encoder *encoder, const char *magic)
{
    encoder->section.used = 0;
    bytes_put(&encoder->section, magic, SECTION_MAGIC_BYTES);
    bytes_put_u32(&encoder->section, 0); /* the length, when it is known */
}

static bool section_put(struct manifest_encoder *encoder, struct block_hash *out_check,
                        struct err *e)
{
    struct bytes_writer *section = &encoder->section;
    struct bytes_writer length = {section->bytes + SECTION_MAGIC_BYTES, 4, 0};
    struct block_hash check;

    bytes_put_u32(&length, (uint32_t)(section->used - SECTION_FRONT_BYTES));
    check = digest_bytes(section->bytes, section->used);
    bytes_put(section, check.bytes, sizeof check.bytes);
    if (out_check)
        *out_check = check;
    return encoder->output.put(encoder->output.arg, section->bytes, section->used, e);
}

static bool put_head(struct manifest_encoder *encoder, const struct manifest_head *head,
                     struct err *e)
{
    struct bytes_writer *section = &encoder->section;

    section_begin(encoder, SECTION_HEAD);
    bytes_put_u32(section, MANIFEST_VERSION);
    bytes_put_u32(section, DIGEST_BLOCK_BYTES);
    bytes_put_u64(section, head->disk_bytes);
    bytes_put_u64(section, head->target_bytes);
    bytes_put_u64(section, head->source_bytes);
    bytes_put_u64(section, head->started_ms);
    bytes_put_u8(section, head->has_footer);
    bytes_put(section, head->footer, sizeof head->footer);
    bytes_put_text(section, head->copy_uuid);
    bytes_put_text(section, head->source);
    bytes_put_text(section, head->base);
    return section_put(encoder, &encoder->head_check, e);
}

/* ---- Runs ---- */

static void run_close(struct manifest_encoder *encoder)
{
    struct bytes_writer count = {encoder->raw.bytes + encoder->run_at, 4, 0};

    if (encoder->run_count)
        bytes_put_u32(&count, encoder->run_count | (encoder->run_is_hole ? RUN_HOLE : 0));
    encoder->run_count = 0;
}

/* Puts the runs there are, as one section. */
static bool put_runs(struct manifest_encoder *encoder, struct err *e)
{
    struct bytes_writer *section = &encoder->section;
    size_t stored;

    run_close(encoder);
    if (encoder->raw.used == 0)
        return true;
    section_begin(encoder, SECTION_BLOCKS);
    bytes_put_u64(section, encoder->section_first);
    bytes_put_u64(section, encoder->next_block - encoder->section_first);
    bytes_put_u32(section, (uint32_t)encoder->raw.used);
    stored = ZSTD_compressCCtx(encoder->zstd, section->bytes + section->used,
                               section->size - section->used - SECTION_CHECK_BYTES,
                               encoder->raw.bytes, encoder->raw.used, ENCODE_LEVEL);
    if (ZSTD_isError(stored))
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "the manifest cannot be compressed: %s",
                       ZSTD_getErrorName(stored));
    section->used += stored;
    encoder->raw.used = 0;
    encoder->section_first = encoder->next_block;
    return section_put(encoder, NULL, e);
}

static bool run_open(struct manifest_encoder *encoder, bool hole, struct err *e)
{
    if (encoder->run_count && encoder->run_is_hole == hole)
        return true;
    run_close(encoder);
    if (encoder->raw.size - encoder->raw.used < 4 + DIGEST_HASH_BYTES && !put_runs(encoder, e))
        return false;
    encoder->run_at = encoder->raw.used;
    encoder->run_is_hole = hole;
    bytes_put_u32(&encoder->raw, 0); /* the count, when it is known */
    return true;
}

static bool add_holes(struct manifest_encoder *encoder, uint64_t count, struct err *e)
{
    if (!run_open(encoder, true, e))
        return false;
    encoder->run_count += (uint32_t)count; /* a run holds any disk */
    encoder->next_block += count;
    digest_root_holes(encoder->root, count);
    return true;
}

static bool add_hash(struct manifest_encoder *encoder, const struct block_hash *hash, struct err *e)
{
    if (encoder->raw.size - encoder->raw.used < DIGEST_HASH_BYTES && !put_runs(encoder, e))
        return false;
    if (!run_open(encoder, false, e))
        return false;
    bytes_put(&encoder->raw, hash->bytes, sizeof hash->bytes);
    encoder->run_count++;
    encoder->next_block++;
    encoder->data_blocks++;
    digest_root_block(encoder->root, hash);
    return true;
}

/* ---- Life and use ---- */

struct manifest_encoder *manifest_encoder_new(const struct manifest_head *head,
                                              const struct manifest_output *output, struct err *e)
{
    struct manifest_encoder *encoder = calloc(1, sizeof *encoder);

    if (head->disk_bytes == 0 || head->disk_bytes > MANIFEST_DISK_MAX_BYTES) {
        free(encoder);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "a manifest holds disks of 1 byte to 64 TiB");
        return NULL;
    }
    if (encoder)
        encoder->zstd = ZSTD_createCCtx();
    if (!encoder || !encoder->zstd) {
        manifest_encoder_free(encoder);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to make a manifest");
        return NULL;
    }
    encoder->output = *output;
    encoder->block_count = manifest_block_count(head->disk_bytes);
    encoder->raw = (struct bytes_writer){encoder->raw_bytes, sizeof encoder->raw_bytes, 0};
    encoder->section =
        (struct bytes_writer){encoder->section_bytes, sizeof encoder->section_bytes, 0};
    encoder->root = digest_root_new(head->disk_bytes, e);
    if (!encoder->root || !put_head(encoder, head, e)) {
        manifest_encoder_free(encoder);
        return NULL;
    }
    return encoder;
}

void manifest_encoder_free(struct manifest_encoder *encoder)
{
    if (!encoder)
        return;
    digest_root_free(encoder->root);
    ZSTD_freeCCtx(encoder->zstd);
    free(encoder);
}

bool manifest_encoder_blocks(struct manifest_encoder *encoder, uint64_t count,
                             const struct block_hash *hashes, struct err *e)
{
    assert(!encoder->ended && count <= encoder->block_count - encoder->next_block);
    if (!hashes)
        return count == 0 || add_holes(encoder, count, e);
    for (uint64_t i = 0; i < count; i++) {
        bool ok = block_hash_is_zero(&hashes[i]) ? add_holes(encoder, 1, e)
                                                 : add_hash(encoder, &hashes[i], e);

        if (!ok)
            return false;
    }
    return true;
}

bool manifest_encoder_end(struct manifest_encoder *encoder, struct manifest_end *end, struct err *e)
{
    struct bytes_writer *section = &encoder->section;

    assert(!encoder->ended && encoder->next_block == encoder->block_count);
    encoder->ended = true;
    if (!put_runs(encoder, e))
        return false;
    memset(end->root, 0, sizeof end->root);
    digest_root_end(encoder->root, end->root);
    end->data_blocks = encoder->data_blocks;
    end->zero_blocks = encoder->block_count - encoder->data_blocks;
    section_begin(encoder, SECTION_END);
    bytes_put(section, end->root, sizeof end->root);
    bytes_put_u64(section, end->data_blocks);
    bytes_put_u64(section, end->zero_blocks);
    bytes_put_u64(section, end->read_bytes);
    bytes_put_u64(section, end->written_bytes);
    bytes_put_u64(section, end->cleared_bytes);
    bytes_put_u64(section, end->skipped_bytes);
    bytes_put_u64(section, end->ended_ms);
    bytes_put(section, encoder->head_check.bytes, sizeof encoder->head_check.bytes);
    return section_put(encoder, NULL, e);
}
