/* err.c - see err.h. Allocates nothing, so that it can report that memory ran out. */
#include "blockmap/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool err_set(struct err *e, enum err_kind kind, enum err_retry retry, const char *fmt, ...)
{
    va_list ap;

    assert(e->kind == ERR_NONE); /* an error is set once */
    assert(kind != ERR_NONE);
    e->kind = kind;
    e->retry = retry;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    return false;
}

bool err_set_errno(struct err *e, int sys_errno, enum err_retry retry, const char *fmt, ...)
{
    char reason[96];
    size_t used;
    va_list ap;

    assert(e->kind == ERR_NONE);
    assert(sys_errno > 0);
    e->kind = ERR_IO;
    e->retry = retry;
    e->sys_errno = sys_errno;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    used = strlen(e->text);
    snprintf(e->text + used, sizeof e->text - used, ": %s",
             strerror_r(sys_errno, reason, sizeof reason));
    return false;
}

void err_prefix(struct err *e, const char *fmt, ...)
{
    char was[ERR_TEXT_MAX_BYTES];
    size_t used;
    va_list ap;

    assert(err_is_set(e));
    memcpy(was, e->text, sizeof was);
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    used = strlen(e->text);
    snprintf(e->text + used, sizeof e->text - used, "%s", was);
}

void err_copy_answer(struct err *e, const struct err *from)
{
    e->http_status = from->http_status;
    memcpy(e->code, from->code, sizeof e->code);
    memcpy(e->request_id, from->request_id, sizeof e->request_id);
}

void err_clear(struct err *e)
{
    memset(e, 0, sizeof *e);
}

const char *err_kind_name(enum err_kind kind)
{
    static const char *const names[] = {
        [ERR_NONE] = "none",           [ERR_IO] = "io",
        [ERR_NET] = "network",         [ERR_AUTH] = "access",
        [ERR_THROTTLED] = "throttled", [ERR_GONE] = "gone",
        [ERR_CORRUPT] = "corrupt",     [ERR_LIMIT] = "limit",
        [ERR_USAGE] = "usage",         [ERR_CONFLICT] = "conflict",
        [ERR_CANCELED] = "canceled",
    };

    assert(kind < sizeof names / sizeof names[0]);
    return names[kind];
}
