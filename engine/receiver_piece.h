/* receiver_piece.h - requests of a batch at its target: cut to its limits, paced, tried again.
 *
 * Knows:         the endpoint's limits, the desk's pacer, when another try may help.
 * Must not know: records, HTTP.
 * Threads:       the reactor's. Private to engine/receiver*.c.
 */
#ifndef ENGINE_RECEIVER_PIECE_H
#define ENGINE_RECEIVER_PIECE_H

#include "io/endpoint.h"
#include "io/timers.h"

#define BATCH_PIECES_MAX 32u /* requests of one batch at once */

struct receiver_batch;

enum piece_kind { PIECE_WRITE, PIECE_ZERO, PIECE_READ };

struct receiver_piece { /* one request at a target, tried again where that may help */
    struct block_req req;
    enum piece_kind kind;
    struct receiver_batch *batch;
    struct endpoint *ep;
    uint32_t slot; /* of a COPY read */
    uint32_t attempts;
    uint64_t started_ns;
    bool waiting; /* for the timer */
    struct timer timer;
    struct receiver_piece *next; /* free, or waits for the pacer */
};

/* Writes ranges[] (from buf), or clears them; receiver_batch_next follows, also if one failed. */
void receiver_ranges_begin(struct receiver_batch *batch, enum piece_kind kind);
/* A free one, NULL: all are under way. */
struct receiver_piece *receiver_piece_take(struct receiver_batch *batch, enum piece_kind kind,
                                           struct endpoint *ep);
void receiver_piece_start(struct receiver_piece *piece);
void receiver_pieces_init(struct receiver_batch *batch);
void receiver_pieces_abandon(struct receiver_batch *batch); /* those that wait end, failed */

#endif
