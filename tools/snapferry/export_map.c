/* export_map.c - see export_map.h. */
#include "tools/snapferry/export_map.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/map_changes.h"
#include "io/endpoint_stream_in.h"
#include "tools/snapferry/mapping.h"
#include "tools/snapferry/size_text.h"

#define FOLDER_DEFAULT "/var/tmp" /* on a disk: a map of 64 TiB has 16 GiB */
#define MAP_ENDING     "/source.map"
#define MAKING_ENDING  "/source.map.making"

/* ---- The map of the source, for as long as it is compared ---- */

struct own_folder {
    char path[PATH_MAX];
};

static bool folder_make(struct own_folder *folder, struct err *e)
{
    const char *given = getenv("TMPDIR");
    int length = snprintf(folder->path, sizeof folder->path, "%s/snapferry-XXXXXX",
                          given && given[0] ? given : FOLDER_DEFAULT);

    if (length >= (int)(sizeof folder->path - sizeof MAKING_ENDING))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "TMPDIR is too long");
    return mkdtemp(folder->path) ||
           err_set_errno(e, errno, RETRY_NEVER, "cannot make %.150s for the map of the source",
                         folder->path);
}

static void folder_path(const struct own_folder *folder, const char *ending, char out[PATH_MAX])
{
    (void)snprintf(out, PATH_MAX, "%.*s%s", (int)(PATH_MAX - sizeof MAKING_ENDING), folder->path,
                   ending);
}

static void folder_remove(const struct own_folder *folder)
{
    char path[PATH_MAX];

    folder_path(folder, MAP_ENDING, path);
    (void)unlink(path);
    folder_path(folder, MAKING_ENDING, path);
    (void)unlink(path);
    (void)rmdir(folder->path);
}

/* ---- The base ---- */

/* What a map must say that a stream can name what it is for. */
static bool open_older(struct export_map *export, const char *path, struct err *e)
{
    const struct map_head *head;

    if (!map_file_open(path, &export->older, e))
        return false;
    if (!export->older)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "there is no block map at %.200s", path);
    head = map_file_head(export->older);
    if (head->copy_uuid[0] && head->source[0] && head->etag[0])
        return true;
    return err_set(
        e, ERR_USAGE, RETRY_NEVER,
        "%.100s is no map of a target that a copy completed; take the one that copy --map "
        "left, or make one where the target is: snapferry map build TARGET",
        path);
}

/* Whole, as the source is: apply refuses a target of another size, so one that has a footer where the
 * source has none, or none where it has one. */
static struct endpoint *new_base(struct stage *stage, const struct map_head *older,
                                 const struct copy_summary *source, struct err *e)
{
    uint64_t footer_bytes = source->source_size_bytes - source->disk.length;
    struct stream_head *head = calloc(1, sizeof *head);
    struct endpoint *base = NULL;

    if (!head) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the name of the base");
        return NULL;
    }
    snprintf(head->base, sizeof head->base, "%s", older->source);
    head->base_bytes = older->disk_bytes + footer_bytes;
    base = endpoint_stream_base_new(stage->session.reactor, head, e);
    free(head);
    return base;
}

static bool give_base(struct export_map *export, struct stage *stage,
                      const struct copy_summary *source, struct err *e)
{
    const struct map_head *older = map_file_head(export->older);

    stage->base = new_base(stage, older, source, e);
    if (!stage->base)
        return false;
    stage->since = strdup(older->source);
    if (!stage->since)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the name of the base");
    export->found = (struct copy_found){.data = &export->data,
                                        .clears = &export->clears,
                                        .source_etag = export->source_etag};
    stage->found = &export->found;
    stage->bound = (struct copy_bound){.copy_uuid = older->copy_uuid, .etag = older->etag};
    return true;
}

/* ---- The comparison ---- */

static void say_found(const struct export_map *export, struct stage *stage)
{
    char data[SIZE_TEXT_MAX_BYTES], clears[SIZE_TEXT_MAX_BYTES],
        sentence[2 * SIZE_TEXT_MAX_BYTES + 100];

    size_text_format(export->data.total_bytes, data);
    size_text_format(export->clears.total_bytes, clears);
    snprintf(sentence, sizeof sentence,
             "Compared with the map: %s differ, and %s became zero. Reading what differs.", data,
             clears);
    view_say(&stage->view, sentence);
}

static bool compare(struct export_map *export, struct stage *stage, const char *path, struct err *e)
{
    struct map_build_setup setup = {.path = path,
                                    .strength = map_file_head(export->older)->strength};
    struct mapping mapping = {.stage = stage, .beside = true};
    struct map_file *newer = NULL;
    bool ok;

    memcpy(setup.seed, map_file_head(export->older)->seed, sizeof setup.seed);
    ok = mapping_run(&mapping, &setup, e) && map_file_open(path, &newer, e);
    if (ok && !newer)
        ok = err_set(e, ERR_IO, RETRY_NEVER, "the map of the source was removed from %.200s", path);
    if (ok) {
        snprintf(export->source_etag, sizeof export->source_etag, "%s", map_file_head(newer)->etag);
        ok = map_changes(export->older, newer, &export->data, &export->clears, e) &&
             give_base(export, stage, map_build_summary(mapping.build), e);
    }
    map_file_close(newer);
    mapping_fini(&mapping);
    return ok;
}

/* ---- Life ---- */

bool export_map_open(struct export_map *export, struct stage *stage, struct err *e)
{
    struct own_folder folder;
    char path[PATH_MAX];
    bool ok;

    *export = (struct export_map){0};
    if (!open_older(export, stage->options->map, e) || !folder_make(&folder, e))
        return false;
    folder_path(&folder, MAP_ENDING, path);
    ok = compare(export, stage, path, e);
    folder_remove(&folder);
    if (ok)
        say_found(export, stage);
    return ok;
}

void export_map_fini(struct export_map *export, struct stage *stage)
{
    stage->found = NULL;
    stage->bound = (struct copy_bound){0};
    map_file_close(export->older);
    extent_set_fini(&export->data);
    extent_set_fini(&export->clears);
}
