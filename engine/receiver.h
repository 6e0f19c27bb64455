/* receiver.h - the relay's end in the target region (io/relay_protocol.md): what a sender asks over HTTP
 * is done to targets through endpoints, under leases, generations, a pacer and checks of every byte.
 *
 * Knows:         the protocol's receiver side, who may write what now, retry of what the target's
 *                service refuses for a while, the index of blocks that each client's targets hold.
 * Must not know: sockets, TLS, where targets lie (setup.open does), arguments, terminals.
 * Threads:       the reactor's; CPU work on workers.
 * Errors:        go to the sender as refusals; nothing of a batch is written before all was checked.
 *
 * It keeps nothing that matters: killed and started again it goes on with the next request. Memory:
 * buffers of the pool, some 50 KiB and a part of its body's size for each batch under way, a few KiB a desk.
 *
 *     receiver = receiver_new(&setup, &e);
 *     receiver_handle(receiver, &handler);
 *     server = http_server_new(r, &options, &handler, &e);
 *     ... turns; to end:
 *     http_server_drain(server); receiver_stop(receiver); turns until receiver_idle(receiver);
 *     http_server_free(server); receiver_free(receiver);
 */
#ifndef ENGINE_RECEIVER_H
#define ENGINE_RECEIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "io/bufpool.h"
#include "io/endpoint.h"
#include "io/http_server.h"
#include "io/reactor.h"
#include "io/workers.h"

#define RECEIVER_DESKS_MAX      1024u /* names in use, or used of late */
#define RECEIVER_CALLS_MAX      4096u /* requests under way */
#define RECEIVER_BATCHES_MAX    512u  /* writes under way; more are answered 503 */
#define RECEIVER_CLIENTS_MAX    64u   /* whose index is open */
#define RECEIVER_DESK_IDLE_NS   (600ull * 1000000000ull)
#define RECEIVER_PATIENCE_NS    (40ull * 1000000000ull) /* with a target, within one batch */
#define RECEIVER_RETRY_AFTER_MS 1000u

struct receiver;

struct receiver_setup {
    struct reactor *reactor; /* this and the next two: borrowed, they outlive the receiver */
    struct bufpool *pool;    /* at least two buffers; nobody else borrows from it */
    struct workers *workers;
    uint64_t random_seed;
    const char *index_folder; /* copied; there, private to us; NULL = no index: nothing is known */
    uint64_t index_bytes;     /* of one client's table */
    uint64_t patience_ns;     /* 0 = RECEIVER_PATIENCE_NS */
    bool any_peer;            /* without certificates every name is everybody's; tests only */
    /* An endpoint for NAME (relay_name_ok) under the target root; it may be absent. writable: the
     * folders above it are made. The receiver closes it. NULL and an error: a name that is a folder. */
    struct endpoint *(*open)(void *arg, const char *name, bool writable, struct err *e);
    /* A sentence for the log: no secret, no line break. name: the target's, or "". May be NULL. */
    void (*say)(void *arg, const char *name, const char *text);
    void *arg;
};

struct receiver_counts {
    uint64_t calls, refused;
    uint64_t batches;
    uint64_t received_bytes; /* bodies of batches, as they came: records, mostly compressed */
    uint64_t written_bytes;  /* at targets, COPY included; durable when their batch was answered */
    uint64_t cleared_bytes;
    uint64_t copied_bytes; /* of written: what did not cross the wire */
    uint64_t missing;      /* pieces that were not where the index knew them */
    uint64_t retries;      /* of the target's service, that the sender did not see */
    uint64_t fences;       /* put up at a target */
    uint32_t desks;        /* now */
};

/* ---- Life ---- */
struct receiver *receiver_new(const struct receiver_setup *setup, struct err *e);
void receiver_free(struct receiver *receiver); /* NULL is fine; asserts that it is idle */

/* ---- Use ---- */
/* The three functions of a server's handler, for any number of servers on the same reactor. */
void receiver_handle(struct receiver *receiver, struct http_server_handler *out_handler);
/* From now on: what comes is answered 503, nothing is tried again, what is under way ends soon. */
void receiver_stop(struct receiver *receiver);

/* ---- Look ---- */
bool receiver_idle(const struct receiver *receiver); /* nothing is under way, at any target */
const struct receiver_counts *receiver_count(const struct receiver *receiver); /* view */

#endif
