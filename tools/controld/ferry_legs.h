/* ferry_legs.h - the disks of a restore point as the ferry keeps them: a checked copy of what it was asked
 * for.
 *
 * Knows:         what an id, a path and a pair of ends may be; where a disk's journal stands.
 * Must not know: processes, time.
 * Threads:       pure; one owner.
 */
#ifndef CONTROLD_FERRY_LEGS_H
#define CONTROLD_FERRY_LEGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/controld/ferry.h"

#define FERRY_ID_MAX_BYTES   1024u
#define FERRY_PATH_MAX_BYTES 4095u
#define FERRY_JOURNALS       "journals" /* folders in the ferry's */
#define FERRY_LOCKS          "locks"

struct ferry_leg_end {
    enum ferry_end_kind kind;
    char *path, *identity; /* NULL: none */
};

struct ferry_leg {
    /* set once */
    char *id;
    struct ferry_leg_end sides[ACCESS_SIDES];
    char *map, *journal; /* map NULL: none */
    bool verify, target_new, target_larger, raw;
    /* changes */
    bool settled;                 /* it succeeded, or failed for good */
    bool passing;                 /* this child failed it of something that passes */
    bool begun_anew;              /* its journal did not fit and was dropped, once */
    bool again;                   /* the same, and another child is to try */
    uint32_t wanted;              /* a bit a side whose URL the child waits for */
    uint64_t first_durable_bytes; /* that this child told; UINT64_MAX: nothing yet */
    struct ferry_disk_view view;
};

struct ferry_legs { /* zeroed = none */
    struct ferry_leg *items;
    size_t count;
};

/* ERR_USAGE says what may not be, with its disk. */
bool ferry_legs_init(struct ferry_legs *legs, const char *folder, const struct ferry_point *point,
                     uint64_t wall_ns, struct err *e);
void ferry_legs_fini(struct ferry_legs *legs);

/* An id: 1 to FERRY_ID_MAX_BYTES bytes of UTF-8 without control characters. */
bool ferry_id_is_good(const char *id);
/* FOLDER/KIND/SHA256(point, disk); malloc'd, NULL when memory ran out. disk NULL: of the point. */
char *ferry_place(const char *folder, const char *kind, const char *point, const char *disk);

struct ferry_leg *ferry_legs_find(const struct ferry_legs *legs, const char *id); /* NULL: none */
bool ferry_legs_settled(const struct ferry_legs *legs);                           /* all of them */
/* Nothing is left to go on with. The second: of a disk that the ferry does not know any more. */
void ferry_leg_drop_journal(const struct ferry_leg *leg);
void ferry_drop_journal(const char *folder, const char *point, const char *disk);

#endif
