/* endpoint_file.h - a regular file or a block device as one end of a copy.
 *
 * Knows:         holes, O_DIRECT, allocation, the sidecar that holds the marker.
 * Must not know: what a disk contains, why a range is moved.
 * Threads:       the reactor's; file I/O goes through the ring.
 * Errors:        sentences that name the path and the offset. ENOSPC and EIO are final
 *                (RETRY_NEVER); a file that shrank or was replaced is ERR_GONE, RETRY_REPLAN.
 */
#ifndef IO_ENDPOINT_FILE_H
#define IO_ENDPOINT_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "blockmap/marker.h"
#include "io/endpoint.h"

/* A target at least this large is written past the page cache where its file system allows it: it
 * would not fit there anyway and would push out what others need. Sources are read buffered unless
 * they are block devices: read-ahead helps a single reader, and images are often cached already. */
#define ENDPOINT_FILE_DIRECT_MIN_BYTES (1ull << 30)
#define ENDPOINT_FILE_SIZE_MAX_BYTES   (1ull << 62)
#define ENDPOINT_FILE_PATH_MAX_BYTES   4096u

enum endpoint_file_direct {
    ENDPOINT_FILE_DIRECT_AUTO, /* block devices, and targets of DIRECT_MIN_BYTES or more */
    ENDPOINT_FILE_DIRECT_ON,   /* wherever the file system takes it; else buffered, quietly */
    ENDPOINT_FILE_DIRECT_OFF
};

struct endpoint_file_options {
    bool writable;                    /* a target; else read-only, and nothing is ever created */
    enum endpoint_file_direct direct; /* a target goes direct only where 512 bytes are aligned */
    const char *state_path; /* of the sidecar; NULL = path and ".snapferry"; copied. Of a block
                               device that is a place in /dev, which a restart empties */
};

struct reactor;

/* A path that does not exist is no error (stat says so; SETUP_CREATE makes it), and an empty target
 * counts as absent. A FIFO, socket, directory, terminal or other character device, a loop of symlinks,
 * a size that is no multiple of 512, a target that is mounted, is refused with a sentence. The reactor
 * is borrowed. Identity: "file:" and the real path. The etag of a block device is another each time
 * it is opened, because nothing about it tells whether it was written meanwhile. From its first marker
 * or fence to its close a file is locked: a second copy into it is ERR_CONFLICT. */
struct endpoint *endpoint_file_open(struct reactor *r, const char *path,
                                    const struct endpoint_file_options *options, struct err *e);

/* What the sidecar beside path says of the file there (of a device: said last). State NONE: nothing, or it is
 * of a file that had the name before. Opens no device. */
bool endpoint_file_marker(const char *path, struct marker *out_marker, struct err *e);

/* Does a request of this offset, length and memory go past the page cache? For tests and --json. */
bool endpoint_file_is_direct(const struct endpoint *ep, uint64_t offset, uint32_t length,
                             const void *memory);
/* How many reads and writes did so. */
uint64_t endpoint_file_direct_count(const struct endpoint *ep);

#endif
