/* mem_lease.h - the lease of a disk in memory: what a host would say to each change of it.
 *
 * Knows:         one lease, its end, and the name that changes carry.
 * Must not know: what is changed.
 * Threads:       one owner; time is told.
 */
#ifndef IO_MEM_LEASE_H
#define IO_MEM_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"

#define MEM_LEASE_BYTES 40u
#define MEM_LEASE_NS    (60ull * 1000000000ull)

struct mem_lease {              /* zeroed = none */
    char held[MEM_LEASE_BYTES]; /* at the host; "" = none */
    uint64_t until_ns;
    char carried[MEM_LEASE_BYTES]; /* by our changes; "" = nothing */
};

/* Each false with an error as a blob's host would give it. */
bool mem_lease_take(struct mem_lease *lease, const char *id, uint64_t now_ns, struct err *e);
bool mem_lease_give(struct mem_lease *lease, const char *id, struct err *e);
bool mem_lease_allows(const struct mem_lease *lease, uint64_t now_ns, struct err *e);

#endif
