/* store_model_test.c - a store and a plain array of bytes live through the same seeded story:
 * writes, clears, snapshots, deletions, resizes, Put Blob, restarts; after each chapter everything
 * that can be asked is compared. A failure prints the seed. */
#include "tests/support/store_case.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGES_MAX     1500u
#define SNAPSHOTS_MAX 6u
#define STEPS         260u

/* held: the page is allocated. touched[s]: written or cleared since snapshot s was taken. */
struct state {
    uint64_t pages;
    unsigned generation;
    unsigned char bytes[PAGES_MAX * 512];
    bool held[PAGES_MAX];
    bool written[SNAPSHOTS_MAX][PAGES_MAX]; /* after the snapshot of that slot was taken */
};

struct model {
    struct state base;
    struct state *snapshots[SNAPSHOTS_MAX]; /* in order of age */
    char names[SNAPSHOTS_MAX][STORE_SNAPSHOT_BYTES];
    unsigned snapshot_count;
    uint64_t random;
};

static uint64_t pick(struct model *m, uint64_t below)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return m->random % below;
}

/* ---- The story ---- */

static void touch(struct model *m, uint64_t start, uint64_t end, bool held)
{
    for (uint64_t p = start; p < end; p++) {
        m->base.held[p] = held;
        for (unsigned s = 0; s < m->snapshot_count; s++)
            m->base.written[s][p] = true;
    }
}

static void do_write(struct store_case *c, struct model *m)
{
    uint64_t start = pick(m, m->base.pages), length = 1 + pick(m, pick(m, 4) ? 6 : 400);
    uint8_t seed = (uint8_t)pick(m, 256);

    if (length > m->base.pages - start)
        length = m->base.pages - start;
    store_case_write(c, start * 512, length * 512, seed);
    store_case_fill(m->base.bytes + start * 512, start * 512, length * 512, seed);
    touch(m, start, start + length, true);
}

static void do_clear(struct store_case *c, struct model *m)
{
    uint64_t start = pick(m, m->base.pages), length = 1 + pick(m, pick(m, 3) ? 9 : PAGES_MAX);

    if (length > m->base.pages - start)
        length = m->base.pages - start;
    store_case_clear(c, start * 512, length * 512);
    memset(m->base.bytes + start * 512, 0, length * 512);
    touch(m, start, start + length, false);
}

static void do_resize(struct store_case *c, struct model *m)
{
    uint64_t pages = 200 + pick(m, PAGES_MAX - 200);
    struct store_change change = {.resize = true, .size_bytes = pages * 512};

    cr_assert_eq(store_blob_change(c->store, &c->key, NULL, &change, NULL), STORE_OK);
    if (pages < m->base.pages) {
        memset(m->base.bytes + pages * 512, 0, (m->base.pages - pages) * 512);
        touch(m, pages, m->base.pages, false);
    }
    m->base.pages = pages;
}

static void do_snapshot(struct store_case *c, struct model *m)
{
    unsigned s = m->snapshot_count;

    if (s == SNAPSHOTS_MAX)
        return;
    store_case_take_snapshot(c, m->names[s]);
    if (s > 0)
        cr_assert_gt(strcmp(m->names[s], m->names[s - 1]), 0);
    memset(m->base.written[s], 0, sizeof m->base.written[s]);
    m->snapshots[s] = malloc(sizeof m->base);
    *m->snapshots[s] = m->base;
    m->snapshot_count++;
}

static void forget_slot(struct state *state, unsigned s)
{
    memmove(state->written[s], state->written[s + 1],
            (SNAPSHOTS_MAX - s - 1) * sizeof state->written[0]);
}

static void do_delete_snapshot(struct store_case *c, struct model *m)
{
    unsigned s;
    struct store_key key;

    if (m->snapshot_count == 0)
        return;
    s = (unsigned)pick(m, m->snapshot_count);
    key = store_case_snapshot(c, m->names[s]);
    cr_assert_eq(store_blob_delete(c->store, &key, NULL, STORE_DELETE_BASE), STORE_OK);
    free(m->snapshots[s]);
    for (unsigned i = s; i + 1 < m->snapshot_count; i++) {
        m->snapshots[i] = m->snapshots[i + 1];
        memcpy(m->names[i], m->names[i + 1], sizeof m->names[i]);
    }
    m->snapshot_count--;
    for (unsigned i = s; i < m->snapshot_count; i++)
        forget_slot(m->snapshots[i], s);
    forget_slot(&m->base, s);
}

static void do_put(struct store_case *c, struct model *m)
{
    uint64_t pages = 200 + pick(m, PAGES_MAX - 200);

    store_case_create(c, pages * 512);
    memset(m->base.bytes, 0, sizeof m->base.bytes);
    memset(m->base.held, 0, sizeof m->base.held);
    m->base.pages = pages;
    m->base.generation++;
}

