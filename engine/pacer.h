/* pacer.h - how many ranges may be in flight.
 *
 * Knows:         completions, their bytes and latencies, throttle verdicts, the time it is told.
 * Must not know: endpoints, HTTP, files, who is asking.
 * Threads:       none; one owner.
 *
 * The window starts small and grows by half each epoch while throughput grows with it. When it no
 * longer does, the last step is taken back and the window stays, probing one step up now and then
 * and keeping it only where it paid; a probe that paid is followed by the next at once, but near
 * the window that was throttled last. Throttled or failed answers, when they are more than one in
 * fifty, end the growth and cut the window by a quarter, then by halves, at most once a round trip.
 * Fewer have another reason than the window, and a long way that is cut back for each of them stays
 * empty. Of a probe one is enough: it is taken back. Answers that become many times slower without
 * more bytes shrink the window too.
 */
#ifndef ENGINE_PACER_H
#define ENGINE_PACER_H

#include <stdbool.h>
#include <stdint.h>

#define PACER_WINDOW_START 4u
#define PACER_WINDOW_MIN   1u
#define PACER_WINDOW_MAX   1024u
#define PACER_EPOCH_MIN_NS 100000000ull /* 100 ms: shorter epochs measure noise */

enum pacer_trouble { PACER_THROTTLED, PACER_FAILED };

struct pacer {
    /* set once */
    uint32_t window_max;
    /* changes */
    uint32_t window;
    uint32_t window_before;  /* what to go back to when the last step did not pay */
    bool growing;            /* each epoch ends in a step up while that pays */
    bool probing;            /* this epoch tries one step more than is proven */
    bool limited;            /* the window, not the work, held something back in this epoch */
    uint32_t quiet_epochs;   /* since the last probe or trouble */
    uint32_t probes_refused; /* in a row */
    uint32_t throttled_at;   /* the window when a host last asked to slow down; 0 = never */
    uint32_t trouble_debt;   /* PACER_TROUBLE_COST for each trouble, less 1 for each good answer */
    bool cut_lately;         /* and the debt of that was not paid since */
    uint32_t backoffs_count;
    uint64_t epoch_start_ns; /* 0 = no epoch yet */
    uint64_t epoch_bytes;
    uint64_t epoch_latency_ns; /* sum over epoch_count completions */
    uint32_t epoch_count;
    double rate_before;      /* bytes/ns of the epoch before */
    uint64_t latency_min_ns; /* best epoch mean, slowly forgotten; 0 = none yet */
    uint64_t not_before_ns;  /* nothing starts before: Retry-After */
    uint64_t deaf_until_ns;  /* troubles before this belong to one already counted */
};

void pacer_init(struct pacer *pacer, uint32_t window_start, uint32_t window_max);

/* May one more start, when inflight are already under way? */
bool pacer_may_start(struct pacer *pacer, uint32_t inflight, uint64_t now_ns);

/* A request was answered well, of which a range may take several: what troubles are borne by. Of either end:
 * where one of them never refuses, the other is borne twice as often. */
void pacer_note_answer(struct pacer *pacer);

/* A range ended well. bytes may be 0 (a clear). */
void pacer_note_done(struct pacer *pacer, uint64_t bytes, uint64_t latency_ns, uint64_t now_ns);

/* A request was throttled or failed: the window follows what they come to. delay_ns: nothing starts
 * before now + delay (0 = no wish). */
void pacer_note_trouble(struct pacer *pacer, enum pacer_trouble trouble, uint64_t delay_ns,
                        uint64_t now_ns);

/* When to ask again if pacer_may_start said no because of time; 0 = it was the window. */
uint64_t pacer_wake_ns(const struct pacer *pacer, uint64_t now_ns);

#endif
