/* bufpool.h - aligned buffers, registered where the kernel lets us. No free buffer is the back-pressure.
 *
 * Knows: memory and its limits. Must not know: what a buffer is for. Threads: the reactor's.
 */
#ifndef IO_BUFPOOL_H
#define IO_BUFPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"

#define BUF_BYTES           (4u << 20) /* one range: the largest Put Page and checksummed GET */
#define BUF_ALIGN_BYTES     4096u
#define BUFPOOL_START_BYTES (64ull << 20)
#define BUFPOOL_MAX_BYTES   (64ull << 30)

struct reactor;
struct bufpool;

struct buf {
    unsigned char *memory; /* BUF_BYTES, aligned to BUF_ALIGN_BYTES; owned by the pool */
    int registered;        /* for reactor_read and reactor_write; -1 = not registered */
    struct buf *next;      /* private */
};

/* Starts with room for start_bytes (at least one buffer) and may be grown to max_bytes. Memory is
 * touched only when it is first borrowed. The reactor is borrowed and must outlive the pool. */
struct bufpool *bufpool_new(struct reactor *r, uint64_t start_bytes, uint64_t max_bytes,
                            struct err *e);
void bufpool_free(struct bufpool *pool); /* NULL is fine; asserts that every buffer came back */

struct buf *bufpool_borrow(struct bufpool *pool); /* NULL: none is free, wait for a release */
void bufpool_release(struct bufpool *pool, struct buf *buf);

/* One more buffer may be used, if max_bytes and the system allow; false = no. */
bool bufpool_grow(struct bufpool *pool);

uint32_t bufpool_count(const struct bufpool *pool);          /* buffers that may be in use */
uint32_t bufpool_count_max(const struct bufpool *pool);      /* what growing can reach */
uint32_t bufpool_borrowed_count(const struct bufpool *pool); /* in use now */
bool bufpool_registered(const struct bufpool *pool);         /* at least one buffer is registered */

#endif
