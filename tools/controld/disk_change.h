/* disk_change.h - PUT of a disk that is there already: is anything asked for that it is not?
 *
 * Knows:         documents of disks as arm_disk_read has them. What a body leaves out is as it was; names of
 *                files and blobs are compared with their case, other words without. Tags may change.
 * Must not know: the catalog. Threads: pure.
 */
#ifndef CONTROLD_DISK_CHANGE_H
#define CONTROLD_DISK_CHANGE_H

#include <jansson.h>
#include <stdbool.h>

#include "tools/controld/arm_error.h"

/* True: `now` asks for a change, out_path is the member's ("properties.x-snapferry.file"). What is
 * compared by its meaning elsewhere, creationData's source, is passed by. */
bool disk_change_find(const json_t *old, const json_t *now,
                      char out_path[ARM_ERROR_TARGET_MAX_BYTES]);

/* The document with the tags of `now`; NULL: they are the same, or no memory (*out_failed). */
json_t *disk_change_tags(const json_t *old, const json_t *now, bool *out_failed);

#endif
