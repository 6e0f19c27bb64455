/* plan_show.c - see plan_show.h. */
#include "tools/snapferry/plan_show.h"

#include <inttypes.h>
#include <stdio.h>

#include "tools/snapferry/size_text.h"
#include "tools/snapferry/view_json.h"

static uint64_t divide_up(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

/* What one blob needs for that many bytes in that many requests. */
static uint64_t blob_seconds(uint64_t bytes, uint64_t requests)
{
    uint64_t by_bytes = divide_up(bytes, PLAN_BLOB_BYTES_PER_SECOND);
    uint64_t by_requests = divide_up(requests, PLAN_BLOB_REQUESTS_PER_SECOND);

    return by_bytes > by_requests ? by_bytes : by_requests;
}

struct plan_estimate plan_show_estimate(const struct copy_summary *plan, bool source_is_blob,
                                        bool target_is_blob)
{
    struct plan_estimate estimate = {
        .reads_count = plan->plan_read_count,
        .writes_count = plan->plan_read_count + plan->plan_clear_count,
        .egress_bytes = source_is_blob ? plan->plan_read_bytes : 0,
    };
    uint64_t read_seconds =
        source_is_blob ? blob_seconds(plan->plan_read_bytes, estimate.reads_count) : 0;
    uint64_t write_seconds =
        target_is_blob ? blob_seconds(plan->plan_read_bytes, estimate.writes_count) : 0;

    estimate.seconds = read_seconds > write_seconds ? read_seconds : write_seconds;
    return estimate;
}

static void print_bytes(const char *name, uint64_t bytes, const char *more)
{
    char text[SIZE_TEXT_MAX_BYTES];

    size_text_format(bytes, text);
    printf("  %-18s %11s  %15" PRIu64 " bytes%s\n", name, text, bytes, more);
}

static void print_plan(const struct copy_summary *plan, const struct plan_estimate *estimate)
{
    char time[DURATION_TEXT_MAX_BYTES];

    printf("%s copy%s\n", plan->delta ? "delta" : "full",
           plan->target_existed ? ""
           : plan->delta        ? " to a target that is at the base"
                                : " to a target that is new");
    print_bytes("disk", plan->source_size_bytes, "");
    print_bytes("to read and write", plan->plan_read_bytes, "");
    print_bytes("  unchanged gaps", plan->gap_bytes, ", part of it");
    print_bytes("to clear", plan->plan_clear_bytes, "");
    print_bytes("egress", estimate->egress_bytes, " leave the source");
    printf("  %-18s %11" PRIu64 "  reads of %" PRIu64 " ranges\n", "requests",
           estimate->reads_count, plan->plan_range_count);
    printf("  %-18s %11" PRIu64 "  writes and clears, at most\n", "", estimate->writes_count);
    if (!estimate->seconds)
        return;
    size_text_duration(estimate->seconds, time);
    printf("  %-18s %11s  at %llu MiB/s and %u requests/s, the limits of a standard page blob\n",
           "time, at least", time, PLAN_BLOB_BYTES_PER_SECOND >> 20, PLAN_BLOB_REQUESTS_PER_SECOND);
}

void plan_show(struct view *view, const struct copy_summary *plan,
               const struct plan_estimate *estimate)
{
    json_t *event;

    view_clear_line(view);
    if (view->kind == VIEW_QUIET)
        return;
    if (view->kind != VIEW_JSON) {
        print_plan(plan, estimate);
        return;
    }
    event = view_json_event(clock_wall_ns(view->clock), "plan", view->disk);
    view_json_set_text(event, "mode", plan->delta ? "delta" : "full");
    if (plan->why_full[0])
        view_json_set_text(event, "whyFull", plan->why_full);
    json_object_set_new(event, "targetExists", json_boolean(plan->target_existed));
    view_json_set_count(event, "diskBytes", plan->source_size_bytes);
    view_json_set_count(event, "readBytes", plan->plan_read_bytes);
    view_json_set_count(event, "gapBytes", plan->gap_bytes);
    view_json_set_count(event, "clearBytes", plan->plan_clear_bytes);
    view_json_set_count(event, "ranges", plan->plan_range_count);
    view_json_set_count(event, "readRequests", estimate->reads_count);
    view_json_set_count(event, "writeRequestsMax", estimate->writes_count);
    view_json_set_count(event, "egressBytes", estimate->egress_bytes);
    view_json_set_count(event, "secondsMin", estimate->seconds);
    view_json_print(event);
}
