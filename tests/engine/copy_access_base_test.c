/* copy_access_base_test.c - deltas, proofs and verifies whose URLs end: which of a diff's two URLs was
 * refused, the base's newest URL, a target that is read back, both ends of a comparison. */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "engine/verify.h"
#include "tests/support/access_case.h"
#include "tests/support/copy_case.h"

#define KIB        COPY_CASE_KIB
#define MIB        COPY_CASE_MIB
#define PAGE       ENDPOINT_PAGE_BYTES
#define CUT_BYTES  (32u << 10)
#define DISK_BYTES (2 * MIB)

static struct copy_case c;
static struct access_case source, base, target;
static struct endpoint *plain_source, *plain_target;

/* A target that holds the base, and a source that is newer. */
static void begin(void)
{
    copy_case_open(&c);
    copy_case_keep_state(&c);
    c.source = plain_source = copy_case_random_disk(&c, DISK_BYTES, 3);
    c.target = plain_target = copy_case_disk(&c, 0);
    c.options.source_id = "base";
    c.options.window_max = 4;
    copy_case_run_ok(&c);
    copy_case_new_base(&c, "base", "newer");
    copy_case_scribble(c.source, DISK_BYTES, 4, 30);
    copy_case_cut(c.source, CUT_BYTES);
    copy_case_cut(c.target, CUT_BYTES);
}

static void end(void)
{
    access_case_close(&source);
    access_case_close(&base);
    access_case_close(&target);
    copy_case_close(&c);
}

TestSuite(copy_access_base, .init = begin, .fini = end);

static void refuse(struct endpoint **disk, unsigned ops, uint32_t skip)
{
    struct fault_rule rule = {
        .ops = ops, .kind = FAULT_AUTH, .permille = 1000, .skip_count = skip, .hits_max = 1};
    struct fault_options options = {.seed = 1, .rules = &rule, .rules_count = 1};

    copy_case_wrap(disk, &options);
}

static void renews(struct access_case *a, enum access_side side, struct endpoint *ep,
                   struct endpoint *also, struct access **out_side)
{
    access_case_open(a, c.rig.r, side, 0);
    a->faulty[0] = ep;
    a->faulty[1] = also;
    a->after_ns = 100 * NS_PER_S;
    *out_side = a->access;
}

static void expect_delta(void)
{
    cr_assert(c.summary.delta, "a full copy: %s", c.summary.why_full);
    copy_case_expect_same(plain_source, plain_target, DISK_BYTES);
    cr_expect_eq(endpoint_mem_marker(plain_target)->state, MARKER_COMPLETE);
}

/* ---- The diff names two URLs ---- */

Test(copy_access_base, a_diff_refused_for_its_source_renews_the_source)
{
    refuse(&c.source, FAULT_BIT(FAULT_LIST), 0);
    renews(&source, ACCESS_SOURCE, c.source, NULL, &c.sides.source);
    renews(&base, ACCESS_BASE, NULL, NULL, &c.sides.base);
    copy_case_run_ok(&c);
    expect_delta();
    cr_expect_eq(source.asked_count, 1u);
    cr_expect_eq(base.asked_count, 0u, "the base still answers");
}

Test(copy_access_base, a_diff_refused_for_its_base_renews_the_base)
{
    refuse(&c.source, FAULT_BIT(FAULT_LIST), 0); /* the source's host says no to the pair, ... */
    refuse(&c.base, FAULT_BIT(FAULT_STAT), 1);   /* ... and the base alone is refused, too */
    renews(&source, ACCESS_SOURCE, NULL, NULL, &c.sides.source);
    renews(&base, ACCESS_BASE, c.base, c.source, &c.sides.base);
    copy_case_run_ok(&c);
    cr_expect_eq(source.asked_count, 0u);
    cr_expect_eq(base.asked_count, 1u);
    cr_expect_eq(base.news_count[ACCESS_WAITING], 1u);
}

Test(copy_access_base, the_first_look_at_the_base_may_be_refused)
{
    refuse(&c.base, FAULT_BIT(FAULT_STAT), 0);
    renews(&base, ACCESS_BASE, c.base, NULL, &c.sides.base);
    copy_case_run_ok(&c);
    cr_expect_eq(base.asked_count, 1u);
    cr_expect(c.summary.committed);
}

Test(copy_access_base, a_base_that_nobody_renews_ends_the_copy)
{
    refuse(&c.source, FAULT_BIT(FAULT_LIST), 0);
    refuse(&c.base, FAULT_BIT(FAULT_STAT), 1);
    renews(&source, ACCESS_SOURCE, NULL, NULL, &c.sides.source);
    copy_case_run(&c);
    cr_expect_eq(c.err.retry, RETRY_AFTER_RENEWAL);
    cr_expect_eq(endpoint_mem_marker(plain_target)->state, MARKER_COMPLETE, "nothing was touched");
}

