/* arm_id.h - resource ids: read in every spelling the protocol shows, written in one.
 *
 * Knows:         subscriptions, resource groups, the types served here, their nesting, names allowed.
 * Must not know: which resources exist.
 * Threads:       pure; values owned by their callers.
 *
 * Read: any case, with or without /providers/Microsoft.Compute, with or without the leading slash (protocol
 * E.4, E.11). Written: canonical case of the fixed words, names as they were given. Compared: ignoring case.
 */
#ifndef CONTROLD_ARM_ID_H
#define CONTROLD_ARM_ID_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/controld/arm_error.h"

/* Sizes of buffers: the longest name and its NUL. */
#define ARM_SUBSCRIPTION_MAX_BYTES 65u
#define ARM_GROUP_MAX_BYTES        91u
#define ARM_NAME_MAX_BYTES         118u /* a disk point's: <disk>_<uuid> */
#define ARM_ID_MAX_BYTES           640u
#define ARM_NAME_MAX_CHARS         80u /* of a name that a caller chooses */
#define ARM_DEPTH_MAX              3u

enum arm_type {
    ARM_NONE,
    ARM_COLLECTION,     /* restorePointCollections/name[0] */
    ARM_POINT,          /*   /restorePoints/name[1] */
    ARM_DISK_POINT,     /*     /diskRestorePoints/name[2] */
    ARM_DISK,           /* disks/name[0] */
    ARM_MACHINE,        /* virtualMachines/name[0] */
    ARM_ENCRYPTION_SET, /* diskEncryptionSets/name[0]: only ever referred to */
    ARM_TYPES
};

struct arm_id {
    enum arm_type type; /* ARM_NONE: no id */
    char subscription[ARM_SUBSCRIPTION_MAX_BYTES];
    char group[ARM_GROUP_MAX_BYTES];
    char name[ARM_DEPTH_MAX][ARM_NAME_MAX_BYTES]; /* the first arm_type_depth(type) of them */
};

/* ---- Read and make ---- */
/* 400 LinkedInvalidPropertyId about `target`, the member that held it. */
bool arm_id_parse(const char *text, const char *target, struct arm_id *out, struct arm_error *e);
/* 400 InvalidResourceName: a wrong character, `..`, dots only, nothing, too long. */
bool arm_name_check(enum arm_type type, const char *name, struct arm_error *e);
/* 400 InvalidSubscriptionId, InvalidResourceGroup. group may be NULL. */
bool arm_scope_check(const char *subscription, const char *group, struct arm_error *e);
/* `type` must nest in the parent's; the name is checked. out may be parent. */
bool arm_id_child(const struct arm_id *parent, enum arm_type type, const char *name,
                  struct arm_id *out, struct arm_error *e);
/* A resource of its own; all three names are checked. */
bool arm_id_make(enum arm_type type, const char *subscription, const char *group, const char *name,
                 struct arm_id *out, struct arm_error *e);
/* false: it has none, and *out is untouched. out may be id. */
bool arm_id_parent(const struct arm_id *id, struct arm_id *out);

/* ---- Write ---- */
void arm_id_text(const struct arm_id *id, char out[ARM_ID_MAX_BYTES]); /* canonical */
void arm_id_key(const struct arm_id *id, char out[ARM_ID_MAX_BYTES]);  /* canonical, lower case */
/* "/subscriptions/S" or, with a group, "/subscriptions/S/resourceGroups/G": what lists are asked under. */
void arm_scope_text(const char *subscription, const char *group, char out[ARM_ID_MAX_BYTES]);

/* ---- Look ---- */
bool arm_id_same(const struct arm_id *a, const struct arm_id *b); /* ignoring case */
const char *arm_id_name(const struct arm_id *id);                 /* the last one; a view */
unsigned arm_type_depth(enum arm_type type);      /* how many names; 0 for ARM_NONE */
const char *arm_type_name(enum arm_type type);    /* Microsoft.Compute/... */
const char *arm_type_segment(enum arm_type type); /* its own word of a path */

/* ---- Errors about a resource ---- Each sets *e and returns false. */
bool arm_id_not_found(const struct arm_id *id, struct arm_error *e); /* 404 ResourceNotFound */
bool arm_id_parent_not_found(const struct arm_id *id, struct arm_error *e); /* 404, of its parent */

#endif
