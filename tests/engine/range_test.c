/* range_test.c - every move of a range, allowed or not, against the table of the design. */
#include "engine/range.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct extent some = {4096, 512};

struct seen {
    uint32_t count;
    struct extent extent;
    enum range_state from, to;
};

static void note_move(void *arg, struct extent extent, enum range_state from, enum range_state to)
{
    struct seen *seen = arg;

    seen->count++;
    seen->extent = extent;
    seen->from = from;
    seen->to = to;
}

/* Said once more, as pairs: what the header's states allow. */
static bool is_allowed(enum range_state from, enum range_state to)
{
    static const enum range_state pairs[][2] = {
        {RANGE_PLANNED, RANGE_READING}, {RANGE_PLANNED, RANGE_WRITING},
        {RANGE_PLANNED, RANGE_DONE},    {RANGE_READING, RANGE_JUDGING},
        {RANGE_READING, RANGE_WAITING}, {RANGE_READING, RANGE_FAILED},
        {RANGE_JUDGING, RANGE_WRITING}, {RANGE_JUDGING, RANGE_DONE},
        {RANGE_JUDGING, RANGE_FAILED},  {RANGE_WRITING, RANGE_DONE},
        {RANGE_WRITING, RANGE_WAITING}, {RANGE_WRITING, RANGE_FAILED},
        {RANGE_WAITING, RANGE_READING}, {RANGE_WAITING, RANGE_WRITING},
        {RANGE_WAITING, RANGE_FAILED},
    };

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (pairs[i][0] == from && pairs[i][1] == to)
            return true;
    return false;
}

/* In a child, because a forbidden move is an assertion. */
static bool move_survives(enum range_state from, enum range_state to)
{
    int status = 0;
    pid_t child = fork();

    cr_assert_geq(child, 0);
    if (child == 0) {
        enum range_state state = from;

        signal(SIGABRT, SIG_DFL);
        (void)!freopen("/dev/null", "w", stderr);
        range_enter(&state, to, some, NULL);
        _exit(state == to ? 0 : 2);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) ? WTERMSIG(status) == SIGABRT : WEXITSTATUS(status) != 2);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Test(range, moves_only_as_the_table_allows)
{
    for (int from = 0; from < RANGE_STATES; from++)
        for (int to = 0; to < RANGE_STATES; to++)
            cr_expect_eq(move_survives((enum range_state)from, (enum range_state)to),
                         is_allowed((enum range_state)from, (enum range_state)to), "%s to %s",
                         range_state_name((enum range_state)from),
                         range_state_name((enum range_state)to));
}

Test(range, every_move_is_told_after_it_was_made)
{
    struct seen seen = {0};
    struct range_trace trace = {.moved = note_move, .arg = &seen};
    enum range_state state = RANGE_PLANNED;

    range_enter(&state, RANGE_READING, some, &trace);
    cr_expect_eq(state, RANGE_READING);
    cr_expect_eq(seen.count, 1u);
    cr_expect_eq(seen.from, RANGE_PLANNED);
    cr_expect_eq(seen.to, RANGE_READING);
    cr_expect_eq(seen.extent.offset, some.offset);
    cr_expect_eq(seen.extent.length, some.length);
    trace.moved = NULL;
    range_enter(&state, RANGE_JUDGING, some, &trace);
    cr_expect_eq(state, RANGE_JUDGING);
    cr_expect_eq(seen.count, 1u);
}

Test(range, states_have_names_of_their_own)
{
    for (int i = 0; i < RANGE_STATES; i++)
        for (int j = 0; j < i; j++)
            cr_expect_str_neq(range_state_name((enum range_state)i),
                              range_state_name((enum range_state)j));
}
