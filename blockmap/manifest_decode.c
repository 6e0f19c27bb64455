/* manifest_decode.c - from the sections of a manifest to blocks in order. See manifest_format.h.
 *
 * A section is believed only when it is whole and its checksum agrees; then its content still has to be
 * in order, within the disk and in the form that the encoder gives it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "blockmap/bytes.h"
#include "blockmap/extent.h"
#include "blockmap/manifest_section.h"

enum decode_state { DECODE_HEAD, DECODE_BLOCKS, DECODE_ENDED, DECODE_FAILED };

struct manifest_decoder {
    enum decode_state state;
    struct manifest_head head;
    struct manifest_end end;
    struct block_hash head_check;
    struct digest_root *root;
    ZSTD_DCtx *zstd;
    uint64_t next_block;
    uint64_t data_blocks;
    uint64_t section_end; /* block behind the last of the runs below */
    struct bytes_cursor runs;
    size_t have; /* bytes of the section under way */
    unsigned char section[MANIFEST_SECTION_MAX_BYTES];
    unsigned char raw[MANIFEST_RAW_MAX_BYTES];
};

struct manifest_decoder *manifest_decoder_new(struct err *e)
{
    struct manifest_decoder *decoder = calloc(1, sizeof *decoder);

    if (decoder)
        decoder->zstd = ZSTD_createDCtx();
    if (decoder && decoder->zstd)
        return decoder;
    manifest_decoder_free(decoder);
    err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to read a manifest");
    return NULL;
}

void manifest_decoder_free(struct manifest_decoder *decoder)
{
    if (!decoder)
        return;
    digest_root_free(decoder->root);
    ZSTD_freeDCtx(decoder->zstd);
    free(decoder);
}

_Static_assert(MANIFEST_MAGIC_BYTES == SECTION_MAGIC_BYTES, "a manifest begins with a section");

bool manifest_begins(const void *bytes, size_t count)
{
    return count >= MANIFEST_MAGIC_BYTES && memcmp(bytes, SECTION_HEAD, MANIFEST_MAGIC_BYTES) == 0;
}

static bool wrong(struct err *e, const char *what)
{
    return err_set(e, ERR_CORRUPT, RETRY_NEVER, "this is no sound manifest: %s", what);
}

static uint32_t body_bytes(const struct manifest_decoder *decoder)
{
    struct bytes_cursor front = {decoder->section + SECTION_MAGIC_BYTES, 4, false};

    return bytes_take_u32(&front);
}

static bool is_section(const struct manifest_decoder *decoder, const char *magic)
{
    return memcmp(decoder->section, magic, SECTION_MAGIC_BYTES) == 0;
}

/* The longest body that the section under way may have; 0: there is no such section here. */
static uint32_t body_max_bytes(const struct manifest_decoder *decoder)
{
    if (decoder->state == DECODE_HEAD)
        return is_section(decoder, SECTION_HEAD) ? SECTION_HEAD_BODY_MAX : 0;
    if (is_section(decoder, SECTION_BLOCKS))
        return SECTION_BLOCKS_BODY_MAX;
    return is_section(decoder, SECTION_END) ? SECTION_END_BODY_MAX : 0;
}

/* Bytes of the section under way as far as that is known: its front, then all of it. */
static size_t section_bytes(const struct manifest_decoder *decoder)
{
    if (decoder->have < SECTION_FRONT_BYTES || body_bytes(decoder) == 0 ||
        body_bytes(decoder) > body_max_bytes(decoder))
        return SECTION_FRONT_BYTES;
    return SECTION_FRONT_BYTES + body_bytes(decoder) + SECTION_CHECK_BYTES;
}

size_t manifest_decoder_push(struct manifest_decoder *decoder, const void *bytes, size_t count)
{
    size_t taken = 0;

    if (decoder->state == DECODE_FAILED || decoder->runs.left)
        return 0;
    if (decoder->state == DECODE_ENDED) {
        decoder->have += count; /* too much: the next step says so */
        return count;
    }
    while (taken < count && decoder->have < section_bytes(decoder)) {
        size_t step = section_bytes(decoder) - decoder->have;

        if (step > count - taken)
            step = count - taken;
        memcpy(decoder->section + decoder->have, (const unsigned char *)bytes + taken, step);
        decoder->have += step;
        taken += step;
    }
    return taken;
}

/* ---- What a section holds ---- */

