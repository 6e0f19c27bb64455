/* blob_change.c - the order in which a change happens: slot, bytes, record, memory, holes. */
#include "tools/regiond/blob_change.h"

#include "tools/regiond/store_parts.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* A failed append leaves the log as it was, or the blob refuses every further change. */
int blob_log_append(struct store *store, struct blob *blob)
{
    struct segment *segment;
    int error;

    if (blob->broken)
        return EIO;
    if (!log_record_end(&blob->record))
        return ENOMEM;
    error = layer_write(store->files, blob->id, LAYER_LOG, blob->log_bytes, blob->record.bytes,
                        blob->record.used);
    if (!error) {
        blob->log_bytes += blob->record.used;
        return 0;
    }
    blob->broken = true;
    if (segment_borrow(store->files, blob->id, LAYER_LOG, 0, false, &segment) == 0) {
        if (ftruncate(segment_fd(segment), (off_t)blob->log_bytes) == 0)
            blob->broken = false;
        segment_release(store->files, segment);
    }
    return error;
}

bool blob_mark_inflight(struct store *store, struct blob *blob, uint64_t start, uint64_t end)
{
    if (atomic_load(&blob->has_pending))
        return true; /* the slot names the whole blob already */
    return inflight_fill(store->inflight, blob->slot, blob->id, start, end);
}

void blob_settle(struct store *store, struct blob *blob)
{
    size_t kept = 0;

    if (!atomic_load(&blob->has_pending)) {
        inflight_empty(store->inflight, blob->slot);
        return;
    }
    for (size_t i = 0; i < blob->pending_count; i++) {
        struct pending_punch *p = &blob->pending[i];
        uint64_t offset = p->start * STORE_PAGE_BYTES;
        uint64_t length = (p->end - p->start) * STORE_PAGE_BYTES;

        if (length == 0)
            continue;
        /* A reader of the current file may see a page turn zero: the clear came first or not.
         * An older file's pages were overwritten, and zero was never what they held. */
        if ((p->file != blob->current_file &&
             layer_busy(store->files, blob->id, p->file, offset, length)) ||
            layer_punch(store->files, blob->id, p->file, offset, length) != 0)
            blob->pending[kept++] = *p;
    }
    blob->pending_count = kept;
    if (kept > 0 || blob->pending_lost) {
        inflight_fill(store->inflight, blob->slot, blob->id, 0, EXTENT_PAGE_MAX);
        return;
    }
    inflight_empty(store->inflight, blob->slot);
    atomic_store(&blob->has_pending, false);
}

void blob_note_lost(struct store *store, struct blob *blob)
{
    blob->pending_lost = true;
    atomic_store(&blob->has_pending, true);
    blob_settle(store, blob);
}

void blob_settle_if_idle(struct store *store, struct blob *blob)
{
    if (!atomic_load(&blob->has_pending) || pthread_mutex_trylock(&blob->write) != 0)
        return;
    if (!atomic_load(&blob->deleted))
        blob_settle(store, blob);
    pthread_mutex_unlock(&blob->write);
}

/* Makes holes of all pages in [start, end) that a file of this blob holds and no run claims. */
int blob_repair(struct store *store, struct blob *blob, uint64_t start, uint64_t end)
{
    int error = 0;

    for (size_t e = 0; e < blob->epoch_count; e++) {
        const struct epoch *epoch = blob->epochs[e];

        for (size_t f = 0; f < epoch->file_count && !error; f++) {
            struct extent_cursor cursor;
            struct extent_run run;
            uint64_t at = start;

            extent_cursor_seek(&cursor, &epoch->runs, start);
            while (!error && at < end) {
                bool there = extent_cursor_get(&cursor, &run) && run.start < end;

                if (there && run.value != epoch->files[f]) {
                    extent_cursor_next(&cursor);
                    continue;
                }
                if (!there)
                    run.start = run.end = end;
                else
                    extent_cursor_next(&cursor);
                if (run.start > at)
                    error = layer_punch(store->files, blob->id, epoch->files[f],
                                        at * STORE_PAGE_BYTES, (run.start - at) * STORE_PAGE_BYTES);
                at = run.end;
            }
        }
    }
    return error;
}

/* A change without a lease id, past an expired or broken lease, ends it: it cannot be renewed. */
void blob_forget_stale_lease(struct store *store, struct blob *blob)
{
    struct lease none = {.state = STORE_LEASE_AVAILABLE};
    enum store_lease_state state =
        lease_state_at(&blob->lease, store->now_ticks(store->now_context));

    if (state != STORE_LEASE_EXPIRED && state != STORE_LEASE_BROKEN)
        return;
    log_record_begin(&blob->record, LOG_LEASE);
    lease_encode(&blob->record, &none);
    if (blob_log_append(store, blob) != 0)
        return; /* then it stays: a stale lease hinders nobody */
    pthread_rwlock_wrlock(&blob->state);
    blob->lease = none;
    pthread_rwlock_unlock(&blob->state);
}
