/* pace.h - how fast a disk moves, told beside its percentage (beyond the service, as `x-snapferry`).
 *
 * Knows:         the data plane's view of a disk. Must not know: which answer it goes into.
 * Threads:       pure.
 */
#ifndef CONTROLD_PACE_H
#define CONTROLD_PACE_H

#include <jansson.h>
#include <stdbool.h>

#include "tools/controld/ferry_progress.h"

/* Adds bytesPerSecond, changedBytes, durableBytes and etaSeconds, as far as they are known, to the member
 * `x-snapferry` of holder, which is made if need be. view NULL, or not in progress: nothing. False: no
 * memory. */
bool pace_tell(json_t *holder, const struct ferry_disk_view *view);

#endif