static bool head_is_sound(const struct manifest_head *head)
{
    static const unsigned char none[VHD_FOOTER_BYTES];
    uint64_t footer_bytes = head->has_footer ? VHD_FOOTER_BYTES : 0;

    if (head->disk_bytes == 0 || head->disk_bytes > MANIFEST_DISK_MAX_BYTES ||
        head->disk_bytes % VHD_FOOTER_BYTES)
        return false;
    if (head->target_bytes != head->disk_bytes + footer_bytes)
        return false;
    if (head->source_bytes != head->disk_bytes &&
        head->source_bytes != head->disk_bytes + VHD_FOOTER_BYTES)
        return false;
    return head->has_footer || memcmp(head->footer, none, sizeof none) == 0;
}

static bool take_head(struct manifest_decoder *decoder, struct bytes_cursor *body, struct err *e)
{
    struct manifest_head *head = &decoder->head;
    uint32_t version = bytes_take_u32(body);
    uint32_t block_bytes = bytes_take_u32(body);
    const unsigned char *footer;
    uint8_t has_footer;

    if (version != MANIFEST_VERSION || block_bytes != DIGEST_BLOCK_BYTES)
        return err_set(e, ERR_CORRUPT, RETRY_NEVER,
                       "the manifest is of version %u with blocks of %u bytes; this program reads "
                       "version %u with %u",
                       version, block_bytes, MANIFEST_VERSION, DIGEST_BLOCK_BYTES);
    head->disk_bytes = bytes_take_u64(body);
    head->target_bytes = bytes_take_u64(body);
    head->source_bytes = bytes_take_u64(body);
    head->started_ms = bytes_take_u64(body);
    has_footer = bytes_take_u8(body);
    head->has_footer = has_footer == 1;
    footer = bytes_take(body, sizeof head->footer);
    if (footer)
        memcpy(head->footer, footer, sizeof head->footer);
    bytes_take_text(body, head->copy_uuid, sizeof head->copy_uuid);
    bytes_take_text(body, head->source, sizeof head->source);
    bytes_take_text(body, head->base, sizeof head->base);
    if (body->ran_out || body->left || has_footer > 1 || !head_is_sound(head))
        return wrong(e, "its head makes no sense");
    decoder->root = digest_root_new(head->disk_bytes, e);
    return decoder->root != NULL;
}

static bool take_blocks(struct manifest_decoder *decoder, struct bytes_cursor *body, struct err *e)
{
    uint64_t first = bytes_take_u64(body);
    uint64_t count = bytes_take_u64(body);
    uint32_t raw_bytes = bytes_take_u32(body);
    uint64_t left = manifest_block_count(decoder->head.disk_bytes) - decoder->next_block;
    size_t got;

    if (body->ran_out || first != decoder->next_block || count == 0 || count > left ||
        raw_bytes == 0 || raw_bytes > sizeof decoder->raw)
        return wrong(e, "its blocks are not in order");
    got = ZSTD_decompressDCtx(decoder->zstd, decoder->raw, raw_bytes, body->at, body->left);
    if (ZSTD_isError(got) || got != raw_bytes)
        return wrong(e, "its blocks cannot be unpacked");
    decoder->section_end = first + count;
    decoder->runs = (struct bytes_cursor){decoder->raw, raw_bytes, false};
    return true;
}

static bool take_end(struct manifest_decoder *decoder, struct bytes_cursor *body, struct err *e)
{
    struct manifest_end *end = &decoder->end;
    uint64_t block_count = manifest_block_count(decoder->head.disk_bytes);
    const unsigned char *root = bytes_take(body, sizeof end->root);
    char made[DIGEST_TEXT_MAX_BYTES] = {0};
    const unsigned char *check;

    end->data_blocks = bytes_take_u64(body);
    end->zero_blocks = bytes_take_u64(body);
    end->read_bytes = bytes_take_u64(body);
    end->written_bytes = bytes_take_u64(body);
    end->cleared_bytes = bytes_take_u64(body);
    end->skipped_bytes = bytes_take_u64(body);
    end->ended_ms = bytes_take_u64(body);
    check = bytes_take(body, SECTION_CHECK_BYTES);
    if (body->ran_out || body->left)
        return wrong(e, "its end makes no sense");
    if (decoder->next_block != block_count)
        return wrong(e, "blocks of the disk are missing");
    if (memcmp(check, decoder->head_check.bytes, SECTION_CHECK_BYTES) != 0)
        return wrong(e, "its head and its end are of two manifests");
    digest_root_end(decoder->root, made);
    if (memcmp(root, made, sizeof made) != 0)
        return wrong(e, "its root is not the root of its hashes");
    if (end->data_blocks != decoder->data_blocks ||
        end->zero_blocks != block_count - decoder->data_blocks)
        return wrong(e, "its counts are not those of its blocks");
    memcpy(end->root, made, sizeof made);
    return true;
}

