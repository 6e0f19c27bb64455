/* bufpool.c - see bufpool.h. */
#include "io/bufpool.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "io/reactor.h"

_Static_assert(BUF_BYTES % BUF_ALIGN_BYTES == 0, "buffers stay aligned");
_Static_assert(BUFPOOL_START_BYTES >= BUF_BYTES, "a pool starts with room for one buffer");

struct bufpool {
    /* set once */
    struct reactor *reactor;
    uint32_t count_max;
    /* changes, reactor thread only */
    struct buf *bufs; /* count_max; those before made_count have memory */
    struct buf *free_bufs;
    uint32_t count; /* may be in use */
    uint32_t made_count;
    uint32_t borrowed_count;
    uint32_t registered_count;
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
        pool->count_max = bufpool_count_of(max_bytes);
        pool->count = bufpool_count_of(start_bytes);
        if (pool->count > pool->count_max)
            pool->count = pool->count_max;
        pool->bufs = calloc(pool->count_max, sizeof *pool->bufs);
    }
    if (!pool || !pool->bufs) {
        free(pool);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the buffer pool");
        return NULL;
    }
    return pool;
}

void bufpool_free(struct bufpool *pool)
{
    if (!pool)
        return;
    assert(pool->borrowed_count == 0);
    for (uint32_t i = 0; i < pool->made_count; i++) {
        reactor_unregister_memory(pool->reactor, pool->bufs[i].registered);
        munmap(pool->bufs[i].memory, BUF_BYTES);
    }
    free(pool->bufs);
    free(pool);
}

/* A buffer's memory comes with its first use and stays. Huge pages are asked for: a 4 MiB buffer is
 * two of them, and the copy out of a socket then misses the TLB less. */
static struct buf *bufpool_make(struct bufpool *pool)
{
    struct buf *buf = &pool->bufs[pool->made_count];
    void *memory =
        mmap(NULL, BUF_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return NULL;
    (void)madvise(memory, BUF_BYTES, MADV_HUGEPAGE);
    buf->memory = memory;
    buf->registered = reactor_register_memory(pool->reactor, memory, BUF_BYTES);
    pool->registered_count += buf->registered >= 0;
    pool->made_count++;
    return buf;
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

void bufpool_release(struct bufpool *pool, struct buf *buf)
{
    assert(buf >= pool->bufs && buf < pool->bufs + pool->made_count);
    assert(pool->borrowed_count > 0);
    buf->next = pool->free_bufs;
    pool->free_bufs = buf;
    pool->borrowed_count--;
}

bool bufpool_grow(struct bufpool *pool)
{
    if (pool->count >= pool->count_max)
        return false;
    pool->count++;
    return true;
}

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

bool bufpool_registered(const struct bufpool *pool)
{
    return pool->registered_count > 0;
}
