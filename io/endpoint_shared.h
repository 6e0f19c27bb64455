/* endpoint_shared.h - several copies of one source: what one of them reads is read once and given to all.
 *
 * Knows:         the source, who reads it, what each has had or passed by.
 * Must not know: copies, targets, why one is slower than another.
 * Threads:       the reactor's.
 *
 * Each copy has a handle, an endpoint like the source. What a handle reads is kept until every other live
 * handle took it or asked for something behind it; a look at the last page, the footer, passes nothing by.
 * Memory for that is bounded: when it is full the fast ones wait for the slow, but no longer than
 * ENDPOINT_SHARED_PATIENCE_NS; then the slow one falls behind, nothing is kept for it, and it reads by itself
 * until it has caught up. A read that is not the same as, or inside, one that is kept is its own read.
 *
 * A handle never gets bytes that were read before it looked at the source (its last stat), unless the
 * source is a snapshot, which cannot change: so each copy's own proof that nobody wrote to the source
 * meanwhile holds for what it was given. Of such a source lists are shared too; they come without pages.
 */
#ifndef IO_ENDPOINT_SHARED_H
#define IO_ENDPOINT_SHARED_H

#include <stdint.h>

#include "blockmap/err.h"
#include "io/endpoint.h"

#define ENDPOINT_SHARED_HANDLES_MAX 16u
#define ENDPOINT_SHARED_KEPT_BYTES  (64ull << 20) /* at most, by default */
#define ENDPOINT_SHARED_PATIENCE_NS (10ull * 1000000000ull)

struct endpoint_shared;

struct endpoint_shared_counts {
    uint64_t reads_count, read_bytes; /* asked of the source */
    uint64_t given_bytes;             /* to handles, of what another had read */
    uint64_t again_bytes;             /* read by handles that had fallen behind */
    uint64_t behind_count;            /* how often one fell behind */
    uint64_t lists_count;             /* asked of the source */
};

/* ---- Life ---- */
/* The source is borrowed, and from now on read through handles only. kept_bytes: at least one buffer. */
struct endpoint_shared *endpoint_shared_new(struct endpoint *source, uint64_t kept_bytes,
                                            struct err *e);
void endpoint_shared_free(
    struct endpoint_shared *shared); /* NULL is fine; all handles are closed */

/* At most ENDPOINT_SHARED_HANDLES_MAX in its life. Ended by endpoint_close. */
struct endpoint *endpoint_shared_join(struct endpoint_shared *shared, struct err *e);

/* ---- Use ---- */
/* Nothing is kept for this handle any more: its copy has ended. It may still read. */
void endpoint_shared_leave(struct endpoint *handle);

/* ---- Look ---- */
const struct endpoint_shared_counts *endpoint_shared_count(const struct endpoint_shared *shared);

#endif
