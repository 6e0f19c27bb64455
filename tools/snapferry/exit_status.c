/* exit_status.c - see exit_status.h. */
#include "tools/snapferry/exit_status.h"

#include <errno.h>

#include "engine/event.h"

/* Trying again at once would not help, but somebody can make room. */
static bool is_full(const struct err *error)
{
    return error->sys_errno == ENOSPC || error->sys_errno == EDQUOT;
}

enum exit_status exit_status_of(const struct err *error)
{
    if (error->kind == ERR_NONE)
        return STATUS_DONE;
    if (error->kind == ERR_CANCELED)
        return STATUS_INTERRUPTED;
    if (error->kind == ERR_USAGE)
        return STATUS_MISUSED;
    if (is_full(error))
        return STATUS_AGAIN;
    switch (error->retry) {
    case RETRY_LATER:
    case RETRY_AFTER_RENEWAL:
        return STATUS_AGAIN;
    case RETRY_NEVER:
    case RETRY_REPLAN:
        break;
    }
    return STATUS_FAILED;
}

const char *exit_status_code(enum exit_status status, const struct err *error)
{
    switch (status) {
    case STATUS_DONE:
        return event_code_name(EVENT_SUCCEEDED);
    case STATUS_AGAIN:
        return error->retry == RETRY_AFTER_RENEWAL ? event_code_name(EVENT_WAITING_FOR_ACCESS)
                                                   : event_code_name(EVENT_PAUSED);
    case STATUS_INTERRUPTED:
        return event_code_name(EVENT_PAUSED);
    case STATUS_FAILED:
    case STATUS_MISUSED:
    case STATUS_DIFFERENT:
        break;
    }
    return event_code_name(EVENT_FAILED);
}

const char *exit_status_advice(enum exit_status status, const struct err *error)
{
    if (status == STATUS_INTERRUPTED)
        return "Run the same command again.";
    if (status != STATUS_AGAIN)
        return "";
    if (is_full(error))
        return "Make room, then run the same command again.";
    return error->retry == RETRY_AFTER_RENEWAL ? "Run the same command again with a fresh SAS."
                                               : "Run the same command again.";
}
