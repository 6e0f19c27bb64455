/* copy_look.c - the first steps of a copy: what both ends are, and whether the target is at the base.
 *
 * Never a delta on an unknown base (design "Identity, base, marker, root"): the marker names the base
 * and is complete, and one of three proofs holds - the ETag kept at the commit, an empty diff against the
 * snapshot taken of that commit, or the root read back.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "engine/copy_internal.h"
#include "io/endpoint_mem.h"

static bool copy_refuse(struct copy *copy, const char *what, const struct endpoint *ep)
{
    return err_set(&copy->err, ERR_USAGE, RETRY_NEVER, "%s: %s", ep->name, what);
}

bool copy_start_stat_source(struct copy *copy)
{
    copy_submit_stat(copy, copy->ends.source);
    return true;
}

static bool copy_source_is_absent(struct copy *copy)
{
    const struct err *said = &copy->stat.absence;
    const char *what = copy->options.proof.only_bytes ? "it" : "the source";
    char answer[sizeof said->code + sizeof said->request_id + 32] = "";

    if (said->http_status)
        snprintf(answer, sizeof answer, " (HTTP %d %s, request %s)", said->http_status, said->code,
                 said->request_id);
    err_set(&copy->err, ERR_GONE, RETRY_NEVER, "%s: %s does not exist%s", copy->ends.source->name,
            what, answer);
    err_copy_answer(&copy->err, said);
    return false;
}

bool copy_after_stat_source(struct copy *copy)
{
    struct endpoint *source = copy->ends.source;

    copy->facts.source = copy->stat;
    copy->summary.source_size_bytes = copy->stat.size_bytes;
    if (!copy->stat.exists)
        return copy_source_is_absent(copy);
    if (copy->stat.size_bytes == 0 || copy->stat.size_bytes % ENDPOINT_PAGE_BYTES)
        return copy_refuse(copy, "the source's size is not a multiple of 512 bytes", source);
    if (copy->stat.marker.state == MARKER_COPYING && !copy->options.proof.only_bytes)
        return copy_refuse(copy, "the source is itself the target of a copy that was not finished",
                           source);
    if (copy->ends.base && !copy->options.found && !copy_can(source, ENDPOINT_CAN_DIFF))
        copy_go_full(copy, "this kind of source cannot tell what changed since a base.");
    return copy_found_holds(copy);
}

/* A snapshot cannot change, and a live blob guards its reads; of anything else the copy may be of no
 * moment that ever was; so may what is read of a target. Before the footer: a target
 * without it cannot be mistaken. */
bool copy_want_source_again(const struct copy *copy)
{
    return copy_want_changes(copy) &&
           (!copy_can(copy->ends.source, ENDPOINT_CAN_DIFF) || copy->options.proof.only_bytes);
}

bool copy_after_source_again(struct copy *copy)
{
    const struct stat_req *first = &copy->facts.source;

    if (copy->stat.exists && copy->stat.size_bytes == first->size_bytes &&
        strcmp(copy->stat.etag, first->etag) == 0)
        return true;
    return err_set(&copy->err, ERR_GONE, RETRY_REPLAN,
                   "%s: it was written to while it was read; stop its writers, or copy a snapshot",
                   copy->ends.source->name);
}

/* Of a delta whose changes are all listed nobody needs the base any more: it may be gone. */
bool copy_want_base(const struct copy *copy)
{
    return copy->summary.delta && !copy_list_is_whole(&copy->lists.source);
}

bool copy_start_stat_base(struct copy *copy)
{
    copy_submit_stat(copy, copy->ends.base);
    return true;
}

bool copy_after_stat_base(struct copy *copy)
{
    copy->facts.base = copy->stat;
    if (!copy->options.bound.copy_uuid && strcmp(copy->base_identity, copy->source_identity) == 0)
        return copy_refuse(copy, "base and source are the same snapshot", copy->ends.base);
    if (!copy->stat.exists)
        copy_go_full(copy, "the base %s does not exist any more.", copy->ends.base->name);
    else if (copy->stat.size_bytes > copy->facts.source.size_bytes)
        copy_go_full(copy, "the base is larger than the source.");
    return true;
}

