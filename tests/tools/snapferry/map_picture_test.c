/* map_picture_test.c - the picture of a disk: every block in one cell, and only what a terminal can show. */
#include "tools/snapferry/map_picture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct map_picture picture;
static char *drawn;
static size_t drawn_bytes;

static const char *draw(const struct map_picture_style *style, bool with_changes)
{
    FILE *out;

    free(drawn);
    out = open_memstream(&drawn, &drawn_bytes);
    cr_assert_not_null(out);
    map_picture_print(&picture, style, with_changes, 65536, out);
    fclose(out);
    return drawn;
}

static void end(void)
{
    free(drawn);
}

TestSuite(map_picture, .fini = end);

static struct map_picture_style plain(uint32_t columns)
{
    return (struct map_picture_style){.columns = columns};
}

Test(map_picture, every_block_counts_once_whatever_the_size)
{
    static const uint64_t counts[] = {1, 7, 96, 97, 1000, 100003, 1ull << 30};

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        uint64_t count = counts[i], sum = 0, least = UINT64_MAX, most = 0;

        map_picture_init(&picture, count, 8);
        cr_assert_eq(picture.cell_count, count < 96 ? count : 96);
        for (uint64_t at = 0; at < count; at += count / 5 + 1)
            map_picture_add(&picture, at, count / 5 + 1,
                            PICTURE_ZERO); /* the last reaches beyond */
        for (uint32_t cell = 0; cell < picture.cell_count; cell++) {
            uint64_t zero = picture.cells[cell].zero;

            sum += zero;
            least = zero < least ? zero : least;
            most = zero > most ? zero : most;
        }
        cr_assert_eq(sum, count);
        cr_assert_leq(most - least, 1u, "cells are alike");
    }
}

Test(map_picture, shades_by_the_share_that_is_allocated)
{
    struct map_picture_style style = plain(8);

    map_picture_init(&picture, 96 * 100, 8);
    map_picture_add(&picture, 0, 96 * 100, PICTURE_ZERO);
    for (uint32_t cell = 0; cell < 5; cell++) {
        static const uint64_t allocated[] = {1, 25, 26, 75, 100};

        picture.cells[cell] =
            (struct map_cell){.allocated = allocated[cell], .zero = 100 - allocated[cell]};
    }
    picture.cells[5] = (struct map_cell){.unknown = 60, .allocated = 40};
    picture.cells[6] = (struct map_cell){.unknown = 40, .zero = 60};
    cr_assert_eq(strncmp(draw(&style, false), "  --+*#?..\n  ........\n", 22), 0, "%s", drawn);
    cr_assert(strstr(drawn, "a cell is 6.2 MiB"), "%s", drawn);
    cr_assert_null(strstr(drawn, "changed"));
    style.utf8 = true;
    cr_assert_eq(strncmp(draw(&style, false), "  ░░▒▓█?··\n", 20), 0, "%s", drawn);
}

Test(map_picture, shows_changes_with_colors_and_without)
{
    struct map_picture_style style = plain(8);

    map_picture_init(&picture, 16, 8);
    map_picture_add(&picture, 0, 16, PICTURE_ALLOCATED);
    map_picture_add(&picture, 3, 1, PICTURE_CHANGED);
    cr_assert_eq(strncmp(draw(&style, true), "  ###x####\n  ########\n", 22), 0, "%s", drawn);
    cr_assert(strstr(drawn, "x changed"));
    style.colors = true;
    cr_assert_eq(strncmp(draw(&style, true), "  ###\033[31m#\033[0m####\n", 20), 0, "%s", drawn);
    cr_assert(strstr(drawn, "red"));
}

Test(map_picture, a_disk_smaller_than_a_row_is_a_shorter_row)
{
    struct map_picture_style style = plain(64);

    map_picture_init(&picture, 3, 64);
    map_picture_add(&picture, 0, 3, PICTURE_ZERO);
    cr_assert_eq(strncmp(draw(&style, false), "  ...\n  a cell is 64.0 KiB", 26), 0, "%s", drawn);
}

Test(map_picture, is_plain_where_no_terminal_is)
{
    struct map_picture_style style = map_picture_style_of(false, 200, NULL, "xterm", "C.UTF-8");

    cr_assert_not(style.utf8 || style.colors);
    cr_assert_eq(style.columns, MAP_PICTURE_COLUMNS_DEFAULT);
}

Test(map_picture, does_what_the_terminal_can)
{
    struct map_picture_style style = map_picture_style_of(true, 100, NULL, "xterm", "C.UTF-8");

    cr_assert(style.utf8 && style.colors);
    cr_assert_eq(style.columns, 97u);
    cr_assert_not(map_picture_style_of(true, 100, "1", "xterm", "C.UTF-8").colors, "NO_COLOR");
    cr_assert(map_picture_style_of(true, 100, "", "xterm", "C.UTF-8").colors, "set, but empty");
    cr_assert_not(map_picture_style_of(true, 100, NULL, "dumb", "C.UTF-8").colors);
    cr_assert_not(map_picture_style_of(true, 100, NULL, NULL, "C.UTF-8").utf8);
    cr_assert_not(map_picture_style_of(true, 100, NULL, "xterm", "C").utf8);
    cr_assert_not(map_picture_style_of(true, 100, NULL, "xterm", NULL).utf8);
    cr_assert(map_picture_style_of(true, 100, NULL, "xterm", "de_DE.utf8").utf8);
    cr_assert_eq(map_picture_style_of(true, 3, NULL, "xterm", "C").columns,
                 MAP_PICTURE_COLUMNS_MIN);
    cr_assert_eq(map_picture_style_of(true, 9999, NULL, "xterm", "C").columns,
                 MAP_PICTURE_COLUMNS_MAX);
    cr_assert_eq(map_picture_style_of(true, 0, NULL, "xterm", "C").columns,
                 MAP_PICTURE_COLUMNS_DEFAULT);
}
