/* map_picture.c - see map_picture.h. */
#include "tools/snapferry/map_picture.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "tools/snapferry/size_text.h"

#define LEVELS      5u /* none, up to a quarter, a half, three quarters, more */
#define CHANGED_ON  "\033[31m"
#define UNKNOWN_ON  "\033[33m"
#define COLORS_OFF  "\033[0m"
#define FRAME_BLANK "  "

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool is_utf8(const char *locale)
{
    return locale && (strcasestr(locale, "utf-8") || strcasestr(locale, "utf8"));
}

struct map_picture_style map_picture_style_of(bool tty, unsigned columns, const char *no_color,
                                              const char *term, const char *locale)
{
    struct map_picture_style style = {.columns = MAP_PICTURE_COLUMNS_DEFAULT};
    bool able = tty && term && *term && strcmp(term, "dumb") != 0;
    unsigned blanks = sizeof FRAME_BLANK; /* and one column that stays free */

    style.utf8 = able && is_utf8(locale);
    style.colors = able && !(no_color && *no_color);
    if (tty && columns)
        style.columns = columns < MAP_PICTURE_COLUMNS_MIN + blanks
                            ? MAP_PICTURE_COLUMNS_MIN
                            : (uint32_t)least(columns - blanks, MAP_PICTURE_COLUMNS_MAX);
    return style;
}

void map_picture_init(struct map_picture *picture, uint64_t block_count, uint32_t columns)
{
    assert(block_count > 0 && columns > 0 && columns <= MAP_PICTURE_COLUMNS_MAX);
    memset(picture, 0, sizeof *picture);
    picture->block_count = block_count;
    picture->cell_count = (uint32_t)least(block_count, (uint64_t)columns * MAP_PICTURE_ROWS_MAX);
}

/* The first block of a cell: shares that differ by one block at most, whatever the disk's size. */
static uint64_t cell_begins(const struct map_picture *picture, uint32_t cell)
{
    uint64_t each = picture->block_count / picture->cell_count;
    uint64_t rest = picture->block_count % picture->cell_count;

    return each * cell + least(cell, rest);
}

static uint32_t cell_of(const struct map_picture *picture, uint64_t block)
{
    uint64_t each = picture->block_count / picture->cell_count;
    uint64_t rest = picture->block_count % picture->cell_count;
    uint64_t larger = rest * (each + 1); /* blocks in the cells that have one more */

    return (uint32_t)(block < larger ? block / (each + 1) : rest + (block - larger) / each);
}

void map_picture_add(struct map_picture *picture, uint64_t first_block, uint64_t count,
                     enum map_picture_kind kind)
{
    uint64_t end = least(first_block + count, picture->block_count);

    for (uint64_t at = first_block; at < end;) {
        uint32_t index = cell_of(picture, at);
        uint64_t part = least(end, cell_begins(picture, index + 1)) - at;
        struct map_cell *cell = &picture->cells[index];
        uint64_t *counts[] = {[PICTURE_ALLOCATED] = &cell->allocated,
                              [PICTURE_ZERO] = &cell->zero,
                              [PICTURE_UNKNOWN] = &cell->unknown,
                              [PICTURE_CHANGED] = &cell->changed};

        *counts[kind] += part;
        at += part;
    }
}

static unsigned level_of(const struct map_cell *cell)
{
    uint64_t total = cell->allocated + cell->zero + cell->unknown;

    if (cell->allocated == 0)
        return 0;
    return 1 + (unsigned)least(3, (cell->allocated * 4 - 1) / total);
}

static const char *glyph_of(const struct map_cell *cell, const struct map_picture_style *style)
{
    static const char *const plain[LEVELS] = {".", "-", "+", "*", "#"};
    static const char *const shaded[LEVELS] = {"·", "░", "▒", "▓", "█"};

    if (cell->unknown > cell->allocated + cell->zero)
        return "?";
    return style->utf8 ? shaded[level_of(cell)] : plain[level_of(cell)];
}

static void print_cell(const struct map_cell *cell, const struct map_picture_style *style,
                       FILE *out)
{
    const char *on = cell->changed                                  ? CHANGED_ON
                     : cell->unknown > cell->allocated + cell->zero ? UNKNOWN_ON
                                                                    : NULL;

    if (style->colors)
        fprintf(out, "%s%s%s", on ? on : "", glyph_of(cell, style), on ? COLORS_OFF : "");
    else
        fputs(cell->changed ? "x" : glyph_of(cell, style), out);
}

void map_picture_print(const struct map_picture *picture, const struct map_picture_style *style,
                       bool with_changes, uint64_t block_bytes, FILE *out)
{
    char share[SIZE_TEXT_MAX_BYTES];

    for (uint32_t at = 0; at < picture->cell_count; at++) {
        if (at % style->columns == 0)
            fputs(FRAME_BLANK, out);
        print_cell(&picture->cells[at], style, out);
        if (at % style->columns == style->columns - 1 || at + 1 == picture->cell_count)
            fputc('\n', out);
    }
    size_text_format(cell_begins(picture, 1) * block_bytes, share);
    fprintf(out, "  a cell is %s: %s, ? unknown", share,
            style->utf8 ? "· zero, ░▒▓█ allocated" : ". zero, -+*# allocated");
    if (with_changes)
        fputs(style->colors ? ", " CHANGED_ON "red" COLORS_OFF " changed" : ", x changed", out);
    fputc('\n', out);
}
