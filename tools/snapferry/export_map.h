/* export_map.h - the base of an export that a block map stands for: the source is compared with it.
 *
 * Knows:         the map of what a target holds; where a map of the source is put meanwhile.
 * Must not know: how the stream is made.
 * Threads:       the main thread; turns the reactor.
 */
#ifndef SNAPFERRY_EXPORT_MAP_H
#define SNAPFERRY_EXPORT_MAP_H

#include "io/map_file.h"
#include "tools/snapferry/stage.h"

struct export_map {
    struct map_file *older; /* of the target; owned */
    struct extent_set data, clears;
    struct copy_found found;
    char source_etag[ENDPOINT_ETAG_MAX_BYTES];
};

/* Reads stage->source, and gives the stage a base and what changed since. The caller finishes *export
 * whatever it returns, when the stage is used no more for a copy. */
bool export_map_open(struct export_map *export, struct stage *stage, struct err *e);
void export_map_fini(struct export_map *export, struct stage *stage);

#endif
