/* extent_index_test.c - the index against an array of pages, and what a million runs cost. */
#include "tools/regiond/extent_walk.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define PAGES 4096u

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Runs must be those of the array: maximal, in order, nothing missing. 255: no run. */
static void assert_equal(const struct extent_index *index, const uint8_t *pages)
{
    struct extent_cursor cursor;
    struct extent_run run;
    size_t count = 0;

    extent_cursor_seek(&cursor, index, 0);
    for (uint64_t at = 0; at < PAGES;) {
        uint64_t end = at;

        while (end < PAGES && pages[end] == pages[at])
            end++;
        if (pages[at] != 255) {
            cr_assert(extent_cursor_get(&cursor, &run));
            cr_assert_eq(run.start, at);
            cr_assert_eq(run.end, end);
            cr_assert_eq(run.value, pages[at]);
            extent_cursor_next(&cursor);
            count++;
        }
        at = end;
    }
    cr_assert_not(extent_cursor_get(&cursor, &run));
    cr_assert_eq(index->count, count);
}

static void assert_seeks(const struct extent_index *index, const uint8_t *pages)
{
    for (uint64_t page = 0; page < PAGES; page += 37) {
        struct extent_cursor cursor;
        struct extent_run run;
        uint64_t at = page;

        while (at < PAGES && pages[at] == 255)
            at++;
        extent_cursor_seek(&cursor, index, page);
        if (at == PAGES) {
            cr_assert_not(extent_cursor_get(&cursor, &run));
            continue;
        }
        cr_assert(extent_cursor_get(&cursor, &run));
        cr_assert(run.start <= at && at < run.end);
        cr_assert_eq(run.value, pages[at]);
    }
}

Test(extent_index, agrees_with_an_array_of_pages)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct extent_index index = {0}, copy = {0};
        uint64_t state = seed * 0x9E3779B97F4A7C15u;
        uint8_t pages[PAGES];

        memset(pages, 255, sizeof pages);
        for (unsigned i = 0; i < 6000; i++) {
            uint64_t longest = seed % 3 == 0 ? 600 : 6;
            uint64_t start = random_next(&state) % PAGES;
            uint64_t end = start + 1 + random_next(&state) % longest;
            uint8_t value = (uint8_t)(random_next(&state) % 4);

            end = end > PAGES ? PAGES : end;
            cr_assert(extent_index_reserve(&index));
            if (random_next(&state) % 3 == 0) {
                extent_index_erase(&index, start, end);
                memset(pages + start, 255, end - start);
            } else {
                extent_index_set(&index, start, end, value);
                memset(pages + start, value, end - start);
            }
            if (i % 97 == 0)
                assert_equal(&index, pages);
        }
        assert_equal(&index, pages);
        assert_seeks(&index, pages);
        cr_assert(extent_index_copy(&copy, &index));
        extent_index_fini(&index);
        assert_equal(&copy, pages);
        extent_index_fini(&copy);
    }
}

Test(extent_index, erases_everything_at_once)
{
    struct extent_index index = {0};

    for (uint64_t i = 0; i < 100000; i++) {
        cr_assert(extent_index_reserve(&index));
        extent_index_set(&index, i * 2, i * 2 + 1, 1);
    }
    cr_assert_eq(index.count, 100000);
    index.moved_count = 0;
    cr_assert(extent_index_reserve(&index));
    extent_index_erase(&index, 0, EXTENT_PAGE_MAX);
    cr_assert_eq(index.count, 0);
    cr_assert_eq(index.slot_count, 0);
    cr_assert_lt(index.moved_count, 2 * EXTENT_CHUNK_MAX);
    extent_index_fini(&index);
}

Test(extent_index, appending_keeps_chunks_full)
{
    struct extent_index index = {0};

    for (uint64_t i = 0; i < 100000; i++) {
        cr_assert(extent_index_reserve(&index));
        extent_index_set(&index, i * 2, i * 2 + 1, 1);
    }
    cr_assert_lt(index.slot_count, 100000 / (EXTENT_CHUNK_MAX * 3 / 4));
    extent_index_fini(&index);
}

/* Random 4 KiB writes into 32 TiB. Counted, not timed: what a change moves is bounded by a chunk
 * and, at a split, by the array of chunks. */
Test(extent_index, a_million_scattered_runs_move_a_chunk_a_change)
{
    const uint64_t pages = (UINT64_C(32) << 40) / 512, changes = 1000000;
    struct extent_index index = {0};
    struct extent_cursor cursor;
    struct extent_run run;
    uint64_t state = 42, last_end = 0, seen = 0;

    for (uint64_t i = 0; i < changes; i++) {
        uint64_t start = random_next(&state) % (pages / 8) * 8;

        cr_assert(extent_index_reserve(&index));
        extent_index_set(&index, start, start + 8, 1);
    }
    cr_assert_gt(index.count, changes * 99 / 100);
    cr_assert_lt(index.moved_count, changes * 300);
    for (extent_cursor_seek(&cursor, &index, 0); extent_cursor_get(&cursor, &run);
         extent_cursor_next(&cursor), seen++) {
        cr_assert(seen == 0 || run.start > last_end);
        last_end = run.end;
    }
    cr_assert_eq(seen, index.count);
    index.moved_count = 0;
    for (uint64_t i = 0; i < 100000; i++) { /* punch holes into what is there */
        uint64_t start = random_next(&state) % (pages / 8) * 8 + 2;

        cr_assert(extent_index_reserve(&index));
        extent_index_erase(&index, start, start + 4);
    }
    cr_assert_lt(index.moved_count, 100000 * 300);
    extent_index_fini(&index);
}

Test(extent_walk, sees_the_newest_layer_that_says_something)
{
    enum { LAYERS = 5 };
    static uint8_t pages[LAYERS][PAGES];
    struct extent_index layers[LAYERS] = {{0}};
    static struct extent_walk walk;
    struct extent_piece piece;
    uint64_t state = 7, at = 0;

    memset(pages, 255, sizeof pages);
    for (unsigned i = 0; i < 800; i++) {
        unsigned layer = (unsigned)(random_next(&state) % LAYERS);
        uint64_t start = random_next(&state) % (PAGES - 40);
        uint64_t length = 1 + random_next(&state) % (layer == 1 ? 40 : 4);
        uint8_t value = (uint8_t)(random_next(&state) % 9);

        cr_assert(extent_index_reserve(&layers[layer]));
        extent_index_set(&layers[layer], start, start + length, value);
        memset(pages[layer] + start, value, length);
    }
    extent_walk_begin(&walk, 0);
    for (unsigned i = 0; i < LAYERS; i++)
        extent_walk_add(&walk, &layers[i]);
    while (extent_walk_next(&walk, PAGES, &piece)) {
        cr_assert_eq(piece.start, at);
        cr_assert_gt(piece.end, piece.start);
        for (; at < piece.end; at++) {
            unsigned layer = 0;

            while (layer < LAYERS && pages[layer][at] == 255)
                layer++;
            cr_assert_eq(piece.there, layer < LAYERS);
            if (piece.there)
                cr_assert_eq(piece.value, pages[layer][at]);
        }
    }
    cr_assert_eq(at, PAGES);
    for (unsigned i = 0; i < LAYERS; i++)
        extent_index_fini(&layers[i]);
}
