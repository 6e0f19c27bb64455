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

#define SERVICE_CODE_MAX_BYTES        72u
#define SERVICE_MESSAGE_MAX_BYTES     400u
#define SERVICE_EXTRA_MAX_COUNT       4u
#define SERVICE_EXTRA_NAME_MAX_BYTES  48u
#define SERVICE_EXTRA_VALUE_MAX_BYTES 1024u

/* In alphabetical order of the code's text; service_error.c has a row for each. */
enum service_code {
    CODE_NONE,
    CODE_ACCOUNT_IS_DISABLED,
    CODE_AUTHENTICATION_FAILED,
    CODE_AUTHORIZATION_FAILURE,
    CODE_AUTHORIZATION_PERMISSION_MISMATCH,
    CODE_AUTHORIZATION_PROTOCOL_MISMATCH,
    CODE_AUTHORIZATION_RESOURCE_TYPE_MISMATCH,
    CODE_AUTHORIZATION_SERVICE_MISMATCH,
    CODE_AUTHORIZATION_SOURCE_IP_MISMATCH,
    CODE_BLOB_ALREADY_EXISTS,
    CODE_BLOB_GENERATION_MISMATCH,
    CODE_BLOB_NOT_FOUND,
    CODE_BLOB_OVERWRITTEN,
    CODE_CANNOT_VERIFY_COPY_SOURCE,
    CODE_CONDITION_HEADERS_NOT_SUPPORTED,
    CODE_CONDITION_NOT_MET,
    CODE_CONTAINER_ALREADY_EXISTS,
    CODE_CONTAINER_BEING_DELETED,
    CODE_CONTAINER_NOT_FOUND,
    CODE_CRC64_MISMATCH,
    CODE_EMPTY_METADATA_KEY,
    CODE_INSUFFICIENT_ACCOUNT_PERMISSIONS,
    CODE_INTERNAL_ERROR,
    CODE_INVALID_AUTHENTICATION_INFO,
    CODE_INVALID_BLOB_TYPE,
    CODE_INVALID_HEADER_VALUE,
    CODE_INVALID_INPUT,
    CODE_INVALID_MD5,
    CODE_INVALID_METADATA,
    CODE_INVALID_OPERATION,
    CODE_INVALID_PAGE_RANGE,
    CODE_INVALID_QUERY_PARAMETER_VALUE,
    CODE_INVALID_RANGE,
    CODE_INVALID_RESOURCE_NAME,
    CODE_INVALID_URI,
    CODE_INVALID_VERSION_FOR_PAGE_BLOB_OPERATION,
    CODE_INVALID_XML_DOCUMENT,
    CODE_LEASE_ALREADY_BROKEN,
    CODE_LEASE_ALREADY_PRESENT,
    CODE_LEASE_ID_MISMATCH_WITH_BLOB_OPERATION,
    CODE_LEASE_ID_MISMATCH_WITH_LEASE_OPERATION,
    CODE_LEASE_ID_MISSING,
    CODE_LEASE_IS_BREAKING_AND_CANNOT_BE_ACQUIRED,
    CODE_LEASE_IS_BREAKING_AND_CANNOT_BE_CHANGED,
    CODE_LEASE_IS_BROKEN_AND_CANNOT_BE_RENEWED,
    CODE_LEASE_LOST,
    CODE_LEASE_NOT_PRESENT_WITH_BLOB_OPERATION,
    CODE_LEASE_NOT_PRESENT_WITH_LEASE_OPERATION,
    CODE_MD5_MISMATCH,
    CODE_METADATA_TOO_LARGE,
    CODE_MISSING_CONTENT_LENGTH_HEADER,
    CODE_MISSING_REQUIRED_HEADER,
    CODE_MISSING_REQUIRED_QUERY_PARAMETER,
    CODE_MULTIPLE_CONDITION_HEADERS_NOT_SUPPORTED,
    CODE_NO_AUTHENTICATION_INFORMATION,
    CODE_NOT_IMPLEMENTED,
    CODE_OPERATION_TIMED_OUT,
    CODE_OUT_OF_RANGE_INPUT,
    CODE_OUT_OF_RANGE_QUERY_PARAMETER_VALUE,
    CODE_PREVIOUS_SNAPSHOT_CANNOT_BE_NEWER,
    CODE_PREVIOUS_SNAPSHOT_NOT_FOUND,
    CODE_PREVIOUS_SNAPSHOT_OPERATION_NOT_SUPPORTED,
    CODE_PUBLIC_ACCESS_NOT_PERMITTED,
    CODE_REQUEST_BODY_TOO_LARGE,
    CODE_REQUEST_URL_FAILED_TO_PARSE,
    CODE_RESOURCE_NOT_FOUND,
    CODE_SEQUENCE_NUMBER_CONDITION_NOT_MET,
    CODE_SEQUENCE_NUMBER_INCREMENT_TOO_LARGE,
    CODE_SERVER_BUSY,
    CODE_SNAPSHOT_COUNT_EXCEEDED,
    CODE_SNAPSHOT_OPERATION_RATE_EXCEEDED,
    CODE_SNAPSHOTS_PRESENT,
    CODE_SOURCE_CONDITION_NOT_MET,
    CODE_UNSUPPORTED_HEADER,
    CODE_UNSUPPORTED_HEADER_FOR_NON_MANAGED_DISKS_ACCOUNT,
    CODE_UNSUPPORTED_HTTP_VERB,
    CODE_UNSUPPORTED_QUERY_PARAMETER,
    CODE_UNSUPPORTED_XML_NODE,
    CODE_COUNT
};

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

const char *service_code_name(enum service_code code); /* static text */
unsigned service_code_status(enum service_code code);  /* HTTP status */

#endif
