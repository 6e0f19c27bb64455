/* manifest_fuzz.c - any bytes pushed as a manifest: an error or a sound one, never a crash.
 * Must not know: how a manifest is laid out, but for where a checksum stands. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/manifest_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Checksums rarely come about by chance: every second input gets right ones, as long as its lengths lead
 * from section to section. */
static void mend_checksums(uint8_t *bytes, size_t size)
{
    size_t at = 0;

    while (size - at >= 8 + DIGEST_HASH_BYTES) {
        uint32_t length;
        struct block_hash check;

        memcpy(&length, bytes + at + 4, sizeof length);
        if (length > size - at - 8 - DIGEST_HASH_BYTES)
            return;
        check = digest_bytes(bytes + at, 8 + (size_t)length);
        memcpy(bytes + at + 8 + length, check.bytes, sizeof check.bytes);
        at += 8 + (size_t)length + DIGEST_HASH_BYTES;
    }
}

static void read_all(const uint8_t *bytes, size_t size, size_t step)
{
    struct err e = {0};
    struct manifest_decoder *decoder = manifest_decoder_new(&e);
    struct manifest_run run = {0};
    enum manifest_step found;
    uint64_t next = 0;
    size_t at = 0;

    if (!decoder)
        return;
    while ((found = manifest_decoder_next(decoder, &run, &e)) != MANIFEST_FAILED) {
        if (found == MANIFEST_RUN) {
            assert(run.first_block == next && run.count > 0);
            next += run.count;
            continue;
        }
        /* A root of many holes is only a matter of time, and there is no time here. */
        if (found == MANIFEST_HEAD && manifest_decoder_head(decoder)->disk_bytes > 1ull << 40)
            break;
        if (found == MANIFEST_END)
            assert(next == manifest_block_count(manifest_decoder_head(decoder)->disk_bytes));
        if (found != MANIFEST_HEAD && at == size)
            break;
        at += manifest_decoder_push(decoder, bytes + at, size - at < step ? size - at : step);
    }
    assert((found == MANIFEST_FAILED) == err_is_set(&e));
    manifest_decoder_free(decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes;

    if (size < 2)
        return 0;
    bytes = malloc(size);
    if (!bytes)
        return 0;
    memcpy(bytes, data, size);
    if (data[0] & 1)
        mend_checksums(bytes + 1, size - 1);
    read_all(bytes + 1, size - 1, data[0] < 128 ? size : 1u + data[0] % 64u);
    free(bytes);
    return 0;
}
