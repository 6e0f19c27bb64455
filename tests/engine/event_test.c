/* event_test.c - one line of JSON for each kind of event: names, numbers, what is left out. */
#include "engine/event.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"

/* 2026-11-21T14:20:05.007Z */
#define NOON_NS ((1795270805ull * NS_PER_S) + 7 * NS_PER_MS)

static json_t *shown(const struct event *event)
{
    size_t bytes = 0;
    char *line = event_format(event, &bytes);
    json_t *object;

    cr_assert_not_null(line);
    cr_expect_eq(bytes, strlen(line));
    cr_expect_null(strchr(line, '\n'));
    object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(object, "%s", line);
    free(line);
    return object;
}

static const char *text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static json_int_t count(const json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);

    cr_assert(json_is_integer(value), "%s", name);
    return json_integer_value(value);
}

static bool has(const json_t *object, const char *name)
{
    return json_object_get(object, name) != NULL;
}

Test(event, progress_is_as_the_design_has_it)
{
    struct event event = {.kind = EVENT_PROGRESS,
                          .time_ns = NOON_NS,
                          .disk = "d0",
                          .progress = {37.46, 374, 1000, 77, 8}};
    size_t bytes;
    char *line = event_format(&event, &bytes);

    cr_assert_str_eq(
        line, "{\"time\":\"2026-11-21T14:20:05.007Z\",\"event\":\"progress\",\"disk\":\"d0\","
              "\"completionPercent\":37.4,\"changedBytes\":1000,\"durableBytes\":374,"
              "\"bytesPerSecond\":77,\"etaSeconds\":8}");
    free(line);
}

Test(event, percent_is_never_rounded_up_to_the_commit)
{
    const double below[] = {99.96, 99.999999, nextafter(100, 0)};
    struct event event = {.kind = EVENT_PROGRESS, .disk = "d"};
    json_t *object;

    for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
        event.progress.percent = below[i];
        object = shown(&event);
        cr_expect_lt(json_real_value(json_object_get(object, "completionPercent")), 99.95);
        json_decref(object);
    }
    event.progress.percent = 100;
    object = shown(&event);
    cr_expect_eq(json_real_value(json_object_get(object, "completionPercent")), 100.0);
    json_decref(object);
}

Test(event, what_is_not_known_is_null_or_absent)
{
    struct event event = {.kind = EVENT_PROGRESS, .disk = "d", .progress.eta_seconds = UINT64_MAX};
    json_t *object = shown(&event);

    cr_expect(json_is_null(json_object_get(object, "etaSeconds")));
    cr_expect_not(has(object, "restorePoint"));
    json_decref(object);
    event = (struct event){.kind = EVENT_ACCESS_EXPIRING, .disk = "d", .side = ACCESS_BASE};
    object = shown(&event);
    cr_expect_str_eq(text(object, "side"), "base");
    cr_expect_not(has(object, "expiresOn"));
    json_decref(object);
    event.expires_s = NOON_NS / NS_PER_S;
    object = shown(&event);
    cr_expect_str_eq(text(object, "expiresOn"), "2026-11-21T14:20:05Z");
    json_decref(object);
}

Test(event, numbers_above_json_s_integers_are_held_at_the_top)
{
    struct event event = {.kind = EVENT_PROGRESS, .disk = "d", .progress.total_bytes = UINT64_MAX};
    json_t *object = shown(&event);

    cr_expect_eq(count(object, "changedBytes"), INT64_MAX);
    json_decref(object);
}

Test(event, a_state_says_itself_when_there_is_no_sentence)
{
    struct event event = {
        .kind = EVENT_STATE, .disk = "d", .point = "rp", .code = EVENT_WAITING_FOR_ACCESS};
    json_t *object = shown(&event);

    cr_expect_str_eq(text(object, "code"), "ReplicationState/waitingForAccess");
    cr_expect_str_eq(text(object, "displayStatus"), "waitingForAccess");
    cr_expect_str_eq(text(object, "level"), "Info");
    cr_expect_str_eq(text(object, "restorePoint"), "rp");
    json_decref(object);
    event.message = "the source's URL has ended";
    event.level = "Warning";
    object = shown(&event);
    cr_expect_str_eq(text(object, "displayStatus"), event.message);
    cr_expect_str_eq(text(object, "level"), "Warning");
    json_decref(object);
}

Test(event, a_failed_disk_tells_reason_request_and_last_percent)
{
    struct err error = {.http_status = 403, .code = "AuthorizationFailure", .request_id = "abc-1"};
    struct event event = {.kind = EVENT_SUMMARY,
                          .disk = "d",
                          .point = "rp",
                          .code = EVENT_FAILED,
                          .error = &error,
                          .progress = {99.97, 1, 2, 0, 0},
                          .attempts = 3};
    json_t *object;

    err_set(&error, ERR_AUTH, RETRY_NEVER, "the service says no");
    object = shown(&event);
    cr_expect_str_eq(text(object, "message"), "the service says no");
    cr_expect_str_eq(text(object, "requestId"), "abc-1");
    cr_expect_str_eq(text(object, "errorCode"), "AuthorizationFailure");
    cr_expect_eq(count(object, "httpStatus"), 403);
    cr_expect_eq(count(object, "attempts"), 3);
    cr_expect_float_eq(json_real_value(json_object_get(object, "lastPercent")), 99.9, 1e-9);
    cr_expect_eq(count(object, "readBytes"), 0, "one that never began read nothing");
    cr_expect_not(has(object, "mode"));
    json_decref(object);
}

