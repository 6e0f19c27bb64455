/* endpoint_stream_out_place.c - where a stream goes: PATH.part and its name at the end, a pipe, a descriptor.
 * Blocking calls of microseconds, before the first record and after the last.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "blockmap/stream_frame.h"
#include "io/durable.h"
#include "io/endpoint_stream_out_parts.h"

#define PART_MODE 0600 /* it holds what the disk holds */

/* Nobody's disk is taken for an old stream. */
static bool place_is_ours(const char *path, struct err *e)
{
    char magic[sizeof STREAM_FRAME_MAGIC] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t took = fd < 0 ? -1 : pread(fd, magic, sizeof magic - 1, 0);

    if (fd >= 0)
        close(fd);
    if (took == 0 || (took > 0 && memcmp(magic, STREAM_FRAME_MAGIC, sizeof magic - 1) == 0))
        return true;
    return err_set(e, ERR_USAGE, RETRY_NEVER,
                   "%.200s exists and is no delta stream: it is not replaced", path);
}

static bool place_open_part(struct endpoint_stream_out *out, struct err *e)
{
    int fd = open(out->part_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, PART_MODE);

    if (fd < 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot create %.200s", out->part_path);
    if (durable_flock(fd) == EWOULDBLOCK) {
        close(fd);
        return err_set(e, ERR_CONFLICT, RETRY_NEVER, "another export writes %.200s",
                       out->part_path);
    }
    if (!place_is_ours(out->part_path, e)) {
        close(fd);
        return false;
    }
    if (fchmod(fd, PART_MODE) != 0) {
        err_set_errno(e, errno, RETRY_NEVER, "cannot write %.200s", out->part_path);
        close(fd);
        return false;
    }
    out->part_open = byte_stream_open(&out->bytes, out->head.reactor, fd, true, out->part_path, e);
    return out->part_open;
}

bool out_place_open(struct endpoint_stream_out *out, struct err *e)
{
    struct stat st;
    int fd;

    if (!out->path[0])
        return byte_stream_open(&out->bytes, out->head.reactor, out->options.fd, true,
                                out->head.name, e);
    if (stat(out->path, &st) != 0) {
        if (errno == ENOENT)
            return place_open_part(out, e);
        return err_set_errno(e, errno, RETRY_NEVER, "cannot look at %.200s", out->path);
    }
    if (S_ISREG(st.st_mode))
        return place_is_ours(out->path, e) && place_open_part(out, e);
    fd = open(out->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot open %.200s", out->path);
    return byte_stream_open(&out->bytes, out->head.reactor, fd, true, out->path, e);
}

bool out_place_finish(struct endpoint_stream_out *out, struct err *e)
{
    if (!out->path[0] || !out->bytes.seekable)
        return true;
    if (rename(out->part_path, out->path) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot name the stream %.200s", out->path);
    if (!durable_sync_folder_of(out->path))
        return err_set_errno(e, errno, RETRY_LATER, "cannot make %.200s durable", out->path);
    return true;
}
