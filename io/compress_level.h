/* compress_level.h - which zstd level pays now: the slower of CPU and link decides. Pure arithmetic.
 *
 * Knows:         what each level cost and saved lately, how fast the link took bytes.
 * Must not know: zstd itself, threads, sockets, clocks (times are told).
 * Threads:       none; the reactor's.
 *
 * A raw byte takes max(CPU / threads, wire bytes / link), whichever is slower. A ladder of levels with
 * what each costs and saves on ordinary disks is corrected by what this disk and this CPU show, all
 * steps together and each by itself; the step with the least time wins, of equals the one that costs
 * less CPU. On a link that is faster than any compression the answer is raw, but for a probe now and
 * then, whose CPU is at most COMPRESS_PROBE_SHARE of what there is meanwhile.
 */
#ifndef IO_COMPRESS_LEVEL_H
#define IO_COMPRESS_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

#define COMPRESS_AUTO        (INT32_MIN + 1)
#define COMPRESS_STEPS       12u
#define COMPRESS_PROBE_SHARE 0.02

/* All fields are private but `level`. */
struct compress_level {
    int wanted; /* COMPRESS_AUTO, STREAM_LEVEL_RAW, or a fixed level */
    unsigned threads;
    int level; /* the answer as of late, probes left out */
    unsigned step;
    unsigned tried; /* records of this step that came back: only then is a higher one looked at */
    bool probe_up;  /* the next probe of a neighbour goes there */
    struct compress_rates { /* this step against what all steps together say; 1 = as expected */
        double cpu, saved;
    } rates[COMPRESS_STEPS];
    double cpu_factor;          /* this CPU and disk against the ladder's */
    double saved_factor;        /* the same of the part of bytes that is saved */
    double link_bytes_per_ns;   /* a guess until link_known */
    double link_bytes, link_ns; /* of late: old ones fade */
    bool link_known;
    double heard_ns;         /* of busy time, told so far */
    double usual_ns;         /* from one word of the link to the next */
    double silent_ns;        /* of busy threads since the link was last heard of */
    double packing_ns;       /* CPU since window_from_ns */
    uint64_t window_from_ns; /* 0: none yet */
    double probe_budget_ns;
};

void compress_level_init(struct compress_level *cl, int wanted, unsigned threads);
/* For the next record. A probe's level is another than `level`; tell what came of it like of any other. */
int compress_level_next(struct compress_level *cl, uint64_t raw_bytes);
/* The link was heard of, and enough records of this level came back: a better one would be in use already. */
bool compress_level_settled(const struct compress_level *cl);
/* What a record cost: cpu_ns of one thread (or the time it took, where others want the CPUs too), wire_bytes
 * as sent (raw ones too). now_ns: any clock. */
void compress_level_packed(struct compress_level *cl, int level, uint64_t raw_bytes,
                           uint64_t wire_bytes, uint64_t cpu_ns, uint64_t now_ns);
/* That many bytes were acknowledged in that time, during all of which every connection had a body under
 * way or something packed waited for one: what is told is what the link can carry. Time in which the link
 * waited for us is not told. A link that is silent while the threads are busy counts as faster and
 * faster until it is heard of again; where both idle, the source is what is slow, and nothing changes. */
void compress_level_sent(struct compress_level *cl, uint64_t wire_bytes, uint64_t busy_ns);

#endif
