/* journal.c - see journal.h. Errors stick: a journal that could not be written is not written behind the
 * gap. */
#include "engine/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blockmap/digest.h"
#include "engine/journal_internal.h"
#include "io/durable.h"

#define JOURNAL_NOTED_START   (8u << 10)
#define JOURNAL_OPEN_ATTEMPTS 10u /* the file was removed by its last owner while we waited */

bool journal_fail_errno(struct journal *j, int why, const char *what, struct err *e)
{
    if (!err_is_set(&j->failed))
        err_set_errno(
            &j->failed, why, RETRY_LATER,
            "the journal %.*s cannot be %s (make room or mend its disk, then run the same "
            "command again)",
            JOURNAL_PATH_SHOWN_BYTES, j->path, what);
    *e = j->failed;
    return false;
}

bool journal_corrupt(const struct journal *j, struct err *e, const char *what)
{
    return err_set(e, ERR_CORRUPT, RETRY_NEVER,
                   "%.*s %s; it is left as it is: remove it, or name another file",
                   JOURNAL_PATH_SHOWN_BYTES, j->path, what);
}

/* ---- Where ---- */

char *journal_default_path(const char *state_folder, const char *target_identity)
{
    char digest[DIGEST_TEXT_MAX_BYTES], *path = NULL;

    digest_sha256_text(target_identity, strlen(target_identity), digest);
    return asprintf(&path, "%s/journals/%s.journal", state_folder, strchr(digest, ':') + 1) < 0
               ? NULL
               : path;
}

/* ---- Life ---- */

/* The lock is on a file; is it still the one that the path names? */
static bool journal_is_at_path(const struct journal *j, const struct stat *ours)
{
    struct stat there;

    return lstat(j->path, &there) == 0 && there.st_dev == ours->st_dev &&
           there.st_ino == ours->st_ino;
}

static bool journal_lock(struct journal *j, struct err *e)
{
    struct stat ours;

    for (uint32_t attempt = 0; attempt < JOURNAL_OPEN_ATTEMPTS; attempt++) {
        if (!durable_lock(j->path, true, &j->fd, e))
            return false;
        if (fstat(j->fd, &ours) != 0)
            return journal_fail_errno(j, errno, "opened", e);
        if (!S_ISREG(ours.st_mode))
            return journal_corrupt(j, e, "is not a file");
        if (journal_is_at_path(j, &ours)) {
            j->file_bytes = (uint64_t)ours.st_size;
            j->touched_s = (uint64_t)ours.st_mtim.tv_sec;
            return true;
        }
        close(j->fd);
        j->fd = -1;
    }
    return err_set(e, ERR_CONFLICT, RETRY_LATER, "others keep replacing the journal %.*s",
                   JOURNAL_PATH_SHOWN_BYTES, j->path);
}

static bool journal_make_folder(const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX];

    if (!slash || slash == path)
        return true;
    memcpy(folder, path, (size_t)(slash - path));
    folder[slash - path] = '\0';
    return durable_make_folder(folder, e);
}

static void journal_free(struct journal *j)
{
    if (j->fd >= 0)
        close(j->fd);
    free(j->window);
    free(j->noted);
    free(j);
}

struct journal *journal_open(struct reactor *r, const char *path, struct err *e)
{
    struct journal *j;

    if (strlen(path) >= PATH_MAX) {
        err_set(e, ERR_USAGE, RETRY_NEVER, "the journal's name is too long");
        return NULL;
    }
    j = calloc(1, sizeof *j);
    if (!j) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a journal");
        return NULL;
    }
    j->reactor = r;
    j->fd = j->folder_fd = -1;
    strcpy(j->path, path);
    if (!journal_make_folder(path, e) || !journal_lock(j, e) || !journal_look(j, e)) {
        journal_free(j);
        return NULL;
    }
    (void)fchmod(j->fd, 0600); /* ours by now, however it came to be */
    if (!j->found)
        journal_read_end(j);
    return j;
}

void journal_rest(struct journal *j)
{
    assert(!journal_busy(j));
    reactor_disarm(j->reactor, &j->sync_timer);
    if (j->dirty)
        (void)fsync(j->fd);
    j->dirty = false;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    journal_rest(j);
    journal_free(j);
}

void journal_drop(struct journal *j)
{
    if (!j)
        return;
    (void)unlink(j->path);
    j->dirty = false;
    journal_close(j);
}

/* ---- Appending ---- */

static bool journal_sync_now(struct journal *j, struct err *e)
{
    if (fsync(j->fd) != 0)
        return journal_fail_errno(j, errno, "synced", e);
    return true;
}

/* Cuts off what stood behind the last good record; synced, so that it does not come back. */
static bool journal_cut(struct journal *j, struct err *e)
{
    if (j->file_bytes <= j->end)
        return true;
    if (ftruncate(j->fd, (off_t)j->end) != 0)
        return journal_fail_errno(j, errno, "written", e);
    j->file_bytes = j->end;
    return journal_sync_now(j, e);
}

