/* share_case.h - disks of arithmetic that ask a share for turns, on a simulated clock.
 *
 * Knows:         how a mover asks: a range begins, is read, is written in pieces, some is tried again.
 * Must not know: what is expected of the share.
 * Threads:       the reactor's.
 */
#ifndef TESTS_SUPPORT_SHARE_CASE_H
#define TESTS_SUPPORT_SHARE_CASE_H

#include "engine/share.h"
#include "engine/share_turn.h"
#include "tests/support/test_reactor.h"

#define SHARE_CASE_DISKS_MAX 600u
#define SHARE_CASE_SENT_MAX  (1u << 20)
#define SHARE_CASE_SLOTS     8u

struct share_case;
struct share_disk;

struct share_slot {
    struct share_disk *disk;
    struct share_ask ask;
    struct timer timer;
    uint64_t began_ns;
    struct buf *buf;
    uint64_t bytes, written_bytes, sent_bytes; /* of the range; of the request under way */
    bool writing, busy;
};

struct share_disk {
    struct share_case *c;
    struct share_seat *seat;
    struct share_ask ask;
    uint32_t window; /* slots in use at most */
    uint64_t latency_ns;
    uint64_t jitter_ns;      /* at most so much more */
    uint32_t fails_permille; /* of requests: tried again after latency */
    bool clears;             /* ranges are cleared, not read */
    uint64_t left_bytes, done_bytes;
    uint64_t ended_ns; /* 0: not yet */
    uint32_t busy_count;
    struct share_slot slots[SHARE_CASE_SLOTS];
};

struct share_sent {
    uint64_t at_ns, bytes;
};

struct share_case {
    struct rig rig;
    struct bufpool *pool;
    struct share *share;
    struct job_limits limits;
    struct share_unit *units[8];
    struct share_disk disks[SHARE_CASE_DISKS_MAX];
    uint32_t disks_count, ended_count;
    bool ended; /* all of them */
    uint64_t random;
    uint64_t link_per_s;   /* bytes that all reads and writes have together; 0: any number */
    uint64_t link_free_ns; /* until then it is busy */
    struct share_sent *reads, *writes;
    uint32_t reads_count, writes_count, clears_count;
    uint64_t largest_bytes; /* request */
};

/* ---- Life ---- */
void share_case_open(struct share_case *c, uint32_t buffers, const struct job_limits *limits);
void share_case_close(struct share_case *c); /* stops what runs */
/* Does not begin. blob, account: of the source; the target has names of its own, or none without them. */
struct share_disk *share_case_add(struct share_case *c, uint32_t unit, uint32_t weight,
                                  const char *blob, const char *account, uint64_t bytes);

/* ---- Use ---- */
void share_case_begin(struct share_disk *disk);
void share_case_begin_all(struct share_case *c);
void share_case_for(struct share_case *c, uint64_t ns); /* lets time pass */
void share_case_finish(struct share_case *c);           /* until all have ended */

/* ---- Look ---- */
/* The most bytes sent in any `ns` between from_ns and the last one sent. */
uint64_t share_case_most(const struct share_sent *sent, uint32_t count, uint64_t from_ns,
                         uint64_t ns);
uint64_t share_case_sum(const struct share_sent *sent, uint32_t count, uint64_t from_ns,
                        uint64_t to_ns);

#endif
