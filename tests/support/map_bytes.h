/* map_bytes.h - a whole block map in memory, made of entries with the format's own functions.
 *
 * Knows: map_format.h. Must not know: files, Criterion, what is tested.
 */
#ifndef TESTS_SUPPORT_MAP_BYTES_H
#define TESTS_SUPPORT_MAP_BYTES_H

#include "blockmap/map_format.h"

/* One entry a block of head->disk_bytes. malloc'd; NULL when memory ran out. */
unsigned char *map_bytes_make(const struct map_head *head, const struct map_entry *entries,
                              size_t *out_count);
/* Makes the checksums of head, directory and pages good, as far as they can be found. */
void map_bytes_mend(unsigned char *bytes, size_t count);

#endif
