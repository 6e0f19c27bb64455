/* shape_file.c - the JSON of --shape (shape.md), every member checked, an unknown one refused. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/regiond/shape.h"
#include "tools/regiond/text_file.h"
#include "tools/regiond/token_bucket.h"

struct number_member {
    const char *name;
    uint64_t max;
    uint32_t *out;
};

static bool say(char *out_text, size_t text_bytes, const char *name, const char *why)
{
    snprintf(out_text, text_bytes, "%s: %s", name, why);
    return false;
}

static bool read_number(const json_t *value, const char *name, uint64_t max, uint64_t *out,
                        char *out_text, size_t text_bytes)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) > max) {
        snprintf(out_text, text_bytes, "%s: must be a number from 0 to %llu", name,
                 (unsigned long long)max);
        return false;
    }
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static bool read_limit(const json_t *object, const char *scope, struct shape_limit *out,
                       char *out_text, size_t text_bytes)
{
    const char *name;
    json_t *value;

    if (!json_is_object(object))
        return say(out_text, text_bytes, scope, "must be an object");
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        uint64_t *into = strcmp(name, "bytesPerSecond") == 0      ? &out->bytes_per_second
                         : strcmp(name, "requestsPerSecond") == 0 ? &out->requests_per_second
                                                                  : NULL;

        if (!into)
            return say(out_text, text_bytes, name, "not a limit this file may set");
        if (!read_number(value, name, TOKEN_RATE_MAX, into, out_text, text_bytes))
            return false;
    }
    return true;
}

static bool read_over(const json_t *value, struct shape_config *out, char *out_text,
                      size_t text_bytes)
{
    const char *text = json_string_value(value);

    if (!text || (strcmp(text, "delay") != 0 && strcmp(text, "503") != 0))
        return say(out_text, text_bytes, "over", "must be \"delay\" or \"503\"");
    out->busy = strcmp(text, "503") == 0;
    return true;
}

static bool read_member(const char *name, const json_t *value, struct shape_config *out,
                        char *out_text, size_t text_bytes)
{
    static const char *const scopes[SHAPE_SCOPES] = {"connection", "blob", "account"};
    const struct number_member numbers[] = {
        {"latencyMs", SHAPE_LATENCY_MAX_MS, &out->latency_ms},
        {"burstMs", SHAPE_BURST_MAX_MS, &out->burst_ms},
        {"queueMs", SHAPE_QUEUE_MAX_MS, &out->queue_ms},
        {"retryAfterSeconds", SHAPE_RETRY_MAX_S, &out->retry_after_s},
    };
    uint64_t number;

    for (size_t i = 0; i < SHAPE_SCOPES; i++)
        if (strcmp(name, scopes[i]) == 0)
            return read_limit(value, name, &out->limit[i], out_text, text_bytes);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(name, numbers[i].name) != 0)
            continue;
        if (!read_number(value, name, numbers[i].max, &number, out_text, text_bytes))
            return false;
        *numbers[i].out = (uint32_t)number;
        return true;
    }
    if (strcmp(name, "over") == 0)
        return read_over(value, out, out_text, text_bytes);
    return say(out_text, text_bytes, name, "not a member of a shape");
}

bool shape_config_parse(const char *json, size_t n, struct shape_config *out, char *out_text,
                        size_t text_bytes)
{
    json_error_t error;
    json_t *root = json_loadb(json, n, JSON_REJECT_DUPLICATES, &error);
    const char *name;
    json_t *value;
    bool done = true;

    *out = (struct shape_config){.burst_ms = 100, .queue_ms = 1000};
    if (!root) {
        snprintf(out_text, text_bytes, "line %d: %s", error.line, error.text);
        return false;
    }
    if (!json_is_object(root))
        done = say(out_text, text_bytes, "shape", "must be an object");
    else
        json_object_foreach(root, name, value) done =
            done && read_member(name, value, out, out_text, text_bytes);
    json_decref(root);
    return done;
}

struct traffic_shape *shape_load(const char *path, char *out_text, size_t text_bytes)
{
    struct traffic_shape *shape = NULL;
    struct shape_config config;
    char why[200];
    size_t n;
    char *text = text_file_read(path, SHAPE_FILE_MAX_BYTES, &n, out_text, text_bytes);

    if (!text)
        return NULL;
    if (!shape_config_parse(text, n, &config, why, sizeof why))
        snprintf(out_text, text_bytes, "%s: %s", path, why);
    else if (!(shape = shape_new(&config)))
        snprintf(out_text, text_bytes, "%s: no memory", path);
    free(text);
    return shape;
}
