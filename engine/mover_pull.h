/* mover_pull.h - when a target's service refuses to read the source itself.
 *
 * Knows:         what a refusal of a pull means for the way a copy takes.
 * Must not know: how ranges are moved, HTTP beyond a status. Threads: pure.
 */
#ifndef ENGINE_MOVER_PULL_H
#define ENGINE_MOVER_PULL_H

#include <stdbool.h>

#include "io/endpoint.h"

#define MOVER_PULL_TRIES_MAX                                                                       \
    4u /* of a source that the service cannot reach, where one may read instead */

/* A pull failed after so many tries (>= 1): would reading and writing do what it cannot? Not where the
 * target itself is in the way: its lease, its sequence number, its throttling, its SAS that ended. */
bool mover_pull_is_refused(const struct block_req *req, uint32_t attempts);

#endif
