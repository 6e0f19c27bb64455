/* copy_map_steps.h - the steps of a copy that keeps a map, as the table in copy.c names them.
 *
 * Knows:         names, as copy_steps.h. Included by the parts of a copy alone (copy_internal.h).
 * Must not know: what they do (copy_map.c).
 */
#ifndef ENGINE_COPY_MAP_STEPS_H
#define ENGINE_COPY_MAP_STEPS_H

#include <stdbool.h>

struct copy;
struct err;

bool copy_want_map(const struct copy *copy);
bool copy_after_map(struct copy *copy);
bool copy_want_map_proof(const struct copy *copy);
bool copy_after_map_proof(struct copy *copy);
bool copy_failed_map_proof(struct copy *copy, const struct err *error);
bool copy_want_map_making(const struct copy *copy);
bool copy_after_map_making(struct copy *copy);
bool copy_want_map_zeros(const struct copy *copy);
bool copy_start_map_zeros(struct copy *copy);
bool copy_want_map_commit(const struct copy *copy);
bool copy_after_map_commit(struct copy *copy);

/* ---- copy_map_owed.c ---- */
bool copy_want_map_owed(const struct copy *copy);
bool copy_start_map_owed(struct copy *copy);
bool copy_after_map_owed(struct copy *copy);

#endif
