/* store_lease_test.c - the table of lease verbs over lease states, on a clock that is given. */
#include "tests/support/store_case.h"

#include "tools/regiond/region_clock.h"

#include <criterion/criterion.h>
#include <string.h>

static enum store_result lease(struct store_case *c, enum store_lease_action action, const char *id,
                               const char *proposed, int32_t seconds,
                               struct store_lease_answer *out)
{
    struct store_lease_request request = {.action = action,
                                          .lease_id = id,
                                          .proposed_id = proposed,
                                          .duration_s = seconds,
                                          .break_period_s = seconds};
    struct store_lease_answer unused;

    return store_blob_lease(c->store, &c->key, NULL, &request, out ? out : &unused);
}

static enum store_lease_state state_of(struct store_case *c)
{
    struct store_properties properties;
    enum store_lease_state state;

    cr_assert_eq(store_blob_get(c->store, &c->key, NULL, &properties), STORE_OK);
    state = properties.lease_state;
    store_properties_fini(&properties);
    return state;
}

static enum store_result write_with(struct store_case *c, const char *id)
{
    struct store_conditions when = {.lease_id = id};
    unsigned char page[512] = {1};

    return store_pages_write(c->store, &c->key, &when, 0, page, sizeof page, NULL);
}

static void seconds_pass(struct store_case *c, uint64_t seconds)
{
    c->now_ticks += seconds * TICKS_PER_SECOND;
}

/* Brings a new blob's lease into the state, with id "A" unless available. */
static void bring_to(struct store_case *c, enum store_lease_state state)
{
    store_case_create(c, 4096);
    if (state == STORE_LEASE_AVAILABLE)
        return;
    cr_assert_eq(lease(c, STORE_LEASE_ACQUIRE, NULL, "A", 15, NULL), STORE_OK);
    if (state == STORE_LEASE_EXPIRED)
        seconds_pass(c, 15);
    if (state == STORE_LEASE_BREAKING || state == STORE_LEASE_BROKEN)
        cr_assert_eq(lease(c, STORE_LEASE_BREAK, NULL, NULL, 10, NULL), STORE_OK);
    if (state == STORE_LEASE_BROKEN)
        seconds_pass(c, 10);
}

static void remove_blob(struct store_case *c)
{
    lease(c, STORE_LEASE_BREAK, NULL, NULL, 0, NULL);
    cr_assert_eq(store_blob_delete(c->store, &c->key, NULL, STORE_DELETE_BASE), STORE_OK);
}

#define STATES 5
struct row {
    const char *what;
    enum store_lease_action action;
    const char *id, *proposed;
    int32_t seconds;
    enum store_result expected[STATES]; /* available, leased, expired, breaking, broken */
};

