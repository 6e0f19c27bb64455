/* copy_map.c - the steps of a copy that keeps a map: looks at the old one, begins the new one, commits it
 * when the target is committed. See copy_map.h.
 */
#include "engine/copy_map.h"

#include <stdio.h>
#include <string.h>

#include "engine/copy_internal.h"

#define MAP_ZEROS_A_TURN 4096u /* extents */
#define CHANGED          "the target was written to since, or cannot show that it was not"

/* ---- The old map: is it of the target as it is? ---- */

uint64_t copy_marked_disk_bytes(const struct marker *marker)
{
    switch (marker->footer) {
    case MARKER_FOOTER_NONE:
        return marker->size_bytes;
    case MARKER_FOOTER_VHD:
        return marker->size_bytes - VHD_FOOTER_BYTES;
    case MARKER_FOOTER_UNKNOWN:
        break;
    }
    return 0;
}

bool copy_target_is_as_mapped(const struct copy *copy, const struct map_head *head)
{
    const struct stat_req *target = &copy->facts.target;

    if (head->etag[0] && strcmp(head->etag, target->etag) == 0)
        return true;
    return copy->facts.at_base || copy_target_is_as_kept(copy);
}

/* A disk beside us is read faster than a source far away; and a block device has no other proof. */
static bool copy_can_prove_map(const struct copy *copy)
{
    return copy->facts.target.marker.root[0] && copy_can(copy->ends.target, ENDPOINT_BUFFERS);
}

/* Why the map does not count; NULL: it does, or will if the target is as it says. */
static const char *copy_map_doubt(const struct copy *copy, const struct map_head *head)
{
    const struct stat_req *target = &copy->facts.target;
    const struct marker *marker = &target->marker;

    if (!head->copy_uuid[0] || strcmp(head->target, copy->ends.target->identity) != 0)
        return "it is not of this target";
    if (copy->options.map.strong && head->strength != MAP_SHA_256)
        return "its hashes are not strong";
    if (copy->resume.found)
        return strcmp(journal_header(copy->resume.journal)->map, head->copy_uuid) == 0
                   ? NULL
                   : "the copy that is gone on with was begun without it";
    if (!target->exists)
        return "the target does not exist";
    if (marker->state == MARKER_NONE)
        return "the target carries no marker";
    if (marker->state != MARKER_COMPLETE)
        return "an earlier copy to the target was not finished";
    if (strcmp(marker->copy_uuid, head->copy_uuid) != 0)
        return "another copy wrote to the target since";
    if (marker->size_bytes != target->size_bytes ||
        copy_marked_disk_bytes(marker) != head->disk_bytes)
        return "its size is not that of the target";
    if (!copy_target_is_as_mapped(copy, head) && !copy_can_prove_map(copy))
        return CHANGED;
    return NULL;
}

/* ---- Looking ---- */

bool copy_want_map(const struct copy *copy)
{
    return copy->options.map.path && copy_want_changes(copy);
}

const char *copy_map_not_kept(const struct copy *copy)
{
    const struct endpoint *source = copy->ends.source, *target = copy->ends.target;

    if (copy->options.streamed || copy_can(target, ENDPOINT_WANTS_PLAN))
        return "an end is told beforehand which pages will come.";
    if (copy->options.path != COPY_PATH_CLIENT)
        return "the target's host may read the source itself, and then nobody here sees the data.";
    if (copy_can(target, ENDPOINT_DISCARDS))
        return "the target keeps nothing.";
    if (!copy_can(target, ENDPOINT_CAN_MARK))
        return "this host keeps no marker, so no map could be proven to be of the target.";
    if (copy->resume.found && !journal_header(copy->resume.journal)->map[0])
        return "the copy that is gone on with was begun without one.";
    if (source->request_max_bytes < MAP_BLOCK_BYTES || target->request_max_bytes < MAP_BLOCK_BYTES)
        return "an end takes no request of a whole block.";
    return NULL;
}

static void copy_refuse_map(struct copy *copy, const char *why)
{
    copy_say(copy, "The map %.200s is not used: %s. A new one is made.", copy->options.map.path,
             why);
    map_file_close(copy->map.old);
    copy->map.old = NULL;
}

/* A file that is no map at all is refused when the new one is begun, before anything is touched. */
bool copy_after_map(struct copy *copy)
{
    struct copy_map *map = &copy->map;
    const char *why = copy_map_not_kept(copy);
    struct err e = {0};

    if (why) {
        copy_say(copy, "No map is made: %s", why);
        return true;
    }
    map->kept = true;
    if (!map_file_open(copy->options.map.path, &map->old, &e)) {
        if (e.kind != ERR_CORRUPT) {
            copy->err = e;
            return false;
        }
        copy_say(copy, "The map is not used: %.300s", e.text);
        return true;
    }
    if (!map->old)
        return true;
    why = copy_map_doubt(copy, map_file_head(map->old));
    if (why)
        copy_refuse_map(copy, why);
    else
        map->unproven =
            !copy->resume.found && !copy_target_is_as_mapped(copy, map_file_head(map->old));
    return true;
}

/* ---- Proof by the root, as of a base ---- */

bool copy_want_map_proof(const struct copy *copy)
{
    return copy->map.unproven;
}

