/* reactor_tasks.h - what was posted to a reactor, from its own thread and from others.
 *
 * Knows:         two lists, a lock, an eventfd that is readable while the remote list may hold something.
 * Must not know: turns, operations. Private to io/reactor*.c.
 * Threads:       the owner's, except reactor_tasks_add_remote.
 */
#ifndef IO_REACTOR_TASKS_H
#define IO_REACTOR_TASKS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "blockmap/err.h"
#include "io/reactor.h"

struct reactor_task_list {
    struct reactor_task *first, *last;
};

struct reactor_tasks {
    int wake_fd; /* set at init */
    /* owner's thread only */
    struct reactor_task_list local;
    /* shared */
    atomic_bool remote_waiting;
    pthread_mutex_t lock;
    struct reactor_task_list remote; /* guarded by lock */
};

bool reactor_tasks_init(struct reactor_tasks *tasks, struct err *e);
void reactor_tasks_fini(struct reactor_tasks *tasks); /* after an init that succeeded */

void reactor_tasks_add(struct reactor_tasks *tasks, struct reactor_task *task, reactor_task_fn *fn);
void reactor_tasks_add_remote(struct reactor_tasks *tasks, struct reactor_task *task,
                              reactor_task_fn *fn);
bool reactor_tasks_none(const struct reactor_tasks *tasks);
/* Runs what is there now; what that posts waits for the next run. */
void reactor_tasks_run(struct reactor_tasks *tasks);
/* Forgets what is there; who posted it knows that the reactor turns no more. */
void reactor_tasks_drop(struct reactor_tasks *tasks);
/* Makes wake_fd quiet again; the tasks stay. */
void reactor_tasks_hush(struct reactor_tasks *tasks);

#endif
