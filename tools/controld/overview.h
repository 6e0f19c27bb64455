/* overview.h - what the page at `/` asks for beside the API: lists over all subscriptions, with states.
 *
 * Knows:         GET /x-snapferry/collections, disks, restorePoints?collection=ID (each in pages, with
 *                nextLink; points with their instance view) and underway (what moves or waits, up to 100
 *                points and disks; and 20 points that failed).
 * Must not know: what a page does with them. Nothing here changes anything.
 * Threads:       the reactor's.
 */
#ifndef CONTROLD_OVERVIEW_H
#define CONTROLD_OVERVIEW_H

#include "tools/controld/service.h"

void overview_serve(struct service *service, struct front_table *table);

#endif
