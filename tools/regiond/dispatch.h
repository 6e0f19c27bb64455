/* dispatch.h - the table of verbs: which request is which, and what each needs.
 *
 * Knows:         methods, restype=, comp=, the permissions and the hosts of every verb.
 * Must not know: what a verb does, how a caller proves who they are.
 * Threads:       any; the table is constant.
 */
#ifndef REGIOND_DISPATCH_H
#define REGIOND_DISPATCH_H

#include "tools/regiond/exchange.h"

enum verb_flag {
    VERB_ON_DISK = 1u << 0,        /* a SAS of an md- host may do it */
    VERB_ON_UPLOAD_DISK = 1u << 1, /* a SAS of an md-impexp- host may do it */
    VERB_OF_SNAPSHOT = 1u << 2,    /* snapshot= may name what it works on */
    VERB_TAKES_BODY = 1u << 3,     /* at most BUFFER_BYTES, kept in the exchange's intake */
    VERB_MAY_WAIT = 1u << 4        /* asks another server: never run on a server thread */
};

/* Makes the answer and returns true, or sets the error and returns false. */
typedef bool verb_fn(struct exchange *x);

struct verb {
    const char *name; /* as the service's documentation names it */
    const char *method;
    const char *restype; /* NULL: must not be there */
    const char *comp;    /* NULL: must not be there */
    const char *header;  /* NULL: any; else the verb is chosen only if this header is there */
    struct request_need need;
    unsigned flags;
    verb_fn *run;
};

/* NULL: nothing matches, and the error says why. */
const struct verb *dispatch_find(const struct request *r, struct service_error *e);

/* The md- rules, for a request whose caller is known. False, error set: this host has not got it. */
bool dispatch_host_allows(const struct verb *verb, const struct request *r,
                          struct service_error *e);

/* In the table's order; NULL at the end. */
const struct verb *dispatch_verb(size_t index);

#endif
