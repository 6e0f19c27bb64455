/* null_null.c - what the engine itself costs a range: nothing is read, hashed or written.
 *
 *   null_null [RANGES [JOURNAL [seat|cap]]]   one JSON line; the default is a million ranges of 4 MiB. With a
 *                                     JOURNAL, but for "-", every range is recorded there. seat: as one disk
 *                                     of a process of many; cap: whose blob has limits that are never met.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/copy.h"
#include "engine/share.h"
#include "io/endpoint_mem.h"

static void null_done(void *arg, struct copy *copy)
{
    (void)arg;
    if (err_is_set(copy_error(copy)))
        fprintf(stderr, "null_null: %s\n", copy_error(copy)->text);
}

struct null_seat {
    struct share *share;
    struct share_unit *unit;
    struct share_seat *seat;
};

static bool null_sit(struct null_seat *sits, struct reactor *reactor, struct bufpool *pool,
                     bool cap, struct err *e)
{
    struct job_limits limits = {.blob_requests_per_s = cap ? 1ull << 40 : 0,
                                .blob_bytes_per_s = cap ? 1ull << 60 : 0};
    struct share_side side = {"blob", "account"};

    sits->share = share_new(reactor, pool, &limits, e);
    sits->unit = sits->share ? share_unit_new(sits->share, e) : NULL;
    sits->seat = sits->unit ? share_seat_new(sits->unit, 1, &side, &side, e) : NULL;
    return sits->seat != NULL;
}

int main(int argc, char **argv)
{
    unsigned long long ranges = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    struct copy_options options = {.hash = false,
                                   .journal_path =
                                       argc > 2 && strcmp(argv[2], "-") != 0 ? argv[2] : NULL,
                                   .random_seed = 1};
    struct copy_watch watch = {.done = null_done};
    struct copy_ends ends = {0};
    struct err e = {0};
    struct clock clock;
    struct reactor *reactor;
    struct null_seat sits = {0};
    struct copy *copy;
    uint64_t began_ns, cpu_ns;
    bool ok = true;

    clock_init_real(&clock);
    reactor = reactor_new(REACTOR_AUTO, &clock, &e);
    ends.pool = reactor ? bufpool_new(reactor, BUFPOOL_START_BYTES, 512ull << 20, &e) : NULL;
    ends.source = ends.pool ? endpoint_null_new(reactor, ranges * BUF_BYTES, &e) : NULL;
    ends.target = ends.source ? endpoint_null_new(reactor, 0, &e) : NULL;
    if (ends.target && argc > 3 &&
        !null_sit(&sits, reactor, ends.pool, strcmp(argv[3], "cap") == 0, &e)) {
        fprintf(stderr, "null_null: %s\n", e.text);
        return 1;
    }
    options.seat = sits.seat;
    copy = ends.target ? copy_new(reactor, &ends, &options, &watch, &e) : NULL;
    if (!copy) {
        fprintf(stderr, "null_null: %s\n", e.text);
        return 1;
    }
    endpoint_null_pretend_data(ends.source);
    began_ns = clock_process_cpu_ns();
    copy_start(copy);
    while (ok && !copy_ended(copy))
        ok = reactor_turn(reactor, NS_PER_S, &e);
    cpu_ns = clock_process_cpu_ns() - began_ns;
    ok = ok && copy_summary(copy)->committed;
    printf("{\"ranges\":%llu,\"journal\":%s,\"seat\":%s,\"cpu_us_per_range\":%.3f,\"reactor\":\"%"
           "s\"}\n",
           ranges, options.journal_path ? "true" : "false", sits.seat ? "true" : "false",
           (double)cpu_ns / 1e3 / (double)ranges, reactor_backend_name(reactor));
    copy_free(copy);
    endpoint_close(ends.source);
    endpoint_close(ends.target);
    share_seat_free(sits.seat);
    share_unit_free(sits.unit);
    share_free(sits.share);
    bufpool_free(ends.pool);
    reactor_free(reactor);
    return ok ? 0 : 1;
}
