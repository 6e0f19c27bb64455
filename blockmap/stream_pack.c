/* stream_pack.c - see stream_pack.h. */
#include "blockmap/stream_pack.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "blockmap/stream_frame.h"

#define SAMPLES_COUNT    32u
#define SAMPLE_BYTES     2048u /* of each: half of what a file's block is on most disks */
#define SAMPLE_ALL_BYTES (SAMPLES_COUNT * SAMPLE_BYTES)
#define SAMPLE_LEVEL     1
#define SAMPLED_MIN      (4 * SAMPLE_ALL_BYTES) /* shorter records are simply tried */
#define SAVES_ONE_IN     128u /* what saves less is not worth a reader's time: sent raw */
#define WINDOW_LOG       22   /* all of a record: 0.5 % fewer bytes at level 3, for no more time */

_Static_assert(STREAM_RAW_MAX_BYTES == 1u << WINDOW_LOG, "the window is a record");

struct stream_packer {
    ZSTD_CCtx *zstd;
    ZSTD_CCtx *sampler;
    int level;                                              /* what zstd is set to */
    unsigned char *gathered;                                /* STREAM_RAW_MAX_BYTES */
    unsigned char sample[ZSTD_COMPRESSBOUND(SAMPLE_BYTES)]; /* compressed */
    struct stream_piece pieces[STREAM_PIECES_MAX];
};

/* The parts of one record, as the functions below hand it on. */
struct record {
    const struct stream_part *parts;
    uint32_t parts_count;
    uint32_t pieces_count;
    uint32_t raw_bytes;
};

/* ---- Life ---- */

static bool set_up(ZSTD_CCtx *zstd, int level)
{
    return !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, level)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, WINDOW_LOG)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 0)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_contentSizeFlag, 1));
}

struct stream_packer *stream_packer_new(struct err *e)
{
    struct stream_packer *packer = calloc(1, sizeof *packer);

    if (packer) {
        packer->zstd = ZSTD_createCCtx();
        packer->sampler = ZSTD_createCCtx();
        packer->gathered = malloc(STREAM_RAW_MAX_BYTES);
        packer->level = SAMPLE_LEVEL;
    }
    if (!packer || !packer->zstd || !packer->sampler || !packer->gathered ||
        !set_up(packer->zstd, packer->level) || !set_up(packer->sampler, SAMPLE_LEVEL)) {
        stream_packer_free(packer);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to compress in");
        return NULL;
    }
    return packer;
}

void stream_packer_free(struct stream_packer *packer)
{
    if (!packer)
        return;
    ZSTD_freeCCtx(packer->zstd);
    ZSTD_freeCCtx(packer->sampler);
    free(packer->gathered);
    free(packer);
}

/* ---- The bytes ---- */

/* Parts that follow one another on the disk make one piece. */
static struct record record_of(struct stream_packer *packer, const struct stream_part *parts,
                               uint32_t count)
{
    struct record record = {.parts = parts, .parts_count = count};
    uint64_t total = 0;

    assert(count > 0);
    for (uint32_t i = 0; i < count; i++) {
        struct stream_piece *last =
            record.pieces_count > 0 ? &packer->pieces[record.pieces_count - 1] : NULL;

        total += parts[i].length;
        if (last && last->offset + last->length == parts[i].offset) {
            last->length += parts[i].length;
            continue;
        }
        assert(record.pieces_count < STREAM_PIECES_MAX);
        packer->pieces[record.pieces_count++] =
            (struct stream_piece){parts[i].offset, parts[i].length};
    }
    assert(total <= STREAM_RAW_MAX_BYTES);
    record.raw_bytes = (uint32_t)total;
    return record;
}

static void gather(const struct record *record, unsigned char *out)
{
    for (uint32_t i = 0; i < record->parts_count; i++) {
        memcpy(out, record->parts[i].bytes, record->parts[i].length);
        out += record->parts[i].length;
    }
}

/* The bytes of all parts, one behind the other; gathered only where they are not so already. */
static const unsigned char *in_one(struct stream_packer *packer, const struct record *record)
{
    const struct stream_part *parts = record->parts;
    uint32_t i = 1;

    while (i < record->parts_count && parts[i - 1].bytes + parts[i - 1].length == parts[i].bytes)
        i++;
    if (i == record->parts_count)
        return parts[0].bytes;
    gather(record, packer->gathered);
    return packer->gathered;
}

