/* store_blob.c - blobs are put, looked at, changed and deleted. */
#include "tools/regiond/blob_fold.h"
#include "tools/regiond/layer_folder.h"
#include "tools/regiond/store_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SEQUENCE_MAX ((UINT64_C(1) << 63) - 1)

/* ---- Looking ---- */

enum store_result blob_properties(struct store *store, const struct blob *blob,
                                  const struct epoch *snapshot, struct store_properties *out)
{
    const struct attributes *a = snapshot ? &snapshot->attributes : &blob->attributes;
    struct store_properties p = {0};

    p.kind = a->kind;
    p.size_bytes = a->size_bytes;
    p.created_s = region_clock_unix_seconds(a->created_ticks);
    store_stamp_fill(a->changed_ticks, a->sequence_number, &p.stamp);
    if (snapshot) {
        store_snapshot_format(snapshot->snapshot_ticks, p.snapshot);
    } else {
        p.lease_state = lease_state_at(&blob->lease, store->now_ticks(store->now_context));
        p.lease_infinite = blob->lease.duration_s < 0;
    }
    if (!store_pairs_copy(&p.metadata, &a->metadata))
        return STORE_IO;
    if (!store_pairs_copy(&p.headers, &a->headers)) {
        store_pairs_fini(&p.metadata);
        return STORE_IO;
    }
    *out = p;
    return STORE_OK;
}

enum store_result blob_look(struct store *store, const struct store_key *key,
                            const struct store_conditions *when, struct blob **out,
                            const struct epoch **out_snapshot)
{
    const struct epoch *snapshot = NULL;
    struct blob *blob;
    enum store_result result = blob_find(store, key, &blob);

    if (result != STORE_OK)
        return result;
    pthread_rwlock_rdlock(&blob->state);
    if (atomic_load(&blob->deleted))
        result = STORE_BLOB_NOT_FOUND;
    if (result == STORE_OK && key->snapshot) {
        uint64_t ticks;
        bool found = false;
        size_t at =
            store_snapshot_parse(key->snapshot, &ticks) ? blob_snapshot_at(blob, ticks, &found) : 0;

        snapshot = found ? blob->epochs[at] : NULL;
        if (!found)
            result = STORE_SNAPSHOT_NOT_FOUND;
    }
    if (result == STORE_OK && !snapshot)
        result = store_judge_lease_read(store, blob, when);
    if (result == STORE_OK)
        result = store_judge_etag(when,
                                  snapshot ? snapshot->attributes.changed_ticks
                                           : blob->attributes.changed_ticks,
                                  true);
    if (result != STORE_OK) {
        pthread_rwlock_unlock(&blob->state);
        blob_release(store, blob);
        return result;
    }
    *out = blob;
    *out_snapshot = snapshot;
    return STORE_OK;
}

enum store_result store_blob_get(struct store *store, const struct store_key *key,
                                 const struct store_conditions *when, struct store_properties *out)
{
    const struct epoch *snapshot;
    struct blob *blob;
    enum store_result result = blob_look(store, key, when, &blob, &snapshot);

    if (result != STORE_OK)
        return result;
    result = blob_properties(store, blob, snapshot, out);
    pthread_rwlock_unlock(&blob->state);
    blob_release(store, blob);
    return result;
}

/* ---- Put ---- */

static enum store_result judge_new(const struct store_key *key, const struct store_new_blob *blob)
{
    size_t name_bytes = strlen(key->blob);

    if (key->snapshot || name_bytes == 0 || name_bytes > STORE_NAME_BYTES_MAX)
        return STORE_INVALID_VALUE;
    if (!store_pairs_valid(blob->metadata) || !store_pairs_valid(blob->headers))
        return STORE_INVALID_VALUE;
    if (blob->sequence_number > SEQUENCE_MAX)
        return STORE_INVALID_VALUE;
    if (blob->kind == STORE_BLOCK_BLOB)
        return blob->size_bytes <= STORE_BLOCK_BLOB_BYTES_MAX ? STORE_OK : STORE_INVALID_SIZE;
    return blob->size_bytes % STORE_PAGE_BYTES == 0 && blob->size_bytes <= STORE_BLOB_BYTES_MAX
               ? STORE_OK
               : STORE_INVALID_SIZE;
}

