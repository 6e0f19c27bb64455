/* fault_case.h - a region with one blob and a fault script, for tests of what goes wrong.
 *
 * Knows:         CASE_BLOB: 1 MiB, its first half 'f'; the request log.
 * Must not know: any one fault.
 * Threads:       one test's.
 */
#ifndef SUPPORT_FAULT_CASE_H
#define SUPPORT_FAULT_CASE_H

#include "tests/support/region_case.h"

/* A region with CASE_BLOB of 1 MiB whose first 512 KiB are 'f', then started again with the script
 * (option "--faults") or the shape ("--shape"). */
struct region_process fault_case_serve(const char *option, const char *json);

/* The script's one rule: it happens once, to what matches; its name in the log is "it". Both are
 * members of JSON objects without their braces. */
struct region_process fault_case_begin(const char *match, const char *fault);

/* As the owner, on a connection of its own; headers as raw_request's. False: the connection broke. */
bool fault_case_get(const struct region_process *region, const char *target, const char *headers,
                    struct raw_answer *out);

bool fault_case_log_has(const struct region_process *region, const char *text);

#endif
