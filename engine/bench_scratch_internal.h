/* bench_scratch_internal.h - what both kinds of scratch share; private to engine/bench_scratch*.c.
 *
 * Knows: how a verb is tried again. Must not know: what a verb asks. Threads: the reactor's.
 */
#ifndef ENGINE_BENCH_SCRATCH_INTERNAL_H
#define ENGINE_BENCH_SCRATCH_INTERNAL_H

#include "engine/bench_scratch.h"

/* A request of the verb failed: it is tried again from its beginning, later, or that is told. */
void bench_scratch_failed(struct bench_scratch *scratch, const struct err *why);

/* ---- bench_scratch_relay.c: at a receiver ---- */
bool bench_scratch_open_relay(struct bench_scratch *scratch, const struct bench_place *place,
                              struct err *e);
void bench_scratch_make_relay(struct bench_scratch *scratch);
void bench_scratch_remove_relay(struct bench_scratch *scratch);

#endif
