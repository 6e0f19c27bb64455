/* region_fault_request_test.c - what goes wrong with a request on its way, and lists whose pages come in
 * the wrong order, seen by a client's socket. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/crc64.h"
#include "tests/support/fault_case.h"

#define NOTHING     NULL, 0
#define KIB         1024u
#define PAGE        CASE_BLOB "?comp=page"
#define LIST        CASE_BLOB "?comp=pagelist&maxresults=1"
#define WRITE_BYTES (64u * KIB)

static const char write_headers[] = "x-ms-page-write: update\r\nx-ms-range: bytes=0-65535\r\n";

/* One write of 64 KiB of 'w', with its CRC64 when `checked`. */
static struct raw_answer put(const struct region_process *region, bool checked)
{
    char *body = malloc(WRITE_BYTES);
    char crc[CRC64_HEADER_MAX_BYTES];
    char headers[300];
    struct raw_answer answer;

    memset(body, 'w', WRITE_BYTES);
    crc64_to_header(crc64_update(0, body, WRITE_BYTES), crc);
    snprintf(headers, sizeof headers, "%s%s%s%s", write_headers,
             checked ? "x-ms-content-crc64: " : "", checked ? crc : "", checked ? "\r\n" : "");
    answer = raw_once(region->port, "PUT", PAGE, headers, body, WRITE_BYTES);
    free(body);
    return answer;
}

/* How many bits of the first 64 KiB are not those of `fill`; the CRC64 of what is there. */
static unsigned wrong_bits(const struct region_process *region, int fill, uint64_t *out_crc64)
{
    struct raw_answer answer;
    unsigned bits = 0;

    cr_assert(fault_case_get(region, CASE_BLOB, "x-ms-range: bytes=0-65535\r\n", &answer));
    cr_assert_eq(answer.body_bytes, WRITE_BYTES);
    for (size_t i = 0; i < WRITE_BYTES; i++)
        bits += (unsigned)__builtin_popcount((unsigned char)answer.body[i] ^ (unsigned)fill);
    *out_crc64 = crc64_update(0, answer.body, WRITE_BYTES);
    raw_answer_fini(&answer);
    return bits;
}

Test(region_fault_request, a_damaged_body_is_refused_by_its_checksum_and_nothing_is_stored)
{
    struct region_process region =
        fault_case_begin("\"verb\":\"Put Page\"", "\"fault\":\"corruptRequest\"");
    struct raw_answer answer = put(&region, true);
    uint64_t crc64;

    cr_assert_eq(answer.status, 400);
    cr_assert_str_eq(raw_header(&answer, "x-ms-error-code"), "Crc64Mismatch");
    raw_answer_fini(&answer);
    cr_assert(fault_case_log_has(&region, "\"code\":\"Crc64Mismatch\",\"fault\":\"it\""));
    cr_assert_eq(wrong_bits(&region, 'f', &crc64), 0);
    answer = put(&region, true);
    cr_assert_eq(answer.status, 201, "it had its one time");
    raw_answer_fini(&answer);
    region_stop(&region);
}

/* Without a checksum nobody can refuse it; with one a host may not look. Both say what they stored. */
static void expect_stored(const char *fault, bool checked)
{
    struct region_process region = fault_case_begin("\"verb\":\"Put Page\"", fault);
    struct raw_answer answer = put(&region, checked);
    uint64_t said;
    uint64_t stored;

    cr_assert_eq(answer.status, 201);
    cr_assert(crc64_from_header(raw_header(&answer, "x-ms-content-crc64"), &said));
    raw_answer_fini(&answer);
    cr_assert(fault_case_log_has(&region, "\"fault\":\"it\""));
    cr_assert_eq(wrong_bits(&region, 'w', &stored), 1);
    cr_assert_eq(said, stored);
    region_stop(&region);
}

Test(region_fault_request, a_host_that_does_not_compare_stores_the_damage_and_says_its_checksum)
{
    expect_stored("\"fault\":\"corruptStored\"", true);
    expect_stored("\"fault\":\"corruptRequest\"", false);
}

Test(region_fault_request, a_reset_in_the_body_stores_nothing)
{
    struct region_process region =
        fault_case_begin("\"verb\":\"Put Page\"", "\"fault\":\"resetRequest\",\"afterBytes\":1000");
    struct raw_answer answer = put(&region, true);
    uint64_t crc64;

    cr_assert_eq(answer.status, 0, "the connection broke");
    raw_answer_fini(&answer);
    cr_assert_eq(wrong_bits(&region, 'f', &crc64), 0);
    for (int i = 0; i < 5000 && !fault_case_log_has(&region, "\"status\":0,\"fault\":\"it\""); i++)
        usleep(1000); /* its line is written when the connection is gone */
    cr_assert(fault_case_log_has(&region, "\"status\":0,\"fault\":\"it\""));
    region_stop(&region);
}

