/* replication_internal.h - one restore point (or restored disk) on its way; private to replication*.c.
 *
 * Knows:         the steps of a travel and of each of its disks. Must not know: HTTP.
 * Threads:       the reactor's.
 *
 * A travel: queued -> making (containers) -> moving (the ferry) -> gone. A disk: waiting -> moving ->
 * sealing (its snapshot is taken, the catalog told) -> ended. A region that is away is asked again. What
 * the catalog says is the truth: all is made from rows, and a travel that is lost begins again from them.
 */
#ifndef CONTROLD_REPLICATION_INTERNAL_H
#define CONTROLD_REPLICATION_INTERNAL_H

#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_families.h"
#include "tools/controld/ferry.h"
#include "tools/controld/region_snapshot.h"
#include "tools/controld/regions.h"
#include "tools/controld/replication.h"

#define REPLICATION_OVERDUE "It was not complete within the time that a replication may take."

/* A blob or a snapshot; texts owned. */
struct travel_place {
    const struct region *region; /* NULL: nowhere */
    char *container, *blob, *snapshot;
};

enum travel_disk_step {
    TRAVEL_DISK_WAITING,
    TRAVEL_DISK_MOVING,
    TRAVEL_DISK_SEALING,
    TRAVEL_DISK_ENDED
};

struct travel_disk {
    struct travel *travel;
    enum travel_disk_step step;
    char *id;                   /* the disk point's, or the restored disk's own */
    char *source_id;            /* the disk point that is read; NULL: a cut */
    char *base_id, *base_place; /* its content's name, and where it lies; NULL: none */
    char *family_key;           /* region, disk, collection: who shares it waits */
    char *family;               /* guid, once it was planned */
    char *cut_path, *target_path, *map;
    struct travel_place source, base, target;
    double kept_percent;
    enum event_code kept_code, end_code;
    struct ferry_disk_view last; /* of its end */
    struct region_op making;
    struct region_snapshot seal;
    bool target_is_device, seal_waits, untold; /* region away, catalog not to be written: again */
};

enum travel_step { TRAVEL_QUEUED, TRAVEL_MAKING, TRAVEL_AWAITING, TRAVEL_MOVING };

struct travel {
    struct replication *replication;
    struct travel *next; /* in the order they came */
    enum travel_step step;
    char *id;
    bool of_disk;                                /* a restored disk, not a restore point */
    bool begun;                                  /* its data moves: the catalog was told */
    bool canceled, overdue, ferry_has_it, again; /* again: when its process is gone, too */
    int64_t deadline_ns;                         /* wall; 0: none */
    struct travel_disk *disks;
    size_t count;
    size_t making_count; /* containers under way */
    struct err trouble;  /* why it cannot go on */
    void (*canceled_done)(void *arg);
    void *canceled_arg;
};

struct replication {
    struct service *service;
    struct ferry *ferry;
    struct travel *travels;
    char *maps_folder;
    struct timer look;
    struct reactor_task kick;
    bool stopping, ferry_stopped;
    struct replication_cuts cuts;
    void (*log)(void *arg, const char *sentence);
    void *log_arg;
    void (*stopped)(void *arg);
    void *stopped_arg;
};

/* ---- travel.c: made of rows ---- */
struct travel *travel_of_point(struct replication *replication, const char *point_id,
                               struct err *e);
struct travel *travel_of_disk(struct replication *replication, const char *disk_id, struct err *e);
void travel_free(struct travel *travel); /* NULL is fine; nothing under way */
struct travel_disk *travel_disk_find(struct travel *travel, const char *id);
/* Where each disk goes, on which base; written to the catalog before anything moves. */
bool travel_plan(struct travel *travel, struct err *e);
/* Hands it to the ferry. */
bool travel_ferry(struct travel *travel, struct err *e);
bool travel_access(struct travel_disk *disk, enum access_side side, uint64_t wall_ns,
                   struct ferry_access *out_access, struct err *e);

/* ---- travel_news.c: what the catalog is told ---- */
void travel_heard(struct travel_disk *disk, const struct ferry_disk_view *view);
/* The ferry has ended it: disks that were not told an end have this one. */
void travel_ferry_ended(struct travel *travel, enum event_code code, const char *message);
/* It ends without the ferry. */
void travel_give_up(struct travel *travel, enum event_code code, const char *message);
/* Its region is away; it is not given up. */
void travel_waits(struct travel *travel, const char *why);
void travel_try_again(struct travel *travel); /* what could not be sealed, or told */
bool travel_over(const struct travel *travel);
/* Its last word in the catalog: state, operations. */
void travel_conclude(struct travel *travel);

/* ---- replication.c, replication_recover.c ---- */
/* Begins it from its rows; where that cannot be, it has failed. */
void replication_go_on(struct replication *replication, const char *id, bool of_disk);
void replication_kick(struct replication *replication); /* next turn: what may begin or is over */
/* Somebody must know, and nobody asked: one line for the log. */
void replication_log(const struct replication *replication, const char *id, const struct err *e);

#endif
