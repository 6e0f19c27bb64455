/* durable_later.h - durable_write with its syncs left to the reactor: those of many files go together.
 *
 * Knows:         write, sync, rename, and that nothing may wait for a disk meanwhile.
 * Must not know: what the files mean.
 * Threads:       the reactor's. Opening, writing and renaming are calls of microseconds; syncs are not.
 */
#ifndef IO_DURABLE_LATER_H
#define IO_DURABLE_LATER_H

#include <stdbool.h>
#include <stddef.h>

#include "blockmap/err.h"
#include "io/reactor.h"

typedef void durable_done_fn(void *arg, const struct err *error);

/* As durable_write. done runs once, from the reactor, when path holds bytes durably, or *error says why
 * the old content stays. False: nothing was begun, done never runs, *e is set. Two of one path must not
 * be under way in one process. */
bool durable_write_later(struct reactor *r, const char *path, const void *bytes, size_t count,
                         durable_done_fn *done, void *arg, struct err *e);

#endif
