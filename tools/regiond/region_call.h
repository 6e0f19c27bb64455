/* region_call.h - the life of one request on a connection: head, body, verb, answer.
 *
 * Knows:         libmicrohttpd's callbacks, suspension, when each hook is asked.
 * Must not know: sockets, what a verb does.
 * Threads:       a call belongs to the thread its connection is served by, or, while suspended, to
 *                whoever will resume it.
 */
#ifndef REGIOND_REGION_CALL_H
#define REGIOND_REGION_CALL_H

#include <microhttpd.h>

#include "tools/regiond/call_timer.h"
#include "tools/regiond/exchange.h"
#include "tools/regiond/faults.h"
#include "tools/regiond/region_server.h"
#include "tools/regiond/shape.h"

#define CALL_DRAIN_MAX_BYTES (64u << 20) /* of a refused body; a longer one ends the connection */

enum call_state {
    CALL_HEAD,    /* made from the request line; headers are not there yet */
    CALL_BODY,    /* the body arrives, and is kept or dropped */
    CALL_ARRIVED, /* whole; may be held back by shape or a fault before its verb runs */
    CALL_RUNNING, /* its verb runs on a worker, the connection is suspended */
    CALL_RAN,     /* the answer is made; may be held back before it is sent */
    CALL_SENT     /* handed to libmicrohttpd */
};

struct call {
    struct call_ticket ticket; /* first: a ticket is its call */
    struct exchange x;
    const struct region_server_config *config;
    struct call_timer *timer;
    struct MHD_Connection *connection;
    enum call_state state;
    bool judged_arrived; /* script and shape have been asked about the request */
    bool judged_leaving; /* ... and about its answer */
    bool logged;
    /* what goes wrong with it (call_fault.c) */
    bool has_fault;
    bool stalled; /* FAULT_STALL has had its pause */
    struct fault fault;
    struct shape_pace pace; /* of the body, from leaving_ns on */
    uint64_t leaving_ns;    /* monotonic */
};

/* ---- In the order libmicrohttpd asks ---- */

/* From the request line. NULL: no memory; the connection is then broken off. */
struct call *call_new(const struct region_server_config *config, struct call_timer *timer,
                      struct MHD_Connection *connection, const char *target);
enum MHD_Result call_continue(struct call *call, const char *method, const char *upload,
                              size_t *io_upload_bytes);
void call_free(struct call *call); /* the request is over, whichever way; NULL is fine */

/* Suspends the connection until then (monotonic); the call goes on where it is. */
void call_hold(struct call *call, uint64_t until_ns);

/* Hands the answer to libmicrohttpd (call_send.c). MHD_NO: the connection is broken off. */
enum MHD_Result call_send(struct call *call);

#endif
