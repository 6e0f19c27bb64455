/* rp_show.h - collections, restore points and their disks, for people and, with --json, for programs.
 *
 * Knows:         columns, the members of events. Must not know: how they were asked for.
 * Threads:       the main thread; writes to stdout. Nothing here is secret.
 */
#ifndef SNAPFERRY_RP_SHOW_H
#define SNAPFERRY_RP_SHOW_H

#include "tools/snapferry/rp_look.h"
#include "tools/snapferry/view.h"

/* One line each of a list. */
void rp_show_collection(struct view *view, const json_t *collection);
void rp_show_point_row(struct view *view, const struct rp_point *point);
void rp_show_disk_row(struct view *view, const struct rp_disk *disk);

/* A whole restore point, a line a disk. */
void rp_show_point(struct view *view, const struct rp_point *point);
/* All that rp_show_point would say of it; malloc'd, NULL: no memory. */
char *rp_show_digest(const struct rp_point *point);

#endif
