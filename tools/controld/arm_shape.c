/* arm_shape.c - see arm_shape.h. */
#include "tools/controld/arm_shape.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where in a document we are; cut when too deep, which only shortens an error's target. */
struct place {
    char text[ARM_ERROR_TARGET_MAX_BYTES];
};

static struct place below(const struct place *place, const char *name)
{
    struct place out = *place;
    size_t used = strlen(out.text);

    snprintf(out.text + used, sizeof out.text - used, "%s%s", used ? "." : "", name);
    return out;
}

static struct place entry(const struct place *place, size_t index)
{
    struct place out = *place;
    size_t used = strlen(out.text);

    snprintf(out.text + used, sizeof out.text - used, "[%zu]", index);
    return out;
}

static json_t *wrong(const struct place *place, struct arm_error *e, const char *wanted)
{
    arm_error_bad(e, place->text, "The value of '%s' is invalid: it must be %s.", place->text,
                  wanted);
    return NULL;
}

static json_t *made(json_t *value, struct arm_error *e)
{
    if (!value)
        arm_error_memory(e);
    return value;
}

static json_t *read_object(const json_t *given, const struct arm_shape *members,
                           const struct place *place, struct arm_error *e);

/* ---- Values ---- */

static json_t *read_int(const json_t *given, const struct arm_shape *shape,
                        const struct place *place, struct arm_error *e)
{
    json_int_t max = shape->limit ? shape->limit : 0x7fffffff;
    json_int_t value = -1;

    if (json_is_integer(given)) {
        value = json_integer_value(given);
    } else if (json_is_string(given)) {
        const char *text = json_string_value(given);
        size_t count = strlen(text);

        if (count > 0 && count < 19 && strspn(text, "0123456789") == count)
            value = strtoll(text, NULL, 10);
    }
    if (value < 0 || value > max) {
        char wanted[64];

        snprintf(wanted, sizeof wanted, "a whole number from 0 to %" JSON_INTEGER_FORMAT, max);
        return wrong(place, e, wanted);
    }
    return made(json_integer(value), e);
}

static json_t *read_bool(const json_t *given, const struct place *place, struct arm_error *e)
{
    const char *text = json_string_value(given);

    if (json_is_boolean(given))
        return json_boolean(json_is_true(given));
    if (text && strcasecmp(text, "true") == 0)
        return json_true();
    if (text && strcasecmp(text, "false") == 0)
        return json_false();
    return wrong(place, e, "true or false");
}

static json_t *read_text(const json_t *given, const struct place *place, struct arm_error *e)
{
    if (!json_is_string(given))
        return wrong(place, e, "a string");
    return made(json_string(json_string_value(given)), e);
}

