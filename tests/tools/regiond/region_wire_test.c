/* region_wire_test.c - what the server does as an HTTP server: connections, refusals, its log. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/region_case.h"

#define NOTHING NULL, 0
#define MIB     (1u << 20)

static double now_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static char *read_log(const struct region_process *region)
{
    FILE *in = fopen(region->log, "r");
    char *text = calloc(1, MIB);
    size_t n = fread(text, 1, MIB - 1, in);

    text[n] = '\0';
    fclose(in);
    return text;
}

/* Two exchanges a request in lockstep: a delayed acknowledgement would cost each 40 ms. */
Test(region_wire, answers_many_small_requests_on_one_connection_without_a_stall)
{
    struct region_process region = case_begin(4096);
    struct raw_request read = {.method = "GET",
                               .target = CASE_BLOB,
                               .headers = "x-ms-range: bytes=0-511\r\n"};
    struct raw_request list = {.method = "GET", .target = CASE_BLOB "?comp=pagelist"};
    struct raw_request refused = {.method = "GET", .target = CASE_BLOB "?comp=none"};
    double began = now_seconds();
    struct raw_answer answer;
    int fd = raw_connect(region.port);

    for (int i = 0; i < 100; i++) {
        cr_assert(raw_exchange(fd, &read, &answer));
        cr_assert_eq(answer.status, 206);
        raw_answer_fini(&answer);
        cr_assert(raw_exchange(fd, &list, &answer));
        cr_assert_eq(answer.status, 200);
        raw_answer_fini(&answer);
        cr_assert(raw_exchange(fd, &refused, &answer));
        cr_assert_eq(answer.status, 400);
        raw_answer_fini(&answer);
    }
    close(fd);
    cr_assert_lt(now_seconds() - began, 6.0, "300 requests with 40 ms each take 12 s");
    region_stop(&region);
}

Test(region_wire, lets_a_client_read_why_its_body_was_refused)
{
    struct region_process region = case_begin(MIB);
    char *body = calloc(1, 8 * MIB);
    struct raw_request request = {.method = "PUT",
                                  .target = CASE_BLOB "?comp=page",
                                  .headers = "x-ms-page-write: update\r\n"
                                             "x-ms-range: bytes=0-8388607\r\n",
                                  .body = body,
                                  .body_bytes = 8 * MIB};
    struct raw_answer answer;
    int fd = raw_connect(region.port);

    cr_assert(raw_exchange(fd, &request, &answer));
    cr_assert_eq(answer.status, 413);
    raw_answer_fini(&answer);
    request = (struct raw_request){.method = "HEAD", .target = CASE_BLOB};
    cr_assert(raw_exchange(fd, &request, &answer), "the connection is still good");
    cr_assert_eq(answer.status, 200);
    raw_answer_fini(&answer);
    close(fd);
    free(body);
    region_stop(&region);
}

Test(region_wire, refuses_what_it_does_not_know)
{
    struct region_process region = case_begin(512);

    case_refused(&region, 400, "InvalidQueryParameterValue", "GET", CASE_BLOB "?comp=tags", NOTHING,
                 "%s", "");
    case_refused(&region, 405, "UnsupportedHttpVerb", "PATCH", CASE_BLOB, NOTHING, "%s", "");
    case_refused(&region, 405, "UnsupportedHttpVerb", "DELETE", CASE_BLOB "?comp=pagelist", NOTHING,
                 "%s", "");
    case_refused(&region, 404, "ResourceNotFound", "GET", CASE_CONTAINER, NOTHING, "%s", "");
    case_refused(&region, 400, "UnsupportedHeader", "GET", CASE_BLOB, NOTHING,
                 "x-ms-encryption-key: abc\r\n");
    case_refused(&region, 400, "InvalidUri", "GET", "//c/b", NOTHING, "%s", "");
    region_stop(&region);
}

Test(region_wire, answers_a_refused_head_without_a_body)
{
    struct region_process region = case_begin(0);
    struct raw_answer answer = raw_once(region.port, "HEAD", CASE_BLOB, NULL, NOTHING);

    cr_assert_eq(answer.status, 404);
    cr_assert_str_eq(raw_header(&answer, "x-ms-error-code"), "BlobNotFound");
    cr_assert_eq(answer.body_bytes, 0);
    raw_answer_fini(&answer);
    region_stop(&region);
}

Test(region_wire, logs_each_request_in_one_line_without_a_secret)
{
    struct region_process region = case_begin(MIB);
    struct raw_answer answer;
    char *log;

    case_write(&region, CASE_BLOB, 512, 1024, 'l');
    answer = case_ok(&region, 206, "GET", CASE_BLOB "?sv=2020-12-06&foo=c2VjcmV0", NOTHING,
                     "x-ms-range: bytes=512-1023\r\nx-ms-range-get-content-crc64: true\r\n"
                     "x-ms-client-request-id: the-read\r\n");
    raw_answer_fini(&answer);
    log = read_log(&region);
    cr_assert_not_null(strstr(log, "\"verb\":\"Put Page\",\"account\":\"devstoreaccount1\","
                                   "\"container\":\"cont\",\"blob\":\"disk.vhd\",\"comp\":\"page\","
                                   "\"pageWrite\":\"update\",\"rangeOffset\":512,"
                                   "\"rangeLength\":1024,\"caller\":\"key\",\"status\":201,"
                                   "\"bytesIn\":1024,\"bytesOut\":0,"),
                       "%s", log);
    cr_assert_not_null(strstr(log, "\"rangeOffset\":512,\"rangeLength\":512,"
                                   "\"checksumAsked\":\"crc64\",\"caller\":\"key\",\"status\":206,"
                                   "\"bytesIn\":0,\"bytesOut\":512,"),
                       "%s", log);
    cr_assert_not_null(strstr(log, "\"clientRequestId\":\"the-read\"}\n"), "%s", log);
    cr_assert_null(strstr(log, "c2VjcmV0"));
    cr_assert_null(strstr(log, "SharedKey"));
    free(log);
    region_stop(&region);
}

Test(region_wire, keeps_what_it_answered_through_kill_9)
{
    struct region_process region = case_begin(MIB);
    struct raw_answer answer;

    case_write(&region, CASE_BLOB, 4096, 512, 'k');
    region_kill(&region);
    region_start(&region, NULL);
    answer = case_ok(&region, 206, "GET", CASE_BLOB, NOTHING, "x-ms-range: bytes=4095-4096\r\n");
    cr_assert_eq(answer.body[0], 0);
    cr_assert_eq(answer.body[1], 'k');
    raw_answer_fini(&answer);
    region_stop(&region);
}

/* A HEAD has no body, a refused one neither: a byte more would be taken for the next answer. */
Test(region_wire, sends_nothing_after_the_head_of_a_refused_HEAD)
{
    struct region_process region = case_begin(4096);
    struct raw_request missing = {.method = "HEAD", .target = "/devstoreaccount1/disks/none"};
    struct raw_request read = {.method = "GET",
                               .target = CASE_BLOB,
                               .headers = "x-ms-range: bytes=0-511\r\n"};
    struct raw_answer answer;
    int fd = raw_connect(region.port);

    for (int i = 0; i < 20; i++) {
        cr_assert(raw_exchange(fd, &missing, &answer));
        cr_assert_geq(answer.status, 400);
        raw_answer_fini(&answer);
        cr_assert(raw_exchange(fd, &read, &answer));
        cr_assert_eq(answer.status, 206);
        raw_answer_fini(&answer);
    }
    close(fd);
    region_stop(&region);
}
