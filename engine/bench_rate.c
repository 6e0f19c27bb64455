/* bench_rate.c - see bench_rate.h. */
#include "engine/bench_rate.h"

#include <assert.h>
#include <string.h>

#include "io/clock.h"

/* Student's t for BENCH_RATE_BATCHES_COUNT - 1 degrees of freedom, 97.5 %. */
#define STUDENT_T 2.262
_Static_assert(BENCH_RATE_BATCHES_COUNT == 10, "STUDENT_T is that of 9 degrees of freedom");

void bench_rate_init(struct bench_rate *rate, uint64_t start_ns)
{
    memset(rate, 0, sizeof *rate);
    rate->start_ns = start_ns;
    rate->bin_ns = BENCH_RATE_BIN_FIRST_NS;
}

/* ---- Noting ---- */

static void fold(struct bench_rate *rate)
{
    for (uint32_t i = 0; i < BENCH_RATE_BINS_COUNT / 2; i++)
        rate->bins_bytes[i] = rate->bins_bytes[2 * i] + rate->bins_bytes[2 * i + 1];
    memset(&rate->bins_bytes[BENCH_RATE_BINS_COUNT / 2], 0,
           BENCH_RATE_BINS_COUNT / 2 * sizeof rate->bins_bytes[0]);
    rate->bin_ns *= 2;
}

void bench_rate_note(struct bench_rate *rate, uint64_t began_ns, uint64_t ended_ns, uint64_t bytes)
{
    double per_ns;
    uint64_t at_ns, end_ns;

    assert(began_ns <= ended_ns);
    if (ended_ns <= rate->start_ns)
        return;
    if (began_ns == ended_ns)
        began_ns--;
    per_ns = (double)bytes / (double)(ended_ns - began_ns);
    at_ns = began_ns > rate->start_ns ? began_ns - rate->start_ns : 0;
    end_ns = ended_ns - rate->start_ns;
    while (end_ns > rate->bin_ns * BENCH_RATE_BINS_COUNT)
        fold(rate);
    while (at_ns < end_ns) {
        uint64_t bin = at_ns / rate->bin_ns;
        uint64_t next_ns = (bin + 1) * rate->bin_ns;

        if (next_ns > end_ns)
            next_ns = end_ns;
        rate->bins_bytes[bin] += per_ns * (double)(next_ns - at_ns);
        at_ns = next_ns;
    }
    rate->transfers_count++;
}

/* ---- Looking ---- */

/* Square root by Newton: libm for one root is not worth a dependency. x >= 0. */
static double root_of(double x)
{
    double guess = x > 1 ? x : 1;

    for (int i = 0; i < 1100 && guess * guess > x * (1 + 1e-12); i++)
        guess = (guess + x / guess) / 2;
    return x > 0 ? guess : 0;
}

/* How many bins to leave out: the cut in the first half after which variance / count is least. From the
 * end, so that one pass does; measured from the last bin's height, so that little is lost by rounding. */
static uint32_t find_cut(const double *bins, uint32_t count)
{
    double sum = 0, squares = 0, best = 0, base = bins[count - 1];
    uint32_t cut = count;

    for (uint32_t i = count; i-- > 0;) {
        double n = (double)(count - i), above = bins[i] - base, spread;

        sum += above;
        squares += above * above;
        if (i > count / 2)
            continue;
        spread = (squares - sum * sum / n) / (n * n);
        if (cut == count || spread <= best) {
            best = spread;
            cut = i;
        }
    }
    return cut;
}

static double mean_of(const double *bins, uint32_t count)
{
    double sum = 0;

    for (uint32_t i = 0; i < count; i++)
        sum += bins[i];
    return sum / count;
}

/* Half the width of the interval, in bytes a bin. count >= BENCH_RATE_BATCHES_COUNT. */
static double half_width(const double *bins, uint32_t count)
{
    uint32_t size = count / BENCH_RATE_BATCHES_COUNT;
    double means[BENCH_RATE_BATCHES_COUNT], mean, squares = 0;

    bins += count % BENCH_RATE_BATCHES_COUNT; /* the oldest belong to no batch */
    for (uint32_t i = 0; i < BENCH_RATE_BATCHES_COUNT; i++)
        means[i] = mean_of(bins + i * size, size);
    mean = mean_of(means, BENCH_RATE_BATCHES_COUNT);
    for (uint32_t i = 0; i < BENCH_RATE_BATCHES_COUNT; i++)
        squares += (means[i] - mean) * (means[i] - mean);
    return STUDENT_T * root_of(squares / (BENCH_RATE_BATCHES_COUNT - 1) / BENCH_RATE_BATCHES_COUNT);
}

static uint64_t per_second(double bytes, uint64_t ns)
{
    return (uint64_t)(bytes / (double)ns * (double)NS_PER_S + 0.5);
}

/* Less time than one bin: all there is, over all the time. */
static void look_at_once(const struct bench_rate *rate, uint64_t passed_ns,
                         struct bench_estimate *out)
{
    if (passed_ns == 0)
        return;
    out->bytes_per_s = per_second(rate->bins_bytes[0], passed_ns);
    out->counted_ns = passed_ns;
}

void bench_rate_look(const struct bench_rate *rate, uint64_t until_ns,
                     struct bench_estimate *out_estimate)
{
    uint64_t passed_ns = until_ns > rate->start_ns ? until_ns - rate->start_ns : 0;
    uint64_t whole = passed_ns / rate->bin_ns;
    uint32_t count = whole > BENCH_RATE_BINS_COUNT ? BENCH_RATE_BINS_COUNT : (uint32_t)whole;
    uint32_t cut;
    double mean;

    *out_estimate = (struct bench_estimate){0};
    if (count == 0) {
        look_at_once(rate, passed_ns, out_estimate);
        return;
    }
    cut = count >= 2 * BENCH_RATE_BATCHES_COUNT ? find_cut(rate->bins_bytes, count) : 0;
    mean = mean_of(rate->bins_bytes + cut, count - cut);
    out_estimate->bytes_per_s = per_second(mean, rate->bin_ns);
    out_estimate->cut_ns = cut * rate->bin_ns;
    out_estimate->counted_ns = (count - cut) * rate->bin_ns;
    if (count < 2 * BENCH_RATE_BATCHES_COUNT || rate->transfers_count < BENCH_RATE_TRANSFERS_MIN)
        return;
    out_estimate->known = true;
    out_estimate->half_bytes_per_s =
        per_second(half_width(rate->bins_bytes + cut, count - cut), rate->bin_ns);
}
