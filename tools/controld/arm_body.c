/* arm_body.c - see arm_body.h. Disks and machines are read in arm_disk_body.c and arm_machine_body.c. */
#include "tools/controld/arm_body.h"

#include <stdlib.h>
#include <string.h>

#include "tools/controld/arm_body_parts.h"

#define SHOWN_MAX 60

/* ---- Parts of several bodies ---- */

json_t *arm_body_read(const void *body, size_t bytes, const struct arm_shape *members,
                      struct arm_error *e)
{
    json_t *given = arm_shape_parse(body, bytes, e);
    json_t *read = given ? arm_shape_read(given, members, "", e) : NULL;

    json_decref(given);
    return read;
}

bool arm_body_missing(const char *name, struct arm_error *e)
{
    return arm_error_set(e, 400, ARM_INVALID_PARAMETER, name,
                         "Required parameter '%s' is missing (null).", name);
}

bool arm_body_unknown(const char *name, const char *value, struct arm_error *e)
{
    return arm_error_set(e, 400, ARM_INVALID_PARAMETER, name,
                         "The value '%.*s' of parameter '%s' is invalid.", SHOWN_MAX, value, name);
}

bool arm_body_copy(const json_t *object, const char *path, char *out, size_t capacity,
                   struct arm_error *e)
{
    const char *text = arm_shape_text(object, path);

    if (!text)
        return true;
    if (strlen(text) >= capacity)
        return arm_error_bad(e, path, "The value of '%s' is longer than %zu characters.", path,
                             capacity - 1);
    strcpy(out, text);
    return true;
}

bool arm_body_location(const json_t *object, char out[ARM_LOCATION_MAX_BYTES], struct arm_error *e)
{
    if (!arm_body_copy(object, "location", out, ARM_LOCATION_MAX_BYTES, e))
        return false;
    if (!out[0])
        return arm_error_set(e, 400, "LocationRequired", "location",
                             "The location property is required for this definition.");
    return true;
}

bool arm_body_id(const json_t *object, const char *path, unsigned types, struct arm_id *out,
                 struct arm_error *e)
{
    const char *text = arm_shape_text(object, path);

    if (!text)
        return true;
    if (!arm_id_parse(text, path, out, e))
        return false;
    if (types >> out->type & 1u)
        return true;
    arm_error_set(e, 400, ARM_INVALID_PARAMETER, path,
                  "The resource that '%s' refers to is of type '%s', which cannot be used here.",
                  path, arm_type_name(out->type));
    *out = (struct arm_id){0};
    return false;
}

/* ---- Collections and tags ---- */

static const struct arm_shape source_members[] = {{"id", ARM_SHAPE_TEXT, NULL, 0}, {0}};
static const struct arm_shape collection_properties[] = {
    {"source", ARM_SHAPE_OBJECT, source_members, 0}, {0}};
static const struct arm_shape collection_members[] = {{"location", ARM_SHAPE_TEXT, NULL, 0},
                                                      {"tags", ARM_SHAPE_TAGS, NULL, 0},
                                                      {"properties", ARM_SHAPE_OBJECT,
                                                       collection_properties, 0},
                                                      {0}};
static const struct arm_shape tags_members[] = {{"tags", ARM_SHAPE_TAGS, NULL, 0}, {0}};

bool arm_collection_read(const void *body, size_t bytes, struct arm_collection_body *out,
                         struct arm_error *e)
{
    json_t *read = arm_body_read(body, bytes, collection_members, e);
    bool ok = read != NULL;

    *out = (struct arm_collection_body){0};
    ok = ok && arm_body_location(read, out->location, e) &&
         arm_body_id(read, "properties.source.id", 1u << ARM_COLLECTION | 1u << ARM_MACHINE,
                     &out->source, e);
    if (ok) {
        json_t *tags = json_object_get(read, "tags");

        out->tags = tags ? json_incref(tags) : json_object();
        ok = out->tags || arm_error_memory(e);
    }
    json_decref(read);
    if (!ok)
        arm_collection_body_fini(out);
    return ok;
}

bool arm_tags_read(const void *body, size_t bytes, struct arm_collection_body *out,
                   struct arm_error *e)
{
    json_t *read = arm_body_read(body, bytes, tags_members, e);

    *out = (struct arm_collection_body){0};
    if (!read)
        return false;
    out->tags = json_incref(json_object_get(read, "tags"));
    json_decref(read);
    return true;
}

void arm_collection_body_fini(struct arm_collection_body *body)
{
    json_decref(body->tags);
    *body = (struct arm_collection_body){0};
}

/* ---- Access ---- */

static const struct arm_shape access_members[] = {{"access", ARM_SHAPE_TEXT, NULL, 0},
                                                  {"durationInSeconds", ARM_SHAPE_INT, NULL,
                                                   ARM_ACCESS_MAX_S},
                                                  {"fileFormat", ARM_SHAPE_TEXT, NULL, 0},
                                                  {0}};

static bool access_of(const char *word, enum arm_access *out, struct arm_error *e)
{
    static const struct {
        const char *word;
        enum arm_access access;
    } words[] = {{"None", ARM_ACCESS_NONE}, {"Read", ARM_ACCESS_READ}, {"Write", ARM_ACCESS_WRITE}};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(word, words[i].word) == 0) {
            *out = words[i].access;
            return true;
        }
    return arm_body_unknown("access", word, e);
}

static bool format_of(const char *word, bool *vhdx, struct arm_error *e)
{
    *vhdx = word && strcasecmp(word, "VHDX") == 0;
    return !word || *vhdx || strcasecmp(word, "VHD") == 0 ||
           arm_body_unknown("fileFormat", word, e);
}

bool arm_access_read(const void *body, size_t bytes, struct arm_access_body *out,
                     struct arm_error *e)
{
    json_t *read = arm_body_read(body, bytes, access_members, e);
    const char *access = arm_shape_text(read, "access");
    const json_t *duration = arm_shape_at(read, "durationInSeconds");
    bool ok = read != NULL;

    *out = (struct arm_access_body){.duration_s = ARM_ACCESS_DEFAULT_S};
    if (ok && duration) {
        out->duration_s = (uint32_t)json_integer_value(duration);
        ok = out->duration_s >= ARM_ACCESS_MIN_S || arm_body_unknown("durationInSeconds", "0", e);
    }
    ok = ok && (access ? access_of(access, &out->access, e) : arm_body_missing("access", e)) &&
         format_of(arm_shape_text(read, "fileFormat"), &out->vhdx, e);
    json_decref(read);
    if (!ok)
        *out = (struct arm_access_body){0};
    return ok;
}
