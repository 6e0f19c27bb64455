/* copy.h - one copy: source, maybe a base, and target; full or delta; planned, moved, committed.
 *
 * Knows:         the order of a copy (design "Identity, base, marker, root"), retries, the window.
 * Must not know: what kind of endpoint either end is, terminals, argv.
 * Threads:       the reactor's. Several copies may share one reactor and one buffer pool.
 */
#ifndef ENGINE_COPY_H
#define ENGINE_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "engine/copy_found.h"
#include "engine/copy_map.h"
#include "engine/copy_path.h"
#include "engine/copy_proof.h"
#include "engine/copy_summary.h"
#include "engine/plan.h"
#include "engine/progress.h"
#include "engine/range.h"
#include "io/bufpool.h"
#include "io/endpoint.h"
#include "io/reactor.h"

#define COPY_COALESCE_DEFAULT UINT64_MAX /* the target's own break-even */
#define COPY_ZERO_RUN_BYTES                                                                        \
    4096u                      /* zeros of at least this, inside what was read, are not written */
#define COPY_ZERO_RUNS_MAX 32u /* at most so many in one range: the longest */

struct copy;
struct access;
struct share_seat;

/* How the URLs of the ends stay valid (access.h); NULL: as they are. Not owned. */
struct copy_sides {
    struct access *source, *base, *target;
};

/* Both outlive the copy; neither is owned. */
struct copy_ends {
    struct endpoint *source;
    struct endpoint *base; /* the older snapshot, looked at only; NULL: a full copy */
    const char *since;     /* the base as endpoint_list wants it (secret); NULL without base */
    struct endpoint *target;
    struct bufpool *pool;
    struct copy_sides sides;
};

enum copy_footer { COPY_FOOTER_KEEP, COPY_FOOTER_STRIP, COPY_FOOTER_ADD, COPY_FOOTER_RAW };

struct copy_options {
    bool plan_only;          /* stops before anything is changed */
    bool hash;               /* make the root (full) or the digest (delta) */
    enum copy_path path;     /* of the data */
    enum copy_footer footer; /* between a disk with a VHD footer and a raw one; RAW: none, if any */
    uint64_t coalesce_bytes; /* COPY_COALESCE_DEFAULT, or bytes; 0 = never */
    uint32_t window_start;   /* ranges in flight at first; 0 = PACER_WINDOW_START */
    uint32_t window_max;     /* 0 = as many as there is memory for */
    const char *source_id;   /* identity to use instead of the endpoint's; NULL = its own */
    const char *base_id;
    const char *state_folder; /* where what we know of targets is kept; NULL = nowhere */
    const char *lease_id;     /* of the copy that is gone on with; NULL = a new one */
    const char *journal_path; /* what lets the same copy go on later; NULL = none */
    bool journal_optional;    /* where it cannot be made the copy goes without, and says so */
    bool keep_journal;        /* also of a copy that went well, until copy_drop_journal */
    bool restart;             /* what an earlier process left is not gone on with */
    bool target_new;          /* one that is there and of no copy of this source is left alone */
    bool target_larger;       /* one that cannot be resized (a device) may be: its end is left */
    uint64_t random_seed;     /* for jitter, the copy's UUID, the lease */
    /* The source is a delta stream: this is its footer page (zeros: none), and what it does not hold cannot
     * be had, so where a full copy would be made instead of a delta the copy fails. NULL: no stream. */
    const unsigned char *streamed;
    const struct marker *streamed_to; /* what it says that it comes to; NULL: not known yet */
    const struct copy_found *found;   /* what changed since the base; NULL: the source is asked */
    struct copy_bound bound;          /* to one copy of the base */
    struct copy_proof_options proof;
    struct copy_map_options map;
    struct share_seat *seat; /* borrowed; its turns are waited for; NULL: nobody to share with */
    bool seat_reads_target;  /* the source is what the seat has for its target: a read back */
};

struct copy_watch {
    /* Something a person should know, once each: a fallback, a warning. No secret in it. */
    void (*say)(void *arg, const char *sentence);
    /* Told of every move of a range; NULL: nobody looks. */
    void (*moved)(void *arg, struct extent extent, enum range_state from, enum range_state to);
    /* May a range that was moved be recorded as done? NULL: all may. */
    bool (*may_record)(void *arg, struct extent extent);
    /* Right after records reached the journal: how many this process wrote. NULL: nobody looks. */
    void (*recorded)(void *arg, uint64_t records);
    /* The copy ended; called once, from the reactor. It may be freed in here. */
    void (*done)(void *arg, struct copy *copy);
    void *arg;
};

/* ---- Life ---- */
struct copy *copy_new(struct reactor *r, const struct copy_ends *ends,
                      const struct copy_options *options, const struct copy_watch *watch,
                      struct err *e);
void copy_free(struct copy *copy); /* NULL is fine; asserts that it has not begun or has ended */

/* ---- Use ---- */
void copy_start(struct copy *copy);
/* Takes nothing new, lets what is in flight end, then ends with ERR_CANCELED. */
void copy_stop(struct copy *copy);
/* After a copy with keep_journal: nothing that would need it can follow any more. */
void copy_drop_journal(struct copy *copy);

/* ---- Look ---- */
bool copy_ended(const struct copy *copy);
const struct err *copy_error(const struct copy *copy); /* kind ERR_NONE: it went well */
const struct copy_summary *copy_summary(const struct copy *copy);
bool copy_reads_journal(const struct copy *copy); /* so its progress is not what it will be */
const char *copy_phase(const struct copy *copy);  /* static: "copying", "waiting for access", ... */
struct progress_view copy_progress(struct copy *copy);

#endif
