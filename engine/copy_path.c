/* copy_path.c - the steps that choose the way of the data, and what a copy does when the service refuses to
 * go it. See copy_path.h.
 *
 * "auto" asks before it begins: one page is pulled, when the target is marked and its footer gone. A service
 * that refuses costs one request, and the copy has its root as ever.
 */
#include "engine/copy_path.h"

#include <stdio.h>
#include <string.h>

#include "engine/copy_internal.h"
#include "engine/mover_pull.h"

bool copy_is_pulled(const struct copy *copy)
{
    return copy->summary.path.used != COPY_PATH_CLIENT || copy->resume.pulled;
}

bool copy_hashes(const struct copy *copy)
{
    return copy->options.hash && !copy_is_pulled(copy);
}

/* ---- Can it be gone at all? ---- */

bool copy_want_path(const struct copy *copy)
{
    return copy->options.path != COPY_PATH_CLIENT;
}

static const char *copy_path_obstacle(const struct copy *copy)
{
    if (copy->options.map.path)
        return "a map is made of the bytes that pass through here";
    if (!copy_can(copy->ends.target, ENDPOINT_CAN_PULL))
        return "the target is no page blob";
    if (!copy_can(copy->ends.source, ENDPOINT_LENDS))
        return "the source is no page blob that other hosts can read; a managed disk's is not";
    return NULL;
}

bool copy_may_pull(const struct copy *copy)
{
    return copy->options.path != COPY_PATH_CLIENT && !copy_path_obstacle(copy);
}

bool copy_after_path(struct copy *copy)
{
    const char *obstacle = copy_path_obstacle(copy);
    struct copy_path_summary *path = &copy->summary.path;

    if (!obstacle) {
        path->used = COPY_PATH_SERVER;
        return true;
    }
    if (copy->options.path == COPY_PATH_SERVER)
        return err_set(&copy->err, ERR_USAGE, RETRY_NEVER,
                       "--path server is not possible: %s; nothing was touched", obstacle);
    snprintf(path->why, sizeof path->why, "%s", obstacle);
    copy_say(copy, "The data goes through this machine: %s.", obstacle);
    return true;
}

/* ---- The first page ---- */

bool copy_want_try_path(const struct copy *copy)
{
    return copy_want_changes(copy) && copy->options.path == COPY_PATH_AUTO &&
           copy->summary.path.used == COPY_PATH_SERVER && copy->plan.reads.count > 0;
}

static void copy_path_refused(struct copy *copy, const struct err *why)
{
    struct copy_path_summary *path = &copy->summary.path;

    snprintf(path->why, sizeof path->why, "%.319s", why->text);
    copy_say(copy,
             "The target's host does not read the source itself, so the data goes through "
             "this machine: %.300s",
             why->text);
}

static void copy_try_done(struct block_req *req)
{
    struct copy *copy = (struct copy *)((char *)req - offsetof(struct copy, block));
    struct err error = req->err;

    if (err_is_set(&error) && retry_is_indefinite(&error))
        copy->indefinite = true;
    if (err_is_set(&error) && !copy->stopping && mover_pull_is_refused(req, copy->attempts + 1)) {
        copy->asking.access =
            NULL; /* a refused SAS: whose it is, the read or the write will tell */
        copy->summary.path.used = COPY_PATH_CLIENT;
        copy_path_refused(copy, &error);
        err_clear(&error);
    }
    copy_step_end(copy, &error);
}

bool copy_start_try_path(struct copy *copy)
{
    copy_access_asks(copy, copy->ends.target, COPY_ASKS_BLOCK);
    copy->block = (struct block_req){.offset = extent_set_at(&copy->plan.reads, 0).offset,
                                     .length = ENDPOINT_PAGE_BYTES,
                                     .from = copy->ends.source,
                                     .done = copy_try_done};
    endpoint_pull(copy->ends.target, &copy->block);
    return true;
}

/* ---- What a later process must know ---- */

bool copy_want_note_pulled(const struct copy *copy)
{
    return copy_want_changes(copy) && copy->resume.journal && !copy->resume.pulled &&
           copy->summary.path.used == COPY_PATH_SERVER;
}

bool copy_after_note_pulled(struct copy *copy)
{
    struct journal_record record = {.type = JOURNAL_STAGE, .stage = JOURNAL_PULLED};

    return journal_append(copy->resume.journal, &record, &copy->err);
}

/* ---- While it moves ---- */

static void copy_pull_refused(void *arg, const struct err *why)
{
    struct copy *copy = arg;

    copy->summary.path.used = COPY_PATH_AUTO;
    copy_path_refused(copy, why);
}

struct mover_pull copy_mover_pull(const struct copy *copy)
{
    return (struct mover_pull){.wanted = copy->summary.path.used == COPY_PATH_SERVER,
                               .may_read = copy->options.path == COPY_PATH_AUTO,
                               .refused = copy_pull_refused};
}
