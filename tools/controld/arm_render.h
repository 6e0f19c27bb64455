/* arm_render.h - rows of the catalog as the JSON that callers get, in current form (protocol E.4 to E.11).
 *
 * Knows:         every member of every answer; what goes beyond the service stands under `x-snapferry`.
 * Must not know: how rows are found, who asks.
 * Threads:       pure; each returns a new reference, NULL when memory ran out. Rows are only read.
 *
 * No answer holds a secret: an accessSAS is put in by the caller, in the one answer that it is for.
 */
#ifndef CONTROLD_ARM_RENDER_H
#define CONTROLD_ARM_RENDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct catalog_collection;
struct catalog_point;
struct catalog_disk_point;
struct catalog_disk;
struct catalog_machine;
struct catalog_operation;

/* `points`: rendered ones for $expand=restorePoints, taken; NULL = not asked. */
json_t *arm_render_collection(const struct catalog_collection *collection, json_t *points);

/* A point with its disk points, in any order. Their codes and percents make the instance view. */
json_t *arm_render_point(const struct catalog_point *point, const struct catalog_disk_point *disks,
                         size_t disk_count, bool instance_view);

/* `point` is the one it belongs to: its sourceMetadata tells OS type and generation. */
json_t *arm_render_disk_point(const struct catalog_disk_point *disk,
                              const struct catalog_point *point);

json_t *arm_render_disk(const struct catalog_disk *disk);
json_t *arm_render_machine(const struct catalog_machine *machine);

/* What the URL of Azure-AsyncOperation answers. `output`: of a POST that succeeded, taken; NULL = none. */
json_t *arm_render_operation(const struct catalog_operation *operation, json_t *output);

/* RFC 3339 with 100 ns, as the service writes times: 2026-11-21T17:30:00.1234567+00:00. */
#define ARM_TIME_MAX_BYTES 40u
void arm_time_text(int64_t wall_ns, char out[ARM_TIME_MAX_BYTES]);

#endif
