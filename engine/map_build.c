/* map_build.c - see map_build.h. */
#include "engine/map_build.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/copy_access.h"
#include "io/endpoint_mem.h"

#define TOLD_MAX 64u /* blocks that are put at once */

struct map_build {
    struct map_build_setup setup;
    struct root_sink sink;
    struct endpoint *nothing;        /* owned */
    struct copy *copy;               /* owned */
    struct map_hasher *hasher;       /* owned */
    struct map_making *making;       /* owned; NULL until the disk's size is known */
    struct map_entry told[TOLD_MAX]; /* neighbours, not yet put */
    uint64_t told_first;
    uint32_t told_count;
    struct err err; /* of the map; the copy has its own */
};

/* What a killed process left of the same disk has another seed, and is of no use. */
static struct map_making *build_making(struct map_build *build, const struct map_head *head)
{
    struct map_making *making = map_making_open(build->setup.path, head, NULL, &build->err);
    const struct map_head *found = making ? map_making_head(making) : NULL;

    if (!making || (found->strength == head->strength &&
                    memcmp(found->seed, head->seed, sizeof head->seed) == 0))
        return making;
    map_making_drop(making);
    return map_making_open(build->setup.path, head, NULL, &build->err);
}

/* All that is not told of is a hole. */
static bool build_begin(struct map_build *build)
{
    const struct copy_summary *summary = copy_summary(build->copy);
    const struct stat_req *disk = copy_source_stat(build->copy);
    struct map_head head = {.strength = build->setup.strength,
                            .disk_bytes = summary->disk.length,
                            .made_ms = build->setup.made_ms};

    if (build->making)
        return true;
    if (head.disk_bytes == 0 || head.disk_bytes > MAP_DISK_MAX_BYTES)
        return err_set(&build->err, ERR_LIMIT, RETRY_NEVER,
                       "a disk of %llu bytes has no block map: it may have 1 to %llu",
                       (unsigned long long)head.disk_bytes, (unsigned long long)MAP_DISK_MAX_BYTES);
    memcpy(head.seed, build->setup.seed, sizeof head.seed);
    snprintf(head.target, sizeof head.target, "%s", build->setup.disk->identity);
    if (disk->marker.state == MARKER_COMPLETE && !disk->marker_is_older) {
        snprintf(head.copy_uuid, sizeof head.copy_uuid, "%s", disk->marker.copy_uuid);
        snprintf(head.source, sizeof head.source, "%s", disk->marker.source);
    }
    snprintf(head.etag, sizeof head.etag, "%s", disk->etag);
    build->making = build_making(build, &head);
    return build->making &&
           map_making_put_zero(build->making, 0, map_block_count(head.disk_bytes), &build->err);
}

static bool build_put_told(struct map_build *build)
{
    uint32_t count = build->told_count;

    build->told_count = 0;
    return count == 0 || (build_begin(build) && map_making_put(build->making, build->told_first,
                                                               count, build->told, &build->err));
}

static void build_whole(void *arg, uint64_t block, const unsigned char *bytes)
{
    struct map_build *build = arg;

    if (err_is_set(&build->err))
        return;
    if (build->told_count == TOLD_MAX || block != build->told_first + build->told_count) {
        if (!build_put_told(build)) {
            copy_stop(build->copy);
            return;
        }
        build->told_first = block;
    }
    map_hash_blocks(build->hasher, bytes, MAP_BLOCK_BYTES, &build->told[build->told_count++]);
}

static void build_say(void *arg, const char *sentence)
{
    struct map_build *build = arg;

    if (build->setup.say)
        build->setup.say(build->setup.arg, sentence);
}

/* A target that was written to since its copy: were its map taken for that of the copy, the proof that a
 * target has the root of its marker again would be taken for a proof of the map. */
static bool build_is_of_copy(const struct copy *copy)
{
    const struct marker *marker = &copy_source_stat(copy)->marker;

    return !marker->root[0] || strcmp(marker->root, copy_summary(copy)->root) == 0;
}

static void build_done(void *arg, struct copy *copy)
{
    struct map_build *build = arg;
    char etag[sizeof((struct map_head *)0)->etag] = "";

    assert(copy == build->copy);
    if (!err_is_set(&build->err) && !err_is_set(copy_error(copy)) && build_begin(build) &&
        build_put_told(build)) {
        snprintf(etag, sizeof etag, "%s", copy_source_stat(copy)->etag);
        if (!build_is_of_copy(copy))
            map_making_disown(build->making);
        (void)map_making_commit(build->making, etag, build->setup.made_ms, &build->err);
    }
    map_making_drop(build->making); /* after a commit it has nothing left to drop */
    build->making = NULL;
    build->setup.done(build->setup.arg);
}

struct map_build *map_build_new(const struct map_build_setup *setup, struct err *e)
{
    struct map_build *build = calloc(1, sizeof *build);
    struct copy_ends ends = {.source = setup->disk,
                             .pool = setup->pool,
                             .sides = {.source = setup->access}};
    struct copy_options options = {.hash = true,
                                   .window_start = setup->window_start,
                                   .window_max = setup->window_max,
                                   .random_seed = setup->random_seed};
    struct copy_watch watch = {.say = build_say, .done = build_done, .arg = build};

    if (!build) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to make a block map");
        return NULL;
    }
    build->setup = *setup;
    build->sink = (struct root_sink){.whole = build_whole, .arg = build};
    options.proof.sink = &build->sink;
    build->hasher = map_hasher_new(setup->strength, setup->seed, e);
    if (build->hasher)
        build->nothing = endpoint_null_new(setup->reactor, 0, e);
    ends.target = build->nothing;
    if (build->nothing)
        build->copy = copy_new(setup->reactor, &ends, &options, &watch, e);
    if (build->copy)
        return build;
    map_build_free(build);
    return NULL;
}

void map_build_free(struct map_build *build)
{
    if (!build)
        return;
    map_making_drop(build->making);
    copy_free(build->copy);
    endpoint_close(build->nothing);
    map_hasher_free(build->hasher);
    explicit_bzero(build->setup.seed, sizeof build->setup.seed);
    free(build);
}

void map_build_start(struct map_build *build)
{
    copy_start(build->copy);
}

void map_build_stop(struct map_build *build)
{
    copy_stop(build->copy);
}

bool map_build_ended(const struct map_build *build)
{
    return copy_ended(build->copy);
}

const struct err *map_build_error(const struct map_build *build)
{
    return err_is_set(&build->err) ? &build->err : copy_error(build->copy);
}

const struct copy_summary *map_build_summary(const struct map_build *build)
{
    return copy_summary(build->copy);
}

const struct stat_req *map_build_disk(const struct map_build *build)
{
    return copy_source_stat(build->copy);
}

bool map_build_waits(const struct map_build *build)
{
    return copy_access_waits(build->copy);
}

struct progress_view map_build_progress(struct map_build *build)
{
    return copy_progress(build->copy);
}

const char *map_build_phase(const struct map_build *build)
{
    return copy_access_waits(build->copy) ? copy_phase(build->copy) : "mapping";
}
