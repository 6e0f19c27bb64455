/* blob_state.c - a blob in memory: its epochs, and what a write and a clear do to them. */
#include "tools/regiond/blob_state.h"

#include "tools/regiond/store_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- Life ---- */

struct blob *blob_new(struct store *store, uint64_t id, uint64_t container_id, const char *name)
{
    struct blob *blob = calloc(1, sizeof *blob);

    if (!blob)
        return NULL;
    blob->id = id;
    blob->container_id = container_id;
    blob->name = strdup(name);
    if (!blob->name || !inflight_take(store->inflight, &blob->slot)) {
        free(blob->name);
        free(blob);
        return NULL;
    }
    blob->next_file = LAYER_LOG + 1;
    atomic_init(&blob->ref_count, 1);
    atomic_init(&blob->deleted, false);
    atomic_init(&blob->has_pending, false);
    pthread_mutex_init(&blob->write, NULL);
    store_lock_init(&blob->state);
    return blob;
}

void blob_release(struct store *store, struct blob *blob)
{
    if (!blob || atomic_fetch_sub(&blob->ref_count, 1) > 1)
        return;
    for (size_t i = 0; i < blob->epoch_count; i++)
        epoch_free(blob->epochs[i]);
    free(blob->epochs);
    extent_index_fini(&blob->view);
    attributes_fini(&blob->attributes);
    log_record_fini(&blob->record);
    free(blob->pending);
    /* A live blob with punches to do keeps its slot filled: the next open does them. */
    if (!store->opening && (!atomic_load(&blob->has_pending) || atomic_load(&blob->deleted)))
        inflight_give(store->inflight, blob->slot);
    pthread_mutex_destroy(&blob->write);
    pthread_rwlock_destroy(&blob->state);
    free(blob->name);
    free(blob);
}

struct epoch *epoch_new(uint32_t generation, uint32_t file)
{
    struct epoch *epoch = calloc(1, sizeof *epoch);

    if (!epoch)
        return NULL;
    epoch->generation = generation;
    if (!epoch_add_file(epoch, file)) {
        free(epoch);
        return NULL;
    }
    return epoch;
}

void epoch_free(struct epoch *epoch)
{
    if (!epoch)
        return;
    extent_index_fini(&epoch->runs);
    attributes_fini(&epoch->attributes);
    free(epoch->files);
    free(epoch);
}

bool epoch_add_file(struct epoch *epoch, uint32_t file)
{
    uint32_t *files = realloc(epoch->files, (epoch->file_count + 1) * sizeof *files);

    if (!files)
        return false;
    files[epoch->file_count++] = file;
    epoch->files = files;
    return true;
}

bool blob_push_epoch(struct blob *blob, struct epoch *epoch)
{
    if (blob->epoch_count == blob->epoch_room) {
        size_t room = blob->epoch_room ? blob->epoch_room * 2 : 4;
        struct epoch **epochs = realloc(blob->epochs, room * sizeof *epochs);

        if (!epochs)
            return false;
        blob->epochs = epochs;
        blob->epoch_room = room;
    }
    blob->epochs[blob->epoch_count++] = epoch;
    blob->generation = epoch->generation;
    blob->current_file = epoch->files[epoch->file_count - 1];
    if (blob->next_file <= blob->current_file)
        blob->next_file = blob->current_file + 1;
    return true;
}

/* ---- Look ---- */

struct epoch *blob_open_epoch(const struct blob *blob)
{
    assert(blob->epoch_count > 0);
    return blob->epochs[blob->epoch_count - 1];
}

bool blob_epoch_is_first(const struct blob *blob, size_t at)
{
    return at == 0 || blob->epochs[at - 1]->generation != blob->epochs[at]->generation;
}

const struct extent_index *blob_view(const struct blob *blob)
{
    return blob_epoch_is_first(blob, blob->epoch_count - 1) ? &blob_open_epoch(blob)->runs
                                                            : &blob->view;
}

/* Where the snapshot is, or where it would be among the epochs. */
size_t blob_snapshot_at(const struct blob *blob, uint64_t ticks, bool *out_found)
{
    size_t low = 0, high = blob->epoch_count - 1; /* the open epoch is no snapshot */

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (blob->epochs[middle]->snapshot_ticks < ticks)
            low = middle + 1;
        else
            high = middle;
    }
    *out_found = low + 1 < blob->epoch_count && blob->epochs[low]->snapshot_ticks == ticks;
    return low;
}

