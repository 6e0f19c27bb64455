/* region_blob_test.c - Put, Get, HEAD, Delete and Snapshot Blob over a socket, against the
 * protocol's text and its recorded values. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/region_case.h"

#define MIB     (1u << 20)
#define NOTHING NULL, 0

static void expect_header(const struct raw_answer *answer, const char *name, const char *value)
{
    const char *sent = raw_header(answer, name);

    cr_assert(sent && strcmp(sent, value) == 0, "%s: %s instead of %s", name, sent ? sent : "none",
              value);
}

Test(region_blob, creates_a_page_blob_that_reads_as_zeros)
{
    struct region_process region = case_begin(4 * MIB);
    struct raw_answer answer =
        case_ok(&region, 206, "GET", CASE_BLOB, NOTHING, "x-ms-range: bytes=1024-2047\r\n");

    expect_header(&answer, "Content-Range", "bytes 1024-2047/4194304");
    expect_header(&answer, "Content-Length", "1024");
    expect_header(&answer, "x-ms-blob-type", "PageBlob");
    for (size_t i = 0; i < answer.body_bytes; i++)
        cr_assert_eq(answer.body[i], 0);
    raw_answer_fini(&answer);
    region_stop(&region);
}

Test(region_blob, says_of_a_new_blob_what_the_service_says)
{
    struct region_process region = case_begin(0);
    struct raw_answer answer =
        case_ok(&region, 201, "PUT", CASE_BLOB, NOTHING,
                "x-ms-blob-type: PageBlob\r\nx-ms-blob-content-length: 34359738880\r\n"
                "x-ms-blob-sequence-number: 7\r\nx-ms-meta-Kind: disk\r\n"
                "x-ms-blob-content-type: application/x-vhd\r\nx-ms-client-request-id: me-1\r\n");

    cr_assert_eq(strncmp(raw_header(&answer, "ETag"), "\"0x8", 4), 0);
    expect_header(&answer, "x-ms-request-server-encrypted", "true");
    expect_header(&answer, "x-ms-version", RAW_VERSION);
    expect_header(&answer, "x-ms-client-request-id", "me-1");
    cr_assert_not_null(raw_header(&answer, "x-ms-request-id"));
    cr_assert_not_null(raw_header(&answer, "Last-Modified"));
    raw_answer_fini(&answer);
    answer = case_ok(&region, 200, "HEAD", CASE_BLOB, NOTHING, "%s", "");
    expect_header(&answer, "Content-Length", "34359738880");
    expect_header(&answer, "x-ms-blob-sequence-number", "7");
    expect_header(&answer, "x-ms-meta-Kind", "disk");
    expect_header(&answer, "Content-Type", "application/x-vhd");
    expect_header(&answer, "x-ms-lease-status", "unlocked");
    expect_header(&answer, "x-ms-lease-state", "available");
    expect_header(&answer, "Accept-Ranges", "bytes");
    raw_answer_fini(&answer);
    region_stop(&region);
}

Test(region_blob, refuses_a_blob_it_could_not_keep)
{
    struct region_process region = case_begin(0);
    const char *target = CASE_BLOB;

    case_refused(&region, 400, "MissingRequiredHeader", "PUT", target, NOTHING, "%s", "");
    case_refused(&region, 400, "MissingRequiredHeader", "PUT", target, NOTHING,
                 "x-ms-blob-type: PageBlob\r\n");
    case_refused(&region, 400, "InvalidHeaderValue", "PUT", target, NOTHING,
                 "x-ms-blob-type: PageBlob\r\nx-ms-blob-content-length: 1000\r\n");
    case_refused(&region, 400, "InvalidHeaderValue", "PUT", target, NOTHING,
                 "x-ms-blob-type: PageBlob\r\nx-ms-blob-content-length: 8796093022720\r\n");
    case_refused(&region, 400, "InvalidHeaderValue", "PUT", target, "abc", 3,
                 "x-ms-blob-type: PageBlob\r\nx-ms-blob-content-length: 512\r\n");
    case_refused(&region, 400, "InvalidHeaderValue", "PUT", target, NOTHING,
                 "x-ms-blob-type: AppendBlob\r\n");
    case_refused(&region, 404, "ContainerNotFound", "PUT", "/" RAW_ACCOUNT "/none/b", NOTHING,
                 "x-ms-blob-type: PageBlob\r\nx-ms-blob-content-length: 512\r\n");
    case_refused(&region, 404, "BlobNotFound", "GET", target, NOTHING, "%s", "");
    case_refused(&region, 404, "BlobNotFound", "HEAD", target, NOTHING, "%s", "");
    region_stop(&region);
}

Test(region_blob, creates_only_when_asked_to_create_only)
{
    struct region_process region = case_begin(512);
    struct raw_answer answer;

    case_write(&region, CASE_BLOB, 0, 512, 'x');
    case_refused(&region, 409, "BlobAlreadyExists", "PUT", CASE_BLOB, NOTHING,
                 "x-ms-blob-type: PageBlob\r\nx-ms-blob-content-length: 512\r\n"
                 "If-None-Match: *\r\n");
    answer = case_ok(&region, 201, "PUT", CASE_BLOB, NOTHING,
                     "x-ms-blob-type: PageBlob\r\nx-ms-blob-content-length: 1024\r\n");
    raw_answer_fini(&answer);
    answer = case_ok(&region, 200, "GET", CASE_BLOB, NOTHING, "%s", "");
    cr_assert_eq(answer.body_bytes, 1024);
    cr_assert_eq(answer.body[0], 0, "a blob put again is all zeros");
    raw_answer_fini(&answer);
    region_stop(&region);
}

Test(region_blob, honours_ranges_as_the_service_does)
{
    struct region_process region = case_begin(1024);
    struct raw_answer answer;

    case_write(&region, CASE_BLOB, 0, 512, 'a');
    case_write(&region, CASE_BLOB, 512, 512, 'b');
    answer = case_ok(&region, 206, "GET", CASE_BLOB, NOTHING,
                     "Range: bytes=0-0\r\nx-ms-range: bytes=510-513\r\n");
    cr_assert_str_eq(answer.body, "aabb", "x-ms-range wins over Range");
    raw_answer_fini(&answer);
    answer = case_ok(&region, 206, "GET", CASE_BLOB, NOTHING, "Range: bytes=1022-\r\n");
    cr_assert_str_eq(answer.body, "bb");
    raw_answer_fini(&answer);
    answer = case_ok(&region, 206, "GET", CASE_BLOB, NOTHING, "x-ms-range: bytes=1020-9999\r\n");
    expect_header(&answer, "Content-Range", "bytes 1020-1023/1024");
    cr_assert_str_eq(answer.body, "bbbb", "an end beyond the blob is shortened");
    raw_answer_fini(&answer);
    case_refused(&region, 416, "InvalidRange", "GET", CASE_BLOB, NOTHING,
                 "x-ms-range: bytes=1024-2047\r\n");
    case_refused(&region, 400, "InvalidHeaderValue", "GET", CASE_BLOB, NOTHING,
                 "x-ms-range: bytes=9-2\r\n");
    case_refused(&region, 400, "InvalidHeaderValue", "GET", CASE_BLOB, NOTHING,
                 "x-ms-range: lines=1-2\r\n");
    region_stop(&region);
}

/* protocol.md A.11: 512 x 'a' and 4 MiB of zeros, both kinds. */
Test(region_blob, sends_the_checksums_of_the_protocol)
{
    struct region_process region = case_begin(8 * MIB);
    struct raw_answer answer;

    case_write(&region, CASE_BLOB, 0, 512, 'a');
    answer = case_ok(&region, 206, "GET", CASE_BLOB, NOTHING,
                     "x-ms-range: bytes=0-511\r\nx-ms-range-get-content-crc64: true\r\n");
    expect_header(&answer, "x-ms-content-crc64", "u661BimQ84c=");
    raw_answer_fini(&answer);
    answer = case_ok(&region, 206, "GET", CASE_BLOB, NOTHING,
                     "x-ms-range: bytes=4194304-8388607\r\nx-ms-range-get-content-crc64: true\r\n");
    expect_header(&answer, "x-ms-content-crc64", "7fxeieZXMgQ=");
    cr_assert_eq(answer.body_bytes, 4 * MIB);
    raw_answer_fini(&answer);
    answer = case_ok(&region, 206, "GET", CASE_BLOB, NOTHING,
                     "x-ms-range: bytes=4194304-8388607\r\nx-ms-range-get-content-md5: true\r\n");
    expect_header(&answer, "Content-MD5", "tc+p1sj+vWGPkawoQ9UKHA==");
    raw_answer_fini(&answer);
    region_stop(&region);
}

