/* sample.h - a random share of ranges, drawn piece by piece; the same seed draws the same.
 *
 * Knows:         ranges, a share in millionths, a seed.
 * Must not know: what is done with what was drawn. Pure.
 * Threads:       any; no state.
 */
#ifndef ENGINE_SAMPLE_H
#define ENGINE_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/extent.h"
#include "engine/plan.h"

#define SAMPLE_PPM_ALL         1000000u
#define SAMPLE_PIECE_MIN_BYTES 65536u     /* a block of the root */
#define SAMPLE_PIECES_MAX      (1u << 20) /* drawn, about: pieces of a huge disk are larger */

struct sample {
    uint32_t ppm; /* 1 .. SAMPLE_PPM_ALL */
    uint64_t seed;
};

/* A power of two, so that a share of so many bytes is not more than SAMPLE_PIECES_MAX pieces. */
uint64_t sample_piece_bytes(uint64_t total_bytes, uint32_t ppm);
/* A number that follows from seed and piece alone: the lower, the sooner it is drawn. */
uint64_t sample_rank(const struct sample *sample, uint64_t piece);
/* Is piece number `piece` of the disk drawn? */
bool sample_takes(const struct sample *sample, uint64_t piece);

/* Keeps of the plan's reads and clears what lies in drawn pieces; at least one piece, where there is
 * anything at all. False: memory ran out, the plan is unchanged. */
bool sample_plan(const struct sample *sample, struct plan *plan);

#endif
