/* sas_time_test.c - which texts are times to a SAS, and which instants they name. */
#include <criterion/criterion.h>

#include "tools/regiond/region_clock.h"
#include "tools/regiond/sas_time.h"

static uint64_t parsed(const char *text)
{
    uint64_t ticks = 0;

    cr_assert(sas_time_parse(text, &ticks), "%s", text);
    return ticks;
}

Test(sas_time, reads_days_minutes_seconds_fractions_and_offsets)
{
    uint64_t midnight = region_clock_from_unix(1709251200);

    cr_assert_eq(parsed("2024-03-01"), midnight);
    cr_assert_eq(parsed("2024-03-01T00:01Z"), midnight + 60 * TICKS_PER_SECOND);
    cr_assert_eq(parsed("2024-03-01T00:00:07Z"), midnight + 7 * TICKS_PER_SECOND);
    cr_assert_eq(parsed("2024-03-01T00:00:00.0000001Z"), midnight + 1);
    cr_assert_eq(parsed("2024-03-01T00:00:00.5Z"), midnight + TICKS_PER_SECOND / 2);
    cr_assert_eq(parsed("2024-03-01T02:00:00+02:00"), midnight);
    cr_assert_eq(parsed("2024-02-29T22:30:00-01:30"), midnight);
}

Test(sas_time, refuses_what_is_no_time)
{
    static const char *const wrong[] = {"",
                                        "2024",
                                        "2024-3-1",
                                        "2024-03-01T00",
                                        "2024-03-01 00:00Z",
                                        "2024-13-01",
                                        "2024-03-01T24:00Z",
                                        "2024-03-01T00:00",
                                        "2024-03-01T00:00:00.Z",
                                        "2024-03-01T00:00:00.12345678Z",
                                        "2024-03-01T00:00:00Zx",
                                        "1969-12-31",
                                        "2024-03-01T00:00:00+2:00"};
    uint64_t ticks;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_not(sas_time_parse(wrong[i], &ticks), "%s", wrong[i]);
}

Test(sas_time, writes_what_it_reads)
{
    char text[SAS_TIME_BYTES];

    sas_time_format(parsed("2030-12-31T23:59:58.9Z"), text);
    cr_assert_str_eq(text, "2030-12-31T23:59:58Z");
}
