/* map_entries_parts.h - what the parts of map_entries.h share.
 *
 * Knows:         the file and its layout (map_format.md, "While it is made").
 * Must not know: anything that map_entries.h does not. Included by map_entries*.c alone.
 */
#ifndef IO_MAP_ENTRIES_PARTS_H
#define IO_MAP_ENTRIES_PARTS_H

#include <limits.h>
#include <stddef.h>

#include "io/map_entries.h"

#define MAP_ENTRIES_MARKS_AT 12288u /* a byte a page; before it, the head */

struct map_entries {
    int fd;
    struct map_head head;
    uint64_t salt;
    uint64_t entries_at;   /* of block 0 */
    uint64_t next_data_at; /* there is a hole from next_hole_from to here */
    uint64_t next_hole_from;
    char path[PATH_MAX];
};

/* Whole, or an error that names the file. What is behind the file's end reads as zeros. */
bool map_entries_write(struct map_entries *entries, uint64_t offset, const void *bytes,
                       size_t count, struct err *e);
bool map_entries_read(struct map_entries *entries, uint64_t offset, void *out_bytes, size_t count,
                      struct err *e);

#endif