/* Short samples from all over the record, each compressed fast: where they save next to nothing, a full
 * pass would only burn CPU. Each by itself, because zstd hurries past what lies among random bytes. A
 * stretch that compresses is overlooked only where it is shorter than the distance of two samples. */
static bool worth_trying(struct stream_packer *packer, const unsigned char *bytes,
                         uint32_t raw_bytes)
{
    size_t saved = 0;

    if (raw_bytes < SAMPLED_MIN)
        return true;
    for (uint32_t i = 0; i < SAMPLES_COUNT; i++) {
        uint64_t at = (uint64_t)(raw_bytes - SAMPLE_BYTES) * i / (SAMPLES_COUNT - 1);
        size_t packed = ZSTD_compress2(packer->sampler, packer->sample, sizeof packer->sample,
                                       bytes + at, SAMPLE_BYTES);

        if (ZSTD_isError(packed))
            return true;
        saved += packed < SAMPLE_BYTES ? SAMPLE_BYTES - packed : 0;
    }
    return saved >= SAMPLE_ALL_BYTES / SAVES_ONE_IN;
}

/* ---- Records ---- */

/* The list's length does not depend on the hash, and the bytes are hashed where they will stand. */
static uint32_t store_raw(struct stream_packer *packer, const struct record *record,
                          unsigned char *payload)
{
    struct block_hash hash = {{0}};
    uint32_t head_bytes =
        stream_data_begin(payload, STREAM_CODEC_RAW, &hash, packer->pieces, record->pieces_count);

    gather(record, payload + head_bytes);
    hash = digest_bytes(payload + head_bytes, record->raw_bytes);
    stream_data_begin(payload, STREAM_CODEC_RAW, &hash, packer->pieces, record->pieces_count);
    return head_bytes + record->raw_bytes;
}

static bool use_level(struct stream_packer *packer, int level, struct err *e)
{
    if (packer->level == level)
        return true;
    if (!set_up(packer->zstd, level))
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "zstd refuses level %d", level);
    packer->level = level;
    return true;
}

/* out_payload_bytes 0: it did not become shorter. */
static bool deflate(struct stream_packer *packer, const struct record *record,
                    const unsigned char *bytes, unsigned char *payload, uint32_t *out_payload_bytes,
                    struct err *e)
{
    struct block_hash hash = digest_bytes(bytes, record->raw_bytes);
    uint32_t head_bytes =
        stream_data_begin(payload, STREAM_CODEC_ZSTD, &hash, packer->pieces, record->pieces_count);
    size_t room = record->raw_bytes - record->raw_bytes / SAVES_ONE_IN - 1;
    size_t packed =
        ZSTD_compress2(packer->zstd, payload + head_bytes, room, bytes, record->raw_bytes);

    *out_payload_bytes = 0;
    if (!ZSTD_isError(packed)) {
        *out_payload_bytes = head_bytes + (uint32_t)packed;
        return true;
    }
    ZSTD_CCtx_reset(packer->zstd, ZSTD_reset_session_only); /* else no level can be set any more */
    return ZSTD_getErrorCode(packed) == ZSTD_error_dstSize_tooSmall ||
           err_set(e, ERR_LIMIT, RETRY_NEVER, "cannot compress at level %d: %s", packer->level,
                   ZSTD_getErrorName(packed));
}

bool stream_pack(struct stream_packer *packer, uint64_t number, const struct stream_part *parts,
                 uint32_t count, int level, void *out, struct stream_packed *out_packed,
                 struct err *e)
{
    struct record record = record_of(packer, parts, count);
    unsigned char *payload = (unsigned char *)out + STREAM_FRAME_BYTES;
    uint32_t payload_bytes = 0;

    assert(level == STREAM_LEVEL_RAW || (level >= STREAM_LEVEL_MIN && level <= STREAM_LEVEL_MAX));
    if (level != STREAM_LEVEL_RAW) {
        const unsigned char *bytes = in_one(packer, &record);

        if (worth_trying(packer, bytes, record.raw_bytes) &&
            (!use_level(packer, level, e) ||
             !deflate(packer, &record, bytes, payload, &payload_bytes, e)))
            return false;
    }
    out_packed->stored_raw = payload_bytes == 0;
    if (out_packed->stored_raw)
        payload_bytes = store_raw(packer, &record, payload);
    out_packed->raw_bytes = record.raw_bytes;
    out_packed->record_bytes = stream_frame_seal(out, STREAM_DATA, number, payload_bytes);
    return true;
}
