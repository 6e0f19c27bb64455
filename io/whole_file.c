/* whole_file.c - see whole_file.h. */
#include "io/whole_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/durable.h"

struct whole_writer {
    int fd; /* holds the lock */
    bool committed;
    char path[PATH_MAX];
    char fresh[PATH_MAX];
};

struct whole_reader {
    int fd;
    char path[PATH_MAX];
};

/* ---- Write ---- */

/* Opens and locks PATH.new. A process that had it may have renamed or removed it between our two
 * calls: then what we hold is no longer what stands there. */
static bool whole_take_fresh(struct whole_writer *writer, struct err *e)
{
    struct stat ours, there;

    writer->fd =
        open(writer->fresh, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (writer->fd < 0 || fstat(writer->fd, &ours) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot write %.200s", writer->fresh);
    if (!S_ISREG(ours.st_mode))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%.200s is not a regular file", writer->fresh);
    if (flock(writer->fd, LOCK_EX | LOCK_NB) != 0 || stat(writer->fresh, &there) != 0 ||
        there.st_ino != ours.st_ino || there.st_dev != ours.st_dev) {
        close(writer->fd); /* so that it is not removed as ours */
        writer->fd = -1;
        return err_set(e, ERR_CONFLICT, RETRY_NEVER, "another process writes %.200s",
                       writer->fresh);
    }
    if (ftruncate(writer->fd, 0) != 0 || fchmod(writer->fd, 0600) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot write %.200s", writer->fresh);
    return true;
}

struct whole_writer *whole_writer_open(const char *path, struct err *e)
{
    struct whole_writer *writer = calloc(1, sizeof *writer);
    struct stat found;
    int length;

    if (!writer) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to write %.200s", path);
        return NULL;
    }
    writer->fd = -1;
    snprintf(writer->path, sizeof writer->path, "%s", path);
    length = snprintf(writer->fresh, sizeof writer->fresh, "%s.new", path);
    if (length < 0 || (size_t)length >= sizeof writer->fresh)
        err_set_errno(e, ENAMETOOLONG, RETRY_NEVER, "cannot write %.200s", path);
    else if (stat(path, &found) == 0 && !S_ISREG(found.st_mode))
        err_set(e, ERR_USAGE, RETRY_NEVER, "%.200s is not a regular file", path);
    else if (whole_take_fresh(writer, e))
        return writer;
    whole_writer_close(writer);
    return NULL;
}

bool whole_writer_append(struct whole_writer *writer, const void *bytes, size_t count,
                         struct err *e)
{
    const char *at = bytes;

    while (count) {
        ssize_t done = write(writer->fd, at, count);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return err_set_errno(e, done < 0 ? errno : EIO, RETRY_NEVER, "cannot write %.200s",
                                 writer->fresh);
        at += done;
        count -= (size_t)done;
    }
    return true;
}

bool whole_writer_put(struct whole_writer *writer, uint64_t offset, const void *bytes, size_t count,
                      struct err *e)
{
    const char *at = bytes;

    while (count) {
        ssize_t done = pwrite(writer->fd, at, count, (off_t)offset);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return err_set_errno(e, done < 0 ? errno : EIO, RETRY_NEVER, "cannot write %.200s",
                                 writer->fresh);
        at += done;
        offset += (uint64_t)done;
        count -= (size_t)done;
    }
    return true;
}

bool whole_writer_commit(struct whole_writer *writer, struct err *e)
{
    assert(!writer->committed);
    if (fsync(writer->fd) != 0 || rename(writer->fresh, writer->path) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot write %.200s", writer->path);
    writer->committed = true;
    if (!durable_sync_folder_of(writer->path))
        return err_set_errno(e, errno, RETRY_NEVER, "cannot write %.200s", writer->path);
    return true;
}

void whole_writer_close(struct whole_writer *writer)
{
    if (!writer)
        return;
    if (writer->fd >= 0) {
        if (!writer->committed)
            unlink(writer->fresh); /* while the lock is held */
        close(writer->fd);
    }
    free(writer);
}

/* ---- Read ---- */

struct whole_reader *whole_reader_open(const char *path, struct err *e)
{
    struct whole_reader *reader = calloc(1, sizeof *reader);
    struct stat found;

    if (!reader) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to read %.200s", path);
        return NULL;
    }
    snprintf(reader->path, sizeof reader->path, "%s", path);
    reader->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (reader->fd < 0)
        err_set_errno(e, errno, RETRY_NEVER, "cannot read %.200s", path);
    else if (fstat(reader->fd, &found) != 0)
        err_set_errno(e, errno, RETRY_NEVER, "cannot read %.200s", path);
    else if (!S_ISREG(found.st_mode))
        err_set(e, ERR_USAGE, RETRY_NEVER, "%.200s is not a regular file", path);
    else
        return reader;
    whole_reader_close(reader);
    return NULL;
}

bool whole_reader_read(struct whole_reader *reader, void *out_bytes, size_t count_max,
                       size_t *out_count, struct err *e)
{
    ssize_t got;

    do {
        got = read(reader->fd, out_bytes, count_max);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot read %.200s", reader->path);
    *out_count = (size_t)got;
    return true;
}

bool whole_reader_rewind(struct whole_reader *reader, struct err *e)
{
    if (lseek(reader->fd, 0, SEEK_SET) == 0)
        return true;
    return err_set_errno(e, errno, RETRY_NEVER, "cannot read %.200s", reader->path);
}

void whole_reader_close(struct whole_reader *reader)
{
    if (!reader)
        return;
    if (reader->fd >= 0)
        close(reader->fd);
    free(reader);
}
