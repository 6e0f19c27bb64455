/* bench_plan_test.c - sweeps over made-up regions: what is measured, and that bytes and time hold. */
#include "engine/bench_plan.h"

#include <criterion/criterion.h>

#include "engine/bench_point.h"

#define KIB 1024u
#define MIB (1024u * KIB)
#define S   1000000000ull

static const struct bench_plan_limits usual = {
    .legs = BENCH_PLAN_PAIR,
    .sizes_bytes = {64 * KIB, 256 * KIB, MIB, 4 * MIB},
    .sizes_count = 4,
    .connections = {1, 2, 4, 8, 16, 32, 64},
    .connections_count = 7,
    .budget_bytes = 2048ull * MIB,
    .duration_ns = 120 * S,
    .memory_bytes = 512ull * MIB,
};

struct swept {
    uint32_t steps_count;
    uint64_t spent_bytes, spent_ns;
    uint32_t by_leg[BENCH_LEGS_COUNT];
    uint32_t connections_max[BENCH_LEGS_COUNT];
    uint32_t sizes_seen[BENCH_LEGS_COUNT]; /* bits by index */
    struct bench_plan plan;
};

/* A region that gives each connection `each` bytes/s, up to `cap`; each point uses all it may. */
static struct swept sweep(const struct bench_plan_limits *limits, uint64_t each, uint64_t cap)
{
    struct swept s = {0};
    struct bench_step step;

    bench_plan_init(&s.plan, limits);
    while (bench_plan_next(&s.plan, &step)) {
        static struct bench_result result;
        uint64_t rate = each * step.connections < cap ? each * step.connections : cap;

        cr_assert_lt(s.steps_count, BENCH_PLAN_STEPS_MAX);
        cr_assert_geq(step.budget_bytes,
                      bench_point_need_bytes(step.leg, step.request_bytes, step.connections));
        cr_assert_leq((uint64_t)step.request_bytes * step.connections, limits->memory_bytes);
        result = (struct bench_result){.leg = step.leg,
                                       .request_bytes = step.request_bytes,
                                       .connections = step.connections,
                                       .estimate = {.bytes_per_s = rate},
                                       .read_bytes = step.budget_bytes,
                                       .elapsed_ns = step.duration_ns};
        bench_plan_note(&s.plan, &result);
        s.steps_count++;
        s.by_leg[step.leg]++;
        s.spent_bytes += step.budget_bytes;
        s.spent_ns += step.duration_ns;
        if (step.connections > s.connections_max[step.leg])
            s.connections_max[step.leg] = step.connections;
        for (uint32_t i = 0; i < limits->sizes_count; i++)
            if (limits->sizes_bytes[i] == step.request_bytes)
                s.sizes_seen[step.leg] |= 1u << i;
    }
    return s;
}

Test(bench_plan, the_default_budget_is_enough_for_all_legs_and_never_passed)
{
    struct swept s = sweep(&usual, 10 * MIB, 10000ull * MIB);

    for (int leg = BENCH_LEG_READ; leg <= BENCH_LEG_BOTH; leg++) {
        cr_expect_eq(s.connections_max[leg], 64);
        cr_expect(s.plan.best[leg].known);
        cr_expect_eq(s.plan.best[leg].connections, 64);
    }
    cr_expect_leq(s.spent_bytes, usual.budget_bytes);
    cr_expect_leq(s.spent_ns, usual.duration_ns);
}

Test(bench_plan, no_budget_is_passed_however_small)
{
    for (uint64_t budget = 0; budget < 64ull * MIB; budget += 777 * KIB) {
        struct bench_plan_limits limits = usual;
        struct swept s;

        limits.budget_bytes = budget;
        s = sweep(&limits, 10 * MIB, 100ull * MIB);
        cr_expect_leq(s.spent_bytes, budget);
    }
}

Test(bench_plan, more_connections_are_left_out_once_they_brought_nothing_twice)
{
    struct swept s = sweep(&usual, 10 * MIB, 40ull * MIB); /* 4 are enough */

    cr_expect_eq(s.connections_max[BENCH_LEG_READ], 16);
    cr_expect_eq(s.plan.best[BENCH_LEG_READ].connections, 4);
    cr_expect_eq(s.plan.best[BENCH_LEG_READ].bytes_per_s, 40ull * MIB);
}

Test(bench_plan, every_size_is_tried_where_there_is_room)
{
    struct bench_plan_limits limits = usual;
    struct swept s;

    limits.budget_bytes = 1ull << 40;
    s = sweep(&limits, 10 * MIB, 40ull * MIB);
    for (int leg = BENCH_LEG_READ; leg <= BENCH_LEG_BOTH; leg++)
        cr_expect_eq(s.sizes_seen[leg], 0xf);
    cr_expect_eq(s.plan.skipped_count, 0);
    limits.memory_bytes = 4 * MIB;
    s = sweep(&limits, 10 * MIB, 1000ull * MIB);
    cr_expect_eq(s.connections_max[BENCH_LEG_READ], 4);
    cr_expect_gt(s.plan.skipped_count, 0);
}

Test(bench_plan, one_size_and_one_number_are_one_point_a_leg)
{
    struct bench_plan_limits limits = usual;
    struct swept s;

    limits.sizes_count = limits.connections_count = 1;
    s = sweep(&limits, MIB, MIB);
    cr_expect_eq(s.steps_count, 3);
}

