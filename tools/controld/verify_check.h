/* verify_check.h - one disk restore point compared with what it was copied from.
 *
 * Knows:         its row and its source's, both places, the child that compares, and the digest that was
 *                kept, which is left to compare with when the source is gone.
 * Must not know: HTTP, operations, how many run (verify_desk.h).
 * Threads:       the reactor's.
 *
 * Before a child is started both snapshots are looked at. A source that is not there (its restore point
 * was deleted, or its snapshot is not in its region) and one that cannot be reached now are told apart;
 * both give way to the digest, and without one nothing is compared. SAS URLs are in the child's
 * environment alone, read only, and end with VERIFY_SAS_NS. The child ends with us, killed or not.
 */
#ifndef CONTROLD_VERIFY_CHECK_H
#define CONTROLD_VERIFY_CHECK_H

#include "tools/controld/service.h"
#include "tools/controld/verify_finding.h"

#define VERIFY_LOOK_NS  (3 * NS_PER_S)    /* at a source that a digest can stand in for */
#define VERIFY_WAIT_NS  (60 * NS_PER_S)   /* at a snapshot that nothing can */
#define VERIFY_STALL_NS (1800 * NS_PER_S) /* without a byte compared: given up */
#define VERIFY_END_NS   (1 * NS_PER_S)    /* for what is in flight, when we end; then at once */
#define VERIFY_SAS_NS   (7ull * 86400 * NS_PER_S) /* nobody renews it: longer than any comparison */
#define VERIFY_MEMORY   "64M"                     /* of a child's buffers */

struct verify_check;

struct verify_check_setup { /* texts are borrowed, and outlive the check */
    struct service *service;
    const char *snapferry; /* the program */
    const char *cacert;    /* of the regions; NULL: the system's */
    const char *folder;    /* for what a child keeps, to go on after a restart */
    bool allow_http;
    /* Once, from the reactor, never inside a call of ours; it may be freed in here. */
    void (*done)(void *arg, struct verify_check *check);
    void *arg;
};

/* ---- Life ---- */
/* NULL with *why: 404, or 409 when it is not complete, or there is nothing to compare it with. name: of
 * its files, the same after a restart. */
struct verify_check *verify_check_new(const struct verify_check_setup *setup,
                                      const struct arm_id *disk_point, const char *name,
                                      struct arm_error *why);
/* NULL is fine. Not begun, or done; or the reactor has failed. */
void verify_check_free(struct verify_check *check);

/* ---- Use ---- */
void verify_check_begin(struct verify_check *check);
/* Done follows soon, unfinished; what was compared is kept for the same check after a restart. */
void verify_check_stop(struct verify_check *check);

/* ---- Look ---- */
const char *verify_check_id(const struct verify_check *check);
/* Is it of this disk restore point, or does it compare with it? */
bool verify_check_reads(const struct verify_check *check, const char *disk_point_id);
const struct verify_finding *verify_check_finding(const struct verify_check *check);
/* The finding, with the source's id and state: a new reference; NULL: no memory. */
json_t *verify_check_json(const struct verify_check *check);

#endif
