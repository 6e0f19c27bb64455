/* whole_file.h - large files that are there whole or not at all: written in pieces, read in pieces.
 *
 * Knows:         write beside (PATH.new, mode 0600, locked), sync, rename. Blocking, piece by piece: each
 *                is small, and lands in the page cache.
 * Must not know: what the files mean.
 * Threads:       none; one owner.
 */
#ifndef IO_WHOLE_FILE_H
#define IO_WHOLE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"

struct whole_writer;
struct whole_reader;

/* ---- Write ---- */

/* Begins PATH.new, anew if an earlier process left one. ERR_CONFLICT when another process writes it;
 * refused when something other than a regular file stands at path. */
struct whole_writer *whole_writer_open(const char *path, struct err *e);
bool whole_writer_append(struct whole_writer *writer, const void *bytes, size_t count,
                         struct err *e);
/* In any place, holes between; not to be mixed with append. */
bool whole_writer_put(struct whole_writer *writer, uint64_t offset, const void *bytes, size_t count,
                      struct err *e);
/* Everything durable, and in the place of what was at path. Only close may follow. */
bool whole_writer_commit(struct whole_writer *writer, struct err *e);
void whole_writer_close(
    struct whole_writer *writer); /* NULL is fine; drops what was not committed */

/* ---- Read ---- */

/* A regular file only: a FIFO must not block us. */
struct whole_reader *whole_reader_open(const char *path, struct err *e);
/* The next bytes, at most count_max; *out_count 0 is the end of the file. */
bool whole_reader_read(struct whole_reader *reader, void *out_bytes, size_t count_max,
                       size_t *out_count, struct err *e);
bool whole_reader_rewind(struct whole_reader *reader, struct err *e);
void whole_reader_close(struct whole_reader *reader); /* NULL is fine */

#endif
