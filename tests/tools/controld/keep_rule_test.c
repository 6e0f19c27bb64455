/* keep_rule_test.c - which points stay: by tables, and against what the rule says, on random times. */
#include "tools/controld/keep_rule.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/clock.h"

#define POINTS_MAX 120u
#define HOUR_NS    (3600 * (int64_t)NS_PER_S)
#define DAY_NS     (24 * HOUR_NS)

TestSuite(keep_rule, .timeout = 120);

static int64_t at(const char *text)
{
    struct tm tm = {0};

    cr_assert(strptime(text, "%Y-%m-%d %H:%M", &tm), "%s", text);
    return (int64_t)timegm(&tm) * (int64_t)NS_PER_S;
}

/* ---- Tables ---- */

struct row {
    const char *time;
    char kind; /* s: scheduled and whole; u: under way; f: failed; c: a caller's */
    bool goes;
};

static struct keep_point point_of(const struct row *row)
{
    return (struct keep_point){
        .id = row->time,
        .created_ns = at(row->time),
        .origin = row->kind == 'c' ? CATALOG_ORIGIN_CALLER : CATALOG_ORIGIN_SCHEDULE,
        .worth = row->kind == 'u'   ? KEEP_UNDER_WAY
                 : row->kind == 'f' ? KEEP_FAILED
                                    : KEEP_WHOLE,
    };
}

/* Rows in any order; found again by their time. */
static void expect(struct config_keep keep, const struct row *rows)
{
    struct keep_point points[POINTS_MAX];
    size_t count = 0;

    for (; rows[count].time; count++)
        points[count] = point_of(&rows[count]);
    keep_rule_judge(&keep, points, count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++)
            if (points[j].id == rows[i].time)
                cr_expect_eq(points[j].goes, rows[i].goes, "%s %c", rows[i].time, rows[i].kind);
}

Test(keep_rule, without_points_nothing_is_done)
{
    const struct config_keep keep = {.last = 1};

    keep_rule_judge(&keep, NULL, 0);
}

Test(keep_rule, without_a_number_everything_stays)
{
    expect((struct config_keep){0}, (struct row[]){{"2020-01-01 00:00", 's', false},
                                                   {"2021-01-01 00:00", 'f', false},
                                                   {"2022-01-01 00:00", 's', false},
                                                   {0}});
}

Test(keep_rule, the_last_stay_whatever_their_days)
{
    expect((struct config_keep){.last = 2}, (struct row[]){{"2026-11-01 10:00", 's', true},
                                                           {"2026-11-21 10:00", 's', false},
                                                           {"2026-11-21 09:00", 's', false},
                                                           {"2026-11-21 08:00", 's', true},
                                                           {0}});
}

Test(keep_rule, of_each_day_the_newest_stays_and_days_without_do_not_count)
{
    expect((struct config_keep){.daily = 3}, (struct row[]){{"2026-11-21 23:59", 's', false},
                                                            {"2026-11-21 00:00", 's', true},
                                                            {"2026-11-20 23:59", 's', false},
                                                            {"2026-11-20 23:58", 's', true},
                                                            {"2026-11-02 04:00", 's', false},
                                                            {"2026-11-01 23:59", 's', true},
                                                            {0}});
}

Test(keep_rule, weeks_begin_on_monday_also_across_the_year)
{
    expect((struct config_keep){.weekly = 2}, /* 2026-W53 is from December 28 to January 3 */
           (struct row[]){{"2027-01-04 00:00", 's', false},
                          {"2027-01-03 23:59", 's', false},
                          {"2026-12-28 00:00", 's', true},
                          {"2026-12-27 23:59", 's', true},
                          {0}});
    cr_expect_eq(keep_rule_week(at("2026-12-28 00:00")), keep_rule_week(at("2027-01-03 23:59")));
    cr_expect_neq(keep_rule_week(at("2027-01-03 23:59")), keep_rule_week(at("2027-01-04 00:00")));
}

Test(keep_rule, days_and_weeks_go_on_before_1970)
{
    cr_expect_eq(keep_rule_day(-1), -1);
    cr_expect_eq(keep_rule_day(-DAY_NS), -1);
    cr_expect_eq(keep_rule_day(-DAY_NS - 1), -2);
    cr_expect_eq(keep_rule_week(0), keep_rule_week(-3 * DAY_NS));
    cr_expect_eq(keep_rule_week(-3 * DAY_NS - 1), keep_rule_week(0) - 1);
}

