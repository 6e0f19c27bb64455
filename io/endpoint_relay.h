/* endpoint_relay.h - a target behind a receiver in another region (relay_protocol.md): what is written is
 * hashed, compressed on worker threads and sent in batches; what the receiver holds is sent as a reference.
 *
 * Knows:         the protocol's sender side, batches, which level pays, what was sent and acknowledged.
 * Must not know: why a range is written, retry policy (a failed batch fails its writes).
 * Threads:       the reactor's; CPU work on workers.
 * Errors:        the receiver's own, as they came; or the connection's.
 */
#ifndef IO_ENDPOINT_RELAY_H
#define IO_ENDPOINT_RELAY_H

#include "io/endpoint.h"
#include "io/http.h"
#include "io/secret.h"
#include "io/workers.h"

#define RELAY_SCHEME               "relay:"
#define ENDPOINT_RELAY_RECORDS_MAX 24u /* batches packed and not yet answered; 4.3 MiB each */
#define ENDPOINT_RELAY_CONNECTIONS 40u /* that http should allow: those, and questions beside */

struct endpoint_relay_options {
    int level;          /* STREAM_LEVEL_RAW, COMPRESS_AUTO, or a zstd level */
    bool no_dedup;      /* everything is sent as bytes */
    const char *sender; /* a UUID of this run; copied */
};

/* What was acknowledged, in the disk's bytes. What crossed the boundary for it (bodies and headers, without
 * TLS) is in the endpoint's own wire_written_bytes and wire_read_bytes. */
struct endpoint_relay_counts {
    uint64_t raw_bytes;    /* data given to write */
    uint64_t packed_bytes; /* of them sent as DATA records; one sent again counts again */
    uint64_t stored_bytes; /* of those records, as they were sent */
    uint64_t held_bytes;   /* of raw_bytes sent as references, and found by the receiver */
    uint64_t resent_bytes; /* sent as references and not there after all */
    uint64_t zero_bytes;   /* cleared at the target */
    uint64_t asked_blocks; /* by have */
    uint64_t cpu_ns;       /* of the workers */
    int level;             /* as of late, probes left out */
    bool level_settled;    /* auto knows that link and CPUs want no other */
};

/* url: of the receiver with NAME as its path (https://HOST:PORT/NAME); moved into the endpoint. http and
 * workers are borrowed, the endpoint closes before them; what http counts is taken as this endpoint's, so
 * nothing else goes over it. Memory beside the caller's buffers: ENDPOINT_RELAY_RECORDS_MAX records. */
struct endpoint *endpoint_relay_new(struct http *http, struct workers *workers,
                                    struct secret_url *url,
                                    const struct endpoint_relay_options *options, struct err *e);
/* From now on; nothing is in flight. The same as before: what was learned of the link stays. */
void endpoint_relay_set_level(struct endpoint *ep, int level);
const struct endpoint_relay_counts *endpoint_relay_count(const struct endpoint *ep);

#endif
