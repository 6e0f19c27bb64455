/* endpoint_file_node.c - the file itself: what path names, its size, its making. See endpoint_file.h.
 *
 * Knows:         kinds of file, ioctls, why some are no disk.
 * Must not know: what is read or written. These calls block, briefly: before and after a copy.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "io/durable.h"
#include "io/endpoint_file_parts.h"

#define CREATE_MODE 0600 /* it will hold a disk, with whatever secrets that disk has */

/* What a file of this kind is called, or NULL when it can be a disk. */
static const char *refused_kind(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
    case S_IFBLK:
        return NULL;
    case S_IFDIR:
        return "a directory";
    case S_IFIFO:
        return "a FIFO";
    case S_IFSOCK:
        return "a socket";
    case S_IFCHR:
        return "a character device";
    default:
        return "of an unknown kind";
    }
}

static bool judge_kind(const struct endpoint_file *f, const struct stat *st, struct err *e)
{
    const char *kind = refused_kind(st->st_mode);

    return !kind ||
           err_set(e, ERR_USAGE, RETRY_NEVER,
                   "%.200s is %s; a disk is a regular file or a block device", f->path, kind);
}

static bool size_of(const struct endpoint_file *f, const struct stat *st, uint64_t *out_size_bytes,
                    struct err *e)
{
    uint64_t size_bytes = (uint64_t)st->st_size;

    if (S_ISBLK(st->st_mode) && ioctl(f->fd, BLKGETSIZE64, &size_bytes) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot find out the size of %.200s", f->path);
    if (size_bytes % ENDPOINT_PAGE_BYTES != 0)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%.200s has %llu bytes, which is no multiple of %u: it is no disk", f->path,
                       (unsigned long long)size_bytes, ENDPOINT_PAGE_BYTES);
    if (size_bytes > ENDPOINT_FILE_SIZE_MAX_BYTES)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "%.200s is larger than any disk", f->path);
    *out_size_bytes = size_bytes;
    return true;
}

/* A node's times do not move when its device is written, so they prove nothing: two openings of a
 * block device never have the same etag. */
static void make_device_etag(struct endpoint_file *f)
{
    snprintf(f->device_etag, sizeof f->device_etag, "\"dev-%d-%llx\"", (int)getpid(),
             (unsigned long long)reactor_wall_ns(f->head.reactor));
}

