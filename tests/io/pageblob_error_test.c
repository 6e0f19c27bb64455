/* pageblob_error_test.c - every row of the table by itself, and bodies of every sort. */
#include "io/pageblob_error.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct err error_of(int status, const char *code, const char *body)
{
    struct http_answer answer = {.status = status,
                                 .error_body = body,
                                 .error_body_bytes = body ? strlen(body) : 0};
    struct err e = {0};

    snprintf(answer.code, sizeof answer.code, "%s", code);
    snprintf(answer.request_id, sizeof answer.request_id, "req-1");
    pageblob_error_set(&answer, "reading 0-511", &e);
    cr_assert(err_is_set(&e));
    cr_assert_eq(e.http_status, status);
    cr_assert_str_eq(e.request_id, "req-1");
    return e;
}

/* What the protocol's classes demand, by status and code; every row of the table must be in here. */
static const struct {
    int status;
    const char *code;
    enum err_kind kind;
    enum err_retry retry;
} demanded[] = {
    {403, "AuthenticationFailed", ERR_AUTH, RETRY_AFTER_RENEWAL},
    {403, "AuthorizationFailure", ERR_AUTH, RETRY_AFTER_RENEWAL},
    {403, "AuthorizationPermissionMismatch", ERR_AUTH, RETRY_NEVER},
    {403, "AuthorizationProtocolMismatch", ERR_AUTH, RETRY_NEVER},
    {403, "AuthorizationSourceIPMismatch", ERR_AUTH, RETRY_NEVER},
    {403, "AuthorizationResourceTypeMismatch", ERR_AUTH, RETRY_NEVER},
    {403, "AuthorizationServiceMismatch", ERR_AUTH, RETRY_NEVER},
    {403, "InsufficientAccountPermissions", ERR_AUTH, RETRY_NEVER},
    {403, "AccountIsDisabled", ERR_AUTH, RETRY_NEVER},
    {401, "NoAuthenticationInformation", ERR_AUTH, RETRY_AFTER_RENEWAL},
    {403, "CannotVerifyCopySource", ERR_AUTH, RETRY_NEVER},
    {503, "ServerBusy", ERR_THROTTLED, RETRY_LATER},
    {500, "OperationTimedOut", ERR_NET, RETRY_LATER},
    {500, "InternalError", ERR_NET, RETRY_LATER},
    {500, "CannotVerifyCopySource", ERR_NET, RETRY_LATER},
    {500, "FeatureNotSupported", ERR_USAGE, RETRY_NEVER},
    {400, "Md5Mismatch", ERR_CORRUPT, RETRY_LATER},
    {400, "Crc64Mismatch", ERR_CORRUPT, RETRY_LATER},
    {404, "BlobNotFound", ERR_GONE, RETRY_REPLAN},
    {404, "ContainerNotFound", ERR_GONE, RETRY_REPLAN},
    {404, "ResourceNotFound", ERR_GONE, RETRY_REPLAN},
    {416, "InvalidRange", ERR_GONE, RETRY_REPLAN},
    {416, "InvalidPageRange", ERR_GONE, RETRY_REPLAN},
    {412, "ConditionNotMet", ERR_GONE, RETRY_REPLAN},
    {412, "SourceConditionNotMet", ERR_GONE, RETRY_REPLAN},
    {412, "TargetConditionNotMet", ERR_CONFLICT, RETRY_NEVER},
    {412, "SequenceNumberConditionNotMet", ERR_CONFLICT, RETRY_NEVER},
    {409, "BlobOverwritten", ERR_GONE, RETRY_REPLAN},
    {409, "BlobGenerationMismatch", ERR_GONE, RETRY_REPLAN},
    {409, "PreviousSnapshotNotFound", ERR_GONE, RETRY_REPLAN},
    {409, "PreviousSnapshotOperationNotSupported", ERR_GONE, RETRY_REPLAN},
    {400, "PreviousSnapshotCannotBeNewer", ERR_USAGE, RETRY_NEVER},
    {400, "UnsupportedHeaderForNonManagedDisksAccount", ERR_USAGE, RETRY_NEVER},
    {412, "LeaseIdMissing", ERR_CONFLICT, RETRY_NEVER},
    {412, "LeaseIdMismatchWithBlobOperation", ERR_CONFLICT, RETRY_NEVER},
    {412, "LeaseNotPresentWithBlobOperation", ERR_CONFLICT, RETRY_NEVER},
    {412, "LeaseLost", ERR_CONFLICT, RETRY_LATER},
    {409, "LeaseAlreadyPresent", ERR_CONFLICT, RETRY_NEVER},
    {409, "LeaseIdMismatchWithLeaseOperation", ERR_CONFLICT, RETRY_NEVER},
    {409, "LeaseNotPresentWithLeaseOperation", ERR_CONFLICT, RETRY_NEVER},
    {409, "LeaseIsBrokenAndCannotBeRenewed", ERR_CONFLICT, RETRY_NEVER},
    {409, "LeaseIsBreakingAndCannotBeAcquired", ERR_CONFLICT, RETRY_LATER},
    {409, "BlobAlreadyExists", ERR_CONFLICT, RETRY_NEVER},
    {409, "UnauthorizedBlobOverwrite", ERR_CONFLICT, RETRY_NEVER},
    {409, "InvalidBlobType", ERR_USAGE, RETRY_NEVER},
    {409, "PendingCopyOperation", ERR_CONFLICT, RETRY_NEVER},
    {409, "SnapshotsPresent", ERR_CONFLICT, RETRY_NEVER},
    {409, "SnapshotCountExceeded", ERR_LIMIT, RETRY_NEVER},
    {409, "SnapshotOperationRateExceeded", ERR_THROTTLED, RETRY_LATER},
    {409, "SnaphotOperationRateExceeded", ERR_THROTTLED, RETRY_LATER},
    {409, "ContainerBeingDeleted", ERR_CONFLICT, RETRY_NEVER},
    {409, "SystemInUse", ERR_CONFLICT, RETRY_NEVER},
    {409, "FeatureVersionMismatch", ERR_USAGE, RETRY_NEVER},
    {409, "OperationNotAllowedOnIncrementalCopyBlob", ERR_USAGE, RETRY_NEVER},
    {409, "MemoryExtentStoreAtSizeLimit", ERR_LIMIT, RETRY_NEVER},
    {400, "ConditionHeadersNotSupported", ERR_USAGE, RETRY_NEVER},
    {400, "InvalidResourceName", ERR_USAGE, RETRY_NEVER},
    {400, "InvalidUri", ERR_USAGE, RETRY_NEVER},
    {405, "UnsupportedHttpVerb", ERR_USAGE, RETRY_NEVER},
    {413, "RequestBodyTooLarge", ERR_LIMIT, RETRY_NEVER},
    {304, "", ERR_GONE, RETRY_REPLAN},
    {400, "", ERR_USAGE, RETRY_NEVER},
    {401, "", ERR_AUTH, RETRY_AFTER_RENEWAL},
    {403, "", ERR_AUTH, RETRY_NEVER},
    {404, "", ERR_GONE, RETRY_REPLAN},
    {405, "", ERR_USAGE, RETRY_NEVER},
    {407, "", ERR_USAGE, RETRY_NEVER},
    {408, "", ERR_NET, RETRY_LATER},
    {409, "", ERR_CONFLICT, RETRY_NEVER},
    {411, "", ERR_USAGE, RETRY_NEVER},
    {412, "", ERR_CONFLICT, RETRY_NEVER},
    {413, "", ERR_LIMIT, RETRY_NEVER},
    {416, "", ERR_GONE, RETRY_REPLAN},
    {429, "", ERR_THROTTLED, RETRY_LATER},
    {500, "", ERR_NET, RETRY_LATER},
    {501, "", ERR_USAGE, RETRY_NEVER},
    {502, "", ERR_NET, RETRY_LATER},
    {503, "", ERR_THROTTLED, RETRY_LATER},
    {504, "", ERR_NET, RETRY_LATER},
    {505, "", ERR_USAGE, RETRY_NEVER},
};
#define DEMANDED_COUNT (sizeof demanded / sizeof demanded[0])

