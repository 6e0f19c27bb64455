/* endpoint_relay_parts.h - what the files of the endpoint share: endpoint_relay.c (life), relay_control.c
 * (stat, setup, list, read, flush), relay_gather.c (writes become batches), relay_batch.c (what one holds),
 * relay_sending.c (how it travels).
 *
 * Knows:         all parts of the endpoint. Included by them alone.
 * Must not know: anything that endpoint_relay.h must not.
 */
#ifndef IO_ENDPOINT_RELAY_PARTS_H
#define IO_ENDPOINT_RELAY_PARTS_H

#include "blockmap/stream_pack.h"
#include "io/compress_level.h"
#include "io/endpoint_relay.h"
#include "io/relay_batch.h"
#include "io/relay_call.h"
#include "io/relay_held.h"
#include "io/relay_link.h"

#define RELAY_UUID_MAX_BYTES 40u

struct relay_waiting { /* a write or zero that is in no batch yet */
    struct block_req *req;
    struct relay_waiting *next;
};

struct relay_batches { /* first come, first served */
    struct relay_batch *first, **last;
};

struct endpoint_relay {
    struct endpoint base; /* first */
    /* set once */
    struct http *http;
    struct workers *workers;
    struct secret_url urls[RELAY_VERBS]; /* of each verb */
    char sender[RELAY_UUID_MAX_BYTES];
    bool no_dedup;
    struct stream_packer **packers; /* one a worker, made by it when it packs first */
    /* changes, reactor thread only */
    char lease[RELAY_UUID_MAX_BYTES];      /* "": none */
    char copy_uuid[MARKER_UUID_MAX_BYTES]; /* of the marker that was to be set last; "": none */
    uint64_t generation;
    struct relay_call *idle_calls;
    struct compress_level level;
    struct relay_link link;
    struct relay_held *held;
    struct endpoint_relay_counts counts;
    /* batches */
    struct relay_waiting *waiting, **waiting_last, *idle_waiting;
    struct relay_batch *open;      /* being gathered; NULL: none */
    struct relay_batch *idle;      /* with no memory but their own */
    struct relay_batches unpacked; /* that wait for a record's memory */
    unsigned char *idle_records[ENDPOINT_RELAY_RECORDS_MAX];
    uint32_t idle_record_count, record_count;
    uint32_t batch_count; /* closed and not ended */
    struct reactor_task gather_task;
    bool gather_posted;
};

static inline struct endpoint_relay *endpoint_relay_of(struct endpoint *ep)
{
    return (struct endpoint_relay *)ep;
}

void endpoint_relay_note_wire(struct endpoint_relay *ep); /* after each answer */

/* ---- relay_control.c ---- */
void relay_control_stat(struct endpoint *ep, struct stat_req *req);
void relay_control_setup(struct endpoint *ep, struct setup_req *req);
void relay_control_list(struct endpoint *ep, struct list_req *req);
void relay_control_read(struct endpoint *ep, struct block_req *req);
void relay_control_flush(struct endpoint *ep, struct block_req *req);

/* ---- relay_gather.c ---- */
void relay_gather_block(struct endpoint *ep, struct block_req *req); /* a write or a zero */
void relay_gather_soon(struct endpoint_relay *ep); /* a batch ended: what waits may go now */

#endif
