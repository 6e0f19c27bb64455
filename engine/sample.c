/* sample.c - see sample.h. */
#include "engine/sample.h"

#include <assert.h>

uint64_t sample_piece_bytes(uint64_t total_bytes, uint32_t ppm)
{
    uint64_t piece_bytes = SAMPLE_PIECE_MIN_BYTES;

    while (total_bytes / piece_bytes > SAMPLE_PIECES_MAX &&
           total_bytes / piece_bytes / SAMPLE_PPM_ALL * ppm +
                   total_bytes / piece_bytes % SAMPLE_PPM_ALL * ppm / SAMPLE_PPM_ALL >
               SAMPLE_PIECES_MAX)
        piece_bytes *= 2;
    return piece_bytes;
}

/* splitmix64's mixing: every bit of the number stirs every bit of the draw. */
static uint64_t sample_mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

uint64_t sample_rank(const struct sample *sample, uint64_t piece)
{
    return sample_mix(sample_mix(sample->seed) ^ piece);
}

bool sample_takes(const struct sample *sample, uint64_t piece)
{
    assert(sample->ppm <= SAMPLE_PPM_ALL);
    return sample_rank(sample, piece) < UINT64_MAX / SAMPLE_PPM_ALL * sample->ppm ||
           sample->ppm == SAMPLE_PPM_ALL;
}

static bool sample_set(const struct sample *sample, const struct extent_set *from,
                       uint64_t piece_bytes, struct extent_set *out)
{
    for (size_t i = 0; i < from->count; i++) {
        struct extent whole = extent_set_at(from, i);
        uint64_t last = (extent_end(whole) - 1) / piece_bytes;

        for (uint64_t piece = whole.offset / piece_bytes; piece <= last; piece++) {
            struct extent within = {piece * piece_bytes, piece_bytes};

            if (sample_takes(sample, piece) &&
                !extent_set_append(out, extent_common(whole, within)))
                return false;
        }
    }
    return true;
}

/* The piece that byte `nth` of all that the set holds lies in. */
static bool sample_one(const struct extent_set *from, uint64_t nth, uint64_t piece_bytes,
                       struct extent_set *out)
{
    size_t i = 0;
    struct extent whole, within = {0, piece_bytes};

    while (nth >= extent_set_at(from, i).length)
        nth -= extent_set_at(from, i++).length;
    whole = extent_set_at(from, i);
    within.offset = (whole.offset + nth) / piece_bytes * piece_bytes;
    return extent_set_append(out, extent_common(whole, within));
}

bool sample_plan(const struct sample *sample, struct plan *plan)
{
    uint64_t piece_bytes = sample_piece_bytes(plan_total_bytes(plan), sample->ppm);
    struct extent_set reads = {0}, clears = {0};
    bool ok = sample_set(sample, &plan->reads, piece_bytes, &reads) &&
              sample_set(sample, &plan->clears, piece_bytes, &clears);

    if (ok && reads.count == 0 && clears.count == 0 && plan_total_bytes(plan)) {
        bool read = plan->reads.count != 0;
        const struct extent_set *from = read ? &plan->reads : &plan->clears;

        ok = sample_one(from, sample_mix(sample->seed) % from->total_bytes, piece_bytes,
                        read ? &reads : &clears);
    }
    if (ok) {
        extent_set_move(&plan->reads, &reads);
        extent_set_move(&plan->clears, &clears);
    }
    extent_set_fini(&reads);
    extent_set_fini(&clears);
    return ok;
}
