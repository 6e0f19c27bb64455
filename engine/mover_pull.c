/* mover_pull.c - a range that the target's service reads from the source itself: one request, no buffer,
 * nothing seen. See mover.h and mover_pull.h.
 *
 * What it writes is the source's data, zeros included. Its retries, its windows, what is recorded of it and
 * the fence after an answer that was lost are those of a write.
 */
#include "engine/mover_pull.h"

#include <assert.h>
#include <stddef.h>

#include "engine/mover_access.h"
#include "engine/mover_internal.h"

bool mover_pull_is_refused(const struct block_req *req, uint32_t attempts)
{
    const struct err *error = &req->err;

    if (error->retry == RETRY_LATER)
        return req->from_failed && attempts >= MOVER_PULL_TRIES_MAX;
    if (req->from_failed)
        return true;
    if (error->retry == RETRY_AFTER_RENEWAL)
        return false;
    switch (error->http_status) {
    case 400:
    case 403:
    case 404:
    case 405:
    case 409:
    case 500: /* FeatureNotSupported: another 500 may pass */
    case 501:
        return true;
    default:
        return false;
    }
}

/* The source's SAS may just have ended: what went well before goes on with a new one. */
static bool pull_awaits_renewal(const struct mover_range *range)
{
    const struct mover *m = range->mover;

    return range->req.err.retry == RETRY_AFTER_RENEWAL && m->pulled_any && m->setup.source_access &&
           !err_is_set(access_error(m->setup.source_access));
}

/* True: this range, and all that were not begun, are read here and written. */
static bool pull_reads_instead(struct mover_range *range)
{
    struct mover *m = range->mover;

    if (!m->setup.pull.may_read || m->stopping || err_is_set(&m->err) ||
        !mover_pull_is_refused(&range->req, range->attempts + 1) || pull_awaits_renewal(range))
        return false;
    if (m->pulling)
        m->setup.pull.refused(m->setup.arg, &range->req.err);
    m->pulling = false;
    range->pull = false;
    range->attempts = 0;
    mover_range_move(range, RANGE_WAITING);
    mover_access_stand_back(range);
    return true;
}

static void pull_done(struct block_req *req)
{
    struct mover_range *range =
        (struct mover_range *)((char *)req - offsetof(struct mover_range, req));
    struct mover *m = range->mover;

    if (err_is_set(&req->err)) {
        if (retry_is_indefinite(&req->err))
            m->counts.indefinite = true;
        if (!pull_reads_instead(range))
            mover_range_trouble(range);
        return;
    }
    mover_range_answered(range);
    m->pulled_any = true;
    m->counts.written_bytes += req->length;
    m->counts.pulled_bytes += req->length;
    mover_range_finish(range);
}

void mover_pull(struct mover_range *range)
{
    const struct mover_setup *setup = &range->mover->setup;

    assert(!range->clear && !range->buf);
    if (range->state != RANGE_WRITING)
        mover_range_move(range, RANGE_WRITING);
    if (!mover_may_send(range, SHARE_PULL, &range->extent.length))
        return;
    range->generation = access_generation(setup->target_access);
    range->from_generation = access_generation(setup->source_access);
    range->req = (struct block_req){.offset = range->extent.offset,
                                    .length = range->extent.length,
                                    .from = setup->source,
                                    .done = pull_done};
    endpoint_pull(setup->target, &range->req);
}
