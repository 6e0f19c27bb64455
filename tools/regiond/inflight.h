/* inflight.h - which pages of which blob may disagree with that blob's log, should we be killed.
 *
 * A write puts bytes into a file before it is recorded; a clear is recorded before the hole is
 * punched. Between the two, the blob's slot in this shared mapping names the pages concerned. A
 * killed process leaves its slots filled (the page cache outlives it), and whoever opens the
 * folder next punches out of those pages all that no record claims. It costs no system call.
 *
 * Knows:         one file of slots.
 * Must not know: how a blob is repaired.
 * Threads:       take and give from any; a slot's content belongs to the holder of its blob.
 */
#ifndef REGIOND_INFLIGHT_H
#define REGIOND_INFLIGHT_H

#include <stdbool.h>
#include <stdint.h>

struct inflight;

/* NULL on failure, errno says why. */
struct inflight *inflight_open(int folder_fd, uint32_t slot_count, bool sync);
void inflight_close(struct inflight *table); /* NULL is fine; filled slots stay filled */

/* What the process before left behind; false when the slot is empty. */
bool inflight_left(const struct inflight *table, uint32_t slot, uint64_t *out_blob,
                   uint64_t *out_start, uint64_t *out_end);

bool inflight_take(struct inflight *table, uint32_t *out_slot); /* false: all are taken */
void inflight_give(struct inflight *table, uint32_t slot);      /* empties it */

/* Pages, end exclusive; blob ids are never 0. False: the disk refused (sync only). */
bool inflight_fill(struct inflight *table, uint32_t slot, uint64_t blob, uint64_t start,
                   uint64_t end);
void inflight_empty(struct inflight *table, uint32_t slot);

#endif
