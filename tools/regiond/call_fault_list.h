/* call_fault_list.h - spoils the text of a range list as the fault script says.
 *
 * Knows:         the form of a range list, of a marker.
 * Must not know: connections.
 * Threads:       whoever owns the call.
 */
#ifndef REGIOND_CALL_FAULT_LIST_H
#define REGIOND_CALL_FAULT_LIST_H

#include "tools/regiond/region_call.h"

/* Before the verb runs: a page of as many entries as the script says. */
void call_fault_list_arrived(struct call *call);

/* For an answer whose body is text; does nothing unless the fault is one of FAULT_LIST_... and the
 * answer a range list in which it can be brought about. */
void call_fault_list(struct call *call);

#endif
