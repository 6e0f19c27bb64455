/* bench_plan.c - see bench_plan.h. */
#include "engine/bench_plan.h"

#include <assert.h>
#include <string.h>

#include "engine/bench_point.h"

#define IDLE_MAX 2u

/* ---- Shares ---- */

static bool is_wanted(const struct bench_plan *plan, int leg)
{
    return leg < BENCH_LEGS_COUNT && (plan->limits.legs & 1u << leg);
}

static uint64_t weight_of(enum bench_leg leg)
{
    return bench_leg_reads(leg) && bench_leg_writes(leg) ? 2 : 1;
}

/* This leg and those after it share what is left. */
static void take_share(struct bench_plan *plan)
{
    uint64_t weights = 0, legs = 0;

    for (int leg = (int)plan->leg; leg < BENCH_LEGS_COUNT; leg++) {
        if (!is_wanted(plan, leg))
            continue;
        weights += weight_of((enum bench_leg)leg);
        legs++;
    }
    plan->leg_bytes = plan->left_bytes / weights * weight_of(plan->leg);
    plan->leg_ns = plan->left_ns / legs;
}

/* Where the sweep of connections begins, with that size; at the last where none is enough. */
static uint32_t first_connections(const struct bench_plan *plan, uint32_t size_bytes)
{
    const struct bench_plan_limits *l = &plan->limits;
    uint32_t i = 0;

    if (bench_leg_relays(plan->leg))
        while (i + 1 < l->connections_count &&
               (uint64_t)l->connections[i] * size_bytes < BENCH_PLAN_FLIGHT_BYTES)
            i++;
    return i;
}

/* The largest size, not above the pivot's, whose sweep of connections takes at most half of the leg. */
static uint32_t pick_pivot(const struct bench_plan *plan)
{
    const struct bench_plan_limits *l = &plan->limits;
    uint32_t pivot = 0;

    for (uint32_t i = 0; i < l->sizes_count && l->sizes_bytes[i] <= BENCH_PLAN_PIVOT_BYTES; i++) {
        uint64_t sum = 0;

        for (uint32_t c = first_connections(plan, l->sizes_bytes[i]); c < l->connections_count; c++)
            sum += bench_point_need_bytes(plan->leg, l->sizes_bytes[i], l->connections[c]);
        if (sum <= plan->leg_bytes / 2)
            pivot = i;
    }
    return pivot;
}

/* That one, or the next that is wanted. */
static void begin_leg(struct bench_plan *plan, int leg)
{
    while (leg < BENCH_LEGS_COUNT && !is_wanted(plan, leg))
        leg++;
    plan->leg = (enum bench_leg)leg;
    plan->ramping = true;
    plan->at = 0;
    plan->idle_count = 0;
    if (leg == BENCH_LEGS_COUNT)
        return;
    take_share(plan);
    plan->pivot = pick_pivot(plan);
    plan->at = first_connections(plan, plan->limits.sizes_bytes[plan->pivot]);
}

void bench_plan_init(struct bench_plan *plan, const struct bench_plan_limits *limits)
{
    assert(limits->legs & ((1u << BENCH_LEGS_COUNT) - 1));
    assert(limits->sizes_count >= 1 && limits->sizes_count <= BENCH_PLAN_LIST_MAX);
    assert(limits->connections_count >= 1 && limits->connections_count <= BENCH_PLAN_LIST_MAX);
    memset(plan, 0, sizeof *plan);
    plan->limits = *limits;
    plan->left_bytes = limits->budget_bytes;
    plan->left_ns = limits->duration_ns;
    begin_leg(plan, BENCH_LEG_READ);
}

/* ---- The next ---- */

/* Points of this leg that may still come, the one at plan->at included. */
static uint64_t steps_left(const struct bench_plan *plan)
{
    const struct bench_plan_limits *l = &plan->limits;
    uint32_t others = l->sizes_count - 1;

    if (plan->ramping)
        return l->connections_count - plan->at + others;
    return l->sizes_count - plan->at;
}

