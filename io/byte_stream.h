/* byte_stream.h - a file or a pipe, forward only: whole writes, or reads of what is there, on the reactor.
 *
 * Knows:         which descriptors have offsets (the ring moves their bytes) and which are waited for (poll).
 * Must not know: what the bytes mean.
 * Threads:       the reactor's. One operation at a time; `done` runs from the reactor.
 * Errors:        name the stream; a reader of our pipe that went away is ERR_IO with EPIPE.
 *
 * A pipe is set to O_NONBLOCK until it is closed; one end of it is ours alone while we use it.
 */
#ifndef IO_BYTE_STREAM_H
#define IO_BYTE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "io/reactor.h"

#define BYTE_STREAM_NAME_MAX_BYTES 300u

struct byte_stream {
    /* set at open */
    struct reactor *reactor;
    int fd;
    bool owned;    /* closed with it */
    bool seekable; /* a regular file */
    int old_flags; /* of a pipe; -1: not changed */
    char name[BYTE_STREAM_NAME_MAX_BYTES];
    /* changes */
    uint64_t at_bytes; /* SEEKABLE: where the next operation begins */
    struct reactor_op op;
    struct reactor_task task;
    bool busy, polling, writing, gave_up;
    unsigned char *memory;
    size_t wanted, moved;
    struct err err; /* of the operation under way */
    void (*done)(void *arg, size_t moved, const struct err *error);
    void *arg;
};

/* Takes fd: a regular file from where it stands, or a pipe, socket or character device. A terminal or a
 * folder is refused. owned: closed by byte_stream_close, also when this fails. */
bool byte_stream_open(struct byte_stream *bs, struct reactor *r, int fd, bool owned,
                      const char *name, struct err *e);
void byte_stream_close(struct byte_stream *bs); /* nothing under way; a zeroed struct is fine */

/* All count bytes, or an error. memory stays until done. */
void byte_stream_write(struct byte_stream *bs, const void *memory, size_t count,
                       void (*done)(void *arg, size_t moved, const struct err *error), void *arg);
/* At least one byte, at most count; 0 at the end. */
void byte_stream_read(struct byte_stream *bs, void *memory, size_t count,
                      void (*done)(void *arg, size_t moved, const struct err *error), void *arg);
/* What waits for the other end of a pipe ends with ERR_CANCELED, soon; so does all that follows. */
void byte_stream_give_up(struct byte_stream *bs);
void byte_stream_rewind(struct byte_stream *bs,
                        uint64_t at_bytes); /* SEEKABLE, nothing under way */

#endif
