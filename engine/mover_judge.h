/* mover_judge.h - what of a range is read, and what of it is then written, cleared or skipped.
 *
 * Knows:         the range, its plan, the map, what is older and at hand. Part of mover_internal.h.
 * Must not know: requests to the target, retries.
 * Threads:       the reactor's.
 */
#ifndef ENGINE_MOVER_JUDGE_H
#define ENGINE_MOVER_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

struct mover_range;
struct extent;

/* ---- mover_judge.c ---- */
/* The next part of the range that is to be read; false when all was. What is not is made zero in buf. */
bool mover_next_fetch(struct mover_range *range, struct extent *out_part);
void mover_judge(struct mover_range *range); /* all was read */
/* The next piece to write or clear; false when the range is done. Skips what needs nothing. */
bool mover_next_piece(struct mover_range *range, struct extent *out_piece, bool *out_zero);

/* ---- mover_compare.c ---- */
/* Reads what is older, where that may spare something; mover_range_judged comes later. False: it does not. */
bool mover_compare(struct mover_range *range);
/* Of a range that was compared: is the page at `at` equal? What begins there is alike up to *end. */
bool mover_compared_equal(const struct mover_range *range, uint32_t at, uint32_t *end);

#endif
