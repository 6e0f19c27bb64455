/* store_threads_test.c - many threads at one store: writers of one blob, readers of snapshots that
 * must not move, snapshots that come and go, creators who race for a name. */
#include "tests/support/store_case.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOB_BYTES (256u << 10)
#define ROUNDS     300u

struct shared {
    struct store_case c;
    atomic_uint failures;
    atomic_uint won;
    char fixed[STORE_SNAPSHOT_BYTES];
    unsigned char *fixed_bytes;
};
struct worker {
    struct shared *shared;
    unsigned number;
    pthread_t thread;
};

static void expect(struct shared *s, bool fine)
{
    if (!fine)
        atomic_fetch_add(&s->failures, 1);
}

/* Pages of a writer's own quarter carry its own numbers. */
static void *write_quarter(void *context)
{
    struct worker *w = context;
    struct shared *s = w->shared;
    unsigned char page[1024];
    uint64_t base = w->number * (BLOB_BYTES / 4);

    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t offset = base + i * 37 % (BLOB_BYTES / 4 / 1024) * 1024;

        memset(page, (int)(1 + i % 255), sizeof page);
        expect(s, store_pages_write(s->c.store, &s->c.key, NULL, offset, page, sizeof page, NULL) ==
                      STORE_OK);
        if (i % 5 == 4)
            expect(s,
                   store_pages_clear(s->c.store, &s->c.key, NULL, offset, 512, NULL) == STORE_OK);
    }
    return NULL;
}

static void *come_and_go(void *context)
{
    struct shared *s = ((struct worker *)context)->shared;
    char names[4][STORE_SNAPSHOT_BYTES];

    for (unsigned i = 0; i < ROUNDS / 4; i++) {
        expect(s, store_blob_snapshot(s->c.store, &s->c.key, NULL, NULL, names[i % 4], NULL) ==
                      STORE_OK);
        if (i % 4 == 3) {
            for (unsigned k = 0; k < 4; k++) { /* not in their order */
                struct store_key key = store_case_snapshot(&s->c, names[k * 3 % 4]);

                expect(s, store_blob_delete(s->c.store, &key, NULL, STORE_DELETE_BASE) == STORE_OK);
            }
        }
    }
    return NULL;
}

static void *read_fixed(void *context)
{
    struct shared *s = ((struct worker *)context)->shared;
    struct store_key key = store_case_snapshot(&s->c, s->fixed);
    unsigned char *bytes = malloc(BLOB_BYTES);

    for (unsigned i = 0; i < ROUNDS / 3; i++) {
        struct store_reader *reader;
        uint64_t offset = i * 7919 % (BLOB_BYTES / 2);

        if (store_reader_open(s->c.store, &key, NULL, NULL, &reader) != STORE_OK) {
            expect(s, false);
            break;
        }
        expect(s, store_reader_bytes(reader, offset, bytes, BLOB_BYTES / 2) == STORE_OK &&
                      memcmp(bytes, s->fixed_bytes + offset, BLOB_BYTES / 2) == 0);
        store_reader_close(reader);
    }
    free(bytes);
    return NULL;
}

/* The base's difference keeps its form, whatever goes on. */
static void *read_base(void *context)
{
    struct shared *s = ((struct worker *)context)->shared;
    struct store_range items[64];

    for (unsigned i = 0; i < ROUNDS / 3; i++) {
        struct store_range_query query = {.previous = s->fixed, .to = UINT64_MAX};
        struct store_range_page page;

        expect(s, store_ranges(s->c.store, &s->c.key, NULL, &query, items, 64, &page) == STORE_OK);
        for (size_t k = 1; k < page.count; k++)
            expect(s, items[k - 1].end <= items[k].start);
        store_properties_fini(&page.properties);
    }
    return NULL;
}

