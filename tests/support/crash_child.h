/* crash_child.h - the process that copies or verifies, and ends itself.
 *
 * Knows:         how a copy is begun with a journal, when to end.
 * Must not know: who looks at what it left.
 */
#ifndef SUPPORT_CRASH_CHILD_H
#define SUPPORT_CRASH_CHILD_H

#include "tests/support/crash_case.h"

/* In a child of a test; does not return. Exit status 0: it came to its end, and result says how. */
void crash_child_run(struct crash_case *c, uint32_t which, uint64_t kill_at);

#endif
