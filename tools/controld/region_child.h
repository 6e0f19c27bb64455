/* region_child.h - a region of our own: one supervised `regiond`, started again whenever it ends.
 *
 * Knows:         its folder (data, the account's key, the port it had), its command line, the pauses
 *                between starts.
 * Must not know: what is stored in it, who uses it.
 * Threads:       the reactor's.
 *
 * Killed at any moment of its making, the folder is completed the next time. Key and port stay the same for
 * as long as the folder is there; a port that somebody else has when we begin is given up for another one.
 */
#ifndef CONTROLD_REGION_CHILD_H
#define CONTROLD_REGION_CHILD_H

#include <stdbool.h>

#include "blockmap/err.h"
#include "io/reactor.h"

struct region_child;

struct region_child_setup { /* texts are copied */
    struct reactor *reactor;
    const char *program;   /* regiond */
    const char *name;      /* of the region, and of its account */
    const char *folder;    /* its own; made */
    const char *container; /* is in the account when it serves */
    /* It serves for the first time. */
    void (*serves)(void *arg, struct region_child *child);
    /* It never served, and will not. What happens later is told to log and mended. */
    void (*failed)(void *arg, const struct err *error);
    void (*log)(void *arg, const char *sentence);
    void *arg;
};

/* ---- Life ---- */
struct region_child *region_child_start(const struct region_child_setup *setup, struct err *e);
void region_child_end(struct region_child *child);  /* SIGTERM, and it is not started again */
void region_child_free(struct region_child *child); /* NULL is fine; waits for its end, a few s */

/* ---- Look ---- */
bool region_child_served(const struct region_child *child); /* once, at least: and the URL stays */
const char *region_child_url(const struct region_child *child);      /* of the account */
const char *region_child_key_file(const struct region_child *child); /* base64, 0600 */

#endif
