/* endpoint_compare.h - wraps a target so that writing to it compares instead: a copy becomes a verify.
 *
 * Knows:         what should be there (the bytes of a write, zeros of a zero) and what is.
 * Must not know: why; what the ranges are.
 * Threads:       the reactor's.
 *
 * A write or zero that finds something else succeeds all the same: the pages that differ are kept.
 * Only a failed read of the target is an error.
 */
#ifndef IO_ENDPOINT_COMPARE_H
#define IO_ENDPOINT_COMPARE_H

#include <stdint.h>

#include "blockmap/err.h"
#include "blockmap/extent.h"
#include "io/endpoint.h"

#define COMPARE_DIFFERENCES_MAX 65536u      /* separate ranges kept; all bytes are counted */
#define COMPARE_MEMORY_BYTES    (64u << 20) /* for what is read of the target */

/* target is borrowed and must outlive the wrapper; while wrapped, it is used only through it. */
struct endpoint *endpoint_compare_new(struct endpoint *target, struct err *e);

/* One of many: from now on what it read is let go when it was compared, not kept for the next. */
void endpoint_compare_keep_nothing(struct endpoint *ep);

/* Pages that differ; a view, valid until close. */
const struct extent_set *endpoint_compare_differences(const struct endpoint *ep);
uint64_t endpoint_compare_different_bytes(const struct endpoint *ep);
uint64_t endpoint_compare_compared_bytes(const struct endpoint *ep);
/* The target as the last stat found it. */
const struct stat_req *endpoint_compare_stat(const struct endpoint *ep);

#endif
