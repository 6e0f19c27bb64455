/* copy_compare.c - the steps that look at the base of a copy whose source cannot tell what changed. See
 * copy_compare.h.
 */
#include "engine/copy_compare.h"

#include <string.h>

#include "engine/copy_internal.h"

/* Is the target as our last copy left it, with a root that says what that is? Of a copy that is gone on with
 * that was before its first process, and nothing says so any more. */
static bool copy_can_compare_by_root(const struct copy *copy)
{
    const struct stat_req *target = &copy->facts.target;

    return !copy->resume.found && target->exists && target->marker.state == MARKER_COMPLETE &&
           target->marker.root[0] && target->marker.size_bytes == target->size_bytes &&
           copy_target_is_as_kept(copy);
}

bool copy_want_compare(const struct copy *copy)
{
    return copy->ends.base && !copy_can(copy->ends.source, ENDPOINT_CAN_DIFF) &&
           !copy->options.streamed && copy->options.path == COPY_PATH_CLIENT &&
           copy_want_changes(copy) && !copy_can(copy->ends.target, ENDPOINT_DISCARDS) &&
           (copy->map.old || copy_can_compare_by_root(copy));
}

bool copy_start_compare(struct copy *copy)
{
    copy_submit_stat(copy, copy->ends.base);
    return true;
}

bool copy_after_compare(struct copy *copy)
{
    copy->facts.base = copy->stat;
    if (!copy->stat.exists || copy->stat.size_bytes < VHD_FOOTER_BYTES)
        return true;
    copy->compare.by_root = !copy->map.old;
    if (copy->map.old)
        copy->compare.older_bytes =
            copy->stat.size_bytes / ENDPOINT_PAGE_BYTES * ENDPOINT_PAGE_BYTES;
    return true;
}

bool copy_failed_compare(struct copy *copy, const struct err *error)
{
    if (error->retry == RETRY_AFTER_RENEWAL)
        return false;
    copy_say(copy, "The base cannot be compared with: %.300s", error->text);
    return true;
}

/* ---- By the root ---- */

bool copy_want_compare_proof(const struct copy *copy)
{
    return copy->compare.by_root;
}

bool copy_start_compare_proof(struct copy *copy)
{
    copy_say(copy, "Reading the base to see whether it is what the target holds.");
    return copy_begin_proof(copy, copy->ends.base, copy->ends.sides.base);
}

bool copy_after_compare_proof(struct copy *copy)
{
    const struct copy_summary *proof = copy_summary(copy->proof);

    copy->summary.retries += proof->retries;
    copy->compare.proof_bytes = proof->read_bytes;
    copy->compare.by_root = strcmp(proof->root, copy->facts.target.marker.root) == 0;
    if (copy->compare.by_root)
        copy->compare.older_bytes = proof->disk.length;
    else
        copy_say(copy, "The base is not what the target holds: all is written.");
    return true;
}

bool copy_failed_compare_proof(struct copy *copy, const struct err *error)
{
    copy->compare.by_root = false;
    return copy_failed_compare(copy, error);
}

/* The mover looked after each read, so all is well; but people should know why so much was written. */
bool copy_want_base_again(const struct copy *copy)
{
    return copy->compare.by_root && copy->compare.older_bytes && copy_want_changes(copy);
}

bool copy_after_base_again(struct copy *copy)
{
    if (!copy->stat.exists || strcmp(copy->stat.etag, copy->facts.base.etag) != 0)
        copy_say(copy, "The base was written to while it was compared with: from then on all was "
                       "written.");
    return true;
}

/* ---- For the other steps ---- */

bool copy_compare_binds_target(const struct copy *copy)
{
    return copy->compare.older_bytes != 0;
}

struct mover_older copy_mover_older(const struct copy *copy)
{
    bool wanted = copy->compare.older_bytes && (copy->compare.by_root || copy->map.old);

    return (struct mover_older){.endpoint = wanted ? copy->ends.base : NULL,
                                .proven = copy->compare.by_root,
                                .etag = copy->facts.base.etag,
                                .bytes = copy->compare.older_bytes,
                                .gap_bytes = copy_coalesce_bytes(copy)};
}