static bool fits(const struct bench_plan *plan, const struct bench_step *step, uint64_t need)
{
    uint64_t memory = (uint64_t)step->request_bytes * step->connections;

    if (memory > plan->limits.memory_bytes)
        return false;
    return need <= (steps_left(plan) > 1 ? plan->leg_bytes / 2 : plan->leg_bytes);
}

/* The step at plan->at; false: it is none, or does not fit. */
static bool step_at(struct bench_plan *plan, struct bench_step *out_step)
{
    const struct bench_plan_limits *l = &plan->limits;
    const struct bench_best *best = &plan->best[plan->leg];
    struct bench_step step = {.leg = plan->leg};
    uint64_t need;

    if (!plan->ramping && (plan->at == plan->pivot || !best->known))
        return false;
    step.request_bytes = l->sizes_bytes[plan->ramping ? plan->pivot : plan->at];
    step.connections = plan->ramping ? l->connections[plan->at] : best->connections;
    need = bench_point_need_bytes(step.leg, step.request_bytes, step.connections);
    if (!fits(plan, &step, need)) {
        plan->skipped_count++;
        return false;
    }
    step.budget_bytes = plan->leg_bytes / steps_left(plan);
    if (step.budget_bytes < need)
        step.budget_bytes = need;
    step.duration_ns = plan->leg_ns / steps_left(plan);
    if (step.duration_ns < BENCH_PLAN_STEP_MIN_NS)
        step.duration_ns = BENCH_PLAN_STEP_MIN_NS;
    *out_step = step;
    return true;
}

/* Behind the end of a list comes the next one. */
static void turn_over(struct bench_plan *plan)
{
    if (plan->ramping &&
        (plan->at >= plan->limits.connections_count || plan->idle_count >= IDLE_MAX)) {
        plan->ramping = false;
        plan->at = 0;
    }
    if (!plan->ramping && plan->at >= plan->limits.sizes_count)
        begin_leg(plan, (int)plan->leg + 1);
}

bool bench_plan_next(struct bench_plan *plan, struct bench_step *out_step)
{
    turn_over(plan);
    while (plan->leg < BENCH_LEGS_COUNT) {
        bool found = step_at(plan, out_step);

        if (found)
            return true;
        plan->at++;
        turn_over(plan);
    }
    return false;
}

/* ---- What was found ---- */

static uint64_t less(uint64_t from, uint64_t by)
{
    return from > by ? from - by : 0;
}

static uint64_t at_least(const struct bench_estimate *found)
{
    uint64_t low = less(found->bytes_per_s, found->half_bytes_per_s);

    if (!found->known)
        return found->bytes_per_s / 2;
    return low > found->bytes_per_s / 4 ? low : found->bytes_per_s / 4;
}

void bench_plan_note(struct bench_plan *plan, const struct bench_result *result)
{
    struct bench_best *best = &plan->best[result->leg];
    uint64_t rate = at_least(&result->estimate);
    uint64_t spent = result->read_bytes + result->written_bytes;
    bool better = rate > 0 && (!best->known || (double)rate > (double)best->at_least_bytes_per_s *
                                                                  (1 + BENCH_PLAN_GAIN_PPM / 1e6));

    assert(result->leg == plan->leg);
    if (better)
        *best = (struct bench_best){.known = true,
                                    .request_bytes = result->request_bytes,
                                    .connections = result->connections,
                                    .bytes_per_s = result->estimate.bytes_per_s,
                                    .at_least_bytes_per_s = rate};
    plan->idle_count = better ? 0 : plan->idle_count + 1;
    plan->leg_bytes = less(plan->leg_bytes, spent);
    plan->left_bytes = less(plan->left_bytes, spent);
    plan->leg_ns = less(plan->leg_ns, result->elapsed_ns);
    plan->left_ns = less(plan->left_ns, result->elapsed_ns);
    plan->at++;
}