/* ---- Steps ---- */

static bool take_run(struct manifest_decoder *decoder, struct manifest_run *out_run, struct err *e)
{
    uint32_t word = bytes_take_u32(&decoder->runs);
    uint32_t count = word & RUN_COUNT_MAX;
    const unsigned char *hashes = NULL;

    if (!decoder->runs.ran_out && !(word & RUN_HOLE))
        hashes = bytes_take(&decoder->runs, (size_t)count * DIGEST_HASH_BYTES);
    if (decoder->runs.ran_out || count == 0 || count > decoder->section_end - decoder->next_block)
        return wrong(e, "a run of blocks makes no sense");
    *out_run = (struct manifest_run){decoder->next_block, count, NULL};
    decoder->next_block += count;
    if (decoder->runs.left == 0 && decoder->next_block != decoder->section_end)
        return wrong(e, "a run of blocks is missing");
    if (!hashes) {
        digest_root_holes(decoder->root, count);
        return true;
    }
    out_run->hashes = (const struct block_hash *)hashes; /* bytes: any alignment will do */
    decoder->data_blocks += count;
    for (uint32_t i = 0; i < count; i++) {
        if (block_hash_is_zero(&out_run->hashes[i]))
            return wrong(e, "a hole is said not to be one");
        digest_root_block(decoder->root, &out_run->hashes[i]);
    }
    return true;
}

static enum manifest_step take_section(struct manifest_decoder *decoder, struct err *e)
{
    size_t checked = SECTION_FRONT_BYTES + body_bytes(decoder);
    struct bytes_cursor body = {decoder->section + SECTION_FRONT_BYTES, body_bytes(decoder), false};
    struct block_hash check = digest_bytes(decoder->section, checked);

    decoder->have = 0; /* what it holds stays until the next push */
    if (memcmp(check.bytes, decoder->section + checked, sizeof check.bytes) != 0) {
        wrong(e, "a checksum does not agree");
        return MANIFEST_FAILED;
    }
    if (decoder->state == DECODE_HEAD) {
        decoder->head_check = check;
        decoder->state = DECODE_BLOCKS;
        return take_head(decoder, &body, e) ? MANIFEST_HEAD : MANIFEST_FAILED;
    }
    if (is_section(decoder, SECTION_BLOCKS))
        return take_blocks(decoder, &body, e) ? MANIFEST_RUN : MANIFEST_FAILED;
    decoder->state = DECODE_ENDED;
    return take_end(decoder, &body, e) ? MANIFEST_END : MANIFEST_FAILED;
}

static enum manifest_step next_step(struct manifest_decoder *decoder, struct manifest_run *out_run,
                                    struct err *e)
{
    enum manifest_step step = MANIFEST_RUN;

    if (decoder->state == DECODE_ENDED && decoder->have) {
        wrong(e, "there is more behind its end");
        return MANIFEST_FAILED;
    }
    if (decoder->state == DECODE_ENDED)
        return MANIFEST_END;
    if (!decoder->runs.left) {
        if (decoder->have < section_bytes(decoder))
            return MANIFEST_WANTS;
        if (decoder->have == SECTION_FRONT_BYTES) {
            wrong(e, "a section is none of its kind, or too long");
            return MANIFEST_FAILED;
        }
        step = take_section(decoder, e);
    }
    if (step == MANIFEST_RUN && !take_run(decoder, out_run, e))
        step = MANIFEST_FAILED;
    return step;
}

enum manifest_step manifest_decoder_next(struct manifest_decoder *decoder,
                                         struct manifest_run *out_run, struct err *e)
{
    enum manifest_step step;

    assert(decoder->state != DECODE_FAILED);
    step = next_step(decoder, out_run, e);
    if (step == MANIFEST_FAILED)
        decoder->state = DECODE_FAILED;
    return step;
}

const struct manifest_head *manifest_decoder_head(const struct manifest_decoder *decoder)
{
    return &decoder->head;
}

const struct manifest_end *manifest_decoder_end(const struct manifest_decoder *decoder)
{
    return &decoder->end;
}
