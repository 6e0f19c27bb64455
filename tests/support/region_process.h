/* region_process.h - a regiond of one's own: a child process on a free port, with its own folder.
 *
 * Knows:         REGIOND_BIN, TMPDIR, the line regiond prints when it serves.
 * Must not know: what is asked of it.
 * Threads:       one test's.
 */
#ifndef SUPPORT_REGION_PROCESS_H
#define SUPPORT_REGION_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

#define REGION_PATH_MAX_BYTES 512u

struct region_process {
    pid_t pid; /* 0: not running */
    uint16_t port;
    char data[REGION_PATH_MAX_BYTES]; /* --data */
    char log[REGION_PATH_MAX_BYTES];  /* --log */
};

/* Starts it; extra is a NULL-terminated list of more arguments, or NULL. Its data folder is
 * `data` when that is set already (a restart), else a fresh one. Aborts the test when it cannot. */
void region_start(struct region_process *region, const char *const *extra);

void region_stop(struct region_process *region); /* SIGTERM; the exit status must be 0 */
void region_kill(struct region_process *region); /* kill -9 */

#endif
