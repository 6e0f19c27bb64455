/* rp_id.h - which collection, restore point or disk restore point is meant, and where it is asked for.
 *
 * Knows:         ARM ids in any spelling (case, with or without the provider), and short ones: names behind
 *                a subscription and a group that are given apart.
 * Must not know: whether there is such a thing.
 * Threads:       pure. Paths are malloc'd; NULL: no memory.
 */
#ifndef SNAPFERRY_RP_ID_H
#define SNAPFERRY_RP_ID_H

#include <stdbool.h>

#include "blockmap/err.h"

#define RP_NAME_MAX_BYTES 128u
#define RP_ID_MAX_BYTES   1024u

enum rp_part { RP_SUBSCRIPTION, RP_GROUP, RP_COLLECTION, RP_POINT, RP_DISK, RP_PARTS };

struct rp_id {
    char part[RP_PARTS][RP_NAME_MAX_BYTES]; /* "": and all behind it: not said */
    unsigned depth;                         /* how many are */
};

/* text: an id, or COLLECTION[/POINT[/DISK]] with subscription and group, else they may be NULL. NULL text:
 * the group, or, without one, the subscription. */
bool rp_id_parse(const char *text, const char *subscription, const char *group,
                 struct rp_id *out_id, struct err *e);
bool rp_id_same(const struct rp_id *one, const struct rp_id *other); /* case is ignored */
/* Cut to depth parts. */
struct rp_id rp_id_of(const struct rp_id *id, unsigned depth);

/* The id as text, and the path of a request: what is behind the id ("" or "/beginGetAccess"), a query. */
void rp_id_text(const struct rp_id *id, char out_text[RP_ID_MAX_BYTES]);
char *rp_id_path(const struct rp_id *id, const char *behind, const char *query);

#endif
