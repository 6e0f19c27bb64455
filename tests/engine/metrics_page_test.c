/* metrics_page_test.c - what is on the page, and that the list for people has the same. */
#include "engine/metrics_page.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"

#define MANY_DISKS 1024u

struct fake {
    unsigned looked_count;
    size_t name_bytes; /* of a disk's id, at least */
    double percent;
};

static void look(void *arg, uint32_t disk, struct job_disk_view *out_view)
{
    static char names[2][1024]; /* views, until the next look */
    struct fake *fake = arg;

    fake->looked_count++;
    snprintf(names[0], sizeof names[0], "disk-%0*u", (int)fake->name_bytes, disk);
    snprintf(names[1], sizeof names[1], "point-%u", disk / 4);
    *out_view = (struct job_disk_view){
        .disk = names[0],
        .point = names[1],
        .code = disk % EVENT_CODES_COUNT,
        .progress = {.percent = fake->percent, .durable_bytes = disk, .total_bytes = 2 * disk},
        .attempts = 1,
        .window = 4,
        .retries_count = 3,
        .read_bytes = 1000,
        .written_bytes = 100,
        .skipped_bytes = 10};
}

static void limits(void *arg, struct job_limits *out_limits)
{
    (void)arg;
    *out_limits = (struct job_limits){.memory_bytes = 1 << 20,
                                      .bytes_per_s = 5000,
                                      .blob_requests_per_s = 500};
}

static void events(void *arg, struct metrics_events *out_events)
{
    (void)arg;
    *out_events =
        (struct metrics_events){.dropped = 1, .waiting = 2, .posted = 3, .failed_posts = 4};
}

static unsigned lanes(void *arg, struct http_lane_count out[HTTP_THREADS_MAX])
{
    (void)arg;
    out[0] = (struct http_lane_count){.requests = 7, .cpu_ns = 1500000000};
    out[1] = (struct http_lane_count){.requests = 8, .cpu_ns = 2};
    return 2;
}

static char *make(const struct metrics_sources *sources)
{
    size_t bytes = 0;
    char *page = metrics_page_make(sources, &bytes);

    cr_assert(page);
    cr_assert_eq(strlen(page), bytes);
    cr_assert_eq(page[bytes - 1], '\n');
    return page;
}

static void expect_line(const char *page, const char *line)
{
    char wanted[300];

    snprintf(wanted, sizeof wanted, "\n%s\n", line);
    cr_expect(strstr(page, wanted), "no line %s", line);
}

static unsigned lines_with(const char *page, const char *begin)
{
    char wanted[200];
    unsigned count = 0;

    snprintf(wanted, sizeof wanted, "\n%s", begin);
    while ((page = strstr(page, wanted))) {
        count++;
        page++;
    }
    return count;
}

Test(metrics_page, tells_disks_and_their_sums)
{
    struct fake fake = {.percent = 99.9999999};
    struct metrics_sources sources = {.disks_count = 14, .look = look, .arg = &fake};
    char *page = make(&sources);

    cr_assert_eq(fake.looked_count, 14);
    expect_line(page, "snapferry_source_read_bytes_total 14000");
    expect_line(page, "snapferry_target_written_bytes_total 1400");
    expect_line(page, "snapferry_skipped_bytes_total 140");
    expect_line(page, "snapferry_retries_total 42");
    expect_line(page, "snapferry_window_ranges 8");
    expect_line(page, "snapferry_disks{state=\"inProgress\"} 2");
    expect_line(page, "snapferry_disks_not_shown 0");
    expect_line(page, "snapferry_disk_completion_ratio{restore_point=\"point-0\",disk=\"disk-1\"} "
                      "0.999999");
    expect_line(page,
                "snapferry_disk_durable_bytes{restore_point=\"point-3\",disk=\"disk-13\"} 13");
    expect_line(page,
                "snapferry_disk_changed_bytes{restore_point=\"point-3\",disk=\"disk-13\"} 26");
    expect_line(page, "snapferry_disk_window_ranges{restore_point=\"point-0\",disk=\"disk-0\"} 0");
    expect_line(page, "snapferry_disk_window_ranges{restore_point=\"point-0\",disk=\"disk-1\"} 4");
    expect_line(page, "snapferry_disk_attempts{restore_point=\"point-3\",disk=\"disk-13\"} 1");
    expect_line(page, "snapferry_disk_state{restore_point=\"point-0\",disk=\"disk-2\","
                      "state=\"waitingForAccess\"} 1");
    cr_assert_eq(lines_with(page, "snapferry_disk_state{"), 14);
    free(page);
}

