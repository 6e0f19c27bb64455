/* relay_wire.c - see relay_wire.h: names, paths, numbers and UUIDs. */
#include "io/relay_wire.h"

#include <assert.h>
#include <string.h>

#define PATH_PREFIX "/v1/"
#define DIGITS_MAX  20u /* of a number of 64 bits */
#define UUID_CHARS  36u

/* A segment with this could be the marker of the target beside it, or one that is being written. */
#define MARKER_SUFFIX ".snapferry"

static const char name_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "abcdefghijklmnopqrstuvwxyz"
                                      "0123456789._-";

static const char *const verb_names[RELAY_VERBS] = {
    [RELAY_STAT] = "stat", [RELAY_SETUP] = "setup", [RELAY_LIST] = "list",   [RELAY_READ] = "read",
    [RELAY_HAVE] = "have", [RELAY_WRITE] = "write", [RELAY_FLUSH] = "flush",
};

const char *relay_verb_name(enum relay_verb verb)
{
    assert(verb < RELAY_VERBS);
    return verb_names[verb];
}

static bool segment_ok(const char *segment, size_t length)
{
    if (length == 0 || segment[0] == '.' || strspn(segment, name_characters) < length)
        return false;
    return !memmem(segment, length, MARKER_SUFFIX, sizeof MARKER_SUFFIX - 1);
}

bool relay_name_ok(const char *name)
{
    unsigned segments = 0;

    if (strlen(name) > RELAY_NAME_MAX_BYTES)
        return false;
    for (;;) {
        size_t length = strcspn(name, "/");

        if (!segment_ok(name, length) || ++segments > RELAY_NAME_SEGMENTS_MAX)
            return false;
        name += length;
        if (!*name)
            return true;
        name++;
    }
}

bool relay_name_belongs(const char *name, const char *peer)
{
    size_t length = strcspn(name, "/");

    return strlen(peer) == length && memcmp(name, peer, length) == 0;
}

bool relay_path_parse(const char *path, enum relay_verb *out_verb, const char **out_name)
{
    const size_t prefix = sizeof PATH_PREFIX - 1;

    if (strncmp(path, PATH_PREFIX, prefix) != 0)
        return false;
    path += prefix;
    for (unsigned verb = 0; verb < RELAY_VERBS; verb++) {
        size_t length = strlen(verb_names[verb]);

        if (strncmp(path, verb_names[verb], length) != 0 || path[length] != '/')
            continue;
        if (!relay_name_ok(path + length + 1))
            return false;
        *out_verb = (enum relay_verb)verb;
        *out_name = path + length + 1;
        return true;
    }
    return false;
}

bool relay_number_parse(const char *text, uint64_t max, uint64_t *out_number)
{
    size_t digits = strspn(text, "0123456789");
    uint64_t number = 0;

    if (digits == 0 || digits > DIGITS_MAX || text[digits])
        return false;
    for (size_t i = 0; i < digits; i++) {
        unsigned digit = (unsigned)(text[i] - '0');

        if (number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    if (number > max)
        return false;
    *out_number = number;
    return true;
}

bool relay_name_is_scratch(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash && strncmp(slash + 1, RELAY_SCRATCH_PREFIX, strlen(RELAY_SCRATCH_PREFIX)) == 0;
}

bool relay_uuid_ok(const char *text)
{
    if (strlen(text) != UUID_CHARS)
        return false;
    for (size_t i = 0; i < UUID_CHARS; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? text[i] != '-' : !strchr("0123456789abcdefABCDEF", text[i]))
            return false;
    }
    return true;
}
