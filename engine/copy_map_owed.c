/* copy_map_owed.c - the map of a copy that an earlier process completed: is it in its place? If that process
 * was killed between the two commits, or was asked for no map, the target is read back to make it. What it
 * had noted is not used: whether that is all of it, and which ETag its commit left, died with it.
 */
#include <string.h>

#include "engine/copy_internal.h"

static bool copy_map_is_kept(const struct copy *copy, const struct map_head *head)
{
    return strcmp(head->copy_uuid, copy->summary.copy_uuid) == 0 &&
           strcmp(head->target, copy->ends.target->identity) == 0 &&
           (!copy->options.map.strong || head->strength == MAP_SHA_256) &&
           copy_target_is_as_mapped(copy, head);
}

/* Killed right after the map was renamed to its place: what that was made of is left beside it. */
static void copy_map_tidy(const struct copy *copy, struct map_file *found)
{
    struct err ignored = {0};

    map_making_drop(map_making_open(copy->options.map.path, map_file_head(found), NULL, &ignored));
}

static bool copy_map_owe(struct copy *copy)
{
    struct copy_map *map = &copy->map;
    struct map_file *found = NULL;
    const char *why;
    struct err e = {0};

    if (!copy_want_map(copy))
        return true;
    why = copy_map_not_kept(copy);
    if (why) {
        copy_say(copy, "No map is made: %s", why);
        return true;
    }
    if (!map_file_open(copy->options.map.path, &found, &e) && e.kind != ERR_CORRUPT) {
        copy->err = e;
        return false;
    }
    copy->summary.has_map = found && copy_map_is_kept(copy, map_file_head(found));
    if (copy->summary.has_map)
        copy_map_tidy(copy, found);
    map_file_close(found);
    map->owed = !copy->summary.has_map;
    if (map->owed)
        copy_say(copy, "Its map is not at %.200s: reading the target to make it.",
                 copy->options.map.path);
    return true;
}

static void copy_conclude(struct copy *copy)
{
    copy->summary.committed = !copy->options.plan_only;
    progress_commit(&copy->progress);
}

bool copy_finish(struct copy *copy)
{
    copy->finished = true;
    if (!copy_map_owe(copy))
        return false;
    if (!copy->map.owed)
        copy_conclude(copy);
    return true;
}

/* ---- Steps ---- */

bool copy_want_map_owed(const struct copy *copy)
{
    return copy->map.owed;
}

static void copy_map_says(void *arg, const char *sentence)
{
    copy_say(arg, "%s", sentence);
}

static void copy_map_built(void *arg)
{
    struct copy *copy = arg;
    struct err error = *map_build_error(copy->map.build);

    /* Its own requests were retried already. */
    if (err_is_set(&error)) {
        err_prefix(&error, "the copy is complete, but not its map: ");
        copy_step_fail(copy, &error);
    } else {
        copy_step_end(copy, &error);
    }
}

bool copy_start_map_owed(struct copy *copy)
{
    struct map_build_setup setup = {
        .reactor = copy->reactor,
        .disk = copy->ends.target,
        .pool = copy->ends.pool,
        .access = copy->ends.sides.target,
        .path = copy->options.map.path,
        .strength = copy->options.map.strong ? MAP_SHA_256 : MAP_XXH3_128,
        .made_ms = reactor_wall_ns(copy->reactor) / NS_PER_MS,
        .window_start = copy->options.window_start,
        .window_max = copy->options.window_max,
        .random_seed = retry_random_next(&copy->random),
        .say = copy_map_says,
        .done = copy_map_built,
        .arg = copy,
    };

    memcpy(setup.seed, copy->options.map.seed, sizeof setup.seed);
    copy->map.build = map_build_new(&setup, &copy->err);
    explicit_bzero(setup.seed, sizeof setup.seed);
    if (!copy->map.build)
        return false;
    map_build_start(copy->map.build);
    return true;
}

/* The root it was read back to shows that the target is as its copy left it: the next delta needs no other
 * proof. */
bool copy_after_map_owed(struct copy *copy)
{
    const struct copy_summary *built = map_build_summary(copy->map.build);
    const char *root = copy->facts.target.marker.root;

    copy->map.owed = false;
    copy->summary.has_map = true;
    copy->summary.retries += built->retries;
    copy->summary.proof_bytes += built->read_bytes;
    if (root[0] && strcmp(root, built->root) == 0 && !copy_target_is_as_kept(copy))
        copy_keep_target_state(copy, map_build_disk(copy->map.build)->etag);
    copy_conclude(copy);
    return true;
}

void copy_map_stop(struct copy *copy)
{
    if (copy->map.build)
        map_build_stop(copy->map.build);
}

bool copy_map_waits(const struct copy *copy)
{
    return copy->map.build && map_build_waits(copy->map.build);
}
