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

static struct bench_span span(uint64_t mib, uint64_t percent)
{
    return (struct bench_span){mib * MIB, mib * MIB * percent / 100};
}

static struct bench_verdict judge(const struct row *row)
{
    struct bench_leg_facts facts[BENCH_LEGS_COUNT] = {
        [BENCH_LEG_READ] = {.rate = span(row->read, 4),
                            .requests_count = 1000,
                            .throttles_count = row->read_throttles},
        [BENCH_LEG_WRITE] = {.rate = span(row->write, 4),
                             .requests_count = 1000,
                             .throttles_count = row->write_throttles},
        [BENCH_LEG_BOTH] = {.rate = span(row->both, 4),
                            .cpu_permille = row->cpu_permille,
                            .requests_count = 1000},
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

Test(bench_verdict, is_not_known_where_the_intervals_leave_another_answer_open)
{
    static const struct {
        uint64_t read, write, both; /* MiB/s */
        uint64_t read_percent, write_percent, both_percent;
        uint32_t cpu_permille;
        enum bench_bottleneck name;
    } rows[] = {
        /* One side slower: its interval must end below the other's. */
        {100, 60, 58, 20, 20, 10, 0, BENCH_LIMIT_TARGET},
        {100, 70, 68, 20, 20, 10, 0, BENCH_LIMIT_UNKNOWN},
        {60, 100, 58, 20, 20, 10, 0, BENCH_LIMIT_SOURCE},
        {70, 100, 68, 10, 30, 10, 0, BENCH_LIMIT_UNKNOWN},
        /* Both together slower: the same. */
        {100, 300, 60, 10, 10, 10, 0, BENCH_LIMIT_LINK},
        {100, 300, 60, 20, 10, 40, 0, BENCH_LIMIT_UNKNOWN},
        /* No slower than the slower side, but that might be chance. */
        {300, 100, 100, 5, 5, 25, 0, BENCH_LIMIT_TARGET},
        {300, 100, 100, 5, 5, 50, 0, BENCH_LIMIT_UNKNOWN},
        /* Alike, but perhaps far apart. */
        {100, 100, 100, 5, 5, 5, 0, BENCH_LIMIT_LINK},
        {100, 100, 100, 5, 40, 5, 0, BENCH_LIMIT_UNKNOWN},
        /* Intervals as narrow as stable points have decide as their means do. */
        {100, 91, 90, 5, 5, 5, 0, BENCH_LIMIT_LINK},
        /* A busy CPU is seen, whatever the rates. */
        {100, 100, 100, 90, 90, 90, 950, BENCH_LIMIT_CPU},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench_leg_facts facts[BENCH_LEGS_COUNT] = {
            [BENCH_LEG_READ] = {.rate = span(rows[i].read, rows[i].read_percent)},
            [BENCH_LEG_WRITE] = {.rate = span(rows[i].write, rows[i].write_percent)},
            [BENCH_LEG_BOTH] = {.rate = span(rows[i].both, rows[i].both_percent),
                                .cpu_permille = rows[i].cpu_permille},
        };
        struct bench_verdict found;

        bench_verdict_find(facts, 1, &found);
        cr_expect(found.name == rows[i].name, "row %zu: %s", i, bench_verdict_name(found.name));
        cr_expect_not(found.name == BENCH_LIMIT_UNKNOWN && !strstr(found.reason, "--duration"),
                      "row %zu: %s", i, found.reason);
        cr_expect_lt(strlen(found.reason) + 1, BENCH_REASON_MAX_BYTES);
    }
}

Test(bench_verdict, says_how_unsure_the_figures_are)
{
    struct bench_leg_facts facts[BENCH_LEGS_COUNT] = {
        [BENCH_LEG_READ] = {.rate = span(70, 10)},
        [BENCH_LEG_WRITE] = {.rate = span(100, 32)},
        [BENCH_LEG_BOTH] = {.rate = span(68, 7)},
    };
    struct bench_verdict found;

    bench_verdict_find(facts, 1, &found);
    cr_expect(strstr(found.reason, "too unsure to tell (within 10, 32 and 7 %)"), "%s",
              found.reason);
}
