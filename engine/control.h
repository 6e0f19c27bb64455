/* control.h - one command to a running job (design "Commands"): what it says, and how its JSON is read.
 *
 * Knows:         verbs and their members, JSON.
 * Must not know: where the line came from, which disks there are.
 * Threads:       pure.
 */
#ifndef ENGINE_CONTROL_H
#define ENGINE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "engine/access.h"

#define CONTROL_LINE_MAX_BYTES                                                                     \
    (64u << 10) /* a longer line is refused, and the rest of it passed by */
#define CONTROL_TAG_MAX_BYTES 128u

enum control_verb {
    CONTROL_RENEW_ACCESS,
    CONTROL_PAUSE,
    CONTROL_RESUME,
    CONTROL_CANCEL,
    CONTROL_SET_LIMITS,
    CONTROL_SET_PRIORITY,
    CONTROL_STATUS,
    CONTROL_VERBS_COUNT
};

/* Members of setLimits; each absent one stays as it is. */
enum control_limit {
    CONTROL_LIMIT_BYTES,
    CONTROL_LIMIT_MEMORY,
    CONTROL_LIMIT_ACCOUNT_BYTES,
    CONTROL_LIMIT_ACCOUNT_REQUESTS,
    CONTROL_LIMIT_BLOB_BYTES,
    CONTROL_LIMIT_BLOB_REQUESTS,
    CONTROL_LIMITS_COUNT
};

struct control {
    enum control_verb verb;
    char tag[CONTROL_TAG_MAX_BYTES]; /* the caller's "tag", given back in the answer; "" = none */
    char *disk, *point;              /* owned; at most one; NULL and NULL: STATUS and SET_LIMITS */
    enum access_side side;
    char *url;          /* owned, secret */
    uint64_t expires_s; /* 0: not said */
    uint32_t priority;
    bool limit_given[CONTROL_LIMITS_COUNT];
    uint64_t limit[CONTROL_LIMITS_COUNT]; /* 0: none */
};

/* False: the sentence says what is wrong, without the line; verb and tag may be set where they were read
 * (out_known), so that the answer can name them. */
bool control_parse(const char *line, size_t bytes, struct control *out_control, bool *out_known,
                   struct err *e);
void control_fini(struct control *control);            /* wipes; a zeroed struct is fine */
const char *control_verb_name(enum control_verb verb); /* as in JSON: "renewAccess", ... */

#endif
