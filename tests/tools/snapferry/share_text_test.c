/* share_text_test.c - percents in and out; what is no share is refused. */
#include "tools/snapferry/share_text.h"

#include <criterion/criterion.h>

Test(share_text, reads_percents_as_millionths)
{
    static const struct {
        const char *text;
        uint64_t ppm;
    } rows[] = {{"1%", 10000},  {"100%", 1000000}, {"0.5%", 5000},     {"12.34%", 123400},
                {"0.0001%", 1}, {"099%", 990000},  {"1.0000%", 10000}, {"100.0%", 1000000}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t ppm = 0;

        cr_assert(share_text_parse(rows[i].text, &ppm), "%s", rows[i].text);
        cr_assert_eq(ppm, rows[i].ppm, "%s", rows[i].text);
    }
}

Test(share_text, refuses_what_is_no_share)
{
    static const char *const rows[] = {"",     "%",         "1",       "0%",       "0.0%",
                                       "101%", "100.0001%", "-1%",     "1 %",      "1%%",
                                       "1.%",  ".5%",       "1e1%",    "0.00001%", "1000%",
                                       "0x1%", "1.2.3%",    "9999999%"};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t ppm = 7;

        cr_assert_not(share_text_parse(rows[i], &ppm), "\"%s\"", rows[i]);
        cr_assert_eq(ppm, 7u);
    }
}

Test(share_text, writes_shares_never_rounding_up_to_the_whole)
{
    static const struct {
        uint64_t part, whole;
        const char *text;
    } rows[] = {{1, 100, "1%"},
                {1, 3, "33.3333%"},
                {7, 7, "100%"},
                {0, 5, "0%"},
                {UINT64_MAX - 1, UINT64_MAX, "99.9999%"},
                {1, 400, "0.25%"},
                {0, 0, "100%"}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[SHARE_TEXT_MAX_BYTES];

        share_text_format(rows[i].part, rows[i].whole, text);
        cr_assert_str_eq(text, rows[i].text);
    }
}
