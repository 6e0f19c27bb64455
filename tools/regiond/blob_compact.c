/* blob_compact.c - a short log out of a blob: its state, not its history. */
#include "tools/regiond/layer_folder.h"
#include "tools/regiond/store_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define RUNS_A_RECORD      4096u
#define RUN_BYTES          20u /* in a log: start, end, value */
#define COMPACT_AT_BYTES   (UINT64_C(1) << 20)
#define COMPACT_AT_TIMES   4u
#define COMPACT_FIXED_COST 4096u /* an epoch's attributes and the like, roughly */
_Static_assert(RUNS_A_RECORD *RUN_BYTES + 8 <= LOG_PAYLOAD_BYTES, "a record of runs fits");

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
    log_record_u32(record, LOG_FORMAT);
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

int blob_compact_if_long(struct store *store, struct blob *blob, int folder_fd)
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
