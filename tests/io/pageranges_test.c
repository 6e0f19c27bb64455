/* pageranges_test.c - range lists as the service writes them, and as it must never. */
#include "io/pageranges.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DECLARATION "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
#define RECORDED                                                                                   \
    DECLARATION "\n<PageList><PageRange><Start>0</Start><End>511</End></PageRange><ClearRange>"    \
                "<Start>512</Start><End>1023</End></ClearRange><NextMarker>2!16!MDAwMDA0ITEwMjQh"  \
                "</NextMarker></PageList>"
#define BLOB_BYTES (1ull << 20)

struct parsed {
    struct extent_set data, clears;
    struct err err;
    char marker[PAGERANGES_MARKER_MAX_BYTES + 1];
    uint64_t count;
    bool ok;
};

static struct parsed parse_steps(const char *text, size_t bytes, struct extent within, size_t step)
{
    struct parsed p = {0};
    struct pageranges *list = pageranges_new(&p.err);

    cr_assert(list);
    pageranges_begin(list, &p.data, &p.clears, within, 0, BLOB_BYTES);
    p.ok = true;
    for (size_t at = 0; at < bytes && p.ok; at += step)
        p.ok = pageranges_push(list, text + at, bytes - at < step ? bytes - at : step, &p.err);
    p.ok = p.ok && pageranges_end(list, &p.err);
    if (p.ok)
        strcpy(p.marker, pageranges_marker(list));
    p.count = pageranges_count(list);
    cr_assert_eq(p.ok, !err_is_set(&p.err));
    pageranges_free(list);
    return p;
}

static struct parsed parse(const char *text)
{
    return parse_steps(text, strlen(text), (struct extent){0, BLOB_BYTES}, 1u << 20);
}

static void finish(struct parsed *p)
{
    extent_set_fini(&p->data);
    extent_set_fini(&p->clears);
}

static void expect_one(const struct extent_set *set, uint64_t offset, uint64_t length)
{
    cr_assert_eq(set->count, 1);
    cr_assert_eq(extent_set_at(set, 0).offset, offset);
    cr_assert_eq(extent_set_at(set, 0).length, length);
}

Test(pageranges, reads_a_recorded_diff_with_its_marker)
{
    struct parsed p = parse(RECORDED);

    cr_assert(p.ok, "%s", p.err.text);
    expect_one(&p.data, 0, 512);
    expect_one(&p.clears, 512, 512);
    cr_assert_str_eq(p.marker, "2!16!MDAwMDA0ITEwMjQh");
    finish(&p);
}

Test(pageranges, any_cut_of_the_bytes_gives_the_same)
{
    for (size_t step = 1; step < sizeof RECORDED; step++) {
        struct parsed p =
            parse_steps(RECORDED, strlen(RECORDED), (struct extent){0, BLOB_BYTES}, step);

        cr_assert(p.ok, "step %zu: %s", step, p.err.text);
        expect_one(&p.data, 0, 512);
        expect_one(&p.clears, 512, 512);
        cr_assert_str_eq(p.marker, "2!16!MDAwMDA0ITEwMjQh");
        finish(&p);
    }
}

Test(pageranges, tolerates_what_hosts_really_send)
{
    static const char *const rows[] = {
        "<PageList/>",
        DECLARATION "<PageList />",
        "\xEF\xBB\xBF" DECLARATION "<PageList></PageList>",
        "\xEF\xBB\xBF<PageList><NextMarker/></PageList>",
        "<PageList>\n  <NextMarker></NextMarker>\n</PageList>\n",
        "<PageList><Unknown><PageRange><Start>7</Start></PageRange></Unknown></PageList>",
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed p = parse(rows[i]);

        cr_assert(p.ok, "row %zu: %s", i, p.err.text);
        cr_assert_eq(p.data.count, 0);
        cr_assert_str_empty(p.marker);
        finish(&p);
    }
}

Test(pageranges, skips_unknown_elements_inside_a_range)
{
    struct parsed p =
        parse("<PageList><PageRange a='b'><X>9<Start>1</Start></X> <Start> 512 </Start>"
              "<!-- c --><End>\n1023</End><Y/></PageRange></PageList>");

    cr_assert(p.ok, "%s", p.err.text);
    expect_one(&p.data, 512, 512);
    finish(&p);
}

