/* bound_process.h - a program whose life is bound to ours: when we end, killed or not, so does it.
 *
 * Knows:         fork, the signal at a parent's death, the lines that it prints, its end.
 * Must not know: what the program is for, whether it is started again.
 * Threads:       the reactor's, which must be the process's first: the kernel watches that thread.
 *
 * It gets a session of its own (Ctrl-C at our terminal is for us), nothing on stdin, our stderr, the
 * environment of child_environment.h, and no descriptor of ours.
 */
#ifndef CONTROLD_BOUND_PROCESS_H
#define CONTROLD_BOUND_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "blockmap/err.h"
#include "io/reactor.h"

#define BOUND_LINE_MAX_BYTES 2047u /* of a line; the rest of it is dropped */

struct bound_process;

struct bound_process_setup {
    struct reactor *reactor;
    const char *const *arguments; /* ends with NULL; the first is the program's path; no secret */
    const char *const *variables; /* "NAME=VALUE", added, may be secret; ends with NULL; or NULL */
    /* The first line of its stdout, at most once; NULL: nobody wants it. It is not freed in here. */
    void (*line)(void *arg, const char *line);
    bool every_line; /* each that is not empty, not only the first */
    /* Once, the last call, with the status of waitpid. It may be freed in here. */
    void (*ended)(void *arg, int status);
    void *arg;
};

/* NULL and an error when it could not be started. (What cannot be executed ends with status 127.) */
struct bound_process *bound_process_start(const struct bound_process_setup *setup, struct err *e);
void bound_process_end(struct bound_process *process); /* SIGTERM; its end follows */
/* NULL is fine. One that runs is asked to end, has limit_ns for that, and is killed then; this waits for
 * it, and no callback comes. */
void bound_process_free(struct bound_process *process, uint64_t limit_ns);

pid_t bound_process_id(const struct bound_process *process); /* 0: it is gone */

#endif
