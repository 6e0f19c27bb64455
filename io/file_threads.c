/* file_threads.c - see file_threads.h. One lock for both queues: a job is a system call, the lock is
 * nothing beside it. */
#include "io/file_threads.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct job {
    uint64_t tag;
    struct reactor_call call;
    int64_t result;
    struct job *next;
};

struct job_list {
    struct job *first, *last;
};

struct file_threads {
    int done_fd; /* set at birth */
    /* owner's thread only */
    pthread_t threads[FILE_THREADS_COUNT];
    unsigned threads_count;
    struct job *free_first;
    struct job jobs[FILE_THREADS_JOBS_MAX];
    /* guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct job_list todo;
    struct job_list done;
    bool ending;
};

static void append(struct job_list *list, struct job *job)
{
    job->next = NULL;
    if (list->last)
        list->last->next = job;
    else
        list->first = job;
    list->last = job;
}

static struct job *take_first(struct job_list *list)
{
    struct job *job = list->first;

    list->first = job->next;
    if (!list->first)
        list->last = NULL;
    return job;
}

/* As io_uring does: a call that a signal interrupts begins again. */
static int64_t perform(const struct reactor_call *c)
{
    int64_t result = -1;

    do {
        switch (c->kind) {
        case REACTOR_CALL_READ:
            result = pread(c->fd, c->memory, c->length, (off_t)c->offset);
            break;
        case REACTOR_CALL_WRITE:
            result = pwrite(c->fd, c->memory, c->length, (off_t)c->offset);
            break;
        case REACTOR_CALL_FSYNC:
            result = fsync(c->fd);
            break;
        case REACTOR_CALL_FALLOCATE:
            result = fallocate(c->fd, c->mode, (off_t)c->offset, (off_t)c->span_bytes);
            break;
        case REACTOR_CALL_POLL:
            assert(!"polls belong to epoll");
        }
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : result;
}

/* With the lock held. */
static void finish(struct file_threads *t, struct job *job)
{
    if (!t->done.first) {
        uint64_t one = 1;
        ssize_t written = write(t->done_fd, &one, sizeof one);

        assert(written == (ssize_t)sizeof one);
    }
    append(&t->done, job);
}

static void *serve(void *argument)
{
    struct file_threads *t = argument;

    pthread_mutex_lock(&t->lock);
    for (;;) {
        struct job *job;

        while (!t->todo.first && !t->ending)
            pthread_cond_wait(&t->more, &t->lock);
        if (t->ending)
            break;
        job = take_first(&t->todo);
        pthread_mutex_unlock(&t->lock);
        job->result = perform(&job->call);
        pthread_mutex_lock(&t->lock);
        finish(t, job);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

/* At least one thread, or an errno. Signals are for the threads that were there before. */
static int start(struct file_threads *t)
{
    sigset_t all, before;
    int failed = 0;

    if (t->threads_count > 0)
        return 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (!failed && t->threads_count < FILE_THREADS_COUNT) {
        failed = pthread_create(&t->threads[t->threads_count], NULL, serve, t);
        if (!failed)
            t->threads_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return t->threads_count > 0 ? 0 : failed;
}

bool file_threads_submit(struct file_threads *t, uint64_t tag, const struct reactor_call *call)
{
    struct job *job = t->free_first;
    int failed;

    if (!job)
        return false;
    t->free_first = job->next;
    job->tag = tag;
    job->call = *call;
    failed = start(t);
    pthread_mutex_lock(&t->lock);
    if (failed) {
        job->result = -failed;
        finish(t, job);
    } else {
        append(&t->todo, job);
        pthread_cond_signal(&t->more);
    }
    pthread_mutex_unlock(&t->lock);
    return true;
}

void file_threads_reap(struct file_threads *t, struct reactor *r, file_threads_done_fn *done)
{
    struct job_list finished;
    uint64_t count;

    pthread_mutex_lock(&t->lock);
    finished = t->done;
    t->done = (struct job_list){0};
    if (finished.first) {
        ssize_t got = read(t->done_fd, &count, sizeof count);

        assert(got == (ssize_t)sizeof count);
    }
    pthread_mutex_unlock(&t->lock);
    while (finished.first) {
        struct job *job = take_first(&finished);
        uint64_t tag = job->tag;
        int64_t result = job->result;

        job->next = t->free_first;
        t->free_first = job;
        done(r, tag, result);
    }
}

int file_threads_fd(const struct file_threads *t)
{
    return t->done_fd;
}

struct file_threads *file_threads_new(struct err *e)
{
    struct file_threads *t = calloc(1, sizeof *t);

    if (!t) {
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot make file threads");
        return NULL;
    }
    t->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (t->done_fd < 0) {
        err_set_errno(e, errno, RETRY_NEVER, "cannot make an eventfd");
        free(t);
        return NULL;
    }
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->more, NULL);
    for (size_t i = 0; i < FILE_THREADS_JOBS_MAX; i++) {
        t->jobs[i].next = t->free_first;
        t->free_first = &t->jobs[i];
    }
    return t;
}

void file_threads_free(struct file_threads *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->ending = true;
    pthread_cond_broadcast(&t->more);
    pthread_mutex_unlock(&t->lock);
    for (unsigned i = 0; i < t->threads_count; i++)
        pthread_join(t->threads[i], NULL);
    pthread_cond_destroy(&t->more);
    pthread_mutex_destroy(&t->lock);
    close(t->done_fd);
    free(t);
}
