/* command.h - runs one shell command beside the reactor and hands back what it printed.
 *
 * Knows:         processes, pipes, a limit of time and of bytes.
 * Must not know: what the command is for.
 * Threads:       the reactor's.
 *
 * /bin/sh -c TEXT in a process group of its own, with nothing on stdin, no descriptor of ours but its
 * stdout and stderr, and default signals. The group is killed when the time is over or the command
 * is freed; what the command left running after it ended by itself is its own affair. What it printed may
 * be a secret: it is wiped, and of stderr only a redacted piece is shown.
 */
#ifndef IO_COMMAND_H
#define IO_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "io/reactor.h"

#define COMMAND_OUTPUT_MAX_BYTES 16384u /* of stdout; more is an error */
#define COMMAND_ERROR_MAX_BYTES  2048u  /* of stderr; the rest is dropped */
#define COMMAND_VARIABLES_MAX    12u

struct command;

struct command_setup {
    const char *text; /* copied */
    const char
        *variables[COMMAND_VARIABLES_MAX + 1];     /* "NAME=VALUE", added; ends with NULL; copied */
    const char *hidden[COMMAND_VARIABLES_MAX + 1]; /* names left out of the environment */
    uint64_t limit_ns;
    /* Once, from the reactor; the command may be freed in here. */
    void (*done)(void *arg, struct command *command);
    void *arg;
};

/* NULL and an error when it could not be started; done is not called then. */
struct command *command_start(struct reactor *r, const struct command_setup *setup, struct err *e);
/* Ends it now; done follows as soon as it is gone, with ERR_CANCELED. Waits for nothing, unlike
 * command_free, and is for commands that may be stuck in the kernel. */
void command_stop(struct command *command);
/* NULL is fine. Ends the command if it runs: done is not called then. */
void command_free(struct command *command);

/* In done: kind ERR_NONE when it exited with 0. */
const struct err *command_error(const struct command *command);
/* What it printed, NUL-terminated; a view, secret. */
const char *command_output(const struct command *command);

#endif
