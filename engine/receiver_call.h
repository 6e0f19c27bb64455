/* receiver_call.h - one request of a sender, from its headers to its answer; private to engine/receiver*.c.
 *
 * Knows:         what every verb shares: who asks, for what name, how it is answered or refused.
 * Must not know: what a verb does.
 * Threads:       the reactor's. A call lives from begin to gone; after it was answered nothing but gone may
 *                use it.
 */
#ifndef ENGINE_RECEIVER_CALL_H
#define ENGINE_RECEIVER_CALL_H

#include "blockmap/marker.h"
#include "engine/receiver.h"
#include "engine/receiver_desk.h"
#include "engine/retry.h"
#include "io/block_index.h"
#include "io/relay_wire.h"

struct receiver_batch;
struct receiver_reader;

struct receiver_client { /* of one certificate: its blocks, known to nobody else */
    unsigned char key[32];
    struct block_index *index; /* NULL: none could be opened, said once */
    uint64_t used_ns;
    uint32_t users; /* calls */
    struct receiver_client *next;
};

struct receiver {
    /* set once */
    struct receiver_setup setup;
    char *index_folder;
    /* changes, reactor thread only */
    struct retry_random random;
    struct receiver_desk *desks;
    struct receiver_client *clients;
    struct receiver_reader *readers; /* receiver_place.c */
    struct receiver_wait *wait_first, *wait_last;
    struct timer sweep;
    uint32_t live;      /* calls that are not gone */
    uint32_t under_way; /* ready, and not answered */
    uint32_t batches;
    bool stopping;
    struct receiver_counts counts;
};

struct receiver_call {
    /* set by begin */
    struct receiver *receiver;
    struct http_call *http;
    enum relay_verb verb;
    char name[RELAY_NAME_MAX_BYTES + 1];
    char sender[MARKER_UUID_MAX_BYTES]; /* "" where the verb changes nothing */
    char lease[MARKER_UUID_MAX_BYTES];  /* "" = none */
    char copy[MARKER_UUID_MAX_BYTES];   /* "" = none */
    char request_id[ERR_REQUEST_ID_MAX_BYTES];
    uint64_t generation;
    uint64_t size_bytes; /* of the target as the sender knows it; 0 = not said */
    /* changes */
    bool under_way, admitted;
    bool again;                              /* of a stat: the target was opened anew for it */
    int refusal_status;                      /* 0 = as the error's kind says */
    struct receiver_desk *desk;              /* from ready on, where one is needed */
    struct receiver_client *client;          /* where the index is needed */
    struct receiver_call *next;              /* waits at its desk */
    void (*run)(struct receiver_call *call); /* once the desk admits it */
    struct receiver_batch *batch;            /* of a write */
    struct receiver_wait wait;               /* of a read */
    struct buf *buf;
    uint32_t read_bytes; /* of range, so far */
    struct extent range; /* of a list or read */
    struct extent_set data, clears;
    union { /* what is asked of the endpoint */
        struct relay_setup setup;
        struct stat_req stat;
        struct list_req list;
        struct block_req block;
    };
};

/* ---- Answers; each once, and the desk is left ---- */
void receiver_answer_json(struct receiver_call *call, char *take_json);
void receiver_answer_bytes(struct receiver_call *call, const void *bytes, size_t count);
/* The buffer goes back to the pool when the bytes were sent, or never will be. */
void receiver_answer_buf(struct receiver_call *call, size_t count, uint64_t crc64);
void receiver_refuse(struct receiver_call *call, const struct err *error);

void receiver_say(struct receiver *receiver, const char *name, const char *text);
bool receiver_changes(const struct receiver_call *call); /* must hold the lease */

/* ---- Clients; receiver_client.c ---- */
struct receiver_client *receiver_client_take(struct receiver *receiver,
                                             const struct http_peer *peer, const char *name);
void receiver_client_give(struct receiver *receiver, struct receiver_client *client);
void receiver_clients_free(struct receiver *receiver);

/* ---- What each verb does when its body is whole ---- */
void receiver_ready_stat(struct receiver_call *call);
void receiver_ready_setup(struct receiver_call *call);
void receiver_ready_list(struct receiver_call *call);
void receiver_ready_read(struct receiver_call *call);
void receiver_ready_have(struct receiver_call *call);
void receiver_ready_write(struct receiver_call *call);
void receiver_ready_flush(struct receiver_call *call);

#endif
