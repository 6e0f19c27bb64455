/* service_error.h - why a request is refused: the service's status, code, sentence, extra elements.
 *
 * Knows:         the codes of the page-blob service and the status each is answered with.
 * Must not know: HTTP servers, files, which verb failed, any secret.
 * Threads:       none; a value owned by its caller.
 */
#ifndef REGIOND_SERVICE_ERROR_H
#define REGIOND_SERVICE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/regiond/service_code.h"

#define SERVICE_CODE_MAX_BYTES        72u
#define SERVICE_MESSAGE_MAX_BYTES     400u
#define SERVICE_EXTRA_MAX_COUNT       4u
#define SERVICE_EXTRA_NAME_MAX_BYTES  48u
#define SERVICE_EXTRA_VALUE_MAX_BYTES 1024u

struct service_extra {
    char name[SERVICE_EXTRA_NAME_MAX_BYTES]; /* an XML element, such as HeaderName */
    char value[SERVICE_EXTRA_VALUE_MAX_BYTES];
};

struct service_error {
    unsigned status;                   /* 0: nothing wrong */
    char code[SERVICE_CODE_MAX_BYTES]; /* what x-ms-error-code says */
    char message[SERVICE_MESSAGE_MAX_BYTES];
    struct service_extra extra[SERVICE_EXTRA_MAX_COUNT];
    unsigned extra_count;
    char retry_after[32];                          /* value of Retry-After; empty: no header */
    char authenticate[200];                        /* value of WWW-Authenticate; empty: no header */
    char copy_source_code[SERVICE_CODE_MAX_BYTES]; /* x-ms-copy-source-error-code; empty: none */
    unsigned copy_source_status;                   /* x-ms-copy-source-status-code; 0: none */
};

/* Sets an empty error to the code's usual status and sentence; returns false, so that
 * `return service_fail(e, CODE_BLOB_NOT_FOUND)` reads well. */
bool service_fail(struct service_error *e, enum service_code code);

/* The same with one extra element. What does not fit is cut. */
bool service_fail_with(struct service_error *e, enum service_code code, const char *name,
                       const char *value);

/* Usual extras: HeaderName + HeaderValue, QueryParameterName + ...Value; value may be NULL. */
bool service_fail_header(struct service_error *e, enum service_code code, const char *name,
                         const char *value);
bool service_fail_query(struct service_error *e, enum service_code code, const char *name,
                        const char *value);

/* An answer the table does not have (a seeded fault, a copy source's own words). */
bool service_fail_custom(struct service_error *e, unsigned status, const char *code,
                         const char *message);

/* The same with the sentence the table has for this code, if it has one. */
bool service_fail_named(struct service_error *e, unsigned status, const char *code);

/* Adds an extra element to an error that is set; beyond SERVICE_EXTRA_MAX_COUNT it is dropped. */
void service_error_add(struct service_error *e, const char *name, const char *value);

#endif
