/* compress_level.c - see compress_level.h. */
#include "io/compress_level.h"

#include <assert.h>

#include "blockmap/stream_pack.h"

#define RECORD_BYTES    ((double)STREAM_RAW_MAX_BYTES)
#define GUESSED_LINK    0.5 /* bytes/ns: what the first level is for, until the link is heard of */
#define LINK_MEMORY_NS  0.5e9 /* what the link carried longer ago counts less than half */
#define LINK_FIRST_NS   0.7e9 /* of busy time, before a slow link is believed */
#define LINK_SLOWER     0.5   /* times what it was: less than any level makes of it */
#define LINK_MIN        1e-6  /* bytes/ns */
#define LINK_MAX        100.0
#define BUSY_WINDOW_NS  1e8
#define BUSY_SHARE      0.3   /* of the threads' time; the reactor needs CPU too */
#define SILENCE_NS      0.5e9 /* a silence: this, and three times what it usually takes to hear */
#define SHARED_WEIGHT   0.25  /* of one whole record in what all steps say together */
#define OWN_WEIGHT      0.1   /* in what a step says by itself */
#define SAVED_MIN       0.02  /* less is incompressible */
#define EQUAL           1.005 /* times as near each other as this are the same */
#define WORTH_MORE_CPU  0.99  /* of the time now: less is not worth a heavier level */
#define TRIED_ENOUGH    3u    /* records of a level came back: what it costs here is known */
#define CPU_MARGIN      1.5 /* records differ, and a link that waited is lost: CPU must have more */
#define SPARE_CPU       0.5 /* of a record's time: less is much to spare */
#define LIGHT_STEP      6u  /* of the ladder; heavier ones are tried one by one */
#define NEIGHBOUR_SHARE 0.5 /* of the probes' budget, for neighbours of the level in use */
#define BUDGET_MAX_NS   2e9 /* saved up at most */

/* On ordinary disks (bench/pack_bench.c's image), one thread of an AMD EPYC. */
static const struct step {
    int level;
    double cpu_ns; /* a raw byte */
    double saved;  /* part of the bytes */
} ladder[COMPRESS_STEPS] = {
    {STREAM_LEVEL_RAW, 0.35, 0.0}, /* hashing and copying */
    {-5, 1.5, 0.545},
    {-1, 2.0, 0.638},
    {1, 2.4, 0.676},
    {2, 2.7, 0.697},
    {3, 3.3, 0.714},
    {5, 6.8, 0.725},
    {7, 11.0, 0.735},
    {9, 18.0, 0.741},
    {12, 31.0, 0.743},
    {17, 240.0, 0.760},
    {19, 330.0, 0.775},
};

/* ---- The model ---- */

static double cpu_ns(const struct compress_level *cl, unsigned step)
{
    return ladder[step].cpu_ns * cl->cpu_factor * cl->rates[step].cpu;
}

static double wire_ratio(const struct compress_level *cl, unsigned step)
{
    double saved = ladder[step].saved * cl->saved_factor * cl->rates[step].saved;

    return saved < 0.99 ? 1.0 - saved : 0.01;
}

/* Of a raw byte, when CPU and link work side by side. */
static double time_ns(const struct compress_level *cl, unsigned step)
{
    double cpu = cpu_ns(cl, step) / cl->threads * (step > 0 ? CPU_MARGIN : 1);
    double wire = wire_ratio(cl, step) / cl->link_bytes_per_ns;

    return cpu > wire ? cpu : wire;
}

/* The lightest of those that need no more time than the best. */
static unsigned best_step(const struct compress_level *cl)
{
    double least_ns = time_ns(cl, 0);
    unsigned step = 0;

    for (unsigned i = 1; i < COMPRESS_STEPS; i++)
        if (time_ns(cl, i) < least_ns)
            least_ns = time_ns(cl, i);
    while (time_ns(cl, step) > least_ns * EQUAL)
        step++;
    return step;
}

static void enter(struct compress_level *cl, unsigned step)
{
    cl->step = step;
    cl->level = ladder[step].level;
    cl->tried = 0;
}

/* Down at once, and up to what is light where the CPUs have much time to spare; else up one step after
 * another, each only when some records of the one before came back, and what it costs here is known. */
