/* call_fault_request.h - brings about what the fault script says of a request, before its verb runs.
 *
 * Knows:         struct call, the facts a script asks for.
 * Must not know: which requests meet a fault (faults.c), what happens to answers (call_fault.c).
 * Threads:       whoever owns the call.
 */
#ifndef REGIOND_CALL_FAULT_REQUEST_H
#define REGIOND_CALL_FAULT_REQUEST_H

#include "tools/regiond/region_call.h"

/* The head is there: asks the script, once a request. */
void call_fault_ask(struct call *call);

/* More of the body has arrived. False: the connection was reset. */
bool call_fault_taking(struct call *call);

/* The whole request is there. May set the error: the verb is left out. False: the connection was
 * reset. Where the fault cannot be brought about, the call has none any more. */
bool call_fault_request(struct call *call);

#endif
