/* map_build.h - reads a disk and makes its block map.
 *
 * Knows:         one endpoint; a map's head (blockmap/map.h), what a map that is made needs (io/map_file.h).
 * Must not know: what the map will be good for.
 * Threads:       the reactor's.
 *
 * It is a copy to an end that keeps nothing: holes are not read and become ZERO, reads are retried and paced.
 * A map of a target that a copy completed says so, as that copy's own map would. Nothing stays at PATH when
 * it fails but what was there.
 */
#ifndef ENGINE_MAP_BUILD_H
#define ENGINE_MAP_BUILD_H

#include "engine/copy.h"
#include "io/map_file.h"

struct map_build;

struct map_build_setup {
    struct reactor *reactor; /* these three are borrowed until it is freed */
    struct endpoint *disk;
    struct bufpool *pool;
    struct access *access; /* of its URL; NULL: it is what it is */
    const char *path;      /* where the map is to be; borrowed */
    enum map_strength strength;
    unsigned char seed[MAP_SEED_BYTES];
    uint64_t made_ms;      /* wall clock */
    uint32_t window_start; /* as copy_options */
    uint32_t window_max;
    uint64_t random_seed;
    void (*say)(void *arg, const char *sentence); /* as copy_watch */
    void (*done)(void *arg);                      /* once, from the reactor */
    void *arg;
};

/* ---- Life ---- */
struct map_build *map_build_new(const struct map_build_setup *setup, struct err *e);
void map_build_free(struct map_build *build); /* NULL is fine; not while it runs */

/* ---- Use ---- */
void map_build_start(struct map_build *build);
void map_build_stop(struct map_build *build); /* ends with ERR_CANCELED */

/* ---- Look ---- */
bool map_build_ended(const struct map_build *build);
const struct err *map_build_error(const struct map_build *build);
const struct copy_summary *
map_build_summary(const struct map_build *build); /* root, counts, times */
/* The disk as it was first found. */
const struct stat_req *map_build_disk(const struct map_build *build);
bool map_build_waits(const struct map_build *build); /* for access */
struct progress_view map_build_progress(struct map_build *build);
const char *map_build_phase(const struct map_build *build); /* static text */

#endif
