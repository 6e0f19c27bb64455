/* pacer.c - see pacer.h. */
#include "engine/pacer.h"

#include <assert.h>
#include <string.h>

#define PACER_GROWTH_PAYS       1.05 /* an epoch this much faster than the one before proves the step */
#define PACER_PROBE_EPOCHS      8u /* quiet epochs between two probes */
#define PACER_PROBE_DOUBLES_MAX 3u /* of that, when one after another is refused */
#define PACER_SLOW_FACTOR       6u /* a mean latency this often the best is a throttle without a name */
#define PACER_DEAF_MIN_NS       50000000ull
/* One trouble in so many answers is borne. Beyond that the debt grows, and at four the window is cut: by
 * chance alone, at one in a hundred, that happens once in some 4,000 answers; a host that refuses every tenth
 * has it within 50, one that refuses all at the fourth. */
#define PACER_TROUBLE_COST  50u
#define PACER_TROUBLE_BEARS (3u * PACER_TROUBLE_COST)
/* What a request counts besides its bytes, so that clears and small ranges, which carry next to
 * nothing, are paced by how many of them end. */
#define PACER_REQUEST_BYTES 65536u

void pacer_init(struct pacer *pacer, uint32_t window_start, uint32_t window_max)
{
    assert(window_max >= PACER_WINDOW_MIN && window_max <= PACER_WINDOW_MAX);
    memset(pacer, 0, sizeof *pacer);
    if (window_start > window_max)
        window_start = window_max;
    if (window_start < PACER_WINDOW_MIN)
        window_start = PACER_WINDOW_MIN;
    pacer->window_max = window_max;
    pacer->window = window_start;
    pacer->window_before = window_start;
    pacer->growing = true;
}

bool pacer_may_start(struct pacer *pacer, uint32_t inflight, uint64_t now_ns)
{
    if (now_ns < pacer->not_before_ns)
        return false;
    if (inflight < pacer->window)
        return true;
    pacer->limited = true;
    return false;
}

static void pacer_step_up(struct pacer *pacer)
{
    uint32_t step = pacer->growing ? pacer->window / 2 : pacer->window / 8;

    pacer->window_before = pacer->window;
    pacer->window += step ? step : 1;
    if (pacer->window > pacer->window_max)
        pacer->window = pacer->window_max;
}

/* One failure must not cost minutes of slow probing, but near where a host said no the steps are rare.
 * A window beyond that place, and nothing refused: the host takes more now. */
static bool pacer_is_off_limit(const struct pacer *pacer)
{
    uint32_t limit = pacer->throttled_at;

    return limit == 0 || pacer->window < limit - limit / 4 || pacer->window > limit;
}

/* In quiet epochs. A host that is full is asked more and more seldom; one refusal alone may be chance. */
static uint32_t pacer_probe_after(const struct pacer *pacer)
{
    uint32_t doubles = pacer->probes_refused > 1 ? pacer->probes_refused - 1 : 0;

    if (doubles > PACER_PROBE_DOUBLES_MAX)
        doubles = PACER_PROBE_DOUBLES_MAX;
    return PACER_PROBE_EPOCHS << doubles;
}

/* What the epoch that just ended says about the window it ran with. */
static void pacer_judge_rate(struct pacer *pacer, double rate)
{
    bool paid = rate > pacer->rate_before * PACER_GROWTH_PAYS;

    if (pacer->growing && paid) {
        pacer_step_up(pacer);
    } else if (pacer->growing) {
        pacer->growing = false;
        pacer->window = pacer->window_before;
    } else if (pacer->probing && paid && pacer_is_off_limit(pacer)) {
        pacer_step_up(pacer);
    } else if (pacer->probing) {
        pacer->probing = false;
        pacer->quiet_epochs = 0;
        pacer->probes_refused = 0;
        if (!paid)
            pacer->window = pacer->window_before;
    } else if (++pacer->quiet_epochs >= pacer_probe_after(pacer)) {
        pacer->probing = true;
        pacer_step_up(pacer);
    }
}

static void pacer_note_latency(struct pacer *pacer, uint64_t mean_ns)
{
    if (pacer->latency_min_ns == 0 || mean_ns < pacer->latency_min_ns)
        pacer->latency_min_ns = mean_ns;
    else
        pacer->latency_min_ns += pacer->latency_min_ns / 64; /* paths change: forget slowly */
}

