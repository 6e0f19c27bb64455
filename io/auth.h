/* auth.h - signatures of the blob service: service SAS and Shared Key (protocol B.1 to B.4).
 *
 * Knows:         the strings to sign of three SAS eras, HMAC-SHA256, how a signature stands in a URL.
 * Must not know: connections; what is done with a URL. snapferry itself only ever holds SAS URLs; this
 *                is for tests, bench and programs that own an account.
 * Threads:       pure. Results are malloc'd and NULL when memory ran out; those with a signature are
 *                secret: secret_wipe_free.
 */
#ifndef IO_AUTH_H
#define IO_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "blockmap/err.h"
#include "io/http.h"

#define AUTH_KEY_MAX_BYTES 64u

/* The development account of Azurite and regiond; a public constant, not a secret. */
#define AUTH_DEVELOPMENT_ACCOUNT "devstoreaccount1"
#define AUTH_DEVELOPMENT_KEY                                                                       \
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

struct auth_key {
    unsigned char bytes[AUTH_KEY_MAX_BYTES];
    size_t count;
};

/* A service SAS. Every text may be NULL = absent; values as they are before percent-encoding. */
struct auth_sas {
    const char *version;     /* sv; chooses the era */
    const char *resource;    /* "/blob/ACCOUNT/CONTAINER[/BLOB]", decoded; signed, not in the URL */
    const char *kind;        /* sr: "b", "bs", "c" */
    const char *snapshot;    /* time of a "bs"; goes into the URL as snapshot= */
    const char *permissions; /* sp, in the order r a c w d x t m e y i */
    const char *start;       /* st */
    const char *expiry;      /* se */
    const char *identifier;  /* si */
    const char *addresses;   /* sip */
    const char *protocols;   /* spr */
    const char *scope;       /* ses */
};

/* A request to sign with the account's key. Headers as they will be sent; x-ms-date among them. */
struct auth_request {
    const char *method;
    const char *account;
    const char *path;  /* of the URL as sent, still percent-encoded; begins with '/' */
    const char *query; /* as sent, without '?'; "" = none */
    const struct http_header *headers;
    size_t header_count;
    size_t body_bytes;
};

/* ERR_USAGE unless text is base64 of 1 to AUTH_KEY_MAX_BYTES bytes. */
bool auth_key_parse(const char *text, struct auth_key *out_key, struct err *e);
/* Base64 of HMAC-SHA256 of text. */
char *auth_sign(const struct auth_key *key, const char *text);

char *auth_sas_string(const struct auth_sas *sas);
/* The query of a SAS URL: every field percent-encoded, sig last. */
char *auth_sas_query(const struct auth_sas *sas, const struct auth_key *key);

char *auth_request_string(const struct auth_request *request);
/* The value of Authorization. */
char *auth_request_header(const struct auth_request *request, const struct auth_key *key);

#endif
