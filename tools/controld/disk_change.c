/* disk_change.c - see disk_change.h. */
#include "tools/controld/disk_change.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DEPTH_MAX 8u /* of members in members; a disk's document has three */

static bool is_passed_by(const char *path)
{
    static const char *const names[] = {"tags", "properties.creationData.sourceResourceId"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(path, names[i]) == 0)
            return true;
    return false;
}

static bool is_same(const char *path, const json_t *old, const json_t *now)
{
    static const char places[] = "properties.x-snapferry.";
    const char *one = json_string_value(old), *other = json_string_value(now);

    if (one && other && strncmp(path, places, sizeof places - 1) != 0)
        return strcasecmp(one, other) == 0;
    return json_equal(old, now);
}

/* path: where `now` stands, longer by a member while that is looked at. */
static bool find(const json_t *old, const json_t *now, char path[ARM_ERROR_TARGET_MAX_BYTES],
                 unsigned depth)
{
    size_t end = strlen(path);
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)now, name, value)
    {
        const json_t *before = json_object_get(old, name);

        snprintf(path + end, ARM_ERROR_TARGET_MAX_BYTES - end, "%s%s", end ? "." : "", name);
        if (!is_passed_by(path) && json_is_object(value) && depth < DEPTH_MAX) {
            if (find(before, value, path, depth + 1))
                return true;
        } else if (!is_passed_by(path) && !is_same(path, before, value)) {
            return true;
        }
        path[end] = '\0';
    }
    return false;
}

bool disk_change_find(const json_t *old, const json_t *now,
                      char out_path[ARM_ERROR_TARGET_MAX_BYTES])
{
    out_path[0] = '\0';
    return find(old, now, out_path, 0);
}

json_t *disk_change_tags(const json_t *old, const json_t *now, bool *out_failed)
{
    json_t *tags = json_object_get(now, "tags"), *changed;

    *out_failed = false;
    if (!tags || json_equal(tags, json_object_get(old, "tags")))
        return NULL;
    changed = json_copy((json_t *)old);
    *out_failed = !changed || json_object_set(changed, "tags", tags) != 0;
    if (!*out_failed)
        return changed;
    json_decref(changed);
    return NULL;
}
