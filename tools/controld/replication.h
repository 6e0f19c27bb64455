/* replication.h - restore points on their way: which copy waits for which, what has arrived, and what
 * the catalog is told of it.
 *
 * Knows:         families and their queue, bases, the containers and blobs of targets, the ferry, Put
 *                Snapshot of a target that is complete, raw cuts that are carried into their blob.
 * Must not know: HTTP, who asked.
 * Threads:       the reactor's.
 *
 * Rows tell all of it: a point whose disk points have not ended (ended_ns 0) is on its way, and
 * replication_recover goes on with it after a restart. In one family copies go one after the other; a
 * point begins when all of its families are free, the oldest first, and until then its disks are
 * `pending`.
 */
#ifndef CONTROLD_REPLICATION_H
#define CONTROLD_REPLICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/controld/ferry_progress.h"
#include "tools/controld/service.h"

struct replication;

struct replication_cuts { /* of raw disks */
    /* The disk point is safe in its blob: its cut is no longer needed. */
    void (*arrived)(void *arg, const char *disk_point_id);
    void *arg;
};

struct replication_setup {
    struct service *service; /* borrowed; its replication is not set yet */
    const char *snapferry;   /* the data plane's program */
    const char *cacert;      /* of the regions; NULL: the system's */
    bool allow_http;
    struct replication_cuts cuts;
    /* What nobody asked about and somebody must know; may be NULL. */
    void (*log)(void *arg, const char *sentence);
    void *log_arg;
};

/* ---- Life ---- */
struct replication *replication_new(const struct replication_setup *setup, struct err *e);
/* Children let what is in flight end and record it; then stopped, once. */
void replication_stop(struct replication *replication, void (*stopped)(void *arg), void *arg);
void replication_free(struct replication *replication); /* NULL is fine */
/* Once, when the front does not serve yet: goes on with everything that has not ended. */
bool replication_recover(struct replication *replication, struct err *e);

/* ---- Use ---- */
/* The point's rows are in the catalog, its disk points `pending`: queues it. When the copy of its data
 * has begun its state becomes Succeeded and the operations that are in progress on it end; Failed with
 * the reason otherwise. */
bool replication_begin(struct replication *replication, const char *point_id, struct err *e);
/* A disk from a disk restore point: rows of catalog_disks, CATALOG_CREATING; ended the same way, when
 * all of its bytes are there. */
bool replication_begin_disk(struct replication *replication, const char *disk_id, struct err *e);
/* It could not be begun: Failed, and its operations end. Inside a transaction. */
bool replication_fail_disk(struct service *service, const char *disk_id, const struct err *why,
                           struct err *e);
/* Ends as canceled; done is called when nothing of it runs any more (at once, if nothing did). */
void replication_cancel(struct replication *replication, const char *point_id,
                        void (*done)(void *arg), void *arg);
/* Nobody goes on with its copy: what a life before this one recorded of it goes, too. Ids as the rows have
 * them; of a disk that is restored its own as both. */
void replication_forget(const struct replication *replication, const char *point_id,
                        const char *disk_point_id);

/* ---- Look ---- */
bool replication_runs(const struct replication *replication, const char *point_id);
/* Does a copy that is under way, or waits, read this disk point, as source or as base? */
bool replication_reads(const struct replication *replication, const char *disk_point_id);
/* The freshest word about a disk point (or, with its own id as both, a disk) under way; a view until the
 * next turn; NULL: the catalog's row is all there is. */
const struct ferry_disk_view *replication_look(const struct replication *replication,
                                               const char *point_id, const char *disk_point_id);

#endif
