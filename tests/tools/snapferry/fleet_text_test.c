/* fleet_text_test.c - rows of many disks at any width, the line of all, which of them a low screen shows. */
#include "tools/snapferry/fleet_text.h"

#include <criterion/criterion.h>
#include <string.h>

static struct job_disk_view half_way(void)
{
    return (struct job_disk_view){.disk = "vm7-os",
                                  .point = "rp",
                                  .code = EVENT_IN_PROGRESS,
                                  .phase = "copying",
                                  .progress = {.percent = 37.44,
                                               .durable_bytes = 1342177280,
                                               .total_bytes = 3489660928,
                                               .bytes_per_second = 129400000,
                                               .eta_seconds = 754}};
}

Test(fleet_row, tells_everything_at_80_columns)
{
    struct job_disk_view disk = half_way();
    char row[FLEET_LINE_MAX_BYTES];

    fleet_text_row(&disk, 79, row);
    cr_expect_str_eq(row, "vm7-os           [###.......]  37.4%  123.4 MiB/s    12:34 copying");
}

Test(fleet_row, keeps_percent_and_rate_at_40_columns)
{
    struct job_disk_view disk = half_way();
    char row[FLEET_LINE_MAX_BYTES];

    fleet_text_row(&disk, 39, row);
    cr_expect_str_eq(row, "vm7-os               37.4% 123.4 MiB/s");
}

Test(fleet_row, says_at_any_width_what_a_disk_waits_for_instead_of_its_rate)
{
    struct job_disk_view disk = half_way();
    char row[FLEET_LINE_MAX_BYTES];

    disk.code = EVENT_WAITING_FOR_ACCESS;
    fleet_text_row(&disk, 79, row);
    cr_expect_not_null(strstr(row, "waiting for access"), "%s", row);
    cr_expect_null(strstr(row, "MiB/s"), "%s", row);
    fleet_text_row(&disk, 39, row);
    cr_expect_not_null(strstr(row, "waiting for"), "%s", row);
}

Test(fleet_row, never_exceeds_any_width)
{
    static const char *const names[] = {"d",
                                        "a-name-that-is-longer-than-any-column-is-wide-0123456789",
                                        "äöüäöüäöüäöüäöüäöü"};
    struct job_disk_view disk = half_way();
    char row[FLEET_LINE_MAX_BYTES];

    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++)
        for (unsigned width = 1; width < 300; width++) {
            unsigned columns = 0;

            disk.disk = names[n];
            fleet_text_row(&disk, width, row);
            for (const char *c = row; *c; c++)
                columns += ((unsigned char)*c & 0xc0) != 0x80;
            cr_assert_leq(columns, width, "%u columns of %u: %s", columns, width, row);
        }
}

Test(fleet_row, columns_stand_below_each_other_whatever_a_name_is_made_of)
{
    struct job_disk_view disk = half_way();
    char row[FLEET_LINE_MAX_BYTES];

    disk.disk = "bücher";
    fleet_text_row(&disk, 79, row);
    cr_expect_eq(strchr(row, '[') - row, 18, "a two-byte letter takes one column: %s", row);
    disk.disk = "buecher-and-a-name-too-long";
    fleet_text_row(&disk, 79, row);
    cr_expect_eq(strchr(row, '[') - row, 17, "%s", row);
    cr_expect_not_null(strstr(row, "too-long"), "the end of a name tells disks apart: %s", row);
}

/* ---- The line of all ---- */

Test(fleet_total, has_no_percent_before_every_disk_is_planned)
{
    struct fleet_totals totals = {0};
    struct job_disk_view disk = half_way();
    char line[FLEET_LINE_MAX_BYTES];

    fleet_totals_add(&totals, &disk);
    disk = (struct job_disk_view){.disk = "b", .code = EVENT_PENDING};
    fleet_totals_add(&totals, &disk);
    fleet_totals_end(&totals);
    fleet_text_total(&totals, 79, line);
    cr_expect_str_eq(line, "0/2 complete, 1 pending  1.2 GiB/3.2 GiB  123.4 MiB/s");
}

Test(fleet_total, is_never_100_before_every_disk_succeeded)
{
    struct fleet_totals totals = {0};
    struct job_disk_view disk = half_way();
    char line[FLEET_LINE_MAX_BYTES];

    disk.progress.durable_bytes = disk.progress.total_bytes;
    fleet_totals_add(&totals, &disk);
    disk.code = EVENT_SUCCEEDED;
    fleet_totals_add(&totals, &disk);
    fleet_totals_end(&totals);
    cr_expect_eq(totals.percent, 99.9);
    fleet_text_total(&totals, 79, line);
    cr_expect_not_null(strstr(line, "1/2 complete  99.9%"), "%s", line);
}

Test(fleet_total, never_exceeds_any_width_and_says_what_failed_as_long_as_it_can)
{
    struct fleet_totals totals = {.disks = 512,
                                  .pending = 100,
                                  .succeeded = 300,
                                  .failed = 3,
                                  .waiting = 2,
                                  .planned = true,
                                  .durable_bytes = 1ull << 40,
                                  .total_bytes = 3ull << 40,
                                  .bytes_per_second = 123 << 20,
                                  .percent = 33.3};
    char line[FLEET_LINE_MAX_BYTES];

    for (unsigned width = 1; width < 200; width++) {
        fleet_text_total(&totals, width, line);
        cr_assert_leq(strlen(line), width);
        cr_assert(width < 40 || strstr(line, "3 failed"), "%u: %s", width, line);
    }
}

/* ---- Which are shown ---- */

Test(fleet_pick, shows_who_waits_first_then_the_page_that_has_its_turn)
{
    enum event_code codes[40];
    uint32_t shown[10], count;

    for (int i = 0; i < 40; i++)
        codes[i] = i < 5 ? EVENT_SUCCEEDED : EVENT_IN_PROGRESS;
    codes[30] = EVENT_WAITING_FOR_ACCESS;
    codes[39] = EVENT_PENDING;
    count = fleet_pick(codes, 40, 10, 0, shown);
    cr_assert_eq(count, 10u);
    cr_expect_eq(shown[0], 30u);
    cr_expect_eq(shown[1], 5u);
    count = fleet_pick(codes, 40, 10, 1, shown);
    cr_assert_eq(count, 10u);
    cr_expect_eq(shown[0], 30u);
    cr_expect_eq(shown[1], 14u);
}

Test(fleet_pick, shows_every_disk_under_way_in_the_course_of_all_turns)
{
    enum event_code codes[100];
    bool seen[100] = {false};
    uint32_t shown[7];

    for (int i = 0; i < 100; i++)
        codes[i] = i % 3 ? EVENT_IN_PROGRESS : i % 9 ? EVENT_PENDING : EVENT_PAUSED;
    for (int i = 0; i < 100; i += 9)
        codes[i] = i < 30 ? EVENT_PAUSED : EVENT_FAILED;
    for (uint32_t turn = 0; turn < 100; turn++)
        for (uint32_t i = 0, count = fleet_pick(codes, 100, 7, turn, shown); i < count; i++)
            seen[shown[i]] = true;
    for (int i = 0; i < 100; i++)
        cr_expect_eq(seen[i], fleet_is_under_way(codes[i]), "disk %d", i);
}

Test(fleet_pick, shows_nothing_where_nothing_is_under_way)
{
    enum event_code codes[3] = {EVENT_PENDING, EVENT_SUCCEEDED, EVENT_FAILED};
    uint32_t shown[4];

    cr_expect_eq(fleet_pick(codes, 3, 4, 0, shown), 0u);
}
