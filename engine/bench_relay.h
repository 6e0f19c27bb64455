/* bench_relay.h - the way to a receiver for a measurement: an HTTP client of its own, the endpoint behind it.
 *
 * Knows:         the receiver's address, certificates, the name of a scratch there.
 * Must not know: what is sent, when (bench_point.h), how a scratch is made and removed (bench_scratch.h).
 * Threads:       the reactor's; compression on workers.
 *
 * What was learned of the link stays from point to point, as it does in a copy. Everything is sent as bytes:
 * were the receiver's index asked, what one leg sent would be references in the next.
 */
#ifndef ENGINE_BENCH_RELAY_H
#define ENGINE_BENCH_RELAY_H

#include <stdbool.h>

#include "blockmap/err.h"
#include "io/endpoint_relay.h"
#include "io/http.h"
#include "io/secret.h"
#include "io/workers.h"

struct bench_relay_access { /* borrowed */
    struct workers *workers;
    const char *client_cert, *client_key; /* PEM files */
    int level; /* of a leg of its own; COMPRESS_AUTO or STREAM_LEVEL_RAW: there is none */
};

struct bench_relay { /* zeroed: closed */
    struct http_observer observer;
    struct http *http;
    struct endpoint *ep;
    void (*seen)(void *arg, const struct http_seen *seen); /* who looks now; NULL: nobody */
    void *arg;
};

/* place: https://HOST:PORT/NAME; the endpoint is of NAME/scratch. http: whose certificates are trusted. seed:
 * for the sender's UUID. */
bool bench_relay_open(struct bench_relay *relay, struct reactor *r, const struct http_options *http,
                      const struct bench_relay_access *access, const struct secret_url *place,
                      const char *scratch, uint64_t seed, struct err *e);
void bench_relay_close(struct bench_relay *relay); /* nothing is under way */

#endif
