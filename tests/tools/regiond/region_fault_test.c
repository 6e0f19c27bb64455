/* region_fault_test.c - every kind of fault, and the shape's pace, seen by a client's socket. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/fault_case.h"

#define NOTHING NULL, 0
#define KIB     1024u
#define LIST    CASE_BLOB "?comp=pagelist"
#define PAGE    CASE_BLOB "?comp=page"

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* After the fault has had its one time, the range is what it was. */
static void expect_right(const struct region_process *region)
{
    struct raw_answer answer;

    cr_assert(fault_case_get(region, CASE_BLOB, "x-ms-range: bytes=0-524287\r\n", &answer));
    cr_assert_eq(answer.status, 206);
    cr_assert_eq(answer.body_bytes, 512 * KIB);
    for (size_t i = 0; i < answer.body_bytes; i++)
        cr_assert_eq(answer.body[i], 'f');
    raw_answer_fini(&answer);
}

Test(region_fault, answers_a_status_and_does_nothing)
{
    struct region_process region =
        fault_case_begin("\"verb\":\"Put Page\"",
                         "\"fault\":\"status\",\"status\":503,\"retryAfter\":7");
    struct raw_answer answer =
        raw_once(region.port, "PUT", PAGE, "x-ms-page-write: clear\r\nx-ms-range: bytes=0-511\r\n",
                 NOTHING);

    cr_assert_eq(answer.status, 503);
    cr_assert_str_eq(raw_header(&answer, "x-ms-error-code"), "ServerBusy");
    cr_assert_str_eq(raw_header(&answer, "Retry-After"), "7");
    cr_assert_not_null(strstr(answer.body, "<Message>The server is busy.\n"), "%s", answer.body);
    raw_answer_fini(&answer);
    expect_right(&region);
    cr_assert(fault_case_log_has(&region, "\"code\":\"ServerBusy\",\"fault\":\"it\""));
    region_stop(&region);
}

Test(region_fault, resets_before_or_after_the_work)
{
    static const char *const faults[] = {"\"fault\":\"reset\"", "\"fault\":\"lostAnswer\""};
    static const char clear[] = "x-ms-page-write: clear\r\nx-ms-range: bytes=524288-1048575\r\n";

    for (int done = 0; done < 2; done++) {
        struct region_process region = fault_case_begin("\"comp\":\"page\"", faults[done]);
        struct raw_answer before = case_ok(&region, 200, "HEAD", CASE_BLOB, NOTHING, "%s", "");
        struct raw_answer after;
        char etag[64];

        snprintf(etag, sizeof etag, "%s", raw_header(&before, "ETag"));
        raw_answer_fini(&before);
        after = raw_once(region.port, "PUT", PAGE, clear, NOTHING);
        cr_assert_eq(after.status, 0, "the connection broke");
        raw_answer_fini(&after);
        after = case_ok(&region, 200, "HEAD", CASE_BLOB, NOTHING, "%s", "");
        cr_assert_eq(strcmp(raw_header(&after, "ETag"), etag) != 0, done);
        raw_answer_fini(&after);
        region_stop(&region);
    }
}

Test(region_fault, does_it_late_after_saying_that_it_timed_out)
{
    struct region_process region =
        fault_case_begin("\"comp\":\"page\"", "\"fault\":\"late\",\"ms\":700");
    double began = now_ms();
    struct raw_answer answer;
    char seen = 'f';

    case_refused(&region, 500, "OperationTimedOut", "PUT", PAGE, NOTHING,
                 "x-ms-page-write: clear\r\nx-ms-range: bytes=0-511\r\n");
    cr_assert_lt(now_ms() - began, 700.0, "the answer does not wait for the work");
    while (seen == 'f' && now_ms() - began < 5000.0) {
        cr_assert(fault_case_get(&region, CASE_BLOB, "x-ms-range: bytes=0-0\r\n", &answer));
        seen = answer.body[0];
        raw_answer_fini(&answer);
    }
    cr_assert_eq(seen, 0, "the late clear has landed");
    cr_assert_geq(now_ms() - began, 700.0);
    region_stop(&region);
}

Test(region_fault, breaks_a_body_off_by_reset_and_by_an_end)
{
    static const char *const faults[] = {"\"fault\":\"resetBody\",\"afterBytes\":100000",
                                         "\"fault\":\"closeBody\",\"afterBytes\":100000"};

    for (int i = 0; i < 2; i++) {
        struct region_process region = fault_case_begin("\"verb\":\"Get Blob\"", faults[i]);
        struct raw_answer answer;

        cr_assert_not(
            fault_case_get(&region, CASE_BLOB, "x-ms-range: bytes=0-524287\r\n", &answer));
        cr_assert_eq(answer.status, 206, "the head came");
        raw_answer_fini(&answer);
        expect_right(&region);
        region_stop(&region);
    }
}

