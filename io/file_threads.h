/* file_threads.h - a few threads that do blocking file calls for the epoll backend.
 *
 * Knows:         pread, pwrite, fsync, fallocate.
 * Must not know: polls, owners of operations.
 * Threads:       submit, reap and free belong to the reactor's thread. The threads take no signals.
 */
#ifndef IO_FILE_THREADS_H
#define IO_FILE_THREADS_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "io/reactor_backend.h"

#define FILE_THREADS_COUNT    4u
#define FILE_THREADS_JOBS_MAX 512u /* accepted and not yet reaped */

struct file_threads;
typedef void file_threads_done_fn(struct reactor *r, uint64_t tag, int64_t result);

/* Threads start with the first job. */
struct file_threads *file_threads_new(struct err *e);
void file_threads_free(struct file_threads *t); /* NULL is fine; waits for jobs that run */

/* Readable while finished jobs wait to be reaped. */
int file_threads_fd(const struct file_threads *t);
/* False: FILE_THREADS_JOBS_MAX are there already. A call that cannot even begin completes with its
 * -errno. */
bool file_threads_submit(struct file_threads *t, uint64_t tag, const struct reactor_call *call);
void file_threads_reap(struct file_threads *t, struct reactor *r, file_threads_done_fn *done);

#endif
