/* job_members.h - what single members of a job or a command may be, and the sentence when they are not.
 *
 * Knows:         JSON values, bounds.
 * Must not know: which member of what it is (the caller puts its name or path before the sentence).
 * Threads:       pure. Borrows values. False: e is set; its sentence shows nothing of the value.
 */
#ifndef ENGINE_JOB_MEMBERS_H
#define ENGINE_JOB_MEMBERS_H

#include <jansson.h>

#include "blockmap/err.h"
#include "engine/control.h"
#include "engine/job_spec.h"

#define JOB_RATE_MAX_BYTES  (1ull << 50)
#define JOB_REQUESTS_MAX    1000000000u
#define JOB_NAME_SHOWN_SIZE 68u

/* Why a text is no JSON, and where. Never with a part of the text, as jansson's own words would be. */
bool job_members_no_json(const json_error_t *error, struct err *e);
/* The name of a member as it may be shown: itself if it is a plain word, else "?". */
void job_members_name(const char *name, char out_name[JOB_NAME_SHOWN_SIZE]);

/* A text that is not empty, not longer, and has no control characters; a view into value. */
bool job_members_text(const json_t *value, size_t max_bytes, const char **out_text, struct err *e);
/* Names and identities are told to all and kept in clear: a SAS must not get there. */
bool job_members_clear(const char *text, struct err *e);
bool job_members_count(const json_t *value, uint64_t min, uint64_t max, uint64_t *out_count,
                       struct err *e);
/* RFC 3339, with its offset, from 1970 on. */
bool job_members_time(const json_t *value, uint64_t *out_s, struct err *e);
/* A URL with a SAS. */
bool job_members_url(const char *text, struct err *e);

/* "bytesPerSecond", ... */
const char *job_members_limit_name(enum control_limit limit);
/* A number in its bounds; "none" and 0 are no limit, but memory always has one. */
bool job_members_limit(const json_t *value, enum control_limit limit, uint64_t *out_value,
                       struct err *e);
uint64_t *job_members_limit_of(struct job_limits *limits, enum control_limit limit);

/* Before the last reference of what may hold a URL is given back. NULL is fine. */
void job_members_wipe(json_t *value);

#endif