Test(region_fault, shortens_corrupts_and_mislabels)
{
    struct region_process region =
        fault_case_begin("\"verb\":\"Get Blob\"", "\"fault\":\"shortBody\",\"afterBytes\":512");
    struct raw_answer answer;
    unsigned wrong = 0;

    cr_assert(fault_case_get(&region, CASE_BLOB, "x-ms-range: bytes=0-524287\r\n", &answer));
    cr_assert_eq(answer.body_bytes, 512 * KIB - 512);
    cr_assert_str_eq(raw_header(&answer, "Content-Range"), "bytes 0-524287/1048576");
    raw_answer_fini(&answer);
    region_stop(&region);

    region = fault_case_begin("\"verb\":\"Get Blob\"", "\"fault\":\"corruptBody\"");
    cr_assert(fault_case_get(&region, CASE_BLOB,
                             "x-ms-range: bytes=0-511\r\nx-ms-range-get-content-crc64: true\r\n",
                             &answer));
    for (size_t i = 0; i < answer.body_bytes; i++)
        wrong += answer.body[i] != 'f';
    cr_assert_eq(wrong, 1);
    cr_assert_not_null(raw_header(&answer, "x-ms-content-crc64"));
    raw_answer_fini(&answer);
    expect_right(&region);
    region_stop(&region);

    region = fault_case_begin("\"verb\":\"Get Blob\"", "\"fault\":\"wrongContentRange\"");
    cr_assert(fault_case_get(&region, CASE_BLOB, "x-ms-range: bytes=0-511\r\n", &answer));
    cr_assert_str_eq(raw_header(&answer, "Content-Range"), "bytes 512-1023/1048576");
    raw_answer_fini(&answer);
    region_stop(&region);
}

Test(region_fault, takes_its_time)
{
    static const char *const faults[] = {"\"fault\":\"delay\",\"ms\":700",
                                         "\"fault\":\"stall\",\"afterBytes\":1000,\"ms\":700",
                                         "\"fault\":\"drip\",\"bytesPerSecond\":740000"};

    for (size_t i = 0; i < 3; i++) {
        struct region_process region = fault_case_begin("\"verb\":\"Get Blob\"", faults[i]);
        double began = now_ms();

        expect_right(&region);
        cr_assert_geq(now_ms() - began, 690.0, "%s", faults[i]);
        began = now_ms();
        expect_right(&region);
        cr_assert_lt(now_ms() - began, 690.0, "it had its one time");
        region_stop(&region);
    }
}

static void *run_get(void *context)
{
    struct raw_answer answer;

    fault_case_get(context, CASE_BLOB, "x-ms-range: bytes=0-524287\r\n", &answer);
    raw_answer_fini(&answer);
    return NULL;
}

/* An hour's stall must not outlive the server, nor keep it from ending. */
Test(region_fault, does_not_keep_the_region_from_ending)
{
    struct region_process region =
        fault_case_begin("\"verb\":\"Get Blob\"", "\"fault\":\"stall\",\"afterBytes\":1000");
    pthread_t client;
    double began;

    pthread_create(&client, NULL, run_get, &region);
    while (!fault_case_log_has(&region, "\"fault\":\"it\""))
        usleep(1000);
    began = now_ms();
    region_stop(&region);
    cr_assert_lt(now_ms() - began, 10000.0);
    pthread_join(client, NULL);
}

/* What the list of two entries becomes. */
static void expect_spoilt(const char *fault, const char *expected)
{
    char member[64];
    struct region_process region;
    struct raw_answer answer;

    snprintf(member, sizeof member, "\"fault\":\"%s\"", fault);
    region = fault_case_begin("\"comp\":\"pagelist\"", member);
    case_write(&region, CASE_BLOB, 1040384, 512, 'x');
    cr_assert(fault_case_get(&region, LIST "&maxresults=9", NULL, &answer));
    cr_assert_eq(answer.status, 200);
    cr_assert_not_null(strstr(answer.body, expected), "%s: %s", fault, answer.body);
    raw_answer_fini(&answer);
    cr_assert(fault_case_get(&region, LIST "&maxresults=9", NULL, &answer));
    cr_assert_null(strstr(answer.body, expected), "%s had its one time", fault);
    raw_answer_fini(&answer);
    region_stop(&region);
}

#define FIRST  "<PageRange><Start>0</Start><End>524287</End></PageRange>"
#define SECOND "<PageRange><Start>1040384</Start><End>1040895</End></PageRange>"

