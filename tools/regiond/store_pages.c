/* store_pages.c - pages are written and cleared. */
#include "tools/regiond/store_parts.h"

static enum store_result judge_range(struct store *store, const struct blob *blob,
                                     const struct store_conditions *when, uint64_t offset,
                                     uint64_t length_bytes)
{
    if (blob->attributes.kind != STORE_PAGE_BLOB)
        return STORE_INVALID_BLOB_TYPE;
    if (offset % STORE_PAGE_BYTES != 0 || length_bytes % STORE_PAGE_BYTES != 0 ||
        length_bytes == 0 || offset > blob->attributes.size_bytes ||
        length_bytes > blob->attributes.size_bytes - offset)
        return STORE_INVALID_PAGE_RANGE;
    return store_judge_write(store, blob, when, true);
}

/* `bytes` NULL: a clear. The blob is locked and the range judged. */
static enum store_result change_pages(struct store *store, struct blob *blob, uint64_t offset,
                                      const void *bytes, uint64_t length_bytes)
{
    uint64_t start = offset / STORE_PAGE_BYTES, end = start + length_bytes / STORE_PAGE_BYTES;
    uint64_t ticks = store_tick(store);
    int error = 0;

    if (!blob_reserve(blob))
        return STORE_IO;
    if (!blob_mark_inflight(store, blob, start, end))
        return STORE_IO;
    if (bytes)
        error =
            layer_write(store->files, blob->id, blob->current_file, offset, bytes, length_bytes);
    if (!error) {
        log_record_begin(&blob->record, bytes ? LOG_WRITE : LOG_CLEAR);
        log_record_u64(&blob->record, ticks);
        log_record_u64(&blob->record, start);
        log_record_u64(&blob->record, end);
        error = blob_log_append(store, blob);
    }
    if (error) {
        /* Whatever landed on pages that nobody claims must not be met later; if even that is
         * refused, the slot keeps the range for the next open. */
        if (blob_repair(store, blob, start, end) == 0)
            blob_settle(store, blob);
        else
            blob_note_lost(store, blob);
        return store_result_of_errno(error);
    }
    pthread_rwlock_wrlock(&blob->state);
    if (bytes)
        blob_apply_write(blob, start, end);
    else
        blob_apply_clear(blob, start, end);
    blob->attributes.changed_ticks = ticks;
    pthread_rwlock_unlock(&blob->state);
    blob_settle(store, blob);
    return STORE_OK;
}

static enum store_result pages_verb(struct store *store, const struct store_key *key,
                                    const struct store_conditions *when, uint64_t offset,
                                    const void *bytes, uint64_t length_bytes,
                                    struct store_stamp *out)
{
    struct blob *blob;
    enum store_result result = blob_lock(store, key, &blob);

    if (result != STORE_OK)
        return result;
    result = judge_range(store, blob, when, offset, length_bytes);
    if (result == STORE_OK)
        result = change_pages(store, blob, offset, bytes, length_bytes);
    if (result == STORE_OK) {
        blob_forget_stale_lease(store, blob);
        store_stamp_fill(blob->attributes.changed_ticks, blob->attributes.sequence_number, out);
    }
    blob_unlock(store, blob);
    return result;
}

enum store_result store_pages_write(struct store *store, const struct store_key *key,
                                    const struct store_conditions *when, uint64_t offset,
                                    const void *bytes, uint64_t length_bytes,
                                    struct store_stamp *out)
{
    return pages_verb(store, key, when, offset, bytes, length_bytes, out);
}

enum store_result store_pages_clear(struct store *store, const struct store_key *key,
                                    const struct store_conditions *when, uint64_t offset,
                                    uint64_t length_bytes, struct store_stamp *out)
{
    return pages_verb(store, key, when, offset, NULL, length_bytes, out);
}
