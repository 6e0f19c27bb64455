/* blob_fold.c - sealing, folding, renewing. */
#include "tools/regiond/blob_fold.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool room_for_epoch(struct blob *blob)
{
    struct epoch **epochs;

    if (blob->epoch_count < blob->epoch_room)
        return true;
    epochs = realloc(blob->epochs, (blob->epoch_count + 8) * sizeof *epochs);
    if (!epochs)
        return false;
    blob->epochs = epochs;
    blob->epoch_room = blob->epoch_count + 8;
    return true;
}

/* ---- A snapshot ---- */

bool blob_seal_prepare(struct blob *blob, const struct attributes *attributes,
                       struct blob_seal *out)
{
    struct blob_seal seal = {0};

    if (!room_for_epoch(blob) || !attributes_copy(&seal.attributes, attributes))
        return false;
    seal.next = epoch_new(blob->generation, blob->next_file);
    if (!seal.next || (blob_epoch_is_first(blob, blob->epoch_count - 1) &&
                       !extent_index_copy(&seal.view, &blob_open_epoch(blob)->runs))) {
        blob_seal_fini(&seal);
        return false;
    }
    *out = seal;
    return true;
}

void blob_seal_fini(struct blob_seal *seal)
{
    epoch_free(seal->next);
    extent_index_fini(&seal->view);
    attributes_fini(&seal->attributes);
    memset(seal, 0, sizeof *seal);
}

void blob_apply_seal(struct blob *blob, struct blob_seal *take, uint64_t ticks)
{
    struct epoch *open = blob_open_epoch(blob);
    bool pushed;

    open->snapshot_ticks = ticks;
    open->attributes = take->attributes;
    extent_index_trim(&open->runs);
    if (blob_epoch_is_first(blob, blob->epoch_count - 1)) {
        extent_index_fini(&blob->view);
        blob->view = take->view;
    }
    pushed = blob_push_epoch(blob, take->next);
    assert(pushed);
    memset(take, 0, sizeof *take);
}

/* ---- A deleted snapshot ---- */

