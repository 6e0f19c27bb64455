/* front.h - the door of snapferryd: who asks, what was asked, and the answer in ARM's form.
 *
 * Knows:         the HTTP server, who is let in (front_auth.h), request ids, the form of an error, files that
 *                anybody may have (the page).
 * Must not know: what a path means (front_table.h), the catalog.
 * Threads:       the reactor's. A call belongs to the front, and is valid until it is answered.
 * Errors:        what no handler sees: 400, 401, 403, 405, 408, 411, 413, 414, 431, 503, as ARM errors.
 *
 * A handler answers each call once, at once or in any later turn. One who has not answered when front_free
 * comes does not answer any more.
 */
#ifndef CONTROLD_FRONT_H
#define CONTROLD_FRONT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "io/http.h"
#include "io/reactor.h"
#include "tools/controld/arm_error.h"
#include "tools/controld/front_auth.h"

#define FRONT_GUID_BYTES     37u
#define FRONT_BODY_MAX_BYTES (1u << 20)
#define FRONT_URL_MAX_BYTES  9000u
#define FRONT_HEADERS_MAX    8u /* of one answer, beside our own */
#define FRONT_FILES_MAX      16u

struct front;

struct front_call {
    struct front *front;
    enum http_method method;
    const char *path;  /* decoded */
    const char *body;  /* as it came; NUL-terminated, "" when there is none */
    size_t body_bytes; /* may count NULs */
    const char *who;   /* for a log: the certificate's name, "token", or "anybody" */
    char request_id[FRONT_GUID_BYTES]; /* as the caller is told */
    char correlation_id[FRONT_GUID_BYTES];
    void *user; /* of whoever front_setup.ask is; freed with the call */
};

struct front_file { /* for anybody, without a token: no secret, no data; all of it static */
    const char *path, *content_type;
    const void *bytes;
    size_t count;
};

struct front_setup {
    struct reactor *reactor;
    const char *host;                           /* to listen on */
    uint16_t port;                              /* 0: any free one */
    const char *tls_cert, *tls_key, *client_ca; /* PEM files; the third may be NULL, or all */
    const struct front_auth *auth;              /* borrowed */
    /* Every call that was let in and whose body is whole. */
    void (*ask)(void *arg, struct front_call *call);
    void *arg;
};

/* ---- Life ---- */
struct front *front_new(const struct front_setup *setup, struct err *e);
void front_drain(struct front *front);      /* nothing new; calls under way may be answered */
bool front_idle(const struct front *front); /* no call is under way */
void front_free(struct front *front);       /* NULL is fine */
const char *front_address(const struct front *front); /* "https://127.0.0.1:8700" */
/* Files of the page, borrowed until the front is freed; GET and HEAD. */
void front_serve_files(struct front *front, const struct front_file *files, size_t count);

/* ---- Look ---- */
const char *front_query(const struct front_call *call,
                        const char *name); /* any case; NULL: absent */
bool front_query_at(const struct front_call *call, unsigned index, const char **out_name,
                    const char **out_value); /* as they came; false: no more */
/* An absolute URL of this server as the caller sees it (its Host, if sound): for nextLink and operations. */
void front_url(const struct front_call *call, const char *path_and_query,
               char out_url[FRONT_URL_MAX_BYTES]);
void front_make_guid(char out_guid[FRONT_GUID_BYTES]);

/* ---- Answer: once a call ---- */
/* body: taken; NULL: none. headers: copied, at most FRONT_HEADERS_MAX. */
void front_answer(struct front_call *call, int status, json_t *body,
                  const struct http_header *headers, size_t header_count);
void front_refuse(struct front_call *call, const struct arm_error *why);

#endif
