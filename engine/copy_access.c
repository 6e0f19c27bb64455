/* copy_access.c - see copy_access.h. A step whose URL was refused waits and begins again: every step may,
 * as each may be tried again after any other failure.
 */
#include "engine/copy_access.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "engine/copy_internal.h"
#include "engine/mover_access.h"

static struct access *copy_side_of(const struct copy *copy, const struct endpoint *ep)
{
    const struct copy_ends *ends = &copy->ends;

    if (ep == ends->source)
        return ends->sides.source;
    if (ep == ends->target)
        return ends->sides.target;
    return ep == ends->base ? ends->sides.base : NULL;
}

void copy_access_asks(struct copy *copy, const struct endpoint *ep, enum copy_asks what)
{
    struct copy_asking *asking = &copy->asking;

    asking->what = what;
    asking->access = copy_side_of(copy, ep);
    asking->generation = access_generation(asking->access);
    asking->base = what == COPY_ASKS_DIFF ? copy->ends.sides.base : NULL;
    asking->base_generation = access_generation(asking->base);
}

/* A copy of it: a renewal may come while the list is under way. */
const char *copy_access_since(struct copy *copy)
{
    const char *newest = access_text(copy->ends.sides.base);

    if (!newest)
        return copy->ends.since;
    secret_wipe_free(copy->asking.since);
    copy->asking.since = strdup(newest);
    return copy->asking.since ? copy->asking.since : copy->ends.since;
}

/* ---- What the answers tell of the disk ---- */

static void note_stat(struct access_facts *facts, const struct stat_req *stat)
{
    facts->known = true;
    facts->exists = stat->exists;
    facts->size_bytes = stat->size_bytes;
    memcpy(facts->etag, stat->etag, sizeof facts->etag);
    memcpy(facts->last_modified, stat->last_modified, sizeof facts->last_modified);
}

static void note_setup(struct access_facts *facts, const struct setup_req *setup)
{
    facts->exists = true;
    if (setup->verb == SETUP_CREATE || setup->verb == SETUP_RESIZE)
        facts->size_bytes = setup->size_bytes;
    if ((setup->verb == SETUP_CREATE || setup->verb == SETUP_MARK) && setup->marker)
        memcpy(facts->copy_uuid, setup->marker->copy_uuid, sizeof facts->copy_uuid);
}

static void note_block(struct access_facts *facts, const struct block_req *block)
{
    if (!block->buf || block->length != VHD_FOOTER_BYTES || !facts->size_bytes ||
        block->offset + block->length != facts->size_bytes)
        return;
    facts->footer = digest_bytes(block->buf->memory + block->buf_offset, VHD_FOOTER_BYTES);
    facts->footer_known = true;
}

void copy_access_passed(struct copy *copy)
{
    struct copy_asking *asking = &copy->asking;
    struct access_facts *facts = access_facts(asking->access);

    access_accepted(asking->access, asking->generation);
    access_accepted(asking->base, asking->base_generation);
    if (!facts)
        return;
    if (asking->what == COPY_ASKS_STAT)
        note_stat(facts, &copy->stat);
    else if (asking->what == COPY_ASKS_SETUP)
        note_setup(facts, &copy->setup);
    else if (asking->what == COPY_ASKS_BLOCK && access_side(asking->access) == ACCESS_SOURCE)
        note_block(facts, &copy->block);
}

/* ---- Refusals ---- */

/* Not for another try: the step fails with the error, and a word on what was tried. */
static void copy_refusal_is_final(struct copy *copy, struct access *access)
{
    struct err *refusal = &copy->asking.refusal;

    if (access && err_is_set(access_error(access)))
        err_prefix(refusal, "%.150s: ", access_error(access)->text);
    copy->asking.access = copy->asking.base = NULL;
    copy_step_end(copy, refusal);
}

static void copy_woken(struct access_waiter *waiter, const struct err *why)
{
    struct copy *copy = (struct copy *)((char *)waiter - offsetof(struct copy, asking.waiter));

    if (why) {
        copy->asking.refusal = *why;
        copy_refusal_is_final(copy, NULL);
        return;
    }
    copy_post(copy);
}

static void copy_judge_refusal(struct copy *copy, struct access *access, uint64_t generation)
{
    switch (access_refused(access, generation, &copy->asking.refusal)) {
    case ACCESS_AGAIN:
        copy_post(copy);
        break;
    case ACCESS_WAIT:
        access_wait(access, &copy->asking.waiter, copy_woken);
        break;
    case ACCESS_FINAL:
        copy_refusal_is_final(copy, access);
        break;
    }
}

static void copy_cancel(struct copy *copy)
{
    if (!err_is_set(&copy->err))
        err_set(&copy->err, ERR_CANCELED, RETRY_LATER, "stopped while waiting for access");
}

static void copy_probe_done(struct stat_req *probe)
{
    struct copy *copy = (struct copy *)((char *)probe - offsetof(struct copy, asking.probe));
    struct copy_asking *asking = &copy->asking;

    if (copy->stopping) {
        copy_cancel(copy);
        copy_post(copy);
    } else if (probe->err.retry == RETRY_AFTER_RENEWAL) {
        copy_judge_refusal(copy, asking->base, asking->base_generation);
    } else {
        copy_judge_refusal(copy, asking->access, asking->generation);
    }
}

/* A refused diff does not say which of its two URLs ended: the base is asked for by itself. */
bool copy_access_refused(struct copy *copy, const struct err *error)
{
    struct copy_asking *asking = &copy->asking;

    if (error->retry != RETRY_AFTER_RENEWAL || copy->stopping || (!asking->access && !asking->base))
        return false;
    asking->refusal = *error;
    if (asking->base) {
        asking->probe = (struct stat_req){.done = copy_probe_done};
        endpoint_stat(copy->ends.base, &asking->probe);
        return true;
    }
    copy_judge_refusal(copy, asking->access, asking->generation);
    return true;
}

bool copy_access_stop(struct copy *copy)
{
    if (!copy->asking.waiter.access)
        return false;
    access_leave(&copy->asking.waiter);
    copy_cancel(copy);
    return true;
}

bool copy_access_waits(const struct copy *copy)
{
    return !copy->ended &&
           (copy->asking.waiter.access || (copy->mover && mover_access_waits(copy->mover)) ||
            (copy->proof && copy_access_waits(copy->proof)) || copy_proofs_wait(copy) ||
            copy_map_waits(copy));
}

void copy_access_fini(struct copy *copy)
{
    assert(!copy->asking.waiter.access);
    secret_wipe_free(copy->asking.since);
}
