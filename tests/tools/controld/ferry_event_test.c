/* ferry_event_test.c - lines of a child as values: what the program writes is read, what it cannot have
 * written is none. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "tools/controld/ferry_event.h"

static bool reads(const char *line, struct ferry_event *out_event)
{
    return ferry_event_read(line, strlen(line), out_event);
}

static void is_none(const char *line)
{
    struct ferry_event event;

    cr_assert_not(reads(line, &event), "%s", line);
}

/* As the data plane itself writes it. */
static struct ferry_event there_and_back(const struct event *event)
{
    struct ferry_event back;
    size_t bytes;
    char *line = event_format(event, &bytes);

    cr_assert_not_null(line);
    cr_assert(ferry_event_read(line, bytes, &back), "%s", line);
    free(line);
    cr_assert_eq(back.kind, event->kind);
    return back;
}

Test(ferry_event, reads_what_the_data_plane_writes)
{
    struct copy_summary copy = {.delta = true, .source_size_bytes = 512, .read_bytes = 3};
    struct err error = {.kind = ERR_NET, .text = "gone away"};
    struct event event = {.kind = EVENT_PROGRESS,
                          .disk = "d",
                          .point = "p",
                          .progress = {.percent = 37.4,
                                       .total_bytes = 100,
                                       .durable_bytes = 37,
                                       .bytes_per_second = 5,
                                       .eta_seconds = UINT64_MAX}};
    struct ferry_event back = there_and_back(&event);

    cr_assert_str_eq(back.disk, "d");
    cr_assert_str_eq(back.point, "p");
    cr_assert_eq(back.progress.percent, 37.4);
    cr_assert_eq(back.progress.total_bytes, 100u);
    cr_assert_eq(back.progress.durable_bytes, 37u);
    cr_assert_eq(back.progress.bytes_per_second, 5u);
    cr_assert_eq(back.progress.eta_seconds, UINT64_MAX);
    ferry_event_fini(&back);

    strcpy(copy.delta_digest, "sha256:abc");
    event = (struct event){.kind = EVENT_SUMMARY,
                           .disk = "d",
                           .code = EVENT_FAILED,
                           .error = &error,
                           .copy = &copy,
                           .progress = {.percent = 12, .durable_bytes = 8}};
    back = there_and_back(&event);
    cr_assert_eq(back.code, EVENT_FAILED);
    cr_assert(back.passing && !back.odd);
    cr_assert_str_eq(back.message, "gone away");
    cr_assert_str_eq(back.outcome.delta_digest, "sha256:abc");
    cr_assert(back.outcome.delta);
    cr_assert_eq(back.outcome.disk_bytes, 512u);
    cr_assert_eq(back.outcome.read_bytes, 3u);
    cr_assert_eq(back.progress.percent, 12);
    ferry_event_fini(&back);

    event = (struct event){.kind = EVENT_ACCESS_EXPIRING, .disk = "d", .side = ACCESS_TARGET};
    back = there_and_back(&event);
    cr_assert_eq(back.side, ACCESS_TARGET);
    ferry_event_fini(&back);

    event = (struct event){.kind = EVENT_ANSWER, .command = "pause", .tag = "7", .accepted = true};
    back = there_and_back(&event);
    cr_assert(back.accepted);
    cr_assert_str_eq(back.tag, "7");
    ferry_event_fini(&back);

    event = (struct event){.kind = EVENT_END, .exit = 3};
    back = there_and_back(&event);
    cr_assert_eq(back.exit, 3);
    ferry_event_fini(&back);
}

Test(ferry_event, tells_failures_that_pass_and_odd_ones_from_final_ones)
{
    static const struct {
        enum err_kind kind;
        bool passing, odd;
    } rows[] = {{ERR_NET, true, false},      {ERR_THROTTLED, true, false},
                {ERR_CONFLICT, false, true}, {ERR_CORRUPT, false, true},
                {ERR_AUTH, false, false},    {ERR_GONE, false, false},
                {ERR_USAGE, false, false},   {ERR_IO, false, false}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err error = {.kind = rows[i].kind, .text = "why"};
        struct event event = {
            .kind = EVENT_SUMMARY, .disk = "d", .code = EVENT_FAILED, .error = &error};
        struct ferry_event back = there_and_back(&event);

        cr_assert_eq(back.passing, rows[i].passing, "%s", err_kind_name(rows[i].kind));
        cr_assert_eq(back.odd, rows[i].odd, "%s", err_kind_name(rows[i].kind));
        ferry_event_fini(&back);
    }
}

Test(ferry_event, is_none_what_lacks_what_it_needs)
{
    is_none("");
    is_none("null");
    is_none("[]");
    is_none("{}");
    is_none("{\"event\":\"progress\"}");
    is_none("{\"event\":\"progress\",\"disk\":5}");
    is_none("{\"event\":\"later version\",\"disk\":\"d\"}");
    is_none("{\"event\":\"state\",\"disk\":\"d\",\"code\":\"ReplicationState/\"}");
    is_none("{\"event\":\"summary\",\"disk\":\"d\",\"code\":\"ReplicationState/inProgress\"}");
    is_none("{\"event\":\"summary\",\"code\":\"ReplicationState/succeeded\"}");
    is_none("{\"event\":\"accessExpiring\",\"disk\":\"d\",\"side\":\"both\"}");
    is_none("{\"event\":\"accessExpiring\",\"side\":\"source\"}");
    is_none("{\"event\":\"answer\",\"accepted\":\"yes\"}");
    is_none("{\"event\":\"end\",\"exit\":\"0\"}");
    is_none("{\"event\":\"end\",\"exit\":256}");
    is_none("{\"event\":\"progress\",\"disk\":\"d\",\"completionPercent\":1} and more");
    is_none("{\"event\":\"progress\",\"disk\":\"d\\u0000\"}");
}

Test(ferry_event, passes_by_members_that_are_new_or_odd)
{
    struct ferry_event event;

    cr_assert(
        reads("{\"event\":\"progress\",\"disk\":\"d\",\"completionPercent\":\"50\",\"new\":[{}],"
              "\"durableBytes\":1e3,\"changedBytes\":-1,\"etaSeconds\":-7}",
              &event));
    cr_assert_eq(event.progress.percent, 0);
    cr_assert_eq(event.progress.durable_bytes, 0u);
    cr_assert_eq(event.progress.total_bytes, 0u);
    cr_assert_eq(event.progress.eta_seconds, 0u);
    ferry_event_fini(&event);
    cr_assert(reads("{\"event\":\"progress\",\"disk\":\"d\",\"completionPercent\":250}", &event));
    cr_assert_eq(event.progress.percent, 100);
    ferry_event_fini(&event);
}