bool copy_start_stat_target(struct copy *copy)
{
    copy_submit_stat(copy, copy->ends.target);
    return true;
}

bool copy_target_is_as_kept(const struct copy *copy)
{
    const struct stat_req *target = &copy->facts.target;
    const struct target_state *known = &copy->facts.known;

    return strcmp(known->copy_uuid, target->marker.copy_uuid) == 0 && known->etag[0] &&
           strcmp(known->etag, target->etag) == 0;
}

/* ---- Is the target at the base? ---- */

bool copy_want_judge_base(const struct copy *copy)
{
    return copy->summary.delta && !copy->resume.found;
}

/* What the marker and our own file say; proofs come after. */
bool copy_after_judge_base(struct copy *copy)
{
    const struct stat_req *target = &copy->facts.target;
    const struct marker *marker = &target->marker;

    if (copy_can(copy->ends.target, ENDPOINT_DISCARDS))
        copy->facts.at_base = true; /* it holds whatever one likes: a delta to plan or to measure */
    else if (!target->exists)
        copy_go_full(copy, "the target does not exist yet.");
    else if (!copy_can(copy->ends.target, ENDPOINT_CAN_MARK))
        copy_go_full(copy, "this host keeps no marker, so what the target holds is unknown.");
    else if (marker->state == MARKER_NONE)
        copy_go_full(copy, "the target carries no marker, so what it holds is unknown.");
    else if (marker->state == MARKER_COPYING)
        copy_go_full(copy, "an earlier copy to the target was not finished.");
    else if (strcmp(marker->source, copy->base_identity) != 0)
        copy_go_full(copy, "the target holds %.150s, not the base.", marker->source);
    else if (marker->size_bytes != target->size_bytes ||
             target->size_bytes != copy_target_bytes_of(copy, copy->facts.base.size_bytes))
        copy_go_full(copy, "the target's size is not the base's.");
    else if (copy_bound_doubt(copy))
        copy_go_full(copy, "%s", copy_bound_doubt(copy));
    else if (copy_target_is_as_kept(copy))
        copy->facts.at_base = true;
    else
        copy->facts.base_unproven = true;
    return true;
}

/* Somebody's, and nobody said that it may go. What a copy of this source began is ours. */
static bool copy_target_is_foreign(const struct copy *copy)
{
    const struct stat_req *target = &copy->facts.target;

    return copy->options.target_new && target->exists &&
           copy_can(copy->ends.target, ENDPOINT_CAN_CREATE) &&
           (target->marker.state == MARKER_NONE || target->marker_is_older ||
            strcmp(target->marker.source, copy->source_identity) != 0);
}

bool copy_after_stat_target(struct copy *copy)
{
    struct endpoint *target = copy->ends.target;
    struct err e = {0};

    copy->facts.target = copy->stat;
    memcpy(copy->facts.base_root, copy->stat.marker.root, sizeof copy->facts.base_root);
    copy->facts.target_bytes = copy->stat.exists ? copy->stat.size_bytes : 0;
    copy->summary.target_existed = copy->stat.exists;
    copy->indefinite = copy->stat.marker.state == MARKER_COPYING;
    if (strcmp(copy->ends.source->identity, target->identity) == 0)
        return copy_refuse(copy, "source and target are the same", target);
    if (copy_target_is_foreign(copy))
        return err_set(&copy->err, ERR_CONFLICT, RETRY_NEVER,
                       "%s: the target exists already, and no copy of this source made it: it is "
                       "left as it is",
                       target->name);
    if (!copy->stat.exists && !copy_can(target, ENDPOINT_CAN_CREATE))
        return err_set(&copy->err, ERR_GONE, RETRY_NEVER,
                       "%s: the target does not exist and cannot be created here", target->name);
    if (copy->options.state_folder &&
        !target_state_load(copy->options.state_folder, target->identity, &copy->facts.known, &e) &&
        copy->summary.delta)
        copy_say(copy,
                 "What is known of the target cannot be read, so its base needs another "
                 "proof: %.200s",
                 e.text);
    return true;
}

