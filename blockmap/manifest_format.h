/* manifest_format.h - the manifest of a disk as bytes: pure, streaming, a bounded piece at a time.
 *
 * Knows:         manifest_format.md: sections, runs of holes, zstd, checksums, the root of it all.
 * Must not know: files; which copy it is made of; what it is compared with.
 * Threads:       none; one owner.
 * Errors:        ERR_CORRUPT for bytes that are no sound manifest; ERR_LIMIT when memory ran out.
 *
 * Memory: less than a MiB each way, whatever the disk's size.
 */
#ifndef BLOCKMAP_MANIFEST_FORMAT_H
#define BLOCKMAP_MANIFEST_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/digest.h"
#include "blockmap/err.h"
#include "blockmap/extent.h"
#include "blockmap/marker.h"
#include "blockmap/vhd.h"

#define MANIFEST_VERSION        1u
#define MANIFEST_MAGIC_BYTES    4u
#define MANIFEST_DISK_MAX_BYTES (1ull << 46) /* 64 TiB: twice the largest managed disk */
#define MANIFEST_RAW_MAX_BYTES  (256u << 10) /* runs of one section before zstd */
#define MANIFEST_SECTION_MAX_BYTES                                                                 \
    (264u << 10) /* a whole section: what is put, and kept, at once */

/* What is known before the first block. */
struct manifest_head {
    char copy_uuid[MARKER_UUID_MAX_BYTES];
    char source[MARKER_SOURCE_MAX_BYTES]; /* identity, never a SAS */
    char base[MARKER_SOURCE_MAX_BYTES];   /* identity; "" = a full copy */
    uint64_t source_bytes;                /* whole length, footer included */
    uint64_t disk_bytes;                  /* what the hashes are of: footer left out */
    uint64_t target_bytes;                /* whole length, footer included */
    bool has_footer;                      /* of the target: disk_bytes + 512 then */
    unsigned char footer[VHD_FOOTER_BYTES];
    uint64_t started_ms; /* wall clock, since 1970 */
};

/* What is known after the last one. */
struct manifest_end {
    char root[DIGEST_TEXT_MAX_BYTES]; /* of the hashes: the encoder makes it, the decoder again */
    uint64_t data_blocks;             /* that hold something; made as root is */
    uint64_t zero_blocks;
    uint64_t read_bytes, written_bytes, cleared_bytes, skipped_bytes; /* of the copy */
    uint64_t ended_ms;
};

uint64_t manifest_block_count(uint64_t disk_bytes);
/* What a block covers of a disk: the last one is cut at the disk's end. */
struct extent manifest_block_extent(uint64_t disk_bytes, uint64_t block);

/* ---- Out ---- */

/* Takes a section, at most MANIFEST_SECTION_MAX_BYTES of it. False: *e is set, the encoder is spent. */
struct manifest_output {
    bool (*put)(void *arg, const void *bytes, size_t count, struct err *e);
    void *arg;
};

struct manifest_encoder;

/* Puts the head. NULL: *e is set. */
struct manifest_encoder *manifest_encoder_new(const struct manifest_head *head,
                                              const struct manifest_output *output, struct err *e);
void manifest_encoder_free(struct manifest_encoder *encoder); /* NULL is fine */
/* The next count blocks: one hash each, or holes when hashes is NULL. A hash of zero is a hole. */
bool manifest_encoder_blocks(struct manifest_encoder *encoder, uint64_t count,
                             const struct block_hash *hashes, struct err *e);
/* After all blocks of the disk. Fills root and block counts of *end, puts it; only free may follow. */
bool manifest_encoder_end(struct manifest_encoder *encoder, struct manifest_end *end,
                          struct err *e);

/* ---- In: push what comes, pull what it says ---- */

enum manifest_step {
    MANIFEST_WANTS, /* push more */
    MANIFEST_HEAD,  /* manifest_decoder_head is there now */
    MANIFEST_RUN,   /* *out_run */
    MANIFEST_END,   /* sound to its end: manifest_decoder_end is there */
    MANIFEST_FAILED /* *e is set; only free may follow */
};

/* Neighbouring blocks; runs come in order and cover the disk. hashes NULL: holes. */
struct manifest_run {
    uint64_t first_block;
    uint64_t count;
    const struct block_hash *hashes; /* a view, valid until the next call; none is zero */
};

/* Is this how a manifest begins? Of any file's first bytes, MANIFEST_MAGIC_BYTES or fewer. */
bool manifest_begins(const void *bytes, size_t count);

struct manifest_decoder;
struct manifest_decoder *manifest_decoder_new(struct err *e);
void manifest_decoder_free(struct manifest_decoder *decoder); /* NULL is fine */
/* Takes some of the bytes and says how many: all of them, or those that the next steps need. */
size_t manifest_decoder_push(struct manifest_decoder *decoder, const void *bytes, size_t count);
/* Runs may be of a manifest that turns out to be wrong: trust them after MANIFEST_END. */
enum manifest_step manifest_decoder_next(struct manifest_decoder *decoder,
                                         struct manifest_run *out_run, struct err *e);
const struct manifest_head *manifest_decoder_head(const struct manifest_decoder *decoder);
const struct manifest_end *manifest_decoder_end(const struct manifest_decoder *decoder);

#endif
