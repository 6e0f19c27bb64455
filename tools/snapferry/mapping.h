/* mapping.h - makes the block map of the stage's source: all of map build, half of export --map.
 *
 * Knows:         options as the engine wants them, what is told meanwhile.
 * Must not know: what the map is for.
 * Threads:       the main thread; turns the reactor until the map is made.
 */
#ifndef SNAPFERRY_MAPPING_H
#define SNAPFERRY_MAPPING_H

#include "engine/map_build.h"
#include "tools/snapferry/stage.h"

struct mapping {
    struct stage *stage;     /* set by the command; borrowed */
    bool beside;             /* the command has more to do: it is not done when this is */
    struct map_build *build; /* owned; NULL before */
};

/* Of setup: path, strength and seed, which is wiped. */
bool mapping_run(struct mapping *mapping, struct map_build_setup *setup, struct err *e);
void mapping_fini(struct mapping *mapping);

#endif
