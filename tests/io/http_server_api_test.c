/* http_server_api_test.c - the server as an API has it: PATCH, long paths, refusals in the API's own form,
 * clients without a certificate. What a relay is promised without these options is in http_server_test.c.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/server_bench.h"
#include "tests/support/test_ca.h"

#define BODY_MAX 1000u

static char *shape(void *arg, const struct http_refusal *refusal)
{
    char *text = NULL;

    (void)arg;
    cr_assert(asprintf(&text, "{\"error\":%u,\"why\":\"%s\"}", refusal->status, refusal->why) > 0);
    return text;
}

static const struct http_server_options api = {.patch = true,
                                               .path_max_bytes = HTTP_SERVER_PATH_TOP_BYTES,
                                               .body_max_bytes = BODY_MAX,
                                               .shape = shape};

TEST_BOTH(http_server_api, patch_has_a_body_as_put_has)
{
    struct bench_request patch = {.req = {.method = HTTP_PATCH, .body = "\1\1\1", .body_bytes = 3}};
    struct bench_request get = {0};
    struct server_bench b;

    server_bench_begin(&b, backend, &api, NULL);
    cr_assert_eq(server_bench_exchange(&b, &patch, "/x"), 200, "%s", patch.req.err.text);
    cr_assert_eq(b.body_sum, 3);
    cr_assert_eq(server_bench_exchange(&b, &get, "/x"),
                 200); /* the client's handle is a GET's again */
    cr_assert_eq(b.body_bytes, 0);
    server_bench_end(&b);
}

TEST_BOTH(http_server_api, names_of_a_thousand_characters_reach_the_handler)
{
    char target[3200];
    struct bench_request get = {0};
    struct server_bench b;

    snprintf(target, sizeof target, "/%03000d?a=1", 7);
    server_bench_begin(&b, backend, &api, NULL);
    cr_assert_eq(server_bench_exchange(&b, &get, target), 200, "%s", get.answer);
    cr_assert_str_eq(b.query_a, "1");
    server_bench_end(&b);
}

static void check(struct server_bench *b, const char *bytes, const char *status)
{
    char shaped[40];
    const char *came = server_bench_raw(b, bytes, NULL);

    snprintf(shaped, sizeof shaped, "{\"error\":%s,\"why\":\"", status);
    cr_assert_eq(strncmp(came, "HTTP/1.1 ", 9), 0, "%.100s: %s", bytes, came);
    cr_assert_eq(strncmp(came + 9, status, 3), 0, "%.100s: %s", bytes, came);
    cr_assert(strstr(came, shaped), "%.100s: %s", bytes, came);
    cr_assert(strstr(came, "x-ms-request-id: "), "%s", came);
}

