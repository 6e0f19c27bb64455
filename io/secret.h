/* secret.h - a URL and its SAS, kept apart, so that only one of them can be printed.
 *
 * Knows:         the shape of a URL; env:NAME and @FILE; which query parameters name a snapshot and an
 *                expiry. Never decodes, sorts or rebuilds a query (protocol B.4).
 * Must not know: what the URL is used for.
 * Threads:       none; a value with one owner.
 */
#ifndef IO_SECRET_H
#define IO_SECRET_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"

#define SECRET_URL_MAX_BYTES 8192u

struct secret_url {
    char *address;    /* scheme://host[:port]/path, as given; safe to print */
    char *query;      /* everything after '?', verbatim; "" when there is none; NEVER printed */
    char *snapshot;   /* decoded value of snapshot=, or NULL */
    char host[256];   /* lower case, without the port */
    char account[64]; /* first label of the host, or the first path segment of a path-style URL */
    bool tls;
    bool loopback;     /* 127.0.0.0/8, ::1 or localhost */
    bool managed_disk; /* an md- host, or a path-style account of that name */
    bool upload_disk;  /* md-impexp- */
    uint64_t expiry_s; /* se= as seconds since 1970; 0 when the URL does not say */
};

/* Is this argument meant as a URL (http://, https://), after env: and @ were resolved? */
bool secret_is_url(const char *text);
/* Or as one that went wrong: "ftp://", "htps://", a SAS that stands alone; certainly no path anybody has. */
bool secret_looks_like_url(const char *text);

/* The name of an environment variable as a shell takes it? */
bool secret_is_variable(const char *name);
/* env:NAME and @FILE are read (one line, at most SECRET_URL_MAX_BYTES); anything else is copied. The
 * result is malloc'd and must be given to secret_wipe_free. Errors never show the value. */
bool secret_resolve(const char *argument, char **out_text, struct err *e);
void secret_wipe_free(char *text); /* NULL is fine */

bool secret_url_parse(const char *text, struct secret_url *out_url, struct err *e);
/* ADDRESS/NAME?QUERY of a container's URL. name stands as it is: nothing in it needs escaping. */
bool secret_url_of_blob(const struct secret_url *container, const char *name,
                        struct secret_url *out_url, struct err *e);
bool secret_url_has_signature(const struct secret_url *url);
void secret_url_fini(struct secret_url *url); /* wipes; a zeroed struct is fine */

/* RFC 3339, or as se= has it: YYYY-MM-DD, with THH:MM, seconds and fractions; Z, an offset or nothing (UTC).
 * Seconds since 1970; 0: not such a time. */
uint64_t secret_time_s(const char *text);

/* The identity of what the URL names: scheme, host, path and "?snapshot=..." when there is one
 * (design: "Identity"). malloc'd; NULL when memory ran out. */
char *secret_url_identity(const struct secret_url *url);

/* Address, query and one or more additions ("comp=pagelist&maxresults=5"; NULL or "" for none) as a
 * full URL to send. malloc'd, secret: free with secret_wipe_free. NULL when memory ran out. */
char *secret_url_full(const struct secret_url *url, const char *additions);

/* Cuts everything that could be a SAS out of a text from outside before it is shown: sig=..., and
 * whole query strings of URLs; and who is named before their host. In place. */
void secret_redact(char *text);

#endif