static void pacer_epoch_end(struct pacer *pacer, uint64_t now_ns)
{
    double rate = (double)pacer->epoch_bytes / (double)(now_ns - pacer->epoch_start_ns);
    uint64_t mean_ns = pacer->epoch_latency_ns / pacer->epoch_count;
    bool slow = pacer->latency_min_ns && mean_ns > PACER_SLOW_FACTOR * pacer->latency_min_ns &&
                rate <= pacer->rate_before * PACER_GROWTH_PAYS;

    pacer_note_latency(pacer, mean_ns);
    if (slow && pacer->window > PACER_WINDOW_START) {
        pacer->growing = false;
        pacer->probing = false;
        pacer->window -= pacer->window / 4;
        pacer->window_before = pacer->window;
        pacer->backoffs_count++;
    } else if (pacer->limited) {
        pacer_judge_rate(pacer, rate);
    }
    pacer->rate_before = rate;
    pacer->epoch_start_ns = now_ns;
    pacer->epoch_bytes = 0;
    pacer->epoch_count = 0;
    pacer->epoch_latency_ns = 0;
    pacer->limited = false;
}

void pacer_note_answer(struct pacer *pacer)
{
    if (pacer->trouble_debt)
        pacer->trouble_debt--;
    else
        pacer->cut_lately = false;
}

void pacer_note_done(struct pacer *pacer, uint64_t bytes, uint64_t latency_ns, uint64_t now_ns)
{
    if (pacer->epoch_start_ns == 0)
        pacer->epoch_start_ns = now_ns > latency_ns ? now_ns - latency_ns : 1;
    pacer->epoch_bytes += bytes + PACER_REQUEST_BYTES;
    pacer->epoch_latency_ns += latency_ns;
    pacer->epoch_count++;
    if (now_ns > pacer->epoch_start_ns + PACER_EPOCH_MIN_NS &&
        pacer->epoch_count >= 2 * pacer->window)
        pacer_epoch_end(pacer, now_ns);
}

/* It was one step too many, or bad luck: the window that was proven is still. */
static void pacer_take_probe_back(struct pacer *pacer)
{
    pacer->probing = false;
    pacer->quiet_epochs = 0;
    pacer->probes_refused++;
    pacer->window = pacer->window_before;
}

static void pacer_cut(struct pacer *pacer)
{
    uint32_t part = pacer->window / (pacer->cut_lately ? 2 : 4);

    pacer->growing = false;
    pacer->probing = false;
    pacer->quiet_epochs = 0;
    pacer->probes_refused = 0;
    pacer->window -= part ? part : 1;
    if (pacer->window < PACER_WINDOW_MIN)
        pacer->window = PACER_WINDOW_MIN;
    pacer->window_before = pacer->window;
    pacer->trouble_debt = PACER_TROUBLE_COST; /* so that bad luck does not cut it twice */
    pacer->cut_lately = true;
    pacer->backoffs_count++;
}

void pacer_note_trouble(struct pacer *pacer, enum pacer_trouble trouble, uint64_t delay_ns,
                        uint64_t now_ns)
{
    /* Twice, because what was sent before the cut comes back later than the best mean. */
    uint64_t deaf_ns = 2 * pacer->latency_min_ns > PACER_DEAF_MIN_NS ? 2 * pacer->latency_min_ns
                                                                     : PACER_DEAF_MIN_NS;
    bool is_borne;

    if (trouble == PACER_THROTTLED && now_ns + delay_ns > pacer->not_before_ns)
        pacer->not_before_ns = now_ns + delay_ns;
    if (now_ns < pacer->deaf_until_ns)
        return;
    pacer->trouble_debt += PACER_TROUBLE_COST;
    is_borne = pacer->trouble_debt <= PACER_TROUBLE_BEARS;
    if (is_borne && !pacer->probing)
        return;
    pacer->deaf_until_ns = now_ns + deaf_ns;
    if (trouble == PACER_THROTTLED)
        pacer->throttled_at = pacer->window;
    if (is_borne)
        pacer_take_probe_back(pacer);
    else
        pacer_cut(pacer);
}

uint64_t pacer_wake_ns(const struct pacer *pacer, uint64_t now_ns)
{
    return now_ns < pacer->not_before_ns ? pacer->not_before_ns : 0;
}
