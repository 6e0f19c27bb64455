/* blob_replay.c - a blob out of its log: each record does what the change it records did. */
#include "tools/regiond/blob_fold.h"
#include "tools/regiond/layer_folder.h"
#include "tools/regiond/store_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGES_MAX (STORE_BLOB_BYTES_MAX / STORE_PAGE_BYTES)

/* ---- Reading ---- */

struct replay {
    struct store *store;
    uint64_t id;
    struct blob *blob; /* NULL until the head was read */
};

static int replay_head(struct replay *r, struct log_view *view)
{
    uint32_t format = log_view_u32(view);
    uint64_t id = log_view_u64(view);
    uint64_t container_id = log_view_u64(view);
    char *name = log_view_text(view);
    int error = EBADMSG;

    if (name && format == LOG_FORMAT && id == r->id && !r->blob) {
        r->blob = blob_new(r->store, id, container_id, name);
        error = r->blob ? 0 : ENOMEM;
        if (r->blob)
            r->blob->replaying = true;
    }
    free(name);
    return error;
}

/* Three numbers: a tick and a range of pages. */
static int replay_pages(struct blob *blob, uint32_t type, struct log_view *view)
{
    uint64_t ticks = log_view_u64(view);
    uint64_t start = log_view_u64(view);
    uint64_t end = log_view_u64(view);

    if (view->failed || start >= end || end > PAGES_MAX || blob->epoch_count == 0 ||
        blob_open_epoch(blob)->snapshot_ticks != 0)
        return EBADMSG;
    if (!blob_reserve(blob))
        return ENOMEM;
    if (type == LOG_WRITE)
        blob_apply_write(blob, start, end);
    else
        blob_apply_clear(blob, start, end);
    blob->attributes.changed_ticks = ticks;
    return 0;
}

static int replay_attributes(struct blob *blob, struct log_view *view)
{
    struct attributes next;
    uint64_t old_pages = blob->attributes.size_bytes / STORE_PAGE_BYTES;

    if (!attributes_decode(view, &next))
        return EBADMSG;
    if (next.size_bytes / STORE_PAGE_BYTES < old_pages && blob->epoch_count > 0) {
        if (!blob_reserve(blob)) {
            attributes_fini(&next);
            return ENOMEM;
        }
        blob_apply_clear(blob, next.size_bytes / STORE_PAGE_BYTES, old_pages);
    }
    attributes_fini(&blob->attributes);
    blob->attributes = next;
    return 0;
}

/* There is an open epoch, and a number for one more file. */
static bool can_go_on(const struct blob *blob)
{
    return blob->epoch_count > 0 && blob_open_epoch(blob)->snapshot_ticks == 0 &&
           blob->next_file < EXTENT_VALUE_MAX;
}

static int replay_snapshot(struct blob *blob, struct log_view *view)
{
    uint64_t ticks = log_view_u64(view);
    struct attributes attributes;
    struct blob_seal seal;
    bool prepared;

    if (!can_go_on(blob) || blob->epoch_count > STORE_SNAPSHOTS_MAX ||
        !attributes_decode(view, &attributes))
        return EBADMSG;
    prepared = blob_seal_prepare(blob, &attributes, &seal);
    attributes_fini(&attributes);
    if (!prepared)
        return ENOMEM;
    blob_apply_seal(blob, &seal, ticks);
    return 0;
}

static int replay_unsnapshot(struct blob *blob, struct log_view *view)
{
    uint64_t ticks = log_view_u64(view);
    struct blob_fold fold;
    bool found = false;
    size_t at = blob->epoch_count > 0 ? blob_snapshot_at(blob, ticks, &found) : 0;

    if (!found || blob_open_epoch(blob)->snapshot_ticks != 0)
        return EBADMSG;
    if (!blob_fold_prepare(blob, at, &fold))
        return ENOMEM;
    blob_apply_fold(blob, at, &fold);
    blob_fold_fini(&fold);
    return 0;
}

static int replay_replace(struct blob *blob, struct log_view *view)
{
    struct attributes attributes;
    struct blob_renewal renewal;
    uint64_t pages;
    bool prepared;

    if (!can_go_on(blob) || !attributes_decode(view, &attributes))
        return EBADMSG;
    pages = log_view_u64(view);
    prepared = pages <= PAGES_MAX && blob_renewal_prepare(blob, &attributes, pages, &renewal);
    attributes_fini(&attributes);
    if (!prepared)
        return pages <= PAGES_MAX ? ENOMEM : EBADMSG;
    epoch_free(blob_apply_renewal(blob, &renewal));
    return 0;
}

static int replay_epoch(struct blob *blob, struct log_view *view)
{
    uint32_t generation = log_view_u32(view);
    uint32_t next_file = log_view_u32(view);
    uint32_t file_count = log_view_u32(view), file_before = LAYER_LOG;
    struct epoch *epoch = NULL, *last = blob->epoch_count > 0 ? blob_open_epoch(blob) : NULL;

    if (file_count == 0 || file_count > LOG_PAYLOAD_BYTES / 4 || next_file > EXTENT_VALUE_MAX ||
        (last && !last->snapshot_ticks))
        return EBADMSG;
    for (uint32_t i = 0; i < file_count; i++) {
        uint32_t file = log_view_u32(view);
        bool added;

        if (file <= file_before || file >= next_file) { /* in order, and none is the log */
            epoch_free(epoch);
            return EBADMSG;
        }
        added = epoch ? epoch_add_file(epoch, file) : (epoch = epoch_new(generation, file)) != NULL;
        if (!added) {
            epoch_free(epoch);
            return ENOMEM;
        }
        file_before = file;
    }
    if (last && last->generation != generation)
        extent_index_fini(&blob->view);
    if (!blob_push_epoch(blob, epoch)) {
        epoch_free(epoch);
        return ENOMEM;
    }
    if (next_file > blob->next_file)
        blob->next_file = next_file;
    return 0;
}

