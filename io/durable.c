/* durable.c - see durable.h. */
#include "io/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DURABLE_LOCK_LOOK_MS 5u

static bool durable_write_all(int fd, const char *bytes, size_t count)
{
    while (count) {
        ssize_t done = write(fd, bytes, count);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        bytes += done;
        count -= (size_t)done;
    }
    return fsync(fd) == 0;
}

int durable_open_folder_of(const char *path)
{
    char folder[PATH_MAX];
    char *slash;

    snprintf(folder, sizeof folder, "%s", path);
    slash = strrchr(folder, '/');
    if (!slash)
        snprintf(folder, sizeof folder, ".");
    else
        slash[slash == folder] = '\0';
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* A rename is durable only once the folder is. */
bool durable_sync_folder_of(const char *path)
{
    int fd = durable_open_folder_of(path);
    bool ok;

    if (fd < 0)
        return false;
    ok = fsync(fd) == 0;
    close(fd);
    return ok;
}

bool durable_write(const char *path, const void *bytes, size_t count, struct err *e)
{
    char fresh[PATH_MAX];
    int length = snprintf(fresh, sizeof fresh, "%s.%ld.new", path, (long)getpid());
    bool ok;
    int fd;

    if (length < 0 || (size_t)length >= sizeof fresh)
        return err_set_errno(e, ENAMETOOLONG, RETRY_NEVER, "cannot write %.200s", path);
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot write %.200s", path);
    ok = durable_write_all(fd, bytes, count);
    if (close(fd) != 0)
        ok = false;
    if (ok && rename(fresh, path) == 0 && durable_sync_folder_of(path))
        return true;
    err_set_errno(e, errno ? errno : EIO, RETRY_NEVER, "cannot write %.200s", path);
    unlink(fresh);
    return false;
}

bool durable_read(const char *path, size_t count_max, char **out_bytes, size_t *out_count,
                  struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block us */
    struct stat found;
    size_t count = 0;
    ssize_t got = 1;
    char *bytes;

    *out_bytes = NULL;
    *out_count = 0;
    if (fd < 0)
        return errno == ENOENT || err_set_errno(e, errno, RETRY_NEVER, "cannot read %.200s", path);
    if (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode)) {
        close(fd);
        return err_set(e, ERR_IO, RETRY_NEVER, "%.200s is not a regular file", path);
    }
    bytes = malloc(count_max + 2);
    while (bytes && got != 0 && count <= count_max) {
        got = read(fd, bytes + count, count_max + 1 - count);
        if (got < 0 && errno != EINTR)
            break;
        count += got > 0 ? (size_t)got : 0;
    }
    if (!bytes || got < 0) {
        err_set_errno(e, bytes ? errno : ENOMEM, RETRY_NEVER, "cannot read %.200s", path);
    } else if (count > count_max) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "%.200s is larger than the %zu bytes it may have", path,
                count_max);
    } else {
        bytes[count] = '\0';
        *out_bytes = bytes;
        *out_count = count;
    }
    if (err_is_set(e))
        free(bytes);
    close(fd);
    return !err_is_set(e);
}

bool durable_make_folder(const char *path, struct err *e)
{
    char folder[PATH_MAX];
    int length = snprintf(folder, sizeof folder, "%s", path);

    if (length <= 0 || (size_t)length >= sizeof folder)
        return err_set_errno(e, ENAMETOOLONG, RETRY_NEVER, "cannot make the folder %.200s", path);
    for (char *at = folder + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdir(folder, 0700) != 0 && errno != EEXIST)
            return err_set_errno(e, errno, RETRY_NEVER, "cannot make the folder %.200s", folder);
        *at = '/';
    }
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot make the folder %.200s", folder);
    return true;
}

/* Another look at what somebody else has; false when it was waited for long enough. */
static bool durable_wait(uint32_t *waited_ms)
{
    const struct timespec pause = {0, DURABLE_LOCK_LOOK_MS * 1000000};

    if (*waited_ms >= DURABLE_LOCK_WAIT_MS)
        return false;
    *waited_ms += DURABLE_LOCK_LOOK_MS;
    nanosleep(&pause, NULL);
    return true;
}

int durable_flock(int fd)
{
    uint32_t waited_ms = 0;

    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int why = errno;

        if (why != EWOULDBLOCK || !durable_wait(&waited_ms))
            return why;
    }
    return 0;
}

int durable_open(const char *path, int flags)
{
    uint32_t waited_ms = 0;
    int fd;

    do
        fd = open(path, flags);
    while (fd < 0 && errno == EBUSY && durable_wait(&waited_ms));
    return fd;
}

bool durable_lock(const char *path, bool patient, int *out_fd, struct err *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int why = 0;

    if (fd < 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot lock %.200s", path);
    if (patient)
        why = durable_flock(fd);
    else if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        why = errno;
    if (why != 0) {
        close(fd);
        if (why == EWOULDBLOCK)
            return err_set(e, ERR_CONFLICT, RETRY_NEVER, "another process holds %.200s", path);
        return err_set_errno(e, why, RETRY_NEVER, "cannot lock %.200s", path);
    }
    *out_fd = fd;
    return true;
}
