/* copy_found.c - see copy_found.h. */
#include "engine/copy_found.h"

#include <string.h>

#include "engine/copy_internal.h"

bool copy_found_holds(struct copy *copy)
{
    const struct copy_found *found = copy->options.found;

    if (!found || strcmp(found->source_etag, copy->facts.source.etag) == 0)
        return true;
    return err_set(&copy->err, ERR_GONE, RETRY_REPLAN,
                   "%s: it was written to since it was compared with the map; stop its writers, or "
                   "take a snapshot of it",
                   copy->ends.source->name);
}

bool copy_start_found(struct copy *copy)
{
    const struct copy_found *found = copy->options.found;
    struct copy_list *list = &copy->lists.source;
    struct err error = {0};

    if (!extent_set_copy(&list->data, found->data) ||
        !extent_set_copy(&list->clears, found->clears))
        return err_set(&copy->err, ERR_LIMIT, RETRY_NEVER, "no memory for a list of ranges");
    if (!copy_journal_listed(copy, list, found->data, found->clears, COPY_LIST_WHOLE, &copy->err))
        return false;
    list->up_to = COPY_LIST_WHOLE;
    copy_step_end(copy, &error);
    return true;
}

/* The ETag is that of the target as it is, or as its copy left it (then what proves the base proves that it
 * is so still). A map of something in between is of bytes that the target may have no more. */
const char *copy_bound_doubt(const struct copy *copy)
{
    const struct copy_bound *bound = &copy->options.bound;
    const struct stat_req *target = &copy->facts.target;
    const struct target_state *known = &copy->facts.known;

    if (!bound->copy_uuid || copy_can(copy->ends.target, ENDPOINT_DISCARDS))
        return NULL;
    if (strcmp(target->marker.copy_uuid, bound->copy_uuid) != 0)
        return "the target holds another copy of the base than the map was made of, or the stream "
               "was applied to it already.";
    if (strcmp(target->etag, bound->etag) == 0 ||
        (strcmp(known->copy_uuid, bound->copy_uuid) == 0 && strcmp(known->etag, bound->etag) == 0))
        return NULL;
    return "the target was written to before or after the map was made of it; make a new one of it "
           "with snapferry map build.";
}
