/* bench_verdict_relay.c - how to send through a relay, and what limits that; see bench_verdict.h.
 *
 * What crosses the link and what is durable at its end differ only where something is compressed. So the
 * legs together tell what each could not: if the wire carries the same however much that is of the disk,
 * it is the link; if of the disk comes the same however little that is on the wire, it is the other end.
 */
#include <assert.h>
#include <stdio.h>

#include "engine/bench_verdict.h"

#define MIB 1048576.0

struct sent {
    const struct bench_leg_facts *facts; /* of all legs */
    unsigned cpus;
    enum bench_leg best; /* what carries most of the disk */
};

static bool was_sent(const struct sent *s, int leg)
{
    return s->facts[leg].rate.bytes_per_s > 0;
}

static double factor_of(const struct bench_leg_facts *leg)
{
    return leg->wire_bytes ? (double)leg->source_bytes / (double)leg->wire_bytes : 1;
}

static const char *name_of(enum bench_leg leg)
{
    return leg == BENCH_LEG_RELAY_OFF    ? "off"
           : leg == BENCH_LEG_RELAY_AUTO ? "auto"
                                         : "the level asked for";
}

/* ---- What to send like ---- */

/* Of those that may be as fast as the best: what puts least on the wire, if that is worth mentioning. */
static enum bench_leg cheapest(const struct sent *s)
{
    enum bench_leg found = s->best;

    for (int leg = BENCH_LEG_RELAY_OFF; leg < BENCH_LEGS_COUNT; leg++) {
        double more = factor_of(&s->facts[leg]) / factor_of(&s->facts[found]);
        bool lighter = leg < (int)found; /* off needs no CPU */

        if (was_sent(s, leg) &&
            !bench_span_surely_less(s->facts[leg].rate, s->facts[s->best].rate) &&
            (more * 1000 > 1000 + BENCH_ALIKE_PERMILLE ||
             (lighter && more * (1000 + BENCH_ALIKE_PERMILLE) >= 1000)))
            found = (enum bench_leg)leg;
    }
    return found;
}

/* Is there one that may be as fast as the best, and may be far from it, too? */
static bool is_open(const struct sent *s)
{
    const struct bench_span best = s->facts[s->best].rate;

    for (int leg = BENCH_LEG_RELAY_OFF; leg < BENCH_LEGS_COUNT; leg++)
        if (leg != (int)s->best && was_sent(s, leg) &&
            !bench_span_surely_less(s->facts[leg].rate, best) &&
            bench_span_may_be_apart(s->facts[leg].rate, best))
            return true;
    return false;
}

static void choose(const struct sent *s, struct bench_verdict *v)
{
    const struct bench_leg_facts *off = &s->facts[BENCH_LEG_RELAY_OFF];
    const struct bench_leg_facts *best;
    char figures[160];

    if (!was_sent(s, BENCH_LEG_RELAY_OFF) || !was_sent(s, BENCH_LEG_RELAY_AUTO)) {
        snprintf(v->advice, sizeof v->advice,
                 "one of them has no figure: give more --budget-bytes or --duration");
        return;
    }
    v->better = is_open(s) ? BENCH_LEGS_COUNT : cheapest(s);
    best = &s->facts[v->better == BENCH_LEGS_COUNT ? BENCH_LEG_RELAY_AUTO : v->better];
    snprintf(figures, sizeof figures, "off carries %.1f MiB/s of the disk, %s %.1f at %.2f to 1",
             (double)off->rate.bytes_per_s / MIB,
             best == off ? "auto" : name_of((enum bench_leg)(best - s->facts)),
             (double)(best == off ? &s->facts[BENCH_LEG_RELAY_AUTO] : best)->rate.bytes_per_s / MIB,
             factor_of(best == off ? &s->facts[BENCH_LEG_RELAY_AUTO] : best));
    if (v->better == BENCH_LEGS_COUNT)
        snprintf(v->advice, sizeof v->advice,
                 "%s; these are too unsure to tell: measure longer (--duration), with more "
                 "--budget-bytes, or while less else is going on",
                 figures);
    else if (bench_span_surely_less(off->rate, best->rate))
        snprintf(v->advice, sizeof v->advice, "%s", figures);
    else
        snprintf(v->advice, sizeof v->advice, "%s%s", figures,
                 v->better == BENCH_LEG_RELAY_OFF ? "; and off needs less CPU"
                                                  : "; it is not slower, and egress is less");
}

/* ---- What limits ---- */

static bool is_busy(const struct sent *s, const struct bench_leg_facts *leg)
{
    return leg->cpu_permille >= (uint64_t)BENCH_CPU_BUSY_PERMILLE * s->cpus;
}

