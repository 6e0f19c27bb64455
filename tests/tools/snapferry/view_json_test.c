/* view_json_test.c - events have the members that design "Events" promises to other programs. */
#include "tools/snapferry/view_json.h"

#include <criterion/criterion.h>
#include <string.h>

#define TIME_NS 1704416400123000000ull /* 2024-01-05T01:00:00.123Z */

static void expect_members(const json_t *event, const char *const names[])
{
    cr_assert_not_null(event);
    for (size_t i = 0; names[i]; i++)
        cr_expect_not_null(json_object_get(event, names[i]), "%s is missing", names[i]);
    cr_expect_str_eq(json_string_value(json_object_get(event, "time")), "2024-01-05T01:00:00.123Z");
}

static struct view_moment moment(void)
{
    return (struct view_moment){.phase = "copying",
                                .progress = {.percent = 37.44,
                                             .durable_bytes = 10,
                                             .total_bytes = 30,
                                             .bytes_per_second = 5,
                                             .eta_seconds = 4}};
}

Test(events, progress_has_its_members)
{
    static const char *const names[] = {
        "time",           "event",      "disk", "completionPercent", "changedBytes", "durableBytes",
        "bytesPerSecond", "etaSeconds", NULL};
    struct view_moment m = moment();
    json_t *event = view_json_progress(TIME_NS, "d", &m);

    expect_members(event, names);
    cr_expect_str_eq(json_string_value(json_object_get(event, "event")), "progress");
    cr_expect_float_eq(json_real_value(json_object_get(event, "completionPercent")), 37.4, 1e-9);
    cr_expect_eq(json_integer_value(json_object_get(event, "changedBytes")), 30);
    cr_expect_eq(json_integer_value(json_object_get(event, "durableBytes")), 10);
    cr_expect_eq(json_integer_value(json_object_get(event, "etaSeconds")), 4);
    json_decref(event);
}

Test(events, an_unknown_time_left_is_null)
{
    struct view_moment m = moment();
    json_t *event;

    m.progress.eta_seconds = UINT64_MAX;
    event = view_json_progress(TIME_NS, "d", &m);
    cr_expect(json_is_null(json_object_get(event, "etaSeconds")));
    json_decref(event);
}

Test(events, percent_is_never_rounded_up_to_100)
{
    struct view_moment m = moment();
    json_t *event;

    m.progress.percent = 99.99;
    event = view_json_progress(TIME_NS, "d", &m);
    cr_expect_lt(json_real_value(json_object_get(event, "completionPercent")), 100.0);
    json_decref(event);
}

Test(events, state_has_its_members)
{
    static const char *const names[] = {"time",  "event",         "disk", "code",
                                        "level", "displayStatus", NULL};
    json_t *event = view_json_state(TIME_NS, "d", "ReplicationState/inProgress", "Info", "");

    expect_members(event, names);
    cr_expect_str_eq(json_string_value(json_object_get(event, "displayStatus")), "inProgress");
    json_decref(event);
}

Test(events, summary_has_its_members)
{
    static const char *const names[] = {
        "time",      "event",        "disk",         "code",       "root",       "readBytes",
        "wireBytes", "writtenBytes", "skippedBytes", "requests",   "retries",    "seconds",
        "mode",      "clearedBytes", "gapBytes",     "cpuSeconds", "proofBytes", NULL};
    struct copy_summary copy = {.root = "sha256:abc", .started_ns = 1, .ended_ns = 1500000001};
    struct view_copy done = {.copy = &copy};
    json_t *event = view_json_copy(TIME_NS, "d", &done);

    expect_members(event, names);
    cr_expect_float_eq(json_real_value(json_object_get(event, "seconds")), 1.5, 1e-9);
    cr_expect_str_eq(json_string_value(json_object_get(event, "code")),
                     "ReplicationState/succeeded");
    json_decref(event);
}

Test(events, end_carries_the_exit_status)
{
    static const char *const names[] = {"time", "event", "exit", NULL};
    json_t *event = view_json_end(TIME_NS, STATUS_INTERRUPTED);

    expect_members(event, names);
    cr_expect_eq(json_integer_value(json_object_get(event, "exit")), 130);
    json_decref(event);
}

Test(events, a_name_that_is_not_utf8_is_still_json)
{
    json_t *event = view_json_event(TIME_NS, "state", "disk-\xff\xfe");

    cr_expect_str_eq(json_string_value(json_object_get(event, "disk")), "disk-??");
    json_decref(event);
}
