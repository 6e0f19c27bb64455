/* http_server_tls_test.c - who may speak to the server: clients of our authority, now, for clients. */
#include <criterion/criterion.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tests/support/server_bench.h"
#include "tests/support/test_ca.h"

#define BODY_BYTES HTTP_SERVER_BODY_MAX_BYTES

struct tls_case {
    struct test_ca ca;
    struct server_bench b;
};

static void begin_at(struct tls_case *c, const struct test_cert *client, const char *host)
{
    struct http_server_options options = {.host = host,
                                          .tls_cert = c->ca.cert_file,
                                          .tls_key = c->ca.key_file,
                                          .client_ca = c->ca.ca_file};
    struct http_options trust = {.ca_file = c->ca.ca_file,
                                 .client_cert = client ? client->cert_file : NULL,
                                 .client_key = client ? client->key_file : NULL};

    server_bench_begin(&c->b, REACTOR_AUTO, &options, &trust);
}

static void begin(struct tls_case *c, const struct test_cert *client)
{
    begin_at(c, client, "127.0.0.1");
}

static int put(struct tls_case *c, struct bench_request *request)
{
    void *body = calloc(1, BODY_BYTES);
    int status;

    request->req.method = HTTP_PUT;
    request->req.body = body;
    request->req.body_bytes = BODY_BYTES;
    status = server_bench_exchange(&c->b, request, "/x");
    free(body);
    return status;
}

static void check_refused(const struct test_ca *authority, const struct test_cert_wish *wish,
                          const char *why)
{
    struct bench_request request = {0};
    struct tls_case c;
    struct test_cert cert;
    int status;

    test_ca_make(&c.ca);
    if (wish)
        test_ca_issue(authority ? authority : &c.ca, wish, &cert);
    begin(&c, wish ? &cert : NULL);
    status = put(&c, &request);
    cr_assert_eq(status, 403, "%d %s", status, request.req.err.text);
    cr_assert(strstr(request.answer, why), "%s", request.answer);
    cr_assert(strstr(request.answer, "\"kind\":\"auth\""));
    cr_assert_eq(c.b.begun_count, 0); /* the handler never heard of it */
    cr_assert_eq(c.b.refused_count, 1);
    cr_assert_str_eq(request.req.answer.request_id, c.b.refused_id);
    cr_assert(strstr(request.answer, c.b.refused_id), "%s", request.answer);
    server_bench_end(&c.b);
}

Test(http_server_tls, a_client_of_our_authority_is_known_by_name_and_key)
{
    const struct test_cert_wish wish = {.name = "sender a", .purpose = "clientAuth"};
    struct test_cert cert;
    struct tls_case c;

    test_ca_make(&c.ca);
    test_ca_issue(&c.ca, &wish, &cert);
    begin(&c, &cert);
    for (unsigned i = 0; i < 3; i++) {
        struct bench_request request = {0};

        cr_assert_eq(put(&c, &request), 200, "%s", request.req.err.text);
        cr_assert_eq(c.b.body_bytes, BODY_BYTES);
    }
    cr_assert_str_eq(c.b.peer.name, "sender a");
    cr_assert_arr_eq(c.b.peer.key_id, cert.key_id, sizeof cert.key_id);
    cr_assert_eq(http_count(c.b.http)->connections, 1);
    server_bench_end(&c.b);
}

Test(http_server_tls, no_certificate_is_refused)
{
    check_refused(NULL, NULL, "a client certificate is needed");
}

Test(http_server_tls, a_foreign_authority_is_refused_though_it_has_the_same_name)
{
    const struct test_cert_wish wish = {.name = "a", .purpose = "clientAuth"};
    struct test_ca foreign;

    test_ca_make(&foreign);
    check_refused(&foreign, &wish, "authority that is not trusted");
}

Test(http_server_tls, an_expired_certificate_is_refused)
{
    const struct test_cert_wish wish = {
        .name = "a", .purpose = "clientAuth", .from_days = -9, .until_days = -1};

    check_refused(NULL, &wish, "has expired");
}

Test(http_server_tls, a_certificate_of_tomorrow_is_refused)
{
    const struct test_cert_wish wish = {
        .name = "a", .purpose = "clientAuth", .from_days = 1, .until_days = 9};

    check_refused(NULL, &wish, "not yet valid");
}

Test(http_server_tls, a_certificate_for_servers_is_refused)
{
    const struct test_cert_wish wish = {.name = "a", .purpose = "serverAuth"};

    check_refused(NULL, &wish, "not one for clients");
}

Test(http_server_tls, a_certificate_with_two_names_is_refused)
{
    const struct test_cert_wish wish = {.name = "a", .second_name = "b", .purpose = "clientAuth"};

    check_refused(NULL, &wish, "has not one common name");
}

Test(http_server_tls, a_certificate_without_a_stated_purpose_is_taken)
{
    const struct test_cert_wish wish = {.name = "a"};
    struct bench_request request = {0};
    struct test_cert cert;
    struct tls_case c;

    test_ca_make(&c.ca);
    test_ca_issue(&c.ca, &wish, &cert);
    begin(&c, &cert);
    cr_assert_eq(put(&c, &request), 200);
    server_bench_end(&c.b);
}

static time_t day_after_tomorrow(time_t *out)
{
    time_t now = time(NULL) + 2 * 86400;

    if (out)
        *out = now;
    return now;
}

