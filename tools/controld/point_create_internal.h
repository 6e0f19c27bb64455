/* point_create_internal.h - a restore point that is being asked for; private to point_create*.c,
 * point_cut.c and point_copy.c.
 *
 * Knows:         what both kinds of new points share. Must not know: HTTP's answers (point_create.c).
 * Threads:       the reactor's.
 */
#ifndef CONTROLD_POINT_CREATE_INTERNAL_H
#define CONTROLD_POINT_CREATE_INTERNAL_H

#include "tools/controld/arm_body.h"
#include "tools/controld/catalog_collections.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_points.h"
#include "tools/controld/cut.h"
#include "tools/controld/point_create.h"

/* One request, whole: what was asked, and the rows that it is judged by. */
struct asking {
    struct service *service;
    const struct arm_id *id;
    char point_id[ARM_ID_MAX_BYTES];
    const struct arm_point_body *body;
    char *asked; /* the request as a canonical text, owned */
    enum catalog_origin origin;
    struct catalog_collection collection;
    struct catalog_point old; /* empty: it is new */
    char operation[FRONT_GUID_BYTES];
    bool is_cut; /* made of a machine, not of another point */
};

/* ---- Inside the transaction: the rows of a new point and of its disks ---- */
bool point_cut_rows(struct asking *asking, struct arm_error *why, struct err *e);
bool point_copy_rows(struct asking *asking, struct arm_error *why, struct err *e);
/* No other restore point of the same machine is being created (seed 002). */
bool point_cut_alone(const struct asking *asking, struct arm_error *why, struct err *e);
/* The machine is not frozen since an earlier cut, as far as is known. */
bool point_cut_awake(const struct service *service, const char *machine, struct arm_error *why);
/* Of a point that failed, asked for again: disks that are not complete begin anew. */
bool point_rows_again(struct asking *asking, struct err *e);
/* The row's own members: state Creating, one generation on. */
bool point_row_put(struct asking *asking, const char *source_id,
                   enum catalog_consistency consistency, const char *metadata, struct err *e);
/* "<disk>_<guid>" in the point; false without memory or with a name that cannot be. */
bool point_disk_id(const struct asking *asking, const char *disk_name,
                   char out_id[ARM_ID_MAX_BYTES], struct arm_error *why);
/* Of a disk whose restore point lies in another region than its source. */
const char *point_encryption_there(const char *type);
/* Is it among body.exclude? */
bool point_excludes(const struct asking *asking, const char *id);

/* ---- Cuts: after the commit ---- */
struct cutting;

struct point_create {
    struct service *service;
    struct cutting *cuttings;
    void (*stopped)(void *arg);
    void *stopped_arg;
    bool stopping, thawing; /* what an earlier life froze: nothing is cut before that was tried */
};

/* From the rows of a point that is Creating; its end is told to the catalog, and what is raw goes to
 * replication. */
bool point_cut_begin(struct point_create *create, const char *point_id, struct err *e);
bool point_cut_runs(const struct point_create *create, const char *point_id);
void point_cut_cancel_all(struct point_create *create);
/* Tells who waits for the end, once there is nothing under way. */
void point_create_maybe_stopped(struct point_create *create);
/* It cannot go on: Failed, and its operations end. False: the catalog takes no change now. */
bool point_cut_failed(struct point_create *create, const char *point_id, const struct err *why);

#endif
