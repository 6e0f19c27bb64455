/* call_late.h - a verb that runs after its client has already been told that it timed out.
 *
 * Knows:         how an exchange outlives the request it came from.
 * Must not know: libmicrohttpd, faults.
 * Threads:       the verb runs on one of the timer's workers.
 */
#ifndef REGIOND_CALL_LATE_H
#define REGIOND_CALL_LATE_H

#include "tools/regiond/call_timer.h"
#include "tools/regiond/exchange.h"

/* Copies the request, takes its body, and runs the verb at due_ns (monotonic); its answer goes
 * nowhere. At the service's end it runs at once. False: no memory, nothing was taken. */
bool call_late_run(struct exchange *x, struct call_timer *timer, uint64_t due_ns);

#endif