Test(pageranges, neighbours_that_were_not_merged_become_one_extent)
{
    struct parsed p = parse("<PageList><PageRange><Start>0</Start><End>511</End></PageRange>"
                            "<PageRange><Start>512</Start><End>1535</End></PageRange></PageList>");

    cr_assert(p.ok, "%s", p.err.text);
    cr_assert_eq(p.count, 2);
    expect_one(&p.data, 0, 1536);
    finish(&p);
}

Test(pageranges, cuts_ranges_to_the_window_asked_for)
{
    static const char text[] =
        "<PageList><PageRange><Start>0</Start><End>4095</End></PageRange>"
        "<PageRange><Start>8192</Start><End>8703</End></PageRange></PageList>";
    struct parsed p = parse_steps(text, strlen(text), (struct extent){1024, 2048}, 100);

    cr_assert(p.ok, "%s", p.err.text);
    expect_one(&p.data, 1024, 2048);
    finish(&p);
}

Test(pageranges, a_full_list_takes_a_clear_for_a_hole)
{
    struct pageranges *list;
    struct extent_set data = {0};
    struct err e = {0};

    list = pageranges_new(&e);
    pageranges_begin(list, &data, NULL, (struct extent){0, BLOB_BYTES}, 0, BLOB_BYTES);
    cr_assert(pageranges_push(list, RECORDED, strlen(RECORDED), &e));
    cr_assert(pageranges_end(list, &e));
    expect_one(&data, 0, 512);
    cr_assert_eq(pageranges_clear_count(list), 1);
    pageranges_free(list);
    extent_set_fini(&data);
}

#define RANGE(start, end) "<PageRange><Start>" start "</Start><End>" end "</End></PageRange>"

Test(pageranges, refuses_what_is_not_a_valid_list)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "cut off"},
        {"<PageList>", "cut off"},
        {"<PageList>" RANGE("0", "511"), "cut off after 1 ranges"},
        {"<PageList><PageRange><Start>0</Sta", "cut off"},
        {"<PageList></PageRange></PageList>", "well-formed"},
        {"<PageList/><PageList/>", "well-formed"},
        {"<html><body>Bad gateway</body></html>", "not a list"},
        {"<EnumerationResults/>", "not a list"},
        {"not xml at all", "well-formed"},
        {"<PageList>" RANGE("1024", "511") "</PageList>", "ends before it starts"},
        {"<PageList>" RANGE("1", "511") "</PageList>", "aligned"},
        {"<PageList>" RANGE("0", "512") "</PageList>", "aligned"},
        {"<PageList>" RANGE("0", "1049087") "</PageList>", "beyond the end"},
        {"<PageList>" RANGE("0", "1023") RANGE("512", "1535") "</PageList>", "overlaps"},
        {"<PageList>" RANGE("1024", "1535") RANGE("0", "511") "</PageList>", "in order"},
        {"<PageList>" RANGE("0", "511") "<ClearRange><Start>0</Start><End>511</End></ClearRange>"
                                        "</PageList>",
         "overlaps"},
        {"<PageList>" RANGE("-512", "511") "</PageList>", "number"},
        {"<PageList>" RANGE("", "511") "</PageList>", "number"},
        {"<PageList>" RANGE("0x0", "511") "</PageList>", "number"},
        {"<PageList>" RANGE("0", "511 5") "</PageList>", "number"},
        {"<PageList>" RANGE("0", "18446744073709551616") "</PageList>", "number"},
        {"<PageList>" RANGE("0", "99999999999999999999999999999999999999") "</PageList>", "longer"},
        {"<PageList><PageRange><Start>0</Start></PageRange></PageList>", "lacks"},
        {"<PageList><PageRange/></PageList>", "lacks"},
        {"<PageList><PageRange><Start>0</Start><Start>0</Start><End>511</End></PageRange></"
         "PageList>",
         "number"},
        {"<!DOCTYPE x [<!ENTITY a 'b'>]><PageList/>", "document type"},
        {"<PageList><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a/>", "deeper"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed p = parse(rows[i].text);

        cr_assert(!p.ok, "row %zu accepted", i);
        cr_assert(p.err.kind == ERR_CORRUPT || p.err.kind == ERR_LIMIT);
        cr_assert(strstr(p.err.text, rows[i].says), "row %zu: %s", i, p.err.text);
        finish(&p);
    }
}

