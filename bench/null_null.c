/* null_null.c - what the engine itself costs a range: nothing is read, hashed or written.
 *
 *   null_null [RANGES [JOURNAL]]      one JSON line; the default is a million ranges of 4 MiB. With a
 *                                     JOURNAL every range is recorded there.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/copy.h"
#include "io/endpoint_mem.h"

static void null_done(void *arg, struct copy *copy)
{
    (void)arg;
    if (err_is_set(copy_error(copy)))
        fprintf(stderr, "null_null: %s\n", copy_error(copy)->text);
}

int main(int argc, char **argv)
{
    unsigned long long ranges = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    struct copy_options options = {.hash = false,
                                   .journal_path = argc > 2 ? argv[2] : NULL,
                                   .random_seed = 1};
    struct copy_watch watch = {.done = null_done};
    struct copy_ends ends = {0};
    struct err e = {0};
    struct clock clock;
    struct reactor *reactor;
    struct copy *copy;
    uint64_t began_ns, cpu_ns;
    bool ok = true;

    clock_init_real(&clock);
    reactor = reactor_new(REACTOR_AUTO, &clock, &e);
    ends.pool = reactor ? bufpool_new(reactor, BUFPOOL_START_BYTES, 512ull << 20, &e) : NULL;
    ends.source = ends.pool ? endpoint_null_new(reactor, ranges * BUF_BYTES, &e) : NULL;
    ends.target = ends.source ? endpoint_null_new(reactor, 0, &e) : NULL;
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
    printf("{\"ranges\":%llu,\"journal\":%s,\"cpu_us_per_range\":%.3f,\"reactor\":\"%s\"}\n",
           ranges, options.journal_path ? "true" : "false", (double)cpu_ns / 1e3 / (double)ranges,
           reactor_backend_name(reactor));
    copy_free(copy);
    endpoint_close(ends.source);
    endpoint_close(ends.target);
    bufpool_free(ends.pool);
    reactor_free(reactor);
    return ok ? 0 : 1;
}
