/* plane.h - everything behind the door: catalog, regions, data plane, and the handlers of the API over
 * them.
 *
 * Knows:         which module needs which, the order of their beginning and end.
 * Must not know: what any of them does; listening, signals (controld_main.c).
 * Threads:       the reactor's.
 */
#ifndef CONTROLD_PLANE_H
#define CONTROLD_PLANE_H

#include <stdbool.h>

#include "blockmap/err.h"

struct catalog;
struct config;
struct front_table;
struct plane;
struct reactor;

struct plane_setup { /* all borrowed */
    struct reactor *reactor;
    const struct config *config;
    struct catalog *catalog;
    struct front_table *table;
    const char *data_folder;
    const char *snapferry; /* the data plane's program */
    const char *cacert;    /* of the regions; NULL: the system's */
};

/* Registers its handlers. */
struct plane *plane_new(const struct plane_setup *setup, struct err *e);
/* Goes on with what an earlier life of the program began; once, before the front serves. */
bool plane_recover(struct plane *plane, struct err *e);
/* Nothing new begins; what is in flight ends or is recorded. */
void plane_stop(struct plane *plane);
bool plane_stopped(const struct plane *plane);
void plane_free(struct plane *plane); /* NULL is fine; stopped, or the reactor has failed */

#endif
