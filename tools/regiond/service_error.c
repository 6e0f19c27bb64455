/* service_error.c - the table of codes: status and sentence of each, as the service writes them. */
#include "tools/regiond/service_error.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct code_row {
    unsigned status;
    const char *name;
    const char *message;
};

/* clang-format off */
static const struct code_row code_rows[CODE_COUNT] = {
    [CODE_NONE] = {0, "", ""},
    [CODE_ACCOUNT_IS_DISABLED] = {403, "AccountIsDisabled",
        "The specified account is disabled."},
    [CODE_AUTHENTICATION_FAILED] = {403, "AuthenticationFailed",
        "Server failed to authenticate the request. Make sure the value of Authorization "
        "header is formed correctly including the signature."},
    [CODE_AUTHORIZATION_FAILURE] = {403, "AuthorizationFailure",
        "This request is not authorized to perform this operation."},
    [CODE_AUTHORIZATION_PERMISSION_MISMATCH] = {403, "AuthorizationPermissionMismatch",
        "This request is not authorized to perform this operation using this permission."},
    [CODE_AUTHORIZATION_PROTOCOL_MISMATCH] = {403, "AuthorizationProtocolMismatch",
        "This request is not authorized to perform this operation using this protocol."},
    [CODE_AUTHORIZATION_RESOURCE_TYPE_MISMATCH] = {403, "AuthorizationResourceTypeMismatch",
        "This request is not authorized to perform this operation using this resource "
        "type."},
    [CODE_AUTHORIZATION_SERVICE_MISMATCH] = {403, "AuthorizationServiceMismatch",
        "This request is not authorized to perform this operation using this service."},
    [CODE_AUTHORIZATION_SOURCE_IP_MISMATCH] = {403, "AuthorizationSourceIPMismatch",
        "This request is not authorized to perform this operation using this source IP."},
    [CODE_BLOB_ALREADY_EXISTS] = {409, "BlobAlreadyExists",
        "The specified blob already exists."},
    [CODE_BLOB_GENERATION_MISMATCH] = {409, "BlobGenerationMismatch",
        "The blob was created too long ago for its changes to be listed."},
    [CODE_BLOB_NOT_FOUND] = {404, "BlobNotFound",
        "The specified blob does not exist."},
    [CODE_BLOB_OVERWRITTEN] = {409, "BlobOverwritten",
        "The blob has been recreated since the previous snapshot was taken."},
    [CODE_CANNOT_VERIFY_COPY_SOURCE] = {403, "CannotVerifyCopySource",
        "Could not verify the copy source within the specified time."},
    [CODE_CONDITION_HEADERS_NOT_SUPPORTED] = {400, "ConditionHeadersNotSupported",
        "Condition headers are not supported."},
    [CODE_CONDITION_NOT_MET] = {412, "ConditionNotMet",
        "The condition specified using HTTP conditional header(s) is not met."},
    [CODE_CONTAINER_ALREADY_EXISTS] = {409, "ContainerAlreadyExists",
        "The specified container already exists."},
    [CODE_CONTAINER_BEING_DELETED] = {409, "ContainerBeingDeleted",
        "The specified container is being deleted. Try operation later."},
    [CODE_CONTAINER_NOT_FOUND] = {404, "ContainerNotFound",
        "The specified container does not exist."},
    [CODE_CRC64_MISMATCH] = {400, "Crc64Mismatch",
        "The CRC64 value specified in the request did not match with the CRC64 value "
        "calculated by the server."},
    [CODE_EMPTY_METADATA_KEY] = {400, "EmptyMetadataKey",
        "The key for one of the metadata key-value pairs is empty."},
    [CODE_INSUFFICIENT_ACCOUNT_PERMISSIONS] = {403, "InsufficientAccountPermissions",
        "The account being accessed does not have sufficient permissions to execute this "
        "operation."},
    [CODE_INTERNAL_ERROR] = {500, "InternalError",
        "Server encountered an internal error. Please try again after some time."},
    [CODE_INVALID_AUTHENTICATION_INFO] = {400, "InvalidAuthenticationInfo",
        "Authentication information is not given in the correct format. Check the value "
        "of Authorization header."},
    [CODE_INVALID_BLOB_TYPE] = {409, "InvalidBlobType",
        "The blob type is invalid for this operation."},
    [CODE_INVALID_HEADER_VALUE] = {400, "InvalidHeaderValue",
        "The value for one of the HTTP headers is not in the correct format."},
    [CODE_INVALID_INPUT] = {400, "InvalidInput",
        "One of the request inputs is not valid."},
    [CODE_INVALID_MD5] = {400, "InvalidMd5",
        "The MD5 value specified in the request is invalid. MD5 value must be 128 bits "
        "and base64-encoded."},
    [CODE_INVALID_METADATA] = {400, "InvalidMetadata",
        "The metadata specified is invalid. It has characters that are not permitted."},
    [CODE_INVALID_OPERATION] = {400, "InvalidOperation",
        "Invalid operation against a blob snapshot."},
    [CODE_INVALID_PAGE_RANGE] = {416, "InvalidPageRange",
        "The page range specified is invalid."},
    [CODE_INVALID_QUERY_PARAMETER_VALUE] = {400, "InvalidQueryParameterValue",
        "Value for one of the query parameters specified in the request URI is invalid."},
    [CODE_INVALID_RANGE] = {416, "InvalidRange",
        "The range specified is invalid for the current size of the resource."},
    [CODE_INVALID_RESOURCE_NAME] = {400, "InvalidResourceName",
        "The specified resource name contains invalid characters."},
    [CODE_INVALID_URI] = {400, "InvalidUri",
        "The requested URI does not represent any resource on the server."},
    [CODE_INVALID_VERSION_FOR_PAGE_BLOB_OPERATION] = {400, "InvalidVersionForPageBlobOperation",
        "All operations on page blobs require at least version 2009-09-19."},
    [CODE_INVALID_XML_DOCUMENT] = {400, "InvalidXmlDocument",
        "XML specified is not syntactically valid."},
    [CODE_LEASE_ALREADY_BROKEN] = {409, "LeaseAlreadyBroken",
        "The lease has already been broken and cannot be broken again."},
    [CODE_LEASE_ALREADY_PRESENT] = {409, "LeaseAlreadyPresent",
        "There is already a lease present."},
    [CODE_LEASE_ID_MISMATCH_WITH_BLOB_OPERATION] = {412, "LeaseIdMismatchWithBlobOperation",
        "The lease ID specified did not match the lease ID for the blob."},
    [CODE_LEASE_ID_MISMATCH_WITH_LEASE_OPERATION] = {409, "LeaseIdMismatchWithLeaseOperation",
        "The lease ID specified did not match the lease ID for the blob."},
    [CODE_LEASE_ID_MISSING] = {412, "LeaseIdMissing",
        "There is currently a lease on the blob and no lease ID was specified in the "
        "request."},
    [CODE_LEASE_IS_BREAKING_AND_CANNOT_BE_ACQUIRED] = {409, "LeaseIsBreakingAndCannotBeAcquired",
        "The lease ID matched, but the lease is currently in breaking state and cannot be "
        "acquired until it is broken."},
    [CODE_LEASE_IS_BREAKING_AND_CANNOT_BE_CHANGED] = {409, "LeaseIsBreakingAndCannotBeChanged",
        "The lease ID matched, but the lease is currently in breaking state and cannot be "
        "changed."},
    [CODE_LEASE_IS_BROKEN_AND_CANNOT_BE_RENEWED] = {409, "LeaseIsBrokenAndCannotBeRenewed",
        "The lease ID matched, but the lease has been broken explicitly and cannot be "
        "renewed."},
    [CODE_LEASE_LOST] = {412, "LeaseLost",
        "A lease ID was specified, but the lease for the blob has expired."},
    [CODE_LEASE_NOT_PRESENT_WITH_BLOB_OPERATION] = {412, "LeaseNotPresentWithBlobOperation",
        "There is currently no lease on the blob."},
    [CODE_LEASE_NOT_PRESENT_WITH_LEASE_OPERATION] = {409, "LeaseNotPresentWithLeaseOperation",
        "There is currently no lease on the blob."},
    [CODE_MD5_MISMATCH] = {400, "Md5Mismatch",
        "The MD5 value specified in the request did not match with the MD5 value "
        "calculated by the server."},
    [CODE_METADATA_TOO_LARGE] = {400, "MetadataTooLarge",
        "The metadata specified exceeds the maximum allowed limit (8KB)."},
    [CODE_MISSING_CONTENT_LENGTH_HEADER] = {411, "MissingContentLengthHeader",
        "The Content-Length header was not specified."},
    [CODE_MISSING_REQUIRED_HEADER] = {400, "MissingRequiredHeader",
        "An HTTP header that's mandatory for this request is not specified."},
    [CODE_MISSING_REQUIRED_QUERY_PARAMETER] = {400, "MissingRequiredQueryParameter",
        "A query parameter that's mandatory for this request is not specified."},
    [CODE_MULTIPLE_CONDITION_HEADERS_NOT_SUPPORTED] = {400, "MultipleConditionHeadersNotSupported",
        "Multiple condition headers are not supported."},
    [CODE_NO_AUTHENTICATION_INFORMATION] = {401, "NoAuthenticationInformation",
        "Server failed to authenticate the request. Please refer to the information in "
        "the www-authenticate header."},
    [CODE_NOT_IMPLEMENTED] = {501, "NotImplemented",
        "The requested operation is not implemented on the specified resource."},
    [CODE_OPERATION_TIMED_OUT] = {500, "OperationTimedOut",
        "Operation could not be completed within the specified time."},
    [CODE_OUT_OF_RANGE_INPUT] = {400, "OutOfRangeInput",
        "One of the request inputs is out of range."},
    [CODE_OUT_OF_RANGE_QUERY_PARAMETER_VALUE] = {400, "OutOfRangeQueryParameterValue",
        "One of the query parameters specified in the request URI is outside the "
        "permissible range."},
    [CODE_PREVIOUS_SNAPSHOT_CANNOT_BE_NEWER] = {400, "PreviousSnapshotCannotBeNewer",
        "The prevsnapshot query parameter value cannot be newer than snapshot query "
        "parameter value."},
    [CODE_PREVIOUS_SNAPSHOT_NOT_FOUND] = {409, "PreviousSnapshotNotFound",
        "The previous snapshot is not found."},
    [CODE_PREVIOUS_SNAPSHOT_OPERATION_NOT_SUPPORTED] = {
        409, "PreviousSnapshotOperationNotSupported",
        "Differential Get Page Ranges is not supported on this blob."},
    [CODE_PUBLIC_ACCESS_NOT_PERMITTED] = {409, "PublicAccessNotPermitted",
        "Public access is not permitted on this storage account."},
    [CODE_REQUEST_BODY_TOO_LARGE] = {413, "RequestBodyTooLarge",
        "The request body is too large and exceeds the maximum permissible limit."},
    [CODE_REQUEST_URL_FAILED_TO_PARSE] = {400, "RequestUrlFailedToParse",
        "The url in the request could not be parsed."},
    [CODE_RESOURCE_NOT_FOUND] = {404, "ResourceNotFound",
        "The specified resource does not exist."},
    [CODE_SEQUENCE_NUMBER_CONDITION_NOT_MET] = {412, "SequenceNumberConditionNotMet",
        "The sequence number condition specified was not met."},
    [CODE_SEQUENCE_NUMBER_INCREMENT_TOO_LARGE] = {409, "SequenceNumberIncrementTooLarge",
        "The sequence number increment cannot be performed because it would result in "
        "overflow of the sequence number."},
    [CODE_SERVER_BUSY] = {503, "ServerBusy",
        "The server is busy."},
    [CODE_SNAPSHOT_COUNT_EXCEEDED] = {409, "SnapshotCountExceeded",
        "The snapshot count against this blob has been exceeded."},
    [CODE_SNAPSHOT_OPERATION_RATE_EXCEEDED] = {409, "SnapshotOperationRateExceeded",
        "The rate of snapshot operations against this blob has been exceeded."},
    [CODE_SNAPSHOTS_PRESENT] = {409, "SnapshotsPresent",
        "This operation is not permitted because the blob has snapshots."},
    [CODE_SOURCE_CONDITION_NOT_MET] = {412, "SourceConditionNotMet",
        "The source condition specified using HTTP conditional header(s) is not met."},
    [CODE_UNSUPPORTED_HEADER] = {400, "UnsupportedHeader",
        "One of the HTTP headers specified in the request is not supported."},
    [CODE_UNSUPPORTED_HEADER_FOR_NON_MANAGED_DISKS_ACCOUNT] = {
        400, "UnsupportedHeaderForNonManagedDisksAccount",
        "One of the HTTP headers specified in the request is not supported for "
        "non-managed disks account."},
    [CODE_UNSUPPORTED_HTTP_VERB] = {405, "UnsupportedHttpVerb",
        "The resource doesn't support specified Http Verb."},
    [CODE_UNSUPPORTED_QUERY_PARAMETER] = {400, "UnsupportedQueryParameter",
        "One of the query parameters specified in the request URI is not supported."},
    [CODE_UNSUPPORTED_XML_NODE] = {400, "UnsupportedXmlNode",
        "One of the XML nodes specified in the request body is not supported."},
};
/* clang-format on */