/* Of a leg that compressed otherwise by more than a tenth: NULL, there is none. */
static const struct bench_leg_facts *find_other(const struct sent *s,
                                                const struct bench_leg_facts *one)
{
    for (int leg = BENCH_LEG_RELAY_OFF; leg < BENCH_LEGS_COUNT; leg++) {
        const struct bench_leg_facts *other = &s->facts[leg];
        double more = factor_of(one) / factor_of(other);

        if (was_sent(s, leg) && (more * 1000 > 1000 + BENCH_ALIKE_PERMILLE ||
                                 more * (1000 + BENCH_ALIKE_PERMILLE) < 1000))
            return other;
    }
    return NULL;
}

struct cause {
    enum bench_bottleneck name;
    const char *why;
};

static struct cause find_cause(const struct sent *s, const struct bench_leg_facts *leg)
{
    static const struct cause unsure = {
        BENCH_LIMIT_UNKNOWN,
        "the figures are too unsure to tell: measure longer (--duration), with "
        "more --budget-bytes, or while less else is going on"};
    const struct bench_span read = s->facts[BENCH_LEG_READ].rate;
    const struct bench_leg_facts *other = find_other(s, leg);

    if (is_busy(s, leg))
        return (struct cause){BENCH_LIMIT_CPU, "the CPUs here are busy with it"};
    if (bench_verdict_throttled(leg))
        return (struct cause){BENCH_LIMIT_TARGET, "the receiver, or its target, throttles"};
    if (leg->rate.bytes_per_s >= read.bytes_per_s || bench_span_alike(leg->rate, read))
        return bench_span_may_be_less(leg->rate, read)
                   ? unsure
                   : (struct cause){BENCH_LIMIT_SOURCE, "reading alone is no faster"};
    if (other && bench_span_alike(leg->wire, other->wire))
        return bench_span_may_be_apart(leg->wire, other->wire)
                   ? unsure
                   : (struct cause){BENCH_LIMIT_LINK,
                                    "it carries the same however much is compressed"};
    if (other && bench_span_alike(leg->rate, other->rate))
        return bench_span_may_be_apart(leg->rate, other->rate)
                   ? unsure
                   : (struct cause){BENCH_LIMIT_TARGET, "the receiver takes no more of the disk, "
                                                        "however little of it is on the wire"};
    /* By others: the last that is thought of, as rates that are alike say more. */
    if (leg->machine_permille >= BENCH_CPU_BUSY_PERMILLE)
        return (struct cause){BENCH_LIMIT_CPU, "all CPUs here are busy, mostly with other work"};
    if (!other)
        return (struct cause){BENCH_LIMIT_UNKNOWN,
                              "this content does not compress, so the link cannot be told from the "
                              "receiver; the source and the CPUs here could do more"};
    return (struct cause){BENCH_LIMIT_UNKNOWN,
                          "neither the wire nor the disk's bytes are the same in both ways, and "
                          "reading and the CPUs here could do more"};
}

static void say_cause(const struct sent *s, const struct bench_leg_facts *leg,
                      struct bench_verdict *v)
{
    struct cause cause = find_cause(s, leg);

    v->name = cause.name;
    v->throttled = cause.name == BENCH_LIMIT_TARGET && bench_verdict_throttled(leg);
    snprintf(v->reason, sizeof v->reason,
             "reading alone %.1f, with compression %s %.1f MiB/s, of which %.1f on the wire; CPU "
             "%.0f %% of %u; %s",
             (double)s->facts[BENCH_LEG_READ].rate.bytes_per_s / MIB,
             name_of((enum bench_leg)(leg - s->facts)), (double)leg->rate.bytes_per_s / MIB,
             (double)leg->wire.bytes_per_s / MIB, leg->cpu_permille / 10.0 / s->cpus, s->cpus,
             cause.why);
}

void bench_verdict_find_relay(const struct bench_leg_facts facts[BENCH_LEGS_COUNT], unsigned cpus,
                              struct bench_verdict *out_verdict)
{
    struct bench_verdict verdict = {.better = BENCH_LEGS_COUNT};
    struct sent s = {.facts = facts, .cpus = cpus, .best = BENCH_LEG_RELAY_OFF};
    enum bench_leg judged;

    assert(cpus >= 1);
    for (int leg = BENCH_LEG_RELAY_OFF; leg < BENCH_LEGS_COUNT; leg++)
        if (facts[leg].rate.bytes_per_s > facts[s.best].rate.bytes_per_s)
            s.best = (enum bench_leg)leg;
    choose(&s, &verdict);
    judged = verdict.better == BENCH_LEGS_COUNT ? s.best : verdict.better;
    if (was_sent(&s, (int)judged) && was_sent(&s, BENCH_LEG_READ))
        say_cause(&s, &facts[judged], &verdict);
    else
        snprintf(verdict.reason, sizeof verdict.reason,
                 "a leg has no figure: give more --budget-bytes or --duration");
    *out_verdict = verdict;
}
