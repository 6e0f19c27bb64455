/* relay_call.h - one exchange with a receiver: headers, path, an answer kept whole, a refusal as an error.
 *
 * Knows:         relay_protocol.md's headers and paths, what an answer may be at most.
 * Must not know: what a verb's body means.
 * Threads:       the reactor's.
 * Errors:        in http.err when done runs: the receiver's own, or the connection's.
 */
#ifndef IO_RELAY_CALL_H
#define IO_RELAY_CALL_H

#include "io/http.h"
#include "io/relay_wire.h"

struct endpoint_relay;

struct relay_call {
    struct http_req http; /* first; method, body and memory as the verb needs */
    struct endpoint_relay *ep;
    struct relay_call *next; /* in the list of idle ones */
    enum relay_verb verb;
    void *owner; /* of who sends it */
    void (*done)(struct relay_call *);
    char *json;            /* a body that is the call's own; NULL: none */
    char additions[192];   /* to the query; "": none */
    unsigned char *answer; /* of a 2xx without http.memory; valid until the call is given back */
    size_t answer_bytes;
    size_t answer_room; /* kept from call to call */
    bool crc64_told;    /* the receiver said a checksum of what it sent */
    uint64_t crc64;
    char numbers[2][24]; /* texts of headers */
};

/* A POST unless method is changed; never NULL. It comes back by relay_call_give, when it is done. */
struct relay_call *relay_call_take(struct endpoint_relay *ep, enum relay_verb verb);
void relay_call_give(struct relay_call *call);
void relay_call_free(struct relay_call *call);

/* json: malloc'd, the call's from here on. */
void relay_call_set_json(struct relay_call *call, char *json);
void relay_call_send(struct relay_call *call, void *owner, void (*done)(struct relay_call *));

#endif
