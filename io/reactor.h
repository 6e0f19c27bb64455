/* reactor.h - the ring: submits to the kernel, runs what completed, one at a time.
 *
 * Knows:         io_uring (or, where that is forbidden, epoll and a few threads), timers, posted tasks.
 * Must not know: HTTP, disks, why anything is read.
 * Threads:       everything here belongs to the thread that made the reactor, except
 *                reactor_post_remote.
 *
 * Nothing completes inline: a submit only submits, and `done` runs from reactor_turn, never inside
 * the call that submitted, never inside another completion.
 */
#ifndef IO_REACTOR_H
#define IO_REACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "io/clock.h"
#include "io/timers.h"

#define REACTOR_OPS_MAX 4096u /* operations in the kernel at once; more wait in our queue */
#define REACTOR_IO_MAX  (1u << 30)

struct reactor;
struct reactor_op;
struct reactor_task;
typedef void reactor_done_fn(struct reactor_op *op);
typedef void reactor_task_fn(struct reactor_task *task);

/* One operation; embedded in its owner, which keeps it alive until done ran (or it was forgotten). */
struct reactor_op {
    reactor_done_fn *done;   /* set by the submit functions */
    int64_t result;          /* in done: bytes, or poll events, or -errno */
    struct reactor_op *next; /* private */
    uint32_t slot;           /* private: 1 + index in the table of live operations; 0 = idle */
    uint32_t generation;     /* private */
};

/* Something to run in the next turn; embedded in its owner. Posting a posted task is an assertion. */
struct reactor_task {
    reactor_task_fn *fn;
    struct reactor_task *next; /* private */
    bool posted;               /* private */
};

enum reactor_backend { REACTOR_AUTO, REACTOR_URING, REACTOR_EPOLL };

/* ---- Life ---- */
/* REACTOR_AUTO takes io_uring and falls back to epoll where io_uring is refused; the environment
 * does not matter here, the caller chooses. The clock is not owned and must outlive the reactor. */
struct reactor *reactor_new(enum reactor_backend backend, struct clock *clock, struct err *e);
void reactor_free(struct reactor *r); /* NULL is fine; asserts that reactor_busy is false */
void reactor_drop_tasks(
    struct reactor *r); /* posted ones are never run; after a failed turn only */

/* ---- Run ---- */
/* One turn: reads the clock, expires timers, submits, waits for at least one completion, timer or
 * posted task (at most wait_max_ns; UINT64_MAX is for ever; a signal ends the wait), runs what is
 * there. With a simulated clock and nothing in the kernel it moves the clock to the next timer, by at
 * most wait_max_ns, instead of waiting. False and an error only when the kernel interface itself
 * fails. */
bool reactor_turn(struct reactor *r, uint64_t wait_max_ns, struct err *e);
/* True while any operation, timer or posted task is left. */
bool reactor_busy(const struct reactor *r);

/* ---- Use: files (result: bytes done, which may be fewer than asked; or -errno) ---- */
/* registered: what reactor_register_memory answered for the memory, or -1. */
void reactor_read(struct reactor *r, struct reactor_op *op, int fd, void *memory, uint32_t length,
                  uint64_t offset, int registered, reactor_done_fn *done);
void reactor_write(struct reactor *r, struct reactor_op *op, int fd, const void *memory,
                   uint32_t length, uint64_t offset, int registered, reactor_done_fn *done);
void reactor_fsync(struct reactor *r, struct reactor_op *op, int fd, reactor_done_fn *done);
void reactor_fallocate(struct reactor *r, struct reactor_op *op, int fd, int mode, uint64_t offset,
                       uint64_t length, reactor_done_fn *done);

/* ---- Use: sockets ---- */
/* One-shot: done once with the poll(2) events that are there. */
void reactor_poll(struct reactor *r, struct reactor_op *op, int fd, uint32_t events,
                  reactor_done_fn *done);
/* Drops a poll: its done never runs, op may be used again at once, late news is thrown away by its
 * generation. The descriptor may be closed and renumbered by others. Idle ops are fine. */
void reactor_forget(struct reactor *r, struct reactor_op *op);

/* ---- Use: tasks and timers ---- */
void reactor_post(struct reactor *r, struct reactor_task *task, reactor_task_fn *fn);
/* From any thread: runs task in the reactor's next turn and wakes it. */
void reactor_post_remote(struct reactor *r, struct reactor_task *task, reactor_task_fn *fn);
/* Held as often as released: while work goes on in another thread that will post. A reactor that is held
 * is busy, and simulated time stands. */
void reactor_hold(struct reactor *r);
void reactor_release(struct reactor *r);
void reactor_arm(struct reactor *r, struct timer *timer, uint64_t due_ns, timer_fn *fn);
void reactor_disarm(struct reactor *r, struct timer *timer);

/* ---- Memory ---- */
/* Registers memory with the kernel; returns its index, or -1 where it is refused (RLIMIT_MEMLOCK, no
 * room in the table, epoll), which is no error: the same reads and writes then go unregistered. */
int reactor_register_memory(struct reactor *r, void *memory, size_t length);
void reactor_unregister_memory(struct reactor *r, int registered); /* -1 is fine */

/* ---- Look ---- */
uint64_t reactor_now_ns(const struct reactor *r);          /* read before and after a wait */
uint64_t reactor_wall_ns(const struct reactor *r);         /* wall clock, now */
bool reactor_simulated(const struct reactor *r);           /* has a clock that jumps */
const char *reactor_backend_name(const struct reactor *r); /* "io_uring" or "epoll and threads" */
/* Why io_uring is not in use, one sentence for a person; NULL when it is or was not wanted. */
const char *reactor_fallback_reason(const struct reactor *r);

#endif
