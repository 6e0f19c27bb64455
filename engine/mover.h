/* mover.h - the data phase of a copy: drives ranges from one endpoint to another until none is left.
 *
 * Knows:         the plan, the window, retries of a range, what is zero, what is durable.
 * Must not know: markers, footers, what comes before and after.
 * Threads:       the reactor's.
 *
 * The worklist is the truth: taking a range subtracts it, failing adds it back. A range that waits for
 * another try keeps its slot and its buffer, so a retried write reads nothing again; one that waits for
 * a new URL gives its buffer to whoever can use it.
 *
 * With a journal the mover first takes from it what is done, a bounded number of records a turn; a record
 * that does not belong to the plan ends it with ERR_CORRUPT. From then on what is durable is recorded. A
 * journal that cannot be written ends the mover with the journal's error.
 */
#ifndef ENGINE_MOVER_H
#define ENGINE_MOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/digest.h"
#include "engine/journal.h"
#include "engine/map_keep.h"
#include "engine/pacer.h"
#include "engine/plan.h"
#include "engine/progress.h"
#include "engine/range.h"
#include "engine/retry.h"
#include "engine/root.h"
#include "io/bufpool.h"
#include "io/endpoint.h"
#include "io/reactor.h"

#define MOVER_FLUSH_NS (1ull * 1000000000ull) /* a buffering target is flushed this often */

struct mover;
struct access;
struct share_seat;

/* The target's own service reads the source (endpoint_pull): without buffers, and unseen, so without hash. */
struct mover_pull {
    bool wanted;
    bool may_read; /* when the service refuses: from then on ranges are read and written as ever */
    void (*refused)(void *arg, const struct err *why); /* told then, once; arg of the setup */
};

/* What the target held before, at hand to be compared with: proven to be that, all of it, or believed
 * block by block, where it has the hash that the map has of the target's block. */
struct mover_older {
    struct endpoint *endpoint; /* NULL: there is none */
    bool proven;
    const char
        *etag;      /* that it had when it was proven: with another one nothing more is believed */
    uint64_t bytes; /* from its start, that count */
    uint64_t gap_bytes; /* equal pages between two that differ are written, up to this */
};

/* All borrowed until the mover is freed. */
struct mover_setup {
    struct reactor *reactor;
    struct endpoint *source;
    struct endpoint *target;
    struct access *source_access; /* NULL: its URL is what it is */
    struct access *target_access;
    struct bufpool *pool;
    struct share_seat *seat; /* of the share of that pool: its turns are waited for; NULL: none */
    bool reads_target;       /* of the seat: it is the source here, to be read back */
    const struct plan *plan;
    struct map_keep *keep; /* the map of the blocks that are moved (a plan by blocks); NULL: none */
    struct progress *progress; /* planned; counts durable bytes */
    struct retry_random *random;
    bool hash;                    /* make the root (full) or the digest (delta) */
    const struct root_sink *sink; /* told of the root's blocks (full, with hash); NULL: nobody */
    struct journal *journal;      /* read from its next record on, then written; NULL: none */
    /* False: this range is not recorded, so a later process does it again. NULL: all are. */
    bool (*may_record)(void *arg, struct extent extent);
    struct mover_pull pull;
    struct mover_older older;
    uint64_t held_below_bytes; /* of the plan: the target has it, and is read there (setup_held) */
    uint32_t window_start;
    uint32_t window_max;
    struct range_trace trace; /* moved NULL: nobody looks */
    void (*done)(void *arg);  /* once, from the reactor */
    void *arg;
};

struct mover_counts {
    uint64_t read_bytes;
    uint64_t written_bytes; /* those that were pulled included */
    uint64_t pulled_bytes;
    uint64_t cleared_bytes;
    uint64_t skipped_bytes; /* not written, as the target holds them: zero, or the map says so */
    uint64_t proof_bytes;   /* read only for the hash of a block touched in part, or to compare */
    uint64_t resumed_bytes; /* that the journal says are done, and that are not done again */
    uint64_t retries;
    uint32_t window;
    bool indefinite; /* a write or clear that failed may still be applied */
};

struct mover *mover_new(const struct mover_setup *setup, struct err *e);
void mover_free(struct mover *mover); /* NULL is fine; nothing may be in flight */

void mover_start(struct mover *mover);
void mover_stop(struct mover *mover); /* ends with ERR_CANCELED when what is in flight has ended */

const struct err *mover_error(const struct mover *mover);
const struct mover_counts *mover_count(const struct mover *mover);
/* After a done without error, with hash: the root of a full copy, the digest of a delta. */
void mover_digest(struct mover *mover, char out_text[DIGEST_TEXT_MAX_BYTES]);
/* What remains to be taken; in flight not included. */
uint64_t mover_remaining_bytes(const struct mover *mover);

#endif
