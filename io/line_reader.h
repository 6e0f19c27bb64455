/* line_reader.h - lines from a descriptor, as they come: bounded, and read no faster than they are taken.
 *
 * Knows:         newlines; how pipes, sockets, terminals and files are waited for.
 * Must not know: what a line means, who sends it.
 * Threads:       the reactor's; the callbacks run from it.
 *
 * A line above its maximum is told once, with its whole length, when its end has come; nothing of it is kept.
 * A last line without a newline counts; lines of blanks alone are passed by. NUL is a byte like any other.
 * Lines may be secret: memory they stood in is wiped.
 */
#ifndef IO_LINE_READER_H
#define IO_LINE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "io/reactor.h"

#define LINE_READER_PIECE_BYTES 65536u

struct line_reader;

struct line_reader_setup {
    struct reactor *reactor;
    int fd; /* borrowed; outlives the reader. A pipe is O_NONBLOCK until the reader is freed */
    const char *name;       /* "the standard input"; for errors; static */
    size_t max_bytes;       /* of a line, without its newline */
    size_t first_max_bytes; /* of the first; 0: the same */
    /* line: NUL-terminated behind its bytes, valid during the call. May hold or stop the reader. */
    void (*line)(void *arg, const char *line, size_t bytes);
    void (*too_long)(void *arg, uint64_t bytes, size_t max_bytes);
    /* Once, the last call: no more lines come. An error where it was not simply the end. */
    void (*ended)(void *arg, const struct err *error);
    void *arg;
};

/* ---- Life ---- */
struct line_reader *line_reader_new(const struct line_reader_setup *setup, struct err *e);
/* NULL is fine. Stopped or ended before, and idle; not from a callback. */
void line_reader_free(struct line_reader *reader);

/* ---- Use ---- */
void line_reader_start(struct line_reader *reader);
/* Held: no line is told and, beyond what is in memory, none read. */
void line_reader_hold(struct line_reader *reader, bool held);
void line_reader_stop(struct line_reader *reader); /* no callback comes any more */

/* ---- Look ---- */
/* Nothing of it is with the kernel. After a stop that may take a turn where the lines are in a file. */
bool line_reader_idle(const struct line_reader *reader);

#endif
