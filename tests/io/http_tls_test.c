/* http_tls_test.c - over TLS: the host must prove who it is. */
#include <criterion/criterion.h>
#include <string.h>

#include "io/endpoint_pageblob.h"
#include "tests/support/blob_bench.h"

#define MIB (1u << 20)

static const struct endpoint_pageblob_options plain;

static void begin(struct blob_bench *b, bool trusted)
{
    struct test_ca ca;

    blob_bench_begin(b, NULL);
    blob_bench_make(b, BENCH_ACCOUNT, 8 * MIB);
    test_ca_make(&ca);
    blob_bench_restart_tls(b, &ca, trusted);
}

Test(http_tls, a_trusted_host_is_read_and_written)
{
    struct blob_bench b;
    struct endpoint *ep;

    begin(&b, true);
    ep = blob_bench_open(&b, blob_bench_url(&b, BENCH_ACCOUNT, NULL, "rw", NULL), plain);
    blob_bench_ok(blob_bench_stat(&b, ep).err);
    blob_bench_ok(blob_bench_block(&b, ep, BENCH_WRITE, 0, 4 * MIB, 't'));
    blob_bench_ok(blob_bench_block(&b, ep, BENCH_READ, 0, 4 * MIB, 't'));
    cr_assert_eq(http_count(b.http)->connections, 1);
    endpoint_close(ep);
    blob_bench_end(&b);
}

Test(http_tls, a_host_of_an_unknown_authority_is_refused_with_advice)
{
    struct blob_bench b;
    struct endpoint *ep;
    struct stat_req stat;

    begin(&b, false);
    ep = blob_bench_open(&b, blob_bench_url(&b, BENCH_ACCOUNT, NULL, "rw", NULL), plain);
    stat = blob_bench_stat(&b, ep);
    blob_bench_failed(stat.err, ERR_USAGE, RETRY_NEVER);
    cr_assert(strstr(stat.err.text, "--cacert"), "%s", stat.err.text);
    endpoint_close(ep);
    blob_bench_end(&b);
}

Test(http_tls, a_missing_file_of_authorities_is_said)
{
    struct test_ca nowhere = {.ca_file = "/nonexistent/ca.pem"};
    struct test_ca ca;
    struct blob_bench b;
    struct endpoint *ep;

    blob_bench_begin(&b, NULL);
    test_ca_make(&ca);
    memcpy(nowhere.cert_file, ca.cert_file, sizeof ca.cert_file);
    memcpy(nowhere.key_file, ca.key_file, sizeof ca.key_file);
    blob_bench_restart_tls(&b, &nowhere, true);
    ep = blob_bench_open(&b, blob_bench_url(&b, BENCH_ACCOUNT, NULL, "rw", NULL), plain);
    blob_bench_failed(blob_bench_stat(&b, ep).err, ERR_USAGE, RETRY_NEVER);
    endpoint_close(ep);
    blob_bench_end(&b);
}

/* Plain HTTP to a TLS port is an error, not a wait. */
Test(http_tls, the_wrong_scheme_is_reported)
{
    struct blob_bench b;
    struct endpoint *ep;
    struct stat_req stat;

    begin(&b, true);
    b.tls = false;
    ep = blob_bench_open(&b, blob_bench_url(&b, BENCH_ACCOUNT, NULL, "rw", NULL), plain);
    stat = blob_bench_stat(&b, ep);
    cr_assert(err_is_set(&stat.err));
    cr_assert(!stat.exists);
    endpoint_close(ep);
    blob_bench_end(&b);
}
