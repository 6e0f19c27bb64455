/* copy_proofs.h - what a copy keeps of its proofs: manifest, the target read back, the audit, the sample.
 *
 * Knows:         the parts of it. Included by the parts of a copy alone (copy_internal.h).
 * Must not know: when each is made (the table in copy.c).
 */
#ifndef ENGINE_COPY_PROOFS_H
#define ENGINE_COPY_PROOFS_H

#include "engine/manifest_walk.h"
#include "engine/mover.h"
#include "engine/read_back.h"

struct copy;

/* Blocks are asked for in their order, so sets are walked, not searched. */
struct set_walk {
    const struct extent_set *set;
    size_t index;
};

struct copy_audit {
    struct mover *mover;
    struct endpoint *nothing; /* what is read goes there */
    struct plan plan;         /* the blocks that were drawn */
    struct progress progress; /* of nobody's interest: the copy's begins with its plan */
    struct manifest_walk walk;
    struct root_sink sink;
    struct set_walk drawn; /* plan.reads */
    struct extent wrong;   /* the first blocks that changed although the diff says they did not */
};

struct copy_proofs { /* all owned */
    struct manifest_writer *writer;
    struct manifest_reader *base; /* the base's manifest */
    struct manifest_walk walk;    /* of it, beside what is read back */
    struct extent changed;        /* first blocks that only a foreign writer can have changed */
    struct read_back *back;       /* the target's, for a delta's manifest */
    struct root_sink sink;
    struct copy_audit *audit;
};

/* ---- copy_manifest.c ---- */
/* Who is told of the blocks as they move, maybe nobody; begins the manifest anew. */
bool copy_manifest_sink(struct copy *copy, const struct root_sink **out_sink);
/* Leaves of the plan what the sample takes, where one is wanted. */
bool copy_draw_sample(struct copy *copy);
/* Was it made by the process that completed the copy? */
bool copy_manifest_is_kept(struct copy *copy, const char *copy_uuid);
void copy_proofs_stop(struct copy *copy);
bool copy_proofs_wait(const struct copy *copy); /* for access */
void copy_proofs_fini(struct copy *copy);

/* ---- copy_audit.c; NULL is fine ---- */
void copy_audit_stop(struct copy_audit *audit);
bool copy_audit_waits(const struct copy_audit *audit);
void copy_audit_free(struct copy_audit *audit);

#endif
