/* region_page_test.c - Put Page: what is written, what is refused, what the answer proves. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/region_case.h"

#define MIB     (1u << 20)
#define NOTHING NULL, 0
#define PAGE    CASE_BLOB "?comp=page"
#define UPDATE  "x-ms-page-write: update\r\nx-ms-range: bytes="
#define CLEAR   "x-ms-page-write: clear\r\nx-ms-range: bytes="

static char *filled(size_t bytes, int value)
{
    char *body = malloc(bytes);

    memset(body, value, bytes);
    return body;
}

static void expect_header(const struct raw_answer *answer, const char *name, const char *value)
{
    const char *sent = raw_header(answer, name);

    cr_assert(sent && strcmp(sent, value) == 0, "%s: %s instead of %s", name, sent ? sent : "none",
              value);
}

/* Values of protocol.md A.11, both recorded from the real service. */
Test(region_page, answers_with_the_crc64_of_what_it_stored)
{
    struct region_process region = case_begin(MIB);
    char *body = filled(4096, 'b');
    struct raw_answer answer = case_ok(&region, 201, "PUT", PAGE, body, 4096, UPDATE "0-4095\r\n");

    expect_header(&answer, "x-ms-content-crc64", "hZKj+vsuWCQ=");
    expect_header(&answer, "x-ms-blob-sequence-number", "0");
    expect_header(&answer, "x-ms-request-server-encrypted", "true");
    cr_assert_null(raw_header(&answer, "Content-MD5"));
    raw_answer_fini(&answer);
    memset(body, 'a', 512);
    answer = case_ok(&region, 201, "PUT", PAGE, body, 512,
                     UPDATE "512-1023\r\nx-ms-content-crc64: u661BimQ84c=\r\n");
    expect_header(&answer, "x-ms-content-crc64", "u661BimQ84c=");
    raw_answer_fini(&answer);
    free(body);
    region_stop(&region);
}

Test(region_page, answers_with_the_md5_when_it_was_sent_one)
{
    struct region_process region = case_begin(MIB);
    char *body = filled(512, 0);
    struct raw_answer answer = case_ok(&region, 201, "PUT", PAGE, body, 512,
                                       UPDATE "0-511\r\nContent-MD5: v2GerAzfP2jUluqTRBN+iw==\r\n");

    expect_header(&answer, "Content-MD5", "v2GerAzfP2jUluqTRBN+iw==");
    cr_assert_null(raw_header(&answer, "x-ms-content-crc64"));
    raw_answer_fini(&answer);
    free(body);
    region_stop(&region);
}

Test(region_page, writes_nothing_when_a_checksum_is_wrong)
{
    struct region_process region = case_begin(MIB);
    char *body = filled(512, 'z');
    struct raw_answer answer;

    case_refused(&region, 400, "Md5Mismatch", "PUT", PAGE, body, 512,
                 UPDATE "0-511\r\nContent-MD5: v2GerAzfP2jUluqTRBN+iw==\r\n");
    case_refused(&region, 400, "Crc64Mismatch", "PUT", PAGE, body, 512,
                 UPDATE "0-511\r\nx-ms-content-crc64: u661BimQ84c=\r\n");
    case_refused(&region, 400, "InvalidMd5", "PUT", PAGE, body, 512,
                 UPDATE "0-511\r\nContent-MD5: nonsense\r\n");
    case_refused(&region, 400, "InvalidHeaderValue", "PUT", PAGE, body, 512,
                 UPDATE "0-511\r\nContent-MD5: v2GerAzfP2jUluqTRBN+iw==\r\n"
                        "x-ms-content-crc64: u661BimQ84c=\r\n");
    answer = case_ok(&region, 206, "GET", CASE_BLOB, NOTHING, "x-ms-range: bytes=0-0\r\n");
    cr_assert_eq(answer.body[0], 0);
    raw_answer_fini(&answer);
    free(body);
    region_stop(&region);
}

Test(region_page, takes_four_mebibytes_and_not_a_page_more)
{
    struct region_process region = case_begin(16 * MIB);
    char *body = filled(8 * MIB, 'q');
    struct raw_answer answer =
        case_ok(&region, 201, "PUT", PAGE, body, 4 * MIB, UPDATE "512-4194815\r\n");

    raw_answer_fini(&answer);
    case_refused(&region, 413, "RequestBodyTooLarge", "PUT", PAGE, body, 4 * MIB + 512,
                 UPDATE "0-4194815\r\n");
    case_refused(&region, 413, "RequestBodyTooLarge", "PUT", PAGE, body, 8 * MIB,
                 UPDATE "0-8388607\r\n");
    answer = case_ok(&region, 206, "GET", CASE_BLOB, NOTHING, "x-ms-range: bytes=511-512\r\n");
    cr_assert_eq(answer.body[0], 0);
    cr_assert_eq(answer.body[1], 'q');
    raw_answer_fini(&answer);
    free(body);
    region_stop(&region);
}

