/* region_pagelist_test.c - Get Page Ranges and its diff, in the form recorded from the service. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/region_case.h"

#define NOTHING         NULL, 0
#define LIST            CASE_BLOB "?comp=pagelist"
#define DECLARATION     "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
#define RANGE(from, to) "<PageRange><Start>" #from "</Start><End>" #to "</End></PageRange>"
#define HOLE(from, to)  "<ClearRange><Start>" #from "</Start><End>" #to "</End></ClearRange>"

static void expect_list(const struct region_process *region, const char *target,
                        const char *version, const char *expected)
{
    char *text = case_text(region, target, version);

    cr_assert_not_null(text, "%s was refused", target);
    cr_assert_str_eq(text, expected);
    free(text);
}

/* The list of protocol.md A.7, page for page: a diff whose second page is clear. */
Test(region_pagelist, writes_the_recorded_diff_with_its_marker)
{
    struct region_process region = case_begin(4096);
    char first[40];
    char second[40];
    char target[256];

    case_write(&region, CASE_BLOB, 512, 512, 'a');
    case_snapshot(&region, CASE_BLOB, first);
    case_write(&region, CASE_BLOB, 0, 512, 'a');
    case_clear(&region, CASE_BLOB, 512, 512);
    case_write(&region, CASE_BLOB, 1024, 512, 'a');
    case_snapshot(&region, CASE_BLOB, second);
    snprintf(target, sizeof target, LIST "&snapshot=%s&prevsnapshot=%s&maxresults=2", second,
             first);
    expect_list(&region, target, "2021-04-10",
                DECLARATION "<PageList>" RANGE(0, 511)
                    HOLE(512, 1023) "<NextMarker>2!16!MDAwMDA0ITEwMjQh</NextMarker></PageList>");
    snprintf(target, sizeof target,
             LIST "&snapshot=%s&prevsnapshot=%s&maxresults=2&marker=2!16!MDAwMDA0ITEwMjQh", second,
             first);
    expect_list(&region, target, "2021-04-10",
                DECLARATION "<PageList>" RANGE(1024, 1535) "<NextMarker/></PageList>");
    region_stop(&region);
}

Test(region_pagelist, leaves_holes_out_and_merges_neighbours)
{
    struct region_process region = case_begin(8192);
    struct raw_answer answer;

    expect_list(&region, LIST, NULL, DECLARATION "<PageList></PageList>");
    case_write(&region, CASE_BLOB, 512, 512, 'a');
    case_write(&region, CASE_BLOB, 1024, 512, 'a');
    case_write(&region, CASE_BLOB, 4096, 4096, 0);
    expect_list(&region, LIST, NULL,
                DECLARATION "<PageList>" RANGE(512, 1535) RANGE(4096, 8191) "</PageList>");
    answer = case_ok(&region, 200, "GET", LIST, NOTHING, "x-ms-range: bytes=1024-4607\r\n");
    cr_assert_str_eq(answer.body,
                     DECLARATION "<PageList>" RANGE(1024, 1535) RANGE(4096, 4607) "</PageList>");
    cr_assert_str_eq(raw_header(&answer, "x-ms-blob-content-length"), "8192");
    cr_assert_not_null(raw_header(&answer, "ETag"));
    cr_assert_str_eq(raw_header(&answer, "Transfer-Encoding"), "chunked");
    raw_answer_fini(&answer);
    case_refused(&region, 416, "InvalidRange", "GET", LIST, NOTHING,
                 "x-ms-range: bytes=8192-9215\r\n");
    region_stop(&region);
}

Test(region_pagelist, pages_through_everything_exactly_once)
{
    struct region_process region = case_begin(1 << 20);
    char target[256] = LIST "&maxresults=3";
    unsigned seen = 0;
    unsigned pages = 0;
    bool more = true;

    for (unsigned i = 0; i < 10; i++)
        case_write(&region, CASE_BLOB, i * 1024, 512, 'p');
    while (more) {
        char *text = case_text(&region, target, NULL);
        char *marker = strstr(text, "<NextMarker>");

        for (char *at = text; (at = strstr(at, "<Start>")); at += 7)
            cr_assert_eq(strtoul(at + 7, NULL, 10), 1024 * seen++);
        more = marker != NULL;
        if (more)
            snprintf(target, sizeof target, LIST "&maxresults=3&marker=%.*s",
                     (int)strcspn(marker + 12, "<"), marker + 12);
        pages++;
        free(text);
    }
    cr_assert_eq(seen, 10);
    cr_assert_eq(pages, 4);
    region_stop(&region);
}

