/* blob_replay.c - a blob out of its log, and a short log out of a blob. */
#include "tools/regiond/layer_folder.h"
#include "tools/regiond/store_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORMAT_VERSION     1u
#define PAGES_MAX          (STORE_BLOB_BYTES_MAX / STORE_PAGE_BYTES)
#define RUNS_A_RECORD      4096u
#define RUN_BYTES          20u /* in a log: start, end, value */
#define COMPACT_AT_BYTES   (UINT64_C(1) << 20)
#define COMPACT_AT_TIMES   4u
#define COMPACT_FIXED_COST 4096u /* an epoch's attributes and the like, roughly */
_Static_assert(RUNS_A_RECORD *RUN_BYTES + 8 <= LOG_PAYLOAD_BYTES, "a record of runs fits");

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

    if (name && format == FORMAT_VERSION && id == r->id && !r->blob) {
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

    if (view->failed || start >= end || end > PAGES_MAX || blob->epoch_count == 0)
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

static int replay_snapshot(struct blob *blob, struct log_view *view)
{
    uint64_t ticks = log_view_u64(view);
    struct attributes attributes;
    struct blob_seal seal;
    bool prepared;

    if (blob->epoch_count == 0 || blob->epoch_count > STORE_SNAPSHOTS_MAX ||
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

    if (!found)
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

    if (blob->epoch_count == 0 || !attributes_decode(view, &attributes))
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
    uint32_t file_count = log_view_u32(view);
    struct epoch *epoch = NULL, *last = blob->epoch_count > 0 ? blob_open_epoch(blob) : NULL;

    if (file_count == 0 || file_count > LOG_PAYLOAD_BYTES / 4 || (last && !last->snapshot_ticks))
        return EBADMSG;
    for (uint32_t i = 0; i < file_count; i++) {
        uint32_t file = log_view_u32(view);
        bool added =
            epoch ? epoch_add_file(epoch, file) : (epoch = epoch_new(generation, file)) != NULL;

        if (!added) {
            epoch_free(epoch);
            return ENOMEM;
        }
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

static int replay_runs(struct blob *blob, struct log_view *view)
{
    uint32_t count = log_view_u32(view);

    if (blob->epoch_count == 0)
        return EBADMSG;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t start = log_view_u64(view);
        uint64_t end = log_view_u64(view);
        uint32_t value = log_view_u32(view);

        if (view->failed || start >= end || end > PAGES_MAX || value > EXTENT_VALUE_MAX)
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

    if (blob->epoch_count == 0 || blob_open_epoch(blob)->snapshot_ticks != 0 ||
        !attributes_decode(view, &attributes))
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

/* ---- Writing the short form ---- */

static int put_record(int fd, struct log_record *record, uint64_t *offset)
{
    size_t done = 0;

    if (!log_record_end(record))
        return ENOMEM;
    while (done < record->used) {
        ssize_t n = pwrite(fd, record->bytes + done, record->used - done, (off_t)(*offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        done += (size_t)n;
    }
    *offset += done;
    return 0;
}

static int put_runs(int fd, struct log_record *record, const struct extent_index *runs,
                    uint64_t *offset)
{
    struct extent_cursor cursor;
    size_t left = runs->count;
    struct extent_run run;
    int error = 0;

    extent_cursor_seek(&cursor, runs, 0);
    while (left > 0 && !error) {
        uint32_t count = left < RUNS_A_RECORD ? (uint32_t)left : RUNS_A_RECORD;

        log_record_begin(record, LOG_RUNS);
        log_record_u32(record, count);
        for (uint32_t i = 0; i < count && extent_cursor_get(&cursor, &run); i++) {
            log_record_u64(record, run.start);
            log_record_u64(record, run.end);
            log_record_u32(record, run.value);
            extent_cursor_next(&cursor);
        }
        error = put_record(fd, record, offset);
        left -= count;
    }
    return error;
}

static int put_epoch(int fd, const struct blob *blob, struct log_record *record,
                     const struct epoch *epoch, uint64_t *offset)
{
    int error;

    log_record_begin(record, LOG_EPOCH);
    log_record_u32(record, epoch->generation);
    log_record_u32(record, blob->next_file);
    log_record_u32(record, (uint32_t)epoch->file_count);
    for (size_t i = 0; i < epoch->file_count; i++)
        log_record_u32(record, epoch->files[i]);
    error = put_record(fd, record, offset);
    if (!error)
        error = put_runs(fd, record, &epoch->runs, offset);
    if (error || epoch->snapshot_ticks == 0)
        return error;
    log_record_begin(record, LOG_SNAPSHOT_END);
    log_record_u64(record, epoch->snapshot_ticks);
    attributes_encode(record, &epoch->attributes);
    return put_record(fd, record, offset);
}

static int put_blob(int fd, struct blob *blob, uint64_t *out_bytes)
{
    struct log_record *record = &blob->record;
    uint64_t offset = 0;
    int error;

    log_record_begin(record, LOG_HEAD);
    log_record_u32(record, FORMAT_VERSION);
    log_record_u64(record, blob->id);
    log_record_u64(record, blob->container_id);
    log_record_text(record, blob->name);
    error = put_record(fd, record, &offset);
    if (!error) {
        log_record_begin(record, LOG_ATTRIBUTES);
        attributes_encode(record, &blob->attributes);
        error = put_record(fd, record, &offset);
    }
    for (size_t i = 0; i < blob->epoch_count && !error; i++)
        error = put_epoch(fd, blob, record, blob->epochs[i], &offset);
    if (!error && blob->lease.state != STORE_LEASE_AVAILABLE) {
        log_record_begin(record, LOG_LEASE);
        lease_encode(record, &blob->lease);
        error = put_record(fd, record, &offset);
    }
    if (!error)
        *out_bytes = offset;
    return error;
}

static int write_log(struct store *store, struct blob *blob, int folder_fd, const char *name)
{
    int fd = openat(folder_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int error;

    if (fd < 0)
        return errno;
    error = put_blob(fd, blob, &blob->log_bytes);
    if (!error && store->sync && (fdatasync(fd) != 0 || fsync(folder_fd) != 0))
        error = errno;
    close(fd);
    return error;
}

int blob_log_create(struct store *store, struct blob *blob)
{
    int folder_fd = layer_folder_open(store->folder_fd, blob->id, ".new");
    int error;

    if (folder_fd < 0)
        return errno;
    error = write_log(store, blob, folder_fd, "log");
    close(folder_fd);
    return error;
}

/* ---- Opening ---- */

static int compact_if_long(struct store *store, struct blob *blob, int folder_fd)
{
    uint64_t old_bytes = blob->log_bytes, short_bytes = COMPACT_FIXED_COST;
    int error;

    for (size_t i = 0; i < blob->epoch_count; i++)
        short_bytes += COMPACT_FIXED_COST + blob->epochs[i]->runs.count * RUN_BYTES;
    if (old_bytes < COMPACT_AT_BYTES || old_bytes / COMPACT_AT_TIMES < short_bytes)
        return 0;
    error = write_log(store, blob, folder_fd, "log.new");
    if (!error && renameat(folder_fd, "log.new", folder_fd, "log") == 0)
        return 0;
    unlinkat(folder_fd, "log.new", 0); /* the long log serves as well */
    blob->log_bytes = old_bytes;
    return 0;
}

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
        error = compact_if_long(store, replay.blob, folder_fd);
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
