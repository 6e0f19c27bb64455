/* bench_point_test.c - one leg measured over real sockets: what it moves, when it ends, what it counts. */
#include "engine/bench_point.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/blob_bench.h"

#define KIB        1024u
#define BLOB_BYTES (1024u * KIB)

struct measuring {
    struct blob_bench region;
    struct http_options http;
    struct secret_url source, target;
    struct extent_set data;
    struct bench_walk walk;
    struct bench_point_setup setup;
    struct bench_point *point;
    bool done;
};

static void on_done(void *arg)
{
    struct measuring *m = arg;

    cr_assert_not(m->done);
    m->done = true;
}

static void open_url(struct measuring *m, const char *account, const char *permissions,
                     struct secret_url *out_url)
{
    struct err e = {0};

    cr_assert(secret_url_parse(blob_bench_url(&m->region, account, NULL, permissions, NULL),
                               out_url, &e),
              "%s", e.text);
}

static void measuring_open(struct measuring *m, const char *faults, enum bench_leg leg)
{
    memset(m, 0, sizeof *m);
    blob_bench_begin(&m->region, faults);
    blob_bench_make(&m->region, BENCH_ACCOUNT, BLOB_BYTES);
    blob_bench_make(&m->region, BENCH_UPLOAD, BLOB_BYTES);
    blob_bench_fill(&m->region, BENCH_ACCOUNT, 64 * KIB, 512 * KIB, 'x');
    open_url(m, BENCH_ACCOUNT, "r", &m->source);
    open_url(m, BENCH_UPLOAD, "w", &m->target);
    cr_assert(extent_set_append(&m->data, (struct extent){64 * KIB, 512 * KIB}));
    bench_walk_init(&m->walk, &m->data, BLOB_BYTES, false);
    m->setup = (struct bench_point_setup){.reactor = m->region.reactor,
                                          .http = &m->http,
                                          .source = &m->source,
                                          .walk = &m->walk,
                                          .target = &m->target,
                                          .target_bytes = BLOB_BYTES,
                                          .leg = leg,
                                          .request_bytes = 64 * KIB,
                                          .connections = 4,
                                          .budget_bytes = 1024 * 1024 * KIB,
                                          .duration_ns = 300 * NS_PER_MS,
                                          .random_seed = 1,
                                          .done = on_done,
                                          .arg = m};
}

static const struct bench_result *measure(struct measuring *m)
{
    struct err e = {0};

    m->point = bench_point_new(&m->setup, &e);
    cr_assert(m->point, "%s", e.text);
    bench_point_start(m->point);
    while (!m->done)
        blob_bench_turn(&m->region);
    return bench_point_result(m->point);
}

static void measuring_close(struct measuring *m)
{
    bench_point_free(m->point);
    extent_set_fini(&m->data);
    secret_url_fini(&m->source);
    secret_url_fini(&m->target);
    blob_bench_end(&m->region);
}

/* A pause after a refusal is a quarter of a second and more. */
#define BUSY(verb, members)                                                                        \
    "{\"seed\":1,\"rules\":[{\"name\":\"f\",\"match\":{\"verb\":\"" verb "\"},"                    \
    "\"fault\":\"status\"," members "}]}"

Test(bench_point, reads_data_and_nothing_else_until_its_time_is_over)
{
    struct measuring m;
    const struct bench_result *found;

    measuring_open(&m, NULL, BENCH_LEG_READ);
    found = measure(&m);
    cr_expect_not(err_is_set(bench_point_error(m.point)));
    cr_expect(found->end == BENCH_END_DURATION);
    cr_expect_geq(found->elapsed_ns, 300 * NS_PER_MS);
    cr_expect_gt(found->estimate.bytes_per_s, 0);
    cr_expect_gt(found->read_bytes, 0);
    cr_expect_eq(found->read_bytes, found->requests_count * 64 * KIB);
    cr_expect_eq(found->written_bytes, 0);
    /* All but the first request, which went alone. */
    cr_expect_eq(found->latency[BENCH_VERB_GET].count, found->requests_count - 1);
    cr_expect_eq(found->latency[BENCH_VERB_PUT].count, 0);
    cr_expect_gt(found->cpu_permille, 0);
    measuring_close(&m);
}

Test(bench_point, never_spends_more_than_its_budget)
{
    static const enum bench_leg legs[] = {BENCH_LEG_READ, BENCH_LEG_WRITE, BENCH_LEG_BOTH};

    for (size_t i = 0; i < sizeof legs / sizeof legs[0]; i++) {
        struct measuring m;
        const struct bench_result *found;

        measuring_open(&m, NULL, legs[i]);
        m.setup.duration_ns = 60 * NS_PER_S;
        m.setup.budget_bytes = 1000 * KIB; /* no whole number of requests */
        found = measure(&m);
        cr_expect(found->end == BENCH_END_BUDGET);
        cr_expect_leq(found->read_bytes + found->written_bytes, 1000 * KIB);
        cr_expect_geq(found->read_bytes + found->written_bytes, (1000 - 2 * 64) * KIB);
        cr_expect((found->read_bytes > 0) == (legs[i] != BENCH_LEG_WRITE));
        cr_expect((found->written_bytes > 0) == (legs[i] != BENCH_LEG_READ));
        measuring_close(&m);
    }
}

