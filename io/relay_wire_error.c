/* relay_wire_error.c - see relay_wire.h: a refusal as JSON and back; by status alone where it is not ours. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "io/relay_wire.h"
#include "io/relay_wire_fields.h"

#define ERRNO_MAX  4095u
#define STATUS_MAX 999u

static const char *const kind_names[] = {
    [ERR_NONE] = "none",
    [ERR_IO] = "io",
    [ERR_NET] = "net",
    [ERR_AUTH] = "auth",
    [ERR_THROTTLED] = "throttled",
    [ERR_GONE] = "gone",
    [ERR_CORRUPT] = "corrupt",
    [ERR_LIMIT] = "limit",
    [ERR_USAGE] = "usage",
    [ERR_CONFLICT] = "conflict",
    [ERR_CANCELED] = "canceled",
};
static const char *const retry_names[] = {
    [RETRY_NEVER] = "never",
    [RETRY_LATER] = "later",
    [RETRY_AFTER_RENEWAL] = "after_renewal",
    [RETRY_REPLAN] = "replan",
};
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

char *relay_error_json(const struct err *error)
{
    char text[ERR_TEXT_MAX_BYTES], code[sizeof error->code], id[sizeof error->request_id];

    assert(err_is_set(error) && error->kind < COUNT_OF(kind_names));
    snprintf(text, sizeof text, "%s", error->text);
    snprintf(code, sizeof code, "%s", error->code);
    snprintf(id, sizeof id, "%s", error->request_id);
    relay_fields_clean(text);
    relay_fields_clean(code);
    relay_fields_clean(id);
    return relay_fields_dump(
        json_pack("{s:s, s:s, s:i, s:i, s:s, s:s, s:I, s:s}", "kind", kind_names[error->kind],
                  "retry", retry_names[error->retry], "httpStatus", error->http_status, "sysErrno",
                  error->sys_errno, "code", code, "requestId", id, "retryAfterMs",
                  (json_int_t)error->retry_after_ms, "text", text));
}

int relay_error_status(const struct err *error)
{
    switch (error->kind) {
    case ERR_USAGE:
    case ERR_CORRUPT:
        return 400;
    case ERR_AUTH:
        return error->http_status ? 502 : 403; /* with a status it is the target's refusal of us */
    case ERR_CONFLICT:
    case ERR_GONE:
        return 409;
    case ERR_LIMIT:
        return error->retry == RETRY_LATER ? 503 : 413;
    case ERR_THROTTLED:
    case ERR_CANCELED:
        return 503;
    default:
        return 502;
    }
}

/* ---- Read ---- */

/* The index of text in names; count when it is none of them, or the first. */
static size_t name_index(const char *text, const char *const *names, size_t first, size_t count)
{
    size_t i = first;

    while (i < count && strcmp(text, names[i]) != 0)
        i++;
    return i;
}

static bool error_take(const json_t *object, struct err *out, struct err *e)
{
    char kind_text[32], retry_text[32];
    uint64_t status = 0, sys_errno = 0, after_ms = 0;
    size_t kind, retry;

    if (!relay_fields_text(object, "kind", kind_text, sizeof kind_text, e) ||
        !relay_fields_text(object, "retry", retry_text, sizeof retry_text, e) ||
        !relay_fields_text(object, "code", out->code, sizeof out->code, e) ||
        !relay_fields_text(object, "requestId", out->request_id, sizeof out->request_id, e) ||
        !relay_fields_text(object, "text", out->text, sizeof out->text, e) ||
        !relay_fields_number(object, "httpStatus", STATUS_MAX, &status, e) ||
        !relay_fields_number(object, "sysErrno", ERRNO_MAX, &sys_errno, e) ||
        !relay_fields_number(object, "retryAfterMs", UINT32_MAX, &after_ms, e))
        return false;
    kind = name_index(kind_text, kind_names, ERR_NONE + 1, COUNT_OF(kind_names));
    retry = name_index(retry_text, retry_names, 0, COUNT_OF(retry_names));
    if (kind == COUNT_OF(kind_names) || retry == COUNT_OF(retry_names))
        return err_set(e, ERR_CORRUPT, RETRY_NEVER, "the relay's refusal is of no known kind");
    out->kind = (enum err_kind)kind;
    out->retry = (enum err_retry)retry;
    out->http_status = (int)status;
    out->sys_errno = (int)sys_errno;
    out->retry_after_ms = (uint32_t)after_ms;
    return true;
}

static void error_by_status(int status, struct err *e)
{
    enum err_kind kind = ERR_USAGE;
    enum err_retry retry = RETRY_NEVER;

    if (status == 401 || status == 403) {
        kind = ERR_AUTH;
    } else if (status == 409 || status == 412) {
        kind = ERR_CONFLICT;
    } else if (status == 413 || status == 431) {
        kind = ERR_LIMIT;
    } else if (status == 429 || status == 503) {
        kind = ERR_THROTTLED;
        retry = RETRY_LATER;
    } else if (status == 408 || (status >= 500 && status != 501 && status != 505)) {
        kind = ERR_NET;
        retry = RETRY_LATER;
    }
    err_set(e, kind, retry, "the receiver answered %d", status);
    e->http_status = status;
}

void relay_error_parse(int status, const char *json, size_t count, struct err *e)
{
    struct err parsed = {0}, why = {0};
    json_t *object = relay_fields_object(json, count, "a refusal", &why);

    assert(!err_is_set(e));
    if (object && error_take(object, &parsed, &why))
        *e = parsed;
    else
        error_by_status(status, e);
    json_decref(object);
}
