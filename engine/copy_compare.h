/* copy_compare.h - a full copy with both versions at hand: its source cannot tell what changed.
 *
 * Knows:         whether the base is what the target holds. Included by the parts of a copy alone.
 * Must not know: how pages are compared (mover.h).
 * Threads:       the reactor's.
 *
 * A file that is called the base may have been written to since it was copied. So its name proves nothing:
 * either it has the root that the marker of the target says, and the target is as our last copy left it; or,
 * with a map that is proven, each of its blocks is believed that has the hash which the map has.
 */
#ifndef ENGINE_COPY_COMPARE_H
#define ENGINE_COPY_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/mover.h"

struct copy;

struct copy_compare {
    bool by_root;         /* the base is, or must be, the disk of the target's root */
    uint64_t older_bytes; /* of the base, that count; 0: it is not compared */
    uint64_t proof_bytes; /* read of it to prove it */
};

/* ---- Its steps, as copy_steps.h has the others ---- */
bool copy_want_compare(const struct copy *copy);
bool copy_start_compare(struct copy *copy);
bool copy_after_compare(struct copy *copy);
bool copy_failed_compare(struct copy *copy, const struct err *error);
bool copy_want_compare_proof(const struct copy *copy);
bool copy_start_compare_proof(struct copy *copy);
bool copy_after_compare_proof(struct copy *copy);
bool copy_failed_compare_proof(struct copy *copy, const struct err *error);
bool copy_want_base_again(const struct copy *copy);
bool copy_after_base_again(struct copy *copy);

/* ---- For the other steps ---- */
/* What is skipped rests on the target being as it was looked at. */
bool copy_compare_binds_target(const struct copy *copy);
struct mover_older copy_mover_older(const struct copy *copy);

#endif