Test(region_blob, refuses_a_checksum_it_would_not_give)
{
    struct region_process region = case_begin(8 * MIB);

    case_refused(&region, 400, "InvalidHeaderValue", "GET", CASE_BLOB, NOTHING,
                 "x-ms-range-get-content-md5: true\r\n");
    case_refused(&region, 400, "InvalidHeaderValue", "GET", CASE_BLOB, NOTHING,
                 "x-ms-range: bytes=0-4194304\r\nx-ms-range-get-content-crc64: true\r\n");
    case_refused(&region, 400, "InvalidHeaderValue", "GET", CASE_BLOB, NOTHING,
                 "x-ms-range: bytes=0-511\r\nx-ms-range-get-content-crc64: true\r\n"
                 "x-ms-range-get-content-md5: true\r\n");
    region_stop(&region);
}

Test(region_blob, judges_conditions_on_reads)
{
    struct region_process region = case_begin(512);
    struct raw_answer answer = case_ok(&region, 200, "HEAD", CASE_BLOB, NOTHING, "%s", "");
    char etag[64];

    snprintf(etag, sizeof etag, "%s", raw_header(&answer, "ETag"));
    raw_answer_fini(&answer);
    answer = case_ok(&region, 200, "GET", CASE_BLOB, NOTHING, "If-Match: %s\r\n", etag);
    raw_answer_fini(&answer);
    answer = case_ok(&region, 304, "GET", CASE_BLOB, NOTHING, "If-None-Match: %s\r\n", etag);
    cr_assert_eq(answer.body_bytes, 0);
    raw_answer_fini(&answer);
    case_refused(&region, 412, "ConditionNotMet", "GET", CASE_BLOB, NOTHING,
                 "If-Match: \"0x8D000000000000\"\r\n");
    case_refused(&region, 412, "ConditionNotMet", "HEAD", CASE_BLOB, NOTHING,
                 "If-Unmodified-Since: Fri, 01 Mar 2024 00:00:00 GMT\r\n");
    case_refused(&region, 400, "InvalidHeaderValue", "GET", CASE_BLOB, NOTHING,
                 "If-Modified-Since: yesterday\r\n");
    region_stop(&region);
}

