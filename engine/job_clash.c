/* job_clash.c - see job_clash.h. */
#include "engine/job_clash.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/end_key.h"
#include "engine/job_given.h"

enum use { USE_SOURCE, USE_BASE, USE_TARGET, USE_MAP, USE_JOURNAL, USE_ID, USE_POINT_ID };

/* A name in the job, and whose it is. */
struct name {
    char *key;      /* owned; equal keys are one thing */
    uint32_t index; /* of the disk; of the point for its id */
    uint32_t order; /* as they stand in the job */
    enum use use;
    const char *beside; /* static: an ending, the file is one beside the named one; NULL: itself */
    const struct name *clash; /* the earlier one of the same key; NULL: none that counts */
};

#define NAMES_OF_DISK 9u /* source, base, two each of target and journal, three of a map */

struct names {
    struct name *items; /* owned */
    uint32_t count;
};

/* ---- Gather ---- */

static bool add_name(struct names *names, char *take_key, uint32_t index, enum use use,
                     const char *beside)
{
    if (!take_key)
        return false;
    names->items[names->count] = (struct name){
        .key = take_key, .index = index, .order = names->count, .use = use, .beside = beside};
    names->count++;
    return true;
}

static bool add_path(struct names *names, const char *path, uint32_t index, enum use use,
                     const char *const *beside)
{
    if (!add_name(names, end_key_file(path, ""), index, use, NULL))
        return false;
    for (; *beside; beside++)
        if (!add_name(names, end_key_file(path, *beside), index, use, *beside))
            return false;
    return true;
}

static bool add_end(struct names *names, enum access_side side, const struct job_end *end,
                    uint32_t index)
{
    static const enum use uses[ACCESS_SIDES] = {USE_SOURCE, USE_BASE, USE_TARGET};
    static const char *const sidecar[] = {".snapferry", NULL};
    static const char *const nothing[] = {NULL};
    struct job_given given;
    struct err ignored = {0};
    bool ok = true;

    if (!end->text)
        return true;
    if (!job_given_read(side, end->text, &given, &ignored) || given.kind == JOB_GIVEN_NULL)
        ok = true;
    else if (given.kind == JOB_GIVEN_FILE)
        ok = add_path(names, given.path, index, uses[side],
                      side == ACCESS_TARGET ? sidecar : nothing);
    else
        ok = add_name(names, job_given_key(&given), index, uses[side], NULL);
    job_given_fini(&given);
    return ok;
}

static bool gather_files(const struct job_spec *spec, struct names *names)
{
    static const char *const of_map[] = {".making", ".new", NULL};
    static const char *const of_journal[] = {".verify", NULL};

    for (uint32_t i = 0; i < spec->disks_count; i++) {
        const struct job_disk *disk = &spec->disks[i];

        if (!add_end(names, ACCESS_SOURCE, &disk->source, i) ||
            !add_end(names, ACCESS_BASE, &disk->base, i) ||
            !add_end(names, ACCESS_TARGET, &disk->target, i) ||
            (disk->map && !add_path(names, disk->map, i, USE_MAP, of_map)) ||
            (disk->journal && !add_path(names, disk->journal, i, USE_JOURNAL, of_journal)))
            return false;
    }
    return true;
}

static bool gather_ids(const struct job_spec *spec, struct names *names)
{
    for (uint32_t i = 0; i < spec->disks_count; i++)
        if (spec->disks[i].id && !add_name(names, strdup(spec->disks[i].id), i, USE_ID, NULL))
            return false;
    return true;
}

static bool gather_point_ids(const struct job_spec *spec, struct names *names)
{
    for (uint32_t i = 0; i < spec->points_count; i++)
        if (spec->points[i].id &&
            !add_name(names, strdup(spec->points[i].id), i, USE_POINT_ID, NULL))
            return false;
    return true;
}

/* ---- Tell ---- */

static void path_of(const struct job_spec *spec, const struct name *name,
                    char out_path[JOB_PATH_MAX_BYTES])
{
    static const char *const members[] = {
        [USE_SOURCE] = "source.url", [USE_BASE] = "source.baseUrl", [USE_TARGET] = "target.url",
        [USE_MAP] = "map",           [USE_JOURNAL] = "journal",     [USE_ID] = "id",
    };
    uint32_t point;

    if (name->use == USE_POINT_ID) {
        snprintf(out_path, JOB_PATH_MAX_BYTES, "$.restorePoints[%u].id", name->index);
        return;
    }
    point = spec->disks[name->index].point;
    snprintf(out_path, JOB_PATH_MAX_BYTES, "$.restorePoints[%u].disks[%u].%s", point,
             name->index - spec->points[point].first_disk, members[name->use]);
}

