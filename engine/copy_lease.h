/* copy_lease.h - the target for one copy alone: a lock on this machine, a lease at the target's host.
 *
 * Knows:         when both are taken, prolonged and given back; which refusals end a copy.
 * Must not know: what the copy does meanwhile.
 * Threads:       the reactor's.
 *
 * The lock is a file of the state folder, one a target, held from the first step to the last; the kernel
 * gives it back when the process dies. The lease is for copies that do not share that folder: taken right
 * before the target's first change, prolonged beside the steps, given back at the end, however that comes.
 * A process that dies leaves it to end by itself; the next one here finds its name in the lock's file and
 * takes it up again at once. A host without leases, or a SAS that permits none, is
 * used without one, and a sentence says so.
 */
#ifndef ENGINE_COPY_LEASE_H
#define ENGINE_COPY_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "blockmap/marker.h"
#include "io/endpoint.h"
#include "io/timers.h"

#define COPY_LEASE_RENEW_NS (20ull * 1000000000ull) /* of 60 s: two failures are survived */
#define COPY_LEASE_RETRY_NS (2ull * 1000000000ull)  /* after a renewal that failed */
#define COPY_LEASE_LOOK_NS  (1ull * 1000000000ull)  /* while the copy waits for a new URL */

struct copy;

struct copy_lease {
    /* set before the lease is taken */
    char id[MARKER_UUID_MAX_BYTES]; /* what a resumed copy must name again; kept in its journal */
    /* changes, reactor thread only */
    bool held;
    bool refused;    /* there are none here: said once */
    bool busy;       /* req is under way */
    bool letting_go; /* the copy ended: no renewal any more */
    struct timer timer;
    struct setup_req req; /* of renewals and of the release; the first is a step's */
    int lock_fd;          /* + 1; 0 = no lock */
};

/* ---- Life ---- */
void copy_lease_begin(struct copy *copy, const char *id); /* NULL: a new one */
/* The copy ends: gives back what it has. False: the host is still asked, and copy_post follows. */
bool copy_lease_let_go(struct copy *copy);

/* ---- Steps of copy.c ---- */
bool copy_want_lock(const struct copy *copy);
bool copy_after_lock(struct copy *copy);
bool copy_want_lease(const struct copy *copy);      /* of a target that was there */
bool copy_want_lease_made(const struct copy *copy); /* of one that this copy made */
bool copy_start_lease(struct copy *copy);
bool copy_after_lease(struct copy *copy);
bool copy_failed_lease(struct copy *copy, const struct err *error);

/* ---- Look ---- */
/* An error that ends a copy because its lease is gone says so; others stay as they are. */
void copy_lease_explain(const struct copy *copy, struct err *error);

#endif