Test(bench_plan, a_leg_that_carries_nothing_ends_and_the_next_begins)
{
    struct swept s = sweep(&usual, 0, 0);

    cr_expect_eq(s.by_leg[BENCH_LEG_READ], 2);
    cr_expect_eq(s.by_leg[BENCH_LEG_BOTH], 2);
    cr_expect_not(s.plan.best[BENCH_LEG_READ].known);
}

Test(bench_plan, a_rate_that_is_not_sure_is_no_better_than_one_that_is)
{
    static const struct bench_estimate found[] = {
        {.known = true, .bytes_per_s = 20 * MIB, .half_bytes_per_s = MIB},      /* 19 at least */
        {.known = false, .bytes_per_s = 38 * MIB},                              /* 19 */
        {.known = true, .bytes_per_s = 30 * MIB, .half_bytes_per_s = 11 * MIB}, /* 19 */
        {.known = true, .bytes_per_s = 78 * MIB, .half_bytes_per_s = 90 * MIB}, /* a quarter */
    };
    struct bench_plan plan;
    struct bench_step step;

    bench_plan_init(&plan, &usual);
    for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
        static struct bench_result result;

        cr_assert(bench_plan_next(&plan, &step));
        result = (struct bench_result){.leg = step.leg,
                                       .request_bytes = step.request_bytes,
                                       .connections = step.connections,
                                       .estimate = found[i]};
        bench_plan_note(&plan, &result);
        cr_expect_eq(plan.best[BENCH_LEG_READ].connections, 1);
        cr_expect_eq(plan.best[BENCH_LEG_READ].bytes_per_s, 20 * MIB);
    }
}

Test(bench_plan, only_the_legs_that_are_wanted_are_measured_and_share_all)
{
    struct bench_plan_limits limits = usual;
    struct swept s;

    limits.legs = BENCH_PLAN_RELAY;
    s = sweep(&limits, 10 * MIB, 10000ull * MIB);
    cr_expect(s.by_leg[BENCH_LEG_READ] > 0 && s.by_leg[BENCH_LEG_RELAY_OFF] > 0 &&
              s.by_leg[BENCH_LEG_RELAY_AUTO] > 0);
    cr_expect(s.by_leg[BENCH_LEG_WRITE] + s.by_leg[BENCH_LEG_BOTH] == 0 &&
              s.by_leg[BENCH_LEG_RELAY_LEVEL] == 0);
    cr_expect_eq(s.connections_max[BENCH_LEG_RELAY_AUTO], 64);
    cr_expect(s.spent_bytes <= limits.budget_bytes && s.spent_bytes > limits.budget_bytes / 2);
    cr_expect(s.spent_ns <= limits.duration_ns && s.spent_ns > limits.duration_ns / 2);
    limits.legs = 1u << BENCH_LEG_RELAY_LEVEL;
    s = sweep(&limits, 10 * MIB, 100ull * MIB);
    cr_expect_eq(s.by_leg[BENCH_LEG_RELAY_LEVEL], s.steps_count);
    cr_expect_gt(s.steps_count, 0);
}

/* With few bytes left the last leg still gets its share: the first may not take it all. */
Test(bench_plan, a_relays_legs_have_like_shares)
{
    struct bench_plan_limits limits = usual;
    struct bench_step step;
    struct bench_plan plan;

    limits.legs = BENCH_PLAN_RELAY;
    limits.sizes_count = limits.connections_count = 1;
    bench_plan_init(&plan, &limits);
    for (uint64_t left = limits.budget_bytes; bench_plan_next(&plan, &step);
         left -= step.budget_bytes) {
        static struct bench_result result;
        uint64_t wanted = step.leg == BENCH_LEG_READ        ? limits.budget_bytes / 5
                          : step.leg == BENCH_LEG_RELAY_OFF ? limits.budget_bytes / 5 * 2
                                                            : left;

        cr_expect(step.budget_bytes <= wanted + 4 && step.budget_bytes + 4 >= wanted, "leg %d",
                  step.leg);
        result = (struct bench_result){.leg = step.leg, .read_bytes = step.budget_bytes};
        bench_plan_note(&plan, &result);
    }
}

Test(bench_plan, a_leg_of_nothing_but_noise_has_a_figure)
{
    static struct bench_result result;
    struct bench_plan plan;
    struct bench_step step;

    bench_plan_init(&plan, &usual);
    cr_assert(bench_plan_next(&plan, &step));
    result = (struct bench_result){
        .leg = step.leg,
        .request_bytes = step.request_bytes,
        .connections = step.connections,
        .estimate = {.known = true, .bytes_per_s = 30 * MIB, .half_bytes_per_s = 40 * MIB}};
    bench_plan_note(&plan, &result);
    cr_expect(plan.best[BENCH_LEG_READ].known);
}

Test(bench_plan, a_relays_leg_begins_with_enough_under_way)
{
    struct bench_plan_limits limits = usual;
    struct bench_plan plan;
    struct bench_step step;

    limits.legs = 1u << BENCH_LEG_RELAY_AUTO;
    bench_plan_init(&plan, &limits);
    cr_assert(bench_plan_next(&plan, &step));
    cr_expect_geq((uint64_t)step.request_bytes * step.connections, BENCH_PLAN_FLIGHT_BYTES);
    cr_expect_lt(step.connections, 64);
    limits.connections_count = 2; /* as much as there is */
    bench_plan_init(&plan, &limits);
    cr_assert(bench_plan_next(&plan, &step));
    cr_expect_eq(step.connections, 2);
    cr_expect_eq(step.request_bytes, MIB);
}
