/* buffer_pool.h - the 4 MiB buffers that request bodies arrive in and checked ranges leave from.
 *
 * Knows:         memory.
 * Must not know: who borrows, what for.
 * Threads:       any.
 */
#ifndef REGIOND_BUFFER_POOL_H
#define REGIOND_BUFFER_POOL_H

#define BUFFER_BYTES          (4u << 20) /* one Put Page, one checked range */
#define BUFFER_MAX_COUNT      512u       /* 2 GiB in use at most; then the service is busy */
#define BUFFER_IDLE_MAX_COUNT 64u        /* kept for the next request */

struct buffer_pool;

/* ---- Life ---- */
struct buffer_pool *buffer_pool_new(void);       /* NULL: no memory */
void buffer_pool_free(struct buffer_pool *pool); /* every buffer must be back; NULL is fine */

/* ---- Use ---- */
unsigned char *buffer_borrow(struct buffer_pool *pool); /* NULL: all in use, or no memory */
void buffer_release(struct buffer_pool *pool, unsigned char *buffer); /* NULL is fine */

#endif