static bool is_file_of(const struct epoch *epoch, uint32_t value)
{
    for (size_t i = epoch->file_count; i-- > 0;) /* usually the last */
        if (epoch->files[i] == value)
            return true;
    return false;
}

static int replay_runs(struct blob *blob, struct log_view *view)
{
    uint32_t count = log_view_u32(view);

    if (blob->epoch_count == 0 || blob_open_epoch(blob)->snapshot_ticks != 0)
        return EBADMSG;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t start = log_view_u64(view);
        uint64_t end = log_view_u64(view);
        uint32_t value = log_view_u32(view);

        if (view->failed || start >= end || end > PAGES_MAX ||
            (value != EXTENT_CLEARED && !is_file_of(blob_open_epoch(blob), value)))
            return EBADMSG;
        if (!blob_reserve(blob))
            return ENOMEM;
        extent_index_set(&blob_open_epoch(blob)->runs, start, end, value);
        if (!blob_epoch_is_first(blob, blob->epoch_count - 1))
            extent_index_set(&blob->view, start, end, value);
    }
    return 0;
}

static int replay_snapshot_end(struct blob *blob, struct log_view *view)
{
    uint64_t ticks = log_view_u64(view);
    struct attributes attributes;
    struct epoch *open;

    if (blob->epoch_count == 0 || blob->epoch_count > STORE_SNAPSHOTS_MAX ||
        blob_open_epoch(blob)->snapshot_ticks != 0 || !attributes_decode(view, &attributes))
        return EBADMSG;
    open = blob_open_epoch(blob);
    open->snapshot_ticks = ticks;
    open->attributes = attributes;
    extent_index_trim(&open->runs);
    if (blob_epoch_is_first(blob, blob->epoch_count - 1)) {
        extent_index_fini(&blob->view);
        if (!extent_index_copy(&blob->view, &open->runs))
            return ENOMEM;
    }
    return 0;
}

static int replay_record(void *context, uint32_t type, struct log_view *view)
{
    struct replay *r = context;
    struct blob *blob = r->blob;
    int error;

    if (!blob && type != LOG_HEAD)
        return EBADMSG;
    switch (type) {
    case LOG_HEAD:
        error = replay_head(r, view);
        break;
    case LOG_ATTRIBUTES:
        error = replay_attributes(blob, view);
        break;
    case LOG_WRITE:
    case LOG_CLEAR:
        error = replay_pages(blob, type, view);
        break;
    case LOG_SNAPSHOT:
        error = replay_snapshot(blob, view);
        break;
    case LOG_UNSNAPSHOT:
        error = replay_unsnapshot(blob, view);
        break;
    case LOG_REPLACE:
        error = replay_replace(blob, view);
        break;
    case LOG_LEASE:
        error = lease_decode(view, &blob->lease) ? 0 : EBADMSG;
        break;
    case LOG_EPOCH:
        error = replay_epoch(blob, view);
        break;
    case LOG_RUNS:
        error = replay_runs(blob, view);
        break;
    case LOG_SNAPSHOT_END:
        error = replay_snapshot_end(blob, view);
        break;
    default:
        error = EBADMSG;
    }
    return error ? error : log_view_done(view) ? 0 : EBADMSG;
}

/* ---- Opening ---- */

struct orphans {
    struct store *store;
    const struct blob *blob;
};

static bool remove_if_orphan(void *context, uint32_t file, uint64_t number)
{
    struct orphans *o = context;

    (void)number;
    for (size_t e = 0; e < o->blob->epoch_count; e++)
        for (size_t f = 0; f < o->blob->epochs[e]->file_count; f++)
            if (o->blob->epochs[e]->files[f] == file)
                return true;
    layer_remove(o->store->files, o->blob->id, file);
    return true;
}

static void note_ticks(struct store *store, const struct blob *blob)
{
    uint64_t last = atomic_load(&store->last_ticks);

    if (blob->attributes.changed_ticks > last)
        last = blob->attributes.changed_ticks;
    if (blob->epoch_count > 1 && blob->epochs[blob->epoch_count - 2]->snapshot_ticks > last)
        last = blob->epochs[blob->epoch_count - 2]->snapshot_ticks;
    atomic_store(&store->last_ticks, last);
}

int blob_load(struct store *store, uint64_t id, struct blob **out)
{
    struct replay replay = {.store = store, .id = id};
    int folder_fd = layer_folder_open(store->folder_fd, id, "");
    struct orphans orphans = {.store = store};
    uint64_t good_bytes = 0;
    int fd = -1, error;

    if (folder_fd < 0)
        return errno;
    fd = openat(folder_fd, "log", O_RDWR | O_CLOEXEC);
    error = fd < 0 ? errno : blob_log_replay(fd, replay_record, &replay, &good_bytes);
    if (!error && (!replay.blob || replay.blob->epoch_count == 0 ||
                   blob_open_epoch(replay.blob)->snapshot_ticks != 0))
        error = EBADMSG;
    if (!error && ftruncate(fd, (off_t)good_bytes) != 0)
        error = errno;
    if (!error) {
        replay.blob->log_bytes = good_bytes;
        error = blob_compact_if_long(store, replay.blob, folder_fd);
    }
    if (fd >= 0)
        close(fd);
    close(folder_fd);
    if (error) {
        blob_release(store, replay.blob);
        return error;
    }
    orphans.blob = replay.blob;
    layer_folder_list(store->folder_fd, id, remove_if_orphan, &orphans);
    note_ticks(store, replay.blob);
    replay.blob->replaying = false;
    log_record_fini(&replay.blob->record);
    *out = replay.blob;
    return 0;
}