static bool is_id(const struct name *name)
{
    return name->use == USE_ID || name->use == USE_POINT_ID;
}

static bool is_written(const struct name *name)
{
    return name->use == USE_TARGET || name->use == USE_MAP || name->use == USE_JOURNAL;
}

/* A base equal to its own source is a mistake too, though neither is written to. */
static bool clashes(const struct name *a, const struct name *b)
{
    if (is_id(a))
        return true;
    if (a->beside && b->beside)
        return false; /* then what they stand beside is told */
    return is_written(a) || is_written(b) || (a->use != b->use && a->index == b->index);
}

static void tell(const struct job_spec *spec, const struct name *earlier, const struct name *later,
                 job_mistake_fn *told, void *arg)
{
    char path[JOB_PATH_MAX_BYTES], other[JOB_PATH_MAX_BYTES], sentence[2 * JOB_PATH_MAX_BYTES + 80];

    path_of(spec, later, path);
    path_of(spec, earlier, other);
    if (is_id(later))
        snprintf(sentence, sizeof sentence, "is the id at %s already", other);
    else if (earlier->beside)
        snprintf(sentence, sizeof sentence, "is the %s file beside %s", earlier->beside, other);
    else if (later->beside)
        snprintf(sentence, sizeof sentence, "has beside it a %s file, which is %s", later->beside,
                 other);
    else
        snprintf(sentence, sizeof sentence, "is the same as %s", other);
    told(arg, false, path, sentence);
}

static int by_key(const void *a, const void *b)
{
    const struct name *one = a, *other = b;
    int keys = strcmp(one->key, other->key);

    return keys ? keys : (one->order > other->order) - (one->order < other->order);
}

static int by_order(const void *a, const void *b)
{
    const struct name *one = *(const struct name *const *)a;
    const struct name *other = *(const struct name *const *)b;

    return (one->order > other->order) - (one->order < other->order);
}

/* ---- Find ---- */

/* Names of one key, by their order. Whom a name clashes with is among few: what clashes with any that is
 * written to clashes with the first of these, and so on. */
static void find_in_group(struct name *group, uint32_t count)
{
    const struct name *written = NULL, *plain = NULL;

    for (uint32_t i = 0; i < count; i++) {
        const struct name *earlier[] = {i ? group : NULL, written, plain, i ? &group[i - 1] : NULL};

        for (size_t j = 0; !group[i].clash && j < sizeof earlier / sizeof earlier[0]; j++)
            if (earlier[j] && clashes(earlier[j], &group[i]))
                group[i].clash = earlier[j];
        if (!written && is_written(&group[i]))
            written = &group[i];
        if (!plain && !group[i].beside)
            plain = &group[i];
    }
}

static bool check_names(const struct job_spec *spec, struct names *names, job_mistake_fn *told,
                        void *arg)
{
    const struct name **found = calloc(names->count + 1, sizeof *found);
    uint32_t found_count = 0;

    if (!found)
        return false;
    qsort(names->items, names->count, sizeof *names->items, by_key);
    for (uint32_t from = 0, to; from < names->count; from = to) {
        for (to = from + 1; to < names->count; to++)
            if (strcmp(names->items[from].key, names->items[to].key) != 0)
                break;
        find_in_group(&names->items[from], to - from);
    }
    for (uint32_t i = 0; i < names->count; i++)
        if (names->items[i].clash)
            found[found_count++] = &names->items[i];
    qsort(found, found_count, sizeof *found, by_order);
    for (uint32_t i = 0; i < found_count; i++)
        tell(spec, found[i]->clash, found[i], told, arg);
    free(found);
    return true;
}

static void names_empty(struct names *names)
{
    for (uint32_t i = 0; i < names->count; i++)
        free(names->items[i].key);
    names->count = 0;
}

bool job_clash_check(const struct job_spec *spec, job_mistake_fn *told, void *arg)
{
    static bool (*const gather[])(const struct job_spec *,
                                  struct names *) = {gather_point_ids, gather_ids, gather_files};
    size_t most = (size_t)spec->disks_count * NAMES_OF_DISK + spec->points_count + 1;
    struct names names = {.items = calloc(most, sizeof *names.items)};
    bool ok = names.items != NULL;

    for (size_t i = 0; ok && i < sizeof gather / sizeof gather[0]; i++) {
        ok = gather[i](spec, &names) && check_names(spec, &names, told, arg);
        names_empty(&names);
    }
    free(names.items);
    return ok;
}
