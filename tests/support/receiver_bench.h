/* receiver_bench.h - a receiver behind a server on loopback, targets that a test keeps, a sender's requests.
 *
 * Knows: how all begin and end, how a request and a batch are made. Must not know: what is tested.
 * Threads: one test's.
 */
#ifndef SUPPORT_RECEIVER_BENCH_H
#define SUPPORT_RECEIVER_BENCH_H

#include "blockmap/stream_pack.h"
#include "blockmap/stream_write.h"
#include "engine/receiver.h"
#include "io/endpoint_mem.h"
#include "io/http.h"
#include "io/relay_wire.h"
#include "tests/support/test_reactor.h"

#define RECEIVER_BENCH_TARGETS 8u
#define RECEIVER_BENCH_BODY    ((4u << 20) + (512u << 10))

struct bench_target {
    char name[RELAY_NAME_MAX_BYTES + 1];
    struct endpoint *ep; /* the test's: the receiver's close leaves it open */
    const struct endpoint_ops *was;
    struct endpoint_ops lent;
};

struct receiver_bench {
    struct rig *rig; /* own, or the test's */
    struct rig own;
    struct http *http;
    struct http_server *server;
    struct bufpool *pool;
    struct workers *workers;
    struct receiver *receiver;
    struct receiver_setup setup; /* as the next restart takes it */
    struct bench_target targets[RECEIVER_BENCH_TARGETS];
    unsigned target_count, opened, said;
    char index_folder[TEST_PATH_MAX_BYTES];
};

struct bench_sender { /* what its requests carry; "" and 0: nothing */
    char uuid[MARKER_UUID_MAX_BYTES];
    char lease[MARKER_UUID_MAX_BYTES];
    char copy[MARKER_UUID_MAX_BYTES];
    uint64_t generation, size_bytes;
};

struct bench_ask { /* one request, and its answer */
    struct http_req req;
    struct secret_url url;
    bool done;
    unsigned char *answer; /* of a 2xx */
    size_t answer_bytes;
    struct err refusal; /* of any other */
};

struct bench_batch {
    unsigned char *bytes;
    size_t used;
    uint64_t number;
    struct stream_packer *packer;
};

/* ---- Life ---- */
void receiver_bench_begin(struct receiver_bench *b, enum reactor_backend backend);
void receiver_bench_begin_on(struct receiver_bench *b, struct rig *rig);
void receiver_bench_end(struct receiver_bench *b);
/* Another receiver, with b->setup, on the same port. */
void receiver_bench_restart(struct receiver_bench *b);
/* NAME is this endpoint: lent to the receiver, closed by the end of the bench. */
void receiver_bench_add(struct receiver_bench *b, const char *name, struct endpoint *ep);
struct endpoint *receiver_bench_mem(struct receiver_bench *b, const char *name, uint64_t bytes);

/* ---- Requests ---- */
struct bench_sender receiver_bench_sender(unsigned number); /* its UUID is made of number */
void receiver_bench_uuid(char out[MARKER_UUID_MAX_BYTES], unsigned a, unsigned b);
/* verb and query: "write", "offset=0&length=512"; body NULL: a GET for stat, list and read. */
void receiver_bench_send(struct receiver_bench *b, const struct bench_sender *sender,
                         struct bench_ask *ask, enum relay_verb verb, const char *name,
                         const char *query, const void *body, size_t bytes);
int receiver_bench_wait(struct receiver_bench *b, struct bench_ask *ask); /* its status */
/* Sends and waits. */
int receiver_bench_ask(struct receiver_bench *b, const struct bench_sender *sender,
                       struct bench_ask *ask, enum relay_verb verb, const char *name,
                       const char *query, const void *body, size_t bytes);
void receiver_bench_fini(struct bench_ask *ask);
/* A setup; its status. *out_refusal may be NULL. */
int receiver_bench_setup(struct receiver_bench *b, const struct bench_sender *sender,
                         const char *name, const struct setup_req *req, struct err *out_refusal);
/* Takes a lease and marks the target as of a copy of its own: what a sender does before it writes. */
void receiver_bench_open(struct receiver_bench *b, struct bench_sender *sender, const char *name,
                         unsigned number);
struct marker receiver_bench_marker(const struct bench_sender *sender, enum marker_state state);

/* ---- Batches ---- */
void bench_batch_begin(struct bench_batch *batch);
void bench_batch_end(struct bench_batch *batch);
void bench_batch_data(struct bench_batch *batch, uint64_t offset, const void *bytes,
                      uint32_t count);
void bench_batch_zero(struct bench_batch *batch, uint64_t offset, uint64_t length);
void bench_batch_copy(struct bench_batch *batch, const struct stream_copy_piece *pieces,
                      uint32_t count);
/* Sends it as a write, waits, empties it; the status. *out_missing counts what was missing. */
int bench_batch_write(struct receiver_bench *b, const struct bench_sender *sender, const char *name,
                      struct bench_batch *batch, uint32_t *out_missing, struct err *out_refusal);

#endif
