/* size_text_test.c - sizes and durations as people write and read them. */
#include "tools/snapferry/size_text.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect_size(const char *text, uint64_t bytes)
{
    uint64_t found = 1;

    cr_expect(size_text_parse(text, &found), "%s", text);
    cr_expect_eq(found, bytes, "%s gave %lu", text, found);
}

Test(size_text, takes_powers_of_1024)
{
    expect_size("0", 0);
    expect_size("512", 512);
    expect_size("4K", 4096);
    expect_size("64m", 64ull << 20);
    expect_size("3G", 3ull << 30);
    expect_size("32T", 32ull << 40);
    expect_size("18446744073709551615", UINT64_MAX);
    expect_size("16777215T", 16777215ull << 40);
}

Test(size_text, refuses_what_is_no_size)
{
    static const char *const bad[] = {"",          " 1",
                                      "-1",        "+1",
                                      "1.5G",      "1 G",
                                      "K",         "1KB",
                                      "1P",        "0x10",
                                      "1,0",       "18446744073709551616",
                                      "16777216T", "99999999999999999999G"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t found = 77;

        cr_expect_not(size_text_parse(bad[i], &found), "\"%s\"", bad[i]);
        cr_expect_eq(found, 77u, "\"%s\" wrote a result", bad[i]);
    }
}

static void expect_format(uint64_t bytes, const char *wanted)
{
    char text[SIZE_TEXT_MAX_BYTES];

    size_text_format(bytes, text);
    cr_expect_str_eq(text, wanted);
}

Test(size_text, formats_rounded_down)
{
    expect_format(0, "0 B");
    expect_format(1023, "1023 B");
    expect_format(1024, "1.0 KiB");
    expect_format(1536, "1.5 KiB");
    expect_format((1ull << 30) - 1, "1023.9 MiB");
    expect_format(32ull << 40, "32.0 TiB");
    expect_format(UINT64_MAX, "15.9 EiB");
}

static void expect_duration(uint64_t seconds, const char *wanted)
{
    char text[DURATION_TEXT_MAX_BYTES];

    size_text_duration(seconds, text);
    cr_expect_str_eq(text, wanted);
}

Test(size_text, formats_durations_of_any_length)
{
    expect_duration(0, "0:00");
    expect_duration(754, "12:34");
    expect_duration(3 * 3600 + 121, "3:02:01");
    expect_duration(5 * 86400 + 3 * 3600 + 120, "5d 03:02");
    expect_duration(UINT64_MAX - 1, "years");
}
