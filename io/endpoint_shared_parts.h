/* endpoint_shared_parts.h - the inside of a shared source; private to endpoint_shared*.c.
 *
 * Knows: handles, pieces that are kept, lists. Must not know: as endpoint_shared.h. Threads: the reactor's.
 */
#ifndef IO_ENDPOINT_SHARED_PARTS_H
#define IO_ENDPOINT_SHARED_PARTS_H

#include "io/endpoint_later.h"
#include "io/endpoint_shared.h"
#include "io/reactor.h"

struct shared_piece;
struct shared_list;

struct shared_handle {
    struct endpoint head; /* first */
    struct endpoint_shared *shared;
    unsigned bit;      /* in wanted; set once */
    uint64_t position; /* where its last read began */
    uint64_t looked;   /* when its last stat was answered, on the shared count of moments */
    bool left;         /* nothing is kept for it */
    bool behind;       /* nor now, until it gets something that is kept */
    struct endpoint_later later;
};

/* One read of a handle. */
struct shared_ask {
    struct shared_ask *next;
    struct shared_handle *handle;
    struct block_req *asked;
    struct block_req alone; /* it reads by itself */
};

struct endpoint_shared {
    struct endpoint *source; /* borrowed */
    struct bufpool *pool;    /* of pieces */
    struct shared_handle *handles[ENDPOINT_SHARED_HANDLES_MAX];
    uint32_t handle_count;
    uint64_t moment;                           /* counts answers of stats and begins of reads */
    struct shared_piece *pieces, **pieces_end; /* oldest first */
    struct shared_ask *waiting, **waiting_end; /* for memory */
    struct timer patience;
    struct reactor_task retry;
    bool retry_posted;
    struct shared_list *lists;
    struct endpoint_shared_counts counts;
};

/* A snapshot: what was read or listed once is so for ever. */
bool shared_is_fixed(const struct endpoint_shared *shared);

/* ---- endpoint_shared_read.c ---- */
void shared_read(struct endpoint *handle, struct block_req *req);
/* Of every piece that ends at or before `below`: this handle needs it no more. */
void shared_pass_by(struct endpoint_shared *shared, unsigned bit, uint64_t below);
/* Those that wait look again, in a later turn. */
void shared_post_retry(struct endpoint_shared *shared);

/* ---- endpoint_shared_list.c ---- */
void shared_list(struct endpoint *handle, struct list_req *req);
void shared_lists_free(struct endpoint_shared *shared);

#endif