/* The server's GnuTLS is told another time; the client's OpenSSL is not. */
Test(http_server_tls, a_certificate_that_expires_while_its_connection_lives_is_refused)
{
    const struct test_cert_wish wish = {.name = "a", .purpose = "clientAuth"};
    struct bench_request now = {0}, later = {0};
    struct test_cert cert;
    struct tls_case c;

    test_ca_make(&c.ca);
    test_ca_issue(&c.ca, &wish, &cert);
    begin(&c, &cert);
    cr_assert_eq(put(&c, &now), 200);
    gnutls_global_set_time_function(day_after_tomorrow);
    cr_assert_eq(put(&c, &later), 403);
    cr_assert(strstr(later.answer, "has expired"), "%s", later.answer);
    cr_assert_eq(http_count(c.b.http)->connections, 1);
    cr_assert_eq(c.b.begun_count, 1);
    server_bench_end(&c.b);
}

TEST_BOTH(http_server_tls, bytes_that_are_not_tls_end_the_connection)
{
    struct http_server_options options = {0};
    struct test_ca ca;
    struct server_bench b;

    test_ca_make(&ca);
    options.tls_cert = ca.cert_file;
    options.tls_key = ca.key_file;
    options.client_ca = ca.ca_file;
    server_bench_begin(&b, backend, &options, NULL);
    cr_assert_null(strstr(server_bench_raw(&b, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", NULL), "HTTP"));
    cr_assert_eq(b.begun_count, 0);
    server_bench_end(&b);
}

/* ---- The client's side ---- */

Test(http_server_tls, a_client_refuses_a_server_it_does_not_trust)
{
    const struct test_cert_wish wish = {.name = "a", .purpose = "clientAuth"};
    struct bench_request request = {0};
    struct test_cert cert;
    struct tls_case c;
    struct http_options trust = {.client_cert = cert.cert_file, .client_key = cert.key_file};
    struct err e = {0};

    test_ca_make(&c.ca);
    test_ca_issue(&c.ca, &wish, &cert);
    begin(&c, &cert);
    http_free(c.b.http); /* the next one trusts this machine's authorities only */
    c.b.http = http_new(c.b.rig.r, &trust, &e);
    cr_assert_eq(put(&c, &request), 0);
    cr_assert_eq(request.req.err.kind, ERR_USAGE, "%s", request.req.err.text);
    cr_assert(strstr(request.req.err.text, "--cacert"), "%s", request.req.err.text);
    cr_assert_eq(c.b.begun_count, 0);
    server_bench_end(&c.b);
}

Test(http_server_tls, a_client_refuses_a_host_the_certificate_does_not_name)
{
    const struct test_cert_wish wish = {.name = "a", .purpose = "clientAuth"};
    struct bench_request request = {0};
    struct test_cert cert;
    struct tls_case c;

    test_ca_make(&c.ca);
    test_ca_issue(&c.ca, &wish, &cert);
    begin_at(&c, &cert, "127.0.0.2");
    cr_assert_eq(put(&c, &request), 0);
    cr_assert_eq(request.req.err.kind, ERR_USAGE, "%s", request.req.err.text);
    cr_assert_eq(c.b.begun_count, 0);
    server_bench_end(&c.b);
}

Test(http_server_tls, a_key_that_is_not_the_certificates_is_said)
{
    const struct test_cert_wish wish = {.name = "a", .purpose = "clientAuth"};
    struct bench_request request = {0};
    struct test_cert cert, other;
    struct tls_case c;

    test_ca_make(&c.ca);
    test_ca_issue(&c.ca, &wish, &cert);
    test_ca_issue(&c.ca, &wish, &other);
    memcpy(cert.key_file, other.key_file, sizeof cert.key_file);
    begin(&c, &cert);
    cr_assert_eq(put(&c, &request), 0);
    cr_assert_eq(request.req.err.kind, ERR_USAGE, "%s", request.req.err.text);
    cr_assert(strstr(request.req.err.text, "certificate or its key"), "%s", request.req.err.text);
    server_bench_end(&c.b);
}

/* ---- The server's files ---- */

static void ignore(void *arg, struct http_call *call)
{
    (void)arg, (void)call;
}

static void check_start_fails(const struct http_server_options *options, const char *words)
{
    const struct http_server_handler handler = {ignore, ignore, ignore, NULL};
    struct err e = {0};
    struct rig rig;

    rig_open(&rig, REACTOR_AUTO);
    cr_assert_null(http_server_new(rig.r, options, &handler, &e));
    cr_assert_eq(e.kind, ERR_USAGE);
    cr_assert(strstr(e.text, words), "%s", e.text);
    rig_close(&rig);
}

Test(http_server_tls, a_key_that_others_may_read_is_refused)
{
    struct http_server_options options = {.host = "127.0.0.1", .memory_budget_bytes = 1u << 30};
    struct test_ca ca;

    test_ca_make(&ca);
    cr_assert_eq(chmod(ca.key_file, 0640), 0);
    options.tls_cert = ca.cert_file;
    options.tls_key = ca.key_file;
    options.client_ca = ca.ca_file;
    check_start_fails(&options, "others may read");
}

Test(http_server_tls, files_that_do_not_fit_are_refused)
{
    struct http_server_options options = {.host = "127.0.0.1", .memory_budget_bytes = 1u << 30};
    struct test_ca ca, other;

    test_ca_make(&ca);
    test_ca_make(&other);
    options.tls_cert = ca.cert_file;
    options.tls_key = other.key_file;
    options.client_ca = ca.ca_file;
    check_start_fails(&options, "no certificate with its key");
    options.tls_key = ca.key_file;
    options.client_ca = "/dev/null";
    check_start_fails(&options, "no certificate of an authority");
}