/* Whole records; all of them or none will be found again. */
static bool journal_put(struct journal *j, unsigned char *bytes, size_t count, uint64_t records,
                        struct err *e)
{
    size_t done = 0;

    assert(j->appending);
    if (err_is_set(&j->failed)) {
        *e = j->failed;
        return false;
    }
    if (!journal_cut(j, e))
        return false;
    journal_stamp(bytes, count, j->salt, j->end);
    while (done < count) {
        ssize_t put = pwrite(j->fd, bytes + done, count - done, (off_t)(j->end + done));

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            (void)journal_fail_errno(j, put < 0 ? errno : ENOSPC, "written", e);
            if (ftruncate(j->fd, (off_t)j->end) != 0)
                j->file_bytes = j->end + done; /* a torn tail: the next process cuts it off */
            return false;
        }
        done += (size_t)put;
    }
    j->end += count;
    j->file_bytes = j->end;
    j->written_count += records;
    journal_touched(j);
    if (j->written)
        j->written(j->written_arg, j->written_count);
    return true;
}

bool journal_begin_unsynced(struct journal *j, const struct journal_header *header, struct err *e)
{
    struct journal_record record = {.type = JOURNAL_HEADER, .header = *header};
    unsigned char bytes[JOURNAL_RECORD_MAX_BYTES];
    size_t count;

    if (getrandom(&j->salt, sizeof j->salt, 0) != (ssize_t)sizeof j->salt)
        return journal_fail_errno(j, errno, "begun", e);
    journal_read_end(j);
    j->unread = false;
    j->end = 0;
    j->noted_bytes = j->sealed_bytes = 0;
    j->noted_count = j->sealed_count = 0;
    j->header = *header;
    count = journal_encode(&record, bytes);
    return journal_put(j, bytes, count, 1, e);
}

bool journal_begin(struct journal *j, const struct journal_header *header, struct err *e)
{
    if (!journal_begin_unsynced(j, header, e) || !journal_sync_now(j, e))
        return false;
    if (!durable_sync_folder_of(j->path))
        return journal_fail_errno(j, errno, "begun", e);
    return true;
}

static bool journal_make_room(struct journal *j, size_t count)
{
    size_t room = j->noted_room ? j->noted_room : JOURNAL_NOTED_START;
    unsigned char *bigger;

    while (room - j->noted_bytes < count)
        room *= 2;
    if (room == j->noted_room)
        return true;
    bigger = realloc(j->noted, room);
    if (!bigger)
        return false;
    j->noted = bigger;
    j->noted_room = room;
    return true;
}

void journal_note_done(struct journal *j, const struct journal_done *done)
{
    if (err_is_set(&j->failed))
        return;
    if (!journal_make_room(j, JOURNAL_DONE_MAX_BYTES)) {
        err_set(&j->failed, ERR_LIMIT, RETRY_LATER, "no memory to note what is to be recorded");
        return;
    }
    j->noted_bytes += journal_encode_done(done, j->noted + j->noted_bytes);
    j->noted_count++;
}

bool journal_is_full(const struct journal *j)
{
    return j->noted_bytes >= JOURNAL_NOTED_MAX_BYTES;
}

void journal_seal(struct journal *j)
{
    j->sealed_bytes = j->noted_bytes;
    j->sealed_count = j->noted_count;
}

bool journal_write_sealed(struct journal *j, struct err *e)
{
    if (err_is_set(&j->failed)) {
        *e = j->failed;
        return false;
    }
    if (!j->sealed_bytes)
        return true;
    if (!journal_put(j, j->noted, j->sealed_bytes, j->sealed_count, e))
        return false;
    j->noted_bytes -= j->sealed_bytes;
    j->noted_count -= j->sealed_count;
    memmove(j->noted, j->noted + j->sealed_bytes, j->noted_bytes);
    j->sealed_bytes = 0;
    j->sealed_count = 0;
    return true;
}

bool journal_append(struct journal *j, const struct journal_record *record, struct err *e)
{
    unsigned char bytes[JOURNAL_RECORD_MAX_BYTES];

    assert(record->type != JOURNAL_HEADER);
    return journal_put(j, bytes, journal_encode(record, bytes), 1, e);
}

/* ---- Look ---- */

bool journal_found(const struct journal *j)
{
    return j->found;
}

const struct journal_header *journal_header(const struct journal *j)
{
    return &j->header;
}

const char *journal_path(const struct journal *j)
{
    return j->path;
}

uint64_t journal_touched_s(const struct journal *j)
{
    return j->touched_s;
}

uint64_t journal_torn_bytes(const struct journal *j)
{
    return j->file_bytes > j->end ? j->file_bytes - j->end : 0;
}

uint64_t journal_records_written(const struct journal *j)
{
    return j->written_count;
}

void journal_watch(struct journal *j, void (*written)(void *arg, uint64_t records), void *arg)
{
    j->written = written;
    j->written_arg = arg;
}
