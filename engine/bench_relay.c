/* bench_relay.c - see bench_relay.h. */
#include "engine/bench_relay.h"

#include <stddef.h>
#include <string.h>

#include "blockmap/marker.h"
#include "engine/retry.h"
#include "io/compress_level.h"

static void on_seen(struct http_observer *observer, const struct http_seen *seen)
{
    struct bench_relay *relay =
        (struct bench_relay *)((char *)observer - offsetof(struct bench_relay, observer));

    if (relay->seen)
        relay->seen(relay->arg, seen);
}

static struct endpoint *open_endpoint(struct bench_relay *relay,
                                      const struct bench_relay_access *access,
                                      const struct secret_url *place, const char *scratch,
                                      uint64_t seed, struct err *e)
{
    struct retry_random random = {.state = seed};
    uint64_t drawn[2] = {retry_random_next(&random), retry_random_next(&random)};
    char sender[MARKER_UUID_MAX_BYTES];
    struct endpoint_relay_options how = {.level = COMPRESS_AUTO,
                                         .no_dedup = true,
                                         .sender = sender};
    unsigned char bytes[sizeof drawn];
    struct secret_url url = {0};

    memcpy(bytes, drawn, sizeof bytes);
    marker_uuid_from(bytes, sender);
    if (!secret_url_of_blob(place, scratch, &url, e))
        return NULL;
    return endpoint_relay_new(relay->http, access->workers, &url, &how, e);
}

bool bench_relay_open(struct bench_relay *relay, struct reactor *r, const struct http_options *http,
                      const struct bench_relay_access *access, const struct secret_url *place,
                      const char *scratch, uint64_t seed, struct err *e)
{
    struct http_options how = {.connections_max = ENDPOINT_RELAY_CONNECTIONS,
                               .observer = &relay->observer,
                               .ca_file = http->ca_file,
                               .client_cert = access->client_cert,
                               .client_key = access->client_key};

    *relay = (struct bench_relay){.observer = {.seen = on_seen}};
    relay->http = http_new(r, &how, e);
    if (relay->http)
        relay->ep = open_endpoint(relay, access, place, scratch, seed, e);
    if (!relay->ep)
        bench_relay_close(relay);
    return relay->ep != NULL;
}

void bench_relay_close(struct bench_relay *relay)
{
    endpoint_close(relay->ep);
    http_free(relay->http);
    *relay = (struct bench_relay){0};
}
