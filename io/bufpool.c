/* bufpool.c - see bufpool.h. */
#include "io/bufpool.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "io/reactor.h"

_Static_assert(BUF_BYTES % BUF_ALIGN_BYTES == 0, "buffers stay aligned");
_Static_assert(BUFPOOL_START_BYTES >= BUF_BYTES, "a pool starts with room for one buffer");

struct bufpool {
    /* set once */
    struct reactor *reactor;
    /* changes, reactor thread only */
    uint32_t count_max;
    struct buf **bufs; /* room; those before made_count are there */
    uint32_t room;
    struct buf *free_bufs;
    uint32_t count; /* may be in use */
    uint32_t made_count;
    uint32_t borrowed_count;
    uint32_t registered_count;
    struct buf_waiter *waiters, **waiters_end; /* oldest first */
    uint32_t waiters_count;
    struct reactor_task wake;
    bool wake_posted;
    void (*freed)(void *arg);
    void *freed_arg;
};

static uint32_t bufpool_count_of(uint64_t bytes)
{
    uint64_t count = (bytes < BUFPOOL_MAX_BYTES ? bytes : BUFPOOL_MAX_BYTES) / BUF_BYTES;

    return count ? (uint32_t)count : 1;
}

struct bufpool *bufpool_new(struct reactor *r, uint64_t start_bytes, uint64_t max_bytes,
                            struct err *e)
{
    struct bufpool *pool = calloc(1, sizeof *pool);

    if (pool) {
        pool->reactor = r;
        pool->waiters_end = &pool->waiters;
        pool->room = pool->count_max = bufpool_count_of(max_bytes);
        pool->count = bufpool_count_of(start_bytes);
        if (pool->count > pool->count_max)
            pool->count = pool->count_max;
        pool->bufs = calloc(pool->room, sizeof(struct buf *));
    }
    if (!pool || !pool->bufs) {
        free(pool);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the buffer pool");
        return NULL;
    }
    return pool;
}

/* ---- Buffers ---- */

/* A buffer's memory comes with its first use and stays. Huge pages are asked for: a 4 MiB buffer is
 * two of them, and the copy out of a socket then misses the TLB less. */
static struct buf *bufpool_make(struct bufpool *pool)
{
    struct buf *buf = calloc(1, sizeof *buf);
    void *memory =
        mmap(NULL, BUF_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (!buf || memory == MAP_FAILED) {
        free(buf);
        if (memory != MAP_FAILED)
            munmap(memory, BUF_BYTES);
        return NULL;
    }
    (void)madvise(memory, BUF_BYTES, MADV_HUGEPAGE);
    buf->memory = memory;
    buf->registered = reactor_register_memory(pool->reactor, memory, BUF_BYTES);
    pool->registered_count += buf->registered >= 0;
    buf->slot = pool->made_count;
    pool->bufs[pool->made_count++] = buf;
    return buf;
}

static void bufpool_drop(struct bufpool *pool, struct buf *buf)
{
    struct buf *last = pool->bufs[--pool->made_count];

    pool->bufs[buf->slot] = last;
    last->slot = buf->slot;
    pool->registered_count -= buf->registered >= 0;
    reactor_unregister_memory(pool->reactor, buf->registered);
    munmap(buf->memory, BUF_BYTES);
    free(buf);
}

void bufpool_free(struct bufpool *pool)
{
    if (!pool)
        return;
    assert(pool->borrowed_count == 0 && !pool->waiters && !pool->wake_posted);
    while (pool->made_count)
        bufpool_drop(pool, pool->bufs[pool->made_count - 1]);
    free(pool->bufs);
    free(pool);
}

struct buf *bufpool_borrow(struct bufpool *pool)
{
    struct buf *buf = pool->free_bufs;

