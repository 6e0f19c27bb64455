/* overview.h - what the page at `/` asks for beside the API: lists over all subscriptions, with states.
 *
 * Knows:         GET /x-snapferry/collections, disks, restorePoints?collection=ID (each in pages, with
 *                nextLink; points with their instance view) and underway (what moves or waits, up to 100
 *                points and disks; and 20 points that failed); /x-snapferry/map is disk_map.h's.
 * Must not know: what a page does with them. Nothing here changes anything.
 * Threads:       the reactor's.
 */
#ifndef CONTROLD_OVERVIEW_H
#define CONTROLD_OVERVIEW_H

#include "tools/controld/service.h"

struct overview;

struct overview *overview_new(struct service *service, struct err *e);
void overview_free(struct overview *overview);       /* NULL is fine; as disk_maps_free */
bool overview_idle(const struct overview *overview); /* nothing waits for a region */
void overview_serve(struct overview *overview, struct front_table *table);

#endif
