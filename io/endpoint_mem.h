/* endpoint_mem.h - three ends without a disk: memory (tests), pattern (a source of any size), null.
 *
 * Knows:         bytes in memory, what was asked of them.
 * Must not know: files, networks, faults (see endpoint_fault.h).
 * Threads:       the reactor's; completions come from a posted task in a later turn.
 */
#ifndef IO_ENDPOINT_MEM_H
#define IO_ENDPOINT_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "blockmap/extent.h"
#include "blockmap/marker.h"
#include "io/endpoint.h"

#define ENDPOINT_MEM_SNAPSHOTS_MAX  64u
#define ENDPOINT_PATTERN_UNIT_BYTES (256u << 10) /* holes begin and end at multiples of this */

struct reactor;

/* What was asked so far, for tests of traffic. The sets are unions, the _bytes count repeats. */
struct endpoint_mem_traffic {
    struct extent_set read, written, zeroed, pulled;
    uint64_t read_bytes, written_bytes, zeroed_bytes;
    uint64_t reads_count, writes_count, zeros_count, flushes_count, lists_count, setups_count;
    uint64_t pulls_count;
};

/* ---- Memory: every capability; lists what was written, diffs against its own snapshots ---- */
/* size_bytes 0: absent until SETUP_CREATE. Fresh bytes are holes. Its identity is "mem:" and its
 * address, so two are never the same. NULL and an error when memory runs out. */
struct endpoint *endpoint_mem_new(struct reactor *r, uint64_t size_bytes, struct err *e);
/* As if opened anew by another process: nothing may be in flight; content, marker and snapshots stay
 * and the traffic begins at nothing. */
void endpoint_mem_reopen(struct endpoint *ep, struct reactor *r);

/* The content, size_bytes long; valid until the next setup. Write through poke, so that lists,
 * diffs and the etag know of it. */
const unsigned char *endpoint_mem_bytes(const struct endpoint *ep);
/* As a foreign writer would, at once; offset and count in whole pages. */
void endpoint_mem_poke(struct endpoint *ep, uint64_t offset, const void *bytes, size_t count);
void endpoint_mem_poke_clear(struct endpoint *ep, struct extent range);
void endpoint_mem_poke_marker(struct endpoint *ep, const struct marker *marker); /* NULL: none */

const struct extent_set *endpoint_mem_allocated(const struct endpoint *ep);
const struct marker *endpoint_mem_marker(const struct endpoint *ep);
const struct endpoint_mem_traffic *endpoint_mem_traffic(const struct endpoint *ep);

/* From now on a disk that lends, and pulls from another such: ENDPOINT_LENDS, ENDPOINT_CAN_PULL. */
void endpoint_mem_give_pulls(struct endpoint *ep);
/* From now on a disk with ENDPOINT_CAN_LEASE; without it, it has none. */
void endpoint_mem_give_leases(struct endpoint *ep);
/* As another would: takes the lease over for that long; "" breaks it. */
void endpoint_mem_poke_lease(struct endpoint *ep, const char *id, uint64_t for_ns);
const char *endpoint_mem_leased(const struct endpoint *ep); /* whose it is now; "" = nobody's */

/* From now on remember what a flush made durable (twice the memory); then lose_unflushed puts back
 * what a power cut would leave. Setups are durable at once. */
bool endpoint_mem_track_flushes(struct endpoint *ep, struct err *e);
void endpoint_mem_lose_unflushed(struct endpoint *ep);

/* ---- Pattern: a read-only disk whose bytes follow from seed and offset ---- */
/* About hole_permille of a thousand units are holes. No page of data is all zero. */
struct endpoint *endpoint_pattern_new(struct reactor *r, uint64_t size_bytes, uint64_t seed,
                                      uint32_t hole_permille, struct err *e);
/* What such a disk holds at offset; both in whole pages. */
void endpoint_pattern_fill(uint64_t seed, uint32_t hole_permille, uint64_t offset, void *out_bytes,
                           size_t count);

/* ---- Null: takes everything and keeps nothing (ENDPOINT_DISCARDS) ---- */
/* As a target: size_bytes 0 is absent until SETUP_CREATE; a marker is accepted and forgotten.
 * As a source: one hole of size_bytes; a read gives zeros. */
struct endpoint *endpoint_null_new(struct reactor *r, uint64_t size_bytes, struct err *e);
/* For measuring an engine only: lists all of it as data and leaves the buffer of a read untouched,
 * so whatever lay there is copied. Never for a target that keeps anything. */
void endpoint_null_pretend_data(struct endpoint *ep);

#endif