Test(region_page, refuses_ranges_that_are_no_pages_of_the_blob)
{
    struct region_process region = case_begin(4096);
    char *body = filled(1024, 'r');

    case_refused(&region, 416, "InvalidPageRange", "PUT", PAGE, body, 512, UPDATE "1-512\r\n");
    case_refused(&region, 416, "InvalidPageRange", "PUT", PAGE, body, 512, UPDATE "0-510\r\n");
    case_refused(&region, 416, "InvalidPageRange", "PUT", PAGE, body, 512, UPDATE "4096-4607\r\n");
    case_refused(&region, 416, "InvalidPageRange", "PUT", PAGE, body, 1024, UPDATE "3584-4607\r\n");
    case_refused(&region, 416, "InvalidPageRange", "PUT", PAGE, NOTHING, CLEAR "1024-2048\r\n");
    case_refused(&region, 400, "InvalidHeaderValue", "PUT", PAGE, body, 1024, UPDATE "0-511\r\n");
    case_refused(&region, 400, "InvalidHeaderValue", "PUT", PAGE, NOTHING, UPDATE "0-511\r\n");
    case_refused(&region, 400, "InvalidHeaderValue", "PUT", PAGE, body, 512, UPDATE "0-\r\n");
    case_refused(&region, 400, "MissingRequiredHeader", "PUT", PAGE, body, 512,
                 "x-ms-page-write: update\r\n");
    case_refused(&region, 400, "MissingRequiredHeader", "PUT", PAGE, body, 512,
                 "x-ms-range: bytes=0-511\r\n");
    case_refused(&region, 400, "InvalidHeaderValue", "PUT", PAGE, body, 512,
                 "x-ms-page-write: erase\r\nx-ms-range: bytes=0-511\r\n");
    free(body);
    region_stop(&region);
}

Test(region_page, clears_any_length_at_once_and_takes_no_body_for_it)
{
    struct region_process region = case_begin(UINT64_C(1) << 40);
    char *body = filled(512, 'c');
    struct raw_answer answer;
    char *list;

    case_write(&region, CASE_BLOB, 0, 512, 'c');
    case_write(&region, CASE_BLOB, (UINT64_C(1) << 40) - 512, 512, 'c');
    case_refused(&region, 400, "InvalidHeaderValue", "PUT", PAGE, body, 512, CLEAR "0-511\r\n");
    case_refused(&region, 400, "InvalidHeaderValue", "PUT", PAGE, NOTHING,
                 CLEAR "0-511\r\nContent-MD5: v2GerAzfP2jUluqTRBN+iw==\r\n");
    answer = case_ok(&region, 201, "PUT", PAGE, NOTHING, CLEAR "0-1099511627775\r\n");
    raw_answer_fini(&answer);
    list = case_text(&region, CASE_BLOB "?comp=pagelist", NULL);
    cr_assert_not_null(strstr(list, "<PageList></PageList>"), "%s", list);
    free(list);
    free(body);
    region_stop(&region);
}

Test(region_page, changes_the_etag_with_each_write_and_judges_conditions)
{
    struct region_process region = case_begin(4096);
    char *body = filled(512, 'e');
    struct raw_answer answer = case_ok(&region, 201, "PUT", PAGE, body, 512, UPDATE "0-511\r\n");
    char first[64];

    snprintf(first, sizeof first, "%s", raw_header(&answer, "ETag"));
    raw_answer_fini(&answer);
    answer =
        case_ok(&region, 201, "PUT", PAGE, body, 512, UPDATE "0-511\r\nIf-Match: %s\r\n", first);
    cr_assert_str_neq(raw_header(&answer, "ETag"), first);
    raw_answer_fini(&answer);
    case_refused(&region, 412, "ConditionNotMet", "PUT", PAGE, body, 512,
                 UPDATE "0-511\r\nIf-Match: %s\r\n", first);
    answer = case_ok(&region, 201, "PUT", PAGE, body, 512,
                     UPDATE "0-511\r\nx-ms-if-sequence-number-le: 0\r\n");
    raw_answer_fini(&answer);
    case_refused(&region, 412, "SequenceNumberConditionNotMet", "PUT", PAGE, body, 512,
                 UPDATE "0-511\r\nx-ms-if-sequence-number-lt: 0\r\n");
    case_refused(&region, 412, "SequenceNumberConditionNotMet", "PUT", PAGE, body, 512,
                 UPDATE "0-511\r\nx-ms-if-sequence-number-eq: 1\r\n");
    free(body);
    region_stop(&region);
}

Test(region_page, needs_a_length_and_a_page_blob)
{
    struct region_process region = case_begin(0);
    struct raw_answer answer;
    int fd;

    case_refused(&region, 404, "BlobNotFound", "PUT", PAGE, "", 0, CLEAR "0-511\r\n");
    answer = case_ok(&region, 201, "PUT", CASE_BLOB, "x", 1, "x-ms-blob-type: BlockBlob\r\n");
    raw_answer_fini(&answer);
    case_refused(&region, 409, "InvalidBlobType", "PUT", PAGE, NOTHING, CLEAR "0-511\r\n");
    fd = raw_connect(region.port);
    /* A POST of this helper has no Content-Length; the service knows no POST here. */
    cr_assert(raw_exchange(fd, &(struct raw_request){.method = "POST", .target = PAGE}, &answer));
    cr_assert_eq(answer.status, 405);
    cr_assert_str_eq(raw_header(&answer, "x-ms-error-code"), "UnsupportedHttpVerb");
    raw_answer_fini(&answer);
    region_stop(&region);
}
