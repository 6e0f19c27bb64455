/* view_text_test.c - the live line at any width, and the summary. */
#include "tools/snapferry/view_text.h"

#include <criterion/criterion.h>
#include <string.h>

#define DISK "https://account.blob.core.windows.net/container/a-disk-with-a-long-name.vhd"

static struct view_moment half_way(void)
{
    return (struct view_moment){.phase = "copying",
                                .progress = {.percent = 37.44,
                                             .durable_bytes = 1342177280,
                                             .total_bytes = 3489660928,
                                             .bytes_per_second = 129400000,
                                             .eta_seconds = 754}};
}

Test(live_line, tells_everything_at_80_columns)
{
    struct view_moment moment = half_way();
    char line[VIEW_LINE_MAX_BYTES];

    view_text_line(DISK, &moment, 79, line);
    cr_expect_leq(strlen(line), 79u);
    cr_expect_str_eq(
        line, "...h-a-long-name.vhd   37.4%  1.2 GiB/3.2 GiB  123.4 MiB/s  12:34 left  copying");
}

Test(live_line, keeps_percent_and_bytes_at_40_columns)
{
    struct view_moment moment = half_way();
    char line[VIEW_LINE_MAX_BYTES];

    view_text_line(DISK, &moment, 39, line);
    cr_expect_str_eq(line, " 37.4%  1.2 GiB/3.2 GiB  123.4 MiB/s");
}

Test(live_line, never_exceeds_any_width)
{
    struct view_moment moment = half_way();
    char line[VIEW_LINE_MAX_BYTES];

    moment.progress.eta_seconds = 100 * 86400;
    moment.progress.durable_bytes = moment.progress.total_bytes = 1023ull << 40;
    for (unsigned width = 0; width < 400; width++) {
        view_text_line(DISK, &moment, width, line);
        cr_assert_leq(strlen(line), width, "width %u: %s", width, line);
    }
}

Test(live_line, says_no_figures_before_there_is_a_plan)
{
    struct view_moment moment = {.phase = "listing", .progress = {.eta_seconds = UINT64_MAX}};
    char line[VIEW_LINE_MAX_BYTES];

    view_text_line("disk", &moment, 79, line);
    cr_expect_str_eq(line, "disk  listing");
}

Test(live_line, says_no_rate_and_no_time_that_is_not_known)
{
    struct view_moment moment = {.phase = "copying",
                                 .progress = {.total_bytes = 512, .eta_seconds = UINT64_MAX}};
    char line[VIEW_LINE_MAX_BYTES];

    view_text_line("disk", &moment, 79, line);
    cr_expect_str_eq(line, "disk    0.0%  0 B/512 B  copying");
}

Test(live_line, replaces_control_characters_of_a_name)
{
    char name[64];

    view_text_name("a\033[2Jb\n", 40, name, sizeof name);
    cr_expect_str_eq(name, "a?[2Jb?");
}

Test(live_line, cuts_names_between_characters)
{
    char name[64];

    view_text_name("disk-äöüäöüäöü", 8, name, sizeof name);
    cr_expect_str_eq(name, "...öüäöü");
}

Test(live_line, a_cell_takes_its_columns_whatever_its_bytes)
{
    char cell[64];

    cr_expect_eq(view_text_cell("äb", 4, cell, sizeof cell), 5u);
    cr_expect_str_eq(cell, "äb  ");
    cr_expect_eq(view_text_cell("disk-äöüäöüäöü", 8, cell, sizeof cell), 13u);
    cr_expect_str_eq(cell, "...öüäöü");
    cr_expect_eq(view_text_cell("", 3, cell, sizeof cell), 3u);
    cr_expect_str_eq(cell, "   ");
}

Test(summary, tells_every_figure)
{
    struct copy_summary copy = {.source_size_bytes = 1ull << 37,
                                .read_bytes = 600ull << 20,
                                .written_bytes = 500ull << 20,
                                .cleared_bytes = 40ull << 20,
                                .skipped_bytes = 60ull << 20,
                                .gap_bytes = 7ull << 20,
                                .retries = 3,
                                .started_ns = 1000000000,
                                .ended_ns = 11000000000,
                                .root = "sha256:abc"};
    struct view_copy done = {.copy = &copy, .requests_count = 1234, .cpu_ns = 1500000000};
    char text[VIEW_SUMMARY_MAX_BYTES];

    view_text_summary(&done, text);
    cr_expect_str_eq(text,
                     "full copy of a disk of 128.0 GiB: complete\n"
                     "  read 600.0 MiB, written 500.0 MiB, cleared 40.0 MiB, skipped as zero "
                     "60.0 MiB, unchanged gaps 7.0 MiB\n"
                     "  1234 requests, 3 retries, 1.50 s of CPU, 10.00 s in all, 60.0 MiB/s read\n"
                     "  root sha256:abc\n");
    copy.delta = true;
    copy.root[0] = 0;
    strcpy(copy.delta_digest, "sha256:def");
    done.outcome.status = STATUS_AGAIN;
    view_text_summary(&done, text);
    cr_expect(strstr(text, "delta copy of a disk of 128.0 GiB: not complete\n"), "%s", text);
    cr_expect(strstr(text, "  delta sha256:def\n"), "%s", text);
}
