/* pageblob_checksum_test.c - which checksum a host knows is found out, and what does not match is refused. */
#include "io/pageblob.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/http_bench.h"

#define PAGE      512u
#define ZEROS_MD5 "v2GerAzfP2jUluqTRBN+iw=="
#define ZEROS_CRC "6YKnaCgO5h0="
#define OTHER_CRC "u661BimQ84c="
#define UNKNOWN                                                                                    \
    "HTTP/1.1 500 No\r\nx-ms-error-code: FeatureNotSupported\r\nContent-Length: 0\r\n\r\n"
#define CREATED(headers) "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n" headers "\r\n"
#define READ_HEAD(headers)                                                                         \
    "HTTP/1.1 206 Part\r\nContent-Length: 512\r\nContent-Range: bytes 0-511/1024\r\n" headers "\r" \
    "\n"

/* An answer of these headers and 512 zero bytes; a test has at most PAGES_MAX (a process each). */
static struct script_answer page_with(const char *headers)
{
    enum { PAGES_MAX = 8 };
    static char pages[PAGES_MAX][1024];
    static size_t used;
    size_t head = strlen(headers);

    cr_assert(used < PAGES_MAX && head + PAGE <= sizeof pages[0]);
    memcpy(pages[used], headers, head);
    return (struct script_answer){.bytes = pages[used++], .count = head + PAGE};
}

struct waited_op {
    struct pageblob_op op;
    bool done;
};

static void on_done(struct pageblob_op *op)
{
    ((struct waited_op *)op)->done = true;
}

typedef void verb_fn(struct pageblob *, struct pageblob_op *);

static struct err ask(struct http_bench *b, struct pageblob *blob, verb_fn *verb)
{
    static unsigned char memory[PAGE];
    struct waited_op w = {.op = {.length = PAGE, .memory = memory, .done = on_done}};
    struct err e = {0};

    memset(memory, 0, sizeof memory);
    verb(blob, &w.op);
    while (!w.done)
        cr_assert(reactor_turn(b->reactor, NS_PER_S, &e), "%s", e.text);
    return w.op.err;
}

struct fixture {
    struct http_bench bench;
    struct pageblob *blob;
};

static void begin(struct fixture *f, const struct script_answer *answers, size_t count)
{
    struct err e = {0};

    http_bench_setup(&f->bench, answers, count);
    f->blob = pageblob_new(f->bench.http, &f->bench.url, false, &e);
    cr_assert(f->blob);
}

static void finish(struct fixture *f)
{
    pageblob_free(f->blob);
    http_bench_finish(&f->bench);
}

static void asked_for(struct fixture *f, size_t i, const char *header)
{
    const char *head = script_server_request(f->bench.server, i);

    cr_assert(strstr(head, header), "request %zu lacks %s:\n%s", i, header, head);
}

static void asked_without(struct fixture *f, size_t i, const char *header)
{
    const char *head = script_server_request(f->bench.server, i);

    cr_assert_null(strstr(head, header), "request %zu has %s:\n%s", i, header, head);
}

static void expect_ok(struct err e)
{
    cr_assert(!err_is_set(&e), "%s", e.text);
}

static void expect_corrupt(struct err e)
{
    cr_assert_eq(e.kind, ERR_CORRUPT, "%s", e.text);
    cr_assert_eq(e.retry, RETRY_LATER);
}

/* ---- Reading ---- */

Test(pageblob_checksum, a_read_that_matches_its_crc64_is_good_and_another_is_not)
{
    struct script_answer answers[2] = {
        page_with(READ_HEAD("x-ms-content-crc64: " ZEROS_CRC "\r\n")),
        page_with(READ_HEAD("x-ms-content-crc64: " OTHER_CRC "\r\n"))};
    struct fixture f;

    begin(&f, answers, 2);
    expect_ok(ask(&f.bench, f.blob, pageblob_get));
    asked_for(&f, 0, "\r\nx-ms-range-get-content-crc64: true\r\n");
    asked_for(&f, 0, "\r\nx-ms-range: bytes=0-511\r\n");
    expect_corrupt(ask(&f.bench, f.blob, pageblob_get));
    finish(&f);
}

Test(pageblob_checksum, a_host_that_refuses_crc64_is_asked_for_md5_from_then_on)
{
    struct script_answer answers[4] = {{.bytes = UNKNOWN},
                                       page_with(READ_HEAD("Content-MD5: " ZEROS_MD5 "\r\n")),
                                       page_with(READ_HEAD("Content-MD5: " ZEROS_MD5 "\r\n")),
                                       page_with(
                                           READ_HEAD("Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==\r\n"))};
    struct fixture f;

    begin(&f, answers, 4);
    expect_ok(ask(&f.bench, f.blob, pageblob_get));
    expect_ok(ask(&f.bench, f.blob, pageblob_get));
    expect_corrupt(ask(&f.bench, f.blob, pageblob_get));
    asked_for(&f, 0, "crc64: true");
    for (size_t i = 1; i < 4; i++) {
        asked_for(&f, i, "x-ms-range-get-content-md5: true");
        asked_without(&f, i, "crc64");
    }
    cr_assert(!pageblob_checks_nothing(f.blob));
    finish(&f);
}

