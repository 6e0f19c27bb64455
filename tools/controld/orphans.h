/* orphans.h - looks from time to time for snapshots that a lost answer, a kill or a late request left in
 * the regions, and deletes them.
 *
 * Knows:         which snapshots the catalog knows (catalog_disk_points), that a snapshot names its
 *                point.
 * Must not know: how a point is cut or copied.
 * Threads:       the reactor's.
 *
 * It deletes only what is certain: a snapshot that names a disk restore point of this catalog which has
 * another one, or whose cut failed. One that names a point this catalog does not know stays: it may be
 * somebody else's, or younger than a catalog that was put back.
 */
#ifndef CONTROLD_ORPHANS_H
#define CONTROLD_ORPHANS_H

#include <stdint.h>

#include "tools/controld/catalog.h"
#include "tools/controld/region_snapshot.h"

#define ORPHANS_FIRST_NS (60 * NS_PER_S) /* after the start, and after orphans_soon */
#define ORPHANS_EVERY_NS (6 * 3600 * NS_PER_S)

struct orphans;

struct orphans_setup {
    struct reactor *reactor;
    struct catalog *catalog; /* borrowed */
    /* The account of a region's name; NULL: the config has none (any more). */
    struct region_account *(*account)(void *arg, const char *region);
    /* After each container in which something was deleted or that could not be looked at. */
    void (*told)(void *arg, const char *region, const char *container, uint32_t deleted,
                 const struct err *error);
    void *arg;
    uint64_t first_ns; /* 0 = ORPHANS_FIRST_NS */
};

/* ---- Life ---- */
struct orphans *orphans_new(const struct orphans_setup *setup,
                            struct err *e); /* begins by itself */
/* No new look begins; stopped is called once none is under way, perhaps at once. */
void orphans_stop(struct orphans *orphans, void (*stopped)(void *arg), void *arg);
void orphans_free(struct orphans *orphans); /* NULL is fine; stopped, or the reactor has failed */

/* ---- Use ---- */
void orphans_soon(struct orphans *orphans); /* something may have been left: cut_left */

#endif
