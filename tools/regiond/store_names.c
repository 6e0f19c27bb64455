/* store_names.c - containers, and which blob a name means. */
#include "tools/regiond/layer_folder.h"
#include "tools/regiond/store_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Finding; names held ---- */

struct container *container_at(struct store *store, const char *account, const char *name,
                               size_t *out_at)
{
    size_t low = 0, high = store->container_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct container *c = store->containers[middle];
        int order = strcmp(c->account, account);

        if (order == 0)
            order = strcmp(c->name, name);
        if (order == 0) {
            if (out_at)
                *out_at = middle;
            return store->containers[middle];
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (out_at)
        *out_at = low;
    return NULL;
}

size_t container_blob_at(const struct container *container, const char *name, bool *out_found)
{
    size_t low = 0, high = container->blob_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(container->blobs[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *out_found = low < container->blob_count && strcmp(container->blobs[low]->name, name) == 0;
    return low;
}

bool container_insert_blob(struct container *container, struct blob *blob)
{
    bool found;
    size_t at = container_blob_at(container, blob->name, &found);

    if (container->blob_count == container->blob_room) {
        size_t room = container->blob_room ? container->blob_room * 2 : 8;
        struct blob **blobs = realloc(container->blobs, room * sizeof(struct blob *));

        if (!blobs)
            return false;
        container->blobs = blobs;
        container->blob_room = room;
    }
    memmove(&container->blobs[at + 1], &container->blobs[at],
            (container->blob_count - at) * sizeof(struct blob *));
    container->blobs[at] = blob;
    container->blob_count++;
    return true;
}

/* ---- Blobs by name ---- */

enum store_result blob_find(struct store *store, const struct store_key *key, struct blob **out)
{
    enum store_result result = STORE_CONTAINER_NOT_FOUND;
    struct container *container;

    pthread_rwlock_rdlock(&store->names);
    container = container_at(store, key->account, key->container, NULL);
    if (container) {
        bool found;
        size_t at = container_blob_at(container, key->blob, &found);

        result = found ? STORE_OK : STORE_BLOB_NOT_FOUND;
        if (found) {
            *out = container->blobs[at];
            atomic_fetch_add(&(*out)->ref_count, 1);
        }
    }
    pthread_rwlock_unlock(&store->names);
    return result;
}

enum store_result container_id_of(struct store *store, const struct store_key *key,
                                  uint64_t *out_id)
{
    const struct container *container;

    pthread_rwlock_rdlock(&store->names);
    container = container_at(store, key->account, key->container, NULL);
    if (container)
        *out_id = container->id;
    pthread_rwlock_unlock(&store->names);
    return container ? STORE_OK : STORE_CONTAINER_NOT_FOUND;
}

/* The rename and the name appear together: two that race for a name cannot both be on disk. */
enum store_result blob_publish(struct store *store, const struct store_key *key, struct blob *blob)
{
    enum store_result result = STORE_OK;
    struct container *container;
    bool found = false;

    pthread_rwlock_wrlock(&store->names);
    container = container_at(store, key->account, key->container, NULL);
    if (!container || container->id != blob->container_id)
        result = STORE_CONTAINER_NOT_FOUND;
    else
        container_blob_at(container, blob->name, &found);
    if (found)
        result = STORE_BLOB_EXISTS;
    if (result == STORE_OK && !container_insert_blob(container, blob))
        result = STORE_IO;
    if (result == STORE_OK) {
        int error = layer_folder_publish(store->folder_fd, blob->id);

        if (!error && store->sync) {
            error = layer_folder_sync(store->folder_fd, 0);
            if (error && layer_folder_retire(store->folder_fd, blob->id) == 0)
                layer_folder_remove(store->folder_fd, blob->id, ".gone");
        }
        result = store_result_of_errno(error);
        if (result == STORE_OK) {
            atomic_fetch_add(&blob->ref_count, 1);
        } else {
            size_t at = container_blob_at(container, blob->name, &found);

            memmove(&container->blobs[at], &container->blobs[at + 1],
                    (--container->blob_count - at) * sizeof(struct blob *));
        }
    }
    pthread_rwlock_unlock(&store->names);
    return result;
}

/* Takes the name away, if it still is there, and the reference that went with it. */
static void unpublish_locked(struct store *store, struct blob *blob)
{
    for (size_t i = 0; i < store->container_count; i++) {
        struct container *container = store->containers[i];
        bool found;
        size_t at;

        if (container->id != blob->container_id)
            continue;
        at = container_blob_at(container, blob->name, &found);
        if (!found || container->blobs[at] != blob)
            return;
        memmove(&container->blobs[at], &container->blobs[at + 1],
                (--container->blob_count - at) * sizeof(struct blob *));
        blob_release(store, blob);
        return;
    }
}

enum store_result blob_unpublish(struct store *store, struct blob *blob)
{
    int error;

    pthread_rwlock_wrlock(&store->names);
    error = layer_folder_retire(store->folder_fd, blob->id);
    if (!error && store->sync)
        layer_folder_sync(store->folder_fd, 0); /* a deletion undone by a power cut is no harm */
    if (!error)
        unpublish_locked(store, blob);
    pthread_rwlock_unlock(&store->names);
    return store_result_of_errno(error);
}

enum store_result blob_lock(struct store *store, const struct store_key *key, struct blob **out)
{
    if (key->snapshot)
        return STORE_INVALID_VALUE;
    for (;;) {
        struct blob *blob;
        enum store_result result = blob_find(store, key, &blob);

        if (result != STORE_OK)
            return result;
        pthread_mutex_lock(&blob->write);
        if (!atomic_load(&blob->deleted)) {
            *out = blob;
            return STORE_OK;
        }
        pthread_mutex_unlock(&blob->write); /* deleted while we waited: is there a new one? */
        blob_release(store, blob);
    }
}

void blob_unlock(struct store *store, struct blob *blob)
{
    pthread_mutex_unlock(&blob->write);
    blob_release(store, blob);
}
