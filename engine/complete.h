/* complete.h - is this target the whole result of a copy? Marker, size and footer, nothing else is read.
 *
 * Knows:         what a finished copy leaves at a target (design "Identity, base, marker, root").
 * Must not know: what the target should hold: that is manifest_check.h's and verify.h's.
 * Threads:       the reactor's.
 *
 * It answers for the moment at which the copy ended: who wrote to the target since, past snapferry,
 * is found by reading it back only.
 */
#ifndef ENGINE_COMPLETE_H
#define ENGINE_COMPLETE_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "blockmap/marker.h"
#include "io/bufpool.h"
#include "io/endpoint.h"
#include "io/reactor.h"

#define COMPLETE_WHY_MAX_BYTES 320u

struct complete;

struct complete_setup {
    struct reactor *reactor; /* these three are borrowed until it is freed */
    struct endpoint *target;
    struct bufpool *pool;
    uint64_t random_seed;
    bool read_back_follows;  /* a manifest will tell whether the bytes are those of the copy */
    void (*done)(void *arg); /* once, from the reactor */
    void *arg;
};

struct complete_summary {
    bool complete;
    bool has_footer; /* a VHD's, and sound */
    uint64_t size_bytes;
    struct marker marker;
    char why[COMPLETE_WHY_MAX_BYTES]; /* not complete: one sentence */
};

struct complete *complete_new(const struct complete_setup *setup, struct err *e);
void complete_free(struct complete *complete); /* NULL is fine; not while it runs */

void complete_start(struct complete *complete);
void complete_stop(struct complete *complete); /* ends with ERR_CANCELED */

bool complete_ended(const struct complete *complete);
/* "not complete" is no error; a host that keeps no marker is: there it cannot be known. */
const struct err *complete_error(const struct complete *complete);
const struct complete_summary *complete_summary(const struct complete *complete);

#endif
