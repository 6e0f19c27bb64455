/* endpoint.h - one end of a copy: a const vtable, called only through checked wrappers.
 *
 * Knows:         sizes, alignment, capabilities, contracts.
 * Must not know: why a range is moved, retry policy.
 * Threads:       the reactor's. Every request belongs to its caller and stays alive and unmoved until its
 *                `done` ran; `done` runs exactly once, from the reactor, never inside the submit.
 * Errors:        in req->err; a request is whole or failed, partial transfers are the endpoint's
 *                business. Texts: host or path, range, status, request id; never a secret.
 */
#ifndef IO_ENDPOINT_H
#define IO_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "blockmap/extent.h"
#include "blockmap/marker.h"
#include "io/bufpool.h"
#include "io/endpoint_block.h"
#include "io/endpoint_capability.h"
#include "io/endpoint_setup.h"

#define ENDPOINT_PAGE_BYTES     512u
#define ENDPOINT_NAME_MAX_BYTES 1024u
_Static_assert(BUF_BYTES % ENDPOINT_PAGE_BYTES == 0, "a buffer holds whole pages");

struct endpoint;

/* What is there before a copy; also what the wrappers check against afterwards. */
struct stat_req {
    bool exists;                        /* out; false: only `capabilities` mean anything */
    uint64_t size_bytes;                /* out; whole length, VHD footer included */
    char etag[ENDPOINT_ETAG_MAX_BYTES]; /* out; a file's is made of inode, size, mtime, ctime */
    char last_modified[64];             /* out; as the service says it */
    struct marker marker;               /* out; state MARKER_NONE when there is none */
    bool marker_is_older; /* out; it lies beside a file that is not the one it was written for */
    struct err err;       /* a block blob, an unreadable marker, ...; absence is no error, */
    struct err absence;   /* out; but this is what a host said of it */
    void (*done)(struct stat_req *);
};

/* since NULL: what may hold data, in out_data (all else is zero). Else: what changed since that snapshot (a
 * full URL with its SAS, secret, or a bare time); out_clears: what became zero; all else is unchanged.
 * Lists are validated: sorted, page-aligned, inside the size. Both sets must be empty. */
struct list_req {
    struct extent within;
    const char *since; /* borrowed until done */
    struct extent_set *out_data, *out_clears;
    uint64_t size_bytes; /* out: size of what was listed, as the lister said it */
    uint64_t up_to;      /* out, for page: the list is complete below this offset */
    struct err err;
    void (*page)(struct list_req *); /* NULL, or told now and then; may empty both sets */
    void (*done)(struct list_req *);
};

struct endpoint_ops {
    const char *name; /* "pageblob", "file", ... */
    void (*stat)(struct endpoint *, struct stat_req *);
    void (*setup)(struct endpoint *, struct setup_req *);
    void (*list)(struct endpoint *, struct list_req *);
    void (*read)(struct endpoint *, struct block_req *);
    void (*write)(struct endpoint *, struct block_req *);
    void (*zero)(struct endpoint *, struct block_req *);
    void (*flush)(struct endpoint *, struct block_req *);
    void (*pull)(struct endpoint *, struct block_req *); /* NULL without ENDPOINT_CAN_PULL */
    struct endpoint *(*lender)(struct endpoint *); /* itself, or inside; NULL: does not lend */
    void (*give_up)(struct endpoint *);            /* NULL: nothing here waits for what others do */
    void (*close)(struct endpoint *);              /* frees; nothing is in flight */
};

/* The head of every endpoint; embedded first in the concrete one. */
struct endpoint {
    /* set at open */
    const struct endpoint_ops *ops;
    struct reactor *reactor;            /* borrowed */
    char name[ENDPOINT_NAME_MAX_BYTES]; /* for people: address or path, no secret */
    char *identity;                     /* owned; design "Identity"; for markers and state files */
    uint32_t align_bytes;               /* of offsets and lengths of reads and writes */
    uint32_t request_max_bytes;         /* of one read or write; <= BUF_BYTES */
    uint64_t clear_max_bytes;           /* of one zero; UINT64_MAX = any */
    uint32_t request_cost_bytes; /* what a request costs in bytes, for coalescing; 0 = nothing */
    unsigned capabilities;       /* of enum endpoint_capability; final after the first stat */
    /* changes, reactor thread only */
    uint64_t size_bytes; /* after a stat or setup; 0 before */
    uint32_t inflight;
    uint64_t requests_count; /* HTTP requests or system calls, retries included */
    uint64_t wire_read_bytes, wire_written_bytes;
    bool warned_no_checksum; /* the host checks nothing, some way: worth saying once */
};

/* Before its first request: reads and writes are of at most so many bytes, whole units of align_bytes. What
 * takes less already stays as it is. */
void endpoint_limit_requests(struct endpoint *ep, uint32_t max_bytes);

/* ---- Submit; contracts are asserted here, once ---- */
void endpoint_stat(struct endpoint *ep, struct stat_req *req);
void endpoint_setup(struct endpoint *ep, struct setup_req *req);
void endpoint_list(struct endpoint *ep, struct list_req *req);
void endpoint_read(struct endpoint *ep, struct block_req *req);
void endpoint_write(struct endpoint *ep, struct block_req *req);
void endpoint_zero(struct endpoint *ep, struct block_req *req);  /* any length, page-aligned */
void endpoint_pull(struct endpoint *ep, struct block_req *req);  /* of req->from, same offset */
void endpoint_flush(struct endpoint *ep, struct block_req *req); /* what was written is durable */
void endpoint_give_up(struct endpoint *ep); /* what waits for others' requests: ERR_CANCELED */
void endpoint_close(struct endpoint *ep);   /* NULL is fine; nothing in flight */

/* ---- For endpoints: how a request ends; from a task or completion, never from inside ops ---- */
void endpoint_stat_end(struct endpoint *ep, struct stat_req *req);
void endpoint_setup_end(struct endpoint *ep, struct setup_req *req);
void endpoint_list_end(struct endpoint *ep, struct list_req *req);
void endpoint_block_end(struct endpoint *ep, struct block_req *req);

#endif
