/* verify_finding.h - what a comparison of one disk restore point found: heard from the child, judged.
 *
 * Knows:         the events of `snapferry verify` and of a copy to null:, what their ends mean.
 * Must not know: processes, the catalog, who asked.
 * Threads:       pure; a value owned by its caller. Nothing in it is secret.
 *
 * What a child prints is input from outside: a line that is no event, or an event without what it must
 * have, is passed by, and a child that ended well without telling its result has found nothing.
 */
#ifndef CONTROLD_VERIFY_FINDING_H
#define CONTROLD_VERIFY_FINDING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"

#define VERIFY_ROOT_MAX_BYTES     80u /* "sha256:", 64 digits, NUL */
#define VERIFY_TEXT_MAX_BYTES     400u
#define VERIFY_SENTENCE_MAX_BYTES 512u

enum verify_against {
    VERIFY_AGAINST_SOURCE, /* byte for byte with what it was copied from; a child `verify` */
    VERIFY_AGAINST_ROOT    /* with the digest that was kept; a child `copy ... null:` */
};

enum verify_outcome { VERIFY_UNFINISHED, VERIFY_EQUAL, VERIFY_DIFFERENT };

struct verify_finding {
    enum verify_against against;
    enum verify_outcome outcome;
    double percent, seconds;
    uint64_t moved_bytes;                  /* by the last word about progress */
    uint64_t compared_bytes;               /* of what is allocated at either end */
    uint64_t different_bytes, range_count; /* only of a comparison with the source, these four */
    uint64_t first_offset, first_length;   /* where it differs first; length 0: not told */
    bool sizes_differ, ranges_cut, says_equal;
    bool summed;                          /* it told its result */
    bool not_as_copied;                   /* both ends are alike, and not what was copied */
    bool missing;                         /* its snapshot is not in its region */
    char root[VERIFY_ROOT_MAX_BYTES];     /* of what was read; "": not told */
    char expected[VERIFY_ROOT_MAX_BYTES]; /* as it was kept; "": none was */
    char trouble[VERIFY_TEXT_MAX_BYTES];  /* why it could not be found out */
};

/* ---- Use ---- */
/* kept_root: of the catalog; NULL: none. */
void verify_finding_begin(struct verify_finding *finding, enum verify_against against,
                          const char *kept_root);
/* One line of the child. */
void verify_finding_hear(struct verify_finding *finding, const char *line);
/* The child is gone, with this status of waitpid: sets the outcome. */
void verify_finding_end(struct verify_finding *finding, int status);
/* There is nothing where it should be: as different as it can be. */
void verify_finding_miss(struct verify_finding *finding);
/* It never came to a child, or that was ended by us. */
void verify_finding_fail(struct verify_finding *finding, const char *trouble);

/* ---- Look ---- */
const char *
verify_outcome_name(enum verify_outcome outcome); /* "equal", "different", "unfinished" */
/* {"outcome","against","comparedBytes",...}: a new reference; NULL: no memory. */
json_t *verify_finding_json(const struct verify_finding *finding);
/* What an operator is told of one that is not equal. */
void verify_finding_sentence(const struct verify_finding *finding,
                             char out_sentence[VERIFY_SENTENCE_MAX_BYTES]);

#endif
