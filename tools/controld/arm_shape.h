/* arm_shape.h - JSON from outside made into JSON of ours: members that are known, in current form.
 *
 * Knows:         tables of members; old forms: numbers and booleans as text, another case of a member's name.
 * Must not know: what a member means.
 * Threads:       pure.
 *
 * Members that are not in the table, and those that are null, are left out; what was given is only read.
 */
#ifndef CONTROLD_ARM_SHAPE_H
#define CONTROLD_ARM_SHAPE_H

#include <jansson.h>
#include <stddef.h>

#include "tools/controld/arm_error.h"

#define ARM_BODY_MAX_BYTES      (1u << 20)
#define ARM_TAGS_MAX            50u
#define ARM_TAG_NAME_MAX_CHARS  512u
#define ARM_TAG_VALUE_MAX_CHARS 256u
#define ARM_SHAPE_LIST_MAX      1024u /* entries, where a table has no smaller limit */

enum arm_shape_kind {
    ARM_SHAPE_TEXT,
    ARM_SHAPE_EMPTY,  /* text that is never told: "" takes its place */
    ARM_SHAPE_INT,    /* 0 .. limit; digits in a text too */
    ARM_SHAPE_BOOL,   /* "true" and "false" too */
    ARM_SHAPE_TAGS,   /* an object of texts, bounded as the service does */
    ARM_SHAPE_TEXTS,  /* a list of texts */
    ARM_SHAPE_OBJECT, /* of `members` */
    ARM_SHAPE_LIST    /* of objects of `members` */
};

/* A table ends with an entry without a name. */
struct arm_shape {
    const char *name;
    enum arm_shape_kind kind;
    const struct arm_shape *members; /* of OBJECT and LIST */
    json_int_t limit;                /* INT: the largest; lists: most entries; 0 = the default */
};

/* A text of a body -> the object in it. 400 InvalidRequestContent; `bytes` of 0 too. A new reference. */
json_t *arm_shape_parse(const void *body, size_t bytes, struct arm_error *e);

/* `path` is where `given` stands ("" at the top), for the error's target: 400 BadRequest. A new reference,
 * NULL with *e set. */
json_t *arm_shape_read(const json_t *given, const struct arm_shape *members, const char *path,
                       struct arm_error *e);

/* The member at a path of names with dots ("properties.source.id"); NULL when one is absent. A view. */
json_t *arm_shape_at(const json_t *object, const char *path);
/* The same, its text; NULL when it is absent or no text. */
const char *arm_shape_text(const json_t *object, const char *path);

#endif
