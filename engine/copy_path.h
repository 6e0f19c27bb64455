/* copy_path.h - which way the data of a copy goes: through this process, or straight from service to service.
 *
 * Knows:         the ways, what a copy remembers of the one it took. Part of copy.h, which includes it.
 * Must not know: how either is gone (mover.h).
 *
 * By the server's path the target's own service reads the source (Put Page From URL): nothing of the data
 * is seen here, so there is no root and no digest, and a manifest is made by reading the target back. The
 * footer and the marker are written by this process as ever.
 */
#ifndef ENGINE_COPY_PATH_H
#define ENGINE_COPY_PATH_H

#include <stdbool.h>

struct copy;
struct mover_pull;

enum copy_path {
    COPY_PATH_CLIENT,
    COPY_PATH_SERVER, /* or the copy fails */
    COPY_PATH_AUTO    /* the server's, while its services agree */
};

struct copy_path_summary {
    enum copy_path used; /* CLIENT, SERVER; AUTO: some of both, the service refused on the way */
    char why[320]; /* a sentence when the server's was asked for and not, or not only, taken */
};

/* ---- Its steps, as copy_steps.h has the others ---- */
bool copy_want_path(const struct copy *copy);
bool copy_after_path(struct copy *copy);
bool copy_want_try_path(const struct copy *copy);
bool copy_start_try_path(struct copy *copy);
bool copy_want_note_pulled(const struct copy *copy);
bool copy_after_note_pulled(struct copy *copy);

/* ---- For the other steps ---- */
/* Is the data, or was some by an earlier process, moved unseen? Then there is nothing to hash. */
bool copy_is_pulled(const struct copy *copy);
/* Before the way is chosen: could it be the server's? */
bool copy_may_pull(const struct copy *copy);
bool copy_hashes(const struct copy *copy); /* the root or the digest is made */
struct mover_pull copy_mover_pull(const struct copy *copy);

#endif
