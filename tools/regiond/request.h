/* request.h - one request as the service understood it: target, headers, caller, body.
 *
 * Knows:         HTTP's words, path-style addresses (/ACCOUNT/CONTAINER/BLOB), percent-encoding.
 * Must not know: libmicrohttpd, the store, what any verb does.
 * Threads:       one request belongs to one server thread at a time.
 */
#ifndef REGIOND_REQUEST_H
#define REGIOND_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "tools/regiond/service_error.h"

#define REQUEST_TARGET_MAX_BYTES    8192u
#define REQUEST_HEADER_MAX_COUNT    96u
#define REQUEST_PARAM_MAX_COUNT     48u
#define REQUEST_ACCOUNT_MAX_BYTES   64u
#define REQUEST_CONTAINER_MAX_BYTES 64u
#define REQUEST_BLOB_MAX_BYTES      1025u
#define REQUEST_SNAPSHOT_MAX_BYTES  40u
#define REQUEST_ID_MAX_BYTES        37u
#define REQUEST_VERSION_MAX_BYTES   11u
#define REQUEST_LENGTH_MAX_BYTES    (UINT64_C(1) << 50) /* a Content-Length above it is nonsense */

struct request_pair {
    const char *name;  /* as sent for headers; percent-decoded for query parameters */
    const char *value; /* as sent for headers; percent-decoded for query parameters */
};

enum request_caller {
    CALLER_NOBODY, /* not authenticated (yet) */
    CALLER_KEY,    /* Shared Key of the account: may do everything, also on md- accounts */
    CALLER_SAS     /* a shared access signature: what it grants, and the md- rules */
};

enum request_scope { SCOPE_ACCOUNT, SCOPE_CONTAINER, SCOPE_BLOB };

/* What a verb needs of a caller who is not the account's key: any one letter of `permissions`
 * granted for the scope is enough ("cw": create or write). "" means the account's key only. */
struct request_need {
    enum request_scope scope;
    const char *permissions;
};

/* Everything a string points to lives as long as the request. */
struct request {
    /* set once, when the request's head has been read */
    char id[REQUEST_ID_MAX_BYTES]; /* x-ms-request-id of the answer */
    uint64_t connection_id;
    uint64_t started_ns; /* monotonic */
    const char *method;
    char *target;          /* as sent: path, '?', query */
    const char *raw_path;  /* as sent, still percent-encoded, without the query */
    const char *raw_query; /* as sent, still percent-encoded, without '?'; "" when there is none */
    char account[REQUEST_ACCOUNT_MAX_BYTES];     /* decoded; "" for the root */
    char container[REQUEST_CONTAINER_MAX_BYTES]; /* decoded; "" for the account itself */
    char blob[REQUEST_BLOB_MAX_BYTES];           /* decoded; "" for a container; may hold '/' */
    char snapshot[REQUEST_SNAPSHOT_MAX_BYTES];   /* the snapshot= parameter; "" for the base */
    struct request_pair params[REQUEST_PARAM_MAX_COUNT]; /* in the order sent, doubles kept */
    size_t param_count;
    struct request_pair headers[REQUEST_HEADER_MAX_COUNT]; /* in the order sent, doubles kept */
    size_t header_count;
    struct sockaddr_storage peer; /* the client's address */
    bool tls;
    char version[REQUEST_VERSION_MAX_BYTES]; /* x-ms-version; else the SAS's sv; else "" */
    uint64_t content_length;                 /* 0 when there is no such header */
    bool has_content_length;
    bool is_upload_host; /* the account's name begins with md-impexp- */
    bool is_disk_host;   /* the account's name begins with md- (upload hosts included) */

    /* set by region_auth */
    enum request_caller caller;
    char permissions[16]; /* what a SAS caller was granted ("rw"), policy included */

    /* set when the body has arrived; a pooled buffer, not owned */
    const unsigned char *body;
    size_t body_bytes;
};

/* ---- Life ---- */

/* Splits and decodes a target as sent ("/acct/c/b?x=y"). Takes a copy. False: the error is set
 * (InvalidUri, RequestUrlFailedToParse); the request is still fit for request_fini. */
bool request_set_target(struct request *r, const char *target, struct service_error *e);

/* Once `headers` is filled: reads x-ms-version and Content-Length. False: the error is set. */
bool request_read_headers(struct request *r, struct service_error *e);

void request_fini(struct request *r); /* of a zeroed request: a no-op */

/* ---- Look ---- */

/* The first of that name; names compare ignoring case; NULL when it was not sent. */
const char *request_header(const struct request *r, const char *name);
const char *request_param(const struct request *r, const char *name);

/* Replaces the first of that name, or adds it; both texts are borrowed. False: there are too many. */
bool request_set_param(struct request *r, const char *name, const char *value);

/* Is the request's service version this one ("2020-10-02") or later? No version is the oldest. */
bool request_version_at_least(const struct request *r, const char *version);

/* Percent-decodes n bytes of text into out (with a NUL); '+' stays '+' (in a query's parameters it
 * is a space, as the service reads it). False: does not fit, a malformed escape, an encoded NUL. */
bool request_percent_decode(const char *text, size_t n, char *out, size_t out_size_bytes);

#endif
