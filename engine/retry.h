/* retry.h - what to do with a failed request: pure verdicts.
 *
 * Knows:         the error, how often it was tried.
 * Must not know: what the request was, who waits, the time.
 * Threads:       any; the random state has one owner.
 */
#ifndef ENGINE_RETRY_H
#define ENGINE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"

#define RETRY_ATTEMPTS_MAX         12u /* tries of one request, the first included */
#define RETRY_CORRUPT_ATTEMPTS_MAX 4u  /* damaged bytes: bounded apart (protocol C.2) */
#define RETRY_DELAY_FIRST_MS       250u
#define RETRY_DELAY_MAX_MS         30000u
#define RETRY_AFTER_MAX_MS         120000u /* a server's wish is honoured up to this */

enum retry_action { RETRY_ACT_AGAIN, RETRY_ACT_GIVE_UP };

struct retry_verdict {
    enum retry_action action;
    uint64_t delay_ns; /* AGAIN: before the next try */
};

/* A small random state (splitmix64); seeded by its owner, so that a run can be replayed. */
struct retry_random {
    uint64_t state;
};

uint64_t retry_random_next(struct retry_random *random);

/* attempts: tries made so far, this failed one included (>= 1). Delays double from
 * RETRY_DELAY_FIRST_MS with a jitter of 0.5 to 1.5; a server's Retry-After is a floor. */
struct retry_verdict retry_judge(const struct err *error, uint32_t attempts,
                                 struct retry_random *random);

/* True when the failed request may still be applied later (protocol A.5: a timeout, a lost
 * connection, a 5xx other than 503). */
bool retry_is_indefinite(const struct err *error);

#endif