Test(keep_rule, one_may_stay_for_more_than_one_reason)
{
    expect((struct config_keep){.last = 1, .daily = 2, .weekly = 2}, /* November 16 is a Monday */
           (struct row[]){{"2026-11-17 12:00", 's', false},
                          {"2026-11-17 08:00", 's', true},
                          {"2026-11-16 12:00", 's', false},
                          {"2026-11-15 12:00", 's', false},
                          {"2026-11-14 12:00", 's', true},
                          {"2026-11-08 12:00", 's', true},
                          {0}});
}

Test(keep_rule, what_callers_made_stays_and_takes_no_place)
{
    expect((struct config_keep){.last = 1}, (struct row[]){{"2026-11-21 12:00", 'c', false},
                                                           {"2026-11-21 11:00", 's', false},
                                                           {"2026-11-21 10:00", 's', true},
                                                           {"2020-01-01 00:00", 'c', false},
                                                           {0}});
}

Test(keep_rule, what_is_not_whole_takes_no_place)
{
    expect((struct config_keep){.last = 1, .daily = 1},
           (struct row[]){{"2026-11-21 12:00", 'u', false},
                          {"2026-11-21 11:00", 'f', true},
                          {"2026-11-20 11:00", 's', false},
                          {"2026-11-20 10:00", 's', true},
                          {"2026-11-19 10:00", 'u', false},
                          {"2026-11-18 10:00", 'f', true},
                          {0}});
}

Test(keep_rule, the_newest_that_failed_stays_to_be_read_until_another_is_made)
{
    expect((struct config_keep){.last = 1}, (struct row[]){{"2026-11-21 12:00", 'f', false},
                                                           {"2026-11-21 11:00", 'f', true},
                                                           {"2026-11-21 10:00", 's', false},
                                                           {0}});
}

Test(keep_rule, of_one_time_the_greater_id_is_the_newer)
{
    const struct config_keep keep = {.last = 1};
    struct keep_point points[] = {{.id = "a", .origin = CATALOG_ORIGIN_SCHEDULE},
                                  {.id = "C", .origin = CATALOG_ORIGIN_SCHEDULE},
                                  {.id = "b", .origin = CATALOG_ORIGIN_SCHEDULE}};

    keep_rule_judge(&keep, points, 3);
    cr_expect_str_eq(points[0].id, "C");
    cr_expect(!points[0].goes && points[1].goes && points[2].goes);
}

/* ---- Properties, on random times ---- */

struct history {
    char ids[POINTS_MAX][24];
    struct keep_point points[POINTS_MAX]; /* the oldest first */
    size_t count;
};

static unsigned random_below(unsigned *seed, unsigned below)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 8) % below;
}

/* Ever newer, now close together, now days apart; some are callers', or failed. */
static void invent(struct history *history, unsigned *seed)
{
    static const int64_t steps_ns[] = {60 * (int64_t)NS_PER_S, HOUR_NS, 7 * HOUR_NS, 30 * HOUR_NS,
                                       6 * DAY_NS};
    int64_t time_ns = at("2024-12-20 00:00") + (int64_t)random_below(seed, 1000000) * 1000000000;

    history->count = 1 + random_below(seed, POINTS_MAX);
    for (size_t i = 0; i < history->count; i++) {
        struct keep_point *point = &history->points[i];
        int64_t step_ns = steps_ns[random_below(seed, 5)];
        unsigned kind = random_below(seed, 10);

        time_ns += 1 + step_ns * (int64_t)random_below(seed, 1000) / 1000;
        snprintf(history->ids[i], sizeof history->ids[i], "%zu", i);
        *point = (struct keep_point){.id = history->ids[i],
                                     .created_ns = time_ns,
                                     .origin = kind == 0 ? CATALOG_ORIGIN_CALLER
                                                         : CATALOG_ORIGIN_SCHEDULE,
                                     .worth = kind == 1 ? KEEP_FAILED : KEEP_WHOLE};
    }
}

static struct config_keep invent_keep(unsigned *seed)
{
    struct config_keep keep = {.last = random_below(seed, 6),
                               .daily = random_below(seed, 8),
                               .weekly = random_below(seed, 5)};

