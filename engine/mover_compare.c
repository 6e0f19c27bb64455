/* mover_compare.c - a range of which the target holds an older state that is at hand: that is read too, and
 * pages that are the same are not written. See mover.h.
 *
 * What is at hand is believed either as a whole, when it was proven to be what the target holds, or block by
 * block, when it has the hash that the map has of the target's block. It is read only where the map does
 * not say that the target has the block. Whatever goes wrong with it costs only that the range is written.
 *
 * What was proven as a whole is looked at again after each read: a later process would believe what this
 * one recorded, and could not know that it was compared with something else.
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "engine/mover_internal.h"

#define PAGE ENDPOINT_PAGE_BYTES

static bool page_is_equal(const struct mover_range *range, uint32_t page)
{
    return (range->equal[page / 8] >> page % 8 & 1) != 0;
}

static void page_set(struct mover_range *range, uint32_t page, bool equal)
{
    if (equal)
        range->equal[page / 8] |= (unsigned char)(1u << page % 8);
    else
        range->equal[page / 8] &= (unsigned char)~(1u << page % 8);
}

/* From the first to the last block that may differ; length 0: there is none, or nothing of it at hand. */
static struct extent compare_span(const struct mover_range *range)
{
    const struct mover_setup *setup = &range->mover->setup;
    struct extent at_hand = {0, setup->older.bytes};
    struct extent span = range->extent;
    uint32_t first = 0, last = range->kept.count;

    if (!setup->keep)
        return extent_common(span, at_hand);
    while (first < last && (range->kept.same >> first & 1))
        first++;
    while (last > first && (range->kept.same >> (last - 1) & 1))
        last--;
    span.offset += (uint64_t)first * MAP_BLOCK_BYTES;
    span.length = (uint64_t)last * MAP_BLOCK_BYTES;
    if (span.length > range->extent.length)
        span.length = range->extent.length;
    span.length -= span.offset - range->extent.offset;
    return extent_common(span, at_hand);
}

static void compare_pages(struct mover_range *range, uint32_t at, const unsigned char *older,
                          uint32_t length)
{
    const unsigned char *newer = range->buf->memory + at;

    for (uint32_t i = 0; i < length; i += PAGE)
        page_set(range, (at + i) / PAGE, memcmp(newer + i, older + i, PAGE) == 0);
}

/* The span begins at a block where a map is kept. */
static void compare_blocks(struct mover_range *range, uint32_t at, const unsigned char *older,
                           uint32_t length)
{
    const struct mover_setup *setup = &range->mover->setup;
    uint32_t step;

    for (uint32_t done = 0; done < length; done += step) {
        uint64_t offset = range->extent.offset + at + done;

        step = length - done < MAP_BLOCK_BYTES ? length - done : MAP_BLOCK_BYTES;
        if (map_keep_was(setup->keep, offset, older + done, step))
            compare_pages(range, at + done, older + done, step);
    }
}

/* Between two pages that differ, what is equal is written too where that is cheaper than a request. */
static void compare_join(struct mover_range *range, uint32_t at, uint32_t length)
{
    uint32_t pages = (at + length) / PAGE;
    uint64_t gap_pages = range->mover->setup.older.gap_bytes / PAGE;
    uint32_t next = pages; /* behind the last page that differs */

    for (uint32_t page = at / PAGE; page < pages; page++) {
        if (page_is_equal(range, page))
            continue;
        while (next < page && page - next <= gap_pages)
            page_set(range, next++, false);
        next = page + 1;
    }
}

/* What was read before this look was proven, if nobody wrote before it. */
static void compare_looked(struct stat_req *stat)
{
    struct mover_range *range =
        (struct mover_range *)((char *)stat - offsetof(struct mover_range, older_stat));
    struct mover *m = range->mover;

    if (err_is_set(&stat->err) || !stat->exists || strcmp(stat->etag, m->setup.older.etag) != 0)
        m->older_lost = true;
    range->compared = !m->older_lost;
    mover_range_judged(range);
}

static void compare_done(struct block_req *req)
{
    struct mover_range *range =
        (struct mover_range *)((char *)req - offsetof(struct mover_range, req));
    struct mover *m = range->mover;
    uint32_t at = (uint32_t)(req->offset - range->extent.offset);
    bool read = !err_is_set(&req->err);

    if (read) {
        m->counts.proof_bytes += req->length;
        range->compared = true;
        if (!m->setup.older.proven)
            compare_blocks(range, at, range->older->memory, (uint32_t)req->length);
        else
            compare_pages(range, at, range->older->memory, (uint32_t)req->length);
        compare_join(range, at, (uint32_t)req->length);
    }
    mover_release(m, range->older);
    range->older = NULL;
    if (!read || !m->setup.older.proven) {
        mover_range_judged(range);
        return;
    }
    range->older_stat = (struct stat_req){.done = compare_looked};
    endpoint_stat(m->setup.older.endpoint, &range->older_stat);
}

bool mover_compare(struct mover_range *range)
{
    struct mover *m = range->mover;
    struct extent span;

    range->compared = false;
    if (!m->setup.older.endpoint || m->older_lost)
        return false;
    span = compare_span(range);
    if (!span.length)
        return false;
    range->older = mover_borrow_second(m);
    if (!range->older)
        return false;
    mover_charge(m, SHARE_READ, span.length); /* a base is of the source's host */
    memset(range->equal, 0, sizeof range->equal);
    range->req = (struct block_req){
        .offset = span.offset, .length = span.length, .buf = range->older, .done = compare_done};
    endpoint_read(m->setup.older.endpoint, &range->req);
    return true;
}

bool mover_compared_equal(const struct mover_range *range, uint32_t at, uint32_t *end)
{
    uint32_t page = at / PAGE;
    bool equal = page_is_equal(range, page);

    do
        page++;
    while (page * PAGE < *end && page_is_equal(range, page) == equal);
    if (page * PAGE < *end)
        *end = page * PAGE;
    return equal;
}
