/* rp_look.h - a restore point and its disks, as the service tells of them (protocol E.5 to E.7).
 *
 * Knows:         JSON of restore points and disk restore points, codes of replication.
 * Must not know: how it came. Texts are cleaned: they may be shown.
 * Threads:       pure.
 */
#ifndef SNAPFERRY_RP_LOOK_H
#define SNAPFERRY_RP_LOOK_H

#include <jansson.h>

#include "blockmap/err.h"
#include "tools/snapferry/rp_id.h"

#define RP_DISKS_MAX 256u

enum rp_state { RP_RUNS, RP_COMPLETE, RP_FAILED };

struct rp_disk {
    char name[RP_NAME_MAX_BYTES];  /* of the disk; of the disk point where that is not told */
    char id_text[RP_ID_MAX_BYTES]; /* as the service writes it: the identity of the copy's source */
    struct rp_id id;
    enum rp_state state;
    char code[64], display[128], message[256];
    double percent;
    /* of the disk restore point itself: rp_look_disk */
    char family[64], created[40];
};

struct rp_point {
    char id_text[RP_ID_MAX_BYTES], name[RP_NAME_MAX_BYTES];
    char provisioning[32], consistency[40], created[40];
    bool is_copy; /* it has a source restore point */
    enum rp_state state;
    struct rp_disk *disks; /* owned */
    unsigned disks_count;
};

/* GET of a restore point with $expand=instanceView, or one of a collection's list. */
bool rp_look_point(const json_t *body, struct rp_point *out_point, struct err *e);
void rp_look_fini(struct rp_point *point); /* a zeroed struct is fine */

/* GET of a disk restore point: what is told there alone; and the rest where *disk has none yet. */
bool rp_look_disk(const json_t *body, struct rp_disk *disk, struct err *e);

const char *rp_state_word(enum rp_state state); /* "complete", ... */

#endif
