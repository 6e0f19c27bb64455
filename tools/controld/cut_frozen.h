/* cut_frozen.h - machines whose thaw failed: it is tried again until it works, and nothing is cut of them
 * meanwhile.
 *
 * Knows:         which machine is meant by which record (cut_thaw.h); how long to wait between tries.
 * Must not know: how a thaw is done, restore points' rows.
 * Threads:       the reactor's.
 *
 * A frozen guest is a production outage: each try that fails is a sentence in the log, none is the last.
 * Machines do not wait for each other. Who repairs one by hand removes its record: it counts as thawed at
 * the next try.
 */
#ifndef CONTROLD_CUT_FROZEN_H
#define CONTROLD_CUT_FROZEN_H

#include "tools/controld/cut_thaw.h"

#define CUT_FROZEN_AGAIN_NS     (4 * NS_PER_S) /* after the thaw that failed; then twice that... */
#define CUT_FROZEN_AGAIN_MAX_NS (256 * NS_PER_S) /* ...and at least so often */

struct cut_frozen;

struct cut_frozen_setup {
    struct reactor *reactor;
    const char *folder; /* of the records; copied */
    void (*log)(void *arg, const char *sentence);
    void *arg;
};

/* ---- Life ---- */
struct cut_frozen *cut_frozen_new(const struct cut_frozen_setup *setup, struct err *e);
/* Once, before anything is cut: what an earlier life left is thawed. done: that was tried of all; what
 * failed is tried again from then on. */
bool cut_frozen_recover(struct cut_frozen *frozen, void (*done)(void *arg), void *arg,
                        struct err *e);
void cut_frozen_stop(struct cut_frozen *frozen);    /* nothing is tried again */
void cut_frozen_give_up(struct cut_frozen *frozen); /* stopped: what runs is ended, too */
bool cut_frozen_idle(const struct cut_frozen *frozen);
void cut_frozen_free(struct cut_frozen *frozen); /* NULL is fine; stopped and idle, or never used */

/* ---- Use ---- */
/* A cut has ended, and its thaw failed: why. */
void cut_frozen_add(struct cut_frozen *frozen, const char *machine, const char *point,
                    const char *why);
/* The restore point since which the machine may be frozen; NULL: it is not, as far as is known. A view
 * until the next turn. */
const char *cut_frozen_since(const struct cut_frozen *frozen, const char *machine);

#endif
