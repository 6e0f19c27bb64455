/* bench_verdict_test.c - which bottleneck is named for which figures. */
#include "engine/bench_verdict.h"

#include <criterion/criterion.h>
#include <string.h>

#define MIB (1024ull * 1024)

struct row {
    uint64_t read, write, both; /* MiB/s */
    uint32_t cpu_permille;
    uint64_t read_throttles, write_throttles; /* of 1000 answers */
    unsigned threads;
    enum bench_bottleneck name;
    bool throttled;
    const char *words;
};

static struct bench_verdict judge(const struct row *row)
{
    struct bench_leg_facts facts[BENCH_LEGS_COUNT] = {
        [BENCH_LEG_READ] = {row->read * MIB, 100, 1000, row->read_throttles},
        [BENCH_LEG_WRITE] = {row->write * MIB, 100, 1000, row->write_throttles},
        [BENCH_LEG_BOTH] = {row->both * MIB, row->cpu_permille, 1000, 0},
    };
    struct bench_verdict verdict;

    bench_verdict_find(facts, row->threads, &verdict);
    return verdict;
}

Test(bench_verdict, names_what_limits)
{
    static const struct row rows[] = {
        {100, 20, 20, 100, 0, 0, 1, BENCH_LIMIT_TARGET, false, "does not say"},
        {100, 20, 19, 100, 0, 200, 1, BENCH_LIMIT_TARGET, true, "200 of 1000"},
        {20, 100, 20, 100, 0, 0, 1, BENCH_LIMIT_SOURCE, false, "source is the slower side"},
        {20, 100, 20, 100, 11, 0, 1, BENCH_LIMIT_SOURCE, true, "source's account throttles"},
        {20, 100, 20, 100, 10, 0, 1, BENCH_LIMIT_SOURCE, false, ""}, /* 1 % is not yet much */
        {100, 100, 50, 100, 0, 0, 1, BENCH_LIMIT_LINK, false, "what they share"},
        {100, 300, 60, 100, 0, 0, 1, BENCH_LIMIT_LINK, false, "what they share"},
        {100, 95, 95, 100, 0, 0, 1, BENCH_LIMIT_LINK, false, "what they share"},
        {100, 95, 95, 100, 0, 50, 1, BENCH_LIMIT_TARGET, true, "503"},
        {1000, 900, 500, 950, 0, 0, 1, BENCH_LIMIT_CPU, false, "95 % of one CPU"},
        {1000, 900, 850, 950, 0, 0, 2, BENCH_LIMIT_LINK, false, ""},
        {0, 100, 100, 100, 0, 0, 1, BENCH_LIMIT_UNKNOWN, false, "--budget-bytes"},
        {100, 100, 0, 950, 0, 0, 1, BENCH_LIMIT_UNKNOWN, false, "no figure"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench_verdict found = judge(&rows[i]);

        cr_expect(found.name == rows[i].name, "row %zu: %s", i, bench_verdict_name(found.name));
        cr_expect(found.throttled == rows[i].throttled, "row %zu", i);
        cr_expect(strstr(found.reason, rows[i].words), "row %zu: %s", i, found.reason);
        cr_expect_lt(strlen(found.reason) + 1, BENCH_REASON_MAX_BYTES);
    }
}

Test(bench_verdict, says_the_figures_it_judged_by)
{
    static const struct row row = {100, 20, 19, 100, 0, 0, 1, BENCH_LIMIT_TARGET, false, ""};
    struct bench_verdict found = judge(&row);

    cr_expect(strstr(found.reason, "reading alone 100.0, writing alone 20.0, both together 19.0"));
}
