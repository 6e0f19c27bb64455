/* ferry_spawn.h - starts a copying process: its pipes, its environment, its signals.
 *
 * Knows:         posix_spawn.
 * Must not know: what is said over the pipes.
 * Threads:       none; a short blocking call.
 */
#ifndef CONTROLD_FERRY_SPAWN_H
#define CONTROLD_FERRY_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "blockmap/err.h"

#define FERRY_SPAWN_HELD_FD 3 /* in the child */

struct ferry_spawned {
    pid_t pid;  /* the caller reaps it */
    int pid_fd; /* these are the caller's */
    int input;  /* a socket */
    int output, errors;
};

/* held_fd: borrowed; the child has it as FERRY_SPAWN_HELD_FD. ERR_USAGE: there is no such program. */
bool ferry_spawn(const char *const *arguments, int held_fd, struct ferry_spawned *out_spawned,
                 struct err *e);

#endif