static uint64_t body_pages(const struct store_new_blob *blob)
{
    return blob->kind == STORE_BLOCK_BLOB
               ? (blob->size_bytes + STORE_PAGE_BYTES - 1) / STORE_PAGE_BYTES
               : 0;
}

static bool new_attributes(struct store *store, const struct store_new_blob *blob,
                           struct attributes *out)
{
    struct attributes a = {.kind = blob->kind,
                           .size_bytes = blob->size_bytes,
                           .sequence_number = blob->sequence_number,
                           .changed_ticks = store_tick(store)};

    a.created_ticks = a.changed_ticks;
    if (!store_pairs_copy(&a.metadata, blob->metadata))
        return false;
    if (!store_pairs_copy(&a.headers, blob->headers)) {
        store_pairs_fini(&a.metadata);
        return false;
    }
    *out = a;
    return true;
}

/* The blob is locked and judged. */
static enum store_result replace_blob(struct store *store, struct blob *blob,
                                      const struct store_new_blob *new_blob)
{
    struct blob_renewal renewal = {0};
    struct attributes attributes;
    uint32_t file = blob->next_file;
    struct epoch *old;
    bool prepared;
    int error = 0;

    if (!new_attributes(store, new_blob, &attributes))
        return STORE_IO;
    prepared = file < EXTENT_VALUE_MAX &&
               blob_renewal_prepare(blob, &attributes, body_pages(new_blob), &renewal);
    attributes_fini(&attributes);
    if (!prepared)
        return STORE_IO;
    if (body_pages(new_blob) > 0)
        error = layer_write(store->files, blob->id, file, 0, new_blob->body, new_blob->size_bytes);
    if (!error) {
        log_record_begin(&blob->record, LOG_REPLACE);
        attributes_encode(&blob->record, &renewal.attributes);
        log_record_u64(&blob->record, body_pages(new_blob));
        error = blob_log_append(store, blob);
    }
    if (error) {
        layer_remove(store->files, blob->id, file);
        blob_renewal_fini(&renewal);
        return store_result_of_errno(error);
    }
    pthread_rwlock_wrlock(&blob->state);
    old = blob_apply_renewal(blob, &renewal);
    pthread_rwlock_unlock(&blob->state);
    for (size_t i = 0; i < old->file_count; i++)
        layer_remove(store->files, blob->id, old->files[i]);
    epoch_free(old);
    blob_settle(store, blob);
    return STORE_OK;
}

static enum store_result put_over(struct store *store, struct blob *blob,
                                  const struct store_conditions *when,
                                  const struct store_new_blob *new_blob, struct store_stamp *out)
{
    struct store_conditions rest = when ? *when : (struct store_conditions){0};
    enum store_result result;

    if (rest.if_none_match && strcmp(rest.if_none_match, "*") == 0)
        return STORE_BLOB_EXISTS;
    result = store_judge_write(store, blob, &rest, true);
    if (result == STORE_OK && new_blob->kind != blob->attributes.kind && blob->epoch_count > 1)
        result = STORE_SNAPSHOTS_PRESENT;
    if (result == STORE_OK)
        result = replace_blob(store, blob, new_blob);
    if (result == STORE_OK) {
        blob_forget_stale_lease(store, blob);
        store_stamp_fill(blob->attributes.changed_ticks, blob->attributes.sequence_number, out);
    }
    return result;
}