Test(pageblob_checksum, a_host_that_gives_none_is_used_without_and_says_so)
{
    struct script_answer answers[1] = {page_with(READ_HEAD(""))};
    struct fixture f;

    begin(&f, answers, 1);
    expect_ok(ask(&f.bench, f.blob, pageblob_get)); /* CRC64, then MD5: neither came */
    cr_assert(pageblob_checks_nothing(f.blob));
    expect_ok(ask(&f.bench, f.blob, pageblob_get));
    cr_assert_eq(script_server_request_count(f.bench.server), 3);
    asked_for(&f, 1, "x-ms-range-get-content-md5: true");
    asked_without(&f, 2, "x-ms-range-get-content");
    finish(&f);
}

Test(pageblob_checksum, a_host_that_gave_crc64_must_go_on)
{
    struct script_answer answers[2] = {
        page_with(READ_HEAD("x-ms-content-crc64: " ZEROS_CRC "\r\n")), page_with(READ_HEAD(""))};
    struct fixture f;

    begin(&f, answers, 2);
    expect_ok(ask(&f.bench, f.blob, pageblob_get));
    expect_corrupt(ask(&f.bench, f.blob, pageblob_get));
    cr_assert(!pageblob_checks_nothing(f.blob));
    finish(&f);
}

Test(pageblob_checksum, a_refusal_for_another_reason_teaches_nothing)
{
    static const struct script_answer bad = {
        .bytes =
            "HTTP/1.1 400 Bad\r\nx-ms-error-code: InvalidHeaderValue\r\nContent-Length: 0\r\n\r\n"};
    struct script_answer answers[4] = {
        bad, bad, bad, page_with(READ_HEAD("x-ms-content-crc64: " ZEROS_CRC "\r\n"))};
    struct fixture f;
    struct err e;

    begin(&f, answers, 4);
    e = ask(&f.bench, f.blob, pageblob_get); /* with CRC64, MD5, neither */
    cr_assert_eq(e.kind, ERR_USAGE, "%s", e.text);
    cr_assert(!pageblob_checks_nothing(f.blob));
    expect_ok(ask(&f.bench, f.blob, pageblob_get));
    asked_for(&f, 3, "crc64: true");
    finish(&f);
}

/* ---- Writing ---- */

Test(pageblob_checksum, a_write_compares_what_the_host_stored)
{
    static const struct script_answer answers[] = {
        {.bytes = CREATED("x-ms-content-crc64: " ZEROS_CRC "\r\n")},
        {.bytes = CREATED("x-ms-content-crc64: " OTHER_CRC "\r\n")}};
    struct fixture f;

    begin(&f, answers, 2);
    expect_ok(ask(&f.bench, f.blob, pageblob_put));
    asked_for(&f, 0, "\r\nx-ms-content-crc64: " ZEROS_CRC "\r\n");
    asked_for(&f, 0, "\r\nx-ms-page-write: update\r\n");
    cr_assert_eq(script_server_body_bytes(f.bench.server, 0), PAGE);
    expect_corrupt(ask(&f.bench, f.blob, pageblob_put));
    finish(&f);
}

Test(pageblob_checksum, a_host_without_crc64_gets_md5_with_a_write)
{
    static const struct script_answer answers[] = {
        {.bytes = UNKNOWN},
        {.bytes = CREATED("Content-MD5: " ZEROS_MD5 "\r\n")},
        {.bytes = CREATED("Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==\r\n")}};
    struct fixture f;

    begin(&f, answers, 3);
    expect_ok(ask(&f.bench, f.blob, pageblob_put));
    asked_for(&f, 1, "\r\nContent-MD5: " ZEROS_MD5 "\r\n");
    asked_without(&f, 1, "crc64");
    expect_corrupt(ask(&f.bench, f.blob, pageblob_put));
    cr_assert(!pageblob_checks_nothing(f.blob));
    finish(&f);
}

Test(pageblob_checksum, a_host_that_ignores_both_is_written_without)
{
    static const struct script_answer answers[] = {{.bytes = CREATED("")}};
    struct fixture f;

    begin(&f, answers, 1);
    expect_ok(ask(&f.bench, f.blob, pageblob_put));
    expect_ok(ask(&f.bench, f.blob, pageblob_put));
    cr_assert(pageblob_checks_nothing(f.blob));
    cr_assert_eq(script_server_request_count(f.bench.server), 3);
    asked_without(&f, 2, "crc64");
    asked_without(&f, 2, "MD5");
    finish(&f);
}

Test(pageblob_checksum, a_damaged_upload_is_worth_another_try)
{
    static const struct script_answer answers[] = {
        {.bytes =
             "HTTP/1.1 400 Bad\r\nx-ms-error-code: Crc64Mismatch\r\nContent-Length: 0\r\n\r\n"}};
    struct fixture f;

    begin(&f, answers, 1);
    expect_corrupt(ask(&f.bench, f.blob, pageblob_put));
    cr_assert_eq(script_server_request_count(f.bench.server), 1);
    finish(&f);
}
