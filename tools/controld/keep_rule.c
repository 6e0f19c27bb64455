/* keep_rule.c - see keep_rule.h. */
#include "tools/controld/keep_rule.h"

#include <stdlib.h>
#include <strings.h>

#include "io/clock.h"

#define SECONDS_PER_DAY 86400
#define DAYS_PER_WEEK   7
#define MONDAY_SHIFT    3 /* day 0 was a Thursday */

/* ---- Days and weeks ---- */

static int64_t divide_down(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

int64_t keep_rule_day(int64_t time_ns)
{
    return divide_down(time_ns, SECONDS_PER_DAY * (int64_t)NS_PER_S);
}

int64_t keep_rule_week(int64_t time_ns)
{
    return divide_down(keep_rule_day(time_ns) + MONDAY_SHIFT, DAYS_PER_WEEK);
}

/* ---- The rule ---- */

static int newest_first(const void *one, const void *other)
{
    const struct keep_point *a = one, *b = other;

    if (a->created_ns != b->created_ns)
        return a->created_ns > b->created_ns ? -1 : 1;
    return strcasecmp(b->id, a->id);
}

/* Spans of time, met from the newest on: the first point of each takes its place, while there are any. */
struct places {
    unsigned left;
    bool met;
    int64_t span; /* the one met last */
};

static bool takes_place(struct places *places, int64_t span)
{
    if (places->met && places->span == span)
        return false;
    places->met = true;
    places->span = span;
    if (places->left == 0)
        return false;
    places->left--;
    return true;
}

void keep_rule_judge(const struct config_keep *keep, struct keep_point *points, size_t count)
{
    struct places days = {.left = keep->daily}, weeks = {.left = keep->weekly};
    bool everything = keep->last == 0 && keep->daily == 0 && keep->weekly == 0;
    bool newest_made = true, newest_whole = true;
    unsigned last = keep->last;

    if (count > 0)
        qsort(points, count, sizeof *points, newest_first);
    for (size_t i = 0; i < count; i++) {
        struct keep_point *point = &points[i];
        bool stays = everything || point->worth == KEEP_UNDER_WAY;

        point->goes = false;
        if (point->origin != CATALOG_ORIGIN_SCHEDULE)
            continue;
        if (point->worth == KEEP_WHOLE) {
            /* All are asked: a point that stays as the last takes its day's place too. */
            bool of_day = takes_place(&days, keep_rule_day(point->created_ns));
            bool of_week = takes_place(&weeks, keep_rule_week(point->created_ns));

            stays = stays || newest_whole || last > 0 || of_day || of_week;
            newest_whole = false;
            last -= last > 0;
        }
        point->goes = !stays && !newest_made;
        newest_made = false;
    }
}