Test(copy_access_base, a_stop_while_the_base_is_probed_ends_the_copy)
{
    struct fault_options slow = {.seed = 1, .delay_min_ns = NS_PER_S, .delay_max_ns = NS_PER_S};
    struct copy *copy;

    refuse(&c.source, FAULT_BIT(FAULT_LIST), 0);
    copy_case_wrap(&c.base, &slow);
    renews(&source, ACCESS_SOURCE, c.source, NULL, &c.sides.source);
    renews(&base, ACCESS_BASE, NULL, NULL, &c.sides.base);
    copy = copy_case_start(&c);
    while (!endpoint_fault_count(c.source, FAULT_LIST, FAULT_AUTH) || !c.base->inflight)
        rig_turn(&c.rig);
    copy_stop(copy);
    copy_case_finish(&c, copy);
    cr_expect_eq(c.err.kind, ERR_CANCELED, "%s", c.err.text);
    cr_expect_eq(source.asked_count + base.asked_count, 0u);
}

/* ---- A proof reads the target back: a copy inside the copy ---- */

static void need_a_proof(void)
{
    unsigned char page[PAGE];

    memcpy(page, endpoint_mem_bytes(plain_target), PAGE);
    endpoint_mem_poke(plain_target, 0, page, PAGE); /* the same bytes, but another ETag */
}

Test(copy_access_base, a_refused_proof_waits_and_goes_on)
{
    need_a_proof();
    refuse(&c.target, FAULT_BIT(FAULT_READ), 5);
    renews(&target, ACCESS_TARGET, c.target, NULL, &c.sides.target);
    copy_case_run_ok(&c);
    expect_delta();
    cr_expect_eq(target.asked_count, 1u);
    cr_expect(strstr(c.said, "reading it back"), "%s", c.said);
}

Test(copy_access_base, a_stop_reaches_a_proof_that_waits)
{
    struct copy *copy;

    need_a_proof();
    refuse(&c.target, FAULT_BIT(FAULT_READ), 5);
    renews(&target, ACCESS_TARGET, c.target, NULL, &c.sides.target);
    target.answer = ACCESS_CASE_SILENT;
    copy = copy_case_start(&c);
    while (!access_is_awaited(target.access))
        rig_turn(&c.rig);
    cr_expect_str_eq(copy_phase(copy), "waiting for access");
    copy_stop(copy);
    copy_case_finish(&c, copy);
    cr_expect_eq(c.err.kind, ERR_CANCELED, "%s", c.err.text);
}

Test(copy_access_base, a_proof_that_is_refused_for_good_makes_no_full_copy)
{
    need_a_proof();
    refuse(&c.target, FAULT_BIT(FAULT_READ), 5);
    copy_case_run(&c);
    cr_expect_eq(c.err.retry, RETRY_AFTER_RENEWAL);
    cr_expect_not(strstr(c.said, "full copy"), "%s", c.said);
}

/* ---- The lease lives while the source's URL is waited for ---- */

Test(copy_access_base, a_lease_is_kept_while_the_source_is_waited_for)
{
    struct copy *copy;
    uint64_t began_ns;

    endpoint_mem_give_leases(c.target);
    refuse(&c.source, FAULT_BIT(FAULT_READ), 5);
    renews(&source, ACCESS_SOURCE, c.source, NULL, &c.sides.source);
    source.after_ns = 600 * NS_PER_S;
    copy = copy_case_start(&c);
    while (!access_is_awaited(source.access))
        rig_turn(&c.rig);
    began_ns = reactor_now_ns(c.rig.r);
    while (reactor_now_ns(c.rig.r) < began_ns + 500 * NS_PER_S) {
        rig_turn(&c.rig);
        cr_assert_str_not_empty(endpoint_mem_leased(plain_target));
    }
    cr_assert(access_is_awaited(source.access));
    copy_case_finish(&c, copy);
    cr_expect_not(err_is_set(&c.err), "%s", c.err.text);
}

/* ---- Verify ---- */

static void on_verified(void *arg, struct verify *verify)
{
    (void)verify;
    *(bool *)arg = true;
}

Test(copy_access_base, a_verify_waits_for_either_end)
{
    bool done = false;
    struct verify_options options = {.window_max = 4, .random_seed = 1};
    struct verify_watch watch = {.done = on_verified, .arg = &done};
    struct verify_ends ends = {.pool = c.pool};
    struct err e = {0};
    struct verify *verify;

    copy_case_run_ok(&c);
    refuse(&c.source, FAULT_BIT(FAULT_READ), 7);
    refuse(&c.target, FAULT_BIT(FAULT_READ), 15);
    renews(&source, ACCESS_SOURCE, c.source, NULL, &ends.sides.source);
    renews(&target, ACCESS_TARGET, c.target, NULL, &ends.sides.target);
    ends.source = c.source;
    ends.target = c.target;
    verify = verify_new(c.rig.r, &ends, &options, &watch, &e);
    cr_assert_not_null(verify, "%s", e.text);
    cr_expect_str_eq(verify_phase(verify, "usual"), "usual");
    verify_start(verify);
    while (!access_is_awaited(target.access) && !access_is_awaited(source.access))
        rig_turn(&c.rig);
    cr_expect_str_eq(verify_phase(verify, "usual"), "waiting for access");
    rig_until(&c.rig, &done);
    cr_expect_not(err_is_set(verify_error(verify)), "%s", verify_error(verify)->text);
    cr_expect(verify_summary(verify)->equal);
    cr_expect_eq(source.asked_count, 1u);
    cr_expect_eq(target.asked_count, 1u);
    verify_free(verify);
}
