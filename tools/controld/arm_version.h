/* arm_version.h - which api-versions are served: one line of dates for compute, another for disks.
 *
 * Knows: the service's dates from the first that had restore points. Must not know: what a version changes;
 *        answers are always in the current form. Threads: pure.
 */
#ifndef CONTROLD_ARM_VERSION_H
#define CONTROLD_ARM_VERSION_H

#include <stdbool.h>

#include "tools/controld/arm_id.h"

#define ARM_VERSION_MAX_BYTES        24u
#define ARM_VERSION_CREATE_ELSEWHERE "2021-07-01" /* a point of a machine in another region */

/* 400 MissingApiVersionParameter, InvalidApiVersionParameter, NoRegisteredProviderFound; the sentence lists
 * what is served. `version` may be NULL (absent). ARM_NONE is an operation's URL: either line's dates. */
bool arm_version_check(enum arm_type type, const char *version, struct arm_error *e);
/* 400 BadRequest naming the oldest that can. Both must be dates that were checked. */
bool arm_version_reaches(const char *version, const char *oldest, const char *what,
                         struct arm_error *e);
/* The current one of the type's line: what links in answers carry when the request told none. */
const char *arm_version_current(enum arm_type type);

#endif