/* What write_quarter leaves, played again. */
static void expect_quarter(const unsigned char *found)
{
    unsigned last[BLOB_BYTES / 4 / 1024];

    for (unsigned i = 0; i < ROUNDS; i++)
        last[i * 37 % (BLOB_BYTES / 4 / 1024)] = i;
    for (unsigned k = 0; k < BLOB_BYTES / 4 / 1024; k++)
        for (unsigned b = 0; b < 1024; b++)
            cr_assert_eq(found[k * 1024 + b], last[k] % 5 == 4 && b < 512 ? 0 : 1 + last[k] % 255);
}

static void run(struct shared *s, void *(*const *bodies)(void *), unsigned count)
{
    struct worker workers[16];

    for (unsigned i = 0; i < count; i++) {
        workers[i].shared = s;
        workers[i].number = i;
        cr_assert_eq(pthread_create(&workers[i].thread, NULL, bodies[i], &workers[i]), 0);
    }
    for (unsigned i = 0; i < count; i++)
        pthread_join(workers[i].thread, NULL);
    cr_assert_eq(atomic_load(&s->failures), 0);
}

Test(store_threads, readers_of_a_snapshot_see_it_unmoved_by_everything_else)
{
    void *(*const bodies[])(void *) = {write_quarter, write_quarter, write_quarter, write_quarter,
                                       come_and_go,   read_fixed,    read_fixed,    read_base};
    struct shared s = {0};
    unsigned char *after, *again;
    uint64_t size;

    store_case_open(&s.c);
    store_case_create(&s.c, BLOB_BYTES);
    for (uint64_t at = 0; at < BLOB_BYTES; at += 8192)
        store_case_write(&s.c, at, 6144, (uint8_t)(at / 8192));
    store_case_take_snapshot(&s.c, s.fixed);
    s.fixed_bytes = store_case_read(&s.c, s.fixed, false, &size);
    run(&s, bodies, sizeof bodies / sizeof bodies[0]);
    after = store_case_read(&s.c, NULL, true, &size);
    for (unsigned q = 0; q < 4; q++) /* every quarter is as its only writer left it */
        expect_quarter(after + q * (BLOB_BYTES / 4));
    store_case_reopen(&s.c);
    again = store_case_read(&s.c, NULL, false, &size);
    cr_assert_eq(memcmp(after, again, size), 0);
    free(again);
    again = store_case_read(&s.c, s.fixed, true, &size);
    cr_assert_eq(memcmp(s.fixed_bytes, again, size), 0);
    free(again);
    free(after);
    free(s.fixed_bytes);
    store_case_close(&s.c);
}

static void *race_for_a_name(void *context)
{
    struct worker *w = context;
    struct shared *s = w->shared;
    struct store_conditions absent = {.if_none_match = "*"};
    struct store_new_blob blob = {.size_bytes = 4096};

    for (unsigned i = 0; i < 40; i++) {
        struct store_key key = s->c.key;
        enum store_result result;
        char name[20];

        snprintf(name, sizeof name, "blob-%u", i);
        key.blob = name;
        result = store_blob_put(s->c.store, &key, &absent, &blob, NULL);
        if (result == STORE_OK)
            atomic_fetch_add(&s->won, 1);
        else
            expect(s, result == STORE_BLOB_EXISTS);
    }
    return NULL;
}

Test(store_threads, of_those_who_race_to_create_a_blob_one_wins)
{
    void *(*const bodies[])(void *) = {race_for_a_name, race_for_a_name, race_for_a_name,
                                       race_for_a_name};
    struct shared s = {0};
    struct store_blob_query query = {.count_max = 100};
    struct store_blob_page page;

    store_case_open(&s.c);
    run(&s, bodies, 4);
    cr_assert_eq(atomic_load(&s.won), 40);
    store_case_reopen(&s.c);
    cr_assert_eq(store_blob_list(s.c.store, "acct", "cont", &query, &page), STORE_OK);
    cr_assert_eq(page.count, 40);
    store_blob_page_fini(&page);
    store_case_close(&s.c);
}
