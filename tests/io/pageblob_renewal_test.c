/* pageblob_renewal_test.c - a URL exchanged under a page blob's feet: what was sent ends with the old one,
 * everything later carries the new one, whatever began it. */
#include "io/pageblob.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "io/pageblob_list.h"
#include "tests/support/http_bench.h"

#define BLOB_BYTES (64ull << 20)
#define PAGE       512u
#define XML(body)                                                                                  \
    {                                                                                              \
        .bytes = "HTTP/1.1 200 OK\r\nx-ms-blob-content-length: 67108864\r\nConnection: "           \
                 "close\r\n\r\n<PageList>" body "</PageList>",                                     \
        .then = SCRIPT_CLOSE                                                                       \
    }
#define RANGE(start, end) "<PageRange><Start>" start "</Start><End>" end "</End></PageRange>"

static struct http_bench bench;
static struct pageblob *blob;
static bool done;

static void begin(const struct script_answer *answers, size_t count)
{
    struct err e = {0};

    http_bench_setup(&bench, answers, count);
    blob = pageblob_new(bench.http, &bench.url, false, &e);
    cr_assert(blob);
    done = false;
}

static void finish(void)
{
    struct err e = {0};

    while (!done)
        cr_assert(reactor_turn(bench.reactor, NS_PER_S, &e), "%s", e.text);
    pageblob_free(blob);
    http_bench_finish(&bench);
}

/* The server's own address with another SAS. */
static void renew(void)
{
    struct secret_url url;
    struct err e = {0};
    char text[512];

    snprintf(text, sizeof text, "%s?sig=renewed", pageblob_url(blob)->address);
    cr_assert(secret_url_parse(text, &url, &e), "%s", e.text);
    pageblob_set_url(blob, &url);
    cr_assert_null(url.query, "taken");
}

static void expect_signed(size_t request, const char *with, const char *without)
{
    const char *head = script_server_request(bench.server, request);

    cr_expect(strstr(head, with), "request %zu", request);
    cr_expect_null(strstr(head, without), "request %zu", request);
}

/* ---- Lists ---- */

static void on_list(struct pageblob_list *list)
{
    (void)list;
    done = true;
}

static void on_page(struct pageblob_list *list)
{
    (void)list;
    if (strstr(pageblob_url(blob)->query, "topsecret"))
        renew();
}

Test(pageblob_renewal, later_pages_of_a_list_carry_the_new_url)
{
    static const struct script_answer answers[] = {
        XML(RANGE("0", "511") "<NextMarker>a</NextMarker>"),
        XML(RANGE("4096", "4607") "<NextMarker>b</NextMarker>"), XML(RANGE("8192", "8703"))};
    struct extent_set data = {0};
    struct pageblob_list list = {.within = {0, BLOB_BYTES},
                                 .size_bytes = BLOB_BYTES,
                                 .out_data = &data,
                                 .page = on_page,
                                 .done = on_list};
    struct err e = {0};

    begin(answers, 3);
    pageblob_list(blob, &list);
    while (!done)
        cr_assert(reactor_turn(bench.reactor, NS_PER_S, &e), "%s", e.text);
    cr_expect_not(err_is_set(&list.err), "%s", list.err.text);
    expect_signed(0, "sig=topsecret", "sig=renewed");
    expect_signed(1, "sig=renewed", "sig=topsecret");
    expect_signed(2, "sig=renewed", "sig=topsecret");
    extent_set_fini(&data);
    finish();
}