Test(region_fault_request, somebody_else_changes_the_blob_before_it_is_read)
{
    struct region_process region =
        fault_case_begin("\"verb\":\"Get Blob\"", "\"fault\":\"changeBlob\"");
    struct raw_answer before = case_ok(&region, 200, "HEAD", CASE_BLOB, NOTHING, "%s", "");
    struct raw_answer after;
    char guard[120];

    snprintf(guard, sizeof guard, "If-Match: %s\r\n", raw_header(&before, "ETag"));
    raw_answer_fini(&before);
    case_refused(&region, 412, "ConditionNotMet", "GET", CASE_BLOB, NOTHING, "%s", guard);
    after = case_ok(&region, 200, "HEAD", CASE_BLOB, NOTHING, "%s", "");
    cr_assert_null(strstr(guard, raw_header(&after, "ETag")));
    raw_answer_fini(&after);
    region_stop(&region);
}

/* The offset the only entry of a page begins at, and the marker it ends with. */
static uint64_t page(const struct region_process *region, const char *marker, char out_marker[64])
{
    char target[300];
    struct raw_answer answer;
    const char *at;
    uint64_t start;

    snprintf(target, sizeof target, "%s%s%s", LIST, *marker ? "&marker=" : "", marker);
    cr_assert(fault_case_get(region, target, NULL, &answer));
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    at = strstr(answer.body, "<Start>");
    cr_assert(at, "%s", answer.body);
    start = strtoull(at + 7, NULL, 10);
    out_marker[0] = '\0';
    at = strstr(answer.body, "<NextMarker>");
    if (at)
        snprintf(out_marker, 64, "%.*s", (int)strcspn(at + 12, "<"), at + 12);
    raw_answer_fini(&answer);
    return start;
}

Test(region_fault_request, two_pages_of_a_list_come_in_the_wrong_order)
{
    struct region_process region =
        fault_case_begin("\"comp\":\"pagelist\"", "\"fault\":\"listSwapPages\"");
    char marker[64];

    case_write(&region, CASE_BLOB, 786432, 512, 'x');
    cr_assert_eq(page(&region, "", marker), 786432, "the second page first");
    cr_assert_str_not_empty(marker);
    cr_assert_eq(page(&region, marker, marker), 0, "then the first");
    cr_assert_eq(page(&region, marker, marker), 786432);
    cr_assert_str_empty(marker);
    cr_assert(fault_case_log_has(&region, "\"fault\":\"it\""));
    region_stop(&region);
}

Test(region_fault_request, a_page_of_a_list_may_be_shorter_than_asked)
{
    struct region_process region =
        fault_case_begin("\"comp\":\"pagelist\"", "\"fault\":\"listShortPage\",\"entries\":2");
    struct raw_answer answer;

    for (uint64_t i = 0; i < 4; i++)
        case_write(&region, CASE_BLOB, 786432 + i * 1024, 512, 'x');
    cr_assert(fault_case_get(&region, CASE_BLOB "?comp=pagelist&maxresults=9", NULL, &answer));
    cr_assert_not_null(strstr(answer.body, "<End>786943</End></PageRange><NextMarker>2!"), "%s",
                       answer.body);
    raw_answer_fini(&answer);
    cr_assert(fault_case_get(&region, CASE_BLOB "?comp=pagelist&maxresults=9", NULL, &answer));
    cr_assert_not_null(strstr(answer.body, "<NextMarker/>"), "it had its one time");
    raw_answer_fini(&answer);
    cr_assert(fault_case_log_has(&region, "\"fault\":\"it\""));
    region_stop(&region);
}

Test(region_fault_request, what_cannot_happen_is_not_logged_as_though_it_had)
{
    static const char *const faults[] = {"\"fault\":\"corruptBody\"", "\"fault\":\"listReorder\"",
                                         "\"fault\":\"corruptRequest\"",
                                         "\"fault\":\"wrongContentRange\""};

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct region_process region = fault_case_begin("\"comp\":\"page\"", faults[i]);

        case_clear(&region, CASE_BLOB, 0, 512);
        cr_assert_not(fault_case_log_has(&region, "\"fault\""), "%s", faults[i]);
        region_stop(&region);
    }
}
