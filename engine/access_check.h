/* access_check.h - is the disk behind a new URL the one that is being copied, and does the URL let us in?
 *
 * Knows:         design "Identity": at the same address a URL that lets us look is good; at another one size
 *                and ETag or time agree, and the footer's page of a source; of a target size and this
 *                copy's mark (on a host that keeps none: size alone).
 * Must not know: URLs, where the new one came from.
 * Threads:       the reactor's.
 */
#ifndef ENGINE_ACCESS_CHECK_H
#define ENGINE_ACCESS_CHECK_H

#include <stdbool.h>

#include "blockmap/err.h"
#include "engine/access.h"
#include "io/bufpool.h"
#include "io/endpoint.h"

struct access_check;

struct access_check_setup {
    struct reactor *reactor;
    struct bufpool *pool; /* a buffer is borrowed for a moment */
    enum access_side side;
    const struct access_facts *facts; /* copied */
    bool same_address;                /* scheme, host, path and snapshot */
    unsigned capabilities; /* of the endpoint that is to use it; another kind of host is refused */
    uint64_t random_seed;
    /* Once, from the reactor; why NULL: it is. The check may be freed in here. */
    void (*done)(void *arg, const struct err *why);
    void *arg;
};

/* Takes the endpoint that was opened with the new URL. NULL and an error when memory ran out. */
struct access_check *access_check_start(struct endpoint *take,
                                        const struct access_check_setup *setup, struct err *e);
/* NULL is fine. Nothing of it may be in flight: see access_check_busy. */
void access_check_free(struct access_check *check);
bool access_check_busy(const struct access_check *check);

#endif