Test(bench_point, a_budget_below_the_first_request_moves_nothing)
{
    struct measuring m;
    const struct bench_result *found;

    measuring_open(&m, NULL, BENCH_LEG_WRITE);
    m.setup.budget_bytes = 3 * 64 * KIB - 1;
    found = measure(&m);
    cr_expect(found->end == BENCH_END_BUDGET);
    cr_expect_eq(found->requests_count, 0);
    cr_expect_eq(found->estimate.bytes_per_s, 0);
    measuring_close(&m);
}

Test(bench_point, both_together_write_what_they_read)
{
    struct measuring m;
    const struct bench_result *found;
    struct endpoint *target;

    measuring_open(&m, NULL, BENCH_LEG_BOTH);
    m.setup.request_bytes = 512 * KIB; /* all data is one request */
    m.setup.connections = 1;
    m.setup.budget_bytes = 8 * 512 * KIB;
    found = measure(&m);
    cr_expect_not(err_is_set(bench_point_error(m.point)));
    cr_expect_eq(found->read_bytes, found->written_bytes);
    target = blob_bench_open(&m.region, blob_bench_url(&m.region, BENCH_UPLOAD, NULL, "rw", NULL),
                             (struct endpoint_pageblob_options){.host = PAGEBLOB_HOST_ORDINARY});
    blob_bench_ok(blob_bench_stat(&m.region, target).err);
    blob_bench_ok(blob_bench_block(&m.region, target, BENCH_READ, 0, 512 * KIB, 'x'));
    endpoint_close(target);
    measuring_close(&m);
}

Test(bench_point, counts_throttles_and_goes_on)
{
    struct measuring m;
    const struct bench_result *found;

    measuring_open(&m, BUSY("Put Page", "\"status\":503,\"after\":6,\"every\":5,\"times\":3"),
                   BENCH_LEG_WRITE);
    m.setup.duration_ns = 60 * NS_PER_S;
    m.setup.budget_bytes = 40 * 64 * KIB;
    found = measure(&m);
    cr_expect_not(err_is_set(bench_point_error(m.point)));
    cr_expect(found->end == BENCH_END_BUDGET);
    cr_expect_eq(found->throttles_count, 3);
    cr_expect_eq(found->failures_count, 0);
    cr_expect_eq(found->latency[BENCH_VERB_PUT].count, found->requests_count - 3 - 1);
    measuring_close(&m);
}

Test(bench_point, ends_with_the_hosts_refusal_when_that_is_final)
{
    struct measuring m;
    const struct bench_result *found;

    measuring_open(&m, NULL, BENCH_LEG_WRITE);
    secret_url_fini(&m.target);
    open_url(&m, BENCH_UPLOAD, "r", &m.target);
    found = measure(&m);
    cr_expect(found->end == BENCH_END_STOPPED);
    cr_expect_eq(bench_point_error(m.point)->http_status, 403);
    cr_expect_null(strstr(bench_point_error(m.point)->text, "sig="));
    measuring_close(&m);
}

Test(bench_point, ends_when_its_host_only_throttles)
{
    struct measuring m;
    const struct bench_result *found;

    measuring_open(&m, BUSY("Get Blob", "\"status\":503"), BENCH_LEG_READ);
    found = measure(&m);
    cr_expect_not(err_is_set(bench_point_error(m.point)));
    cr_expect(found->end == BENCH_END_DURATION);
    cr_expect_gt(found->throttles_count, 0);
    cr_expect_eq(found->estimate.bytes_per_s, 0);
    measuring_close(&m);
}

Test(bench_point, is_cut_off_in_the_midst_of_its_requests)
{
    struct measuring m;
    struct err e = {0};

    measuring_open(&m,
                   "{\"seed\":1,\"rules\":[{\"name\":\"f\",\"match\":{\"verb\":\"Get Blob\"},"
                   "\"after\":3,\"fault\":\"stall\",\"afterBytes\":100}]}",
                   BENCH_LEG_READ);
    m.setup.duration_ns = 600 * NS_PER_S;
    m.point = bench_point_new(&m.setup, &e);
    cr_assert(m.point, "%s", e.text);
    bench_point_start(m.point);
    for (int i = 0; i < 15; i++)
        blob_bench_turn(&m.region);
    cr_assert_not(m.done);
    bench_point_stop(m.point);
    while (!m.done)
        blob_bench_turn(&m.region);
    cr_expect(bench_point_result(m.point)->end == BENCH_END_STOPPED);
    cr_expect_not(err_is_set(bench_point_error(m.point)));
    measuring_close(&m);
}
