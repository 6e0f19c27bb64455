/* endpoint_pageblob_call.h - the endpoint's inside; private to endpoint_pageblob*.c.
 *
 * Knows: what one request of the endpoint needs while it is under way. Threads: the reactor's.
 */
#ifndef IO_ENDPOINT_PAGEBLOB_CALL_H
#define IO_ENDPOINT_PAGEBLOB_CALL_H

#include "io/endpoint_pageblob.h"
#include "io/pageblob.h"

struct blob_call;

struct endpoint_pageblob {
    struct endpoint base; /* first */
    struct pageblob *blob;
    bool managed, upload, guard_reads;
    bool looked;                         /* a stat has succeeded */
    char guard[PAGEBLOB_ETAG_MAX_BYTES]; /* ETag that reads are for; "" = of whatever is there */
    bool marked; /* this endpoint has set a marker: what others set since is not ours */
    char copy_uuid[MARKER_UUID_MAX_BYTES]; /* of the marker set last, else seen last; "" = none */
    char lease_id[PAGEBLOB_LEASE_BYTES];   /* that the host has given us; "" = none */
    struct blob_call *idle;
};

struct blob_call {
    struct pageblob_op op; /* first */
    struct endpoint_pageblob *ep;
    struct blob_call *next; /* when idle */
    union {
        struct block_req *block;
        struct stat_req *stat;
        struct setup_req *setup;
    };
    struct reactor_task task;
    struct pageblob_metadata metadata; /* stat, mark, create */
    char etag[PAGEBLOB_ETAG_MAX_BYTES];
    unsigned tries;
};

/* Never NULL: as everywhere below the engine, a machine without 3 KiB left is asserted away. */
struct blob_call *blob_call_take(struct endpoint_pageblob *ep);
void blob_call_give(struct blob_call *call);
struct blob_call *blob_call_of(struct pageblob_op *op);

/* What the properties say about a blob; an error when it is none that can be copied. */
bool blob_call_judge(struct blob_call *call, uint64_t *out_size_bytes, struct err *e);
bool blob_call_marker(const struct blob_call *call, struct marker *out_marker, struct err *e);

/* A call for this range, its done set; how a block request ends. */
struct blob_call *blob_call_block(struct endpoint *base, struct block_req *req);
void blob_call_block_done(struct pageblob_op *op);

void endpoint_pageblob_setup(struct endpoint *ep, struct setup_req *req);
void endpoint_pageblob_pull(struct endpoint *ep, struct block_req *req);
struct endpoint *endpoint_pageblob_lender(struct endpoint *ep);

#endif
