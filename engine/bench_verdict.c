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

bool bench_verdict_throttled(const struct bench_leg_facts *leg)
{
    return leg->throttles_count * 1000000 > leg->requests_count * BENCH_THROTTLED_PPM;
}

struct pair {
    const struct bench_leg_facts *read, *write, *both;
    struct bench_span least; /* of reading and writing alone */
};

static bool has_figures(const struct pair *p)
{
    return p->least.bytes_per_s && p->both->rate.bytes_per_s;
}

/* What the means say. */
static enum bench_bottleneck find_name(const struct pair *p, unsigned threads)
{
    if (!has_figures(p))
        return BENCH_LIMIT_UNKNOWN;
    if (p->both->cpu_permille >= (uint64_t)BENCH_CPU_BUSY_PERMILLE * threads)
        return BENCH_LIMIT_CPU;
    if (p->both->rate.bytes_per_s < p->least.bytes_per_s &&
        !bench_span_alike(p->both->rate, p->least))
        return BENCH_LIMIT_LINK;
    if (bench_span_alike(p->read->rate, p->write->rate))
        return bench_verdict_throttled(p->write)  ? BENCH_LIMIT_TARGET
               : bench_verdict_throttled(p->read) ? BENCH_LIMIT_SOURCE
                                                  : BENCH_LIMIT_LINK;
    return p->read->rate.bytes_per_s < p->write->rate.bytes_per_s ? BENCH_LIMIT_SOURCE
                                                                  : BENCH_LIMIT_TARGET;
}

/* Do the intervals leave nothing else open? Of CPU no rate is asked. */
static bool is_sure(const struct pair *p, enum bench_bottleneck name)
{
    bool slower_together = !bench_span_alike(p->both->rate, p->least) &&
                           p->both->rate.bytes_per_s < p->least.bytes_per_s;

    if (name == BENCH_LIMIT_UNKNOWN || name == BENCH_LIMIT_CPU)
        return true;
    if (slower_together)
        return bench_span_surely_less(p->both->rate, p->least);
    if (bench_span_may_be_less(p->both->rate, p->least))
        return false;
    if (bench_span_alike(p->read->rate, p->write->rate))
        return !bench_span_may_be_apart(p->read->rate, p->write->rate);
    return bench_span_surely_less(p->read->rate, p->write->rate) ||
           bench_span_surely_less(p->write->rate, p->read->rate);
}

/* "reading alone 10.0, writing alone 20.0, both together 9.9 MiB/s" */
static void say_figures(const struct bench_leg_facts facts[BENCH_LEGS_COUNT], char out[160])
{
    snprintf(out, 160, "reading alone %.1f, writing alone %.1f, both together %.1f MiB/s",
             (double)facts[BENCH_LEG_READ].rate.bytes_per_s / MIB,
             (double)facts[BENCH_LEG_WRITE].rate.bytes_per_s / MIB,
             (double)facts[BENCH_LEG_BOTH].rate.bytes_per_s / MIB);
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

static double percent_of(struct bench_span span)
{
    return span.bytes_per_s ? (double)span.half_bytes_per_s * 100 / (double)span.bytes_per_s : 0;
}

static void say_unknown(struct bench_verdict *verdict, const char *figures, const struct pair *p)
{
    if (!has_figures(p))
        snprintf(verdict->reason, sizeof verdict->reason,
                 "%s; one of them has no figure: give more --budget-bytes or --duration", figures);
    else
        snprintf(verdict->reason, sizeof verdict->reason,
                 "%s; these are too unsure to tell (within %.0f, %.0f and %.0f %%): measure longer "
                 "(--duration), with more --budget-bytes, or while less else is going on",
                 figures, percent_of(p->read->rate), percent_of(p->write->rate),
                 percent_of(p->both->rate));
}

void bench_verdict_find(const struct bench_leg_facts facts[BENCH_LEGS_COUNT], unsigned threads,
                        struct bench_verdict *out_verdict)
{
    struct pair p = {&facts[BENCH_LEG_READ], &facts[BENCH_LEG_WRITE], &facts[BENCH_LEG_BOTH], {0}};
    struct bench_verdict verdict = {.better = BENCH_LEGS_COUNT};
    char figures[160];

    assert(threads >= 1);
    p.least = p.read->rate.bytes_per_s < p.write->rate.bytes_per_s ? p.read->rate : p.write->rate;
    verdict.name = find_name(&p, threads);
    if (!is_sure(&p, verdict.name))
        verdict.name = BENCH_LIMIT_UNKNOWN;
    say_figures(facts, figures);
    verdict.throttled = (verdict.name == BENCH_LIMIT_SOURCE && bench_verdict_throttled(p.read)) ||
                        (verdict.name == BENCH_LIMIT_TARGET && bench_verdict_throttled(p.write)) ||
                        (verdict.name == BENCH_LIMIT_LINK && bench_verdict_throttled(p.both));
    switch (verdict.name) {
    case BENCH_LIMIT_UNKNOWN:
        say_unknown(&verdict, figures, &p);
        break;
    case BENCH_LIMIT_SOURCE:
        say_side(&verdict, figures, p.read, "source");
        break;
    case BENCH_LIMIT_TARGET:
        say_side(&verdict, figures, p.write, "target");
        break;
    case BENCH_LIMIT_CPU:
        snprintf(verdict.reason, sizeof verdict.reason,
                 "%s; snapferry used %.0f %% of one CPU while it did both, on %u thread%s", figures,
                 p.both->cpu_permille / 10.0, threads, threads == 1 ? "" : "s");
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
