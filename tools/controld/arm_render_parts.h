/* arm_render_parts.h - what the renderers share: objects built member by member, replication states. Private.
 *
 * Knows: jansson, the words of a replication state. Must not know: a whole answer. Threads: pure.
 */
#ifndef CONTROLD_ARM_RENDER_PARTS_H
#define CONTROLD_ARM_RENDER_PARTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "tools/controld/arm_id.h"
#include "tools/controld/arm_shape.h"

/* An object under construction. The first member that cannot be had makes the whole NULL at its end, so that
 * no answer lacks a member because memory was short. */
struct arm_out {
    json_t *object;
};

struct arm_out arm_out_begin(void);
json_t *arm_out_end(struct arm_out *out); /* the object, a new reference; NULL: memory ran out */

/* What is NULL, 0 (a time) or empty (an object) is left out. */
void arm_out_text(struct arm_out *out, const char *name, const char *text);
void arm_out_int(struct arm_out *out, const char *name, int64_t value);
void arm_out_real(struct arm_out *out, const char *name, double value);
void arm_out_bool(struct arm_out *out, const char *name, bool value);
void arm_out_time(struct arm_out *out, const char *name, int64_t wall_ns);
void arm_out_reference(struct arm_out *out, const char *name, const char *id); /* {"id":...} */
void arm_out_value(struct arm_out *out, const char *name,
                   json_t *value); /* taken; NULL: no memory */
void arm_out_some(struct arm_out *out, const char *name,
                  json_t *object); /* the same, unless empty */
/* id, name (its last part) and type of a resource. */
void arm_out_identity(struct arm_out *out, const char *id, enum arm_type type);

/* Members of the JSON text of a row, as far as the table knows them; an empty object when there are none or
 * the text does not fit the table. NULL: no memory. */
json_t *arm_render_shaped(const char *text, const struct arm_shape *members);

/* ---- Replication states ---- */

enum arm_replication { /* what a whole is when its parts differ: the first of these that any part is */
                       ARM_REPLICATION_FAILED,
                       ARM_REPLICATION_CANCELED,
                       ARM_REPLICATION_WAITING,
                       ARM_REPLICATION_PAUSED,
                       ARM_REPLICATION_RUNNING,
                       ARM_REPLICATION_PENDING,
                       ARM_REPLICATION_SUCCEEDED,
                       ARM_REPLICATION_STATES
};

/* Of a code as the catalog has it, "ReplicationState/..."; anything unknown, and NULL, is pending. */
enum arm_replication arm_replication_of(const char *code);
const char *arm_replication_code(enum arm_replication state);    /* "ReplicationState/succeeded" */
const char *arm_replication_word(enum arm_replication state);    /* "Succeeded" */
const char *arm_replication_display(enum arm_replication state); /* a sentence */
const char *arm_replication_level(enum arm_replication state);   /* "Info", "Warning", "Error" */
/* 100 when it succeeded, and only then; never below 0. */
double arm_replication_percent(enum arm_replication state, double percent);
/* {"code","level","displayStatus","message"?,"time"?}; level may be NULL: the state's own. */
json_t *arm_replication_status(enum arm_replication state, const char *level, const char *message,
                               int64_t time_ns);

#endif
