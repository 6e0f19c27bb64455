/* resume_case.h - one copy that is stopped and gone on with, and what of its source was read twice.
 *
 * Knows:         copy_case.h, the journal, how a copy is stopped after so many ranges.
 * Must not know: which journals fit.
 * Threads:       the reactor's.
 */
#ifndef SUPPORT_RESUME_CASE_H
#define SUPPORT_RESUME_CASE_H

#include "tests/support/copy_case.h"

#define RESUME_CASE_DISK_BYTES (4096 * COPY_CASE_KIB) /* and a footer */
#define RESUME_CASE_CUT_BYTES  (64u << 10)
#define RESUME_CASE_WINDOW_MAX 4u
/* Of a block that several ranges touch all is read again, when not all of it was read. */
#define RESUME_CASE_REREAD_MAX ((uint64_t)RESUME_CASE_WINDOW_MAX * RESUME_CASE_CUT_BYTES)

struct resume_case {
    struct copy_case c; /* the first member: it is what the watch is told with */
    char journal_path[TEST_PATH_MAX_BYTES];
    struct extent_set read_before; /* of the source, by the runs that were stopped */
    uint64_t reread_bytes;         /* and more than once */
    uint32_t stop_after;           /* ranges done */
    struct copy *running;
    struct endpoint *wrapper; /* of the target, by the run that failed; owns it */
};

/* ---- Life ---- */
void resume_case_open(struct resume_case *m); /* a random disk, and no target yet */
void resume_case_close(struct resume_case *m);

/* ---- Run ---- */
/* Stopped after so many ranges; asserts that it can go on. */
void resume_case_stop(struct resume_case *m, uint32_t ranges);
/* What the next process finds: the same disks, opened anew. */
void resume_case_next(struct resume_case *m);
/* Runs to the end, and asserts that it went on and read nothing twice. */
void resume_case_expect_goes_on(struct resume_case *m);

/* ---- Look ---- */
bool resume_case_has_journal(const struct resume_case *m);

#endif
