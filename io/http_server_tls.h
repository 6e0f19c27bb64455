/* http_server_tls.h - who the server is, and who a client is.
 *
 * Knows:         PEM files, certificates, what makes one a client's.
 * Must not know: HTTP, what a name may do.
 * Threads:       the reactor's.
 *
 * libmicrohttpd only asks for a certificate: a client may show none, or any. Nothing but
 * http_server_tls_peer stands between a stranger and the handler.
 */
#ifndef IO_HTTP_SERVER_TLS_H
#define IO_HTTP_SERVER_TLS_H

#include <gnutls/gnutls.h>

#include "io/http_server.h"

struct http_server_tls;

/* ---- Life ---- */
/* Reads and checks the files, of which client_ca may be NULL. ERR_USAGE: one cannot be used, and why. */
struct http_server_tls *http_server_tls_open(const struct http_server_options *options,
                                             struct err *e);
void http_server_tls_close(struct http_server_tls *tls); /* NULL is fine; wipes the key */

/* ---- Look: PEM texts, views ---- */
const char *http_server_tls_cert(const struct http_server_tls *tls);
const char *http_server_tls_key(const struct http_server_tls *tls);
const char *http_server_tls_client_ca(const struct http_server_tls *tls); /* NULL: none */

/* ---- Use ---- */
/* NULL: the client is who its certificate says, now (or, if optional, shows none: out_peer stays as it is);
 * else why not, for the client to read. */
const char *http_server_tls_peer(gnutls_session_t session, bool optional,
                                 struct http_peer *out_peer);

#endif
