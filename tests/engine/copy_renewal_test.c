/* copy_renewal_test.c - a managed disk's delta from a real region whose URLs really end: the base's travels
 * with the diff, and which of the two ended must be found out. */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "engine/access.h"
#include "io/endpoint_fault.h"
#include "io/endpoint_mem.h"
#include "tests/support/blob_bench.h"
#include "tests/support/test_reactor.h"

#define KIB        1024u
#define DISK_BYTES (1024 * KIB)
#define LIFE_S     2

static struct blob_bench b;
static char old[64], new[64];

/* One side that is renewed from the region itself, 50 ms after it is asked. */
struct renewed {
    struct access *access;
    struct endpoint *ep;
    const char *snapshot;
    uint32_t asked_count;
    struct timer timer;
};

static void on_answer(struct timer *timer)
{
    struct renewed *side = (struct renewed *)((char *)timer - offsetof(struct renewed, timer));
    struct secret_url url;
    struct err e = {0};

    cr_assert(
        secret_url_parse(blob_bench_url(&b, BENCH_MANAGED, side->snapshot, "r", NULL), &url, &e));
    access_answer(side->access, &url, 0);
}

static void on_ask(void *arg, struct access *access)
{
    struct renewed *side = arg;

    (void)access;
    side->asked_count++;
    reactor_arm(b.reactor, &side->timer, reactor_now_ns(b.reactor) + 50 * NS_PER_MS, on_answer);
}

static void on_swap(void *arg, struct access *access, struct secret_url *take)
{
    (void)access;
    endpoint_pageblob_set_url(((struct renewed *)arg)->ep, take);
}

static void renews(struct renewed *side, enum access_side which, struct endpoint *ep,
                   const char *snapshot)
{
    struct access_setup setup = {.reactor = b.reactor,
                                 .side = which,
                                 .keep_text = which == ACCESS_BASE,
                                 .ask = on_ask,
                                 .swap = on_swap,
                                 .arg = side};
    struct err e = {0};

    memset(side, 0, sizeof *side);
    side->ep = ep;
    side->snapshot = snapshot;
    side->access = access_new(&setup, &e);
    cr_assert_not_null(side->access, "%s", e.text);
}

static const char *time_in(int seconds)
{
    static char text[32];
    time_t at = time(NULL) + seconds;
    struct tm tm;

    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &tm));
    return text;
}

static struct endpoint *open_point(const char *snapshot, const char *expiry, const char *identity)
{
    struct endpoint_pageblob_options how = {.identity = identity};

    return blob_bench_open(&b, blob_bench_url(&b, BENCH_MANAGED, snapshot, "r", expiry), how);
}

static void on_done(void *arg, struct copy *copy)
{
    (void)copy;
    *(bool *)arg = true;
}

static struct copy *run(const struct copy_ends *ends, const char *folder)
{
    struct copy_options options = {
        .hash = true, .coalesce_bytes = 0, .state_folder = folder, .random_seed = 5};
    bool done = false;
    struct copy_watch watch = {.done = on_done, .arg = &done};
    struct err e = {0};
    struct copy *copy = copy_new(b.reactor, ends, &options, &watch, &e);

    cr_assert_not_null(copy, "%s", e.text);
    copy_start(copy);
    while (!done)
        blob_bench_turn(&b);
    cr_assert_not(err_is_set(copy_error(copy)), "%s", copy_error(copy)->text);
    return copy;
}

static void make_history(void)
{
    blob_bench_make(&b, BENCH_MANAGED, DISK_BYTES);
    blob_bench_fill(&b, BENCH_MANAGED, 0, 4 * KIB, 'a');
    blob_bench_fill(&b, BENCH_MANAGED, 64 * KIB, 4 * KIB, 'b');
    snprintf(old, sizeof old, "%s", blob_bench_snapshot(&b, BENCH_MANAGED));
    blob_bench_fill(&b, BENCH_MANAGED, 512, 512, 'c');
    blob_bench_clear(&b, BENCH_MANAGED, 64 * KIB, 4 * KIB);
    snprintf(new, sizeof new, "%s", blob_bench_snapshot(&b, BENCH_MANAGED));
}

