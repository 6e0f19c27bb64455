/* metrics_disks.h - the disks' part of a page; private to metrics_page.c and metrics_disks.c.
 *
 * Knows:         how a disk's series are labelled, how many disks fit.
 * Must not know: the rest of the page.
 * Threads:       the reactor's.
 */
#ifndef ENGINE_METRICS_DISKS_H
#define ENGINE_METRICS_DISKS_H

#include "engine/metrics_page.h"
#include "engine/metrics_text.h"

/* Disks by state, sums over all disks, and six series for each disk that fits into max_bytes more. */
void metrics_disks_write(struct metrics_text *t, const struct metrics_sources *sources,
                         size_t max_bytes);

#endif