/* ---- Proof by the snapshot taken of the commit ---- */

bool copy_want_target_diff(const struct copy *copy)
{
    return copy->facts.base_unproven && copy->facts.known.snapshot[0] &&
           strcmp(copy->facts.known.copy_uuid, copy->facts.target.marker.copy_uuid) == 0 &&
           copy_can(copy->ends.target, ENDPOINT_CAN_DIFF);
}

bool copy_start_target_diff(struct copy *copy)
{
    copy_submit_list(copy, copy->ends.target, copy->facts.known.snapshot, &copy->lists.diff,
                     copy->facts.target.size_bytes);
    return true;
}

bool copy_after_target_diff(struct copy *copy)
{
    if (copy->lists.diff.data.count == 0 && copy->lists.diff.clears.count == 0) {
        copy->facts.base_unproven = false;
        copy->facts.at_base = true;
        return true;
    }
    copy_go_full(copy, "the target was changed after the copy that the base was.");
    return true;
}

bool copy_failed_target_diff(struct copy *copy, const struct err *error)
{
    (void)copy;
    return error->retry == RETRY_REPLAN; /* the snapshot is gone: another proof may do */
}

/* ---- Proof by the root: the target is read back into nothing ---- */

bool copy_want_proof(const struct copy *copy)
{
    return copy->facts.base_unproven && copy->facts.target.marker.root[0];
}

static void copy_proof_done(void *arg, struct copy *proof)
{
    struct err error = *copy_error(proof);

    copy_step_end(arg, &error);
}

bool copy_begin_proof(struct copy *copy, struct endpoint *of, struct access *access)
{
    struct copy_ends ends = {.source = of, .pool = copy->ends.pool, .sides = {.source = access}};
    struct copy_options options = {.hash = true,
                                   .window_start = copy->options.window_start,
                                   .window_max = copy->options.window_max,
                                   .seat = copy->options.seat,
                                   .seat_reads_target = of == copy->ends.target,
                                   .random_seed = retry_random_next(&copy->random)};
    struct copy_watch watch = {.done = copy_proof_done, .arg = copy};

    copy_free(copy->proof);
    copy->proof = NULL;
    endpoint_close(copy->proof_target);
    copy->proof_target = endpoint_null_new(copy->reactor, 0, &copy->err);
    if (!copy->proof_target)
        return false;
    ends.target = copy->proof_target;
    copy->proof = copy_new(copy->reactor, &ends, &options, &watch, &copy->err);
    if (!copy->proof)
        return false;
    copy_start(copy->proof);
    return true;
}

bool copy_start_proof(struct copy *copy)
{
    copy_say(copy,
             "The target's ETag is not the one kept after its last copy: reading it back to see "
             "whether it still holds %s.",
             copy->facts.base_unproven ? "the base" : "what the map says");
    return copy_begin_proof(copy, copy->ends.target, copy->ends.sides.target);
}

bool copy_after_proof(struct copy *copy)
{
    copy->summary.retries += copy_summary(copy->proof)->retries;
    if (strcmp(copy_summary(copy->proof)->root, copy->facts.target.marker.root) == 0) {
        copy->facts.base_unproven = false;
        copy->facts.at_base = true;
        return true;
    }
    copy_go_full(copy, "the target was read back and does not hold the base.");
    return true;
}

bool copy_failed_proof(struct copy *copy, const struct err *error)
{
    if (error->retry == RETRY_AFTER_RENEWAL)
        return false; /* nothing is known of the base: a new URL may prove it */
    copy_go_full(copy, "the target could not be read back to prove the base: %.150s", error->text);
    return true;
}

bool copy_want_unproven(const struct copy *copy)
{
    return copy->facts.base_unproven;
}

bool copy_after_unproven(struct copy *copy)
{
    copy_go_full(copy, "the target may have been changed since its last copy, and its root is not "
                       "known, so that it cannot be proven to hold the base.");
    return true;
}
