/* script_server.h - a server that answers exactly what a test wrote down, faults included.
 *
 * Knows:         TCP, where a request's head ends, its Content-Length.
 * Must not know: HTTP beyond that.
 * Threads:       its own, one a connection; a test starts it, asks it and stops it from one thread.
 */
#ifndef SUPPORT_SCRIPT_SERVER_H
#define SUPPORT_SCRIPT_SERVER_H

#include <stddef.h>
#include <stdint.h>

enum script_then {
    SCRIPT_KEEP,  /* wait for the next request on this connection */
    SCRIPT_CLOSE, /* orderly */
    SCRIPT_RESET, /* RST */
    SCRIPT_HOLD   /* say nothing more, until the server is stopped */
};

struct script_answer {
    const char *bytes; /* sent once a request has come; NULL = none */
    size_t count;      /* of bytes; 0 = strlen */
    enum script_then then;
    unsigned drip_ms; /* between single bytes; 0 = all at once */
    int body_ignored; /* answer after the head, without reading the request's body */
};

struct script_server;

/* The answers in the order in which requests arrive, on whichever connection; the last one repeats.
 * They are borrowed until stop. Aborts the test when it cannot start. */
struct script_server *script_server_start(const struct script_answer *answers, size_t count);
void script_server_stop(struct script_server *server);

uint16_t script_server_port(const struct script_server *server);
size_t script_server_request_count(struct script_server *server);
size_t script_server_connection_count(struct script_server *server);
/* Head of the i-th request, blank line included; a view, valid until stop. */
const char *script_server_request(struct script_server *server, size_t i);
/* Body bytes of the i-th request that were read. */
size_t script_server_body_bytes(struct script_server *server, size_t i);

#endif
