/* retry_test.c - verdicts on failures: again or not, when, and what may still land later. */
#include "engine/retry.h"

#include <criterion/criterion.h>

#define MS    1000000ull
#define DRAWS 200u

static struct err error_of(enum err_kind kind, enum err_retry retry)
{
    struct err e = {0};

    err_set(&e, kind, retry, "a failure");
    return e;
}

Test(retry, only_what_a_pause_may_mend_is_tried_again)
{
    static const enum err_retry final[] = {RETRY_NEVER, RETRY_AFTER_RENEWAL, RETRY_REPLAN};
    struct retry_random random = {1};
    struct err e = error_of(ERR_NET, RETRY_LATER);

    cr_expect_eq(retry_judge(&e, 1, &random).action, RETRY_ACT_AGAIN);
    for (size_t i = 0; i < sizeof final / sizeof final[0]; i++) {
        e = error_of(ERR_NET, final[i]);
        cr_expect_eq(retry_judge(&e, 1, &random).action, RETRY_ACT_GIVE_UP);
    }
}

Test(retry, tries_are_bounded_and_damaged_bytes_apart)
{
    struct retry_random random = {1};
    struct err net = error_of(ERR_NET, RETRY_LATER);
    struct err corrupt = error_of(ERR_CORRUPT, RETRY_LATER);

    cr_expect_eq(retry_judge(&net, RETRY_ATTEMPTS_MAX - 1, &random).action, RETRY_ACT_AGAIN);
    cr_expect_eq(retry_judge(&net, RETRY_ATTEMPTS_MAX, &random).action, RETRY_ACT_GIVE_UP);
    cr_expect_eq(retry_judge(&corrupt, RETRY_CORRUPT_ATTEMPTS_MAX - 1, &random).action,
                 RETRY_ACT_AGAIN);
    cr_expect_eq(retry_judge(&corrupt, RETRY_CORRUPT_ATTEMPTS_MAX, &random).action,
                 RETRY_ACT_GIVE_UP);
}

Test(retry, pauses_double_with_jitter_up_to_a_limit)
{
    struct err e = error_of(ERR_NET, RETRY_LATER);
    uint64_t middle_ms = RETRY_DELAY_FIRST_MS;

    for (uint32_t attempts = 1; attempts < RETRY_ATTEMPTS_MAX; attempts++) {
        uint64_t least_ns = UINT64_MAX, most_ns = 0;

        for (uint64_t seed = 0; seed < DRAWS; seed++) {
            struct retry_random random = {seed};
            uint64_t delay_ns = retry_judge(&e, attempts, &random).delay_ns;

            least_ns = delay_ns < least_ns ? delay_ns : least_ns;
            most_ns = delay_ns > most_ns ? delay_ns : most_ns;
        }
        cr_expect_geq(least_ns, middle_ms / 2 * MS);
        cr_expect_leq(most_ns, (middle_ms + middle_ms / 2) * MS);
        cr_expect_geq(most_ns - least_ns, middle_ms * MS / 2, "no jitter after %u tries", attempts);
        middle_ms = middle_ms * 2 < RETRY_DELAY_MAX_MS ? middle_ms * 2 : RETRY_DELAY_MAX_MS;
    }
}

Test(retry, the_wish_of_a_server_is_a_floor_up_to_a_limit)
{
    struct err e = error_of(ERR_THROTTLED, RETRY_LATER);

    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        struct retry_random random = {seed};

        e.retry_after_ms = 5000;
        cr_expect_geq(retry_judge(&e, 1, &random).delay_ns, 5000 * MS);
        e.retry_after_ms = 24 * 3600 * 1000;
        cr_expect_geq(retry_judge(&e, 1, &random).delay_ns, RETRY_AFTER_MAX_MS * MS);
        cr_expect_lt(retry_judge(&e, 1, &random).delay_ns, 2 * RETRY_AFTER_MAX_MS * MS);
    }
}

Test(retry, the_same_seed_gives_the_same_pauses)
{
    struct err e = error_of(ERR_NET, RETRY_LATER);
    struct retry_random one = {77}, other = {77}, third = {78};
    bool differs = false;

    for (uint32_t i = 1; i < RETRY_ATTEMPTS_MAX; i++) {
        uint64_t delay_ns = retry_judge(&e, i, &one).delay_ns;

        cr_expect_eq(delay_ns, retry_judge(&e, i, &other).delay_ns);
        differs |= delay_ns != retry_judge(&e, i, &third).delay_ns;
    }
    cr_expect(differs);
}

Test(retry, a_request_that_may_still_be_applied_is_told_apart)
{
    struct err e = error_of(ERR_NET, RETRY_LATER);

    cr_expect(retry_is_indefinite(&e), "a timeout or a lost connection");
    e.http_status = 500;
    cr_expect(retry_is_indefinite(&e));
    e.http_status = 504;
    cr_expect(retry_is_indefinite(&e));
    e.http_status = 503;
    cr_expect_not(retry_is_indefinite(&e), "busy: refused at the door");
    e.http_status = 412;
    cr_expect_not(retry_is_indefinite(&e));
    e = error_of(ERR_THROTTLED, RETRY_LATER);
    cr_expect_not(retry_is_indefinite(&e));
    e = error_of(ERR_IO, RETRY_NEVER);
    cr_expect_not(retry_is_indefinite(&e), "the kernel answered");
}
