/* bench_walk.h - which bytes of a source a measurement reads next: those that hold data, at one size.
 *
 * Knows:         where data is, a place to go on from.
 * Must not know: what is done with them.
 * Threads:       none; one owner. Pure.
 *
 * In order, and from the end to the beginning again; or scattered: runs of BENCH_WALK_RUN_BYTES from all over
 * the disk, always the same ones, so that two measurements of different ways see the same content, and a
 * short one sees a fair share of it. A request begins where data is; over holes that follow it goes on.
 */
#ifndef ENGINE_BENCH_WALK_H
#define ENGINE_BENCH_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/extent.h"

#define BENCH_WALK_RUN_BYTES (4u << 20) /* what is compressed as one record, at most */

struct bench_walk {
    /* set once */
    const struct extent_set *data; /* borrowed; not empty */
    uint64_t source_bytes;         /* at least any request's; whole pages */
    bool scattered;
    /* changes */
    uint64_t at;        /* the next begins here, or behind */
    uint64_t run_bytes; /* read since the last jump */
    uint64_t jumps;
};

void bench_walk_init(struct bench_walk *walk, const struct extent_set *data, uint64_t source_bytes,
                     bool scattered);
/* The offset of the next request: whole pages, inside the source. length <= source_bytes. */
uint64_t bench_walk_next(struct bench_walk *walk, uint32_t length);

#endif