/* Of UTF-8, which jansson has checked. */
static size_t characters(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static bool tag_ok(const char *name, const json_t *value, const struct place *place,
                   struct arm_error *e)
{
    struct place at = below(place, name);

    if (!*name || characters(name) > ARM_TAG_NAME_MAX_CHARS)
        return arm_error_bad(e, place->text, "A tag's name has 1 to %u characters.",
                             ARM_TAG_NAME_MAX_CHARS);
    if (!json_is_string(value) || characters(json_string_value(value)) > ARM_TAG_VALUE_MAX_CHARS)
        return arm_error_bad(e, at.text, "A tag's value is a string of at most %u characters.",
                             ARM_TAG_VALUE_MAX_CHARS);
    return true;
}

static json_t *read_tags(const json_t *given, const struct place *place, struct arm_error *e)
{
    json_t *out;
    const char *name;
    json_t *value;

    if (!json_is_object(given))
        return wrong(place, e, "an object of strings");
    if (json_object_size(given) > ARM_TAGS_MAX) {
        arm_error_bad(e, place->text, "A resource has at most %u tags.", ARM_TAGS_MAX);
        return NULL;
    }
    json_object_foreach((json_t *)given, name, value)
    {
        if (!tag_ok(name, value, place, e))
            return NULL;
    }
    out = json_deep_copy(given);
    return made(out, e);
}

static json_t *read_list(const json_t *given, const struct arm_shape *shape,
                         const struct place *place, struct arm_error *e)
{
    size_t max = shape->limit ? (size_t)shape->limit : ARM_SHAPE_LIST_MAX;
    json_t *out;

    if (!json_is_array(given))
        return wrong(place, e, "a list");
    if (json_array_size(given) > max) {
        arm_error_bad(e, place->text, "'%s' has more than %zu entries.", place->text, max);
        return NULL;
    }
    out = json_array();
    for (size_t i = 0; out && i < json_array_size(given); i++) {
        const json_t *value = json_array_get(given, i);
        struct place at = entry(place, i);
        json_t *one = shape->kind == ARM_SHAPE_LIST ? read_object(value, shape->members, &at, e)
                                                    : read_text(value, &at, e);

        if (!one || json_array_append_new(out, one) < 0) {
            json_decref(out);
            return arm_error_is_set(e) ? NULL : made(NULL, e);
        }
    }
    return made(out, e);
}

static json_t *read_value(const json_t *given, const struct arm_shape *shape,
                          const struct place *place, struct arm_error *e)
{
    switch (shape->kind) {
    case ARM_SHAPE_TEXT:
        return read_text(given, place, e);
    case ARM_SHAPE_EMPTY:
        return made(json_string(""), e);
    case ARM_SHAPE_INT:
        return read_int(given, shape, place, e);
    case ARM_SHAPE_BOOL:
        return read_bool(given, place, e);
    case ARM_SHAPE_TAGS:
        return read_tags(given, place, e);
    case ARM_SHAPE_TEXTS:
    case ARM_SHAPE_LIST:
        return read_list(given, shape, place, e);
    case ARM_SHAPE_OBJECT:
        return read_object(given, shape->members, place, e);
    }
    assert(!"a kind of shape without a reader");
    return NULL;
}

/* ---- Objects ---- */

static const struct arm_shape *shape_of(const struct arm_shape *members, const char *name)
{
    for (; members->name; members++)
        if (strcasecmp(members->name, name) == 0)
            return members;
    return NULL;
}

static bool read_member(json_t *out, const json_t *value, const struct arm_shape *shape,
                        const struct place *place, struct arm_error *e)
{
    struct place at = below(place, shape->name);
    json_t *read;

    if (json_object_get(out, shape->name))
        return arm_error_bad(e, at.text, "'%s' is there twice.", at.text);
    read = read_value(value, shape, &at, e);
    if (!read)
        return false;
    if (json_object_set_new(out, shape->name, read) < 0)
        return arm_error_memory(e);
    return true;
}

static json_t *read_object(const json_t *given, const struct arm_shape *members,
                           const struct place *place, struct arm_error *e)
{
    json_t *out;
    const char *name;
    json_t *value;

    if (!json_is_object(given))
        return wrong(place, e, "an object");
    out = json_object();
    if (!out)
        return made(NULL, e);
    json_object_foreach((json_t *)given, name, value)
    {
        const struct arm_shape *shape = json_is_null(value) ? NULL : shape_of(members, name);

        if (shape && !read_member(out, value, shape, place, e)) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

/* ---- Documents ---- */

json_t *arm_shape_parse(const void *body, size_t bytes, struct arm_error *e)
{
    static const char code[] = "InvalidRequestContent";
    json_error_t error;
    json_t *value;

    if (bytes > ARM_BODY_MAX_BYTES) {
        arm_error_set(e, 413, "RequestEntityTooLarge", NULL,
                      "The request content is larger than %u bytes.", ARM_BODY_MAX_BYTES);
        return NULL;
    }
    value = json_loadb(bytes ? body : "", bytes, JSON_REJECT_DUPLICATES, &error);
    if (!value) /* jansson's own sentence repeats the text, and there may be a password in it */
        arm_error_set(e, 400, code, NULL,
                      "The request content was invalid and could not be deserialized: %s, line %d, "
                      "position %d.",
                      json_error_code(&error) == json_error_duplicate_key
                          ? "a member is there twice"
                          : "it is not JSON",
                      error.line, error.column);
    else if (!json_is_object(value))
        arm_error_set(e, 400, code, NULL,
                      "The request content was invalid and could not be deserialized: it is not an "
                      "object.");
    if (!json_is_object(value)) {
        json_decref(value);
        return NULL;
    }
    return value;
}

json_t *arm_shape_read(const json_t *given, const struct arm_shape *members, const char *path,
                       struct arm_error *e)
{
    struct place place;

    snprintf(place.text, sizeof place.text, "%s", path);
    return read_object(given, members, &place, e);
}

json_t *arm_shape_at(const json_t *object, const char *path)
{
    const json_t *value = object;

    while (value && *path) {
        char name[64];
        size_t count = strcspn(path, ".");

        assert(count < sizeof name);
        memcpy(name, path, count);
        name[count] = 0;
        value = json_object_get(value, name);
        path += count + (path[count] == '.');
    }
    return (json_t *)value;
}

const char *arm_shape_text(const json_t *object, const char *path)
{
    return json_string_value(arm_shape_at(object, path));
}