/* A whole new blob under ID.new; not yet visible to anybody. */
static enum store_result make_blob(struct store *store, uint64_t container_id, const char *name,
                                   const struct store_new_blob *new_blob, struct blob **out)
{
    uint64_t id = atomic_fetch_add(&store->next_blob_id, 1);
    struct blob *blob = blob_new(store, id, container_id, name);
    struct epoch *epoch = NULL;
    enum store_result result = STORE_IO;

    if (!blob)
        return STORE_BLOB_LIMIT;
    epoch = epoch_new(1, blob->next_file);
    if (!epoch || !blob_push_epoch(blob, epoch)) {
        epoch_free(epoch);
        goto out;
    }
    if (!new_attributes(store, new_blob, &blob->attributes))
        goto out;
    result = store_result_of_errno(layer_folder_create(store->folder_fd, id));
    if (result == STORE_OK)
        result = store_result_of_errno(blob_log_create(store, blob));
    if (result != STORE_OK)
        layer_folder_remove(store->folder_fd, id, ".new");
out:
    if (result == STORE_OK)
        *out = blob;
    else
        blob_release(store, blob);
    return result;
}

static enum store_result create_blob(struct store *store, const struct store_key *key,
                                     uint64_t container_id, const struct store_conditions *when,
                                     const struct store_new_blob *new_blob, struct store_stamp *out)
{
    /* A block blob begins as an empty page blob of our own, and is replaced before it is seen. */
    struct store_new_blob start = *new_blob;
    enum store_result result;
    struct blob *blob;

    if (when && when->if_match)
        return STORE_CONDITION_NOT_MET;
    if (when && when->lease_id)
        return STORE_LEASE_NOT_PRESENT_BLOB;
    if (new_blob->kind == STORE_BLOCK_BLOB)
        start.size_bytes = 0;
    result = make_blob(store, container_id, key->blob, &start, &blob);
    if (result != STORE_OK)
        return result;
    pthread_mutex_lock(&blob->write); /* nobody acts on it before it is whole */
    result = blob_publish(store, key, blob);
    if (result == STORE_OK && new_blob->kind == STORE_BLOCK_BLOB) {
        result = replace_blob(store, blob, new_blob);
        if (result != STORE_OK)
            blob_destroy(store, blob);
    } else if (result != STORE_OK) {
        atomic_store(&blob->deleted, true);
        layer_folder_remove(store->folder_fd, blob->id, ".new");
    }
    if (result == STORE_OK)
        store_stamp_fill(blob->attributes.changed_ticks, blob->attributes.sequence_number, out);
    blob_unlock(store, blob);
    return result;
}

enum store_result store_blob_put(struct store *store, const struct store_key *key,
                                 const struct store_conditions *when,
                                 const struct store_new_blob *blob, struct store_stamp *out)
{
    enum store_result result = judge_new(key, blob);

    if (result != STORE_OK)
        return result;
    for (;;) {
        struct blob *old;
        uint64_t container_id;

        result = blob_lock(store, key, &old);
        if (result == STORE_OK) {
            result = put_over(store, old, when, blob, out);
            blob_unlock(store, old);
            return result;
        }
        if (result != STORE_BLOB_NOT_FOUND)
            return result;
        result = container_id_of(store, key, &container_id);
        if (result == STORE_OK)
            result = create_blob(store, key, container_id, when, blob, out);
        if (result != STORE_BLOB_EXISTS)
            return result;
        /* Somebody created it between our look and our try: it is to be replaced after all. */
    }
}

/* ---- Changes ---- */

/* Logs the next attributes and takes them. The blob is locked and judged. */
static enum store_result take_attributes(struct store *store, struct blob *blob,
                                         struct attributes *take)
{
    uint64_t old_pages = blob->attributes.size_bytes / STORE_PAGE_BYTES;
    uint64_t new_pages = take->size_bytes / STORE_PAGE_BYTES;
    int error;

    take->changed_ticks = store_tick(store);
    if (new_pages < old_pages &&
        (!blob_reserve(blob) || !blob_mark_inflight(store, blob, new_pages, old_pages)))
        return STORE_IO;
    log_record_begin(&blob->record, LOG_ATTRIBUTES);
    attributes_encode(&blob->record, take);
    error = blob_log_append(store, blob);
    if (!error) {
        pthread_rwlock_wrlock(&blob->state);
        if (new_pages < old_pages)
            blob_apply_clear(blob, new_pages, old_pages);
        attributes_fini(&blob->attributes);
        blob->attributes = *take;
        memset(take, 0, sizeof *take);
        pthread_rwlock_unlock(&blob->state);
    }
    if (new_pages < old_pages)
        blob_settle(store, blob);
    if (!error)
        blob_forget_stale_lease(store, blob);
    return store_result_of_errno(error);
}