TEST_BOTH(http_server_api, refusals_have_the_form_the_api_gives_them)
{
    static char path[6000];
    struct bench_request after = {0};
    struct server_bench b;

    snprintf(path, sizeof path, "GET /%05000d HTTP/1.1\r\nHost: h\r\n\r\n", 1);
    server_bench_begin(&b, backend, &api, NULL);
    check(&b, path, "414");
    check(&b, "BREW /x HTTP/1.1\r\nHost: h\r\n\r\n", "405");
    check(&b, "BREW /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", "405");
    check(&b, "PATCH /x HTTP/1.1\r\nHost: h\r\n\r\n", "411");
    check(&b, "PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "411");
    check(&b, "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", "400");
    check(&b, "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n",
          "413");
    check(&b, "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999999\r\n\r\n", "413");
    cr_assert_eq(b.begun_count, 0);
    cr_assert_eq(server_bench_exchange(&b, &after, "/x"), 200);
    server_bench_end(&b);
}

/* Ten MiB that are on their way are let come: the client sees the refusal, and no broken pipe. */
TEST_BOTH(http_server_api, a_body_too_large_is_let_come_so_that_its_refusal_is_seen)
{
    size_t bytes = 10u << 20;
    void *body = calloc(1, bytes);
    struct server_bench b;

    server_bench_begin(&b, backend, &api, NULL);
    for (unsigned i = 0; i < 4; i++) {
        struct bench_request request = {
            .req = {.method = i % 2 ? HTTP_PATCH : HTTP_PUT, .body = body, .body_bytes = bytes}};

        cr_assert_eq(server_bench_exchange(&b, &request, "/x"), 413, "%s", request.req.err.text);
        cr_assert(strstr(request.answer, "{\"error\":413"), "%s", request.answer);
    }
    cr_assert_eq(b.begun_count, 0);
    cr_assert_eq(b.refused_count, 4);
    free(body);
    server_bench_end(&b);
}

Test(http_server_api, a_refused_body_that_comes_too_slowly_ends_the_connection)
{
    struct server_bench b;
    int fd;

    server_bench_begin_simulated(&b, &api);
    fd = server_bench_connect(&b);
    server_bench_write(fd, "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 20000000\r\n\r\nabc");
    for (unsigned i = 0; i < 11; i++) {
        server_bench_pass(&b, 5);
        cr_assert(!server_bench_is_ended(&b, fd), "after %u s", 5 * i);
        server_bench_write(fd, "d");
    }
    server_bench_pass(&b, 10);
    cr_assert(server_bench_is_ended(&b, fd));
    close(fd);
    server_bench_end(&b);
}

/* ---- Certificates that need not be there ---- */

static int ask(const struct test_ca *ca, const struct test_ca *client_ca,
               const struct test_cert *client, char out_name[HTTP_SERVER_PEER_MAX_BYTES])
{
    struct http_server_options options = api;
    struct http_options trust = {.ca_file = ca->ca_file,
                                 .client_cert = client ? client->cert_file : NULL,
                                 .client_key = client ? client->key_file : NULL};
    struct bench_request request = {0};
    struct server_bench b;
    int status;

    options.tls_cert = ca->cert_file;
    options.tls_key = ca->key_file;
    options.client_ca = client_ca ? client_ca->ca_file : NULL;
    options.certs_optional = true;
    server_bench_begin(&b, REACTOR_AUTO, &options, &trust);
    status = server_bench_exchange(&b, &request, "/x");
    memcpy(out_name, b.peer.name, sizeof b.peer.name);
    server_bench_end(&b);
    return status;
}

Test(http_server_api, who_has_no_certificate_is_let_in_without_a_name)
{
    char name[HTTP_SERVER_PEER_MAX_BYTES] = "?";
    struct test_ca ca;

    test_ca_make(&ca);
    cr_assert_eq(ask(&ca, &ca, NULL, name), 200);
    cr_assert_str_eq(name, "");
    cr_assert_eq(ask(&ca, NULL, NULL, name), 200);
    cr_assert_str_eq(name, "");
}

Test(http_server_api, who_has_one_is_known_by_it_or_refused)
{
    const struct test_cert_wish good = {.name = "operator", .purpose = "clientAuth"};
    const struct test_cert_wish expired = {.name = "operator", .from_days = -9, .until_days = -1};
    char name[HTTP_SERVER_PEER_MAX_BYTES];
    struct test_cert cert, old, foreign;
    struct test_ca ca, other;

    test_ca_make(&ca);
    test_ca_make(&other);
    test_ca_issue(&ca, &good, &cert);
    test_ca_issue(&ca, &expired, &old);
    test_ca_issue(&other, &good, &foreign);
    cr_assert_eq(ask(&ca, &ca, &cert, name), 200);
    cr_assert_str_eq(name, "operator");
    cr_assert_eq(ask(&ca, &ca, &old, name), 403);
    cr_assert_eq(ask(&ca, &ca, &foreign, name), 403);
    cr_assert_eq(ask(&ca, NULL, &cert, name), 200); /* nobody asked for it, nobody judged it */
    cr_assert_str_eq(name, "");
}
