/* store_list.c - a container's blobs, a page at a time. */
#include "tools/regiond/store_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A marker is the place of the next item: the snapshot's tick in hexadecimal ("0" for the blob
 * itself or a prefix), a dot, the name. Where the item is gone, its successor is next. */
#define MARKER_TICKS_BYTES 24u

struct listing {
    struct store *store;
    const struct container *container;
    const struct store_blob_query *query;
    struct store_blob_page page;
    size_t room;
};

void store_blob_page_fini(struct store_blob_page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        free(page->items[i].name);
        store_properties_fini(&page->items[i].properties);
    }
    free(page->items);
    free(page->next);
    memset(page, 0, sizeof *page);
}

static char *make_marker(uint64_t ticks, const char *name)
{
    size_t room = MARKER_TICKS_BYTES + strlen(name) + 1;
    char *marker = malloc(room);

    if (marker)
        snprintf(marker, room, "%llx.%s", (unsigned long long)ticks, name);
    return marker;
}

static bool parse_marker(const char *marker, uint64_t *out_ticks, const char **out_name)
{
    char *end;

    *out_ticks = strtoull(marker, &end, 16);
    *out_name = end + 1;
    return end > marker && *end == '.' && end[1] != '\0';
}

/* A zeroed item with this name at the end of the page; NULL when memory is out. */
static struct store_blob_item *add_item(struct listing *l, const char *name, size_t name_bytes)
{
    struct store_blob_item *item;

    if (l->page.count == l->room) {
        size_t room = l->room ? l->room * 2 : 16;
        struct store_blob_item *items = realloc(l->page.items, room * sizeof *items);

        if (!items)
            return NULL;
        l->page.items = items;
        l->room = room;
    }
    item = &l->page.items[l->page.count];
    memset(item, 0, sizeof *item);
    item->name = strndup(name, name_bytes);
    if (!item->name)
        return NULL;
    l->page.count++;
    return item;
}

/* One blob, its snapshots from `from_ticks` on first. Sets page.next when the page is full. */
static enum store_result add_blob(struct listing *l, const struct blob *blob, uint64_t from_ticks,
                                  bool base_only)
{
    size_t at = blob->epoch_count - 1; /* the open epoch stands for the base */
    enum store_result result = STORE_OK;
    bool found;

    if (l->query->snapshots && !base_only)
        at = blob_snapshot_at(blob, from_ticks, &found);
    for (; result == STORE_OK && at < blob->epoch_count; at++) {
        const struct epoch *epoch = blob->epochs[at];
        const struct epoch *snapshot = epoch->snapshot_ticks ? epoch : NULL;
        struct store_blob_item *item;

        if (l->page.count == l->query->count_max) {
            l->page.next = make_marker(epoch->snapshot_ticks, blob->name);
            return l->page.next ? STORE_OK : STORE_IO;
        }
        item = add_item(l, blob->name, strlen(blob->name));
        result = item ? blob_properties(l->store, blob, snapshot, &item->properties) : STORE_IO;
    }
    return result;
}

/* The length of name's prefix up to and with the delimiter; 0: it has none. */
static size_t group_bytes(const struct store_blob_query *query, const char *name)
{
    size_t skip = query->prefix ? strlen(query->prefix) : 0;
    const char *at;

    if (!query->delimiter || !query->delimiter[0])
        return 0;
    at = strstr(name + skip, query->delimiter);
    return at ? (size_t)(at - name) + strlen(query->delimiter) : 0;
}

static enum store_result add_group(struct listing *l, const char *name, size_t bytes)
{
    struct store_blob_item *item;

    if (l->page.count == l->query->count_max) {
        l->page.next = make_marker(0, name);
        return l->page.next ? STORE_OK : STORE_IO;
    }
    item = add_item(l, name, bytes);
    if (item)
        item->is_prefix = true;
    return item ? STORE_OK : STORE_IO;
}

static enum store_result fill_page(struct listing *l, const char *from_name, uint64_t from_ticks,
                                   bool from_marker)
{
    const struct container *c = l->container;
    const char *prefix = l->query->prefix ? l->query->prefix : "";
    enum store_result result = STORE_OK;
    bool found;
    size_t at = container_blob_at(c, from_name, &found);

    while (result == STORE_OK && at < c->blob_count && !l->page.next) {
        struct blob *blob = c->blobs[at];
        bool here = from_marker && strcmp(blob->name, from_name) == 0;
        size_t group;

        if (strncmp(blob->name, prefix, strlen(prefix)) != 0) {
            if (strcmp(blob->name, prefix) > 0)
                break;
            at++;
            continue;
        }
        group = group_bytes(l->query, blob->name);
        if (group > 0) {
            result = add_group(l, blob->name, group);
            for (at++; at < c->blob_count && strncmp(c->blobs[at]->name, blob->name, group) == 0;
                 at++) {
            }
            continue;
        }
        pthread_rwlock_rdlock(&blob->state);
        result = add_blob(l, blob, here ? from_ticks : 0, here && from_ticks == 0);
        pthread_rwlock_unlock(&blob->state);
        at++;
    }
    return result;
}

enum store_result store_blob_list(struct store *store, const char *account, const char *container,
                                  const struct store_blob_query *query, struct store_blob_page *out)
{
    struct listing l = {.store = store, .query = query};
    const char *from_name = query->prefix ? query->prefix : "";
    uint64_t from_ticks = 0;
    enum store_result result;

    if (query->count_max == 0 ||
        (query->marker && !parse_marker(query->marker, &from_ticks, &from_name)))
        return STORE_INVALID_VALUE;
    pthread_rwlock_rdlock(&store->names);
    l.container = container_at(store, account, container, NULL);
    result = l.container ? fill_page(&l, from_name, from_ticks, query->marker != NULL)
                         : STORE_CONTAINER_NOT_FOUND;
    pthread_rwlock_unlock(&store->names);
    if (result == STORE_OK)
        *out = l.page;
    else
        store_blob_page_fini(&l.page);
    return result;
}
