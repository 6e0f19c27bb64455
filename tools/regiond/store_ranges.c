/* store_ranges.c - what is allocated, and what truly differs from an older snapshot. */
#include "tools/regiond/store_parts.h"

#include <stdlib.h>

struct walk_pair {
    struct extent_walk newer; /* the blob listed, or in a diff only what came after the older */
    struct extent_walk older; /* diff only: the older snapshot whole */
};

/* Collects neighbours of one kind into one range, up to items_max of them. */
struct collector {
    struct store_range *items;
    size_t items_max, count;
    bool full;
    uint64_t next; /* page where the item that did not fit begins */
};

static bool collect(struct collector *c, uint64_t start, uint64_t end, bool clear)
{
    struct store_range *last = c->count > 0 ? &c->items[c->count - 1] : NULL;

    if (last && last->end == start * STORE_PAGE_BYTES && last->clear == clear) {
        last->end = end * STORE_PAGE_BYTES;
        return true;
    }
    if (c->count == c->items_max) {
        c->full = true;
        c->next = start;
        return false;
    }
    c->items[c->count].start = start * STORE_PAGE_BYTES;
    c->items[c->count].end = end * STORE_PAGE_BYTES;
    c->items[c->count].clear = clear;
    c->count++;
    return true;
}

static void list_allocated(struct walk_pair *walks, uint64_t to, struct collector *c)
{
    struct extent_piece piece;

    while (extent_walk_next(&walks->newer, to, &piece))
        if (piece.value != EXTENT_CLEARED && !collect(c, piece.start, piece.end, false))
            return;
}

/* A page cleared since is a difference only where the older snapshot had it. */
static bool collect_cleared(struct walk_pair *walks, uint64_t start, uint64_t end,
                            struct collector *c)
{
    struct extent_piece piece;

    walks->older.at = start;
    while (extent_walk_next(&walks->older, end, &piece))
        if (piece.value != EXTENT_CLEARED && !collect(c, piece.start, piece.end, true))
            return false;
    return true;
}

static void list_difference(struct walk_pair *walks, uint64_t to, struct collector *c)
{
    struct extent_piece piece;

    while (extent_walk_next(&walks->newer, to, &piece)) {
        bool fits = true;

        if (piece.there && piece.value == EXTENT_CLEARED)
            fits = collect_cleared(walks, piece.start, piece.end, c);
        else if (piece.there)
            fits = collect(c, piece.start, piece.end, false);
        if (!fits)
            return;
    }
}

static enum store_result begin_difference(const struct blob *blob, const struct epoch *snapshot,
                                          const char *previous, uint64_t from,
                                          struct walk_pair *out)
{
    uint64_t ticks;
    bool found = false;
    size_t older, newer = blob->epoch_count - 1;

    if (!store_snapshot_parse(previous, &ticks))
        return STORE_PREVIOUS_NOT_FOUND;
    older = blob_snapshot_at(blob, ticks, &found);
    if (!found)
        return STORE_PREVIOUS_NOT_FOUND;
    if (snapshot)
        newer = blob_snapshot_at(blob, snapshot->snapshot_ticks, &found);
    if (older > newer)
        return STORE_PREVIOUS_NEWER;
    if (blob->epochs[older]->generation != blob->epochs[newer]->generation)
        return STORE_OVERWRITTEN;
    extent_walk_begin(&out->newer, from);
    if (newer > older)
        blob_walk_epochs(blob, newer, older + 1, &out->newer);
    extent_walk_begin(&out->older, from);
    blob_walk_epochs(blob, older, blob_first_of_generation(blob, older), &out->older);
    return STORE_OK;
}

static enum store_result list_ranges(const struct blob *blob, const struct epoch *snapshot,
                                     const struct store_range_query *query, struct collector *c)
{
    uint64_t size_bytes = snapshot ? snapshot->attributes.size_bytes : blob->attributes.size_bytes;
    uint64_t to = query->to < size_bytes ? query->to : size_bytes;
    uint64_t from_page = query->from / STORE_PAGE_BYTES;
    uint64_t to_page = (to + STORE_PAGE_BYTES - 1) / STORE_PAGE_BYTES;
    struct walk_pair *walks;
    enum store_result result = STORE_OK;

    if (blob->attributes.kind != STORE_PAGE_BLOB)
        return STORE_INVALID_BLOB_TYPE;
    walks = malloc(sizeof *walks);
    if (!walks)
        return STORE_IO;
    if (query->previous) {
        result = begin_difference(blob, snapshot, query->previous, from_page, walks);
        if (result == STORE_OK)
            list_difference(walks, to_page, c);
    } else {
        blob_walk_whole(blob, snapshot, from_page, &walks->newer);
        list_allocated(walks, to_page, c);
    }
    free(walks);
    return result;
}

enum store_result store_ranges(struct store *store, const struct store_key *key,
                               const struct store_conditions *when,
                               const struct store_range_query *query, struct store_range *items,
                               size_t items_max, struct store_range_page *out)
{
    struct collector collector = {.items = items, .items_max = items_max};
    const struct epoch *snapshot;
    struct store_range_page page = {0};
    struct blob *blob;
    enum store_result result;

    if (items_max == 0)
        return STORE_INVALID_VALUE;
    result = blob_look(store, key, when, &blob, &snapshot);
    if (result != STORE_OK)
        return result;
    result = list_ranges(blob, snapshot, query, &collector);
    if (result == STORE_OK)
        result = blob_properties(store, blob, snapshot, &page.properties);
    pthread_rwlock_unlock(&blob->state);
    blob_release(store, blob);
    if (result != STORE_OK)
        return result;
    page.count = collector.count;
    page.more = collector.full;
    page.next = collector.next * STORE_PAGE_BYTES;
    *out = page;
    return STORE_OK;
}
