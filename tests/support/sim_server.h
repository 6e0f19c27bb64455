/* sim_server.h - a server of arithmetic, driven by a pacer: what a window of requests would carry.
 *
 * Knows:         latency, a bandwidth all requests share, a limit on requests at once, simulated time.
 * Must not know: sockets, endpoints, the real clock.
 * Threads:       none.
 */
#ifndef SUPPORT_SIM_SERVER_H
#define SUPPORT_SIM_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/pacer.h"

#define SIM_SERVER_MS 1000000ull
#define SIM_SERVER_S  1000000000ull

struct sim_request {
    uint64_t started_ns;
    uint64_t due_ns; /* UINT64_MAX: none here */
    bool refused;
    uint32_t trips_done;
};

struct sim_server {
    /* what it is like; may be changed between runs */
    uint64_t latency_ns;
    uint64_t jitter_ns;        /* up to so much more, drawn */
    uint64_t bytes_per_second; /* shared by all; 0 = no limit */
    uint32_t requests_max;     /* at once; more are refused; 0 = no limit */
    uint32_t refuses_one_in;   /* by chance, whatever the window; 0 = none */
    uint64_t retry_after_ns;   /* what a refusal asks for */
    uint64_t request_bytes;    /* of each */
    uint32_t trips;            /* one after the other, each may be refused; 0 and 1: one */
    bool fails_instead;        /* a refusal is a failure without a name, not a throttle */
    uint64_t requests_left;    /* the work; UINT64_MAX = endless */
    uint64_t seed;
    /* what happens */
    uint64_t now_ns;
    uint64_t busy_until_ns;
    uint32_t inflight;
    uint32_t inflight_most;
    uint64_t done_bytes;
    uint64_t done_count;
    uint64_t refused_count;
    struct sim_request requests[PACER_WINDOW_MAX];
};

/* Clears *server; every other field may be set afterwards. */
void sim_server_init(struct sim_server *server);
/* Lets the pacer drive the server for so long. */
void sim_server_run(struct sim_server *server, struct pacer *pacer, uint64_t for_ns);
/* The same, and what was carried in that time, in bytes a second. */
uint64_t sim_server_rate(struct sim_server *server, struct pacer *pacer, uint64_t for_ns);

#endif
