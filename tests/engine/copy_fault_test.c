/* copy_fault_test.c - the outcome that io/endpoint_fault.h states of each kind of fault, wherever it can
 * happen: survived, with an identical target, or reported by name, with a target that does not look whole
 * and that the same copy again makes identical.
 */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "engine/verify.h"
#include "tests/support/copy_case.h"

#define KIB        COPY_CASE_KIB
#define PAGE       ENDPOINT_PAGE_BYTES
#define DISK_BYTES (512 * KIB)
#define CUT_BYTES  (32u << 10)

enum outcome { SURVIVES, REPORTS, UNNOTICED };

static const struct kind_row {
    const char *name;
    enum fault_kind kind;
    enum outcome outcome;
    enum err_kind error; /* what is reported, at once or when it does not end */
    int sys_errno;
} kinds[] = {
    {"throttled", FAULT_THROTTLED, SURVIVES, ERR_THROTTLED, 0},
    {"net before", FAULT_NET_BEFORE, SURVIVES, ERR_NET, 0},
    {"net after", FAULT_NET_AFTER, SURVIVES, ERR_NET, 0},
    {"net torn", FAULT_NET_TORN, SURVIVES, ERR_NET, 0},
    {"net late", FAULT_NET_LATE, SURVIVES, ERR_NET, 0},
    {"corrupt", FAULT_CORRUPT, SURVIVES, ERR_CORRUPT, 0},
    {"flipped", FAULT_FLIPPED, UNNOTICED, ERR_NONE, 0},
    {"auth", FAULT_AUTH, REPORTS, ERR_AUTH, 0},
    {"gone", FAULT_GONE, REPORTS, ERR_GONE, 0},
    {"changed", FAULT_CHANGED, REPORTS, ERR_GONE, 0},
    {"disk full", FAULT_DISK_FULL, REPORTS, ERR_IO, ENOSPC},
    {"disk bad", FAULT_DISK_BAD, REPORTS, ERR_IO, EIO},
};
_Static_assert(sizeof kinds / sizeof kinds[0] == FAULT_KINDS, "a row a kind");

/* Where a full copy to an existing target of other content asks. */
static const struct place {
    const char *name;
    bool target;
    enum fault_op op;
} places[] = {
    {"source stat", false, FAULT_STAT},  {"source list", false, FAULT_LIST},
    {"source read", false, FAULT_READ},  {"target stat", true, FAULT_STAT},
    {"target setup", true, FAULT_SETUP}, {"target list", true, FAULT_LIST},
    {"target write", true, FAULT_WRITE}, {"target zero", true, FAULT_ZERO},
    {"target flush", true, FAULT_FLUSH}, {"target read", true, FAULT_READ},
};
#define PLACES_COUNT (sizeof places / sizeof places[0])

static struct copy_case c;

static void begin(const struct kind_row *row, const struct place *place, uint32_t hits_max)
{
    struct fault_rule rule = {.ops = FAULT_BIT(place->op),
                              .kind = row->kind,
                              .permille = 1000,
                              .hits_max = hits_max,
                              .within = {64 * KIB, row->outcome == UNNOTICED ? 64 * KIB : 0},
                              .late_ns = 5 * NS_PER_S};
    struct fault_options options = {.seed = 3, .rules = &rule, .rules_count = 1};

    copy_case_open(&c);
    c.source = copy_case_random_disk(&c, DISK_BYTES + PAGE, 6);
    copy_case_fill(c.source, (struct extent){64 * KIB, 64 * KIB}, 1);
    copy_case_put_footer(c.source);
    c.target = copy_case_random_disk(&c, DISK_BYTES + PAGE, 7);
    copy_case_cut(c.source, CUT_BYTES);
    copy_case_cut(c.target, CUT_BYTES);
    c.options.source_id = "disk";
    copy_case_wrap(place->target ? &c.target : &c.source, &options);
}

static struct endpoint *inner_of(struct endpoint *ep, bool wrapped)
{
    return wrapped ? endpoint_fault_inner(ep) : ep;
}

static struct endpoint *faulty(const struct place *place)
{
    return place->target ? c.target : c.source;
}

static void expect_same(const struct place *place)
{
    struct endpoint *source = inner_of(c.source, !place->target);
    struct endpoint *target = inner_of(c.target, place->target);

    copy_case_expect_same(source, target, DISK_BYTES + PAGE);
    rig_until_idle(&c.rig); /* late writes land */
    copy_case_expect_same(source, target, DISK_BYTES + PAGE);
    cr_assert_eq(endpoint_mem_marker(target)->state, MARKER_COMPLETE);
}

