/* arm_error.h - what a caller of the API is told when something is refused: status, code, sentence, member.
 *
 * Knows:         the service's error codes and its body (protocol E.10).
 * Must not know: who was asking; any secret: sentences go through secret_redact, and hold printable ASCII
 *                only, so that a body can always be made of them.
 * Threads:       none; a value owned by its caller.
 */
#ifndef CONTROLD_ARM_ERROR_H
#define CONTROLD_ARM_ERROR_H

#include <jansson.h>
#include <stdbool.h>

#include "blockmap/err.h"

#define ARM_ERROR_CODE_MAX_BYTES    64u
#define ARM_ERROR_MESSAGE_MAX_BYTES 512u
#define ARM_ERROR_TARGET_MAX_BYTES  128u

/* Codes of the service that more than one module answers with. */
#define ARM_BAD_REQUEST         "BadRequest"
#define ARM_INVALID_PARAMETER   "InvalidParameter"
#define ARM_OPERATION_REFUSED   "OperationNotAllowed"
#define ARM_USED_BY_CUSTOMER    "DiskRestorePointUsedByCustomer"
#define ARM_POINT_CLIENT_ERROR  "VMRestorePointClientError"
#define ARM_POINT_SERVICE_ERROR "VMRestorePointInternalError"
#define ARM_DISK_CLIENT_ERROR   "DiskRestorePointClientError"
#define ARM_CONFLICT            "Conflict"

struct arm_error {
    int status; /* 0 = none */
    char code[ARM_ERROR_CODE_MAX_BYTES];
    char message[ARM_ERROR_MESSAGE_MAX_BYTES];
    char target[ARM_ERROR_TARGET_MAX_BYTES]; /* the member at fault; empty = none */
};

/* ---- Set ---- Each sets an empty error, once, and returns false, so that `return arm_error_...` reads well.
 * What does not fit is cut. `target` may be NULL. */
bool arm_error_set(struct arm_error *e, int status, const char *code, const char *target,
                   const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* 400 BadRequest */
bool arm_error_bad(struct arm_error *e, const char *target, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* 409 OperationNotAllowed: a limit, or something this service does not support */
bool arm_error_refused(struct arm_error *e, const char *target, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* 500 InternalExecutionError: worth another try */
bool arm_error_memory(struct arm_error *e);
/* What went wrong below, as the service would say it; `cause` must be set. */
bool arm_error_of(struct arm_error *e, const struct err *cause);

void arm_error_clear(struct arm_error *e);

static inline bool arm_error_is_set(const struct arm_error *e)
{
    return e->status != 0;
}

/* ---- Look ---- */
/* {"code","message","target"?}: what an operation's `error` holds. A new reference; NULL without memory. */
json_t *arm_error_value(const struct arm_error *e);
/* {"error":{...}}: a response's body. A new reference; NULL without memory. */
json_t *arm_error_json(const struct arm_error *e);

#endif
