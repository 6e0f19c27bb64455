/* store_types.c - pairs of text, and the service's way of writing a snapshot's time. */
#include "tools/regiond/store_types.h"

#include "tools/regiond/region_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

bool store_pairs_add(struct store_pairs *pairs, const char *name, const char *value)
{
    struct store_pair *items = realloc(pairs->items, (pairs->count + 1) * sizeof *items);
    struct store_pair pair;

    if (!items)
        return false;
    pairs->items = items;
    pair.name = strdup(name);
    pair.value = strdup(value);
    if (!pair.name || !pair.value) {
        free(pair.name);
        free(pair.value);
        return false;
    }
    items[pairs->count++] = pair;
    return true;
}

bool store_pairs_copy(struct store_pairs *target, const struct store_pairs *source)
{
    struct store_pairs copy = {0};

    for (size_t i = 0; source && i < source->count; i++) {
        if (!store_pairs_add(&copy, source->items[i].name, source->items[i].value)) {
            store_pairs_fini(&copy);
            return false;
        }
    }
    *target = copy;
    return true;
}

const char *store_pairs_get(const struct store_pairs *pairs, const char *name)
{
    for (size_t i = 0; i < pairs->count; i++)
        if (strcasecmp(pairs->items[i].name, name) == 0)
            return pairs->items[i].value;
    return NULL;
}

void store_pairs_fini(struct store_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        free(pairs->items[i].name);
        free(pairs->items[i].value);
    }
    free(pairs->items);
    memset(pairs, 0, sizeof *pairs);
}

void store_properties_fini(struct store_properties *properties)
{
    store_pairs_fini(&properties->metadata);
    store_pairs_fini(&properties->headers);
}

void store_snapshot_format(uint64_t ticks, char out_text[STORE_SNAPSHOT_BYTES])
{
    time_t seconds = (time_t)region_clock_unix_seconds(ticks);
    unsigned fraction = (unsigned)(ticks % TICKS_PER_SECOND);
    struct tm parts;
    char text[64];

    gmtime_r(&seconds, &parts);
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%07uZ", parts.tm_year + 1900,
             parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, fraction);
    memcpy(out_text, text, STORE_SNAPSHOT_BYTES - 1);
    out_text[STORE_SNAPSHOT_BYTES - 1] = '\0';
}

bool store_snapshot_parse(const char *text, uint64_t *out_ticks)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddddddZ";
    char again[STORE_SNAPSHOT_BYTES];
    struct tm parts = {0};
    uint64_t fraction = 0, ticks;
    time_t seconds;

    if (strlen(text) != sizeof shape - 1)
        return false;
    for (size_t i = 0; shape[i]; i++)
        if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
            return false;
    parts.tm_year = atoi(text) - 1900;
    parts.tm_mon = atoi(text + 5) - 1;
    parts.tm_mday = atoi(text + 8);
    parts.tm_hour = atoi(text + 11);
    parts.tm_min = atoi(text + 14);
    parts.tm_sec = atoi(text + 17);
    for (const char *digit = text + 20; *digit != 'Z'; digit++)
        fraction = fraction * 10 + (uint64_t)(*digit - '0');
    seconds = timegm(&parts);
    if (seconds < 0)
        return false;
    ticks = region_clock_from_unix((uint64_t)seconds) + fraction;
    store_snapshot_format(ticks, again); /* refuses the 31st of February */
    if (strcmp(again, text) != 0)
        return false;
    *out_ticks = ticks;
    return true;
}