    if (buf) {
        pool->free_bufs = buf->next;
    } else {
        if (pool->made_count >= pool->count)
            return NULL;
        buf = bufpool_make(pool);
        if (!buf)
            return NULL;
    }
    buf->next = NULL;
    pool->borrowed_count++;
    return buf;
}

/* ---- Who waits ---- */

static bool bufpool_has_one(const struct bufpool *pool)
{
    return pool->free_bufs || pool->made_count < pool->count_max;
}

/* As many as there are buffers now; one that finds none any more has put itself behind them. */
static void bufpool_wake(struct reactor_task *task)
{
    struct bufpool *pool = (struct bufpool *)((char *)task - offsetof(struct bufpool, wake));

    pool->wake_posted = false;
    for (uint32_t left = pool->waiters_count; left && pool->waiters && bufpool_has_one(pool);
         left--) {
        struct buf_waiter *waiter = pool->waiters;

        (void)bufpool_leave(pool, waiter);
        waiter->may_borrow(waiter);
    }
    if (pool->freed)
        pool->freed(pool->freed_arg);
}

static void bufpool_tell(struct bufpool *pool)
{
    if (pool->waiters && !pool->wake_posted && bufpool_has_one(pool)) {
        pool->wake_posted = true;
        reactor_post(pool->reactor, &pool->wake, bufpool_wake);
    }
    if (pool->freed)
        pool->freed(pool->freed_arg);
}

void bufpool_wait(struct bufpool *pool, struct buf_waiter *waiter,
                  void (*may_borrow)(struct buf_waiter *waiter))
{
    waiter->may_borrow = may_borrow;
    if (waiter->waits)
        return;
    waiter->waits = true;
    waiter->next = NULL;
    *pool->waiters_end = waiter;
    pool->waiters_end = &waiter->next;
    pool->waiters_count++;
    bufpool_tell(pool);
}

bool bufpool_leave(struct bufpool *pool, struct buf_waiter *waiter)
{
    struct buf_waiter **at = &pool->waiters;

    if (!waiter->waits)
        return false;
    while (*at != waiter)
        at = &(*at)->next;
    *at = waiter->next;
    if (!*at)
        pool->waiters_end = at;
    waiter->waits = false;
    pool->waiters_count--;
    return true;
}

void bufpool_watch(struct bufpool *pool, void (*freed)(void *arg), void *arg)
{
    assert(!freed || !pool->freed);
    pool->freed = freed;
    pool->freed_arg = arg;
}

void bufpool_release(struct bufpool *pool, struct buf *buf)
{
    assert(buf->slot < pool->made_count && pool->bufs[buf->slot] == buf);
    assert(pool->borrowed_count > 0);
    pool->borrowed_count--;
    if (pool->made_count > pool->count_max) {
        bufpool_drop(pool, buf);
    } else {
        buf->next = pool->free_bufs;
        pool->free_bufs = buf;
    }
    bufpool_tell(pool);
}

/* ---- The limit ---- */

bool bufpool_grow(struct bufpool *pool)
{
    if (pool->count >= pool->count_max)
        return false;
    pool->count++;
    return true;
}

static void bufpool_drop_free(struct bufpool *pool, uint32_t made_max)
{
    while (pool->made_count > made_max && pool->free_bufs) {
        struct buf *buf = pool->free_bufs;

        pool->free_bufs = buf->next;
        bufpool_drop(pool, buf);
    }
}

void bufpool_trim(struct bufpool *pool)
{
    bufpool_drop_free(pool, 0);
}

void bufpool_set_max(struct bufpool *pool, uint64_t max_bytes)
{
    uint32_t count_max = bufpool_count_of(max_bytes);

    if (count_max > pool->room) {
        struct buf **bigger = realloc(pool->bufs, count_max * sizeof(struct buf *));

        if (!bigger)
            return;
        pool->bufs = bigger;
        pool->room = count_max;
    }
    pool->count_max = count_max;
    if (pool->count > count_max)
        pool->count = count_max;
    bufpool_drop_free(pool, count_max);
    bufpool_tell(pool);
}

/* ---- Look ---- */

uint32_t bufpool_count(const struct bufpool *pool)
{
    return pool->count;
}

uint32_t bufpool_count_max(const struct bufpool *pool)
{
    return pool->count_max;
}

uint32_t bufpool_borrowed_count(const struct bufpool *pool)
{
    return pool->borrowed_count;
}

uint32_t bufpool_waiters_count(const struct bufpool *pool)
{
    return pool->waiters_count;
}

uint64_t bufpool_held_bytes(const struct bufpool *pool)
{
    return (uint64_t)pool->made_count * BUF_BYTES;
}

bool bufpool_registered(const struct bufpool *pool)
{
    return pool->registered_count > 0;
}
