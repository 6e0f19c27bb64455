/* manifest_format_test.c - what goes into a manifest comes out; what is not whole or not right does not.
 * Must not know: files, copies. */
#include "blockmap/manifest_format.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS_COUNT 50000u /* several sections */

struct memory {
    unsigned char *bytes;
    size_t count, room;
    uint32_t puts_left; /* fails after so many; 0: never */
};

static bool memory_put(void *arg, const void *bytes, size_t count, struct err *e)
{
    struct memory *m = arg;

    cr_assert_leq(count, MANIFEST_SECTION_MAX_BYTES);
    if (m->puts_left && --m->puts_left == 0)
        return err_set(e, ERR_IO, RETRY_NEVER, "the disk is full");
    while (m->room < m->count + count) {
        m->room = m->room ? m->room * 2 : 4096;
        m->bytes = realloc(m->bytes, m->room);
        cr_assert_not_null(m->bytes);
    }
    memcpy(m->bytes + m->count, bytes, count);
    m->count += count;
    return true;
}

static struct manifest_head head_of(uint64_t disk_bytes)
{
    struct manifest_head head = {.copy_uuid = "0f0e0d0c-0b0a-4908-8706-050403020100",
                                 .source = "https://acc.blob.example/c/d?snapshot=2026-01-01",
                                 .base = "the-one-before",
                                 .source_bytes = disk_bytes + VHD_FOOTER_BYTES,
                                 .disk_bytes = disk_bytes,
                                 .target_bytes = disk_bytes + VHD_FOOTER_BYTES,
                                 .has_footer = true,
                                 .started_ms = 1770000000000};

    memcpy(head.footer, "conectix", 8);
    return head;
}

/* Holes, single blocks and long stretches of either. */
static struct block_hash hash_of(uint64_t block)
{
    struct block_hash hash = {{0}};

    if (block % 7 == 3 || (block > 20000 && block < 31000))
        return hash;
    return digest_bytes(&block, sizeof block);
}

static struct manifest_end make(struct memory *m, uint64_t disk_bytes, uint64_t step)
{
    struct manifest_head head = head_of(disk_bytes);
    struct manifest_output output = {memory_put, m};
    struct manifest_end end = {.read_bytes = 1,
                               .written_bytes = 2,
                               .cleared_bytes = 3,
                               .skipped_bytes = 4,
                               .ended_ms = 1770000001000};
    struct err e = {0};
    struct manifest_encoder *encoder = manifest_encoder_new(&head, &output, &e);
    uint64_t count = manifest_block_count(disk_bytes);
    struct block_hash *hashes = calloc(step, sizeof *hashes);

    cr_assert_not_null(encoder, "%s", e.text);
    for (uint64_t at = 0; at < count; at += step) {
        uint64_t some = count - at < step ? count - at : step;
        bool any = false;

        for (uint64_t i = 0; i < some; i++) {
            hashes[i] = hash_of(at + i);
            any |= !block_hash_is_zero(&hashes[i]);
        }
        cr_assert(manifest_encoder_blocks(encoder, some, any ? hashes : NULL, &e), "%s", e.text);
    }
    cr_assert(manifest_encoder_end(encoder, &end, &e), "%s", e.text);
    manifest_encoder_free(encoder);
    free(hashes);
    return end;
}

static void expect_run(const struct manifest_run *run, uint64_t next)
{
    cr_assert_eq(run->first_block, next);
    for (uint64_t i = 0; i < run->count; i++) {
        struct block_hash wanted = hash_of(next + i);

        if (run->hashes)
            cr_assert_eq(memcmp(&run->hashes[i], &wanted, sizeof wanted), 0);
        else
            cr_assert(block_hash_is_zero(&wanted));
    }
}

/* Reads it pushed in pieces of `step`; true when it is sound to its end and its blocks are hash_of's. */
static bool is_sound(const unsigned char *bytes, size_t count, size_t step, struct err *e)
{
    struct manifest_decoder *decoder = manifest_decoder_new(e);
    enum manifest_step found;
    struct manifest_run run;
    uint64_t next = 0;
    size_t pushed = 0;

    while ((found = manifest_decoder_next(decoder, &run, e)) != MANIFEST_FAILED) {
        if (found == MANIFEST_RUN) {
            expect_run(&run, next);
            next += run.count;
        }
        if (found != MANIFEST_WANTS && found != MANIFEST_END)
            continue;
        if (pushed == count)
            break;
        pushed += manifest_decoder_push(decoder, bytes + pushed,
                                        count - pushed < step ? count - pushed : step);
    }
    manifest_decoder_free(decoder);
    return found == MANIFEST_END;
}

Test(manifest_format, gives_back_every_block_however_it_is_pushed)
{
    uint64_t disk_bytes = BLOCKS_COUNT * 65536ull + 512;
    size_t steps[] = {1u << 20, 4096, 61};
    struct memory m = {0};
    struct err e = {0};

    make(&m, disk_bytes, 777);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        cr_assert(is_sound(m.bytes, m.count, steps[i], &e), "%s", e.text);
    free(m.bytes);
}

