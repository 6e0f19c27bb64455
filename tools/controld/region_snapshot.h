/* region_snapshot.h - one snapshot of a page blob that knows which restore point it is for: taken through
 * faults, without leaving others behind that nobody knows.
 *
 * Knows:         that an answer may be lost and the snapshot be there; that its metadata names its point.
 * Must not know: hooks, other disks (cut.h), the catalog.
 * Threads:       the reactor's. An op belongs to its caller, alive and unmoved until `done` ran; done
 *                runs exactly once, from the reactor, never inside the verb.
 *
 * Prepare before the moment that counts, take in it, tidy after it. Tidy deletes the snapshots of this
 * blob that name the same point, but the one in `snapshot` (all, when that is ""). A request that the
 * service carries out after that is found by the next tidy or sweep: run a sweep when the program starts,
 * and when a cut says so.
 */
#ifndef CONTROLD_REGION_SNAPSHOT_H
#define CONTROLD_REGION_SNAPSHOT_H

#include "tools/controld/region_account.h"

#define REGION_SNAPSHOT_POINT  "snapferry_point" /* the name in the metadata */
#define REGION_POINT_MAX_BYTES 600u              /* printable ASCII */

struct region_snapshot {
    /* in; borrowed until the last done */
    struct region_account *account;
    const char *container, *blob;
    const char *point; /* names it: the disk restore point's id; compared ignoring case */
    uint64_t due_ns;   /* as region_op's; may be changed between verbs */
    /* out */
    char snapshot[REGION_SNAPSHOT_MAX_BYTES]; /* take, find; in for tidy; "" = none */
    uint64_t size_bytes;                      /* prepare */
    bool unsure;                              /* take: run tidy */
    uint32_t tidied;                          /* tidy: how many were deleted */
    struct err err;                           /* of the verb; cleared by the next */
    void (*done)(struct region_snapshot *);
    void *arg;
    /* private */
    struct region_op op;
    struct pageblob_metadata metadata;
    struct region_list list;
    size_t at;
};

/* Looks at the blob: size, metadata that the snapshot shall keep. Not a page blob: ERR_USAGE. */
void region_snapshot_prepare(struct region_snapshot *s);
void region_snapshot_take(struct region_snapshot *s); /* prepared */
void region_snapshot_tidy(struct region_snapshot *s);
/* The newest that names the point, after a restart: `snapshot`, "" when there is none. */
void region_snapshot_find(struct region_snapshot *s);
void region_snapshot_fini(struct region_snapshot *s); /* nothing under way; zeroed is fine */

/* ---- Sweep: a container's snapshots that name a point nobody knows (any more) ---- */

struct region_sweep {
    /* in */
    struct region_account *account;
    const char *container;
    const char *prefix; /* of blobs' names; NULL: all */
    /* Shall this snapshot, which names `point`, stay? */
    bool (*keep)(void *arg, const char *blob, const char *snapshot, const char *point);
    /* out */
    uint32_t deleted;
    struct err err;
    void (*done)(struct region_sweep *);
    void *arg;
    /* private */
    struct region_op op;
    struct region_list list;
    size_t at;
};

void region_sweep_start(struct region_sweep *sweep);   /* cleans up before done */
void region_sweep_give_up(struct region_sweep *sweep); /* under way: done follows soon */

#endif
