/* arm_answer.h - what an answer of the restore-point API says (protocol E.7, E.9, E.10).
 *
 * Knows:         error bodies, states of operations, the spellings of a SAS, which URLs are of one host.
 * Must not know: connections, who asked.
 * Threads:       pure. Bodies are borrowed; what is returned are views into them.
 */
#ifndef SNAPFERRY_ARM_ANSWER_H
#define SNAPFERRY_ARM_ANSWER_H

#include <jansson.h>
#include <stdbool.h>

#include "blockmap/err.h"

enum arm_progress { ARM_RUNS, ARM_DONE, ARM_FAILED };

/* A refusal: status, code and the service's own words, cleaned for people. body: NULL where it was no JSON.
 * Returns false. */
bool arm_answer_refusal(int status, const json_t *body, const char *request_id, struct err *e);
/* The same of an operation that ended badly; it had the status 200. */
bool arm_answer_failure(const json_t *body, struct err *e);

/* Of the body behind Azure-AsyncOperation: any state that is not known is one that runs. */
enum arm_progress arm_answer_progress(const json_t *body);
/* properties.output of a finished operation; NULL: none. */
json_t *arm_answer_output(const json_t *body);

/* accessSAS, in any case, at the top, under properties or under properties.output; secret; NULL: none. */
const char *arm_answer_sas(const json_t *body);

/* May this be sent again by itself after a pause? 408, 429 and what a server says of itself. */
bool arm_answer_passes(int status);

/* Scheme, host and port are the same; default ports count as written. */
bool arm_answer_same_host(const char *url, const char *other);

/* Texts of JSON by their path of names, such as "properties", "timeCreated", NULL; NULL: no such text. */
const char *arm_answer_text(const json_t *body, const char *const *path);

#endif