static void expect_reported(const struct kind_row *row, const struct place *place)
{
    const struct endpoint *target = inner_of(c.target, place->target);

    cr_assert_eq(c.err.kind, row->error, "%s at %s: %s", row->name, place->name, c.err.text);
    cr_assert_eq(c.err.sys_errno, row->sys_errno, "%s at %s", row->name, place->name);
    cr_assert_str_not_empty(c.err.text);
    cr_assert_neq(endpoint_mem_marker(target)->state, MARKER_COMPLETE, "%s at %s", row->name,
                  place->name);
    endpoint_fault_renew(faulty(place));
    copy_case_run_ok(&c);
    expect_same(place);
}

static void run_once(const struct kind_row *row, const struct place *place)
{
    begin(row, place, row->outcome == SURVIVES ? 2 : 1);
    copy_case_run(&c);
    cr_assert_gt(endpoint_fault_count(faulty(place), place->op, row->kind), 0,
                 "%s at %s did not happen", row->name, place->name);
    if (row->outcome == SURVIVES) {
        cr_assert_not(err_is_set(&c.err), "%s at %s: %s", row->name, place->name, c.err.text);
        expect_same(place);
    } else {
        expect_reported(row, place);
    }
    copy_case_close(&c);
}

Test(copy_fault, each_kind_at_each_place_has_the_outcome_stated)
{
    for (size_t i = 0; i < FAULT_KINDS; i++)
        for (size_t j = 0; j < PLACES_COUNT; j++)
            if (kinds[i].outcome != UNNOTICED)
                run_once(&kinds[i], &places[j]);
}

/* What never ends is reported, in bounded time, by the name of what it is. */
Test(copy_fault, what_is_survived_is_reported_when_it_does_not_end)
{
    for (size_t i = 0; i < FAULT_KINDS; i++) {
        for (size_t j = 0; kinds[i].outcome == SURVIVES && j < PLACES_COUNT; j++) {
            const struct endpoint *target;

            begin(&kinds[i], &places[j], 0);
            copy_case_run(&c);
            target = inner_of(c.target, places[j].target);
            cr_assert_eq(c.err.kind, kinds[i].error, "%s at %s: %s", kinds[i].name, places[j].name,
                         c.err.text);
            cr_assert(endpoint_mem_marker(target)->state != MARKER_COMPLETE ||
                          (places[j].op == FAULT_SETUP && kinds[i].kind == FAULT_NET_AFTER),
                      "%s at %s", kinds[i].name, places[j].name);
            copy_case_close(&c);
        }
    }
}

/* ---- Bits nobody notices on their way: only a verify finds them ---- */

static void note_done(void *arg, struct verify *verify)
{
    (void)verify;
    *(bool *)arg = true;
}

/* The one page that is wrong; the fault's own endpoint is left out. */
static struct extent find_difference(struct endpoint *source, struct endpoint *target)
{
    struct verify_ends ends = {.source = source, .target = target, .pool = c.pool};
    struct verify_options options = {.random_seed = 1};
    bool ended = false;
    struct verify_watch watch = {.done = note_done, .arg = &ended};
    struct err e = {0};
    struct verify *verify = verify_new(c.rig.r, &ends, &options, &watch, &e);
    struct extent found;

    cr_assert(verify, "%s", e.text);
    verify_start(verify);
    rig_until(&c.rig, &ended);
    cr_assert_not(err_is_set(verify_error(verify)), "%s", verify_error(verify)->text);
    cr_assert_not(verify_summary(verify)->equal);
    cr_assert_eq(verify_summary(verify)->differences->count, 1);
    found = extent_set_at(verify_summary(verify)->differences, 0);
    verify_free(verify);
    return found;
}

Test(copy_fault, a_bit_that_nobody_saw_flip_is_found_by_verify_to_the_page)
{
    static const struct kind_row *const row = &kinds[FAULT_FLIPPED];

    cr_assert_eq(row->kind, FAULT_FLIPPED);
    for (size_t j = 0; j < PLACES_COUNT; j++) {
        struct endpoint *source, *target;
        const unsigned char *wrong, *right;
        struct extent found;

        if (places[j].op != FAULT_READ && places[j].op != FAULT_WRITE)
            continue;
        if (places[j].target && places[j].op == FAULT_READ)
            continue; /* it reads the footer back, and sees */
        begin(row, &places[j], 1);
        copy_case_run_ok(&c);
        cr_assert_eq(endpoint_fault_count_kind(faulty(&places[j]), FAULT_FLIPPED), 1);
        source = inner_of(c.source, !places[j].target);
        target = inner_of(c.target, places[j].target);
        found = find_difference(source, target);
        cr_assert_eq(found.length, PAGE, "%s", places[j].name);
        right = endpoint_mem_bytes(source), wrong = endpoint_mem_bytes(target);
        for (uint64_t at = 0; at < DISK_BYTES + PAGE; at++)
            cr_assert(right[at] == wrong[at] || at - found.offset < found.length);
        copy_case_close(&c);
    }
}