Test(pageblob_error, every_row_is_what_the_protocol_demands)
{
    for (size_t i = 0; i < DEMANDED_COUNT; i++) {
        struct err e = error_of(demanded[i].status, demanded[i].code, NULL);

        cr_assert_eq(e.kind, demanded[i].kind, "%d %s", demanded[i].status, demanded[i].code);
        cr_assert_eq(e.retry, demanded[i].retry, "%d %s", demanded[i].status, demanded[i].code);
        cr_assert_str_eq(e.code, demanded[i].code);
        cr_assert(strstr(e.text, "reading 0-511: "));
        cr_assert(strstr(e.text, "req-1"));
    }
}

Test(pageblob_error, no_row_is_without_a_demand)
{
    size_t count;
    const struct pageblob_error_row *rows = pageblob_error_rows(&count);

    cr_assert_eq(count, DEMANDED_COUNT);
    for (size_t i = 0; i < count; i++) {
        bool found = false;

        for (size_t j = 0; j < DEMANDED_COUNT; j++)
            found = found || pageblob_error_find(demanded[j].status, demanded[j].code) == &rows[i];
        cr_assert(found, "row %zu: %d %s", i, rows[i].status, rows[i].code ? rows[i].code : "");
    }
}

Test(pageblob_error, unforeseen_statuses_fall_into_their_class)
{
    static const struct {
        int status;
        enum err_kind kind;
        enum err_retry retry;
    } rows[] = {{599, ERR_NET, RETRY_LATER},   {418, ERR_USAGE, RETRY_NEVER},
                {302, ERR_USAGE, RETRY_NEVER}, {204, ERR_CORRUPT, RETRY_LATER},
                {0, ERR_CORRUPT, RETRY_LATER}, {999, ERR_CORRUPT, RETRY_LATER}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = error_of(rows[i].status, "", NULL);

        cr_assert_eq(e.kind, rows[i].kind, "%d", rows[i].status);
        cr_assert_eq(e.retry, rows[i].retry, "%d", rows[i].status);
    }
}