static bool adopt(struct endpoint_file *f, struct err *e)
{
    struct stat st;
    uint64_t size_bytes = 0;
    int flags = fcntl(f->fd, F_GETFL);

    if (fstat(f->fd, &st) != 0 || flags < 0 || fcntl(f->fd, F_SETFL, flags & ~O_NONBLOCK) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot open %.200s", f->path);
    if (!judge_kind(f, &st, e) || !size_of(f, &st, &size_bytes, e))
        return false;
    f->device = st.st_dev;
    f->inode = st.st_ino;
    f->block_device = S_ISBLK(st.st_mode);
    if (f->block_device)
        make_device_etag(f);
    file_direct_open(f, size_bytes);
    return true;
}

/* O_EXCL on a block device (without O_CREAT) is the kernel's own guard: it refuses one that is
 * mounted. O_NONBLOCK: a FIFO that took the file's place must not hang us; adopt takes it off. */
static int open_flags(const struct endpoint_file *f, const struct stat *st)
{
    int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (f->writable ? O_RDWR : O_RDONLY);

    return f->writable && S_ISBLK(st->st_mode) ? flags | O_EXCL : flags;
}

static bool fail_open(const struct endpoint_file *f, int sys_errno, struct err *e)
{
    if (sys_errno == EBUSY)
        return err_set_errno(e, sys_errno, RETRY_NEVER,
                             "%.200s is in use (is it mounted, or part of another device?)",
                             f->path);
    return err_set_errno(e, sys_errno, RETRY_NEVER, "cannot open %.200s", f->path);
}

bool file_node_open(struct endpoint_file *f, struct err *e)
{
    struct stat st;

    assert(f->fd < 0);
    if (stat(f->path, &st) != 0) {
        if (errno != ENOENT)
            return fail_open(f, errno, e);
        return lstat(f->path, &st) != 0 ||
               err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%.200s is a symbolic link to something that does not exist", f->path);
    }
    if (!judge_kind(f, &st, e))
        return false;
    f->fd = durable_open(f->path, open_flags(f, &st));
    if (f->fd < 0)
        return fail_open(f, errno, e);
    if (adopt(f, e))
        return true;
    file_node_close(f);
    return false;
}

bool file_node_look(struct endpoint_file *f, struct stat *out_stat, uint64_t *out_size_bytes,
                    struct err *e)
{
    struct stat named;

    if (fstat(f->fd, out_stat) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot look at %.200s", f->path);
    if (stat(f->path, &named) != 0 || named.st_dev != f->device || named.st_ino != f->inode)
        return err_set(e, ERR_GONE, RETRY_REPLAN,
                       "%.200s was removed or replaced while it was in use", f->path);
    return size_of(f, out_stat, out_size_bytes, e);
}

void file_node_etag(const struct endpoint_file *f, const struct stat *st,
                    char out_etag[ENDPOINT_ETAG_MAX_BYTES])
{
    if (f->block_device)
        snprintf(out_etag, ENDPOINT_ETAG_MAX_BYTES, "%s", f->device_etag);
    else
        snprintf(out_etag, ENDPOINT_ETAG_MAX_BYTES, "\"%llx-%llx-%llx-%llx.%lx-%llx.%lx\"",
                 (unsigned long long)st->st_dev, (unsigned long long)st->st_ino,
                 (unsigned long long)st->st_size, (unsigned long long)st->st_mtim.tv_sec,
                 (unsigned long)st->st_mtim.tv_nsec, (unsigned long long)st->st_ctim.tv_sec,
                 (unsigned long)st->st_ctim.tv_nsec);
}

/* The number alone would not do, the next file often gets the same; nor would it stay the same where there is
 * no time of birth. The file system's own number may be another after a reboot. */
void file_node_birth(const struct endpoint_file *f, char out_birth[FILE_BIRTH_MAX_BYTES])
{
    struct statx st;

    out_birth[0] = '\0';
    if (f->block_device || statx(f->fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &st) != 0 ||
        !(st.stx_mask & STATX_BTIME))
        return;
    snprintf(out_birth, FILE_BIRTH_MAX_BYTES, "%llx-%llx.%x", (unsigned long long)st.stx_ino,
             (unsigned long long)st.stx_btime.tv_sec, st.stx_btime.tv_nsec);
}

/* ---- Making and growing ---- */

static bool set_size(struct endpoint_file *f, uint64_t size_bytes, struct err *e)
{
    if (size_bytes > ENDPOINT_FILE_SIZE_MAX_BYTES)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "%.200s cannot have %llu bytes", f->path,
                       (unsigned long long)size_bytes);
    if (ftruncate(f->fd, (off_t)size_bytes) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot give %.200s %llu bytes", f->path,
                             (unsigned long long)size_bytes);
    if (fsync(f->fd) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot make %.200s durable", f->path);
    file_direct_open(f, size_bytes);
    return true;
}

/* A device that is missing, or misspelt, must not become a file in /dev that fills the memory. */
static bool names_a_device(const struct endpoint_file *f)
{
    const char *path = strchr(f->head.identity, ':') + 1;

    return strncmp(path, "/dev/", 5) == 0 && strncmp(path, "/dev/shm/", 9) != 0;
}

/* An empty file counts as absent, so it is taken as if it were made here. */
static bool make_empty(struct endpoint_file *f, struct err *e)
{
    struct stat st;

    if (f->fd < 0) {
        if (names_a_device(f))
            return err_set(e, ERR_GONE, RETRY_NEVER, "there is no device %.200s", f->path);
        f->fd = open(f->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, CREATE_MODE);
        if (f->fd < 0 && errno == EEXIST)
            return err_set(e, ERR_CONFLICT, RETRY_REPLAN, "%.200s exists already", f->path);
        if (f->fd < 0)
            return err_set_errno(e, errno, RETRY_NEVER, "cannot create %.200s", f->path);
        return adopt(f, e);
    }
    if (fstat(f->fd, &st) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot look at %.200s", f->path);
    if (f->block_device || st.st_size != 0)
        return err_set(e, ERR_CONFLICT, RETRY_REPLAN, "%.200s exists already", f->path);
    return true;
}

/* The marker comes before the size: whatever moment a power cut chooses, a file that looks like a
 * disk and is not finished says so. And the marker of a file that was here before goes. */
bool file_node_create(struct endpoint_file *f, uint64_t size_bytes, const struct marker *marker,
                      struct err *e)
{
    char birth[FILE_BIRTH_MAX_BYTES];

    if (!make_empty(f, e) || !file_node_claim(f, e))
        return false;
    f->marked = true;
    file_node_birth(f, birth);
    if (marker && marker->state != MARKER_NONE)
        return file_marker_write(f->state_path, marker, birth, e) && set_size(f, size_bytes, e);
    return file_marker_remove(f->state_path, e) && set_size(f, size_bytes, e);
}

/* A block device is opened with O_EXCL already. Where the file system has no locks there is no guard. */
bool file_node_claim(struct endpoint_file *f, struct err *e)
{
    int why;

    if (f->claimed || f->block_device)
        return true;
    why = durable_flock(f->fd);
    f->claimed = why == 0;
    return f->claimed || why != EWOULDBLOCK ||
           err_set(e, ERR_CONFLICT, RETRY_NEVER, "another copy works on %.200s", f->path);
}

bool file_node_resize(struct endpoint_file *f, uint64_t size_bytes, struct err *e)
{
    struct stat st;
    uint64_t now_bytes = 0;

    if (!file_node_look(f, &st, &now_bytes, e))
        return false;
    if (size_bytes < now_bytes)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%.200s is never shrunk", f->path);
    return set_size(f, size_bytes, e);
}

/* The file first: a sidecar without one is seen as none. */
bool file_node_remove(struct endpoint_file *f, struct err *e)
{
    if (unlink(f->path) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot remove %.200s", f->path);
    file_node_close(f);
    f->claimed = f->marked = false;
    f->head.size_bytes = 0;
    return file_marker_remove(f->state_path, e) &&
           (durable_sync_folder_of(f->path) ||
            err_set_errno(e, errno, RETRY_NEVER, "cannot make it durable that %.200s is gone",
                          f->path));
}

void file_node_close(struct endpoint_file *f)
{
    if (f->direct_fd >= 0)
        close(f->direct_fd);
    if (f->fd >= 0)
        close(f->fd);
    f->fd = f->direct_fd = -1;
}

bool endpoint_file_marker(const char *path, struct marker *out_marker, struct err *e)
{
    struct endpoint_file f = {.fd = -1};
    char then[FILE_BIRTH_MAX_BYTES], now[FILE_BIRTH_MAX_BYTES] = "", *sidecar = NULL;
    struct marker marker;
    struct stat st;
    bool ok;

    if (asprintf(&sidecar, "%s" ENDPOINT_FILE_SIDECAR, path) < 0)
        return err_set_errno(e, ENOMEM, RETRY_LATER, "cannot look at the state of %.200s", path);
    ok = file_marker_read(sidecar, &marker, then, e);
    free(sidecar);
    if (!ok)
        return false;
    if (lstat(path, &st) == 0 && S_ISREG(st.st_mode))
        f.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (f.fd >= 0) {
        file_node_birth(&f, now);
        close(f.fd);
    }
    if (then[0] && now[0] && strcmp(then, now) != 0)
        memset(&marker, 0, sizeof marker);
    *out_marker = marker;
    return true;
}
