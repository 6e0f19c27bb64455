/* compress_level.h - which zstd level pays now: the slower of CPU and link decides. Pure arithmetic.
 *
 * Knows:         what each level cost and saved lately, how fast the link took bytes.
 * Must not know: zstd itself, threads, sockets, clocks (times are told).
 * Threads:       none; the reactor's.
 *
 * On a link that is faster than any compression the answer is raw, but for a probe now and then; a probe
 * is small, so that auto never costs more than a few percent of raw.
 */
#ifndef IO_COMPRESS_LEVEL_H
#define IO_COMPRESS_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

#define COMPRESS_AUTO (INT32_MIN + 1)

struct compress_level {
    int wanted; /* COMPRESS_AUTO, STREAM_LEVEL_RAW, or a fixed level */
    unsigned threads;
    int level; /* the answer as of late */
    struct compress_rates {
        double cpu_ns_per_byte; /* of raw bytes, one thread */
        double wire_ratio;      /* wire bytes a raw byte */
        uint64_t tried_bytes;
    } rates[12];              /* by step of the ladder */
    double link_bytes_per_ns; /* 0: unknown */
    uint64_t since_probe_bytes;
};

void compress_level_init(struct compress_level *cl, int wanted, unsigned threads);
int compress_level_next(struct compress_level *cl, uint64_t raw_bytes); /* for the next record */
void compress_level_packed(struct compress_level *cl, int level, uint64_t raw_bytes,
                           uint64_t wire_bytes, uint64_t cpu_ns);
/* That many bytes were acknowledged in that time while the link was always busy (else do not tell). */
void compress_level_sent(struct compress_level *cl, uint64_t wire_bytes, uint64_t busy_ns);

#endif
