/* arm_client.h - one client of the restore-point API: requests with a bearer token, and what they begin
 * followed to its end (protocol E.9).
 *
 * Knows:         the endpoint, the token, retries, Azure-AsyncOperation, Location, Retry-After.
 * Must not know: restore points, what an answer is for.
 * Threads:       the reactor's. A call belongs to its caller, alive and unmoved until `done` ran: once, from
 *                the reactor, never inside arm_client_send.
 * Errors:        in call->err; texts hold no query and no token.
 *
 * The token goes to the endpoint's own host alone (scheme, host, port), over https, or http to this machine.
 * What an operation is asked for elsewhere is asked without it; a nextLink elsewhere is refused. Redirections
 * are not followed. Every request of this API may be sent again: what passes (no answer, 408, 429, 5xx) is
 * tried ARM_TRIES_MAX times in a row; the state of an operation ARM_POLL_TRIES_MAX times.
 */
#ifndef SNAPFERRY_ARM_CLIENT_H
#define SNAPFERRY_ARM_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "blockmap/err.h"
#include "io/http.h"
#include "io/reactor.h"

#define ARM_TRIES_MAX        4u
#define ARM_POLL_TRIES_MAX   20u
#define ARM_PAUSE_FIRST_MS   500u
#define ARM_PAUSE_MAX_MS     60000u /* also of what a server wishes */
#define ARM_POLL_MS          2000u  /* where the service does not say when to ask again */
#define ARM_OPERATION_MAX_NS (3600ull * NS_PER_S)
#define ARM_BODY_MAX_BYTES   (32u << 20) /* of one answer */
#define ARM_TOKEN_MAX_BYTES  8192u

struct arm_client;
struct arm_work;

struct arm_client_setup {
    struct reactor *reactor; /* borrowed */
    const char *endpoint;    /* https://HOST[:PORT][/PATH]; copied */
    const char *token;       /* secret; copied */
    const char *ca_file;     /* NULL: the system's; borrowed */
};

struct arm_call {
    /* in; borrowed until done */
    enum http_method method;
    const char
        *target; /* "/subscriptions/...?api-version=..." of the endpoint, or a whole nextLink */
    const char *body;  /* JSON; NULL: none */
    uint64_t limit_ns; /* of what it begins; 0: ARM_OPERATION_MAX_NS */
    void (*done)(struct arm_call *call);
    void *arg;
    /* out */
    struct err err;
    json_t *answer;           /* owned; may be secret; NULL: nothing was said */
    struct arm_work *work;    /* private */
    struct reactor_task task; /* private */
};

/* ---- Life ---- */
/* Refused: an endpoint that is neither https nor this machine's, a token that cannot be one. */
struct arm_client *arm_client_new(const struct arm_client_setup *setup, struct err *e);
void arm_client_free(struct arm_client *client); /* NULL is fine; nothing is under way. Wipes. */

/* ---- Use ---- */
void arm_client_send(struct arm_client *client, struct arm_call *call);
void arm_client_cancel_all(struct arm_client *client); /* each ends with ERR_CANCELED, later */
void arm_call_fini(struct arm_call *call);             /* wipes the answer; a zeroed one is fine */

/* ---- Look ---- */
bool arm_client_idle(const struct arm_client *client);
const char *arm_client_endpoint(const struct arm_client *client); /* without a last '/' */

#endif