Test(pageblob_error, an_unknown_code_is_judged_by_its_status)
{
    struct err e = error_of(503, "SomethingNew", NULL);

    cr_assert_eq(e.kind, ERR_THROTTLED);
    cr_assert_str_eq(e.code, "SomethingNew");
}

Test(pageblob_error, takes_code_and_detail_from_the_body)
{
    struct err e = error_of(
        403, "",
        "\xEF\xBB\xBF<?xml version=\"1.0\" "
        "encoding=\"utf-8\"?><Error><Code>AuthenticationFailed</Code>"
        "<Message>Server failed to authenticate the request.\nRequestId:2a1c\nTime:2024</Message>"
        "<AuthenticationErrorDetail>Signature not valid in the specified time frame: Start [a] - "
        "Expiry [b] - Current [c]</AuthenticationErrorDetail></Error>");

    cr_assert_eq(e.retry, RETRY_AFTER_RENEWAL);
    cr_assert_str_eq(e.code, "AuthenticationFailed");
    cr_assert(strstr(e.text, "Expiry [b]"), "%s", e.text);
}

Test(pageblob_error, shows_only_the_first_line_of_a_message)
{
    struct err e =
        error_of(503, "ServerBusy",
                 "<Error><Message>Egress is over the account limit.\nRequestId:zz</Message>"
                 "</Error>");

    cr_assert(strstr(e.text, "\"Egress is over the account limit.\""), "%s", e.text);
    cr_assert_null(strstr(e.text, "zz"));
}

Test(pageblob_error, html_and_broken_bodies_never_fail)
{
    static const char *const bodies[] = {"<html><body><h1>502 Bad Gateway</h1><hr></body></html>",
                                         "<Error><Code>Ser",
                                         "plain text",
                                         "{\"error\":{}}",
                                         "\xff\xfe\x01",
                                         "<Error><Code></Code></Error>"};

    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct err e = error_of(502, "", bodies[i]);

        cr_assert_eq(e.kind, ERR_NET);
        cr_assert_eq(e.retry, RETRY_LATER);
    }
}

Test(pageblob_error, long_and_secret_words_are_cut)
{
    char body[3000];
    struct err e;

    snprintf(body, sizeof body,
             "<Error><Code>%0200d</Code><Message>at https://h/c?sv=1&amp;sig=topsecret %02000d"
             "</Message></Error>",
             0, 0);
    e = error_of(400, "", body);
    cr_assert_null(strstr(e.text, "topsecret"), "%s", e.text);
    cr_assert(strlen(e.text) < ERR_TEXT_MAX_BYTES);
    cr_assert(strlen(e.code) < sizeof e.code);
}

Test(pageblob_error, carries_the_hosts_wish_to_wait)
{
    struct http_answer answer = {.status = 503, .retry_after_ms = 7000};
    struct err e = {0};

    pageblob_error_set(&answer, "w", &e);
    cr_assert_eq(e.retry_after_ms, 7000);
}
