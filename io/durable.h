/* durable.h - small files that survive: written whole or not at all, readable by their owner only.
 *
 * Knows:         write, sync, rename, lock. Blocking: for small files before and after a copy.
 * Must not know: what the files mean.
 * Threads:       any; no state.
 */
#ifndef IO_DURABLE_H
#define IO_DURABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "blockmap/err.h"

/* Replaces path by bytes: a new file beside it (mode 0600), synced, renamed over it, the folder
 * synced. On failure the old content stays and nothing is left behind. */
bool durable_write(const char *path, const void *bytes, size_t count, struct err *e);

/* Reads a whole file of at most count_max bytes. out_bytes is malloc'd and NUL-terminated; a file
 * that does not exist is no error: *out_bytes is then NULL. */
bool durable_read(const char *path, size_t count_max, char **out_bytes, size_t *out_count,
                  struct err *e);

/* Makes a folder and those above it (mode 0700); existing ones are fine. */
bool durable_make_folder(const char *path, struct err *e);

/* The folder a path is in, to be synced; -1 and errno. */
int durable_open_folder_of(const char *path);

/* Makes a file's being there (its name in its folder) survive a power loss. */
bool durable_sync_folder_of(const char *path);

/* Takes an exclusive lock on an open file; 0, or errno: EWOULDBLOCK when another process has it. A process
 * that was killed keeps its locks until the kernel has ended what its ring had under way (a write, a
 * sync), so this waits for somebody else's lock, up to DURABLE_LOCK_WAIT_MS. */
#define DURABLE_LOCK_WAIT_MS 2000u
int durable_flock(int fd);
/* open(2) of what is there; a block device that another has (O_EXCL, EBUSY) is waited for in the same way. */
int durable_open(const char *path, int flags);

/* Takes an exclusive lock on a file that is made if need be; *out_fd holds it until closed. False
 * with ERR_CONFLICT when another process has it; patient: and keeps it. Who never gives the file to a
 * ring need not be patient. */
bool durable_lock(const char *path, bool patient, int *out_fd, struct err *e);

#endif
