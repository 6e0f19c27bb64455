/* zero.h - where a buffer holds nothing but zero bytes.
 *
 * Knows: bytes. Must not know: disks. Threads: any; pure.
 */
#ifndef BLOCKMAP_ZERO_H
#define BLOCKMAP_ZERO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zero_run {
    size_t offset; /* bytes from the start of the buffer, a multiple of page_bytes */
    size_t length; /* bytes, a multiple of page_bytes */
};

/* True when all count bytes are zero (true for none). Fast on both answers. */
bool zero_is(const void *bytes, size_t count);

/* Finds runs of zero pages at least run_min_bytes long, in order. When there are more than
 * runs_max, the longest runs_max are kept (still in order). A buffer that is zero throughout is one
 * run, however short. count must be a multiple of page_bytes. Returns how many runs. */
size_t zero_runs(const void *bytes, size_t count, size_t page_bytes, size_t run_min_bytes,
                 struct zero_run *out_runs, size_t runs_max);

#endif
