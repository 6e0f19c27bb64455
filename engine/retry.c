/* retry.c - see retry.h. */
#include "engine/retry.h"

#include <assert.h>

uint64_t retry_random_next(struct retry_random *random)
{
    uint64_t z = (random->state += 0x9E3779B97F4A7C15ull);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

static uint64_t retry_delay_ms(const struct err *error, uint32_t attempts,
                               struct retry_random *random)
{
    uint64_t delay_ms = RETRY_DELAY_FIRST_MS;
    uint64_t wish_ms = error->retry_after_ms;

    for (uint32_t i = 1; i < attempts && delay_ms < RETRY_DELAY_MAX_MS; i++)
        delay_ms *= 2;
    if (delay_ms > RETRY_DELAY_MAX_MS)
        delay_ms = RETRY_DELAY_MAX_MS;
    delay_ms = delay_ms / 2 + retry_random_next(random) % (delay_ms + 1);
    if (wish_ms > RETRY_AFTER_MAX_MS)
        wish_ms = RETRY_AFTER_MAX_MS;
    return delay_ms > wish_ms ? delay_ms : wish_ms + delay_ms / 8;
}

struct retry_verdict retry_judge(const struct err *error, uint32_t attempts,
                                 struct retry_random *random)
{
    struct retry_verdict verdict = {RETRY_ACT_GIVE_UP, 0};
    uint32_t attempts_max =
        error->kind == ERR_CORRUPT ? RETRY_CORRUPT_ATTEMPTS_MAX : RETRY_ATTEMPTS_MAX;

    assert(err_is_set(error));
    assert(attempts >= 1);
    if (error->retry != RETRY_LATER || attempts >= attempts_max)
        return verdict;
    verdict.action = RETRY_ACT_AGAIN;
    verdict.delay_ns = retry_delay_ms(error, attempts, random) * 1000000ull;
    return verdict;
}

bool retry_is_indefinite(const struct err *error)
{
    if (error->http_status)
        return error->http_status >= 500 && error->http_status != 503;
    return error->kind == ERR_NET || error->kind == ERR_CORRUPT;
}