Test(pageblob_renewal, another_try_of_a_page_carries_the_new_url)
{
    static const struct script_answer answers[] = {
        {.bytes = "HTTP/1.1 503 Busy\r\nx-ms-error-code: ServerBusy\r\nContent-Length: 0\r\n\r\n"},
        XML(RANGE("0", "511"))};
    struct extent_set data = {0};
    struct pageblob_list list = {
        .within = {0, BLOB_BYTES}, .size_bytes = BLOB_BYTES, .out_data = &data, .done = on_list};
    struct err e = {0};

    begin(answers, 2);
    pageblob_list(blob, &list);
    while (script_server_request_count(bench.server) < 1)
        cr_assert(reactor_turn(bench.reactor, 10 * NS_PER_MS, &e), "%s", e.text);
    renew();
    while (!done)
        cr_assert(reactor_turn(bench.reactor, NS_PER_S, &e), "%s", e.text);
    cr_expect_not(err_is_set(&list.err), "%s", list.err.text);
    expect_signed(0, "sig=topsecret", "sig=renewed");
    expect_signed(1, "sig=renewed", "sig=topsecret");
    extent_set_fini(&data);
    finish();
}

/* ---- Data ---- */

struct many {
    struct pageblob_op op;
    unsigned char memory[PAGE];
};

static size_t ended_count;

static void on_read(struct pageblob_op *op)
{
    (void)op;
    ended_count++;
}

/* The bench has four connections: a fifth request waits its turn, and what counts is when it is sent. */
Test(pageblob_renewal, a_request_in_the_queue_ends_with_one_whole_url)
{
    static const struct script_answer answers[] = {
        {.bytes = "HTTP/1.1 503 Busy\r\nx-ms-error-code: ServerBusy\r\nContent-Length: 0\r\n\r\n",
         .drip_ms = 1}};
    static struct many all[12];
    struct err e = {0};
    size_t old_count = 0, new_count = 0;

    begin(answers, 1);
    for (size_t i = 0; i < 12; i++) {
        all[i].op = (struct pageblob_op){
            .offset = i * PAGE, .length = PAGE, .memory = all[i].memory, .done = on_read};
        pageblob_get(blob, &all[i].op);
        if (i == 8)
            renew();
    }
    while (ended_count < 12)
        cr_assert(reactor_turn(bench.reactor, NS_PER_S, &e), "%s", e.text);
    for (size_t i = 0; i < script_server_request_count(bench.server); i++) {
        bool is_old = strstr(script_server_request(bench.server, i), "sig=topsecret") != NULL;
        bool is_new = strstr(script_server_request(bench.server, i), "sig=renewed") != NULL;

        cr_expect_neq(is_old, is_new, "request %zu", i);
        old_count += is_old;
        new_count += is_new;
    }
    cr_expect_eq(old_count + new_count, 12u);
    cr_expect_geq(new_count, 3u, "those submitted after the exchange");
    done = true;
    finish();
}

static void on_checked(struct pageblob_op *op)
{
    (void)op;
    done = true;
}

Test(pageblob_renewal, a_request_repeated_for_another_checksum_carries_the_new_url)
{
    static const struct script_answer answers[] = {
        {.bytes = "HTTP/1.1 500 No\r\nx-ms-error-code: FeatureNotSupported\r\nContent-Length: "
                  "0\r\n\r\n",
         .drip_ms = 1},
        {.bytes = "HTTP/1.1 404 No\r\nx-ms-error-code: BlobNotFound\r\nContent-Length: 0\r\n\r\n"}};
    static struct many one;
    struct err e = {0};

    begin(answers, 2);
    one.op = (struct pageblob_op){.length = PAGE, .memory = one.memory, .done = on_checked};
    pageblob_get(blob, &one.op);
    while (script_server_request_count(bench.server) < 1)
        cr_assert(reactor_turn(bench.reactor, NS_PER_MS, &e), "%s", e.text);
    renew(); /* the answer is on its way */
    while (!done)
        cr_assert(reactor_turn(bench.reactor, NS_PER_S, &e), "%s", e.text);
    cr_expect_eq(script_server_request_count(bench.server), 2u);
    expect_signed(0, "sig=topsecret", "sig=renewed");
    expect_signed(1, "sig=renewed", "sig=topsecret");
    cr_expect_eq(one.op.err.http_status, 404);
    finish();
}
