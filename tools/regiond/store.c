/* store.c - a folder becomes a store and is left again. */
#include "tools/regiond/store.h"

#include "tools/regiond/layer_folder.h"
#include "tools/regiond/store_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEGMENT_BYTES_DEFAULT (UINT64_C(64) << 30)
#define OPEN_FILES_DEFAULT    512u
#define SLOT_COUNT            STORE_BLOBS_MAX
#define LAYERS_OF_A_BLOB_MAX  (STORE_SNAPSHOTS_MAX + 1)
_Static_assert(LAYERS_OF_A_BLOB_MAX <= EXTENT_LAYERS_MAX, "a walk sees every epoch");

static uint64_t real_ticks(void *context)
{
    (void)context;
    return region_clock_ticks();
}

static int fail(char *out_text, size_t text_bytes, const char *what, int error)
{
    snprintf(out_text, text_bytes, "%s: %s", what,
             error == EBADMSG ? "damaged, or not of this format" : strerror(error));
    return error ? error : EIO;
}

/* ---- Opening, in steps ---- */

static int open_folder(struct store *store, const struct store_config *config, char *out_text,
                       size_t text_bytes)
{
    if (mkdir(config->folder, 0700) != 0 && errno != EEXIST)
        return fail(out_text, text_bytes, "cannot make the data folder", errno);
    store->folder_fd = open(config->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->folder_fd < 0)
        return fail(out_text, text_bytes, "cannot open the data folder", errno);
    store->lock_fd = openat(store->folder_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store->lock_fd < 0)
        return fail(out_text, text_bytes, "cannot open the data folder's lock", errno);
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return fail(out_text, text_bytes, "the data folder is in use by another server", errno);
    if (mkdirat(store->folder_fd, "blobs", 0700) != 0 && errno != EEXIST)
        return fail(out_text, text_bytes, "cannot make the folder of blobs", errno);
    return 0;
}

/* Everything here rests on holes: refuse early, in words, a file system that has none. */
static int probe_holes(struct store *store, char *out_text, size_t text_bytes)
{
    int fd = openat(store->folder_fd, "probe", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int error = fd < 0 ? errno : 0;

    if (!error && (pwrite(fd, "x", 1, 0) != 1 ||
                   fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) != 0))
        error = errno;
    if (fd >= 0)
        close(fd);
    unlinkat(store->folder_fd, "probe", 0);
    return error ? fail(out_text, text_bytes, "this file system cannot punch holes", error) : 0;
}

static int open_files(struct store *store, const struct store_config *config, char *out_text,
                      size_t text_bytes)
{
    uint64_t segment_bytes = config->segment_bytes ? config->segment_bytes : SEGMENT_BYTES_DEFAULT;
    int error = store_segment_bytes_of(store->folder_fd, &segment_bytes);

    if (error && error != ENOENT)
        return fail(out_text, text_bytes, "containers.json", error);
    if (segment_bytes % 4096 != 0)
        return fail(out_text, text_bytes, "the segment size", EINVAL);
    store->files =
        layer_files_open(store->folder_fd, segment_bytes,
                         config->open_files_max ? config->open_files_max : OPEN_FILES_DEFAULT,
                         config->sync);
    store->inflight = inflight_open(store->folder_fd, SLOT_COUNT, config->sync);
    if (!store->files || !store->inflight)
        return fail(out_text, text_bytes, "the table of writes in flight", errno);
    error = store_containers_load(store);
    return error ? fail(out_text, text_bytes, "containers.json", error) : 0;
}

static struct container *container_by_id(struct store *store, uint64_t id)
{
    for (size_t i = 0; i < store->container_count; i++)
        if (store->containers[i]->id == id)
            return store->containers[i];
    return NULL;
}