Test(region_blob, keeps_a_snapshot_apart_from_its_base)
{
    struct region_process region = case_begin(512);
    char target[256];
    char snapshot[40];
    struct raw_answer answer;

    case_write(&region, CASE_BLOB, 0, 512, 'o');
    case_snapshot(&region, CASE_BLOB, snapshot);
    case_write(&region, CASE_BLOB, 0, 512, 'n');
    snprintf(target, sizeof target, "%s?snapshot=%s", CASE_BLOB, snapshot);
    answer = case_ok(&region, 200, "GET", target, NOTHING, "%s", "");
    cr_assert_eq(answer.body[511], 'o');
    raw_answer_fini(&answer);
    case_refused(&region, 400, "InvalidQueryParameterValue", "GET",
                 CASE_BLOB "?snapshot=2024-13-01", NOTHING, "%s", "");
    case_refused(&region, 404, "BlobNotFound", "GET",
                 CASE_BLOB "?snapshot=2024-01-05T01:00:00.0000000Z", NOTHING, "%s", "");
    snprintf(target, sizeof target, "%s?snapshot=%s&comp=metadata", CASE_BLOB, snapshot);
    case_refused(&region, 400, "UnsupportedQueryParameter", "PUT", target, NOTHING, "%s", "");
    region_stop(&region);
}

Test(region_blob, copies_metadata_to_a_snapshot_unless_it_is_given_some)
{
    struct region_process region = case_begin(512);
    char target[256];
    struct raw_answer answer =
        case_ok(&region, 200, "PUT", CASE_BLOB "?comp=metadata", NOTHING, "x-ms-meta-a: base\r\n");
    char snapshot[40];

    raw_answer_fini(&answer);
    case_snapshot(&region, CASE_BLOB, snapshot);
    snprintf(target, sizeof target, "%s?snapshot=%s", CASE_BLOB, snapshot);
    answer = case_ok(&region, 200, "HEAD", target, NOTHING, "%s", "");
    expect_header(&answer, "x-ms-meta-a", "base");
    raw_answer_fini(&answer);
    answer =
        case_ok(&region, 201, "PUT", CASE_BLOB "?comp=snapshot", NOTHING, "x-ms-meta-b: own\r\n");
    snprintf(target, sizeof target, "%s?snapshot=%s", CASE_BLOB,
             raw_header(&answer, "x-ms-snapshot"));
    raw_answer_fini(&answer);
    answer = case_ok(&region, 200, "HEAD", target, NOTHING, "%s", "");
    expect_header(&answer, "x-ms-meta-b", "own");
    cr_assert_null(raw_header(&answer, "x-ms-meta-a"));
    raw_answer_fini(&answer);
    region_stop(&region);
}

