/* cut_strays.h - commands that a killed life of this program left running: ended before anything is
 * thawed or cut again, for a freeze that comes after its thaw would never end.
 *
 * Knows:         that a hook and what it starts has SNAPFERRY_RECORD in its environment, what cuts a raw
 *                disk SNAPFERRY_CUT, each with a path of its own; /proc.
 * Must not know: what they do.
 * Threads:       the reactor's. Looking takes a few milliseconds.
 */
#ifndef CONTROLD_CUT_STRAYS_H
#define CONTROLD_CUT_STRAYS_H

#include "io/reactor.h"

#define CUT_STRAYS_LIMIT_NS (30 * NS_PER_S) /* for one that is stuck in the kernel */

struct cut_strays {
    struct reactor *reactor;
    const char *const *variables; /* "NAME=VALUE", ends with NULL; borrowed until done */
    /* Once, from the reactor. An error: some would not end. */
    void (*done)(void *arg, const struct err *error);
    void *arg;
    /* private */
    struct timer timer;
    uint64_t due_ns;
};

void cut_strays_end(struct cut_strays *strays); /* kills them, and waits until they are gone */

/* The command, so that it does nothing when this program died before it could begin: then its environment
 * cannot be seen yet. malloc'd; NULL: no memory. */
char *cut_strays_guard(const char *command);

#endif
