/* call_timer.c - one thread waits for the earliest ticket; a few more take work from a queue. */
#include "tools/regiond/call_timer.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "tools/regiond/region_clock.h"

struct call_timer {
    pthread_mutex_t lock;
    pthread_cond_t changed;      /* the timer thread waits here */
    pthread_cond_t work_came;    /* workers wait here */
    struct call_ticket *waiting; /* guarded by lock; earliest first */
    struct call_ticket *work;    /* guarded by lock; first come first */
    struct call_ticket **work_end;
    bool draining;    /* guarded by lock */
    pthread_t thread; /* set once */
    pthread_t workers[CALL_WORKER_COUNT];
    unsigned worker_count; /* set once */
    bool has_thread;
};

static void wait_until(struct call_timer *timer, uint64_t due_ns)
{
    struct timespec when = {
        .tv_sec = (time_t)(due_ns / 1000000000u),
        .tv_nsec = (long)(due_ns % 1000000000u),
    };

    pthread_cond_timedwait(&timer->changed, &timer->lock, &when);
}

static void *run_timer(void *context)
{
    struct call_timer *timer = context;

    pthread_mutex_lock(&timer->lock);
    while (timer->waiting || !timer->draining) {
        struct call_ticket *first = timer->waiting;

        if (!first) {
            pthread_cond_wait(&timer->changed, &timer->lock);
        } else if (!timer->draining && first->due_ns > region_clock_monotonic_ns()) {
            wait_until(timer, first->due_ns);
        } else {
            timer->waiting = first->next;
            pthread_mutex_unlock(&timer->lock);
            first->due(first);
            pthread_mutex_lock(&timer->lock);
        }
    }
    pthread_mutex_unlock(&timer->lock);
    return NULL;
}

static void *run_worker(void *context)
{
    struct call_timer *timer = context;

    pthread_mutex_lock(&timer->lock);
    while (timer->work || !timer->draining) {
        struct call_ticket *first = timer->work;

        if (!first) {
            pthread_cond_wait(&timer->work_came, &timer->lock);
            continue;
        }
        timer->work = first->next;
        if (!timer->work)
            timer->work_end = &timer->work;
        pthread_mutex_unlock(&timer->lock);
        first->due(first);
        pthread_mutex_lock(&timer->lock);
    }
    pthread_mutex_unlock(&timer->lock);
    return NULL;
}

struct call_timer *call_timer_start(void)
{
    struct call_timer *timer = calloc(1, sizeof *timer);
    pthread_condattr_t monotonic;

    if (!timer)
        return NULL;
    pthread_mutex_init(&timer->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&timer->changed, &monotonic);
    pthread_cond_init(&timer->work_came, NULL);
    pthread_condattr_destroy(&monotonic);
    timer->work_end = &timer->work;
    timer->has_thread = pthread_create(&timer->thread, NULL, run_timer, timer) == 0;
    while (timer->has_thread && timer->worker_count < CALL_WORKER_COUNT &&
           pthread_create(&timer->workers[timer->worker_count], NULL, run_worker, timer) == 0)
        timer->worker_count++;
    if (timer->worker_count == CALL_WORKER_COUNT)
        return timer;
    call_timer_drain(timer);
    call_timer_free(timer);
    return NULL;
}

void call_timer_drain(struct call_timer *timer)
{
    pthread_mutex_lock(&timer->lock);
    timer->draining = true;
    pthread_cond_broadcast(&timer->changed);
    pthread_cond_broadcast(&timer->work_came);
    pthread_mutex_unlock(&timer->lock);
    for (unsigned i = 0; i < timer->worker_count; i++)
        pthread_join(timer->workers[i], NULL);
    timer->worker_count = 0;
    if (timer->has_thread)
        pthread_join(timer->thread, NULL);
    timer->has_thread = false;
}

void call_timer_free(struct call_timer *timer)
{
    if (!timer)
        return;
    assert(timer->draining && !timer->waiting && !timer->work);
    pthread_cond_destroy(&timer->changed);
    pthread_cond_destroy(&timer->work_came);
    pthread_mutex_destroy(&timer->lock);
    free(timer);
}

void call_timer_at(struct call_timer *timer, struct call_ticket *ticket, uint64_t due_ns)
{
    struct call_ticket **at = &timer->waiting;
    bool now;

    ticket->due_ns = due_ns;
    pthread_mutex_lock(&timer->lock);
    now = timer->draining;
    if (!now) {
        while (*at && (*at)->due_ns <= due_ns)
            at = &(*at)->next;
        ticket->next = *at;
        *at = ticket;
        if (at == &timer->waiting)
            pthread_cond_signal(&timer->changed);
    }
    pthread_mutex_unlock(&timer->lock);
    if (now)
        ticket->due(ticket);
}

void call_timer_work(struct call_timer *timer, struct call_ticket *ticket)
{
    bool now;

    ticket->next = NULL;
    pthread_mutex_lock(&timer->lock);
    now = timer->draining;
    if (!now) {
        *timer->work_end = ticket;
        timer->work_end = &ticket->next;
        pthread_cond_signal(&timer->work_came);
    }
    pthread_mutex_unlock(&timer->lock);
    if (now)
        ticket->due(ticket);
}