Test(region_blob, deletes_as_it_is_told_about_snapshots)
{
    struct region_process region = case_begin(512);
    char target[256];
    char snapshot[40];
    struct raw_answer answer;

    case_snapshot(&region, CASE_BLOB, snapshot);
    case_refused(&region, 409, "SnapshotsPresent", "DELETE", CASE_BLOB, NOTHING, "%s", "");
    case_refused(&region, 400, "InvalidHeaderValue", "DELETE", CASE_BLOB, NOTHING,
                 "x-ms-delete-snapshots: some\r\n");
    answer = case_ok(&region, 202, "DELETE", CASE_BLOB, NOTHING, "x-ms-delete-snapshots: only\r\n");
    raw_answer_fini(&answer);
    snprintf(target, sizeof target, "%s?snapshot=%s", CASE_BLOB, snapshot);
    case_refused(&region, 404, "BlobNotFound", "HEAD", target, NOTHING, "%s", "");
    case_snapshot(&region, CASE_BLOB, snapshot);
    snprintf(target, sizeof target, "%s?snapshot=%s", CASE_BLOB, snapshot);
    answer = case_ok(&region, 202, "DELETE", target, NOTHING, "%s", "");
    raw_answer_fini(&answer);
    case_snapshot(&region, CASE_BLOB, snapshot);
    answer =
        case_ok(&region, 202, "DELETE", CASE_BLOB, NOTHING, "x-ms-delete-snapshots: include\r\n");
    raw_answer_fini(&answer);
    case_refused(&region, 404, "BlobNotFound", "HEAD", CASE_BLOB, NOTHING, "%s", "");
    region_stop(&region);
}

Test(region_blob, keeps_a_small_block_blob_for_clients_to_meet)
{
    struct region_process region = case_begin(0);
    struct raw_answer answer =
        case_ok(&region, 201, "PUT", CASE_BLOB, "hello", 5, "x-ms-blob-type: BlockBlob\r\n");

    raw_answer_fini(&answer);
    answer = case_ok(&region, 200, "GET", CASE_BLOB, NOTHING, "%s", "");
    expect_header(&answer, "x-ms-blob-type", "BlockBlob");
    cr_assert_str_eq(answer.body, "hello");
    raw_answer_fini(&answer);
    case_refused(&region, 409, "InvalidBlobType", "GET", CASE_BLOB "?comp=pagelist", NOTHING, "%s",
                 "");
    case_refused(&region, 400, "Md5Mismatch", "PUT", CASE_BLOB, "hello", 5,
                 "x-ms-blob-type: BlockBlob\r\nContent-MD5: v2GerAzfP2jUluqTRBN+iw==\r\n");
    region_stop(&region);
}

/* Longer than a buffer: one file by sendfile, several pieces and holes by reading on. */
Test(region_blob, sends_whole_blobs_and_long_ranges_as_they_are)
{
    struct region_process region = case_begin(24 * MIB);
    char snapshot[40];
    struct raw_answer answer;

    case_write(&region, CASE_BLOB, 0, 4 * MIB, 'a');
    case_write(&region, CASE_BLOB, 8 * MIB, 4 * MIB, 'b');
    case_snapshot(&region, CASE_BLOB, snapshot);
    case_write(&region, CASE_BLOB, 10 * MIB, 512, 'c');
    case_write(&region, CASE_BLOB, 23 * MIB, MIB, 'd');
    for (int i = 0; i < 2; i++) {
        answer =
            i ? case_ok(&region, 206, "GET", CASE_BLOB, NOTHING, "x-ms-range: bytes=0-25165823\r\n")
              : case_ok(&region, 200, "GET", CASE_BLOB, NOTHING, "%s", "");
        cr_assert_eq(answer.body_bytes, 24 * MIB);
        for (size_t at = 0; at < 24 * MIB; at += 256) {
            char expected = at < 4 * MIB ? 'a' : 0;

            if (at >= 8 * MIB && at < 12 * MIB)
                expected = at >= 10 * MIB && at < 10 * MIB + 512 ? 'c' : 'b';
            else if (at >= 23 * MIB)
                expected = 'd';
            cr_assert_eq(answer.body[at], expected, "at %zu", at);
        }
        raw_answer_fini(&answer);
    }
    region_stop(&region);
}