static const struct row rows[] = {
    {"acquire new",
     STORE_LEASE_ACQUIRE,
     NULL,
     NULL,
     15,
     {STORE_OK, STORE_LEASE_ALREADY_PRESENT, STORE_OK, STORE_LEASE_ALREADY_PRESENT, STORE_OK}},
    {"acquire A again",
     STORE_LEASE_ACQUIRE,
     NULL,
     "A",
     -1,
     {STORE_OK, STORE_OK, STORE_OK, STORE_LEASE_BREAKING_NO_ACQUIRE, STORE_OK}},
    {"acquire B",
     STORE_LEASE_ACQUIRE,
     NULL,
     "B",
     60,
     {STORE_OK, STORE_LEASE_ALREADY_PRESENT, STORE_OK, STORE_LEASE_ALREADY_PRESENT, STORE_OK}},
    {"acquire too short",
     STORE_LEASE_ACQUIRE,
     NULL,
     NULL,
     14,
     {STORE_INVALID_VALUE, STORE_INVALID_VALUE, STORE_INVALID_VALUE, STORE_INVALID_VALUE,
      STORE_INVALID_VALUE}},
    {"renew A",
     STORE_LEASE_RENEW,
     "A",
     NULL,
     0,
     {STORE_LEASE_NOT_PRESENT, STORE_OK, STORE_OK, STORE_LEASE_BROKEN_NO_RENEW,
      STORE_LEASE_BROKEN_NO_RENEW}},
    {"renew B",
     STORE_LEASE_RENEW,
     "B",
     NULL,
     0,
     {STORE_LEASE_NOT_PRESENT, STORE_LEASE_MISMATCH, STORE_LEASE_MISMATCH, STORE_LEASE_MISMATCH,
      STORE_LEASE_MISMATCH}},
    {"change A to B",
     STORE_LEASE_CHANGE,
     "A",
     "B",
     0,
     {STORE_LEASE_NOT_PRESENT, STORE_OK, STORE_LEASE_NOT_PRESENT, STORE_LEASE_BREAKING_NO_CHANGE,
      STORE_LEASE_NOT_PRESENT}},
    {"change B to A",
     STORE_LEASE_CHANGE,
     "B",
     "A",
     0,
     {STORE_LEASE_NOT_PRESENT, STORE_OK, STORE_LEASE_NOT_PRESENT, STORE_LEASE_MISMATCH,
      STORE_LEASE_NOT_PRESENT}},
    {"change B to C",
     STORE_LEASE_CHANGE,
     "B",
     "C",
     0,
     {STORE_LEASE_NOT_PRESENT, STORE_LEASE_MISMATCH, STORE_LEASE_NOT_PRESENT, STORE_LEASE_MISMATCH,
      STORE_LEASE_NOT_PRESENT}},
    {"release A",
     STORE_LEASE_RELEASE,
     "A",
     NULL,
     0,
     {STORE_LEASE_NOT_PRESENT, STORE_OK, STORE_OK, STORE_OK, STORE_OK}},
    {"release B",
     STORE_LEASE_RELEASE,
     "B",
     NULL,
     0,
     {STORE_LEASE_NOT_PRESENT, STORE_LEASE_MISMATCH, STORE_LEASE_MISMATCH, STORE_LEASE_MISMATCH,
      STORE_LEASE_MISMATCH}},
    {"break",
     STORE_LEASE_BREAK,
     NULL,
     NULL,
     -1,
     {STORE_LEASE_NOT_PRESENT, STORE_OK, STORE_OK, STORE_OK, STORE_OK}},
    {"break too late",
     STORE_LEASE_BREAK,
     NULL,
     NULL,
     61,
     {STORE_INVALID_VALUE, STORE_INVALID_VALUE, STORE_INVALID_VALUE, STORE_INVALID_VALUE,
      STORE_INVALID_VALUE}},
};

Test(store_lease, every_verb_in_every_state)
{
    struct store_case c = {.now_ticks = region_clock_from_unix(1700000000)};

    store_case_open(&c);
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        for (unsigned s = 0; s < STATES; s++) {
            bring_to(&c, (enum store_lease_state)s);
            cr_assert_eq(state_of(&c), (enum store_lease_state)s);
            cr_assert_eq(lease(&c, rows[r].action, rows[r].id, rows[r].proposed, rows[r].seconds,
                               NULL),
                         rows[r].expected[s], "%s in state %u", rows[r].what, s);
            remove_blob(&c);
        }
    }
    store_case_close(&c);
}

Test(store_lease, who_may_write_in_which_state)
{
    static const enum store_result expected[STATES][3] = {
        /* no id, A, B */
        [STORE_LEASE_AVAILABLE] = {STORE_OK, STORE_LEASE_NOT_PRESENT_BLOB,
                                   STORE_LEASE_NOT_PRESENT_BLOB},
        [STORE_LEASE_LEASED] = {STORE_LEASE_ID_MISSING, STORE_OK, STORE_LEASE_MISMATCH_BLOB},
        [STORE_LEASE_EXPIRED] = {STORE_OK, STORE_LEASE_LOST, STORE_LEASE_LOST},
        [STORE_LEASE_BREAKING] = {STORE_LEASE_ID_MISSING, STORE_OK, STORE_LEASE_MISMATCH_BLOB},
        [STORE_LEASE_BROKEN] = {STORE_OK, STORE_LEASE_LOST, STORE_LEASE_LOST},
    };
    static const char *const ids[3] = {NULL, "A", "B"};
    struct store_case c = {.now_ticks = region_clock_from_unix(1700000000)};

    store_case_open(&c);
    for (unsigned s = 0; s < STATES; s++) {
        for (unsigned i = 0; i < 3; i++) {
            bring_to(&c, (enum store_lease_state)s);
            cr_assert_eq(write_with(&c, ids[i]), expected[s][i], "state %u id %u", s, i);
            remove_blob(&c);
        }
    }
    store_case_close(&c);
}

