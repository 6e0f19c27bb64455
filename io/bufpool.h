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
    uint32_t slot;         /* private */
};

/* Who wants one buffer for a moment; embedded in its owner, zeroed at first. */
struct buf_waiter {
    void (*may_borrow)(struct buf_waiter *waiter);
    struct buf_waiter *next; /* private */
    bool waits;              /* private */
};

/* Starts with room for start_bytes (at least one buffer) and may be grown to max_bytes. Memory is
 * touched only when it is first borrowed. The reactor is borrowed and must outlive the pool. */
struct bufpool *bufpool_new(struct reactor *r, uint64_t start_bytes, uint64_t max_bytes,
                            struct err *e);
void bufpool_free(struct bufpool *pool); /* NULL is fine; every buffer came back, nobody waits */

struct buf *bufpool_borrow(struct bufpool *pool); /* NULL: none is free, wait for a release */
void bufpool_release(struct bufpool *pool, struct buf *buf);

/* may_borrow runs from the reactor when a buffer is free, those who waited longest first; it borrows for
 * itself, and waits again if somebody was faster. A waiter that waits already goes on doing so. */
void bufpool_wait(struct bufpool *pool, struct buf_waiter *waiter,
                  void (*may_borrow)(struct buf_waiter *waiter));
bool bufpool_leave(struct bufpool *pool, struct buf_waiter *waiter); /* true: it did wait */
/* The one who hands buffers out to many: told, inside the call, that more may be free. NULL: nobody. */
void bufpool_watch(struct bufpool *pool, void (*freed)(void *arg), void *arg);

/* Gives the memory of what is free back to the system; the limit stays. */
void bufpool_trim(struct bufpool *pool);
/* One more buffer may be used, if max_bytes and the system allow; false = no. */
bool bufpool_grow(struct bufpool *pool);
/* From now on max_bytes; what is free and too much is given back to the system, what is in use when it is
 * released. Without memory to count more of them the limit stays. */
void bufpool_set_max(struct bufpool *pool, uint64_t max_bytes);

uint32_t bufpool_count(const struct bufpool *pool);          /* buffers that may be in use */
uint32_t bufpool_count_max(const struct bufpool *pool);      /* what growing can reach */
uint32_t bufpool_borrowed_count(const struct bufpool *pool); /* in use now; after a lowered limit
                                                                perhaps more than may be */
uint32_t bufpool_waiters_count(const struct bufpool *pool);
uint64_t bufpool_held_bytes(const struct bufpool *pool); /* of memory, used or kept for the next */
bool bufpool_registered(const struct bufpool *pool);     /* at least one buffer is registered */

#endif
