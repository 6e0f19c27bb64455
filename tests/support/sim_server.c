/* sim_server.c - see sim_server.h. */
#include "tests/support/sim_server.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/page_model.h"

void sim_server_init(struct sim_server *server)
{
    memset(server, 0, sizeof *server);
    server->now_ns = SIM_SERVER_S;
    server->requests_left = UINT64_MAX;
    server->request_bytes = 4u << 20;
    server->seed = 4711;
    for (uint32_t i = 0; i < PACER_WINDOW_MAX; i++)
        server->requests[i].due_ns = UINT64_MAX;
}

static struct sim_request *sim_server_next(struct sim_server *server)
{
    struct sim_request *next = &server->requests[0];

    for (uint32_t i = 1; i < PACER_WINDOW_MAX; i++)
        if (server->requests[i].due_ns < next->due_ns)
            next = &server->requests[i];
    return next->due_ns == UINT64_MAX ? NULL : next;
}

static void sim_server_send(struct sim_server *server, struct sim_request *request)
{
    uint64_t ready_ns = server->now_ns;

    request->refused = server->requests_max && server->inflight >= server->requests_max;
    if (server->refuses_one_in && page_random_below(&server->seed, server->refuses_one_in) == 0)
        request->refused = true;
    if (server->bytes_per_second && !request->refused && !request->trips_done) {
        if (server->busy_until_ns < server->now_ns)
            server->busy_until_ns = server->now_ns;
        server->busy_until_ns += server->request_bytes * SIM_SERVER_S / server->bytes_per_second;
        ready_ns = server->busy_until_ns;
    }
    request->due_ns = ready_ns + server->latency_ns;
    if (server->jitter_ns)
        request->due_ns += page_random_below(&server->seed, server->jitter_ns);
}

static void sim_server_start(struct sim_server *server)
{
    struct sim_request *request = server->requests;

    while (request->due_ns != UINT64_MAX)
        request++;
    request->started_ns = server->now_ns;
    request->trips_done = 0;
    sim_server_send(server, request);
    server->inflight++;
    if (server->inflight > server->inflight_most)
        server->inflight_most = server->inflight;
    if (server->requests_left != UINT64_MAX)
        server->requests_left--;
}

static void sim_server_end(struct sim_server *server, struct sim_request *request,
                           struct pacer *pacer)
{
    enum pacer_trouble trouble = server->fails_instead ? PACER_FAILED : PACER_THROTTLED;

    if (request->refused) {
        server->refused_count++;
        pacer_note_trouble(pacer, trouble, server->retry_after_ns, server->now_ns);
        if (request->trips_done) {
            sim_server_send(server, request); /* what came before it is kept */
            return;
        }
        server->inflight--;
        request->due_ns = UINT64_MAX;
        return;
    }
    pacer_note_answer(pacer);
    if (++request->trips_done < server->trips) {
        sim_server_send(server, request);
        return;
    }
    server->inflight--;
    request->due_ns = UINT64_MAX;
    server->done_count++;
    server->done_bytes += server->request_bytes;
    pacer_note_done(pacer, server->request_bytes, server->now_ns - request->started_ns,
                    server->now_ns);
}

void sim_server_run(struct sim_server *server, struct pacer *pacer, uint64_t for_ns)
{
    uint64_t end_ns = server->now_ns + for_ns;

    while (server->now_ns < end_ns) {
        struct sim_request *next;
        uint64_t then_ns = end_ns, wake_ns;

        while (server->requests_left && server->inflight < PACER_WINDOW_MAX &&
               pacer_may_start(pacer, server->inflight, server->now_ns))
            sim_server_start(server);
        next = sim_server_next(server);
        wake_ns = pacer_wake_ns(pacer, server->now_ns);
        cr_assert(next || wake_ns || !server->requests_left, "the pacer lets nothing begin");
        if (next && next->due_ns < then_ns)
            then_ns = next->due_ns;
        if (wake_ns && wake_ns < then_ns) {
            server->now_ns = wake_ns;
            continue;
        }
        server->now_ns = then_ns;
        if (next && next->due_ns == then_ns)
            sim_server_end(server, next, pacer);
    }
}

uint64_t sim_server_rate(struct sim_server *server, struct pacer *pacer, uint64_t for_ns)
{
    uint64_t before_bytes = server->done_bytes;
    uint64_t began_ns = server->now_ns;

    sim_server_run(server, pacer, for_ns);
    return (uint64_t)((double)(server->done_bytes - before_bytes) * 1e9 /
                      (double)(server->now_ns - began_ns));
}