    keep.last += keep.last + keep.daily + keep.weekly == 0; /* something */
    return keep;
}

/* As a calendar says, not as keep_rule.c computes. */
static void span_of(const struct keep_point *point, bool of_week, char out[16])
{
    time_t seconds = (time_t)(point->created_ns / (int64_t)NS_PER_S);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    if (of_week)
        strftime(out, 16, "%G-W%V", &tm);
    else
        strftime(out, 16, "%Y-%m-%d", &tm);
}

static bool counts(const struct keep_point *point)
{
    return point->origin == CATALOG_ORIGIN_SCHEDULE && point->worth == KEEP_WHOLE;
}

/* Is it the newest of its span, and are there fewer than `room` newer spans with a point? */
static bool has_place(const struct history *history, size_t at, bool of_week, unsigned room)
{
    char own[16], other[16], before[16] = "";
    unsigned newer = 0;

    span_of(&history->points[at], of_week, own);
    for (size_t i = history->count; i-- > at + 1;) {
        if (!counts(&history->points[i]))
            continue;
        span_of(&history->points[i], of_week, other);
        if (strcmp(other, own) == 0)
            return false;
        newer += strcmp(other, before) != 0;
        strcpy(before, other);
    }
    return newer < room;
}

static bool should_stay(const struct history *history, size_t at, const struct config_keep *keep)
{
    unsigned newer = 0;

    if (history->points[at].origin != CATALOG_ORIGIN_SCHEDULE)
        return true;
    for (size_t i = at + 1; i < history->count; i++)
        newer += counts(&history->points[i]);
    if (history->points[at].worth == KEEP_FAILED) {
        for (size_t i = at + 1; i < history->count; i++)
            if (history->points[i].origin == CATALOG_ORIGIN_SCHEDULE)
                return false;
        return true;
    }
    return newer == 0 || newer < keep->last || has_place(history, at, false, keep->daily) ||
           has_place(history, at, true, keep->weekly);
}

static void shuffle(struct keep_point *points, size_t count, unsigned *seed)
{
    for (size_t i = count; i-- > 1;) {
        size_t j = random_below(seed, (unsigned)i + 1);
        struct keep_point held = points[i];

        points[i] = points[j];
        points[j] = held;
    }
}

Test(keep_rule, random_histories_are_judged_as_a_calendar_would)
{
    static struct history history;
    static struct keep_point points[POINTS_MAX];
    unsigned seed = 20261121;

    for (unsigned round = 0; round < 400; round++) {
        struct config_keep keep = invent_keep(&seed);

        invent(&history, &seed);
        memcpy(points, history.points, history.count * sizeof *points);
        shuffle(points, history.count, &seed);
        keep_rule_judge(&keep, points, history.count);
        for (size_t i = 0; i < history.count; i++) {
            size_t at = (size_t)atoi(points[i].id);

            cr_assert_eq(points[i].goes, !should_stay(&history, at, &keep),
                         "round %u, point %zu of %zu, keep %u %u %u", round, at, history.count,
                         keep.last, keep.daily, keep.weekly);
        }
    }
}

/* Drops what goes; returns how many stay. */
static size_t prune(const struct config_keep *keep, struct keep_point *points, size_t count)
{
    size_t left = 0;

    keep_rule_judge(keep, points, count);
    for (size_t i = 0; i < count; i++)
        if (!points[i].goes)
            points[left++] = points[i];
    return left;
}

Test(keep_rule, pruned_after_each_point_or_once_at_the_end_the_same_stay)
{
    static struct history history;
    static struct keep_point often[POINTS_MAX + 1], once[POINTS_MAX];
    unsigned seed = 42;

    for (unsigned round = 0; round < 400; round++) {
        struct config_keep keep = invent_keep(&seed);
        size_t left = 0, left_once;

        invent(&history, &seed);
        for (size_t i = 0; i < history.count; i++) {
            often[left++] = history.points[i];
            left = prune(&keep, often, left);
        }
        memcpy(once, history.points, history.count * sizeof *once);
        left_once = prune(&keep, once, history.count);
        cr_assert_eq(left, left_once, "round %u", round);
        for (size_t i = 0; i < left; i++)
            cr_assert_str_eq(often[i].id, once[i].id, "round %u", round);
    }
}
