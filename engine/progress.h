/* progress.h - how far a copy is: truthful, never back, 100 only at the commit.
 *
 * Knows:         bytes durable at the target, bytes that must change, the time it is told.
 * Must not know: how they got there, who looks.
 * Threads:       none; one owner.
 */
#ifndef ENGINE_PROGRESS_H
#define ENGINE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#define PROGRESS_WINDOW_SLOTS 16u /* the rate is taken over the last so many samples */
#define PROGRESS_SAMPLE_NS    500000000ull

struct progress {
    uint64_t total_bytes;   /* that must change; 0 until planned */
    uint64_t durable_bytes; /* of those, durable at the target */
    bool planned;
    bool committed;
    double percent_said; /* the greatest percent told so far */
    /* rate */
    uint64_t sample_ns[PROGRESS_WINDOW_SLOTS];
    uint64_t sample_bytes[PROGRESS_WINDOW_SLOTS];
    uint32_t sample_count; /* taken so far */
};

struct progress_view {
    double percent; /* 0 .. 100; below 100 until the commit; never less than told before */
    uint64_t durable_bytes;
    uint64_t total_bytes;
    uint64_t bytes_per_second; /* over the last seconds; 0 = not known */
    uint64_t eta_seconds;      /* UINT64_MAX = not known */
};

/* An earlier process was that far; the percentage begins there. Before the plan. */
void progress_recall(struct progress *progress, uint64_t durable_bytes, uint64_t total_bytes);
void progress_plan(struct progress *progress, uint64_t total_bytes, uint64_t now_ns);
/* What an earlier process made durable; recorded_bytes: what its journal says, which may be more (some of it
 * is done again): the percent never falls below that. After progress_plan, before anything is durable. */
void progress_resume(struct progress *progress, uint64_t durable_bytes, uint64_t recorded_bytes,
                     uint64_t now_ns);
void progress_durable(struct progress *progress, uint64_t bytes, uint64_t now_ns);
void progress_commit(struct progress *progress);
struct progress_view progress_look(struct progress *progress, uint64_t now_ns);

#endif
