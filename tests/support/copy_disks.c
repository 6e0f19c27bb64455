/* copy_disks.c - the disks of copy_case.h: made, changed, looked at. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/vhd.h"
#include "tests/support/copy_case.h"
#include "tests/support/page_model.h"

#define PAGE         ENDPOINT_PAGE_BYTES
#define SCRIBBLE_MAX (24 * PAGE)

/* ---- Make and change ---- */

struct endpoint *copy_case_disk(struct copy_case *c, uint64_t size_bytes)
{
    struct err e = {0};
    struct endpoint *disk = endpoint_mem_new(c->rig.r, size_bytes, &e);

    cr_assert_not_null(disk, "%s", e.text);
    return disk;
}

static void fill_dense(unsigned char *bytes, size_t count, uint64_t *seed)
{
    for (size_t i = 0; i < count; i += sizeof(uint64_t)) {
        uint64_t word = page_random(seed);

        memcpy(bytes + i, &word, sizeof word);
    }
}

void copy_case_fill(struct endpoint *disk, struct extent range, uint64_t seed)
{
    unsigned char *bytes = malloc((size_t)range.length);
    uint64_t state = seed + 1;

    cr_assert_not_null(bytes);
    fill_dense(bytes, (size_t)range.length, &state);
    endpoint_mem_poke(disk, range.offset, bytes, (size_t)range.length);
    free(bytes);
}

static void fill(unsigned char *bytes, size_t count, uint64_t *seed)
{
    fill_dense(bytes, count, seed);
    /* now and then pages in the middle that hold nothing */
    if (count >= 8 * PAGE && page_random_below(seed, 3) == 0)
        memset(bytes + 2 * PAGE, 0, count / PAGE / 2 * PAGE);
}

static void scribble_once(struct endpoint *disk, struct extent range, uint64_t *seed)
{
    unsigned char *bytes = calloc(1, (size_t)range.length);

    cr_assert_not_null(bytes);
    switch (page_random_below(seed, 6)) {
    case 0:
        endpoint_mem_poke_clear(disk, range);
        break;
    case 1: /* zeros that were written */
        endpoint_mem_poke(disk, range.offset, bytes, (size_t)range.length);
        break;
    default:
        fill(bytes, (size_t)range.length, seed);
        endpoint_mem_poke(disk, range.offset, bytes, (size_t)range.length);
    }
    free(bytes);
}

void copy_case_scribble(struct endpoint *disk, uint64_t end_bytes, uint64_t seed, uint32_t count)
{
    uint64_t state = seed * 0x9E3779B97F4A7C15ull + 1;

    for (uint32_t i = 0; i < count; i++) {
        struct extent range = {.offset = page_random_below(&state, end_bytes / PAGE) * PAGE};

        range.length = (1 + page_random_below(&state, SCRIBBLE_MAX / PAGE)) * PAGE;
        if (extent_end(range) > end_bytes)
            range.length = end_bytes - range.offset;
        scribble_once(disk, range, &state);
    }
}

struct endpoint *copy_case_random_disk(struct copy_case *c, uint64_t size_bytes, uint64_t seed)
{
    struct endpoint *disk = copy_case_disk(c, size_bytes);
    uint64_t state = seed * 0x9E3779B97F4A7C15ull + 7;
    uint64_t at = 0;

    while (at < size_bytes) { /* long runs of data and holes */
        struct extent run = {at, (1 + page_random_below(&state, 256)) * PAGE};

        if (extent_end(run) > size_bytes)
            run.length = size_bytes - at;
        if (page_random_below(&state, 2)) {
            unsigned char *bytes = malloc((size_t)run.length);

            cr_assert_not_null(bytes);
            fill(bytes, (size_t)run.length, &state);
            endpoint_mem_poke(disk, at, bytes, (size_t)run.length);
            free(bytes);
        }
        at = extent_end(run);
    }
    copy_case_scribble(disk, size_bytes, seed, 20);
    return disk;
}

void copy_case_put_footer(struct endpoint *disk)
{
    unsigned char footer[VHD_FOOTER_BYTES];
    static const unsigned char uuid[16] = {4, 7, 1, 1};

    vhd_encode(footer, disk->size_bytes - VHD_FOOTER_BYTES, 1234567, uuid);
    endpoint_mem_poke(disk, disk->size_bytes - VHD_FOOTER_BYTES, footer, sizeof footer);
}

bool copy_case_has_footer(const struct endpoint *disk)
{
    struct vhd_footer footer;

    vhd_decode(endpoint_mem_bytes(disk) + disk->size_bytes - VHD_FOOTER_BYTES, &footer);
    return footer.kind == VHD_FIXED;
}

void copy_case_cut(struct endpoint *disk, uint32_t request_bytes)
{
    disk->request_max_bytes = request_bytes;
}

void copy_case_wrap(struct endpoint **disk, const struct fault_options *options)
{
    struct err e = {0};
    struct endpoint *wrapper = endpoint_fault_new(*disk, options, &e);

    cr_assert_not_null(wrapper, "%s", e.text);
    *disk = wrapper;
}

void copy_case_new_base(struct copy_case *c, const char *base_id, const char *source_id)
{
    struct setup_req req = {.verb = SETUP_SNAPSHOT};

    copy_case_setup(c, c->source, &req);
    memcpy(c->since, req.out_snapshot, sizeof c->since);
    endpoint_close(c->base);
    c->base = copy_case_disk(c, c->source->size_bytes);
    c->options.base_id = base_id;
    c->options.source_id = source_id;
}

/* ---- Look ---- */

void copy_case_expect_same(const struct endpoint *a, const struct endpoint *b, uint64_t bytes)
{
    const unsigned char *one = endpoint_mem_bytes(a), *other = endpoint_mem_bytes(b);

    cr_assert_geq(a->size_bytes, bytes);
    cr_assert_geq(b->size_bytes, bytes);
    for (uint64_t at = 0; at < bytes; at += PAGE)
        cr_assert_eq(memcmp(one + at, other + at, PAGE), 0, "the page at %llu differs",
                     (unsigned long long)at);
}

bool copy_case_is_same(const struct endpoint *a, const void *bytes, uint64_t count)
{
    return a->size_bytes >= count && memcmp(endpoint_mem_bytes(a), bytes, (size_t)count) == 0;
}

unsigned char *copy_case_image(const struct endpoint *disk)
{
    unsigned char *image = malloc((size_t)disk->size_bytes);

    cr_assert_not_null(image);
    memcpy(image, endpoint_mem_bytes(disk), (size_t)disk->size_bytes);
    return image;
}

void copy_case_expect_within(const struct extent_set *part, const struct extent_set *whole,
                             const char *what)
{
    for (size_t i = 0; i < part->count; i++) {
        struct extent e = extent_set_at(part, i);

        cr_assert(extent_set_covers(whole, e), "%s: %llu bytes at %llu", what,
                  (unsigned long long)e.length, (unsigned long long)e.offset);
    }
}

void copy_case_root(const void *bytes, uint64_t count, char out_text[DIGEST_TEXT_MAX_BYTES])
{
    struct err e = {0};
    struct digest_root *root = digest_root_new(count, &e);

    cr_assert_not_null(root, "%s", e.text);
    for (uint64_t at = 0; at < count; at += DIGEST_BLOCK_BYTES) {
        uint64_t left = count - at;
        struct block_hash hash =
            digest_block_padded((const unsigned char *)bytes + at,
                                left < DIGEST_BLOCK_BYTES ? (size_t)left : DIGEST_BLOCK_BYTES);

        digest_root_block(root, &hash);
    }
    digest_root_end(root, out_text);
    digest_root_free(root);
}
