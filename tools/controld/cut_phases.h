/* cut_phases.h - the state of a cut and how it goes from phase to phase; private to cut.c and cut_phases.c.
 *
 * Knows:         which phase follows which. Must not know: who asked.
 * Threads:       the reactor's.
 */
#ifndef CONTROLD_CUT_PHASES_H
#define CONTROLD_CUT_PHASES_H

#include "tools/controld/cut.h"
#include "tools/controld/cut_strays.h"

enum cut_phase {
    CUT_CLEARING,  /* what an earlier life left goes */
    CUT_PREPARING, /* disks are looked at */
    CUT_FREEZING,
    CUT_TAKING,
    CUT_THAWING,   /* what is still being taken ends meanwhile */
    CUT_KEEPING,   /* all is well: doubles go, files become durable */
    CUT_MEASURING, /* how much is used */
    CUT_UNDOING,   /* it is not: what was taken goes */
    CUT_ENDED
};

struct cut_part { /* one disk */
    struct cut *cut;
    const struct cut_disk *disk;
    struct region_snapshot snapshot; /* of a blob */
    struct region_op measure;        /* of its blob */
    struct cut_raw_op *raw;          /* of a raw disk */
    char *stray;                     /* of a raw disk, owned: "SNAPFERRY_CUT=..." */
    bool begun;                      /* to be taken: there may be something to undo */
    bool busy;
};

struct cut {
    struct cut_setup setup;
    enum cut_phase phase;
    struct cut_freeze *freeze; /* NULL: no hooks */
    size_t busy_count;         /* parts, and what ends strays */
    struct cut_strays strays;  /* of an earlier life */
    const char *stray_names[CUT_DISKS_MAX + 1];
    bool thawed, timed_out, left;
    struct timer window, step;
    uint64_t begun_ns, window_ns, moment_ns;
    struct cut_hook_news news;
    struct err error; /* the first: why there is no cut */
    size_t count;
    struct cut_part parts[];
};

/* ---- Phases ---- */
void cut_clear(struct cut *cut);
void cut_prepare(struct cut *cut);
void cut_begin_thaw(struct cut *cut);
void cut_advance(struct cut *cut);                     /* once nothing of the phase is under way */
void cut_fail(struct cut *cut, const struct err *why); /* the first counts */

/* ---- What parts and hooks say ---- */
void cut_on_snapshot(struct region_snapshot *s);
void cut_on_raw(void *arg, struct cut_raw_op *op, const struct err *error);
void cut_on_frozen(void *arg, const struct err *error);
void cut_on_thawed(void *arg, const struct err *error);

#endif
