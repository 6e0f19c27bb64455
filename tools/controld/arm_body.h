/* arm_body.h - bodies of requests read into small structs: lenient where protocol E.11 says, else strict.
 *
 * Knows:         members of each resource that a caller may write; old forms: numbers and booleans as text,
 *                excludeDisks as text, `computername`. Unknown members and `name` are ignored.
 * Must not know: which resources exist, whether what is asked makes sense now.
 * Threads:       pure. Structs own what they point to: fini each; one that could not be read is empty.
 * Errors:        400 InvalidRequestContent (no JSON, no object, twice the same member), LocationRequired,
 *                InvalidParameter (a needed member is missing or names nothing known), BadRequest (a wrong
 *                type, too many, too long), LinkedInvalidPropertyId; always with the member as target.
 */
#ifndef CONTROLD_ARM_BODY_H
#define CONTROLD_ARM_BODY_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/controld/arm_id.h"
#include "tools/controld/arm_route.h"
#include "tools/controld/arm_shape.h"

#define ARM_EXCLUDED_MAX     65u /* an OS disk and 64 data disks */
#define ARM_ACCESS_MIN_S     1u
#define ARM_ACCESS_MAX_S     (60u * 24 * 3600) /* as of a managed disk */
#define ARM_ACCESS_DEFAULT_S 3600u

struct arm_collection_body {
    char location[ARM_LOCATION_MAX_BYTES]; /* as given; empty in PATCH */
    json_t *tags;                          /* {} when none; NULL in a PATCH without */
    struct arm_id source; /* a collection or a machine; ARM_NONE in a PATCH or when not given */
};
bool arm_collection_read(const void *body, size_t bytes, struct arm_collection_body *out,
                         struct arm_error *e);
/* PATCH of anything with tags: nothing but them is taken. */
bool arm_tags_read(const void *body, size_t bytes, struct arm_collection_body *out,
                   struct arm_error *e);
void arm_collection_body_fini(struct arm_collection_body *body);

struct arm_point_body {
    bool crash_consistent;  /* asked for; else application or file-system consistent */
    struct arm_id *exclude; /* disks or, in a copy, also disk points; no two the same */
    size_t exclude_count;
    struct arm_id source; /* the point to be copied; ARM_NONE: a new one */
};
/* An empty body is an empty object here. */
bool arm_point_read(const void *body, size_t bytes, struct arm_point_body *out,
                    struct arm_error *e);
void arm_point_body_fini(struct arm_point_body *body);
/* The same text for two bodies that ask for the same: JSON, malloc'd; NULL without memory. */
char *arm_point_asked(const struct arm_point_body *body);

enum arm_access { ARM_ACCESS_NONE, ARM_ACCESS_READ, ARM_ACCESS_WRITE };
struct arm_access_body {
    enum arm_access access;
    uint32_t duration_s; /* ARM_ACCESS_MIN_S .. ARM_ACCESS_MAX_S */
    bool vhdx;           /* fileFormat other than VHD */
};
bool arm_access_read(const void *body, size_t bytes, struct arm_access_body *out,
                     struct arm_error *e);

/* Disks and machines: see arm_resource_body.h. */

#endif
