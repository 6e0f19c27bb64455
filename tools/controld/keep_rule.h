/* keep_rule.h - which restore points of a schedule stay and which go.
 *
 * Knows:         times, days and weeks of UTC (ISO weeks: from Monday), how many of each are to be kept.
 * Must not know: the clock, the catalog, how a point is deleted.
 * Threads:       none; pure.
 *
 * Of the points that a schedule made and that are whole there stay: the newest one, always; the `last`
 * newest; the newest of each of the `daily` newest days, and of each of the `weekly` newest weeks, that
 * have one at all: days without a point do not count. One point may stay for more than one reason. What
 * stays does not depend on how often the rule was applied before, as long as points only become newer.
 * Besides them stay: what is under way, the newest that failed while nothing newer was made, and all that
 * callers made, which counts for nothing. Without any number everything stays.
 */
#ifndef CONTROLD_KEEP_RULE_H
#define CONTROLD_KEEP_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/controld/catalog_words.h"
#include "tools/controld/config.h"

enum keep_worth {
    KEEP_WHOLE,     /* every disk of it can be restored */
    KEEP_UNDER_WAY, /* may become whole */
    KEEP_FAILED     /* takes no other's place */
};

struct keep_point {
    const char *id;     /* borrowed */
    int64_t created_ns; /* since 1970, UTC */
    enum catalog_origin origin;
    enum keep_worth worth;
    bool goes; /* the verdict; written by keep_rule_judge */
};

/* Sorts the points, the newest first (of one time: by id), and sets `goes` of each. */
void keep_rule_judge(const struct config_keep *keep, struct keep_point *points, size_t count);

/* Number of the day, and of the week from Monday on, that a time lies in; also before 1970. */
int64_t keep_rule_day(int64_t time_ns);
int64_t keep_rule_week(int64_t time_ns);

#endif