/* A disk in memory that holds the old point. */
static struct endpoint *make_target(const char *folder)
{
    struct err e = {0};
    struct copy_ends ends = {.pool = b.pool};

    cr_assert_eq(mkdir(folder, 0700), 0);
    ends.target = endpoint_mem_new(b.reactor, 0, &e);
    ends.source = open_point(old, NULL, "old");
    copy_free(run(&ends, folder));
    endpoint_close(ends.source);
    return ends.target;
}

/* The first look at the target takes so long that a URL ends between the other looks and the diff. */
static struct endpoint *make_late(struct endpoint *target)
{
    struct fault_rule busy = {.ops = FAULT_BIT(FAULT_STAT),
                              .kind = FAULT_THROTTLED,
                              .permille = 1000,
                              .hits_max = 1,
                              .retry_after_ms = (LIFE_S + 1) * 1000};
    struct fault_options late = {.seed = 1, .rules = &busy, .rules_count = 1};
    struct err e = {0};
    struct endpoint *wrapped = endpoint_fault_new(target, &late, &e);

    cr_assert_not_null(wrapped, "%s", e.text);
    return wrapped;
}

static void expect_new(const struct endpoint *target)
{
    const unsigned char *bytes = endpoint_mem_bytes(target);

    cr_expect_eq(target->size_bytes, DISK_BYTES);
    cr_expect_eq(bytes[0], 'a');
    cr_expect_eq(bytes[512], 'c');
    cr_expect_eq(bytes[1024], 'a');
    cr_expect_eq(bytes[64 * KIB], 0);
}

static void delta(int source_life_s, int base_life_s, uint32_t source_asked, uint32_t base_asked)
{
    struct copy_ends ends = {0};
    struct renewed source, base;
    struct endpoint *plain;
    char folder[TEST_PATH_MAX_BYTES];
    struct copy *copy;

    blob_bench_begin(&b, NULL);
    test_temp_path(folder, "state");
    make_history();
    plain = make_target(folder);
    ends.target = make_late(plain);
    ends.pool = b.pool;
    ends.source = open_point(new, source_life_s ? time_in(source_life_s) : NULL, "new");
    ends.base = open_point(old, base_life_s ? time_in(base_life_s) : NULL, "old");
    ends.since = secret_url_full(endpoint_pageblob_url(ends.base), NULL);
    renews(&source, ACCESS_SOURCE, ends.source, new);
    renews(&base, ACCESS_BASE, ends.base, old);
    ends.sides.source = source.access;
    ends.sides.base = base.access;
    copy = run(&ends, folder);
    cr_expect(copy_summary(copy)->delta, "%s", copy_summary(copy)->why_full);
    cr_expect_leq(copy_summary(copy)->read_bytes, 4 * KIB);
    cr_expect_eq(source.asked_count, source_asked, "the source: %u", source.asked_count);
    cr_expect_eq(base.asked_count, base_asked, "the base: %u", base.asked_count);
    expect_new(plain);
    copy_free(copy);
    access_free(source.access);
    access_free(base.access);
    secret_wipe_free((char *)(uintptr_t)ends.since);
    endpoint_close(ends.source);
    endpoint_close(ends.base);
    endpoint_close(ends.target);
    blob_bench_end(&b);
}

Test(copy_renewal, a_base_that_ends_before_the_diff_is_renewed_alone)
{
    delta(0, LIFE_S, 0, 1);
}

Test(copy_renewal, a_source_that_ends_before_the_diff_is_renewed_alone)
{
    delta(LIFE_S, 0, 1, 0);
}

Test(copy_renewal, both_may_have_ended)
{
    delta(LIFE_S, LIFE_S, 1, 1);
}
