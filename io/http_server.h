/* http_server.h - an HTTP/1.1 server on the reactor: libmicrohttpd without threads of its own.
 *
 * Knows:         connections, TLS 1.3, client certificates, bodies up to a limit, one memory budget.
 * Must not know: what a request means.
 * Threads:       the reactor's. A call belongs to the server; it is valid from `begin` until it was answered
 *                and `gone` ran.
 * Errors:        of a call: it is answered by the server itself (400, 408, 413, 431, 503) or its connection
 *                ends.
 *
 * libmicrohttpd's epoll descriptor is polled by the reactor. A call is suspended while no memory is free for
 * its body, and from `ready` until http_call_answer. With TLS a connection without a certificate that the
 * client CA signed (unless certs_optional), or with one that is not valid now or not for clients, is refused
 * before a header reaches `begin`, and no byte of a body is used.
 */
#ifndef IO_HTTP_SERVER_H
#define IO_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "io/http.h"
#include "io/reactor.h"

#define HTTP_SERVER_CONNECTIONS_MAX 1024u
#define HTTP_SERVER_BODY_MAX_BYTES  (5u << 20) /* of one call */
#define HTTP_SERVER_PATH_MAX_BYTES  1024u      /* unless the options say more, up to */
#define HTTP_SERVER_PATH_TOP_BYTES  4096u
#define HTTP_SERVER_DROP_MAX_BYTES  (64u << 20) /* of a refused body that is let come */
#define HTTP_SERVER_PEER_MAX_BYTES  128u
#define HTTP_SERVER_IDLE_S          90u

struct http_server;
struct http_call;

struct http_peer {                         /* of the client's certificate; all zero: it has none */
    char name[HTTP_SERVER_PEER_MAX_BYTES]; /* its common name */
    unsigned char key_id[32];              /* SHA-256 of its public key (SubjectPublicKeyInfo) */
};

struct http_server_handler {
    /* Headers are here, no byte of a body yet. May answer (refuse) at once: then the body is dropped as
     * it comes and takes no memory. begin and gone run inside the server: no http_server_free there. */
    void (*begin)(void *arg, struct http_call *call);
    /* The body is whole. Answers now or later. Not called for a call that begin answered. */
    void (*ready)(void *arg, struct http_call *call);
    /* The call ended: answered, or its connection went away. Nothing of it may be used afterwards. Once
     * ready ran, gone comes only after the answer (or from http_server_free), also where the connection
     * went first: then the answer is dropped. Before ready it may come at any time. */
    void (*gone)(void *arg, struct http_call *call);
    void *arg;
};

struct http_refusal {    /* what the server refused by itself; all of it views */
    const char *address; /* the client's, without port */
    unsigned status;
    const char *why;
    const char *request_id; /* as the client was told */
};

struct http_server_options {
    const char *host; /* address to listen on; a name is looked up */
    uint16_t port;    /* 0: any free one */
    /* PEM files; all three, or none: plain HTTP, for this machine only. The key's file must be its owner's
     * alone. With certs_optional a client may have none, and client_ca may be NULL. */
    const char *tls_cert, *tls_key, *client_ca;
    bool certs_optional;
    bool patch;                   /* PATCH is a method, too */
    uint32_t path_max_bytes;      /* decoded; 0 = HTTP_SERVER_PATH_MAX_BYTES */
    uint32_t body_max_bytes;      /* 0 = HTTP_SERVER_BODY_MAX_BYTES, which is the most */
    uint32_t connections_max;     /* 0 = HTTP_SERVER_CONNECTIONS_MAX */
    uint64_t memory_budget_bytes; /* of bodies not yet answered, all calls together; at
                                     * least HTTP_SERVER_BODY_MAX_BYTES */
    void (*refused)(void *arg, const struct http_refusal *refusal); /* for a log; may be NULL */
    /* The body (malloc'd JSON) of what the server refuses by itself; NULL: a relay's. With it a body that is
     * on its way is let come and dropped, up to HTTP_SERVER_DROP_MAX_BYTES, so that the refusal is seen. */
    char *(*shape)(void *arg, const struct http_refusal *refusal);
    void *refused_arg;
};

/* ---- Life ---- */
struct http_server *http_server_new(struct reactor *r, const struct http_server_options *options,
                                    const struct http_server_handler *handler, struct err *e);
/* No new connections; calls that are under way may be answered. */
void http_server_drain(struct http_server *server);
bool http_server_idle(const struct http_server *server); /* no call is under way */
/* NULL is fine. Ends every connection; `gone` runs for each call, answered or not. */
void http_server_free(struct http_server *server);
uint16_t http_server_port(const struct http_server *server);

/* ---- Use ---- */
struct http_reply {
    int status;
    const struct http_header *headers; /* copied */
    size_t header_count;
    const char *content_type; /* static; NULL = application/json */
    const void *body;         /* copied, unless free_body is set */
    size_t body_bytes;
    void (*free_body)(void *arg); /* called when the body was sent, or never will be */
    void *free_arg;
};
/* Once a call. From begin, ready, or any later turn of the reactor. The call's body is gone then. */
void http_call_answer(struct http_call *call, const struct http_reply *reply);

/* ---- Look ---- */
enum http_method http_call_method(const struct http_call *call);
const char *http_call_path(const struct http_call *call); /* decoded, without the query */
const char *http_call_query(const struct http_call *call, const char *name); /* NULL = absent */
bool http_call_query_at(const struct http_call *call, unsigned index, const char **out_name,
                        const char **out_value); /* in the order they came; false: no more */
const char *http_call_header(const struct http_call *call, const char *name); /* NULL = absent */
const struct http_peer *http_call_peer(const struct http_call *call);
const void *http_call_body(const struct http_call *call, size_t *out_bytes); /* from ready on */
void http_call_set_user(struct http_call *call, void *user);
void *http_call_user(const struct http_call *call);

#endif