bool copy_after_map_proof(struct copy *copy)
{
    copy->map.unproven = false;
    copy->summary.retries += copy_summary(copy->proof)->retries;
    if (strcmp(copy_summary(copy->proof)->root, copy->facts.target.marker.root) != 0)
        copy_refuse_map(copy, CHANGED);
    return true;
}

bool copy_failed_map_proof(struct copy *copy, const struct err *error)
{
    if (error->retry == RETRY_AFTER_RENEWAL)
        return false; /* nothing is known of the target: a new URL may prove it */
    copy->map.unproven = false;
    copy_refuse_map(copy, "the target could not be read back to prove it");
    return true;
}

bool copy_is_by_block(const struct copy *copy)
{
    return copy->resume.found ? journal_header(copy->resume.journal)->map[0] != 0 : copy->map.kept;
}

bool copy_map_binds_target(const struct copy *copy)
{
    return copy->map.old != NULL;
}

const char *copy_map_used(const struct copy *copy)
{
    if (!copy->map.kept)
        return "";
    return copy->map.old ? map_file_head(copy->map.old)->copy_uuid : JOURNAL_MAP_NEW;
}

/* ---- The new map ---- */

bool copy_want_map_making(const struct copy *copy)
{
    return copy->map.kept;
}

/* A delta's map is the old one with what changed; all else knows every block of the disk, or does not. */
bool copy_after_map_making(struct copy *copy)
{
    struct copy_map *map = &copy->map;
    struct map_file *base;
    struct map_head head = {.strength = copy->options.map.strong ? MAP_SHA_256 : MAP_XXH3_128,
                            .disk_bytes = copy->summary.disk.length,
                            .made_ms = reactor_wall_ns(copy->reactor) / NS_PER_MS};

    if (head.disk_bytes == 0 || head.disk_bytes > MAP_DISK_MAX_BYTES) {
        copy_say(copy, "No map is made: a map is of a disk of 1 byte to 64 TiB.");
        return true;
    }
    if (map->old && map_file_head(map->old)->disk_bytes > head.disk_bytes)
        copy_refuse_map(copy, "it is of a larger disk");
    base = copy->summary.delta ? map->old : NULL;
    copy_make_uuid(copy);
    memcpy(head.seed, copy->options.map.seed, sizeof head.seed);
    if (map->old) {
        head.strength = map_file_head(map->old)->strength;
        memcpy(head.seed, map_file_head(map->old)->seed, sizeof head.seed);
    }
    memcpy(head.copy_uuid, copy->marker.copy_uuid, sizeof head.copy_uuid);
    snprintf(head.target, sizeof head.target, "%s", copy->ends.target->identity);
    snprintf(head.source, sizeof head.source, "%s", copy->source_identity);
    map->making = map_making_open(copy->options.map.path, &head, base, &copy->err);
    if (!map->making)
        return false;
    if (map->old && memcmp(head.seed, map_making_head(map->making)->seed, sizeof head.seed) != 0)
        copy_refuse_map(copy, "an earlier process of this copy did not find it");
    map->keep = map_keep_new(map->old, map->making, base != NULL, &copy->err);
    return map->keep != NULL;
}

bool copy_want_map_zeros(const struct copy *copy)
{
    return copy->map.keep != NULL;
}

/* Some a turn, then the step comes again. */
bool copy_start_map_zeros(struct copy *copy)
{
    const struct extent_set *zeros = &copy->plan.zeros;
    struct copy_map *map = &copy->map;
    const struct err fine = {0};

    for (uint32_t i = 0; i < MAP_ZEROS_A_TURN && map->zeros_noted < zeros->count; i++)
        map_keep_note_zero(map->keep, extent_set_at(zeros, map->zeros_noted++));
    if (map->zeros_noted < zeros->count)
        copy_post(copy);
    else
        copy_step_end(copy, &fine);
    return true;
}

/* ---- After the commit: the copy stands, whatever becomes of its map ---- */

bool copy_want_map_commit(const struct copy *copy)
{
    return copy->map.keep != NULL && copy->summary.committed;
}

bool copy_after_map_commit(struct copy *copy)
{
    struct copy_map *map = &copy->map;
    struct err e = *map_keep_made_error(map->keep);

    if (err_is_set(map_keep_old_error(map->keep)))
        copy_say(copy,
                 "The map from before could not be read to its end, so what it would have shown "
                 "to be there was written too: %.300s",
                 map_keep_old_error(map->keep)->text);
    if (!err_is_set(&e) && map_making_commit(map->making, copy->setup.out_etag,
                                             reactor_wall_ns(copy->reactor) / NS_PER_MS, &e)) {
        copy->summary.has_map = true;
        return true;
    }
    copy_say(copy, "The copy is complete, but its map was not kept: %.300s", e.text);
    return true;
}

/* ---- The end ---- */

/* What was noted is worth keeping only while the journal is: the same command goes on with both. */
void copy_map_free(struct copy *copy)
{
    struct copy_map *map = &copy->map;

    map_keep_free(map->keep);
    if (copy->summary.journal_kept || copy->summary.has_map)
        map_making_close(map->making);
    else
        map_making_drop(map->making);
    map_file_close(map->old);
    map_build_free(map->build);
    *map = (struct copy_map){0};
}
