/* fleet_view.h - what a person sees of a run: a row a disk on a terminal, else a line now and then.
 *
 * Knows:         a terminal's size, which lines stay and which are drawn over.
 * Must not know: what a job does, JSON, sockets.
 * Threads:       the reactor's. Never blocks: while the terminal takes nothing (it was stopped by a key)
 *                nothing is drawn, and what must be said waits, up to FLEET_NOTES_MAX_BYTES.
 *
 * What ended and what a person should know is written once, above the rows, and scrolls away with the rest of
 * the screen; the rows are the disks under way, as many as the screen holds: those that wait for somebody
 * first, then the others, page by page. The last row is of all disks together.
 */
#ifndef SNAPFERRY_FLEET_VIEW_H
#define SNAPFERRY_FLEET_VIEW_H

#include <stdbool.h>

#include "blockmap/err.h"
#include "engine/run.h"
#include "io/reactor.h"

#define FLEET_DRAW_NS         (250ull * NS_PER_MS)
#define FLEET_PLAIN_NS        (5ull * NS_PER_S)
#define FLEET_PAGE_NS         (5ull * NS_PER_S) /* a page of rows stays so long */
#define FLEET_NOTES_MAX_BYTES (256u << 10)

struct fleet_view;

/* The run's job is looked at until fleet_view_end. fd: where it is drawn; a terminal: live rows, anything
 * else: lines. Borrowed. It listens to the run by itself. */
struct fleet_view *fleet_view_new(struct reactor *r, struct run *run, int fd, struct err *e);
/* The run ended: the last words. No timer is left. */
void fleet_view_end(struct fleet_view *view);
void fleet_view_free(struct fleet_view *view); /* NULL is fine; ends it where that was not done */

#endif
