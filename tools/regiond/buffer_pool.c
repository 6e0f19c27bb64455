/* buffer_pool.c - a stack of idle buffers under one mutex; the last one given back is warm. */
#include "tools/regiond/buffer_pool.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

struct buffer_pool {
    pthread_mutex_t lock;
    unsigned char *idle[BUFFER_IDLE_MAX_COUNT]; /* guarded by lock */
    unsigned idle_count;                        /* guarded by lock */
    unsigned lent_count;                        /* guarded by lock */
};

struct buffer_pool *buffer_pool_new(void)
{
    struct buffer_pool *pool = calloc(1, sizeof *pool);

    if (pool)
        pthread_mutex_init(&pool->lock, NULL);
    return pool;
}

void buffer_pool_free(struct buffer_pool *pool)
{
    if (!pool)
        return;
    assert(pool->lent_count == 0);
    while (pool->idle_count > 0)
        munmap(pool->idle[--pool->idle_count], BUFFER_BYTES);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

/* Mapped, not allocated: a buffer nobody fills costs no memory. */
static unsigned char *map_buffer(void)
{
    void *memory =
        mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

unsigned char *buffer_borrow(struct buffer_pool *pool)
{
    unsigned char *buffer = NULL;

    pthread_mutex_lock(&pool->lock);
    if (pool->idle_count > 0)
        buffer = pool->idle[--pool->idle_count];
    else if (pool->lent_count < BUFFER_MAX_COUNT)
        buffer = map_buffer();
    if (buffer)
        pool->lent_count++;
    pthread_mutex_unlock(&pool->lock);
    return buffer;
}

void buffer_release(struct buffer_pool *pool, unsigned char *buffer)
{
    if (!buffer)
        return;
    pthread_mutex_lock(&pool->lock);
    assert(pool->lent_count > 0);
    pool->lent_count--;
    if (pool->idle_count < BUFFER_IDLE_MAX_COUNT) {
        pool->idle[pool->idle_count++] = buffer;
        buffer = NULL;
    }
    pthread_mutex_unlock(&pool->lock);
    if (buffer)
        munmap(buffer, BUFFER_BYTES);
}
