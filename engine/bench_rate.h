/* bench_rate.h - how many bytes a second something carries, and how sure that is.
 *
 * Knows:         transfers: bytes between two times. Bins of time, the statistics of their means.
 * Must not know: what was carried, when to stop (bench_point.h asks).
 * Threads:       none; one owner. No allocation, whatever the duration: when the bins are full, two
 *                become one.
 *
 * Bytes are spread evenly over the time their transfer took, so that a request of many bins does not
 * look like a silence and then a burst. The beginning is left out by MSER: of all cuts within the first
 * half, the one after which the mean is known best. What is left is divided into batches whose means
 * are nearly independent; the confidence interval is Student's, 95 %, of these.
 */
#ifndef ENGINE_BENCH_RATE_H
#define ENGINE_BENCH_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define BENCH_RATE_BINS_COUNT    512u
#define BENCH_RATE_BATCHES_COUNT 10u
#define BENCH_RATE_TRANSFERS_MIN 20u /* of fewer, spread over time, bins look alike: no interval */
#define BENCH_RATE_BIN_FIRST_NS  1000000ull /* 1 ms; doubled when the bins are full */
_Static_assert(BENCH_RATE_BINS_COUNT % 2 == 0, "two bins become one");

struct bench_rate {
    /* set once */
    uint64_t start_ns;
    /* changes */
    uint64_t bin_ns;
    double bins_bytes[BENCH_RATE_BINS_COUNT];
    uint64_t transfers_count;
};

struct bench_estimate {
    bool known;                  /* there were enough bins and transfers for an interval */
    uint64_t bytes_per_s;        /* mean after the cut */
    uint64_t half_bytes_per_s;   /* the mean is as sure as +- this, 95 % */
    uint64_t cut_ns, counted_ns; /* left out at the beginning; looked at after that */
};

void bench_rate_init(struct bench_rate *rate, uint64_t start_ns);

/* A transfer that ended. What of it lies before start_ns is not counted. */
void bench_rate_note(struct bench_rate *rate, uint64_t began_ns, uint64_t ended_ns, uint64_t bytes);

/* Of the whole bins before until_ns: no transfer that is still under way may have begun before it.
 * Where there are too few, the plain mean, and known is false. */
void bench_rate_look(const struct bench_rate *rate, uint64_t until_ns,
                     struct bench_estimate *out_estimate);

#endif
