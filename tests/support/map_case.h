/* map_case.h - block maps in a folder of their own, and a plain model of what they must say.
 *
 * Knows: map_file.h. Must not know: what is tested.
 */
#ifndef TESTS_SUPPORT_MAP_CASE_H
#define TESTS_SUPPORT_MAP_CASE_H

#include "io/map_file.h"
#include "tests/support/test_reactor.h"

struct map_case {
    char folder[TEST_PATH_MAX_BYTES];
    char path[TEST_PATH_MAX_BYTES + 16];
    char making[TEST_PATH_MAX_BYTES + 32];
    struct map_head head;
};

void map_case_open(struct map_case *c, enum map_strength strength, uint64_t disk_bytes);
void map_case_close(struct map_case *c); /* nothing but PATH and PATH.making may be left there */

/* An entry that follows from block and seed; its state too, unless `state` is one. */
struct map_entry map_case_entry(enum map_strength strength, uint64_t block, unsigned seed);
struct map_entry map_case_of(enum map_strength strength, enum map_state state, uint64_t block,
                             unsigned seed);
/* Makes the map whole at PATH, block by block of map_case_entry, and opens it. */
struct map_file *map_case_make(struct map_case *c, unsigned seed);
struct map_file *map_case_look_up(const struct map_case *c);
/* Fails the test unless the map says `wanted` of the block. */
void map_case_expect(struct map_file *map, uint64_t block, const struct map_entry *wanted);

#endif
