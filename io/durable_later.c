/* durable_later.c - see durable_later.h. The file is synced before it is renamed, its folder after that. */
#include "io/durable_later.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/durable.h"

struct durable_later {
    struct reactor *reactor;
    struct reactor_op sync;
    int fd; /* of the file, then of the folder */
    bool renamed;
    durable_done_fn *done;
    void *arg;
    char path[PATH_MAX], fresh[PATH_MAX];
};

static bool later_fail(const struct durable_later *later, int why, struct err *e)
{
    return err_set_errno(e, why, RETRY_NEVER, "cannot write %.200s", later->path);
}

static void later_free(struct durable_later *later)
{
    if (later->fd >= 0)
        close(later->fd);
    if (!later->renamed)
        unlink(later->fresh);
    free(later);
}

static void later_end(struct durable_later *later, const struct err *error)
{
    durable_done_fn *done = later->done;
    void *arg = later->arg;

    later_free(later);
    done(arg, error);
}

/* The file is durable under its fresh name. */
static bool later_rename(struct durable_later *later, struct err *e)
{
    int fd = later->fd;

    later->fd = -1;
    if (close(fd) != 0 || rename(later->fresh, later->path) != 0)
        return later_fail(later, errno, e);
    later->renamed = true;
    later->fd = durable_open_folder_of(later->path);
    return later->fd >= 0 || later_fail(later, errno, e);
}

static void later_synced(struct reactor_op *op)
{
    struct durable_later *later =
        (struct durable_later *)((char *)op - offsetof(struct durable_later, sync));
    struct err error = {0};

    if (op->result < 0)
        (void)later_fail(later, (int)-op->result, &error);
    else if (!later->renamed && later_rename(later, &error)) {
        reactor_fsync(later->reactor, &later->sync, later->fd, later_synced);
        return;
    }
    later_end(later, &error);
}

static bool write_all(int fd, const char *bytes, size_t count)
{
    while (count) {
        ssize_t put = write(fd, bytes, count);

        if (put < 0 && errno == EINTR)
            continue;
        if (put == 0)
            errno = ENOSPC;
        if (put <= 0)
            return false;
        bytes += put;
        count -= (size_t)put;
    }
    return true;
}

bool durable_write_later(struct reactor *r, const char *path, const void *bytes, size_t count,
                         durable_done_fn *done, void *arg, struct err *e)
{
    struct durable_later *later = calloc(1, sizeof *later);
    int length;

    if (!later)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to write %.200s", path);
    *later = (struct durable_later){.reactor = r, .fd = -1, .done = done, .arg = arg};
    snprintf(later->path, sizeof later->path, "%s", path);
    length = snprintf(later->fresh, sizeof later->fresh, "%s.%ld.new", path, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof later->fresh) {
        (void)later_fail(later, ENAMETOOLONG, e);
        free(later);
        return false;
    }
    later->fd = open(later->fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (later->fd < 0) {
        (void)later_fail(later, errno, e);
        free(later);
        return false;
    }
    if (!write_all(later->fd, bytes, count)) {
        (void)later_fail(later, errno, e);
        later_free(later);
        return false;
    }
    reactor_fsync(r, &later->sync, later->fd, later_synced);
    return true;
}
