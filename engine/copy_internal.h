/* copy_internal.h - what the parts of a copy share: copy.c (the step machine) and copy_*.c (its steps).
 *
 * Knows: the whole of one copy. Included by those files alone. Must not know: as copy.h.
 */
#ifndef ENGINE_COPY_INTERNAL_H
#define ENGINE_COPY_INTERNAL_H

#include "blockmap/marker.h"
#include "blockmap/vhd.h"
#include "engine/copy.h"
#include "engine/copy_access.h"
#include "engine/copy_compare.h"
#include "engine/copy_lease.h"
#include "engine/copy_listing.h"
#include "engine/copy_map_steps.h"
#include "engine/copy_proofs.h"
#include "engine/copy_resume.h"
#include "engine/copy_steps.h"
#include "engine/copy_stream.h"
#include "engine/map_build.h"
#include "engine/mover.h"
#include "engine/retry.h"
#include "engine/target_state.h"

struct copy_facts { /* what looking at the ends told */
    struct stat_req source, base, target;
    struct target_state known; /* our state file of the target */
    uint64_t target_bytes;     /* of the target before any process of this copy; 0 = absent */
    char base_root[MARKER_DIGEST_MAX_BYTES]; /* what the target's marker said of the base */
    bool at_base;                            /* the target is proven to hold the base */
    bool base_unproven;                      /* it may, and a proof is still to be tried */
};

struct copy_footer_pages {
    struct vhd_footer vhd;
    bool source_has, target_has; /* a footer page apart from the disk */
    unsigned char first[VHD_FOOTER_BYTES];
    unsigned char last[VHD_FOOTER_BYTES];    /* of the source */
    unsigned char written[VHD_FOOTER_BYTES]; /* what the target's last page will be */
    uint64_t old_at;                         /* where the target's footer stood before it grew */
};

struct copy {
    /* set once */
    struct reactor *reactor;
    struct copy_ends ends;
    struct copy_options options;
    struct copy_watch watch;
    const char *source_identity, *base_identity;
    /* changes, reactor thread only */
    size_t step;
    uint32_t attempts; /* of the step's request */
    struct timer timer;
    struct reactor_task task;
    bool started, stopping, ending, ended;
    bool finished;     /* an earlier process did it all: the last step alone may be left */
    bool indefinite;   /* a change of the target that failed may still be applied */
    bool look_created; /* the target exists although it did not: is it ours? */
    bool changing;     /* the block request under way is one */
    struct stat_req stat;
    struct setup_req setup;
    struct setup_expect expect;
    struct setup_held held;
    struct list_req list;
    struct block_req block;
    struct buf page; /* of the step's request; memory NULL: none. One page, and not the pool's */
    struct copy_asking asking;
    struct copy_facts facts;
    struct copy_lists lists;
    struct copy_footer_pages footer;
    struct marker marker;
    struct plan plan;
    struct progress progress;
    struct mover *mover;
    struct copy_lease lease;
    struct copy_resume resume;
    struct copy *proof; /* reads the target back to prove it is at the base */
    struct endpoint *proof_target;
    struct copy_proofs proofs;
    struct copy_map map;
    struct copy_compare compare;
    struct retry_random random;
    struct copy_summary summary;
    struct err err;
};

/* ---- copy.c: for steps ---- */
void copy_post(struct copy *copy); /* the machine goes on, in the next turn */
void copy_submit_stat(struct copy *copy, struct endpoint *ep);
void copy_submit_setup(struct copy *copy, enum setup_verb verb); /* else copy->setup is set */
enum copy_block_verb { COPY_READ, COPY_WRITE, COPY_ZERO, COPY_FLUSH };
void copy_submit_block(struct copy *copy, struct endpoint *ep, enum copy_block_verb verb,
                       struct extent extent);
void copy_step_end(struct copy *copy, const struct err *error);  /* its request ended */
void copy_step_fail(struct copy *copy, const struct err *error); /* no retry of it mends that */
/* Sees to copy->page, which is the step's until its request ended well. False: copy->err is set. */
bool copy_page_make(struct copy *copy);
void copy_say(struct copy *copy, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A base was given, but a full copy is made; the sentence says why. */
void copy_go_full(struct copy *copy, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool copy_can(const struct endpoint *ep, enum endpoint_capability capability);
uint64_t copy_coalesce_bytes(const struct copy *copy);
void copy_keep_target_state(struct copy *copy, const char *etag);
bool copy_start_keep_state(struct copy *copy);
/* Reads an end into nothing, to know its root: copy->proof. For a step's start. */
bool copy_begin_proof(struct copy *copy, struct endpoint *of, struct access *access);
/* Is the target as our last copy to it left it? */
bool copy_target_is_as_kept(const struct copy *copy);
void copy_make_uuid(struct copy *copy); /* once a copy; again: nothing */

/* ---- copy_held.c: does the target hold the source already? ---- */
bool copy_want_held(const struct copy *copy);
bool copy_after_held(struct copy *copy);
/* The size of a target that holds what a source of that size has. */
bool copy_takes_larger(const struct copy *copy); /* of a target that cannot be resized */
uint64_t copy_target_bytes_of(const struct copy *copy, uint64_t size_bytes);

#endif
