/* exchange.h - one request, its answer, and what a verb may use to make the one of the other.
 *
 * Knows:         the parts of the service a verb is given.
 * Must not know: libmicrohttpd, connections, threads.
 * Threads:       one exchange belongs to one thread at a time.
 */
#ifndef REGIOND_EXCHANGE_H
#define REGIOND_EXCHANGE_H

#include "tools/regiond/answer.h"
#include "tools/regiond/body_intake.h"
#include "tools/regiond/buffer_pool.h"
#include "tools/regiond/request.h"
#include "tools/regiond/store.h"

struct region_auth;

/* Set once; outlives every exchange. */
struct exchange_parts {
    struct store *store;
    const struct region_auth *auth;
    struct buffer_pool *buffers;
};

/* What the request log says beyond the request itself. */
struct exchange_facts {
    bool has_range;
    uint64_t range_offset;
    uint64_t range_bytes;
    const char *checksum_asked; /* "md5" or "crc64" of a read; NULL: none */
    const char *checksum_sent;  /* with a write; NULL: none */
};

struct exchange {
    const struct exchange_parts *parts;
    const struct verb *verb; /* NULL until dispatched */
    struct request request;
    struct body_intake body;
    struct answer answer;
    struct service_error error; /* set: the answer is this */
    struct exchange_facts facts;
};

#endif
