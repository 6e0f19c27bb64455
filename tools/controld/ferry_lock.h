/* ferry_lock.h - one copying process a restore point, across the lives of snapferryd.
 *
 * Knows:         a file with a lock and a process id.
 * Must not know: what the process does.
 * Threads:       none; short blocking calls.
 *
 * The lock is taken by us and handed to the child as an open descriptor; we then close ours, so that it is
 * held for just as long as the child lives, whatever becomes of us. An orphan thus keeps its replacement
 * waiting, and no process id has to be believed: one in the file counts only while the lock is held.
 */
#ifndef CONTROLD_FERRY_LOCK_H
#define CONTROLD_FERRY_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

#include "blockmap/err.h"

/* ERR_CONFLICT: a process holds it. *out_fd is the caller's. */
bool ferry_lock_take(const char *path, int *out_fd, struct err *e);
/* Not one that a process still holds. */
void ferry_lock_remove(const char *path);
/* So that an orphan can be found. A failure is no error: it can then only be waited for. */
void ferry_lock_sign(int fd, pid_t pid);
/* kill -9 for the process that holds the lock, if it signed. */
void ferry_lock_kill_holder(const char *path);

#endif