Test(region_fault, spoils_range_lists)
{
    struct region_process region;
    struct raw_answer answer;

    expect_spoilt("listReorder", "<PageList>" SECOND FIRST "<NextMarker/></PageList>");
    expect_spoilt("listBeyondEnd",
                  FIRST SECOND "<PageRange><Start>1048576</Start><End>1049087</End>"
                               "</PageRange><NextMarker/></PageList>");
    expect_spoilt("listSameMarker", FIRST SECOND "<NextMarker>2!12!MDAwMDAxITAh</NextMarker>");
    region = fault_case_begin("\"comp\":\"pagelist\"", "\"fault\":\"listDuplicate\"");
    cr_assert(fault_case_get(&region, LIST, NULL, &answer));
    cr_assert_not_null(strstr(answer.body, "<PageList>" FIRST FIRST "</PageList>"));
    raw_answer_fini(&answer);
    region_stop(&region);
    region = fault_case_begin("\"comp\":\"pagelist\"", "\"fault\":\"listDrop\"");
    cr_assert(fault_case_get(&region, LIST, NULL, &answer));
    cr_assert_not_null(strstr(answer.body, "<PageList></PageList>"), "its one entry is gone");
    raw_answer_fini(&answer);
    region_stop(&region);
    region = fault_case_begin("\"comp\":\"pagelist\"", "\"fault\":\"listTruncate\"");
    cr_assert(fault_case_get(&region, LIST, NULL, &answer));
    cr_assert_eq(answer.status, 200);
    cr_assert_null(strstr(answer.body, "</PageList>"));
    raw_answer_fini(&answer);
    region_stop(&region);
}

Test(region_shape, holds_answers_back_by_latency_and_rate)
{
    struct region_process region =
        fault_case_serve("--shape",
                         "{\"latencyMs\":50,\"burstMs\":10,\"blob\":{\"bytesPerSecond\":2000000}}");
    double began = now_ms();
    struct raw_answer answer;

    cr_assert(fault_case_get(&region, CASE_BLOB "?comp=metadata", NULL, &answer));
    raw_answer_fini(&answer);
    cr_assert_geq(now_ms() - began, 49.0);
    began = now_ms();
    expect_right(&region);
    cr_assert_geq(now_ms() - began, 240.0, "512 KiB at 2 MB/s, less what was saved up");
    region_stop(&region);
}

/* A link's packets have a size: bytes let through as they fall due would keep both ends busy with calls. */
Test(region_shape, lets_a_body_through_in_pieces_of_a_link)
{
    struct region_process region =
        fault_case_serve("--shape", "{\"burstMs\":1,\"blob\":{\"bytesPerSecond\":4000000}}");
    struct raw_answer answer;

    cr_assert(fault_case_get(&region, CASE_BLOB, "x-ms-range: bytes=0-524287\r\n", &answer));
    cr_assert_eq(answer.body_bytes, 512 * KIB);
    cr_assert_gt(answer.body_pieces, 1, "it came at a pace");
    cr_assert_leq(answer.body_pieces, 96, "%u pieces", answer.body_pieces);
    raw_answer_fini(&answer);
    region_stop(&region);
}

struct list_ask {
    pthread_t thread;
    const struct region_process *region;
    struct raw_answer answer;
};

static void *run_ask(void *context)
{
    struct list_ask *ask = context;

    fault_case_get(ask->region, LIST, NULL, &ask->answer);
    return NULL;
}

Test(region_shape, says_it_is_busy_when_asked_to)
{
    struct region_process region =
        fault_case_serve("--shape", "{\"over\":\"503\",\"burstMs\":100,\"retryAfterSeconds\":3,"
                                    "\"account\":{\"requestsPerSecond\":10}}");
    struct list_ask asks[16];
    unsigned busy = 0;

    for (int i = 0; i < 16; i++) {
        asks[i].region = &region;
        pthread_create(&asks[i].thread, NULL, run_ask, &asks[i]);
    }
    for (int i = 0; i < 16; i++) {
        struct raw_answer *answer = &asks[i].answer;

        pthread_join(asks[i].thread, NULL);
        cr_assert(answer->status == 200 || answer->status == 503);
        if (answer->status == 503) {
            busy++;
            cr_assert_str_eq(raw_header(answer, "x-ms-error-code"), "ServerBusy");
            cr_assert_str_eq(raw_header(answer, "Retry-After"), "3");
        }
        raw_answer_fini(answer);
    }
    cr_assert(busy > 0 && busy < 16, "%u of 16 at once were refused", busy);
    region_stop(&region);
}
