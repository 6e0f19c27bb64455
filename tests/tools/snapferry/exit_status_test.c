/* exit_status_test.c - every kind of error ends in the status that design "The command line" says. */
#include "tools/snapferry/exit_status.h"

#include <criterion/criterion.h>
#include <errno.h>

struct row {
    enum err_kind kind;
    enum err_retry retry;
    enum exit_status status;
    const char *code;
    int sys_errno;
};

static const struct row table[] = {
    {ERR_NONE, RETRY_NEVER, STATUS_DONE, "ReplicationState/succeeded", 0},
    {ERR_USAGE, RETRY_NEVER, STATUS_MISUSED, "ReplicationState/failed", 0},
    {ERR_IO, RETRY_NEVER, STATUS_FAILED, "ReplicationState/failed", 0},
    {ERR_IO, RETRY_LATER, STATUS_AGAIN, "ReplicationState/paused", 0},
    {ERR_IO, RETRY_NEVER, STATUS_AGAIN, "ReplicationState/paused", ENOSPC},
    {ERR_IO, RETRY_NEVER, STATUS_AGAIN, "ReplicationState/paused", EDQUOT},
    {ERR_IO, RETRY_NEVER, STATUS_FAILED, "ReplicationState/failed", EIO},
    {ERR_NET, RETRY_LATER, STATUS_AGAIN, "ReplicationState/paused", 0},
    {ERR_THROTTLED, RETRY_LATER, STATUS_AGAIN, "ReplicationState/paused", 0},
    {ERR_AUTH, RETRY_AFTER_RENEWAL, STATUS_AGAIN, "ReplicationState/waitingForAccess", 0},
    {ERR_AUTH, RETRY_NEVER, STATUS_FAILED, "ReplicationState/failed", 0},
    {ERR_GONE, RETRY_REPLAN, STATUS_FAILED, "ReplicationState/failed", 0},
    {ERR_GONE, RETRY_NEVER, STATUS_FAILED, "ReplicationState/failed", 0},
    {ERR_CORRUPT, RETRY_NEVER, STATUS_FAILED, "ReplicationState/failed", 0},
    {ERR_LIMIT, RETRY_NEVER, STATUS_FAILED, "ReplicationState/failed", 0},
    {ERR_CONFLICT, RETRY_NEVER, STATUS_FAILED, "ReplicationState/failed", 0},
    {ERR_CANCELED, RETRY_LATER, STATUS_INTERRUPTED, "ReplicationState/paused", 0},
    {ERR_CANCELED, RETRY_NEVER, STATUS_INTERRUPTED, "ReplicationState/paused", 0},
};

Test(exit_status, follows_kind_and_retry)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct err error = {.kind = table[i].kind,
                            .retry = table[i].retry,
                            .sys_errno = table[i].sys_errno};

        cr_expect_eq(exit_status_of(&error), table[i].status, "row %zu", i);
        cr_expect_str_eq(exit_status_code(table[i].status, &error), table[i].code, "row %zu", i);
    }
}

Test(exit_status, says_what_to_do_only_where_going_on_is_possible)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct err error = {.kind = table[i].kind,
                            .retry = table[i].retry,
                            .sys_errno = table[i].sys_errno};
        bool again = table[i].status == STATUS_AGAIN || table[i].status == STATUS_INTERRUPTED;

        cr_expect_eq(exit_status_advice(table[i].status, &error)[0] != 0, again, "row %zu", i);
    }
}

Test(exit_status, numbers_are_those_of_the_design)
{
    cr_expect_eq(STATUS_DONE, 0);
    cr_expect_eq(STATUS_FAILED, 1);
    cr_expect_eq(STATUS_MISUSED, 2);
    cr_expect_eq(STATUS_AGAIN, 3);
    cr_expect_eq(STATUS_DIFFERENT, 4);
    cr_expect_eq(STATUS_INTERRUPTED, 130);
}