Test(metrics_page, a_ratio_of_one_is_for_a_committed_disk)
{
    struct fake fake = {.percent = 100};
    struct metrics_sources sources = {.disks_count = 1, .look = look, .arg = &fake};
    char *page = make(&sources);

    expect_line(page,
                "snapferry_disk_completion_ratio{restore_point=\"point-0\",disk=\"disk-0\"} 1");
    free(page);
}

Test(metrics_page, limits_events_and_threads_stand_as_they_are)
{
    struct metrics_sources sources = {.limits = limits, .events = events, .lanes = lanes};
    char *page = make(&sources);

    expect_line(page, "snapferry_limit_bytes_per_second{scope=\"process\"} 5000");
    expect_line(page, "snapferry_limit_bytes_per_second{scope=\"blob\"} +Inf");
    expect_line(page, "snapferry_limit_requests_per_second{scope=\"blob\"} 500");
    expect_line(page, "snapferry_limit_memory_bytes 1048576");
    expect_line(page, "snapferry_events_dropped_total 1");
    expect_line(page, "snapferry_events_waiting 2");
    expect_line(page, "snapferry_events_posted_total 3");
    expect_line(page, "snapferry_event_post_failures_total 4");
    expect_line(page, "snapferry_http_thread_requests_total{thread=\"1\"} 8");
    expect_line(page, "snapferry_http_thread_cpu_seconds_total{thread=\"0\"} 1.5");
    expect_line(page, "snapferry_http_thread_cpu_seconds_total{thread=\"1\"} 0.000000002");
    cr_assert_null(strstr(page, "snapferry_disk"));
    free(page);
}

Test(metrics_page, buckets_are_summed_up)
{
    struct http_seen seen = {.verb = "head", .status = 200, .elapsed_ns = 7 * NS_PER_MS};
    struct metrics metrics;
    struct metrics_sources sources = {.metrics = &metrics};
    char *page;

    metrics_init(&metrics);
    metrics.observer.seen(&metrics.observer, &seen);
    seen.elapsed_ns = 30 * NS_PER_MS;
    metrics.observer.seen(&metrics.observer, &seen);
    seen.elapsed_ns = 100 * NS_PER_S;
    metrics.observer.seen(&metrics.observer, &seen);
    page = make(&sources);
    expect_line(page, "snapferry_requests_total{verb=\"head\",status=\"200\"} 3");
    expect_line(page, "snapferry_request_duration_seconds_bucket{verb=\"head\",le=\"0.005\"} 0");
    expect_line(page, "snapferry_request_duration_seconds_bucket{verb=\"head\",le=\"0.01\"} 1");
    expect_line(page, "snapferry_request_duration_seconds_bucket{verb=\"head\",le=\"0.05\"} 2");
    expect_line(page, "snapferry_request_duration_seconds_bucket{verb=\"head\",le=\"60\"} 2");
    expect_line(page, "snapferry_request_duration_seconds_bucket{verb=\"head\",le=\"+Inf\"} 3");
    expect_line(page, "snapferry_request_duration_seconds_sum{verb=\"head\"} 100.037");
    expect_line(page, "snapferry_request_duration_seconds_count{verb=\"head\"} 3");
    cr_assert_null(strstr(page, "verb=\"get_range\""));
    free(page);
}

