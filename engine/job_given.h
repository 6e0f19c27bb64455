/* job_given.h - what the text of one end of a disk is, before anything of it is opened or resolved.
 *
 * Knows:         the spellings of an end, when two of them name one thing.
 * Must not know: JSON; what env: and @FILE hold; whether an end can be opened (job_ends.h).
 * Threads:       pure, but that a key looks at files: links and folders, never content.
 * Errors:        a sentence to put behind a path; never a query.
 */
#ifndef ENGINE_JOB_GIVEN_H
#define ENGINE_JOB_GIVEN_H

#include <stdbool.h>

#include "blockmap/err.h"
#include "engine/access.h"
#include "io/secret.h"

enum job_given_kind {
    JOB_GIVEN_NOTHING,
    JOB_GIVEN_URL,
    JOB_GIVEN_ELSEWHERE, /* env:NAME, @FILE: a URL too, but not looked at */
    JOB_GIVEN_FILE,
    JOB_GIVEN_NULL
};

/* A zeroed struct is nothing. */
struct job_given {
    enum job_given_kind kind;
    struct secret_url url; /* URL; owned */
    const char *path;      /* FILE; a view into the text */
    const char *text;      /* all of it; a view */
};

bool job_given_read(enum access_side side, const char *text, struct job_given *out_given,
                    struct err *e);
void job_given_fini(struct job_given *given); /* wipes */

/* Source and base: can what changed between them be had at all? Only what can be told from the texts. */
bool job_given_check_base(const struct job_given *source, const struct job_given *base,
                          struct err *e);

/* Two ends with one key are one thing (end_key.h). malloc'd; NULL for null:, and when memory ran out. */
char *job_given_key(const struct job_given *given);

#endif