static void decide(struct compress_level *cl)
{
    unsigned best = best_step(cl), next = cl->step + 1;
    unsigned light = best < LIGHT_STEP ? best : LIGHT_STEP;
    double now_ns = time_ns(cl, cl->step), then_ns = time_ns(cl, best);

    if (!cl->link_known)
        return; /* a window of records is packed before the first is acknowledged */
    if (best < cl->step && then_ns <= now_ns * EQUAL) {
        enter(cl, best);
    } else if (best > cl->step && cl->tried >= TRIED_ENOUGH && then_ns < now_ns * WORTH_MORE_CPU) {
        if (light > next && cpu_ns(cl, light) / cl->threads < SPARE_CPU * time_ns(cl, light))
            next = light;
        enter(cl, next);
    }
}

/* ---- Life and use ---- */

void compress_level_init(struct compress_level *cl, int wanted, unsigned threads)
{
    assert(threads > 0);
    *cl = (struct compress_level){.wanted = wanted,
                                  .threads = threads,
                                  .level = wanted,
                                  .cpu_factor = 1,
                                  .saved_factor = 1,
                                  .link_bytes_per_ns = GUESSED_LINK};
    for (unsigned i = 0; i < COMPRESS_STEPS; i++)
        cl->rates[i] = (struct compress_rates){1, 1};
    if (wanted == COMPRESS_AUTO)
        enter(cl, best_step(cl));
}

/* The lightest compression tells what could be saved, where nothing is compressed; else a neighbour tells
 * whether the ladder is right about this disk. */
static unsigned probe_step(struct compress_level *cl)
{
    if (cl->step == 0)
        return 1;
    cl->probe_up = !cl->probe_up;
    if (cl->probe_up)
        return cl->step + 1 < COMPRESS_STEPS ? cl->step + 1 : cl->step;
    return cl->step > 1 ? cl->step - 1 : cl->step;
}

int compress_level_next(struct compress_level *cl, uint64_t raw_bytes)
{
    double meanwhile_ns, cost_ns;
    unsigned step;

    if (cl->wanted != COMPRESS_AUTO)
        return cl->wanted;
    meanwhile_ns = time_ns(cl, cl->step) * (double)raw_bytes;
    cl->probe_budget_ns += meanwhile_ns * cl->threads * COMPRESS_PROBE_SHARE;
    if (cl->probe_budget_ns > BUDGET_MAX_NS)
        cl->probe_budget_ns = BUDGET_MAX_NS;
    step = cl->step == 0 ? 1 : cl->step + 1 < COMPRESS_STEPS ? cl->step + 1 : cl->step;
    cost_ns = cpu_ns(cl, step) * (double)raw_bytes;
    if (cl->step > 0)
        cost_ns /= NEIGHBOUR_SHARE;
    if (cl->tried < TRIED_ENOUGH || cl->probe_budget_ns < cost_ns)
        return cl->level;
    cl->probe_budget_ns -= cost_ns;
    return ladder[probe_step(cl)].level;
}

bool compress_level_settled(const struct compress_level *cl)
{
    return cl->wanted != COMPRESS_AUTO || (cl->link_known && cl->tried >= TRIED_ENOUGH);
}

static void learn(double *factor, double observed, double expected, double weight, double most)
{
    double now = expected > 0 ? observed / expected : 1;

    if (now > most)
        now = most;
    *factor += (now - *factor) * weight;
}

/* A link that nothing is heard of while the threads are busy is waiting for us. */
static void count_silence(struct compress_level *cl, uint64_t cpu, uint64_t now_ns)
{
    double elapsed_ns = (double)(now_ns - cl->window_from_ns);
    double silence_ns;
    bool busy;

    if (cl->window_from_ns == 0 || now_ns < cl->window_from_ns) {
        cl->window_from_ns = now_ns;
        cl->packing_ns = 0;
        return;
    }
    cl->packing_ns += (double)cpu;
    if (elapsed_ns < BUSY_WINDOW_NS)
        return;
    busy = cl->packing_ns > elapsed_ns * cl->threads * BUSY_SHARE;
    cl->window_from_ns = now_ns;
    cl->packing_ns = 0;
    if (!busy || cl->link_bytes_per_ns >= LINK_MAX)
        return;
    cl->silent_ns += elapsed_ns;
    silence_ns = SILENCE_NS + 3 * cl->usual_ns;
    if (cl->silent_ns < silence_ns)
        return;
    cl->link_known = true; /* so far: it carries all that we give it */
    cl->link_bytes_per_ns *= 1 + elapsed_ns / silence_ns;
    cl->link_bytes = cl->link_ns = 0; /* the next word counts for itself */
}

