/* map_picture.h - a disk drawn in the terminal: a cell is a share of it, shaded by what is allocated.
 *
 * Knows: counts of blocks by cell, what a terminal can show. Must not know: maps, files. Threads: pure.
 */
#ifndef SNAPFERRY_MAP_PICTURE_H
#define SNAPFERRY_MAP_PICTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define MAP_PICTURE_COLUMNS_MAX     128u
#define MAP_PICTURE_COLUMNS_DEFAULT 64u
#define MAP_PICTURE_COLUMNS_MIN     8u
#define MAP_PICTURE_ROWS_MAX        12u
#define MAP_PICTURE_CELLS_MAX       (MAP_PICTURE_COLUMNS_MAX * MAP_PICTURE_ROWS_MAX)

/* What the terminal can do. */
struct map_picture_style {
    bool utf8, colors;
    uint32_t columns; /* cells in a row */
};

struct map_cell { /* blocks */
    uint64_t allocated, zero, unknown;
    uint64_t changed; /* of all of these */
};

struct map_picture {
    uint64_t block_count; /* of the disk */
    uint32_t cell_count;
    struct map_cell cells[MAP_PICTURE_CELLS_MAX];
};

/* tty: is the output one; columns: of the window, 0 unknown. The texts are of the environment and may be
 * NULL: NO_COLOR, TERM, and what of LC_ALL, LC_CTYPE, LANG counts. */
struct map_picture_style map_picture_style_of(bool tty, unsigned columns, const char *no_color,
                                              const char *term, const char *locale);

void map_picture_init(struct map_picture *picture, uint64_t block_count, uint32_t columns);
/* Which of a cell's counts. */
enum map_picture_kind { PICTURE_ALLOCATED, PICTURE_ZERO, PICTURE_UNKNOWN, PICTURE_CHANGED };
void map_picture_add(struct map_picture *picture, uint64_t first_block, uint64_t count,
                     enum map_picture_kind kind);
/* The cells, and a line that says what they mean; with_changes: also of what changed. */
void map_picture_print(const struct map_picture *picture, const struct map_picture_style *style,
                       bool with_changes, uint64_t block_bytes, FILE *out);

#endif