/* ---- The comparison ---- */

static void compare_bytes(struct store_case *c, const struct state *state, const char *snapshot)
{
    for (unsigned spans = 0; spans < 2; spans++) {
        uint64_t size;
        unsigned char *bytes = store_case_read(c, snapshot, spans != 0, &size);

        cr_assert_eq(size, state->pages * 512);
        cr_assert_eq(memcmp(bytes, state->bytes, size), 0, "bytes differ (spans %u)", spans);
        free(bytes);
    }
}

/* 'd' data, 'c' cleared, '.' not listed; a list must be exactly the maximal runs of that. */
static void compare_list(const struct store_range *items, size_t count, const char *expected,
                         uint64_t pages)
{
    size_t at = 0;

    for (uint64_t p = 0; p < pages;) {
        uint64_t end = p;

        while (end < pages && expected[end] == expected[p])
            end++;
        if (expected[p] != '.') {
            cr_assert_lt(at, count);
            cr_assert_eq(items[at].start, p * 512);
            cr_assert_eq(items[at].end, end * 512);
            cr_assert_eq(items[at].clear, expected[p] == 'c');
            at++;
        }
        p = end;
    }
    cr_assert_eq(at, count);
}

static void compare_allocated(struct store_case *c, struct model *m, const struct state *state,
                              const char *snapshot)
{
    char expected[PAGES_MAX];
    size_t count;
    struct store_range *items = store_case_ranges(c, snapshot, NULL, 1 + pick(m, 20), &count);

    for (uint64_t p = 0; p < state->pages; p++)
        expected[p] = state->held[p] ? 'd' : '.';
    compare_list(items, count, expected, state->pages);
    free(items);
}

static void compare_diff(struct store_case *c, struct model *m, unsigned older,
                         const struct state *newer, const char *snapshot)
{
    const struct state *old = m->snapshots[older];
    char expected[PAGES_MAX];
    struct store_range *items;
    size_t count;

    if (old->generation != newer->generation) {
        struct store_key key = store_case_snapshot(c, snapshot);
        struct store_range_query query = {.previous = m->names[older], .to = UINT64_MAX};
        struct store_range one;
        struct store_range_page page;

        cr_assert_eq(store_ranges(c->store, &key, NULL, &query, &one, 1, &page), STORE_OVERWRITTEN);
        return;
    }
    for (uint64_t p = 0; p < newer->pages; p++) {
        expected[p] = '.';
        if (newer->written[older][p] && newer->held[p])
            expected[p] = 'd';
        else if (newer->written[older][p] && old->held[p])
            expected[p] = 'c';
    }
    items = store_case_ranges(c, snapshot, m->names[older], 1 + pick(m, 20), &count);
    compare_list(items, count, expected, newer->pages);
    free(items);
}

static void compare_all(struct store_case *c, struct model *m)
{
    compare_bytes(c, &m->base, NULL);
    compare_allocated(c, m, &m->base, NULL);
    for (unsigned s = 0; s < m->snapshot_count; s++) {
        compare_bytes(c, m->snapshots[s], m->names[s]);
        compare_allocated(c, m, m->snapshots[s], m->names[s]);
        compare_diff(c, m, s, &m->base, NULL);
        for (unsigned n = s + 1; n < m->snapshot_count; n++)
            compare_diff(c, m, s, m->snapshots[n], m->names[n]);
    }
}

static void live(uint64_t seed, bool put, bool sync)
{
    struct store_case c = {.sync = sync};
    struct model *m = calloc(1, sizeof *m);

    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    m->random = seed * 0x9E3779B97F4A7C15u;
    m->base.pages = 1000;
    store_case_open(&c);
    store_case_create(&c, m->base.pages * 512);
    for (unsigned step = 0; step < STEPS; step++) {
        uint64_t what = pick(m, 100);

        if (what < 50)
            do_write(&c, m);
        else if (what < 74)
            do_clear(&c, m);
        else if (what < 84)
            do_snapshot(&c, m);
        else if (what < 91)
            do_delete_snapshot(&c, m);
        else if (what < 95)
            do_resize(&c, m);
        else if (what < 97 && put)
            do_put(&c, m);
        else
            store_case_reopen(&c);
        if (step % 20 == 19)
            compare_all(&c, m);
    }
    store_case_close(&c);
    for (unsigned s = 0; s < m->snapshot_count; s++)
        free(m->snapshots[s]);
    free(m);
}

Test(store_model, a_blob_and_an_array_of_bytes_live_the_same_life)
{
    for (uint64_t seed = 1; seed <= 8; seed++)
        live(seed, false, false);
}

Test(store_model, put_blob_in_between_changes_nothing_of_the_snapshots)
{
    for (uint64_t seed = 101; seed <= 108; seed++)
        live(seed, true, false);
}

Test(store_model, a_store_that_syncs_does_the_same)
{
    live(201, true, true);
}
