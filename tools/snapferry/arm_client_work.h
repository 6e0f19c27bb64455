/* arm_client_work.h - one call of a client on its way; for the client's own files alone.
 *
 * Knows:         the course of a call. Must not know: what it is for.
 * Threads:       the reactor's.
 */
#ifndef SNAPFERRY_ARM_CLIENT_WORK_H
#define SNAPFERRY_ARM_CLIENT_WORK_H

#include "tools/snapferry/arm_client.h"

struct arm_client {
    struct reactor *reactor;
    struct http *http;
    char *endpoint;         /* owned */
    char *authorization;    /* owned, secret */
    struct arm_work *works; /* under way */
};

enum arm_phase {
    ARM_ASKING, /* the request itself */
    ARM_STATE,  /* of the operation that it began: Azure-AsyncOperation */
    ARM_RESULT  /* of it: Location */
};

#define ARM_WORK_HEADERS 4u

struct arm_work {
    struct arm_client *client;
    struct arm_call *call;
    struct arm_work *next;
    enum arm_phase phase;
    uint64_t begun_ns;
    unsigned tries; /* of this request, that gave no answer to go by */
    bool canceled, waiting;
    struct timer timer;
    struct reactor_task task;
    /* the request */
    struct secret_url url;
    struct http_req req;
    struct http_header headers[ARM_WORK_HEADERS];
    /* its answer */
    char *body; /* secret */
    size_t body_bytes, body_room;
    char *state_url, *result_url; /* the latest that were told; owned, may be secret */
};

/* Made here, freed when call->done is about to run. */
void arm_work_begin(struct arm_client *client, struct arm_call *call);
void arm_work_cancel(struct arm_work *work);

/* ---- arm_client_follow.c ---- */
/* A whole answer with this status; its JSON is borrowed, NULL: none. */
void arm_work_follow(struct arm_work *work, int status, json_t *answer);

/* ---- arm_client_work.c, for arm_client_follow.c ---- */
void arm_work_ask(struct arm_work *work, const char *url); /* GET; the token where it may go */
void arm_work_ask_later(struct arm_work *work);            /* the same as last time */
void arm_work_end(struct arm_work *work, json_t *answer);  /* borrowed; NULL: nothing was said */
void arm_work_fail(struct arm_work *work);                 /* call->err is set */

#endif
