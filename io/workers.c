/* workers.c - see workers.h. One lock for the queue: a piece of work is a millisecond, the lock is nothing
 * beside it. */
#include "io/workers.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

struct worker {
    struct workers *workers;
    pthread_t thread;
    unsigned number;
};

struct workers {
    /* set once */
    struct reactor *r;
    unsigned threads_count;
    struct worker threads[WORKERS_THREADS_MAX];
    /* reactor's thread only */
    uint64_t left; /* submitted, and done did not run yet */
    /* guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct work *first, *last;
    uint32_t waiting;
    bool ending;
};

/* In the reactor. The owner may free the work, and submit others, from its done. */
static void finished(struct reactor_task *task)
{
    struct work *work = (struct work *)((char *)task - offsetof(struct work, task));

    assert(work->workers->left > 0);
    work->workers->left--;
    reactor_release(work->workers->r);
    work->done(work);
}

/* With the lock held; NULL when it is time to end. */
static struct work *next_work(struct workers *workers)
{
    struct work *work;

    while (!workers->first && !workers->ending)
        pthread_cond_wait(&workers->more, &workers->lock);
    work = workers->first;
    if (!work)
        return NULL;
    workers->first = work->next;
    if (!workers->first)
        workers->last = NULL;
    workers->waiting--;
    return work;
}

static void *serve(void *argument)
{
    struct worker *worker = argument;
    struct workers *workers = worker->workers;
    struct work *work;
    struct clock clock;

    clock_init_real(&clock);
    pthread_mutex_lock(&workers->lock);
    while ((work = next_work(workers)) != NULL) {
        uint64_t begun_ns, begun_cpu_ns;

        pthread_mutex_unlock(&workers->lock);
        begun_ns = clock_now_ns(&clock);
        begun_cpu_ns = clock_thread_cpu_ns();
        work->run(work, worker->number);
        work->cpu_ns = clock_thread_cpu_ns() - begun_cpu_ns;
        work->wall_ns = clock_now_ns(&clock) - begun_ns;
        reactor_post_remote(workers->r, &work->task, finished); /* from here on it is not ours */
        pthread_mutex_lock(&workers->lock);
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

unsigned workers_cpus(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) !=
        0) /* EINVAL: more CPUs than the set has room for */
        return WORKERS_THREADS_MAX;
    return (unsigned)CPU_COUNT(&set);
}

/* Zero, or why not even one thread is there. Signals are for the threads that were there before. */
static int start(struct workers *workers, unsigned threads)
{
    sigset_t all, before;
    int failed = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (!failed && workers->threads_count < threads) {
        struct worker *worker = &workers->threads[workers->threads_count];

        worker->workers = workers;
        worker->number = workers->threads_count;
        failed = pthread_create(&worker->thread, NULL, serve, worker);
        if (!failed)
            workers->threads_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return workers->threads_count > 0 ? 0 : failed;
}

struct workers *workers_new(struct reactor *r, unsigned threads, struct err *e)
{
    struct workers *workers = calloc(1, sizeof *workers);
    int failed;

    if (!workers) {
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot make worker threads");
        return NULL;
    }
    if (threads == 0)
        threads = workers_cpus();
    if (threads > WORKERS_THREADS_MAX)
        threads = WORKERS_THREADS_MAX;
    workers->r = r;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->more, NULL);
    failed = start(workers, threads);
    if (failed) {
        err_set_errno(e, failed, RETRY_NEVER, "cannot start a worker thread");
        workers_free(workers);
        return NULL;
    }
    return workers;
}

void workers_free(struct workers *workers)
{
    if (!workers)
        return;
    assert(workers->left == 0);
    pthread_mutex_lock(&workers->lock);
    workers->ending = true;
    pthread_cond_broadcast(&workers->more);
    pthread_mutex_unlock(&workers->lock);
    for (unsigned i = 0; i < workers->threads_count; i++)
        pthread_join(workers->threads[i].thread, NULL);
    pthread_cond_destroy(&workers->more);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}

void workers_submit(struct workers *workers, struct work *work)
{
    assert(work->run && work->done && !work->task.posted);
    work->workers = workers;
    work->cpu_ns = work->wall_ns = 0;
    work->next = NULL;
    workers->left++;
    reactor_hold(workers->r);
    pthread_mutex_lock(&workers->lock);
    if (workers->last)
        workers->last->next = work;
    else
        workers->first = work;
    workers->last = work;
    workers->waiting++;
    pthread_cond_signal(&workers->more);
    pthread_mutex_unlock(&workers->lock);
}

unsigned workers_threads(const struct workers *workers)
{
    return workers->threads_count;
}

uint32_t workers_waiting(const struct workers *workers)
{
    struct workers *own = (struct workers *)workers; /* its lock is not what const speaks of */
    uint32_t waiting;

    pthread_mutex_lock(&own->lock);
    waiting = own->waiting;
    pthread_mutex_unlock(&own->lock);
    return waiting;
}
