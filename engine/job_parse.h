/* job_parse.h - from the JSON of a job (design "A job") to a job_spec: whole, or every mistake listed.
 *
 * Knows:         JSON, the members and what each may be, JSON paths ("$.restorePoints[0].disks[3].id").
 * Must not know: what files hold, sockets; whether an end can be opened.
 * Threads:       pure, but that it looks whether two paths are one file (stat).
 * Errors:        each mistake is told with its path; no text holds a URL's query or anything behind a
 *                member that may be secret. A member nobody knows is told as a warning and passed by.
 */
#ifndef ENGINE_JOB_PARSE_H
#define ENGINE_JOB_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/job_spec.h"

#define JOB_PATH_MAX_BYTES 256u
#define JOB_MISTAKES_MAX   1000u /* told; then one more says that there are others */

/* warning: the job stands all the same. Texts are valid during the call only. */
typedef void job_mistake_fn(void *arg, bool warning, const char *path, const char *sentence);

/* text need not end with NUL. False: at least one mistake was told, *out_spec is as job_spec_init left it.
 * Checked among others: types, bounds, duplicate ids of disks and of points, the same target twice (by
 * identity, env: and @FILE not resolved), source equal to target, a base without a source's kind. */
bool job_parse(const char *text, size_t bytes, struct job_spec *out_spec, job_mistake_fn *told,
               void *arg);

#endif
