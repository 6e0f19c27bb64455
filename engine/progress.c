/* progress.c - see progress.h. */
#include "engine/progress.h"

#include <assert.h>

#define PROGRESS_PERCENT_OPEN_MAX 99.9 /* the most that is told before the commit */

static void progress_sample(struct progress *progress, uint64_t now_ns)
{
    uint32_t last = (progress->sample_count - 1) % PROGRESS_WINDOW_SLOTS;
    uint32_t next = progress->sample_count % PROGRESS_WINDOW_SLOTS;

    if (progress->sample_count && now_ns < progress->sample_ns[last] + PROGRESS_SAMPLE_NS)
        return;
    progress->sample_ns[next] = now_ns;
    progress->sample_bytes[next] = progress->durable_bytes;
    progress->sample_count++;
}

/* In whole tenths, downwards: a sentence, a line and an event all say the same then, however they round,
 * and none of them more than is durable. */
static double progress_open_percent(uint64_t durable_bytes, uint64_t total_bytes)
{
    double percent = total_bytes ? 100.0 * (double)durable_bytes / (double)total_bytes : 0;

    if (percent > PROGRESS_PERCENT_OPEN_MAX)
        return PROGRESS_PERCENT_OPEN_MAX;
    return (double)(uint64_t)(percent * 10) / 10;
}

void progress_recall(struct progress *progress, uint64_t durable_bytes, uint64_t total_bytes)
{
    assert(!progress->planned);
    progress->total_bytes = total_bytes;
    progress->durable_bytes = durable_bytes < total_bytes ? durable_bytes : total_bytes;
    progress->percent_said = progress_open_percent(progress->durable_bytes, total_bytes);
}

void progress_plan(struct progress *progress, uint64_t total_bytes, uint64_t now_ns)
{
    progress->planned = true;
    progress->total_bytes = total_bytes;
    progress->durable_bytes = 0;
    progress->sample_count = 0;
    progress_sample(progress, now_ns);
}

void progress_resume(struct progress *progress, uint64_t durable_bytes, uint64_t recorded_bytes,
                     uint64_t now_ns)
{
    double percent = progress_open_percent(recorded_bytes, progress->total_bytes);

    assert(progress->planned && !progress->committed && progress->durable_bytes == 0);
    assert(durable_bytes <= recorded_bytes && recorded_bytes <= progress->total_bytes);
    progress->durable_bytes = durable_bytes;
    if (percent > progress->percent_said)
        progress->percent_said = percent;
    progress->sample_count = 0; /* what others did is not our rate */
    progress_sample(progress, now_ns);
}

void progress_durable(struct progress *progress, uint64_t bytes, uint64_t now_ns)
{
    assert(progress->planned && !progress->committed);
    assert(bytes <= progress->total_bytes - progress->durable_bytes);
    progress->durable_bytes += bytes;
    progress_sample(progress, now_ns);
}

void progress_commit(struct progress *progress)
{
    assert(progress->planned && progress->durable_bytes == progress->total_bytes);
    progress->committed = true;
}

static uint64_t progress_rate(const struct progress *progress, uint64_t now_ns)
{
    uint32_t oldest = progress->sample_count > PROGRESS_WINDOW_SLOTS
                          ? progress->sample_count % PROGRESS_WINDOW_SLOTS
                          : 0;
    uint64_t took_ns;

    if (progress->sample_count == 0)
        return 0;
    took_ns = now_ns - progress->sample_ns[oldest];
    if (took_ns == 0)
        return 0;
    return (uint64_t)((double)(progress->durable_bytes - progress->sample_bytes[oldest]) * 1e9 /
                      (double)took_ns);
}

struct progress_view progress_look(struct progress *progress, uint64_t now_ns)
{
    struct progress_view view = {
        .durable_bytes = progress->durable_bytes,
        .total_bytes = progress->total_bytes,
        .bytes_per_second = progress_rate(progress, now_ns),
        .eta_seconds = UINT64_MAX,
    };
    double percent = 0;

    if (progress->committed)
        percent = 100;
    else if (progress->planned)
        percent = progress_open_percent(progress->durable_bytes, progress->total_bytes);
    if (percent > progress->percent_said)
        progress->percent_said = percent;
    view.percent = progress->percent_said;
    if (progress->committed)
        view.eta_seconds = 0;
    else if (progress->planned && view.bytes_per_second)
        view.eta_seconds =
            (progress->total_bytes - progress->durable_bytes) / view.bytes_per_second;
    return view;
}