Test(region_pagelist, judges_maxresults_and_markers_where_there_are_pages)
{
    struct region_process region = case_begin(4096);

    case_write(&region, CASE_BLOB, 0, 512, 'a');
    case_write(&region, CASE_BLOB, 1024, 512, 'a');
    case_refused(&region, 400, "OutOfRangeQueryParameterValue", "GET", LIST "&maxresults=0",
                 NOTHING, "%s", "");
    case_refused(&region, 400, "OutOfRangeQueryParameterValue", "GET", LIST "&maxresults=-1",
                 NOTHING, "%s", "");
    case_refused(&region, 400, "InvalidQueryParameterValue", "GET", LIST "&maxresults=many",
                 NOTHING, "%s", "");
    case_refused(&region, 400, "InvalidQueryParameterValue", "GET", LIST "&marker=1024", NOTHING,
                 "%s", "");
    expect_list(&region, LIST "&maxresults=100000", NULL,
                DECLARATION "<PageList>" RANGE(0, 511)
                    RANGE(1024, 1535) "<NextMarker/></PageList>");
    expect_list(&region, LIST "&maxresults=1", "2019-12-12",
                DECLARATION "<PageList>" RANGE(0, 511) RANGE(1024, 1535) "</PageList>");
    region_stop(&region);
}

Test(region_pagelist, tells_a_truth_the_official_emulator_does_not_know)
{
    struct region_process region = case_begin(1 << 20);
    char old[40];
    char target[256];

    case_write(&region, CASE_BLOB, 0, 65536, 'x');
    case_snapshot(&region, CASE_BLOB, old);
    snprintf(target, sizeof target, LIST "&prevsnapshot=%s", old);
    expect_list(&region, target, NULL, DECLARATION "<PageList></PageList>");
    case_write(&region, CASE_BLOB, 4096, 512, 'y');
    case_clear(&region, CASE_BLOB, 8192, 4096);
    case_write(&region, CASE_BLOB, 131072, 512, 'z');
    expect_list(&region, target, NULL,
                DECLARATION "<PageList>" RANGE(4096, 4607) HOLE(8192, 12287)
                    RANGE(131072, 131583) "</PageList>");
    region_stop(&region);
}

Test(region_pagelist, names_what_is_wrong_with_a_diff)
{
    struct region_process region = case_begin(4096);
    char first[40];
    char second[40];
    char target[256];
    struct raw_answer answer;

    case_snapshot(&region, CASE_BLOB, first);
    case_write(&region, CASE_BLOB, 0, 512, 'w');
    case_snapshot(&region, CASE_BLOB, second);
    snprintf(target, sizeof target, LIST "&snapshot=%s&prevsnapshot=%s", first, second);
    case_refused(&region, 400, "PreviousSnapshotCannotBeNewer", "GET", target, NOTHING, "%s", "");
    case_refused(&region, 409, "PreviousSnapshotNotFound", "GET",
                 LIST "&prevsnapshot=2024-01-05T01:00:00.0000000Z", NOTHING, "%s", "");
    case_refused(&region, 400, "InvalidQueryParameterValue", "GET",
                 LIST "&prevsnapshot=http%3A%2F%2Fhost%2Fdisk", NOTHING, "%s", "");
    case_refused(&region, 400, "UnsupportedHeaderForNonManagedDisksAccount", "GET", LIST, NOTHING,
                 "x-ms-previous-snapshot-url: http://127.0.0.1/a/b/c?snapshot=%s\r\n", first);
    answer = case_ok(&region, 201, "PUT", CASE_BLOB, NOTHING,
                     "x-ms-blob-type: PageBlob\r\nx-ms-blob-content-length: 4096\r\n");
    raw_answer_fini(&answer);
    snprintf(target, sizeof target, LIST "&prevsnapshot=%s", second);
    case_refused(&region, 409, "BlobOverwritten", "GET", target, NOTHING, "%s", "");
    region_stop(&region);
}