/* What a record says of its step, and of all. */
static void learn_step(struct compress_level *cl, unsigned step, double cpu, double saved,
                       double weight)
{
    struct compress_rates *own = &cl->rates[step];

    learn(&cl->saved_factor, saved, ladder[step].saved * own->saved, weight * SHARED_WEIGHT, 2);
    if (saved < SAVED_MIN)
        return; /* of what does not compress nothing is learned about a step */
    learn(&cl->cpu_factor, cpu, ladder[step].cpu_ns * own->cpu, weight * SHARED_WEIGHT, 100);
    learn(&own->cpu, cpu, ladder[step].cpu_ns * cl->cpu_factor, weight * OWN_WEIGHT, 10);
    learn(&own->saved, saved, ladder[step].saved * cl->saved_factor, weight * OWN_WEIGHT, 2);
}

void compress_level_packed(struct compress_level *cl, int level, uint64_t raw_bytes,
                           uint64_t wire_bytes, uint64_t cpu_ns_spent, uint64_t now_ns)
{
    double saved = 1 - (double)wire_bytes / (double)raw_bytes;
    unsigned step = 0;

    if (cl->wanted != COMPRESS_AUTO || raw_bytes == 0)
        return;
    assert(raw_bytes <= STREAM_RAW_MAX_BYTES);
    while (step < COMPRESS_STEPS && ladder[step].level != level)
        step++;
    assert(step < COMPRESS_STEPS);
    if (step == cl->step)
        cl->tried += cl->tried < TRIED_ENOUGH;
    if (step > 0)
        learn_step(cl, step, (double)cpu_ns_spent / (double)raw_bytes, saved > 0 ? saved : 0,
                   (double)raw_bytes / RECORD_BYTES);
    count_silence(cl, cpu_ns_spent, now_ns);
    decide(cl);
}

/* A rate that is lower than before need not be the link's: where the receiver's disk or CPU is what is
 * slow, fewer wire bytes a raw byte look like a slower link, and a heavier level would only make it look
 * slower still. So the link counts as slower only when it is so by more than any level saves. */
static void take_rate(struct compress_level *cl, double bytes_per_ns)
{
    if (bytes_per_ns < LINK_MIN)
        bytes_per_ns = LINK_MIN; /* nothing at all was acknowledged in that time */
    if (!cl->link_known || bytes_per_ns > cl->link_bytes_per_ns ||
        bytes_per_ns < cl->link_bytes_per_ns * LINK_SLOWER)
        cl->link_bytes_per_ns = bytes_per_ns;
    cl->link_known = true;
}

void compress_level_sent(struct compress_level *cl, uint64_t wire_bytes, uint64_t busy_ns)
{
    double fade = LINK_MEMORY_NS / (LINK_MEMORY_NS + (double)busy_ns), rate;

    if (cl->wanted != COMPRESS_AUTO || busy_ns == 0)
        return;
    cl->usual_ns += ((double)busy_ns - cl->usual_ns) * (cl->usual_ns > 0 ? 0.25 : 1);
    cl->silent_ns = 0;
    cl->heard_ns += (double)busy_ns;
    cl->link_bytes = cl->link_bytes * fade + (double)wire_bytes;
    cl->link_ns = cl->link_ns * fade + (double)busy_ns;
    rate = cl->link_bytes / cl->link_ns;
    if (!cl->link_known && cl->heard_ns < LINK_FIRST_NS && rate < cl->link_bytes_per_ns)
        return; /* the first answers come late: all was begun at once */
    take_rate(cl, rate);
    decide(cl);
}
