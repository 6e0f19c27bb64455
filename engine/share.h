/* share.h - who may begin the next range: one pool of buffers and one budget for all disks of a process.
 *
 * Knows:         units (restore points), their seats (disks), weights; token buckets by blob, by account and
 *                for the process; the pool. How a mover asks: share_turn.h.
 * Must not know: endpoints, HTTP, what a range is copied for.
 * Threads:       the reactor's.
 *
 * Fair by bytes: units share equally, the seats of one unit by their weights; a seat that has nothing to ask
 * for takes nothing, and what it did not use is not owed to it. What nobody else wants is never held back,
 * but for the last quarter of the pool, and of that as much as those lack who hold less than their part of
 * it: seats that hold theirs do not take that, so that disks whose hosts do not answer cannot hold it all.
 * Where more disks than buffers begin together, each has one at most until they asked, for 2 s; and what the
 * others moved before a disk's first range is owed to it, up to 64 MiB: so equal disks end together.
 *
 * The pool is used beyond its first 64 MiB only as far as that makes the whole faster.
 *
 * A request carries at most 100 ms of the tightest cap that counts for it, at least 64 KiB, and a power of
 * two of bytes. Caps are held at the moment a request is sent: by what is read and by what is written, each;
 * what is tried again is charged again, and a request may leave a debt of itself.
 */
#ifndef ENGINE_SHARE_H
#define ENGINE_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "engine/job_spec.h"
#include "io/bufpool.h"
#include "io/reactor.h"

#define SHARE_REQUEST_NS        (100ull * NS_PER_MS) /* of a cap, in one request at most */
#define SHARE_REQUEST_MIN_BYTES 65536u
#define SHARE_SEAT_REST_BYTES   (320u << 10) /* what a disk under way takes beside buffers, about */
#define SHARE_WEIGHT_MAX        JOB_PRIORITY_MAX

struct share;
struct share_unit;
struct share_seat;

/* What a side is limited by; NULL: by nothing of that kind (a file has neither). Copied. */
struct share_side {
    const char *blob;    /* the page blob, whatever the snapshot: all of it shares one bucket */
    const char *account; /* its storage account */
};

/* Since the share began. */
struct share_counts {
    uint64_t read_bytes, written_bytes; /* sent for, tries that failed included */
    uint64_t requests; /* of ranges and their tries; lists and looks are not here */
    uint32_t waiting;  /* now: ranges that wait for a cap or a buffer */
};

/* ---- Life ---- */
/* reactor and pool are borrowed; the pool has no other watcher. Its limit is memory_bytes from now on, if
 * that is not 0. */
struct share *share_new(struct reactor *r, struct bufpool *pool, const struct job_limits *limits,
                        struct err *e);
void share_free(struct share *share); /* NULL is fine; no unit is left */
struct share_unit *share_unit_new(struct share *share, struct err *e);
void share_unit_free(struct share_unit *unit); /* NULL is fine; no seat is left */
/* The seat of one disk; it serves whatever of that disk moves: copy, read back, verify. weight: 1 to
 * SHARE_WEIGHT_MAX. */
struct share_seat *share_seat_new(struct share_unit *unit, uint32_t weight,
                                  const struct share_side *source, const struct share_side *target,
                                  struct err *e);
void share_seat_free(struct share_seat *seat); /* NULL is fine; nobody asks through it */

/* ---- Steer; all of it counts from the next request on ---- */
void share_set_limits(struct share *share, const struct job_limits *limits);
void share_seat_set_weight(struct share_seat *seat, uint32_t weight);

/* ---- Look ---- */
struct share_counts share_count(const struct share *share);
uint32_t share_seat_held_count(const struct share_seat *seat); /* buffers */

#endif
