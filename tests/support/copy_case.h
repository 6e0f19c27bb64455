/* copy_case.h - one copy between two disks in memory, on a simulated clock, driven to its end.
 *
 * Knows:         how a test sets up a copy, runs it and looks at what it left.
 * Must not know: what the copy should have done.
 * Threads:       the reactor's.
 */
#ifndef SUPPORT_COPY_CASE_H
#define SUPPORT_COPY_CASE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/copy.h"
#include "io/endpoint_fault.h"
#include "io/endpoint_mem.h"
#include "tests/support/test_reactor.h"

#define COPY_CASE_POOL_BYTES (64ull << 20)
#define COPY_CASE_SAID_BYTES 4096u
#define COPY_CASE_KIB        1024ull
#define COPY_CASE_MIB        (1024ull * 1024)

struct copy_case {
    struct rig rig;
    struct bufpool *pool;
    struct endpoint *source, *base, *target; /* owned; base NULL: a full copy */
    char since[64];                          /* the snapshot of source that base stands for */
    struct copy_sides sides;                 /* not owned */
    struct copy_options options;
    void (*moved)(void *arg, struct extent extent, enum range_state from, enum range_state to);
    char folder[TEST_PATH_MAX_BYTES]; /* for options.state_folder, when a test wants one */
    /* of the last run */
    bool ended;
    struct err err;
    struct copy_summary summary;
    struct progress_view progress;
    char said[COPY_CASE_SAID_BYTES]; /* every sentence, one a line */
};

/* ---- Life ---- */
void copy_case_open(struct copy_case *c);
void copy_case_open_real(struct copy_case *c);  /* on the real clock: for ends behind sockets */
void copy_case_close(struct copy_case *c);      /* asserts that nothing is left in the reactor */
void copy_case_keep_state(struct copy_case *c); /* from now on with a state folder */

/* ---- Disks ---- */
struct endpoint *copy_case_disk(struct copy_case *c, uint64_t size_bytes);
/* A disk of random data, holes, and pages that are zero though they were written. */
struct endpoint *copy_case_random_disk(struct copy_case *c, uint64_t size_bytes, uint64_t seed);
/* Random writes, writes of zeros and clears below end_bytes. */
void copy_case_scribble(struct endpoint *disk, uint64_t end_bytes, uint64_t seed, uint32_t count);
/* Writes random bytes, none of them a page of zeros. */
void copy_case_fill(struct endpoint *disk, struct extent range, uint64_t seed);
void copy_case_put_footer(struct endpoint *disk); /* a fixed VHD's, in the last page */
bool copy_case_has_footer(const struct endpoint *disk);
/* Asks for smaller ranges than a buffer holds, so that small disks need many. */
void copy_case_cut(struct endpoint *disk, uint32_t request_bytes);
/* Wraps *disk; the wrapper owns it. The rules are copied. */
void copy_case_wrap(struct endpoint **disk, const struct fault_options *options);
/* From here on, source is newer than `base_id`: takes the snapshot, makes the base's stand-in. */
void copy_case_new_base(struct copy_case *c, const char *base_id, const char *source_id);
/* What a setup request makes of a disk, at once. */
void copy_case_setup(struct copy_case *c, struct endpoint *disk, struct setup_req *req);

/* ---- Run ---- */
struct copy *copy_case_start(struct copy_case *c); /* freed by copy_case_finish */
void copy_case_finish(struct copy_case *c, struct copy *copy);
void copy_case_run(struct copy_case *c);    /* start and finish */
void copy_case_run_ok(struct copy_case *c); /* and asserts that it committed */

/* ---- Look ---- */
/* Asserts that the first `bytes` of both are the same. */
void copy_case_expect_same(const struct endpoint *a, const struct endpoint *b, uint64_t bytes);
bool copy_case_is_same(const struct endpoint *a, const void *bytes, uint64_t count);
/* A copy of what it holds; the caller frees it. */
unsigned char *copy_case_image(const struct endpoint *disk);
/* Asserts that all of `part` lies in `whole`. */
void copy_case_expect_within(const struct extent_set *part, const struct extent_set *whole,
                             const char *what);
/* The root as blockmap/digest.h makes it of these bytes. */
void copy_case_root(const void *bytes, uint64_t count, char out_text[DIGEST_TEXT_MAX_BYTES]);

#endif
