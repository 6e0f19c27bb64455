/* bench_verdict.c - see bench_verdict.h. */
#include "engine/bench_verdict.h"

#include <assert.h>
#include <stdio.h>

#define MIB 1048576.0

const char *bench_verdict_name(enum bench_bottleneck name)
{
    static const char *const names[] = {
        [BENCH_LIMIT_UNKNOWN] = "not known",      [BENCH_LIMIT_SOURCE] = "source read",
        [BENCH_LIMIT_TARGET] = "target write",    [BENCH_LIMIT_LINK] = "link",
        [BENCH_LIMIT_CPU] = "this machine's CPU",
    };

    return names[name];
}

/* Less than a tenth apart? */
static bool alike(uint64_t a, uint64_t b)
{
    uint64_t more = a > b ? a : b, apart = a > b ? a - b : b - a;

    return apart * 1000 <= more * BENCH_ALIKE_PERMILLE;
}

static bool throttled(const struct bench_leg_facts *leg)
{
    return leg->throttles_count * 1000000 > leg->requests_count * BENCH_THROTTLED_PPM;
}

static enum bench_bottleneck find_name(const struct bench_leg_facts *read,
                                       const struct bench_leg_facts *write,
                                       const struct bench_leg_facts *both, unsigned threads)
{
    uint64_t least =
        read->bytes_per_s < write->bytes_per_s ? read->bytes_per_s : write->bytes_per_s;

    if (!read->bytes_per_s || !write->bytes_per_s || !both->bytes_per_s)
        return BENCH_LIMIT_UNKNOWN;
    if (both->cpu_permille >= (uint64_t)BENCH_CPU_BUSY_PERMILLE * threads)
        return BENCH_LIMIT_CPU;
    if (both->bytes_per_s < least && !alike(both->bytes_per_s, least))
        return BENCH_LIMIT_LINK;
    if (alike(read->bytes_per_s, write->bytes_per_s))
        return throttled(write)  ? BENCH_LIMIT_TARGET
               : throttled(read) ? BENCH_LIMIT_SOURCE
                                 : BENCH_LIMIT_LINK;
    return read->bytes_per_s < write->bytes_per_s ? BENCH_LIMIT_SOURCE : BENCH_LIMIT_TARGET;
}

/* "reading alone 10.0, writing alone 20.0, both together 9.9 MiB/s" */
static void say_figures(const struct bench_leg_facts facts[BENCH_LEGS_COUNT], char out[160])
{
    snprintf(out, 160, "reading alone %.1f, writing alone %.1f, both together %.1f MiB/s",
             (double)facts[BENCH_LEG_READ].bytes_per_s / MIB,
             (double)facts[BENCH_LEG_WRITE].bytes_per_s / MIB,
             (double)facts[BENCH_LEG_BOTH].bytes_per_s / MIB);
}

static void say_side(struct bench_verdict *verdict, const char *figures,
                     const struct bench_leg_facts *leg, const char *host)
{
    if (verdict->throttled)
        snprintf(verdict->reason, sizeof verdict->reason,
                 "%s; the %s's account throttles: %llu of %llu answers were 503 or 429", figures,
                 host, (unsigned long long)leg->throttles_count,
                 (unsigned long long)leg->requests_count);
    else
        snprintf(verdict->reason, sizeof verdict->reason,
                 "%s; the %s is the slower side and does not say that it throttles", figures, host);
}

void bench_verdict_find(const struct bench_leg_facts facts[BENCH_LEGS_COUNT], unsigned threads,
                        struct bench_verdict *out_verdict)
{
    const struct bench_leg_facts *read = &facts[BENCH_LEG_READ], *write = &facts[BENCH_LEG_WRITE],
                                 *both = &facts[BENCH_LEG_BOTH];
    struct bench_verdict verdict = {.name = find_name(read, write, both, threads)};
    char figures[160];

    assert(threads >= 1);
    say_figures(facts, figures);
    verdict.throttled = (verdict.name == BENCH_LIMIT_SOURCE && throttled(read)) ||
                        (verdict.name == BENCH_LIMIT_TARGET && throttled(write)) ||
                        (verdict.name == BENCH_LIMIT_LINK && throttled(both));
    switch (verdict.name) {
    case BENCH_LIMIT_UNKNOWN:
        snprintf(verdict.reason, sizeof verdict.reason,
                 "%s; one of them has no figure: give more --budget-bytes or --duration", figures);
        break;
    case BENCH_LIMIT_SOURCE:
        say_side(&verdict, figures, read, "source");
        break;
    case BENCH_LIMIT_TARGET:
        say_side(&verdict, figures, write, "target");
        break;
    case BENCH_LIMIT_CPU:
        snprintf(verdict.reason, sizeof verdict.reason,
                 "%s; snapferry used %.0f %% of one CPU while it did both, on %u thread%s", figures,
                 both->cpu_permille / 10.0, threads, threads == 1 ? "" : "s");
        break;
    case BENCH_LIMIT_LINK:
        snprintf(verdict.reason, sizeof verdict.reason,
                 "%s; neither side is the slower one, so it is what they share: the way to this "
                 "machine%s",
                 figures, verdict.throttled ? ", or an account that throttles both" : "");
        break;
    }
    *out_verdict = verdict;
}
