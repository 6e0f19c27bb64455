/* arm_error.c - see arm_error.h. */
#include "tools/controld/arm_error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "io/secret.h"

/* Answers are read by people and logs: what came from outside keeps its printable characters only. */
static void make_printable(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

__attribute__((format(printf, 5, 0))) static bool set(struct arm_error *e, int status,
                                                      const char *code, const char *target,
                                                      const char *fmt, va_list args)
{
    assert(!arm_error_is_set(e));
    assert(status >= 400 && status < 600);
    e->status = status;
    snprintf(e->code, sizeof e->code, "%s", code);
    snprintf(e->target, sizeof e->target, "%s", target ? target : "");
    vsnprintf(e->message, sizeof e->message, fmt, args);
    secret_redact(e->message);
    secret_redact(e->target);
    make_printable(e->message);
    make_printable(e->target);
    return false;
}

bool arm_error_set(struct arm_error *e, int status, const char *code, const char *target,
                   const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    set(e, status, code, target, fmt, args);
    va_end(args);
    return false;
}

bool arm_error_bad(struct arm_error *e, const char *target, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    set(e, 400, ARM_BAD_REQUEST, target, fmt, args);
    va_end(args);
    return false;
}

bool arm_error_refused(struct arm_error *e, const char *target, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    set(e, 409, ARM_OPERATION_REFUSED, target, fmt, args);
    va_end(args);
    return false;
}

bool arm_error_memory(struct arm_error *e)
{
    return arm_error_set(e, 500, "InternalExecutionError", NULL,
                         "The service is out of memory. Please retry the request later.");
}

bool arm_error_of(struct arm_error *e, const struct err *cause)
{
    static const struct {
        int status;
        const char *code;
    } as[] = {
        [ERR_IO] = {500, "InternalExecutionError"},
        [ERR_NET] = {500, ARM_POINT_SERVICE_ERROR},
        [ERR_AUTH] = {409, ARM_DISK_CLIENT_ERROR}, /* a region's account refused our key */
        [ERR_THROTTLED] = {429, "TooManyRequests"},
        [ERR_GONE] = {409, ARM_DISK_CLIENT_ERROR},
        [ERR_CORRUPT] = {500, "InternalExecutionError"},
        [ERR_LIMIT] = {409, ARM_OPERATION_REFUSED},
        [ERR_USAGE] = {400, ARM_BAD_REQUEST},
        [ERR_CONFLICT] = {409, ARM_CONFLICT},
        [ERR_CANCELED] = {409, "OperationPreempted"},
    };

    assert(err_is_set(cause));
    assert((size_t)cause->kind < sizeof as / sizeof as[0]);
    return arm_error_set(e, as[cause->kind].status, as[cause->kind].code, NULL, "%s", cause->text);
}

void arm_error_clear(struct arm_error *e)
{
    *e = (struct arm_error){0};
}

json_t *arm_error_value(const struct arm_error *e)
{
    json_t *value;

    assert(arm_error_is_set(e));
    value = json_pack("{s:s, s:s}", "code", e->code, "message", e->message);
    if (value && e->target[0] && json_object_set_new(value, "target", json_string(e->target)) < 0) {
        json_decref(value);
        return NULL;
    }
    return value;
}

json_t *arm_error_json(const struct arm_error *e)
{
    json_t *value = arm_error_value(e);

    return value ? json_pack("{s:o}", "error", value) : NULL;
}