Test(event, a_summary_has_the_numbers_of_the_copy)
{
    struct copy_summary copy = {.read_bytes = 1,
                                .written_bytes = 2,
                                .skipped_bytes = 3,
                                .retries = 4,
                                .committed = true,
                                .root = "sha256:00",
                                .started_ns = 1,
                                .ended_ns = 1 + 1500 * NS_PER_MS};
    struct event event = {.kind = EVENT_SUMMARY,
                          .disk = "d",
                          .code = EVENT_SUCCEEDED,
                          .copy = &copy,
                          .requests_count = 5,
                          .wire_bytes = 6};
    json_t *object = shown(&event);

    cr_expect_eq(count(object, "readBytes"), 1);
    cr_expect_eq(count(object, "writtenBytes"), 2);
    cr_expect_eq(count(object, "skippedBytes"), 3);
    cr_expect_eq(count(object, "retries"), 4);
    cr_expect_eq(count(object, "requests"), 5);
    cr_expect_eq(count(object, "wireBytes"), 6);
    cr_expect_eq(json_real_value(json_object_get(object, "seconds")), 1.5);
    cr_expect_str_eq(text(object, "root"), "sha256:00");
    cr_expect_not(has(object, "baseRoot"));
    cr_expect_not(has(object, "lastPercent"));
    json_decref(object);
    copy.ended_ns = 0;
    object = shown(&event);
    cr_expect_eq(json_real_value(json_object_get(object, "seconds")), 0.0, "it never ended");
    json_decref(object);
}

Test(event, a_restore_point_s_summary_is_its_code)
{
    struct event event = {.kind = EVENT_SUMMARY, .point = "rp", .code = EVENT_CANCELED};
    json_t *object = shown(&event);

    cr_expect_eq(json_object_size(object), 4);
    cr_expect_str_eq(text(object, "restorePoint"), "rp");
    cr_expect_str_eq(text(object, "code"), "ReplicationState/canceled");
    json_decref(object);
}

Test(event, an_answer_names_command_and_tag)
{
    struct event event = {.kind = EVENT_ANSWER,
                          .command = "pause",
                          .tag = "17",
                          .disk = "d",
                          .message = "it has ended"};
    json_t *object = shown(&event);

    cr_expect_str_eq(text(object, "command"), "pause");
    cr_expect_str_eq(text(object, "tag"), "17");
    cr_expect_str_eq(text(object, "message"), "it has ended");
    cr_expect(json_is_false(json_object_get(object, "accepted")));
    cr_expect_not(has(object, "disks"));
    json_decref(object);
}

Test(event, status_lists_disks_also_when_there_are_none)
{
    const struct event_disk_status disks[] = {
        {.disk = "a", .point = "rp", .code = EVENT_PAUSED, .priority = 7, .message = ""},
        {.disk = "b", .point = "rp", .code = EVENT_FAILED, .attempts = 8, .message = "no"}};
    struct event event = {.kind = EVENT_ANSWER,
                          .command = "status",
                          .accepted = true,
                          .statuses = disks,
                          .statuses_count = 2};
    json_t *object = shown(&event), *list = json_object_get(object, "disks");

    cr_assert_eq(json_array_size(list), 2);
    cr_expect_str_eq(text(json_array_get(list, 0), "disk"), "a");
    cr_expect_eq(count(json_array_get(list, 0), "priority"), 7);
    cr_expect_not(has(json_array_get(list, 0), "message"));
    cr_expect_str_eq(text(json_array_get(list, 1), "message"), "no");
    json_decref(object);
    event.statuses_count = 0;
    object = shown(&event);
    cr_expect(json_is_array(json_object_get(object, "disks")));
    json_decref(object);
}

Test(event, remarks_say_where_and_the_end_says_how)
{
    struct event event = {.kind = EVENT_INVALID,
                          .path = "$.restorePoints",
                          .message = "must not be empty"};
    json_t *object = shown(&event);

    cr_expect_str_eq(text(object, "event"), "invalid");
    cr_expect_str_eq(text(object, "path"), "$.restorePoints");
    cr_expect_str_eq(text(object, "level"), "Error");
    json_decref(object);
    event = (struct event){.kind = EVENT_WARNING, .message = "slow"};
    object = shown(&event);
    cr_expect_str_eq(text(object, "level"), "Warning");
    cr_expect_not(has(object, "path"));
    json_decref(object);
    event = (struct event){.kind = EVENT_END, .exit = 3};
    object = shown(&event);
    cr_expect_eq(json_object_size(object), 3);
    cr_expect_eq(count(object, "exit"), 3);
    json_decref(object);
}

Test(event, bytes_that_are_not_utf8_and_control_characters_stay_one_line)
{
    struct event event = {.kind = EVENT_WARNING, .message = "caf\xe9\n\x01 \"x\""};
    json_t *object = shown(&event);

    cr_expect_str_eq(text(object, "message"), "caf?\n\x01 \"x\"");
    json_decref(object);
    event.message = "caf\xc3\xa9";
    object = shown(&event);
    cr_expect_str_eq(text(object, "message"), "caf\xc3\xa9");
    json_decref(object);
}
