/* mover_held.c - a range that the target holds already, and proved to be the source's (SETUP_EXPECT): it
 * is read there. See mover.h.
 */
#include <stddef.h>

#include "engine/mover_internal.h"

static void held_read_done(struct block_req *req)
{
    struct mover_range *range =
        (struct mover_range *)((char *)req - offsetof(struct mover_range, req));

    if (err_is_set(&req->err)) {
        mover_range_trouble(range);
        return;
    }
    pacer_note_answer(&range->mover->pacer); /* not mover_range_answered: it was not the source's */
    range->attempts = 0;
    range->crc64_known = range->hashes_known = false;
    range->read_at += (uint32_t)req->length;
    range->mover->counts.resumed_bytes += req->length;
    mover_range_again(range);
}

bool mover_read_held(struct mover_range *range, struct extent part)
{
    const struct mover_setup *setup = &range->mover->setup;

    if (extent_end(part) > setup->held_below_bytes || !extent_set_covers(&setup->plan->reads, part))
        return false;
    range->req = (struct block_req){.offset = part.offset,
                                    .length = part.length,
                                    .buf = range->buf,
                                    .buf_offset = range->read_at,
                                    .done = held_read_done};
    endpoint_read(setup->target, &range->req);
    return true;
}