Test(store_lease, reading_needs_no_lease_but_a_wrong_one_is_refused)
{
    struct store_case c = {.now_ticks = region_clock_from_unix(1700000000)};
    struct store_conditions wrong = {.lease_id = "B"}, right = {.lease_id = "A"};
    struct store_properties properties;

    store_case_open(&c);
    bring_to(&c, STORE_LEASE_LEASED);
    cr_assert_eq(store_blob_get(c.store, &c.key, &wrong, &properties), STORE_LEASE_MISMATCH_BLOB);
    cr_assert_eq(store_blob_get(c.store, &c.key, &right, &properties), STORE_OK);
    store_properties_fini(&properties);
    store_case_close(&c);
}

Test(store_lease, an_expired_lease_can_be_renewed_until_somebody_writes)
{
    struct store_case c = {.now_ticks = region_clock_from_unix(1700000000)};

    store_case_open(&c);
    bring_to(&c, STORE_LEASE_EXPIRED);
    cr_assert_eq(lease(&c, STORE_LEASE_RENEW, "A", NULL, 0, NULL), STORE_OK);
    cr_assert_eq(state_of(&c), STORE_LEASE_LEASED);
    seconds_pass(&c, 15);
    cr_assert_eq(write_with(&c, NULL), STORE_OK);
    cr_assert_eq(lease(&c, STORE_LEASE_RENEW, "A", NULL, 0, NULL), STORE_LEASE_NOT_PRESENT);
    store_case_close(&c);
}

Test(store_lease, a_break_waits_for_the_shorter_of_period_and_remainder)
{
    struct store_case c = {.now_ticks = region_clock_from_unix(1700000000)};
    struct store_lease_answer answer;

    store_case_open(&c);
    store_case_create(&c, 4096);
    cr_assert_eq(lease(&c, STORE_LEASE_ACQUIRE, NULL, NULL, 60, &answer), STORE_OK);
    cr_assert_eq(strlen(answer.lease_id), 36);
    seconds_pass(&c, 20);
    cr_assert_eq(lease(&c, STORE_LEASE_BREAK, NULL, NULL, 50, &answer), STORE_OK);
    cr_assert_eq(answer.remaining_s, 40);
    cr_assert_eq(lease(&c, STORE_LEASE_BREAK, NULL, NULL, 5, &answer), STORE_OK);
    cr_assert_eq(answer.remaining_s, 5);
    cr_assert_eq(lease(&c, STORE_LEASE_BREAK, NULL, NULL, 60, &answer), STORE_OK);
    cr_assert_eq(answer.remaining_s, 5);
    seconds_pass(&c, 5);
    cr_assert_eq(state_of(&c), STORE_LEASE_BROKEN);
    cr_assert_eq(lease(&c, STORE_LEASE_ACQUIRE, NULL, NULL, -1, &answer), STORE_OK);
    cr_assert_eq(lease(&c, STORE_LEASE_BREAK, NULL, NULL, -1, &answer), STORE_OK);
    cr_assert_eq(answer.remaining_s, 0); /* one for ever breaks at once */
    cr_assert_eq(state_of(&c), STORE_LEASE_BROKEN);
    store_case_close(&c);
}

Test(store_lease, outlives_a_restart_and_leaves_the_etag_alone)
{
    struct store_case c = {.now_ticks = region_clock_from_unix(1700000000)};
    struct store_properties before, after;

    store_case_open(&c);
    store_case_create(&c, 4096);
    cr_assert_eq(store_blob_get(c.store, &c.key, NULL, &before), STORE_OK);
    cr_assert_eq(lease(&c, STORE_LEASE_ACQUIRE, NULL, "A", -1, NULL), STORE_OK);
    store_case_reopen(&c);
    cr_assert_eq(store_blob_get(c.store, &c.key, NULL, &after), STORE_OK);
    cr_assert_str_eq(before.stamp.etag, after.stamp.etag);
    cr_assert(after.lease_infinite);
    cr_assert_eq(write_with(&c, NULL), STORE_LEASE_ID_MISSING);
    cr_assert_eq(write_with(&c, "A"), STORE_OK);
    cr_assert_eq(store_blob_delete(c.store, &c.key, NULL, STORE_DELETE_BASE),
                 STORE_LEASE_ID_MISSING);
    store_properties_fini(&before);
    store_properties_fini(&after);
    store_case_close(&c);
}
