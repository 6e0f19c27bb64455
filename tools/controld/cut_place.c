/* cut_place.c - see cut_place.h. Blobs' names hold '/' and '@': regions and containers do not, nor does a
 * time. */
#include "tools/controld/cut_place.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOB_PREFIX "blob:"

char *cut_place_of_blob(const char *region, const char *container, const char *blob,
                        const char *snapshot)
{
    char *text = NULL;

    if (asprintf(&text, BLOB_PREFIX "%s/%s/%s@%s", region, container, blob, snapshot) < 0)
        return NULL;
    for (char *at = text; *at != '/'; at++)
        *at = (char)tolower((unsigned char)*at);
    return text;
}

static char *part(const char *begin, const char *end)
{
    return end > begin ? strndup(begin, (size_t)(end - begin)) : NULL;
}

static bool read_blob(const char *text, struct cut_place *out)
{
    const char *container = strchr(text, '/'),
               *blob = container ? strchr(container + 1, '/') : NULL,
               *time = blob ? strrchr(blob, '@') : NULL;

    if (!time)
        return false;
    out->region = part(text, container);
    out->container = part(container + 1, blob);
    out->blob = part(blob + 1, time);
    out->snapshot = part(time + 1, time + strlen(time));
    return out->region && out->container && out->blob && out->snapshot;
}

bool cut_place_read(const char *text, struct cut_place *out)
{
    bool ok = false;

    *out = (struct cut_place){0};
    if (text[0] == '/')
        ok = (out->file = strdup(text)) != NULL;
    else if (strncmp(text, BLOB_PREFIX, strlen(BLOB_PREFIX)) == 0)
        ok = read_blob(text + strlen(BLOB_PREFIX), out);
    if (!ok)
        cut_place_fini(out);
    return ok;
}

void cut_place_fini(struct cut_place *place)
{
    free(place->file);
    free(place->region);
    free(place->container);
    free(place->blob);
    free(place->snapshot);
    *place = (struct cut_place){0};
}
