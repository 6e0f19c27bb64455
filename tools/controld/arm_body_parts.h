/* arm_body_parts.h - what the readers of bodies share. Not for others.
 *
 * Knows: members that stand in several bodies. Must not know: a resource. Threads: pure.
 */
#ifndef CONTROLD_ARM_BODY_PARTS_H
#define CONTROLD_ARM_BODY_PARTS_H

#include "tools/controld/arm_body.h"

/* A body's known members in current form. A new reference, NULL with *e set. */
json_t *arm_body_read(const void *body, size_t bytes, const struct arm_shape *members,
                      struct arm_error *e);

/* ---- Refusals: each returns false ---- */
bool arm_body_missing(const char *name, struct arm_error *e);
bool arm_body_unknown(const char *name, const char *value, struct arm_error *e);

/* ---- Members at a path, of an object that was read; what is absent leaves *out as it is ---- */
bool arm_body_copy(const json_t *object, const char *path, char *out, size_t capacity,
                   struct arm_error *e);
/* The one at the top, which must be there. */
bool arm_body_location(const json_t *object, char out[ARM_LOCATION_MAX_BYTES], struct arm_error *e);
/* An id of one of these types (bits). */
bool arm_body_id(const json_t *object, const char *path, unsigned types, struct arm_id *out,
                 struct arm_error *e);

#endif
