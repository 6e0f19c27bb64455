/* store_snapshot.c - snapshots are taken and deleted; a blob is deleted with or without them. */
#include "tools/regiond/blob_fold.h"
#include "tools/regiond/layer_folder.h"
#include "tools/regiond/store_parts.h"

#include <string.h>

/* The blob is locked and judged. */
static enum store_result take_snapshot(struct store *store, struct blob *blob,
                                       const struct store_pairs *metadata, uint64_t *out_ticks)
{
    struct attributes attributes = {0};
    struct blob_seal seal = {0};
    uint64_t ticks = store_tick(store);
    enum store_result result = STORE_IO;

    if (!attributes_copy(&attributes, &blob->attributes))
        goto out;
    if (metadata) {
        store_pairs_fini(&attributes.metadata);
        if (!store_pairs_copy(&attributes.metadata, metadata))
            goto out;
    }
    if (!blob_seal_prepare(blob, &attributes, &seal))
        goto out;
    log_record_begin(&blob->record, LOG_SNAPSHOT);
    log_record_u64(&blob->record, ticks);
    attributes_encode(&blob->record, &attributes);
    result = store_result_of_errno(blob_log_append(store, blob));
    if (result != STORE_OK)
        goto out;
    pthread_rwlock_wrlock(&blob->state);
    blob_apply_seal(blob, &seal, ticks);
    pthread_rwlock_unlock(&blob->state);
    *out_ticks = ticks;
out:
    blob_seal_fini(&seal);
    attributes_fini(&attributes);
    return result;
}

enum store_result store_blob_snapshot(struct store *store, const struct store_key *key,
                                      const struct store_conditions *when,
                                      const struct store_pairs *metadata,
                                      char out_snapshot[STORE_SNAPSHOT_BYTES],
                                      struct store_stamp *out_stamp)
{
    struct blob *blob;
    uint64_t ticks;
    enum store_result result = store_pairs_valid(metadata) ? STORE_OK : STORE_INVALID_VALUE;

    if (result == STORE_OK)
        result = blob_lock(store, key, &blob);
    if (result != STORE_OK)
        return result;
    result = store_judge_write(store, blob, when, false);
    if (result == STORE_OK &&
        (blob->epoch_count > STORE_SNAPSHOTS_MAX || blob->next_file >= EXTENT_VALUE_MAX))
        result = STORE_SNAPSHOT_LIMIT;
    if (result == STORE_OK)
        result = take_snapshot(store, blob, metadata, &ticks);
    if (result == STORE_OK) {
        store_snapshot_format(ticks, out_snapshot);
        store_stamp_fill(blob->attributes.changed_ticks, blob->attributes.sequence_number,
                         out_stamp);
    }
    blob_unlock(store, blob);
    return result;
}

/* ---- Deletion ---- */

static enum store_result delete_snapshot(struct store *store, struct blob *blob, size_t at)
{
    struct blob_fold fold;
    enum store_result result;

    if (!blob_fold_prepare(blob, at, &fold))
        return STORE_IO;
    result = blob_mark_inflight(store, blob, 0, EXTENT_PAGE_MAX) ? STORE_OK : STORE_IO;
    if (result == STORE_OK) {
        log_record_begin(&blob->record, LOG_UNSNAPSHOT);
        log_record_u64(&blob->record, blob->epochs[at]->snapshot_ticks);
        result = store_result_of_errno(blob_log_append(store, blob));
    }
    if (result == STORE_OK) {
        pthread_rwlock_wrlock(&blob->state);
        blob_apply_fold(blob, at, &fold);
        pthread_rwlock_unlock(&blob->state);
        for (size_t i = 0; i < fold.dead_count; i++)
            layer_remove(store->files, blob->id, fold.dead_files[i]);
    }
    blob_settle(store, blob);
    blob_fold_fini(&fold);
    return result;
}

static enum store_result delete_one(struct store *store, const struct store_key *key,
                                    const struct store_conditions *when)
{
    struct store_key base = *key;
    struct blob *blob;
    uint64_t ticks;
    bool found;
    size_t at;
    enum store_result result;

    base.snapshot = NULL;
    if (!store_snapshot_parse(key->snapshot, &ticks))
        return STORE_SNAPSHOT_NOT_FOUND;
    result = blob_lock(store, &base, &blob);
    if (result != STORE_OK)
        return result;
    at = blob_snapshot_at(blob, ticks, &found);
    if (!found)
        result = STORE_SNAPSHOT_NOT_FOUND;
    else
        result = store_judge_etag(when, blob->epochs[at]->attributes.changed_ticks, false);
    if (result == STORE_OK)
        result = delete_snapshot(store, blob, at);
    blob_unlock(store, blob);
    return result;
}

static void set_deleted(struct blob *blob, bool deleted)
{
    pthread_rwlock_wrlock(&blob->state);
    atomic_store(&blob->deleted, deleted);
    pthread_rwlock_unlock(&blob->state);
}

enum store_result blob_destroy(struct store *store, struct blob *blob)
{
    enum store_result result;

    set_deleted(blob, true); /* first: no reader may look for files that are being removed */
    result = blob_unpublish(store, blob);
    if (result != STORE_OK) {
        set_deleted(blob, false);
        return result;
    }
    layer_files_forget(store->files, blob->id);
    layer_folder_remove(store->folder_fd, blob->id, ".gone");
    return STORE_OK;
}

enum store_result store_blob_delete(struct store *store, const struct store_key *key,
                                    const struct store_conditions *when, enum store_delete what)
{
    struct blob *blob;
    enum store_result result;

    if (key->snapshot)
        return what == STORE_DELETE_BASE ? delete_one(store, key, when) : STORE_INVALID_VALUE;
    result = blob_lock(store, key, &blob);
    if (result != STORE_OK)
        return result;
    result = store_judge_write(store, blob, when, what != STORE_DELETE_ONLY_SNAPSHOTS);
    if (result == STORE_OK && what == STORE_DELETE_BASE && blob->epoch_count > 1)
        result = STORE_SNAPSHOTS_PRESENT;
    if (result == STORE_OK && what == STORE_DELETE_ONLY_SNAPSHOTS) {
        while (result == STORE_OK && blob->epoch_count > 1)
            result = delete_snapshot(store, blob, 0);
    } else if (result == STORE_OK) {
        result = blob_destroy(store, blob);
    }
    blob_unlock(store, blob);
    return result;
}
