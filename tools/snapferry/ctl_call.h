/* ctl_call.h - one command to a run, and its answer.
 *
 * Knows:         the control socket, lines.
 * Must not know: verbs, what an answer says.
 * Threads:       blocking; the main thread.
 */
#ifndef SNAPFERRY_CTL_CALL_H
#define SNAPFERRY_CTL_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include "blockmap/err.h"

#define CTL_ANSWER_MAX_BYTES (64u << 20)
#define CTL_ANSWER_WAIT_MS   120000 /* a new URL is tried out before it is answered for */

/* line: without newline. The answer is malloc'd and NUL-terminated, without newline. Whatever fails is that
 * nobody answers; but ERR_USAGE: of the path. */
bool ctl_call(const char *path, const char *line, char **out_answer, size_t *out_bytes,
              struct err *e);

#endif
