/* arm_point_body.c - the body of PUT restore point; see arm_body.h. */
#include <stdlib.h>
#include <string.h>

#include "tools/controld/arm_body.h"
#include "tools/controld/arm_body_parts.h"

#define EXCLUDE_PATH "properties.excludeDisks"
#define SOURCE_PATH  "properties.sourceRestorePoint.id"
#define MODE_PATH    "properties.consistencyMode"

static const struct arm_shape id_members[] = {{"id", ARM_SHAPE_TEXT, NULL, 0}, {0}};
static const struct arm_shape point_properties[] = {
    {"consistencyMode", ARM_SHAPE_TEXT, NULL, 0},
    {"excludeDisks", ARM_SHAPE_LIST, id_members, ARM_EXCLUDED_MAX},
    {"sourceRestorePoint", ARM_SHAPE_OBJECT, id_members, 0},
    {0}};
static const struct arm_shape point_members[] = {
    {"properties", ARM_SHAPE_OBJECT, point_properties, 0}, {0}};

/* The older list of ids (E.11) becomes the list of objects with an id. False without memory. */
static bool renew_list(json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *value = json_array_get(list, i);
        json_t *object;

        if (!json_is_string(value))
            continue;
        object = json_pack("{s:O}", "id", value);
        if (!object || json_array_set_new(list, i, object) < 0)
            return false;
    }
    return true;
}

static bool renew(json_t *given)
{
    const char *name, *inner;
    json_t *properties, *value;

    json_object_foreach(given, name, properties)
    {
        if (strcasecmp(name, "properties") != 0)
            continue;
        json_object_foreach(properties, inner, value)
        {
            if (strcasecmp(inner, "excludeDisks") == 0 && !renew_list(value))
                return false;
        }
    }
    return true;
}

static json_t *read_point(const void *body, size_t bytes, struct arm_error *e)
{
    json_t *given = bytes ? arm_shape_parse(body, bytes, e) : json_object();
    json_t *read = NULL;

    if (given && renew(given))
        read = arm_shape_read(given, point_members, "", e);
    else if (!arm_error_is_set(e))
        arm_error_memory(e);
    json_decref(given);
    return read;
}

static bool excluded_already(const struct arm_point_body *body, const struct arm_id *id)
{
    for (size_t i = 0; i < body->exclude_count; i++)
        if (arm_id_same(&body->exclude[i], id))
            return true;
    return false;
}

static bool take_excluded(const json_t *list, struct arm_point_body *out, struct arm_error *e)
{
    size_t count = json_array_size(list);

    if (count == 0)
        return true;
    out->exclude = calloc(count, sizeof *out->exclude);
    if (!out->exclude)
        return arm_error_memory(e);
    for (size_t i = 0; i < count; i++) {
        const json_t *entry = json_array_get(list, i);
        struct arm_id *id = &out->exclude[out->exclude_count];

        if (!json_object_get(entry, "id"))
            return arm_body_missing(EXCLUDE_PATH "[].id", e);
        if (!arm_id_parse(arm_shape_text(entry, "id"), EXCLUDE_PATH, id, e))
            return false;
        if (id->type != ARM_DISK && id->type != ARM_DISK_POINT)
            return arm_error_set(e, 400, ARM_INVALID_PARAMETER, EXCLUDE_PATH,
                                 "'" EXCLUDE_PATH "' names a resource of type '%s', not a disk.",
                                 arm_type_name(id->type));
        if (!excluded_already(out, id))
            out->exclude_count++;
    }
    return true;
}

static bool take_mode(const json_t *read, struct arm_point_body *out, struct arm_error *e)
{
    const char *mode = arm_shape_text(read, MODE_PATH);

    out->crash_consistent = mode && strcasecmp(mode, "CrashConsistent") == 0;
    return !mode || out->crash_consistent || arm_body_unknown(MODE_PATH, mode, e);
}

/* A source that is there but empty would make a restore point of the VM where a copy was meant. */
static bool take_source(const json_t *read, struct arm_point_body *out, struct arm_error *e)
{
    if (arm_shape_at(read, "properties.sourceRestorePoint") && !arm_shape_at(read, SOURCE_PATH))
        return arm_body_missing(SOURCE_PATH, e);
    return arm_body_id(read, SOURCE_PATH, 1u << ARM_POINT, &out->source, e);
}

bool arm_point_read(const void *body, size_t bytes, struct arm_point_body *out, struct arm_error *e)
{
    json_t *read = read_point(body, bytes, e);
    bool ok;

    *out = (struct arm_point_body){0};
    ok = read && take_mode(read, out, e) && take_source(read, out, e) &&
         take_excluded(arm_shape_at(read, EXCLUDE_PATH), out, e);
    json_decref(read);
    if (!ok)
        arm_point_body_fini(out);
    return ok;
}

void arm_point_body_fini(struct arm_point_body *body)
{
    free(body->exclude);
    *body = (struct arm_point_body){0};
}

/* ---- The same text for the same wish ---- */

static int by_key(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool add_excluded(json_t *list, const struct arm_point_body *body)
{
    char(*keys)[ARM_ID_MAX_BYTES] = calloc(body->exclude_count + 1, sizeof *keys);
    bool ok = keys != NULL;

    for (size_t i = 0; ok && i < body->exclude_count; i++)
        arm_id_key(&body->exclude[i], keys[i]);
    if (ok)
        qsort(keys, body->exclude_count, sizeof *keys, by_key);
    for (size_t i = 0; ok && i < body->exclude_count; i++)
        ok = json_array_append_new(list, json_string(keys[i])) == 0;
    free(keys);
    return ok;
}

char *arm_point_asked(const struct arm_point_body *body)
{
    char source[ARM_ID_MAX_BYTES] = "";
    json_t *list = json_array();
    json_t *asked;
    char *text = NULL;

    if (body->source.type != ARM_NONE)
        arm_id_key(&body->source, source);
    asked = json_pack("{s:b, s:s, s:O}", "crashConsistent", body->crash_consistent,
                      "sourceRestorePoint", source, "excludeDisks", list);
    if (asked && add_excluded(list, body))
        text = json_dumps(asked, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(asked);
    json_decref(list);
    return text;
}
