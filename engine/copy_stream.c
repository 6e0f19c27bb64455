/* copy_stream.c - what a copy does where an end is a delta stream: it announces its plan to one that is made,
 * and asks one that is applied, before the commit, whether this is what it must come to.
 */
#include <string.h>

#include "engine/copy_internal.h"

bool copy_want_expect(const struct copy *copy)
{
    return copy_want_changes(copy) && copy_can(copy->ends.target, ENDPOINT_WANTS_PLAN);
}

bool copy_start_expect(struct copy *copy)
{
    struct copy_footer_pages *footer = &copy->footer;

    copy->expect = (struct setup_expect){
        .data = &copy->plan.reads,
        .clears = &copy->plan.clears,
        .source_bytes = copy->facts.source.size_bytes,
        .base_bytes = copy->summary.delta ? copy->facts.base.size_bytes : 0,
        .disk_bytes = copy->summary.disk.length,
        .has_footer = footer->target_has,
        .footer = footer->target_has ? footer->written : NULL,
        .source = copy->source_identity,
        .base = copy->summary.delta ? copy->base_identity : NULL,
        .base_copy = copy->summary.delta ? copy->options.bound.copy_uuid : NULL,
        .base_etag = copy->summary.delta ? copy->options.bound.etag : NULL,
        .source_etag = copy->facts.source.etag,
        .source_fixed = copy_source_is_fixed(copy),
        .held = &copy->held,
    };
    copy->held = (struct setup_held){0};
    copy->setup.expect = &copy->expect;
    copy_submit_setup(copy, SETUP_EXPECT);
    return true;
}

bool copy_after_expect(struct copy *copy)
{
    const struct setup_held *held = &copy->held;
    const char *name = copy->ends.target->name;

    if (held->why_not[0])
        copy_say(copy,
                 "What an interrupted export to %.200s left is not gone on with, and the stream "
                 "begins anew: %s.",
                 name, held->why_not);
    if (!held->below_bytes)
        return true;
    memcpy(copy->marker.copy_uuid, held->copy_uuid, sizeof copy->marker.copy_uuid);
    memcpy(copy->summary.copy_uuid, held->copy_uuid, sizeof copy->summary.copy_uuid);
    copy_say(copy,
             "Going on with what an interrupted export to %.200s left: %llu of %llu MiB are "
             "in it, and are not read from the source again.",
             name, (unsigned long long)(held->bytes >> 20),
             (unsigned long long)(copy->plan.reads.total_bytes >> 20));
    return true;
}

bool copy_want_agree(const struct copy *copy)
{
    return copy_want_changes(copy) && copy_can(copy->ends.source, ENDPOINT_KNOWS_RESULT);
}

bool copy_start_agree(struct copy *copy)
{
    memcpy(copy->marker.root, copy->summary.root, sizeof copy->marker.root);
    memcpy(copy->marker.delta, copy->summary.delta_digest, sizeof copy->marker.delta);
    copy->setup.marker = &copy->marker;
    copy_submit_setup(copy, SETUP_AGREE);
    return true;
}

/* No sentence about a full copy: there is none to be had. */
bool copy_refuse_full(struct copy *copy)
{
    if (!copy->options.streamed)
        return false;
    if (!err_is_set(&copy->err))
        err_set(&copy->err, ERR_CONFLICT, RETRY_NEVER,
                "%.100s holds only what changed since its base, and cannot be applied here: %.200s",
                copy->ends.source->name, copy->summary.why_full);
    return true;
}
