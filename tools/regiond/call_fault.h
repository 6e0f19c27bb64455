/* call_fault.h - brings about what the fault script and the shape decided for one request.
 *
 * Knows:         struct call, how a connection is reset, how a body is cut, slowed or spoilt.
 * Must not know: which requests meet a fault (faults.c), what the limits are (shape.c).
 * Threads:       whoever owns the call.
 */
#ifndef REGIOND_CALL_FAULT_H
#define REGIOND_CALL_FAULT_H

#include "tools/regiond/region_call.h"

/* What the call shall do next. */
enum call_verdict {
    CALL_GO_ON,
    CALL_HOLD, /* suspended already; the call will be resumed and go on where it is */
    CALL_BREAK /* the connection is, or is to be, broken off */
};

/* The whole request is there: asks script and shape. May set the error: the verb is left out. */
enum call_verdict call_fault_arrived(struct call *call);

/* The answer is made: may change it, hold it back, or break the connection instead. */
enum call_verdict call_fault_leaving(struct call *call);

/* Must the body leave slower than it could, spoilt, or not whole? */
bool call_fault_wants_body(const struct call *call);

/* Called by libmicrohttpd for such a body (call_send.c); its conventions. */
ssize_t call_fault_body(void *call, uint64_t at, char *out, size_t max_bytes);

/* Resets the connection: the client sees ECONNRESET, not an end. */
void call_fault_reset(struct call *call);

#endif
