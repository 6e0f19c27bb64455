/* timers.c - see timers.h. A binary heap; each timer knows its place, so disarming is O(log n).
 *
 * What timers_expire promises ("due when the call begins") needs no copy of the due ones: a callback
 * that arms a timer for a time already past gets it one nanosecond later, out of this call's reach.
 */
#include "io/timers.h"

#include <assert.h>
#include <stdlib.h>

#define TIMERS_START_CAPACITY 16u

void timers_fini(struct timers *timers)
{
    assert(timers->count == 0);
    free(timers->heap);
    *timers = (struct timers){0};
}

static void put(struct timers *timers, size_t index, struct timer *timer)
{
    timers->heap[index] = timer;
    timer->slot = index + 1;
}

/* Among equals the one armed first comes first, so that runs can be replayed. */
static bool before(const struct timer *a, const struct timer *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void sift_up(struct timers *timers, size_t index, struct timer *timer)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;

        if (!before(timer, timers->heap[parent]))
            break;
        put(timers, index, timers->heap[parent]);
        index = parent;
    }
    put(timers, index, timer);
}

static void sift_down(struct timers *timers, size_t index, struct timer *timer)
{
    for (;;) {
        size_t child = 2 * index + 1;

        if (child >= timers->count)
            break;
        if (child + 1 < timers->count && before(timers->heap[child + 1], timers->heap[child]))
            child++;
        if (!before(timers->heap[child], timer))
            break;
        put(timers, index, timers->heap[child]);
        index = child;
    }
    put(timers, index, timer);
}

static bool make_room(struct timers *timers)
{
    size_t capacity = timers->capacity ? timers->capacity * 2 : TIMERS_START_CAPACITY;
    struct timer **heap;

    if (timers->count < timers->capacity)
        return true;
    heap = reallocarray(timers->heap, capacity, sizeof *heap);
    if (!heap)
        return false;
    timers->heap = heap;
    timers->capacity = capacity;
    return true;
}

bool timers_arm(struct timers *timers, struct timer *timer, uint64_t due_ns, timer_fn *fn)
{
    assert(fn);
    if (timer->slot == 0 && !make_room(timers))
        return false;
    timers_disarm(timers, timer);
    if (timers->expiring && due_ns <= timers->expiring_ns)
        due_ns = timers->expiring_ns + 1;
    timer->due_ns = due_ns;
    timer->fn = fn;
    timer->order = timers->armed_count++;
    timers->count++;
    sift_up(timers, timers->count - 1, timer);
    return true;
}

void timers_disarm(struct timers *timers, struct timer *timer)
{
    size_t index = timer->slot - 1;
    struct timer *last;

    if (timer->slot == 0)
        return;
    assert(index < timers->count && timers->heap[index] == timer);
    timer->slot = 0;
    last = timers->heap[--timers->count];
    if (last == timer)
        return;
    if (index > 0 && before(last, timers->heap[(index - 1) / 2]))
        sift_up(timers, index, last);
    else
        sift_down(timers, index, last);
}

uint64_t timers_next_ns(const struct timers *timers)
{
    return timers->count ? timers->heap[0]->due_ns : UINT64_MAX;
}

size_t timers_expire(struct timers *timers, uint64_t now_ns)
{
    size_t ran = 0;

    assert(!timers->expiring && now_ns < UINT64_MAX);
    timers->expiring = true;
    timers->expiring_ns = now_ns;
    while (timers_next_ns(timers) <= now_ns) {
        struct timer *timer = timers->heap[0];

        timers_disarm(timers, timer);
        ran++;
        timer->fn(timer); /* may free the timer */
    }
    timers->expiring = false;
    return ran;
}
