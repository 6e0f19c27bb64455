/* relay_wire_fuzz.c - paths and JSON of a stranger at the other end of a relay: refused, or something that
 * survives being written and read again. Must not know: sockets. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/relay_wire.h"

#define MISSING_MAX 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_path(const char *text)
{
    enum relay_verb verb;
    const char *name;

    if (!relay_path_parse(text, &verb, &name))
        return;
    assert(verb < RELAY_VERBS && relay_name_ok(name));
    assert(strlen(name) <= RELAY_NAME_MAX_BYTES && !strstr(name, "..") == !strstr(text, ".."));
    assert(name[0] != '/' && name[0] != '.' && !strstr(name, "//") && !strstr(name, "/."));
}

static void try_stat(const char *json, size_t size)
{
    struct stat_req stat = {0}, again = {0};
    struct relay_nature nature = {0}, nature_again = {0};
    struct err e = {0};
    char *text;

    if (!relay_stat_parse(json, size, &stat, &nature, &e)) {
        assert(e.kind == ERR_CORRUPT);
        return;
    }
    text = relay_stat_json(&stat, &nature);
    assert(relay_stat_parse(text, strlen(text), &again, &nature_again, &e));
    assert(again.size_bytes == stat.size_bytes && strcmp(again.etag, stat.etag) == 0);
    assert(again.marker.state == stat.marker.state);
    assert(nature_again.capabilities == nature.capabilities);
    assert(nature_again.clear_max_bytes == nature.clear_max_bytes);
    free(text);
}

static void try_setup(const char *json, size_t size)
{
    static struct relay_setup setup, again;
    struct setup_req answer = {0};
    struct err e = {0};
    char *text;

    if (relay_setup_parse(json, size, &setup, &e)) {
        text = relay_setup_json(&setup.req);
        assert(relay_setup_parse(text, strlen(text), &again, &e));
        assert(again.req.verb == setup.req.verb && again.req.size_bytes == setup.req.size_bytes);
        assert(!again.req.marker == !setup.req.marker);
        free(text);
    } else {
        assert(e.kind == ERR_CORRUPT);
    }
    e = (struct err){0};
    if (!relay_setup_answer_parse(json, size, &answer, &e))
        assert(e.kind == ERR_CORRUPT);
}

static void try_list(const char *json, size_t size)
{
    struct extent_set sets[4] = {{0}};
    struct list_req list = {
        .within = {4096, 1u << 30}, .since = "s", .out_data = &sets[0], .out_clears = &sets[1]};
    struct list_req again = {
        .within = {4096, 1u << 30}, .since = "s", .out_data = &sets[2], .out_clears = &sets[3]};
    struct err e = {0};
    uint64_t up_to = 0, up_to_again = 0;

    if (relay_list_parse(json, size, &list, &up_to, &e)) {
        char *text = relay_list_json(&list, up_to);

        assert(up_to >= 4096 && up_to <= 4096 + (1u << 30));
        assert(relay_list_parse(text, strlen(text), &again, &up_to_again, &e));
        assert(up_to_again == up_to && extent_set_equal(&sets[0], &sets[2]) &&
               extent_set_equal(&sets[1], &sets[3]));
        free(text);
        /* The same page once more must not go back. */
        relay_list_parse(json, size, &list, &up_to, &e);
    } else {
        assert(e.kind == ERR_CORRUPT);
    }
    for (int i = 0; i < 4; i++)
        extent_set_fini(&sets[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct relay_missing missing[MISSING_MAX];
    struct err refusal = {0}, e = {0};
    uint32_t count = 0;
    char *text = malloc(size + 1);

    assert(text);
    memcpy(text, data, size);
    text[size] = '\0';
    try_path(text);
    try_stat(text, size);
    try_setup(text, size);
    try_list(text, size);
    if (relay_missing_parse(text, size, missing, MISSING_MAX, &count, &e))
        assert(count <= MISSING_MAX);
    relay_error_parse(502, text, size, &refusal);
    assert(err_is_set(&refusal));
    for (const char *at = refusal.text; *at; at++)
        assert(*at >= ' ' && *at <= '~');
    free(text);
    return 0;
}
