/* bench_verdict_relay_test.c - how to send through a relay, and what is named as its limit. */
#include <criterion/criterion.h>
#include <string.h>

#include "engine/bench_verdict.h"

#define MIB (1024ull * 1024)

struct way { /* one leg: MiB/s of the disk and on the wire, each within so many percent */
    uint64_t rate, wire, percent;
    uint32_t cpu_permille; /* of one CPU */
    uint64_t throttles;    /* of 1000 answers */
    uint32_t machine_permille;
};

struct row {
    uint64_t read;
    struct way off, to_auto, level;
    enum bench_leg better;
    const char *advice;
    enum bench_bottleneck name;
    const char *reason;
};

static struct bench_leg_facts facts_of(const struct way *way)
{
    return (struct bench_leg_facts){
        .rate = {way->rate * MIB, way->rate * MIB * way->percent / 100},
        .wire = {way->wire * MIB, way->wire * MIB * way->percent / 100},
        .source_bytes = way->rate * MIB,
        .wire_bytes = way->wire * MIB,
        .cpu_permille = way->cpu_permille,
        .requests_count = 1000,
        .throttles_count = way->throttles,
        .machine_permille = way->machine_permille,
    };
}

static struct bench_verdict judge(const struct row *row)
{
    struct bench_leg_facts facts[BENCH_LEGS_COUNT] = {
        [BENCH_LEG_READ] = {.rate = {row->read * MIB, row->read * MIB / 20}},
        [BENCH_LEG_RELAY_OFF] = facts_of(&row->off),
        [BENCH_LEG_RELAY_AUTO] = facts_of(&row->to_auto),
        [BENCH_LEG_RELAY_LEVEL] = facts_of(&row->level),
    };
    struct bench_verdict verdict;

    bench_verdict_find_relay(facts, 2, &verdict);
    return verdict;
}

static const struct row rows[] = {
    /* A slow link: the wire is full in both ways. */
    {500,
     {12, 12, 4, 100, 0, 0},
     {30, 12, 4, 600, 0, 0},
     {0, 0, 0, 0, 0, 0},
     BENCH_LEG_RELAY_AUTO,
     "off carries 12.0 MiB/s of the disk, auto 30.0 at 2.50 to 1",
     BENCH_LIMIT_LINK,
     "12.0 on the wire"},
    /* The same, but the level asked for is better still. */
    {500,
     {12, 12, 4, 100, 0, 0},
     {30, 12, 4, 600, 0, 0},
     {36, 12, 4, 900, 0, 0},
     BENCH_LEG_RELAY_LEVEL,
     "the level asked for 36.0 at 3.00 to 1",
     BENCH_LIMIT_LINK,
     "the same however much"},
    /* A fast link, and compression that costs more than it brings. */
    {2000,
     {900, 900, 4, 1850, 0, 0},
     {400, 150, 4, 1900, 0, 0},
     {0, 0, 0, 0, 0, 0},
     BENCH_LEG_RELAY_OFF,
     "off carries 900.0 MiB/s of the disk, auto 400.0",
     BENCH_LIMIT_CPU,
     "CPU 92 % of 2"},
    /* The receiver takes no more, however little is sent: what saves egress is better. */
    {500,
     {60, 60, 4, 100, 0, 0},
     {60, 24, 4, 600, 0, 0},
     {0, 0, 0, 0, 0, 0},
     BENCH_LEG_RELAY_AUTO,
     "egress is less",
     BENCH_LIMIT_TARGET,
     "takes no more of the disk"},
    {500,
     {60, 60, 4, 100, 200, 0},
     {60, 24, 4, 600, 200, 0},
     {0, 0, 0, 0, 0, 0},
     BENCH_LEG_RELAY_AUTO,
     "egress is less",
     BENCH_LIMIT_TARGET,
     "throttles"},
    /* The source gives no more. */
    {62,
     {60, 60, 4, 100, 0, 0},
     {59, 24, 4, 600, 0, 0},
     {0, 0, 0, 0, 0, 0},
     BENCH_LEG_RELAY_AUTO,
     "egress is less",
     BENCH_LIMIT_SOURCE,
     "reading alone is no faster"},
    /* What does not compress. */
    {500,
     {60, 60, 4, 100, 0, 0},
     {59, 59, 4, 200, 0, 0},
     {0, 0, 0, 0, 0, 0},
     BENCH_LEG_RELAY_OFF,
     "off needs less CPU",
     BENCH_LIMIT_UNKNOWN,
     "does not compress"},
    /* Others keep the CPUs busy: that is the limit only where nothing else explains the rates. */
    {500,
     {60, 60, 4, 100, 0, 990},
     {90, 40, 4, 200, 0, 990},
     {0, 0, 0, 0, 0, 0},
     BENCH_LEG_RELAY_AUTO,
     "",
     BENCH_LIMIT_CPU,
     "other work"},
    {500,
     {12, 12, 4, 100, 0, 990},
     {30, 12, 4, 600, 0, 990},
     {0, 0, 0, 0, 0, 0},
     BENCH_LEG_RELAY_AUTO,
     "",
     BENCH_LIMIT_LINK,
     "the same however much"},
    /* Noise. */
    {500,
     {60, 60, 50, 100, 0, 0},
     {80, 32, 50, 600, 0, 0},
     {0, 0, 0, 0, 0, 0},
     BENCH_LEGS_COUNT,
     "too unsure to tell",
     BENCH_LIMIT_UNKNOWN,
     ""},
    /* No figure. */
    {500,
     {60, 60, 4, 100, 0, 0},
     {0, 0, 0, 0, 0, 0},
     {0, 0, 0, 0, 0, 0},
     BENCH_LEGS_COUNT,
     "one of them has no figure",
     BENCH_LIMIT_UNKNOWN,
     ""},
    {0,
     {60, 60, 4, 100, 0, 0},
     {90, 30, 4, 100, 0, 0},
     {0, 0, 0, 0, 0, 0},
     BENCH_LEG_RELAY_AUTO,
     "",
     BENCH_LIMIT_UNKNOWN,
     "a leg has no figure"},
};

Test(bench_verdict_relay, names_the_better_way_and_what_limits_it)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench_verdict found = judge(&rows[i]);

        cr_expect(found.better == rows[i].better, "row %zu: %d, %s", i, found.better, found.advice);
        cr_expect(strstr(found.advice, rows[i].advice), "row %zu: %s", i, found.advice);
        cr_expect(found.name == rows[i].name, "row %zu: %s, %s", i, bench_verdict_name(found.name),
                  found.reason);
        cr_expect(strstr(found.reason, rows[i].reason), "row %zu: %s", i, found.reason);
        cr_expect_lt(strlen(found.reason) + 1, BENCH_REASON_MAX_BYTES);
        cr_expect_lt(strlen(found.advice) + 1, BENCH_REASON_MAX_BYTES);
    }
}
