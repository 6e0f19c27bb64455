/* range.c - see range.h. Reading the table is reading the design. */
#include "engine/range.h"

#include <assert.h>

#define TO(s) (1u << RANGE_##s)

static const uint8_t range_may[RANGE_STATES] = {
    [RANGE_PLANNED] =
        TO(READING) | TO(WRITING) | TO(DONE), /* WRITING: a clear; DONE: zero already */
    [RANGE_READING] = TO(JUDGING) | TO(WAITING) | TO(FAILED),
    [RANGE_JUDGING] = TO(WRITING) | TO(DONE) | TO(FAILED), /* DONE: equal already */
    [RANGE_WRITING] = TO(DONE) | TO(WAITING) | TO(FAILED),
    [RANGE_WAITING] = TO(READING) | TO(WRITING) | TO(FAILED), /* FAILED: stopped meanwhile */
};
_Static_assert(RANGE_STATES <= 8, "range_may is a byte per state");

void range_enter(enum range_state *state, enum range_state to, struct extent extent,
                 const struct range_trace *trace)
{
    enum range_state from = *state;

    assert(to < RANGE_STATES);
    assert(range_may[from] & (1u << to));
    *state = to;
    if (trace && trace->moved)
        trace->moved(trace->arg, extent, from, to);
}

const char *range_state_name(enum range_state state)
{
    static const char *const names[RANGE_STATES] = {
        [RANGE_PLANNED] = "planned", [RANGE_READING] = "reading", [RANGE_JUDGING] = "judging",
        [RANGE_WRITING] = "writing", [RANGE_WAITING] = "waiting", [RANGE_DONE] = "done",
        [RANGE_FAILED] = "failed",
    };

    assert(state < RANGE_STATES);
    return names[state];
}
