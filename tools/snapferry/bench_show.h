/* bench_show.h - what snapferry bench says: the cost before it begins, a line a point, the verdict.
 *
 * Knows:         columns, members of events. Must not know: how is measured.
 * Threads:       the main thread.
 */
#ifndef SNAPFERRY_BENCH_SHOW_H
#define SNAPFERRY_BENCH_SHOW_H

#include <jansson.h>

#include "engine/bench.h"
#include "tools/snapferry/bench_options.h"
#include "tools/snapferry/view.h"

struct bench_pair { /* addresses without their SAS; borrowed */
    const char *source, *target;
};

void bench_show_cost(struct view *view, const struct bench_options *options, bool relay);
void bench_show_source(struct view *view, uint64_t source_bytes, uint64_t data_bytes);
/* before: the one that was shown last; NULL: none was, and heads of columns come first. */
void bench_show_point(struct view *view, const struct bench_result *result,
                      const struct bench_result *before);
void bench_show_end(struct view *view, const struct bench_pair *pair, const struct bench *bench);

/* ---- Parts ---- */
const char *bench_show_leg(enum bench_leg leg);    /* "read", "relay-off", ...; static */
const char *bench_show_way(enum bench_leg leg);    /* of a relay's: "off", "auto", ... */
const char *bench_show_ended(enum bench_end end);  /* "stable", "time", "budget", "stopped" */
const char *bench_show_verb(enum bench_verb verb); /* "GET", "PUT", "POST" */
double bench_show_factor(const struct bench_result *result); /* of a relay: so many to 1 */
/* As in the event benchPoint; NULL when memory ran out. */
json_t *bench_show_json(const struct bench_result *result);
/* The verdict with what all points moved: what the last event says besides time and name. */
json_t *bench_show_summary(const struct bench_pair *pair, const struct bench *bench);

#endif
