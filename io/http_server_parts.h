/* http_server_parts.h - what the files of http_server share.
 *
 * Knows:         libmicrohttpd's connections and requests as we keep them.
 * Must not know: what a request means.
 * Threads:       the reactor's.
 *
 * libmicrohttpd calls us only inside MHD_run, from http_server.c: there `begin` and `gone` run. `ready`
 * runs after MHD_run returned. An answer is noted, the connection resumed, and the next MHD_run sends it.
 */
#ifndef IO_HTTP_SERVER_PARTS_H
#define IO_HTTP_SERVER_PARTS_H

#include <microhttpd.h>

#include "io/http_server.h"
#include "io/http_server_tls.h"

#define HTTP_SERVER_QUERY_MAX 16u

enum call_state {
    CALL_NEW,       /* its request line came */
    CALL_WAITING,   /* for memory; suspended */
    CALL_RECEIVING, /* its body, which may have no byte */
    CALL_READY,     /* whole, with the handler; suspended */
    CALL_ANSWERED,  /* the rest of the body, if any, is dropped, and the answer sent */
    CALL_REFUSED    /* answered by us before the body; the connection ends with it */
};

struct http_link { /* a connection */
    struct http_server *server;
    struct timer deadline; /* for the phase it is in; not armed while we are the ones who work */
    int fd;                /* libmicrohttpd's */
};

struct http_call {
    /* set once */
    struct http_server *server;
    struct MHD_Connection *connection;
    char *target; /* as it came, cut and decoded in place; NULL: longer than we take */
    bool target_sound;
    const char *path; /* in target */
    struct {
        const char *name, *value; /* in target */
    } query[HTTP_SERVER_QUERY_MAX];
    unsigned query_count;
    /* from the head */
    struct http_link *link;
    enum http_method method;
    struct http_peer peer;
    uint64_t length_bytes;
    bool length_known; /* said once and in sound form, or there is no body */
    /* changes */
    enum call_state state;
    bool begun; /* the handler knows it */
    unsigned char *body;
    uint64_t received_bytes;
    uint64_t granted_bytes;        /* of the budget */
    struct MHD_Response *response; /* until it is queued */
    unsigned status;
    uint64_t answer_bytes;
    struct http_call *next;          /* in the list of those that wait, or are ready */
    struct http_call *older, *newer; /* among the live */
    void *user;
};

struct http_call_list {
    struct http_call *first, *last;
};

struct http_server {
    /* set once */
    struct reactor *reactor;
    struct http_server_handler handler;
    void (*refused)(void *arg, const struct http_refusal *refusal);
    char *(*shape)(void *arg, const struct http_refusal *refusal);
    void *refused_arg;
    bool certs_optional, patch;
    uint32_t path_max_bytes, body_max_bytes;
    struct MHD_Daemon *daemon;
    struct http_server_tls *tls; /* NULL: plain */
    uint64_t budget_bytes;
    int listen_fd, epoll_fd;
    uint16_t port;
    /* changes */
    struct reactor_op poll;
    struct timer wake;
    bool polling, running; /* epoll_fd is polled; inside MHD_run */
    bool draining, closing;
    uint64_t granted_bytes;
    struct http_call *live; /* those that the handler knows, the newest first */
    unsigned calls_count;
    struct http_call_list waiting, ready;
};

/* ---- http_server.c ---- */
void http_server_wake(struct http_server *server); /* MHD_run in the next turn of the reactor */
void http_link_expect(struct http_link *link, uint64_t within_ns); /* else the connection ends */
void http_link_rest(struct http_link *link);                       /* nothing is expected of it */

/* ---- http_server_budget.c ---- */
/* True: granted. False: it waits, suspended, and will be granted in its turn. Granted without a body:
 * there was no memory after all. */
bool http_budget_ask(struct http_call *call);
void http_body_expect(struct http_call *call);  /* all of it in time, or the connection ends */
void http_budget_leave(struct http_call *call); /* gives back, or waits no more */

/* ---- http_server_call.c: libmicrohttpd's callbacks ---- */
void *http_call_new(void *server, const char *target, struct MHD_Connection *connection);
enum MHD_Result http_call_continue(void *server, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *upload,
                                   size_t *io_upload_bytes, void **io_call);
void http_call_completed(void *server, struct MHD_Connection *connection, void **io_call,
                         enum MHD_RequestTerminationCode code);

/* ---- http_server_head.c: what is refused before the handler hears of it ---- */
void http_call_parse_target(struct http_call *call, const char *target, uint32_t path_max_bytes);
/* 0, or the status to refuse with; *out_why is a sentence for the peer. Fills what is from the head. */
unsigned http_call_check_head(struct http_call *call, const char *method, const char **out_why);

#endif
