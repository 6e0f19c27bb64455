/* access_storm_test.c - URLs of every side that end at seeded moments, among other faults: the copy ends with
 * a target equal to its source, or reports that a fresh URL was refused and goes on when it is run again. */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/access_case.h"
#include "tests/support/copy_case.h"

#define MIB        COPY_CASE_MIB
#define CUT_BYTES  (32u << 10)
#define DISK_BYTES (2 * MIB)
#define SEEDS      40u
#define RUNS_MAX   200u

static struct copy_case c;
static struct access_case sides[ACCESS_SIDES];
static uint32_t swaps_total, waits_total; /* so that a storm without wind is noticed */
static struct endpoint *plain_source, *plain_target;

static void wrap(struct endpoint **disk, uint64_t seed)
{
    const struct fault_rule rules[] = {
        {.ops = FAULT_ALL_OPS & ~FAULT_BIT(FAULT_FLUSH),
         .kind = FAULT_AUTH,
         .permille = 40,
         .hits_max = UINT32_MAX},
        {.ops = FAULT_BLOCK_OPS, .kind = FAULT_NET_BEFORE, .permille = 40, .hits_max = UINT32_MAX},
        {.ops = FAULT_BLOCK_OPS, .kind = FAULT_THROTTLED, .permille = 20, .hits_max = UINT32_MAX},
        {.ops = FAULT_BIT(FAULT_WRITE),
         .kind = FAULT_NET_TORN,
         .permille = 20,
         .hits_max = UINT32_MAX},
    };
    struct fault_options options = {.seed = seed,
                                    .rules = rules,
                                    .rules_count = 4,
                                    .delay_min_ns = NS_PER_MS,
                                    .delay_max_ns = 40 * NS_PER_MS};

    copy_case_wrap(disk, &options);
}

static void renews(enum access_side side, struct endpoint *ep, uint64_t seed,
                   struct access **out_side)
{
    access_case_open(&sides[side], c.rig.r, side, 0);
    sides[side].faulty[0] = ep;
    sides[side].after_ns = (seed * 37 % 9000) * NS_PER_MS;
    *out_side = sides[side].access;
}

/* A source, a target that holds the base where delta is set, faults around all. */
static void begin_seed(uint64_t seed, bool delta)
{
    copy_case_open(&c);
    copy_case_keep_state(&c);
    c.options.random_seed = seed;
    c.options.window_max = 6;
    c.source = plain_source = copy_case_random_disk(&c, DISK_BYTES, seed);
    c.target = plain_target = copy_case_disk(&c, 0);
    if (delta) {
        c.options.source_id = "base";
        copy_case_run_ok(&c);
        copy_case_new_base(&c, "base", "newer");
        copy_case_scribble(c.source, DISK_BYTES, seed + 1, 40);
        wrap(&c.base, seed + 2);
        renews(ACCESS_BASE, c.base, seed, &c.sides.base);
    }
    copy_case_cut(c.source, CUT_BYTES);
    copy_case_cut(c.target, CUT_BYTES);
    wrap(&c.source, seed + 3);
    wrap(&c.target, seed + 4);
    renews(ACCESS_SOURCE, c.source, seed + 1, &c.sides.source);
    renews(ACCESS_TARGET, c.target, seed + 2, &c.sides.target);
}

static void close_side(enum access_side side)
{
    swaps_total += sides[side].swapped_count;
    waits_total += sides[side].news_count[ACCESS_WAITING];
    access_case_close(&sides[side]);
    memset(&sides[side], 0, sizeof sides[side]);
}

static void end_seed(void)
{
    for (enum access_side side = 0; side < ACCESS_SIDES; side++)
        close_side(side);
    copy_case_close(&c);
}

/* As another process would: every side begins with a URL that is good. */
static void renew_all(uint64_t seed)
{
    struct endpoint *const all[ACCESS_SIDES] = {c.source, c.base, c.target};
    struct access **const out[ACCESS_SIDES] = {&c.sides.source, &c.sides.base, &c.sides.target};

    for (enum access_side side = 0; side < ACCESS_SIDES; side++)
        if (all[side]) {
            close_side(side);
            endpoint_fault_renew(all[side]);
            renews(side, all[side], seed, out[side]);
        }
}

static void storm(uint64_t seed, bool delta)
{
    uint32_t runs = 0;

    begin_seed(seed, delta);
    for (;;) {
        char root[DIGEST_TEXT_MAX_BYTES];

        copy_case_run(&c);
        cr_assert_lt(++runs, RUNS_MAX, "seed %llu: no end of it", (unsigned long long)seed);
        if (err_is_set(&c.err)) {
            cr_assert(strstr(c.err.text, "was refused too"), "seed %llu: %s",
                      (unsigned long long)seed, c.err.text);
            renew_all(seed + runs);
            continue;
        }
        copy_case_root(endpoint_mem_bytes(plain_source), DISK_BYTES, root);
        if (!c.summary.delta)
            cr_assert_str_eq(c.summary.root, root, "seed %llu", (unsigned long long)seed);
        break;
    }
    copy_case_expect_same(plain_source, plain_target, DISK_BYTES);
    cr_assert_eq(endpoint_mem_marker(plain_target)->state, MARKER_COMPLETE);
    end_seed();
}

Test(access_storm, full_copies)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        storm(seed, false);
    cr_expect_gt(swaps_total, 2 * SEEDS, "%u", swaps_total);
    cr_expect_gt(waits_total, 2 * SEEDS, "%u", waits_total);
}

Test(access_storm, deltas)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        storm(1000 + seed, true);
    cr_expect_gt(swaps_total, 2 * SEEDS, "%u", swaps_total);
    cr_expect_gt(waits_total, 2 * SEEDS, "%u", waits_total);
}