Test(manifest_format, gives_back_head_and_end)
{
    struct memory m = {0};
    struct manifest_end end = make(&m, 3 * 65536, 1);
    struct err e = {0};
    struct manifest_decoder *decoder = manifest_decoder_new(&e);
    struct manifest_head wanted = head_of(3 * 65536);
    struct manifest_run run;
    enum manifest_step step;
    size_t at = 0;

    do {
        at += manifest_decoder_push(decoder, m.bytes + at, m.count - at);
        step = manifest_decoder_next(decoder, &run, &e);
    } while (step != MANIFEST_END && step != MANIFEST_FAILED);
    cr_assert_eq(step, MANIFEST_END, "%s", e.text);
    cr_assert_eq(memcmp(manifest_decoder_head(decoder), &wanted, sizeof wanted), 0);
    cr_assert_eq(memcmp(manifest_decoder_end(decoder), &end, sizeof end), 0);
    cr_assert_eq(end.data_blocks, 3u);
    cr_assert_eq(end.zero_blocks, 0u);
    manifest_decoder_free(decoder);
    free(m.bytes);
}

Test(manifest_format, bytes_do_not_depend_on_how_blocks_are_fed)
{
    struct memory a = {0}, b = {0};

    make(&a, BLOCKS_COUNT * 65536ull, 1);
    make(&b, BLOCKS_COUNT * 65536ull, 5000);
    cr_assert_eq(a.count, b.count);
    cr_assert_eq(memcmp(a.bytes, b.bytes, a.count), 0);
    free(a.bytes);
    free(b.bytes);
}

Test(manifest_format, a_large_empty_disk_takes_a_few_hundred_bytes)
{
    struct manifest_head head = head_of(1ull << 40);
    struct memory m = {0};
    struct manifest_output output = {memory_put, &m};
    struct manifest_end end = {0};
    struct err e = {0};
    struct manifest_encoder *encoder = manifest_encoder_new(&head, &output, &e);

    cr_assert(manifest_encoder_blocks(encoder, manifest_block_count(head.disk_bytes), NULL, &e));
    cr_assert(manifest_encoder_end(encoder, &end, &e));
    cr_assert_eq(end.zero_blocks, 1ull << 24);
    cr_assert_lt(m.count, 2048u);
    manifest_encoder_free(encoder);
    free(m.bytes);
}

Test(manifest_format, refuses_every_cut)
{
    struct memory m = {0};

    make(&m, 100 * 65536ull, 10);
    for (size_t count = 0; count < m.count; count++) {
        struct err e = {0};

        cr_assert_not(is_sound(m.bytes, count, 4096, &e), "%zu of %zu bytes", count, m.count);
    }
    free(m.bytes);
}

Test(manifest_format, refuses_flipped_bits_and_anything_behind_the_end)
{
    struct memory m = {0};
    unsigned char *more;

    make(&m, 20 * 65536ull, 10);
    for (size_t i = 0; i < m.count * 8; i += 3) {
        struct err e = {0};

        m.bytes[i / 8] ^= (unsigned char)(1u << i % 8);
        cr_assert_not(is_sound(m.bytes, m.count, 4096, &e), "bit %zu", i);
        m.bytes[i / 8] ^= (unsigned char)(1u << i % 8);
    }
    more = calloc(1, m.count + 1);
    memcpy(more, m.bytes, m.count);
    for (size_t step = 1; step <= m.count + 1; step += m.count) {
        struct err e = {0};

        cr_assert_not(is_sound(more, m.count + 1, step, &e));
        cr_assert_eq(e.kind, ERR_CORRUPT);
    }
    free(more);
    free(m.bytes);
}

/* Its sections are sound one by one, but of two disks. */
Test(manifest_format, refuses_a_head_before_another_disks_hashes)
{
    struct memory a = {0}, b = {0};
    struct manifest_head other = head_of(20 * 65536);
    struct manifest_output output = {memory_put, &b};
    struct manifest_encoder *encoder;
    struct err e = {0};
    size_t head_bytes;

    make(&a, 20 * 65536, 20);
    memcpy(other.source, "HTTPS", 5);
    encoder = manifest_encoder_new(&other, &output, &e);
    head_bytes = b.count;
    manifest_encoder_free(encoder);
    memcpy(a.bytes, b.bytes, head_bytes); /* as long as the one it replaces */
    cr_assert_not(is_sound(a.bytes, a.count, 4096, &e));
    cr_assert_eq(e.kind, ERR_CORRUPT);
    cr_assert_not_null(strstr(e.text, "two manifests"), "%s", e.text);
    free(a.bytes);
    free(b.bytes);
}

Test(manifest_format, an_output_that_fails_fails_the_encoder)
{
    struct manifest_head head = head_of(65536);
    struct memory m = {.puts_left = 2};
    struct manifest_output output = {memory_put, &m};
    struct manifest_end end = {0};
    struct err e = {0};
    struct manifest_encoder *encoder = manifest_encoder_new(&head, &output, &e);

    cr_assert(manifest_encoder_blocks(encoder, 1, NULL, &e));
    cr_assert_not(manifest_encoder_end(encoder, &end, &e));
    cr_assert_eq(e.kind, ERR_IO);
    manifest_encoder_free(encoder);
    free(m.bytes);
}
