/* timers_test.c - order, disarming, re-arming, and what a callback may do. */
#include "io/timers.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define MANY 2000u

struct noted {
    struct timer timer; /* first, so that the callback finds its owner */
    uint64_t *log;
    size_t *log_count;
    uint64_t id;
};

static void note(struct timer *timer)
{
    struct noted *noted = (struct noted *)timer;

    noted->log[(*noted->log_count)++] = noted->id;
}

static uint64_t mix(uint64_t *state)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return *state >> 33;
}

Test(timers, run_in_order_of_due_time_and_then_of_arming)
{
    static struct noted noted[MANY];
    static uint64_t log[MANY];
    size_t log_count = 0;
    struct timers timers = {0};
    uint64_t rng = 1;

    for (uint64_t i = 0; i < MANY; i++) {
        noted[i] = (struct noted){.log = log, .log_count = &log_count, .id = i};
        cr_assert(timers_arm(&timers, &noted[i].timer, mix(&rng) % 100, note));
    }
    for (uint64_t now = 0; now < 100; now++)
        timers_expire(&timers, now);
    cr_assert_eq(log_count, MANY);
    for (size_t i = 1; i < MANY; i++) {
        uint64_t was = noted[log[i - 1]].timer.due_ns;
        uint64_t is = noted[log[i]].timer.due_ns;

        cr_assert(was < is || (was == is && log[i - 1] < log[i]));
    }
    timers_fini(&timers);
}

Test(timers, disarmed_ones_never_run_and_the_rest_keep_their_order)
{
    static struct noted noted[MANY];
    static uint64_t log[MANY];
    size_t log_count = 0;
    size_t left = 0;
    struct timers timers = {0};
    uint64_t rng = 7;

    for (uint64_t i = 0; i < MANY; i++) {
        noted[i] = (struct noted){.log = log, .log_count = &log_count, .id = i};
        cr_assert(timers_arm(&timers, &noted[i].timer, mix(&rng) % 5000, note));
    }
    for (size_t i = 0; i < MANY; i++) {
        if (mix(&rng) % 2)
            timers_disarm(&timers, &noted[i].timer);
        else if (mix(&rng) % 2)
            cr_assert(timers_arm(&timers, &noted[i].timer, mix(&rng) % 5000, note));
        left += noted[i].timer.slot != 0;
    }
    cr_assert_eq(timers_expire(&timers, 5000), left);
    cr_assert_eq(log_count, left);
    for (size_t i = 1; i < left; i++)
        cr_assert(noted[log[i - 1]].timer.due_ns <= noted[log[i]].timer.due_ns);
    cr_assert_eq(timers_next_ns(&timers), UINT64_MAX);
    timers_fini(&timers);
}

struct again {
    struct timer timer;
    struct timers *timers;
    struct timer *victim;
    unsigned runs_count;
};

static void arm_again(struct timer *timer)
{
    struct again *again = (struct again *)timer;

    again->runs_count++;
    cr_assert(timers_arm(again->timers, timer, 0, arm_again));
    if (again->victim)
        timers_disarm(again->timers, again->victim);
}

Test(timers, a_callback_that_arms_itself_for_the_past_runs_once_a_call)
{
    struct timers timers = {0};
    struct again again = {.timers = &timers};

    cr_assert(timers_arm(&timers, &again.timer, 3, arm_again));
    cr_assert_eq(timers_expire(&timers, 10), 1);
    cr_assert_eq(timers_next_ns(&timers), 11);
    cr_assert_eq(timers_expire(&timers, 11), 1);
    cr_assert_eq(again.runs_count, 2);
    timers_disarm(&timers, &again.timer);
    timers_fini(&timers);
}

Test(timers, a_callback_may_disarm_another_that_is_due)
{
    struct timers timers = {0};
    struct noted victim = {0};
    struct again again = {.timers = &timers, .victim = &victim.timer};

    cr_assert(timers_arm(&timers, &again.timer, 1, arm_again));
    cr_assert(timers_arm(&timers, &victim.timer, 2, note));
    cr_assert_eq(timers_expire(&timers, 10), 1);
    timers_disarm(&timers, &again.timer);
    timers_fini(&timers);
}

static void free_self(struct timer *timer)
{
    free(timer);
}

Test(timers, a_callback_may_free_its_timer)
{
    struct timers timers = {0};
    struct timer *timer = calloc(1, sizeof *timer);

    cr_assert(timer && timers_arm(&timers, timer, 1, free_self));
    cr_assert_eq(timers_expire(&timers, 0), 0);
    cr_assert_eq(timers_expire(&timers, 1), 1);
    timers_fini(&timers);
}