Test(metrics_page, many_disks_are_all_shown_and_too_many_are_counted)
{
    struct fake fake = {.percent = 12.5};
    struct metrics_sources sources = {.disks_count = MANY_DISKS, .look = look, .arg = &fake};
    char *page = make(&sources), line[100];
    unsigned shown;

    cr_assert_eq(lines_with(page, "snapferry_disk_completion_ratio{"), MANY_DISKS);
    expect_line(page, "snapferry_disks_not_shown 0");
    cr_assert_lt(strlen(page), 1u << 20);
    free(page);
    sources.disks_count = JOB_DISKS_MAX;
    fake.name_bytes = 900;
    fake.looked_count = 0;
    page = make(&sources);
    shown = lines_with(page, "snapferry_disk_attempts{");
    cr_assert_eq(fake.looked_count, JOB_DISKS_MAX);
    cr_assert_lt(strlen(page), METRICS_PAGE_MAX_BYTES);
    cr_assert(shown > 100 && shown < JOB_DISKS_MAX, "%u", shown);
    snprintf(line, sizeof line, "snapferry_disks_not_shown %u", JOB_DISKS_MAX - shown);
    expect_line(page, line);
    expect_line(page, "snapferry_source_read_bytes_total 16384000"); /* of all of them */
    free(page);
}

/* ---- The list for people ---- */

static char *read_whole(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 1 << 20);

    cr_assert(file && text, "%s", path);
    cr_assert_gt(fread(text, 1, (1 << 20) - 1, file), 0);
    fclose(file);
    return text;
}

static char *documented(void)
{
    const char *root = getenv("SNAPFERRY_SOURCE_DIR");
    char path[4096];

    snprintf(path, sizeof path, "%s/tools/snapferry/metrics.md", root ? root : ".");
    return read_whole(path);
}

Test(metrics_page, every_metric_is_in_the_documentation_with_its_type)
{
    char *text = documented(), row[200];

    for (uint32_t i = 0; metrics_family_at(i); i++) {
        snprintf(row, sizeof row, "\n| `%s` | %s | ", metrics_family_at(i)->name,
                 metrics_family_at(i)->type);
        cr_expect(strstr(text, row), "metrics.md has no row%s", row);
    }
    free(text);
}

Test(metrics_page, every_metric_of_the_documentation_exists)
{
    char *text = documented();
    unsigned rows_count = 0;

    for (const char *row = text; (row = strstr(row, "\n| `")); rows_count++) {
        size_t bytes = strcspn(row += 4, "`");
        uint32_t i = 0;

        while (metrics_family_at(i) && (strlen(metrics_family_at(i)->name) != bytes ||
                                        strncmp(metrics_family_at(i)->name, row, bytes) != 0))
            i++;
        cr_expect(metrics_family_at(i), "there is no metric %.*s", (int)bytes, row);
    }
    cr_assert_gt(rows_count, 30);
    free(text);
}

Test(metrics_page, names_follow_the_conventions)
{
    for (uint32_t i = 0; metrics_family_at(i); i++) {
        const struct metrics_family *f = metrics_family_at(i);
        size_t bytes = strlen(f->name);
        bool total = bytes > 6 && strcmp(f->name + bytes - 6, "_total") == 0;

        cr_expect(strncmp(f->name, "snapferry_", 10) == 0 || strncmp(f->name, "process_", 8) == 0,
                  "%s", f->name);
        cr_expect_eq(total, strcmp(f->type, "counter") == 0, "%s is a %s", f->name, f->type);
        for (const char *c = f->name; *c; c++)
            cr_expect(islower((unsigned char)*c) || *c == '_', "%s", f->name);
        cr_expect_null(strpbrk(f->help, "\\\n"), "%s needs no escapes", f->name);
    }
}