Test(pageranges, an_endless_tag_or_marker_is_refused_early)
{
    static const char *const begins[] = {"<PageList><", "<PageList a='", "<PageList><NextMarker>"};
    static char filler[64 << 10];

    memset(filler, 'x', sizeof filler);
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        struct extent_set data = {0};
        struct err e = {0};
        struct pageranges *list = pageranges_new(&e);
        unsigned steps = 0;

        pageranges_begin(list, &data, NULL, (struct extent){0, BLOB_BYTES}, 0, BLOB_BYTES);
        cr_assert(pageranges_push(list, begins[i], strlen(begins[i]), &e));
        while (steps < 100 && pageranges_push(list, filler, sizeof filler, &e))
            steps++;
        cr_assert(steps < 6, "row %zu: %u", i, steps);
        cr_assert_eq(e.kind, ERR_CORRUPT);
        pageranges_free(list);
        extent_set_fini(&data);
    }
}

Test(pageranges, an_endless_body_is_refused_before_it_is_looked_at)
{
    struct extent_set data = {0};
    struct err e = {0};
    struct pageranges *list = pageranges_new(&e);

    pageranges_begin(list, &data, NULL, (struct extent){0, BLOB_BYTES}, 0, BLOB_BYTES);
    cr_assert(pageranges_push(list, "<PageList>", 10, &e));
    cr_assert_not(pageranges_push(list, " ", PAGERANGES_BODY_MAX_BYTES - 9, &e));
    cr_assert_eq(e.kind, ERR_LIMIT);
    cr_assert(strstr(e.text, "longer than 4 GiB"), "%s", e.text);
    pageranges_free(list);
    extent_set_fini(&data);
}

Test(pageranges, the_parser_is_good_for_the_next_page_and_after_an_error)
{
    struct extent_set data = {0}, clears = {0};
    struct err e = {0}, bad = {0};
    struct pageranges *list = pageranges_new(&e);
    struct extent all = {0, BLOB_BYTES};

    pageranges_begin(list, &data, &clears, all, 0, BLOB_BYTES);
    cr_assert(!pageranges_push(list, "<x>", 3, &bad));
    pageranges_begin(list, &data, &clears, all, 0, BLOB_BYTES);
    cr_assert(pageranges_push(list, RECORDED, strlen(RECORDED), &e), "%s", e.text);
    cr_assert(pageranges_end(list, &e));
    cr_assert_str_not_empty(pageranges_marker(list));
    cr_assert_eq(pageranges_last_end(list), 1024);
    pageranges_begin(list, &data, &clears, all, 1024, BLOB_BYTES);
    cr_assert(pageranges_push(list, "<PageList/>", 11, &e));
    cr_assert(pageranges_end(list, &e));
    cr_assert_str_empty(pageranges_marker(list));
    pageranges_free(list);
    extent_set_fini(&data);
    extent_set_fini(&clears);
}

Test(pageranges, a_page_that_goes_back_is_refused)
{
    struct extent_set data = {0};
    struct err e = {0};
    struct pageranges *list = pageranges_new(&e);

    pageranges_begin(list, &data, NULL, (struct extent){0, BLOB_BYTES}, 1024, BLOB_BYTES);
    cr_assert(!pageranges_push(list, RECORDED, strlen(RECORDED), &e));
    cr_assert(strstr(e.text, "in order"), "%s", e.text);
    pageranges_free(list);
    extent_set_fini(&data);
}

Test(pageranges, a_million_ranges_arrive_whole)
{
    struct extent_set data = {0}, clears = {0};
    struct err e = {0};
    struct pageranges *list = pageranges_new(&e);
    const uint64_t count = 1000000;
    uint64_t blob = count * 4096;

    pageranges_begin(list, &data, &clears, (struct extent){0, blob}, 0, blob);
    cr_assert(pageranges_push(list, "<PageList>", 10, &e));
    for (uint64_t i = 0; i < count; i++) {
        char text[128];
        const char *kind = i % 3 == 2 ? "Clear" : "Page";
        int bytes =
            snprintf(text, sizeof text, "<%sRange><Start>%llu</Start><End>%llu</End></%sRange>",
                     kind, (unsigned long long)(i * 4096), (unsigned long long)(i * 4096 + 511),
                     kind);

        cr_assert(pageranges_push(list, text, (size_t)bytes, &e), "%s", e.text);
    }
    cr_assert(pageranges_push(list, "</PageList>", 11, &e));
    cr_assert(pageranges_end(list, &e));
    cr_assert_eq(pageranges_count(list), count);
    cr_assert_eq(clears.count, count / 3);
    cr_assert_eq(data.total_bytes + clears.total_bytes, count * 512);
    pageranges_free(list);
    extent_set_fini(&data);
    extent_set_fini(&clears);
}
