/* relay_wire_fields.c - see relay_wire_fields.h. */
#include "io/relay_wire_fields.h"

#include <assert.h>
#include <string.h>

#include "io/relay_wire.h"

static bool refuse(const char *key, const char *why, struct err *e)
{
    return err_set(e, ERR_CORRUPT, RETRY_NEVER, "the relay's JSON: %s %s", key, why);
}

json_t *relay_fields_object(const char *json, size_t count, const char *what, struct err *e)
{
    json_t *object;

    if (count > RELAY_JSON_MAX_BYTES) {
        refuse(what, "is longer than it may be", e);
        return NULL;
    }
    object = json_loadb(json ? json : "", count, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(object))
        return object;
    json_decref(object);
    refuse(what, "is no JSON object", e);
    return NULL;
}

bool relay_fields_flag(const json_t *object, const char *key, bool *out_flag, struct err *e)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_boolean(value))
        return refuse(key, "is neither true nor false", e);
    *out_flag = json_is_true(value);
    return true;
}

static bool number_of(const json_t *value, uint64_t max, uint64_t *out_number)
{
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < 0 || (uint64_t)number > max)
        return false;
    *out_number = (uint64_t)number;
    return true;
}

bool relay_fields_number(const json_t *object, const char *key, uint64_t max, uint64_t *out_number,
                         struct err *e)
{
    return number_of(json_object_get(object, key), max, out_number) ||
           refuse(key, "is no number within its bounds", e);
}

static bool is_printable(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        if (*at < ' ' || *at > '~')
            return false;
    return true;
}

bool relay_fields_text(const json_t *object, const char *key, char *out_text, size_t out_bytes,
                       struct err *e)
{
    const json_t *value = json_object_get(object, key);
    size_t length;

    if (!value || json_is_null(value)) {
        out_text[0] = '\0';
        return true;
    }
    if (!json_is_string(value))
        return refuse(key, "is no text", e);
    length = json_string_length(value);
    if (length >= out_bytes || strlen(json_string_value(value)) != length)
        return refuse(key, "is longer than it may be", e);
    if (!is_printable(json_string_value(value)))
        return refuse(key, "is not printable", e);
    memcpy(out_text, json_string_value(value), length + 1);
    return true;
}

const json_t *relay_fields_array(const json_t *object, const char *key, size_t count_max,
                                 struct err *e)
{
    const json_t *array = json_object_get(object, key);

    if (json_is_array(array) && json_array_size(array) <= count_max)
        return array;
    refuse(key, "is no list within its bounds", e);
    return NULL;
}

bool relay_fields_pair(const json_t *pair, const char *key, uint64_t max, uint64_t *out_a,
                       uint64_t *out_b, struct err *e)
{
    return (json_is_array(pair) && json_array_size(pair) == 2 &&
            number_of(json_array_get(pair, 0), max, out_a) &&
            number_of(json_array_get(pair, 1), max, out_b)) ||
           refuse(key, "holds what is no pair of numbers", e);
}

char *relay_fields_dump(json_t *take_object)
{
    char *text;

    assert(take_object);
    text = json_dumps(take_object, JSON_COMPACT);
    assert(text);
    json_decref(take_object);
    return text;
}

json_t *relay_fields_json_number(uint64_t number)
{
    json_t *value;

    assert(number <= INT64_MAX);
    value = json_integer((json_int_t)number);
    assert(value);
    return value;
}

void relay_fields_clean(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}
