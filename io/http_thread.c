/* http_thread.c - see http_thread.h.
 *
 * The list is its own, not the reactor's of posted tasks, for two reasons: canceling takes back what was not
 * begun without asking the thread, and a thread whose reactor fails can end what it was given meanwhile,
 * so that no request is ever lost. One exchange is megabytes; the lock is nothing beside it.
 */
#include "io/http_thread.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct http_thread {
    /* set once, before the thread is there */
    enum reactor_backend backend;
    unsigned transfers_max;
    http_lane_ended_fn *ended;
    void *owner;
    pthread_t thread; /* the caller's */
    /* the thread's own */
    struct clock clock;
    struct http_lane lane;
    bool over;
    /* guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t settled; /* serving or failed */
    struct exchange_list given;
    struct reactor_task look_task;
    bool told; /* look_task is on its way */
    bool serving, failed, cancel, end;
    struct err err; /* why it failed */
};

/* ---- On the thread ---- */

static void canceled(struct err *why)
{
    err_set(why, ERR_CANCELED, RETRY_NEVER, "canceled");
}

/* What was given after a cancel is not canceled: it is begun after those are ended. */
static void look(struct reactor_task *task)
{
    struct http_thread *t =
        (struct http_thread *)((char *)task - offsetof(struct http_thread, look_task));
    struct exchange_list taken;
    struct err why = {0};
    bool cancel;

    pthread_mutex_lock(&t->lock);
    taken = t->given;
    cancel = t->cancel;
    t->over = t->end;
    t->given = (struct exchange_list){0};
    t->told = t->cancel = false;
    pthread_mutex_unlock(&t->lock);
    if (cancel) {
        canceled(&why);
        http_lane_end_all(&t->lane, &why);
    }
    for (struct http_exchange *ex = taken.first, *next; ex; ex = next) {
        next = ex->next;
        http_lane_begin(&t->lane, ex);
    }
}

/* The reactor turns no more. Nothing is given to this thread from here on. */
static void fail(struct http_thread *t, const struct err *why)
{
    struct exchange_list taken;

    pthread_mutex_lock(&t->lock);
    t->failed = true;
    t->err = *why;
    taken = t->given;
    t->given = (struct exchange_list){0};
    pthread_cond_signal(&t->settled);
    pthread_mutex_unlock(&t->lock);
    if (t->lane.loop)
        http_lane_end_all(&t->lane, why);
    for (struct http_exchange *ex = taken.first, *next; ex; ex = next) {
        next = ex->next;
        http_lane_end_unbegun(&t->lane, ex, why);
    }
}

static void announce(struct http_thread *t)
{
    pthread_mutex_lock(&t->lock);
    t->serving = true;
    pthread_cond_signal(&t->settled);
    pthread_mutex_unlock(&t->lock);
}

static void *serve(void *argument)
{
    struct http_thread *t = argument;
    struct reactor *r;
    struct err e = {0};
    bool ok;

    clock_init_real(&t->clock);
    r = reactor_new(t->backend, &t->clock, &e);
    ok = r && http_lane_open(&t->lane, r, t->transfers_max, t->ended, t->owner, &e);
    if (ok)
        announce(t);
    while (ok && !t->over)
        ok = reactor_turn(r, UINT64_MAX, &e);
    if (!ok) {
        e.retry = RETRY_LATER; /* by another thread */
        fail(t, &e);
    }
    http_lane_close(&t->lane);
    if (r && !ok)
        reactor_drop_tasks(r); /* look_task: what it would have found was ended */
    reactor_free(r);
    return NULL;
}

/* ---- Life ---- */

/* Signals are for the threads that were there before. */
static int start(struct http_thread *t)
{
    sigset_t all, before;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&t->thread, NULL, serve, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

static void dispose(struct http_thread *t)
{
    pthread_cond_destroy(&t->settled);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

struct http_thread *http_thread_new(enum reactor_backend backend, unsigned transfers_max,
                                    http_lane_ended_fn *ended, void *owner, struct err *e)
{
    struct http_thread *t = calloc(1, sizeof *t);
    int failed;

    if (!t) {
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot start a thread for exchanges");
        return NULL;
    }
    t->backend = backend;
    t->transfers_max = transfers_max;
    t->ended = ended;
    t->owner = owner;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->settled, NULL);
    failed = start(t);
    if (failed) {
        err_set_errno(e, failed, RETRY_NEVER, "cannot start a thread for exchanges");
        dispose(t);
        return NULL;
    }
    pthread_mutex_lock(&t->lock);
    while (!t->serving && !t->failed)
        pthread_cond_wait(&t->settled, &t->lock);
    pthread_mutex_unlock(&t->lock);
    if (t->serving)
        return t;
    pthread_join(t->thread, NULL);
    *e = t->err;
    dispose(t);
    return NULL;
}

/* With the lock held. */
static void tell(struct http_thread *t)
{
    if (t->told || t->failed)
        return;
    t->told = true;
    reactor_post_remote(t->lane.reactor, &t->look_task, look);
}

void http_thread_free(struct http_thread *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    assert(!t->given.first);
    t->end = true;
    tell(t);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    dispose(t);
}

/* ---- Use, look ---- */

bool http_thread_give(struct http_thread *t, struct http_exchange *ex)
{
    bool taken;

    pthread_mutex_lock(&t->lock);
    taken = !t->failed;
    if (taken)
        exchange_list_append(&t->given, ex);
    tell(t);
    pthread_mutex_unlock(&t->lock);
    return taken;
}

void http_thread_cancel(struct http_thread *t, struct exchange_list *out_untaken)
{
    pthread_mutex_lock(&t->lock);
    *out_untaken = t->given;
    t->given = (struct exchange_list){0};
    t->cancel = true;
    tell(t);
    pthread_mutex_unlock(&t->lock);
}

uint64_t http_thread_cpu_ns(const struct http_thread *t)
{
    return clock_cpu_of_thread_ns(t->thread);
}
