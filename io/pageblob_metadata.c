/* pageblob_metadata.c - see pageblob_metadata.h. */
#include "io/pageblob_metadata.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static size_t find(const struct pageblob_metadata *m, const char *name)
{
    size_t i = 0;

    while (i < m->count && strcasecmp(m->items[i].name, name) != 0)
        i++;
    return i;
}

void pageblob_metadata_fini(struct pageblob_metadata *m)
{
    for (size_t i = 0; i < m->count; i++) {
        free(m->items[i].name);
        free(m->items[i].value);
    }
    memset(m, 0, sizeof *m);
}

bool pageblob_metadata_set(struct pageblob_metadata *m, const char *name, const char *value,
                           struct err *e)
{
    size_t bytes = strlen(name) + strlen(value);
    struct pageblob_metadata_item item;

    pageblob_metadata_drop(m, name);
    if (m->count == PAGEBLOB_METADATA_COUNT_MAX || bytes > PAGEBLOB_METADATA_MAX_BYTES - m->bytes)
        return err_set(e, ERR_LIMIT, RETRY_NEVER,
                       "the blob's metadata has more than %u names or %u bytes",
                       PAGEBLOB_METADATA_COUNT_MAX, PAGEBLOB_METADATA_MAX_BYTES);
    item.name = strdup(name);
    item.value = strdup(value);
    if (!item.name || !item.value) {
        free(item.name);
        free(item.value);
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a blob's metadata");
    }
    m->items[m->count++] = item;
    m->bytes += bytes;
    return true;
}

void pageblob_metadata_drop(struct pageblob_metadata *m, const char *name)
{
    size_t i = find(m, name);

    if (i == m->count)
        return;
    m->bytes -= strlen(m->items[i].name) + strlen(m->items[i].value);
    free(m->items[i].name);
    free(m->items[i].value);
    m->count--;
    memmove(&m->items[i], &m->items[i + 1], (m->count - i) * sizeof m->items[0]);
}

const char *pageblob_metadata_get(const struct pageblob_metadata *m, const char *name)
{
    size_t i = find(m, name);

    return i < m->count ? m->items[i].value : NULL;
}
