/* reactor_backend.h - what reactor_core.c needs from the kernel, and the two who bring it.
 *
 * Knows:         calls, tags, completions.
 * Must not know: timers, tasks, who owns an operation. Private to io/reactor*.c.
 * Threads:       the reactor's.
 */
#ifndef IO_REACTOR_BACKEND_H
#define IO_REACTOR_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "io/reactor.h"

enum reactor_call_kind {
    REACTOR_CALL_READ,
    REACTOR_CALL_WRITE,
    REACTOR_CALL_FSYNC,
    REACTOR_CALL_FALLOCATE,
    REACTOR_CALL_POLL
};

struct reactor_call {
    enum reactor_call_kind kind;
    int fd;
    int registered;      /* READ, WRITE: index of registered memory, or -1 */
    int mode;            /* FALLOCATE */
    uint32_t events;     /* POLL */
    uint32_t length;     /* READ, WRITE: bytes */
    void *memory;        /* READ, WRITE */
    uint64_t offset;     /* bytes */
    uint64_t span_bytes; /* FALLOCATE */
};

/* Names an operation across the kernel boundary; old ones are recognised by their generation. */
union reactor_tag {
    uint64_t word;
    struct {
        uint32_t slot; /* 1 + index in the table of live operations; never 0 */
        uint32_t generation;
    };
};

struct reactor_kernel;

struct reactor_kernel_ops {
    const char *name;
    /* Hands a call on. False: no room before something completed; offer it again next turn. */
    bool (*submit)(struct reactor_kernel *k, uint64_t tag, const struct reactor_call *call);
    /* Takes a submitted poll back. Its completion may still come and is dropped by the core. */
    void (*forget)(struct reactor_kernel *k, uint64_t tag, int fd);
    /* Sends what was submitted and waits for one completion: 0 only looks, UINT64_MAX is for ever.
     * A signal ends the wait. Completes nothing itself. */
    bool (*wait)(struct reactor_kernel *k, uint64_t wait_ns, struct err *e);
    /* Calls reactor_complete for everything that is there now. */
    void (*reap)(struct reactor_kernel *k);
    int (*register_memory)(struct reactor_kernel *k, void *memory, size_t length);
    void (*unregister_memory)(struct reactor_kernel *k, int registered);
    void (*free)(struct reactor_kernel *k);
};

struct reactor_kernel {
    const struct reactor_kernel_ops *ops;
    struct reactor *reactor;
};

/* NULL and an error where the kernel refuses. */
struct reactor_kernel *reactor_uring_open(struct reactor *r, struct err *e);
struct reactor_kernel *reactor_epoll_open(struct reactor *r, struct err *e);

/* From reap only: runs the owner's done, unless it was forgotten. */
void reactor_complete(struct reactor *r, uint64_t tag, int64_t result);

#endif
