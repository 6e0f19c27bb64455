/* verify_desk.h - POST .../verify of disk restore points, and of restore points with all of their disks
 * (beyond the service).
 *
 * Knows:         who asked, the operation it is, how many compare at once, what is kept of the end.
 * Must not know: how one is compared (verify_check.h), how bytes are read.
 * Threads:       the reactor's.
 *
 * A difference makes the operation Failed, with the code VERIFY_DIFFERS: who only looks at the status,
 * as a script does, must not take a damaged restore point for a sound one; `snapferry verify` and cmp(1)
 * exit other than 0, too. What was found stands as x-snapferry in the operation's output or error, and
 * stays as lastVerification with the disk restore point, whose instance view becomes a warning. The live
 * blob of its family is not gone on from: the next copy is a full one, into a new blob. One that could
 * not be compared is Failed with VERIFY_NOT_DONE, and leaves what was found before. Where both ends are
 * equal and no digest was known, it is kept: so it can be verified when its source is deleted.
 *
 * After a restart, killed or not, what was in progress goes on: the operation is never untrue.
 */
#ifndef CONTROLD_VERIFY_DESK_H
#define CONTROLD_VERIFY_DESK_H

#include "tools/controld/service.h"

#define VERIFY_AT_ONCE     2u   /* comparisons, each a child with a connection to two regions */
#define VERIFY_WAITING_MAX 256u /* disks, with those under way; more are told to come back (429) */
#define VERIFY_DIFFERS     "DiskRestorePointDiffers"
#define VERIFY_NOT_DONE    "DiskRestorePointNotVerified"

struct catalog_operation;
struct verify_desk;

struct verify_desk_setup { /* all borrowed */
    struct service *service;
    const char *snapferry; /* the program */
    const char *cacert;    /* of the regions; NULL: the system's */
    bool allow_http;
};

/* ---- Life ---- */
struct verify_desk *verify_desk_new(const struct verify_desk_setup *setup, struct err *e);
/* Goes on with what an earlier life of the program began; once. */
bool verify_desk_recover(struct verify_desk *desk, struct err *e);
/* Children are asked to end; what they do is left for the next life. */
void verify_desk_stop(struct verify_desk *desk);
bool verify_desk_idle(const struct verify_desk *desk);
void verify_desk_free(struct verify_desk *desk); /* NULL is fine; idle, or the reactor has failed */
void verify_desk_serve(struct verify_desk *desk, struct front_table *table);

/* ---- Look ---- */
/* Is it compared now, or soon, or is something compared with it? desk may be NULL. */
bool verify_desk_reads(const struct verify_desk *desk, const char *disk_point_id);
/* Of an operation under way; false: it is none of ours. */
bool verify_desk_percent(const struct verify_desk *desk, const struct catalog_operation *row,
                         double *out_percent);

#endif