void blob_walk_epochs(const struct blob *blob, size_t newest, size_t oldest,
                      struct extent_walk *walk)
{
    for (size_t i = newest + 1; i-- > oldest;)
        extent_walk_add(walk, &blob->epochs[i]->runs);
}

size_t blob_first_of_generation(const struct blob *blob, size_t at)
{
    while (!blob_epoch_is_first(blob, at))
        at--;
    return at;
}

void blob_walk_whole(const struct blob *blob, const struct epoch *snapshot, uint64_t from,
                     struct extent_walk *out)
{
    bool found;
    size_t at;

    extent_walk_begin(out, from);
    if (!snapshot) {
        extent_walk_add(out, blob_view(blob));
        return;
    }
    at = blob_snapshot_at(blob, snapshot->snapshot_ticks, &found);
    blob_walk_epochs(blob, at, blob_first_of_generation(blob, at), out);
}

/* ---- Writes and clears ---- */

bool blob_reserve(struct blob *blob)
{
    return extent_index_reserve(&blob_open_epoch(blob)->runs) &&
           (blob_epoch_is_first(blob, blob->epoch_count - 1) || extent_index_reserve(&blob->view));
}

void blob_note_dead(struct blob *blob, uint32_t file, uint64_t start, uint64_t end)
{
    struct pending_punch *pending;

    if (blob->replaying)
        return; /* whoever died before punching left a filled slot */
    atomic_store(&blob->has_pending, true);
    if (blob->pending_count == blob->pending_room) {
        size_t room = blob->pending_room ? blob->pending_room * 2 : 8;

        pending = realloc(blob->pending, room * sizeof *pending);
        if (!pending) {
            blob->pending_lost = true; /* the space comes back when the store is opened next */
            return;
        }
        blob->pending = pending;
        blob->pending_room = room;
    }
    pending = &blob->pending[blob->pending_count++];
    pending->file = file;
    pending->start = start;
    pending->end = end;
}

/* These pages are about to hold data in this file again. */
static void revive(struct blob *blob, uint32_t file, uint64_t start, uint64_t end)
{
    size_t count = blob->pending_count;

    for (size_t i = 0; i < count; i++) {
        struct pending_punch *p = &blob->pending[i];
        uint64_t p_end = p->end;

        if (p->file != file || p->end <= start || p->start >= end)
            continue;
        p->end = p->start < start ? start : p->start;
        if (p_end > end)
            blob_note_dead(blob, file, end, p_end); /* may move the array: p is void now */
    }
}

/* Every file's pages are claimed by one epoch alone, so what the open epoch stops claiming is
 * claimed by nobody. One note a file, whatever the number of runs. */
static void note_displaced(struct blob *blob, uint64_t start, uint64_t end, uint32_t keep_file)
{
    const struct epoch *open = blob_open_epoch(blob);

    for (size_t i = 0; i < open->file_count && !blob->replaying; i++) {
        uint32_t file = open->files[i];
        struct extent_cursor cursor;
        struct extent_run run;

        if (file == keep_file)
            continue;
        extent_cursor_seek(&cursor, &open->runs, start);
        while (extent_cursor_get(&cursor, &run) && run.start < end) {
            if (run.value == file) {
                blob_note_dead(blob, file, start, end);
                break;
            }
            extent_cursor_next(&cursor);
        }
    }
}

void blob_apply_write(struct blob *blob, uint64_t start, uint64_t end)
{
    note_displaced(blob, start, end, blob->current_file);
    if (blob->pending_count > 0)
        revive(blob, blob->current_file, start, end);
    extent_index_set(&blob_open_epoch(blob)->runs, start, end, blob->current_file);
    if (!blob_epoch_is_first(blob, blob->epoch_count - 1))
        extent_index_set(&blob->view, start, end, blob->current_file);
}

void blob_apply_clear(struct blob *blob, uint64_t start, uint64_t end)
{
    struct epoch *open = blob_open_epoch(blob);

    note_displaced(blob, start, end, LAYER_LOG);
    if (blob_epoch_is_first(blob, blob->epoch_count - 1)) {
        extent_index_erase(&open->runs, start, end);
        return;
    }
    extent_index_set(&open->runs, start, end, EXTENT_CLEARED);
    extent_index_set(&blob->view, start, end, EXTENT_CLEARED);
}
