/* bench_limits.h - from the options of snapferry bench to the limits of a sweep.
 *
 * Knows: how lists are written, what they may hold. Must not know: how is measured. Threads: pure.
 */
#ifndef SNAPFERRY_BENCH_LIMITS_H
#define SNAPFERRY_BENCH_LIMITS_H

#include <stdbool.h>

#include "blockmap/err.h"
#include "engine/bench_plan.h"
#include "tools/snapferry/options.h"

#define BENCH_LIMITS_SIZES       "64K,256K,1M,4M"
#define BENCH_LIMITS_CONNECTIONS "1,2,4,8,16,32,64"

/* ERR_USAGE: a list that is not one, not ascending, too long, or out of bounds. */
bool bench_limits_read(const struct options *options, struct bench_plan_limits *out_limits,
                       struct err *e);

#endif