static const struct code_row *row_of(enum service_code code)
{
    assert(code > CODE_NONE && code < CODE_COUNT);
    assert(code_rows[code].name); /* a code without a row */
    return &code_rows[code];
}

bool service_fail_custom(struct service_error *e, unsigned status, const char *code,
                         const char *message)
{
    assert(e->status == 0); /* an error is set once */
    assert(status >= 300 && status < 600);
    e->status = status;
    snprintf(e->code, sizeof e->code, "%s", code);
    snprintf(e->message, sizeof e->message, "%s", message);
    return false;
}

bool service_fail_named(struct service_error *e, unsigned status, const char *code)
{
    const char *message = code;

    for (int i = CODE_NONE + 1; i < CODE_COUNT; i++)
        if (strcmp(code_rows[i].name, code) == 0)
            message = code_rows[i].message;
    return service_fail_custom(e, status, code, message);
}

bool service_fail(struct service_error *e, enum service_code code)
{
    const struct code_row *row = row_of(code);

    return service_fail_custom(e, row->status, row->name, row->message);
}

void service_error_add(struct service_error *e, const char *name, const char *value)
{
    struct service_extra *extra;

    assert(e->status != 0);
    if (e->extra_count == SERVICE_EXTRA_MAX_COUNT)
        return;
    extra = &e->extra[e->extra_count++];
    snprintf(extra->name, sizeof extra->name, "%s", name);
    snprintf(extra->value, sizeof extra->value, "%s", value);
}

bool service_fail_with(struct service_error *e, enum service_code code, const char *name,
                       const char *value)
{
    service_fail(e, code);
    service_error_add(e, name, value);
    return false;
}

bool service_fail_header(struct service_error *e, enum service_code code, const char *name,
                         const char *value)
{
    service_fail_with(e, code, "HeaderName", name);
    if (value)
        service_error_add(e, "HeaderValue", value);
    return false;
}

bool service_fail_query(struct service_error *e, enum service_code code, const char *name,
                        const char *value)
{
    service_fail_with(e, code, "QueryParameterName", name);
    if (value)
        service_error_add(e, "QueryParameterValue", value);
    return false;
}

const char *service_code_name(enum service_code code)
{
    return row_of(code)->name;
}
