/* region_properties_test.c - Set Blob Properties, blob metadata and leases. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/region_case.h"

#define NOTHING    NULL, 0
#define PROPERTIES CASE_BLOB "?comp=properties"
#define METADATA   CASE_BLOB "?comp=metadata"
#define LEASE      CASE_BLOB "?comp=lease"
#define ONE        "11111111-1111-1111-1111-111111111111"
#define TWO        "22222222-2222-2222-2222-222222222222"

static void expect_header(const struct raw_answer *answer, const char *name, const char *value)
{
    const char *sent = raw_header(answer, name);

    cr_assert(sent && strcmp(sent, value) == 0, "%s: %s instead of %s", name, sent ? sent : "none",
              value);
}

static void expect_head(const struct region_process *region, const char *name, const char *value)
{
    struct raw_answer answer = case_ok(region, 200, "HEAD", CASE_BLOB, NOTHING, "%s", "");

    expect_header(&answer, name, value);
    raw_answer_fini(&answer);
}

static void lease(const struct region_process *region, unsigned status, const char *headers,
                  const char *id)
{
    struct raw_answer answer = case_ok(region, status, "PUT", LEASE, NOTHING, "%s", headers);

    if (id)
        expect_header(&answer, "x-ms-lease-id", id);
    raw_answer_fini(&answer);
}

Test(region_properties, resizes_and_drops_what_is_past_the_end)
{
    struct region_process region = case_begin(4096);
    struct raw_answer answer;

    case_write(&region, CASE_BLOB, 0, 4096, 'x');
    answer = case_ok(&region, 200, "PUT", PROPERTIES, NOTHING, "x-ms-blob-content-length: 512\r\n");
    raw_answer_fini(&answer);
    expect_head(&region, "Content-Length", "512");
    answer =
        case_ok(&region, 200, "PUT", PROPERTIES, NOTHING, "x-ms-blob-content-length: 4096\r\n");
    raw_answer_fini(&answer);
    answer = case_ok(&region, 206, "GET", CASE_BLOB, NOTHING, "x-ms-range: bytes=511-512\r\n");
    cr_assert_eq(answer.body[0], 'x');
    cr_assert_eq(answer.body[1], 0);
    raw_answer_fini(&answer);
    case_refused(&region, 400, "InvalidHeaderValue", "PUT", PROPERTIES, NOTHING,
                 "x-ms-blob-content-length: 513\r\n");
    region_stop(&region);
}

Test(region_properties, counts_sequence_numbers)
{
    struct region_process region = case_begin(512);
    struct raw_answer answer = case_ok(&region, 200, "PUT", PROPERTIES, NOTHING,
                                       "x-ms-sequence-number-action: increment\r\n");

    expect_header(&answer, "x-ms-blob-sequence-number", "1");
    raw_answer_fini(&answer);
    answer = case_ok(&region, 200, "PUT", PROPERTIES, NOTHING,
                     "x-ms-sequence-number-action: max\r\nx-ms-blob-sequence-number: 9\r\n");
    expect_header(&answer, "x-ms-blob-sequence-number", "9");
    raw_answer_fini(&answer);
    answer = case_ok(&region, 200, "PUT", PROPERTIES, NOTHING,
                     "x-ms-sequence-number-action: max\r\nx-ms-blob-sequence-number: 3\r\n");
    expect_header(&answer, "x-ms-blob-sequence-number", "9");
    raw_answer_fini(&answer);
    answer = case_ok(&region, 200, "PUT", PROPERTIES, NOTHING,
                     "x-ms-sequence-number-action: update\r\nx-ms-blob-sequence-number: 3\r\n");
    expect_header(&answer, "x-ms-blob-sequence-number", "3");
    raw_answer_fini(&answer);
    case_refused(&region, 400, "MissingRequiredHeader", "PUT", PROPERTIES, NOTHING,
                 "x-ms-sequence-number-action: update\r\n");
    case_refused(&region, 400, "InvalidHeaderValue", "PUT", PROPERTIES, NOTHING,
                 "x-ms-sequence-number-action: decrement\r\n");
    region_stop(&region);
}

Test(region_properties, replaces_content_headers_all_together)
{
    struct region_process region = case_begin(512);
    struct raw_answer answer =
        case_ok(&region, 200, "PUT", PROPERTIES, NOTHING,
                "x-ms-blob-content-type: a/b\r\nx-ms-blob-content-language: de\r\n");

    raw_answer_fini(&answer);
    expect_head(&region, "Content-Language", "de");
    answer = case_ok(&region, 200, "PUT", PROPERTIES, NOTHING, "x-ms-blob-content-type: c/d\r\n");
    raw_answer_fini(&answer);
    answer = case_ok(&region, 200, "HEAD", CASE_BLOB, NOTHING, "%s", "");
    expect_header(&answer, "Content-Type", "c/d");
    cr_assert_null(raw_header(&answer, "Content-Language"));
    raw_answer_fini(&answer);
    region_stop(&region);
}

Test(region_metadata, is_replaced_as_a_whole_under_a_new_etag)
{
    struct region_process region = case_begin(512);
    struct raw_answer answer =
        case_ok(&region, 200, "PUT", METADATA, NOTHING, "x-ms-meta-Aa: 1\r\nx-ms-meta-b_2: 2\r\n");
    char etag[64];

    snprintf(etag, sizeof etag, "%s", raw_header(&answer, "ETag"));
    raw_answer_fini(&answer);
    answer =
        case_ok(&region, 200, "PUT", METADATA, NOTHING, "x-ms-meta-c: 3\r\nIf-Match: %s\r\n", etag);
    cr_assert_str_neq(raw_header(&answer, "ETag"), etag);
    raw_answer_fini(&answer);
    for (int i = 0; i < 2; i++) {
        answer = case_ok(&region, 200, i ? "HEAD" : "GET", METADATA, NOTHING, "%s", "");
        expect_header(&answer, "x-ms-meta-c", "3");
        cr_assert_null(raw_header(&answer, "x-ms-meta-Aa"));
        raw_answer_fini(&answer);
    }
    case_refused(&region, 412, "ConditionNotMet", "PUT", METADATA, NOTHING,
                 "x-ms-meta-c: 4\r\nIf-Match: %s\r\n", etag);
    region_stop(&region);
}

Test(region_metadata, has_limits_and_names_that_are_identifiers)
{
    struct region_process region = case_begin(512);
    struct raw_request request = {.method = "PUT", .target = METADATA};
    struct raw_answer answer;
    char *headers = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&headers, &n);
    int fd = raw_connect(region.port);

    for (int i = 0; i < 10; i++)
        fprintf(out, "x-ms-meta-k%d: %01000d\r\n", i, 0);
    fclose(out);
    request.headers = headers;
    cr_assert(raw_exchange(fd, &request, &answer));
    cr_assert_str_eq(raw_header(&answer, "x-ms-error-code"), "MetadataTooLarge");
    raw_answer_fini(&answer);
    free(headers);
    case_refused(&region, 400, "InvalidMetadata", "PUT", METADATA, NOTHING, "x-ms-meta-1a: x\r\n");
    case_refused(&region, 400, "InvalidMetadata", "PUT", METADATA, NOTHING, "x-ms-meta-a-b: x\r\n");
    case_refused(&region, 400, "EmptyMetadataKey", "PUT", METADATA, NOTHING, "x-ms-meta-: x\r\n");
    region_stop(&region);
}

Test(region_lease, guards_a_blob_until_it_is_released)
{
    struct region_process region = case_begin(512);

    lease(&region, 201,
          "x-ms-lease-action: acquire\r\nx-ms-lease-duration: -1\r\n"
          "x-ms-proposed-lease-id: " ONE "\r\n",
          ONE);
    expect_head(&region, "x-ms-lease-state", "leased");
    expect_head(&region, "x-ms-lease-status", "locked");
    expect_head(&region, "x-ms-lease-duration", "infinite");
    case_refused(&region, 412, "LeaseIdMissing", "PUT", METADATA, NOTHING, "%s", "");
    case_refused(&region, 412, "LeaseIdMismatchWithBlobOperation", "PUT", METADATA, NOTHING,
                 "x-ms-lease-id: " TWO "\r\n");
    case_refused(&region, 409, "LeaseAlreadyPresent", "PUT", LEASE, NOTHING,
                 "x-ms-lease-action: acquire\r\nx-ms-lease-duration: 15\r\n"
                 "x-ms-proposed-lease-id: " TWO "\r\n");
    lease(&region, 200, "x-ms-lease-action: renew\r\nx-ms-lease-id: " ONE "\r\n", ONE);
    lease(&region, 200,
          "x-ms-lease-action: change\r\nx-ms-lease-id: " ONE "\r\n"
          "x-ms-proposed-lease-id: " TWO "\r\n",
          TWO);
    case_refused(&region, 409, "LeaseIdMismatchWithLeaseOperation", "PUT", LEASE, NOTHING,
                 "x-ms-lease-action: release\r\nx-ms-lease-id: " ONE "\r\n");
    lease(&region, 200, "x-ms-lease-action: release\r\nx-ms-lease-id: " TWO "\r\n", NULL);
    expect_head(&region, "x-ms-lease-state", "available");
    region_stop(&region);
}

Test(region_lease, can_be_broken_by_anybody)
{
    struct region_process region = case_begin(512);
    struct raw_answer answer;

    lease(&region, 201,
          "x-ms-lease-action: acquire\r\nx-ms-lease-duration: 60\r\n"
          "x-ms-proposed-lease-id: " ONE "\r\n",
          ONE);
    expect_head(&region, "x-ms-lease-duration", "fixed");
    answer = case_ok(&region, 202, "PUT", LEASE, NOTHING,
                     "x-ms-lease-action: break\r\nx-ms-lease-break-period: 0\r\n");
    expect_header(&answer, "x-ms-lease-time", "0");
    raw_answer_fini(&answer);
    expect_head(&region, "x-ms-lease-state", "broken");
    answer = case_ok(&region, 200, "PUT", METADATA, NOTHING, "%s", "");
    raw_answer_fini(&answer);
    region_stop(&region);
}

Test(region_lease, refuses_requests_that_make_no_sense)
{
    struct region_process region = case_begin(512);

    case_refused(&region, 400, "MissingRequiredHeader", "PUT", LEASE, NOTHING, "%s", "");
    case_refused(&region, 400, "InvalidHeaderValue", "PUT", LEASE, NOTHING,
                 "x-ms-lease-action: borrow\r\n");
    case_refused(&region, 400, "MissingRequiredHeader", "PUT", LEASE, NOTHING,
                 "x-ms-lease-action: acquire\r\n");
    case_refused(&region, 400, "InvalidHeaderValue", "PUT", LEASE, NOTHING,
                 "x-ms-lease-action: acquire\r\nx-ms-lease-duration: 14\r\n");
    case_refused(&region, 400, "InvalidHeaderValue", "PUT", LEASE, NOTHING,
                 "x-ms-lease-action: renew\r\nx-ms-lease-id: me\r\n");
    case_refused(&region, 409, "LeaseNotPresentWithLeaseOperation", "PUT", LEASE, NOTHING,
                 "x-ms-lease-action: break\r\n");
    region_stop(&region);
}
