/* reactor_tasks.c - see reactor_tasks.h. */
#include "io/reactor_tasks.h"

#include <assert.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool reactor_tasks_init(struct reactor_tasks *tasks, struct err *e)
{
    *tasks = (struct reactor_tasks){0};
    tasks->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (tasks->wake_fd < 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot make an eventfd");
    pthread_mutex_init(&tasks->lock, NULL);
    return true;
}

void reactor_tasks_fini(struct reactor_tasks *tasks)
{
    /* The last remote poster may still be on its way out of the lock. */
    pthread_mutex_lock(&tasks->lock);
    assert(!tasks->local.first && !tasks->remote.first);
    pthread_mutex_unlock(&tasks->lock);
    pthread_mutex_destroy(&tasks->lock);
    close(tasks->wake_fd);
}

static void append(struct reactor_task_list *list, struct reactor_task *task, reactor_task_fn *fn)
{
    assert(!task->posted && fn);
    task->posted = true;
    task->fn = fn;
    task->next = NULL;
    if (list->last)
        list->last->next = task;
    else
        list->first = task;
    list->last = task;
}

void reactor_tasks_add(struct reactor_tasks *tasks, struct reactor_task *task, reactor_task_fn *fn)
{
    append(&tasks->local, task, fn);
}

void reactor_tasks_add_remote(struct reactor_tasks *tasks, struct reactor_task *task,
                              reactor_task_fn *fn)
{
    bool first;

    pthread_mutex_lock(&tasks->lock);
    first = !tasks->remote.first;
    append(&tasks->remote, task, fn);
    atomic_store(&tasks->remote_waiting, true);
    /* Inside the lock: once it is open, the owner may run the task, end, and close wake_fd. */
    if (first) {
        uint64_t one = 1;
        ssize_t written = write(tasks->wake_fd, &one, sizeof one);

        assert(written == (ssize_t)sizeof one); /* the counter is taken back before it is full */
    }
    pthread_mutex_unlock(&tasks->lock);
}

bool reactor_tasks_none(const struct reactor_tasks *tasks)
{
    return !tasks->local.first && !atomic_load(&tasks->remote_waiting);
}

static void take_remote(struct reactor_tasks *tasks)
{
    struct reactor_task_list taken;

    if (!atomic_load(&tasks->remote_waiting))
        return;
    pthread_mutex_lock(&tasks->lock);
    taken = tasks->remote;
    tasks->remote = (struct reactor_task_list){0};
    atomic_store(&tasks->remote_waiting, false);
    pthread_mutex_unlock(&tasks->lock);
    if (tasks->local.last)
        tasks->local.last->next = taken.first;
    else
        tasks->local.first = taken.first;
    tasks->local.last = taken.last;
}

void reactor_tasks_run(struct reactor_tasks *tasks)
{
    struct reactor_task *task;

    take_remote(tasks);
    task = tasks->local.first;
    tasks->local = (struct reactor_task_list){0};
    while (task) {
        struct reactor_task *next = task->next;

        task->posted = false;
        task->fn(task); /* may free the task */
        task = next;
    }
}

void reactor_tasks_drop(struct reactor_tasks *tasks)
{
    take_remote(tasks);
    for (struct reactor_task *task = tasks->local.first; task; task = task->next)
        task->posted = false;
    tasks->local = (struct reactor_task_list){0};
}

void reactor_tasks_hush(struct reactor_tasks *tasks)
{
    uint64_t count;
    ssize_t got = read(tasks->wake_fd, &count, sizeof count);

    assert(got == (ssize_t)sizeof count || errno == EAGAIN);
}