static int load_one(struct store *store, uint64_t id, char *out_text, size_t text_bytes)
{
    struct container *container;
    char what[40];
    struct blob *blob;
    int error = blob_load(store, id, &blob);

    if (error) {
        snprintf(what, sizeof what, "blob %016llx", (unsigned long long)id);
        return fail(out_text, text_bytes, what, error);
    }
    container = container_by_id(store, blob->container_id);
    if (container) {
        if (container_insert_blob(container, blob))
            return 0;
        blob_release(store, blob);
        return fail(out_text, text_bytes, "blobs", ENOMEM);
    }
    /* Its container was deleted, and then we were killed. */
    blob_release(store, blob);
    if (layer_folder_retire(store->folder_fd, id) == 0)
        layer_folder_remove(store->folder_fd, id, ".gone");
    return 0;
}

static int load_blobs(struct store *store, char *out_text, size_t text_bytes)
{
    struct layer_folder_name *names = NULL;
    uint64_t last_id = 0;
    size_t count = 0;
    int error = layer_folder_scan(store->folder_fd, &names, &count);

    if (error)
        return fail(out_text, text_bytes, "blobs", error);
    for (size_t i = 0; i < count && !error; i++) {
        if (names[i].blob > last_id)
            last_id = names[i].blob;
        if (names[i].whole)
            error = load_one(store, names[i].blob, out_text, text_bytes);
        else
            layer_folder_remove(store->folder_fd, names[i].blob, names[i].suffix);
    }
    atomic_store(&store->next_blob_id, last_id + 1);
    free(names);
    return error;
}

static struct blob *blob_by_id(struct store *store, uint64_t id)
{
    for (size_t c = 0; c < store->container_count; c++)
        for (size_t b = 0; b < store->containers[c]->blob_count; b++)
            if (store->containers[c]->blobs[b]->id == id)
                return store->containers[c]->blobs[b];
    return NULL;
}

/* What the process before was about to do when it was killed. */
static int repair_blobs(struct store *store, char *out_text, size_t text_bytes)
{
    uint64_t id, start, end;

    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        struct blob *blob;
        int error = 0;

        if (!inflight_left(store->inflight, slot, &id, &start, &end))
            continue;
        blob = blob_by_id(store, id);
        if (blob && start < end && end <= EXTENT_PAGE_MAX)
            error = blob_repair(store, blob, start, end);
        if (error)
            return fail(out_text, text_bytes, "repairing what a kill left", error);
    }
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) /* not before all are done */
        if (inflight_left(store->inflight, slot, &id, &start, &end))
            inflight_empty(store->inflight, slot);
    return 0;
}

struct store *store_open(const struct store_config *config, char *out_text, size_t text_bytes)
{
    struct store *store = calloc(1, sizeof *store);

    if (!store) {
        fail(out_text, text_bytes, "the store", ENOMEM);
        return NULL;
    }
    store->folder_fd = store->lock_fd = -1;
    store->sync = config->sync;
    store->opening = true;
    store->now_ticks = config->now_ticks ? config->now_ticks : real_ticks;
    store->now_context = config->now_context;
    store->next_container_id = 1;
    store_lock_init(&store->names);
    if (open_folder(store, config, out_text, text_bytes) != 0 ||
        probe_holes(store, out_text, text_bytes) != 0 ||
        open_files(store, config, out_text, text_bytes) != 0 ||
        load_blobs(store, out_text, text_bytes) != 0 ||
        repair_blobs(store, out_text, text_bytes) != 0) {
        store_close(store);
        return NULL;
    }
    store->opening = false;
    return store;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    for (size_t c = 0; c < store->container_count; c++) {
        struct container *container = store->containers[c];

        for (size_t b = 0; b < container->blob_count; b++)
            blob_release(store, container->blobs[b]);
        container_free(container);
    }
    free(store->containers);
    layer_files_close(store->files);
    inflight_close(store->inflight);
    if (store->folder_fd >= 0)
        close(store->folder_fd);
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    pthread_rwlock_destroy(&store->names);
    free(store);
}
