/* ferry_child.h - one process `snapferry run -`: what goes to its stdin, the lines it prints, how it ends.
 *
 * Knows:         processes, pipes, limits of time and of bytes.
 * Must not know: jobs, events, why it is started again.
 * Threads:       the reactor's; callbacks run from it.
 *
 * It gets a session of its own, an environment of names that are listed (snapferryd's may hold keys), and
 * no descriptor of ours but the lock it is to hold. What is sent is wiped; of its stderr one redacted line
 * is kept.
 */
#ifndef CONTROLD_FERRY_CHILD_H
#define CONTROLD_FERRY_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "blockmap/err.h"
#include "io/clock.h"
#include "io/reactor.h"
#include "tools/controld/ferry_job.h"

#define FERRY_CHILD_SAID_BYTES    256u               /* of the last line of stderr */
#define FERRY_CHILD_LAST_WORDS_NS (5ull * NS_PER_S)  /* its pipes are read after it is gone */
#define FERRY_CHILD_SILENCE_NS    (20ull * NS_PER_S) /* it may live after it closed its stdout */

struct ferry_child;

struct ferry_child_end {
    bool killed; /* by `number`; else it exited with `number` */
    int number;
    const char *said; /* the last line of its stderr, redacted; "" */
};

struct ferry_child_setup {
    struct reactor *reactor;
    const char *const *arguments; /* ends with NULL; the first is the program's path; no secret */
    int held_fd;                  /* stays open in the child; borrowed */
    size_t line_max_bytes;        /* of stdout; longer ones are passed by */
    void (*line)(void *arg, const char *line, size_t bytes);
    /* Once, the last call: it is gone and all it said was told. It may be freed in here. */
    void (*ended)(void *arg, const struct ferry_child_end *end);
    void *arg;
};

/* ---- Life ---- */
/* NULL and an error when it could not be started (ERR_USAGE: there is no such program). */
struct ferry_child *ferry_child_start(const struct ferry_child_setup *setup, struct err *e);
/* NULL is fine. One that runs is killed and waited for; no callback comes then. Not from `line`. Its memory
 * may go a turn later. */
void ferry_child_free(struct ferry_child *child);

/* ---- Use ---- */
/* Takes the line: leaves it empty. Without effect after a stop. */
void ferry_child_send(struct ferry_child *child, struct ferry_line *take);
/* Its stdin ends: it is to record what it did and go. Killed when limit_ns are over. Again: the sooner
 * of both limits holds. */
void ferry_child_stop(struct ferry_child *child, uint64_t limit_ns);
void ferry_child_kill(struct ferry_child *child); /* -9; its end follows */

/* ---- Look ---- */
pid_t ferry_child_process(const struct ferry_child *child); /* 0: it is gone */

#endif
