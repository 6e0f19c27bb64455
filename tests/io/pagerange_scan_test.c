/* pagerange_scan_test.c - the one form of an entry that is read without a parser of XML. */
#include "io/pagerange_scan.h"

#include <criterion/criterion.h>
#include <string.h>

#define PAGE(start, end)  "<PageRange><Start>" start "</Start><End>" end "</End></PageRange>"
#define CLEAR(start, end) "<ClearRange><Start>" start "</Start><End>" end "</End></ClearRange>"

Test(pagerange_scan, reads_an_entry_of_each_kind_and_says_how_long_it_is)
{
    static const char page[] = PAGE("4096", "0008191"), clear[] = CLEAR("0", "511") "<Next";
    struct pagerange_entry entry;

    cr_assert_eq(pagerange_scan(page, strlen(page), &entry), strlen(page));
    cr_assert_eq(entry.start, 4096);
    cr_assert_eq(entry.end, 8191);
    cr_assert_not(entry.is_clear);
    cr_assert_eq(pagerange_scan(clear, strlen(clear), &entry), strlen(clear) - strlen("<Next"));
    cr_assert_eq(entry.start, 0);
    cr_assert_eq(entry.end, 511);
    cr_assert(entry.is_clear);
}

Test(pagerange_scan, reads_the_longest_numbers_it_knows_and_leaves_longer_ones)
{
    static const char longest[] = PAGE("0", "9999999999999999999"),
                      longer[] = PAGE("0", "18446744073709551615"),
                      wraps[] = PAGE("99999999999999999999999999999999999999999", "511");
    struct pagerange_entry entry = {.end = 7};

    cr_assert_eq(pagerange_scan(longest, strlen(longest), &entry), strlen(longest));
    cr_assert_eq(entry.end, 9999999999999999999ull);
    cr_assert_eq(pagerange_scan(longer, strlen(longer), &entry), 0);
    cr_assert_eq(pagerange_scan(wraps, strlen(wraps), &entry), 0);
    cr_assert_eq(entry.end, 9999999999999999999ull, "written, but not on success");
}

Test(pagerange_scan, takes_nothing_of_an_entry_that_is_cut_off)
{
    static const char *const rows[] = {PAGE("512", "1023"), CLEAR("512", "1023")};
    struct pagerange_entry entry;

    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++)
        for (size_t count = 0; count < strlen(rows[row]); count++)
            cr_assert_eq(pagerange_scan(rows[row], count, &entry), 0, "%zu bytes", count);
}

Test(pagerange_scan, leaves_every_other_form_to_a_parser)
{
    static const char *const rows[] = {
        " " PAGE("0", "511"),
        PAGE("", "511"),
        PAGE("0", ""),
        PAGE("-512", "511"),
        PAGE("+0", "511"),
        PAGE(" 0", "511"),
        PAGE("0 ", "511"),
        PAGE("0x0", "511"),
        PAGE("&#48;", "511"),
        "<PageRange><End>511</End><Start>0</Start></PageRange>",
        "<PageRange ><Start>0</Start><End>511</End></PageRange>",
        "<PageRange><Start>0</Start> <End>511</End></PageRange>",
        "<PageRange><Start>0</Start><End>511</End></ClearRange>",
        "<ClearRange><Start>0</Start><End>511</End></PageRange>",
        "<pagerange><Start>0</Start><End>511</End></pagerange>",
        "<NextMarker/></PageList>",
    };
    struct pagerange_entry entry;

    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++)
        cr_assert_eq(pagerange_scan(rows[row], strlen(rows[row]), &entry), 0, "row %zu", row);
}

Test(pagerange_scan, finds_where_the_next_entry_begins)
{
    static const struct {
        const char *text;
        size_t at;
    } rows[] = {
        {"<PageList>" PAGE("0", "511"), 10},
        {PAGE("0", "511") CLEAR("512", "1023"), sizeof PAGE("0", "511") - 1}, /* not the first */
        {"t>9</Start><End>5</End></PageRange>" PAGE("0", "511"), 35},
        {"Range><Start>0</Start><End>511</End></PageRange>" PAGE("512", "1023"), 48},
        {"PageRange><Start>1</Start>" CLEAR("0", "511"), 26},
        {"<XRange><Start> <PageRange><Start>", 16},
    };

    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++)
        cr_assert_eq(pagerange_find(rows[row].text, strlen(rows[row].text)), rows[row].at,
                     "row %zu", row);
}

Test(pagerange_scan, says_the_end_when_no_entry_begins)
{
    static const char *const rows[] = {"",      "<PageList/>",       PAGE("0", "511"),
                                       "Range", "Range><Start>0</S", "<XRange><Start>",
                                       "><Page"};

    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++)
        cr_assert_eq(pagerange_find(rows[row], strlen(rows[row])), strlen(rows[row]), "row %zu",
                     row);
}
