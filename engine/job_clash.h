/* job_clash.h - what in a job is named twice and may not be: ids, and whatever is written to.
 *
 * Knows:         which files stand beside a target, a map and a journal; JSON paths of a job's members.
 * Must not know: JSON.
 * Threads:       pure, but that it looks whether two paths are one file.
 */
#ifndef ENGINE_JOB_CLASH_H
#define ENGINE_JOB_CLASH_H

#include <stdbool.h>

#include "engine/job_parse.h"

/* spec may have mistakes: members that are NULL, ends that are no ends; they are passed by. Points and disks
 * stand as they do in the text. Each mistake is told with the path of the later one. False: no memory. */
bool job_clash_check(const struct job_spec *spec, job_mistake_fn *told, void *arg);

#endif
