/* cut_means.h - how a configured raw disk is cut, and how its cut is dropped.
 *
 * Knows:         the words of the configuration for the means of cut_raw.h.
 * Must not know: when.
 * Threads:       any; pure.
 */
#ifndef CONTROLD_CUT_MEANS_H
#define CONTROLD_CUT_MEANS_H

#include "tools/controld/config.h"
#include "tools/controld/cut_raw.h"

/* Of any machine, ignoring case; NULL: it is not configured (any more). */
const struct config_disk *cut_means_disk(const struct config *config, const char *disk_id);
/* Means and commands, borrowed from the configuration. NULL: there is no means; what was cut as a file can
 * still be dropped. */
void cut_means_fill(const struct config_disk *disk, struct cut_raw *raw);

#endif