static int compare_files(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Of the files of both epochs: which do the folded runs still name? */
static bool sort_files(const struct blob *blob, const struct epoch *older,
                       const struct epoch *newer, struct blob_fold *fold)
{
    size_t count = older->file_count + newer->file_count;
    uint32_t *files = calloc(count, sizeof *files);
    bool *claimed = calloc(count, sizeof *claimed);
    uint32_t last = EXTENT_CLEARED;
    struct extent_cursor cursor;
    struct extent_run run;

    fold->files = calloc(count, sizeof *files);
    fold->dead_files = calloc(count, sizeof *files);
    if (!files || !claimed || !fold->files || !fold->dead_files) {
        free(files);
        free(claimed);
        return false;
    }
    memcpy(files, older->files, older->file_count * sizeof *files);
    memcpy(files + older->file_count, newer->files, newer->file_count * sizeof *files);
    qsort(files, count, sizeof *files, compare_files);
    for (extent_cursor_seek(&cursor, &fold->runs, 0); extent_cursor_get(&cursor, &run);
         extent_cursor_next(&cursor)) {
        uint32_t *at;

        if (run.value == EXTENT_CLEARED || run.value == last)
            continue;
        at = bsearch(&run.value, files, count, sizeof *files, compare_files);
        assert(at);
        claimed[at - files] = true;
        last = run.value;
    }
    for (size_t i = 0; i < count; i++) {
        if (claimed[i] || files[i] == blob->current_file)
            fold->files[fold->file_count++] = files[i];
        else
            fold->dead_files[fold->dead_count++] = files[i];
    }
    free(files);
    free(claimed);
    return true;
}

static bool fold_runs(const struct epoch *older, const struct epoch *newer, bool first,
                      struct extent_index *out)
{
    struct extent_cursor cursor;
    struct extent_run run;

    if (!extent_index_copy(out, &older->runs))
        return false;
    for (extent_cursor_seek(&cursor, &newer->runs, 0); extent_cursor_get(&cursor, &run);
         extent_cursor_next(&cursor)) {
        if (!extent_index_reserve(out))
            return false;
        if (run.value == EXTENT_CLEARED && first)
            extent_index_erase(out, run.start, run.end);
        else
            extent_index_set(out, run.start, run.end, run.value);
    }
    return true;
}

bool blob_fold_prepare(struct blob *blob, size_t at, struct blob_fold *out)
{
    const struct epoch *older = blob->epochs[at], *newer = blob->epochs[at + 1];
    struct blob_fold fold = {0};
    bool fine;

    if (older->generation != newer->generation) { /* nobody newer builds on it: all of it goes */
        fold.dead_files = calloc(older->file_count, sizeof *fold.dead_files);
        fine = fold.dead_files != NULL;
        if (fine) {
            memcpy(fold.dead_files, older->files, older->file_count * sizeof *fold.dead_files);
            fold.dead_count = older->file_count;
        }
    } else {
        fine = fold_runs(older, newer, blob_epoch_is_first(blob, at), &fold.runs) &&
               sort_files(blob, older, newer, &fold);
    }
    if (!fine) {
        blob_fold_fini(&fold);
        return false;
    }
    *out = fold;
    return true;
}

void blob_fold_fini(struct blob_fold *fold)
{
    extent_index_fini(&fold->runs);
    free(fold->files);
    free(fold->dead_files);
    memset(fold, 0, sizeof *fold);
}

static bool listed(const uint32_t *files, size_t count, uint32_t file)
{
    return count > 0 && bsearch(&file, files, count, sizeof *files, compare_files) != NULL;
}

/* What the newer epoch hid of the older one was seen through the deleted snapshot only. */
static void note_hidden(struct blob *blob, const struct epoch *older, const struct epoch *newer,
                        const struct blob_fold *fold)
{
    struct extent_cursor top, below;
    struct extent_run run, hidden;

    extent_cursor_seek(&below, &older->runs, 0);
    for (extent_cursor_seek(&top, &newer->runs, 0); extent_cursor_get(&top, &run);
         extent_cursor_next(&top)) {
        if (!extent_cursor_get(&below, &hidden))
            return;
        if (hidden.end <= run.start)
            extent_cursor_seek(&below, &older->runs, run.start);
        while (extent_cursor_get(&below, &hidden) && hidden.start < run.end) {
            uint64_t start = hidden.start > run.start ? hidden.start : run.start;
            uint64_t end = hidden.end < run.end ? hidden.end : run.end;

            if (hidden.value != EXTENT_CLEARED &&
                !listed(fold->dead_files, fold->dead_count, hidden.value))
                blob_note_dead(blob, hidden.value, start, end);
            if (hidden.end > run.end)
                break;
            extent_cursor_next(&below);
        }
    }
}

void blob_apply_fold(struct blob *blob, size_t at, struct blob_fold *fold)
{
    struct epoch *older = blob->epochs[at], *newer = blob->epochs[at + 1];

    if (older->generation == newer->generation) {
        if (!blob->replaying)
            note_hidden(blob, older, newer, fold);
        extent_index_fini(&newer->runs);
        newer->runs = fold->runs;
        memset(&fold->runs, 0, sizeof fold->runs);
        free(newer->files);
        newer->files = fold->files;
        newer->file_count = fold->file_count;
        fold->files = NULL;
    }
    memmove(&blob->epochs[at], &blob->epochs[at + 1],
            (blob->epoch_count - at - 1) * sizeof *blob->epochs);
    blob->epoch_count--;
    epoch_free(older);
    if (blob_epoch_is_first(blob, blob->epoch_count - 1))
        extent_index_fini(&blob->view);
}

/* ---- Put Blob over an existing blob ---- */

bool blob_renewal_prepare(const struct blob *blob, const struct attributes *attributes,
                          uint64_t pages, struct blob_renewal *out)
{
    struct blob_renewal renewal = {0};

    if (!attributes_copy(&renewal.attributes, attributes))
        return false;
    renewal.next = epoch_new(blob->generation + 1, blob->next_file);
    if (!renewal.next || !extent_index_reserve(&renewal.next->runs)) {
        blob_renewal_fini(&renewal);
        return false;
    }
    if (pages > 0)
        extent_index_set(&renewal.next->runs, 0, pages, blob->next_file);
    *out = renewal;
    return true;
}

void blob_renewal_fini(struct blob_renewal *renewal)
{
    epoch_free(renewal->next);
    attributes_fini(&renewal->attributes);
    memset(renewal, 0, sizeof *renewal);
}

struct epoch *blob_apply_renewal(struct blob *blob, struct blob_renewal *take)
{
    struct epoch *old = blob->epochs[--blob->epoch_count];
    bool pushed;

    extent_index_fini(&blob->view);
    attributes_fini(&blob->attributes);
    blob->attributes = take->attributes;
    pushed = blob_push_epoch(blob, take->next); /* into the room of the old one */
    assert(pushed);
    memset(take, 0, sizeof *take);
    return old;
}