enum store_result store_blob_set_metadata(struct store *store, const struct store_key *key,
                                          const struct store_conditions *when,
                                          const struct store_pairs *metadata,
                                          struct store_stamp *out)
{
    struct attributes next = {0};
    struct blob *blob;
    enum store_result result = store_pairs_valid(metadata) ? STORE_OK : STORE_INVALID_VALUE;

    if (result == STORE_OK)
        result = blob_lock(store, key, &blob);
    if (result != STORE_OK)
        return result;
    result = store_judge_write(store, blob, when, true);
    if (result == STORE_OK && !attributes_copy(&next, &blob->attributes))
        result = STORE_IO;
    if (result == STORE_OK) {
        store_pairs_fini(&next.metadata);
        if (!store_pairs_copy(&next.metadata, metadata))
            result = STORE_IO;
    }
    if (result == STORE_OK)
        result = take_attributes(store, blob, &next);
    attributes_fini(&next);
    if (result == STORE_OK)
        store_stamp_fill(blob->attributes.changed_ticks, blob->attributes.sequence_number, out);
    blob_unlock(store, blob);
    return result;
}

static enum store_result next_sequence(uint64_t now, const struct store_change *change,
                                       uint64_t *out)
{
    switch (change->sequence_action) {
    case STORE_SEQUENCE_MAX:
        *out = change->sequence_number > now ? change->sequence_number : now;
        break;
    case STORE_SEQUENCE_UPDATE:
        *out = change->sequence_number;
        break;
    case STORE_SEQUENCE_INCREMENT:
        *out = now + 1;
        if (now >= SEQUENCE_MAX)
            return STORE_SEQUENCE_TOO_LARGE;
        break;
    default:
        *out = now;
    }
    return *out <= SEQUENCE_MAX ? STORE_OK : STORE_INVALID_VALUE;
}

static enum store_result judge_change(const struct blob *blob, const struct store_change *change)
{
    bool page_only = change->resize || change->sequence_action != STORE_SEQUENCE_KEEP;

    if (page_only && blob->attributes.kind != STORE_PAGE_BLOB)
        return STORE_INVALID_BLOB_TYPE;
    if (change->resize &&
        (change->size_bytes % STORE_PAGE_BYTES != 0 || change->size_bytes > STORE_BLOB_BYTES_MAX))
        return STORE_INVALID_SIZE;
    return store_pairs_valid(change->headers) ? STORE_OK : STORE_INVALID_VALUE;
}

enum store_result store_blob_change(struct store *store, const struct store_key *key,
                                    const struct store_conditions *when,
                                    const struct store_change *change, struct store_stamp *out)
{
    struct attributes next = {0};
    struct blob *blob;
    enum store_result result = blob_lock(store, key, &blob);

    if (result != STORE_OK)
        return result;
    result = judge_change(blob, change);
    if (result == STORE_OK)
        result = store_judge_write(store, blob, when, true);
    if (result == STORE_OK && !attributes_copy(&next, &blob->attributes))
        result = STORE_IO;
    if (result == STORE_OK)
        result = next_sequence(blob->attributes.sequence_number, change, &next.sequence_number);
    if (result == STORE_OK && change->resize)
        next.size_bytes = change->size_bytes;
    if (result == STORE_OK && change->headers) {
        store_pairs_fini(&next.headers);
        if (!store_pairs_copy(&next.headers, change->headers))
            result = STORE_IO;
    }
    if (result == STORE_OK)
        result = take_attributes(store, blob, &next);
    attributes_fini(&next);
    if (result == STORE_OK)
        store_stamp_fill(blob->attributes.changed_ticks, blob->attributes.sequence_number, out);
    blob_unlock(store, blob);
    return result;
}
