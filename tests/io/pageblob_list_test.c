/* pageblob_list_test.c - lists of many pages, of hosts that run out of time, and of hosts that lie. */
#include "io/pageblob_list.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/http_bench.h"

#define BLOB_BYTES (64ull << 20)
#define XML(body)                                                                                  \
    {                                                                                              \
        .bytes = "HTTP/1.1 200 OK\r\nx-ms-blob-content-length: 67108864\r\nConnection: "           \
                 "close\r\n\r\n<PageList>" body "</PageList>",                                     \
        .then = SCRIPT_CLOSE                                                                       \
    }
#define RANGE(start, end) "<PageRange><Start>" start "</Start><End>" end "</End></PageRange>"
#define CLEAR(start, end) "<ClearRange><Start>" start "</Start><End>" end "</End></ClearRange>"
#define REFUSAL(status, code)                                                                      \
    {                                                                                              \
        .bytes = "HTTP/1.1 " status "\r\nx-ms-error-code: " code "\r\nContent-Length: 0\r\n\r\n"   \
    }

struct fixture {
    struct http_bench bench;
    struct pageblob *blob;
    struct extent_set data, clears;
    struct pageblob_list list;
    bool done;
    struct extent_set taken; /* what on_page took away */
    uint64_t up_to[4];
    unsigned pages;
};

static void on_list(struct pageblob_list *list)
{
    ((struct fixture *)((char *)list - offsetof(struct fixture, list)))->done = true;
}

/* Takes what is there, as one does who keeps it elsewhere. */
static void on_page(struct pageblob_list *list)
{
    struct fixture *f = (struct fixture *)((char *)list - offsetof(struct fixture, list));

    cr_assert_lt(f->pages, 4u);
    f->up_to[f->pages++] = list->up_to;
    for (size_t i = 0; i < f->data.count; i++)
        cr_assert(extent_set_append(&f->taken, extent_set_at(&f->data, i)));
    extent_set_clear(&f->data);
}

static void begin(struct fixture *f, const struct script_answer *answers, size_t count)
{
    struct err e = {0};

    memset(f, 0, sizeof *f);
    http_bench_setup(&f->bench, answers, count);
    f->blob = pageblob_new(f->bench.http, &f->bench.url, false, &e);
    cr_assert(f->blob);
    f->list = (struct pageblob_list){
        .within = {0, BLOB_BYTES}, .size_bytes = BLOB_BYTES, .out_data = &f->data, .done = on_list};
}

static struct err run(struct fixture *f)
{
    struct err e = {0};

    pageblob_list(f->blob, &f->list);
    cr_assert(!f->done);
    while (!f->done)
        cr_assert(reactor_turn(f->bench.reactor, NS_PER_S, &e), "%s", e.text);
    return f->list.err;
}

static void finish(struct fixture *f)
{
    extent_set_fini(&f->data);
    extent_set_fini(&f->clears);
    extent_set_fini(&f->taken);
    pageblob_free(f->blob);
    http_bench_finish(&f->bench);
}

static bool request_has(struct fixture *f, size_t i, const char *text)
{
    return strstr(script_server_request(f->bench.server, i), text) != NULL;
}

static void expect_extents(const struct extent_set *set, const struct extent *wanted, size_t count)
{
    cr_assert_eq(set->count, count, "%zu extents", set->count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(extent_set_at(set, i).offset, wanted[i].offset, "extent %zu", i);
        cr_assert_eq(extent_set_at(set, i).length, wanted[i].length, "extent %zu", i);
    }
}

Test(pageblob_list, follows_markers_and_joins_what_the_pages_cut)
{
    static const struct script_answer answers[] = {
        XML(RANGE("0", "511") "<NextMarker>2!a+b=</NextMarker>"),
        XML(RANGE("512", "1023") RANGE("4096", "4607") "<NextMarker/>")};
    static const struct extent wanted[] = {{0, 1024}, {4096, 512}};
    struct fixture f;
    struct err e;

    begin(&f, answers, 2);
    e = run(&f);
    cr_assert(!err_is_set(&e), "%s", e.text);
    expect_extents(&f.data, wanted, 2);
    cr_assert_eq(f.list.pages_count, 2);
    cr_assert(request_has(&f, 0, "comp=pagelist&maxresults=10000 HTTP"));
    cr_assert(request_has(&f, 1, "&marker=2%21a%2Bb%3D HTTP"));
    cr_assert(!request_has(&f, 0, "x-ms-range"));
    finish(&f);
}

Test(pageblob_list, tells_how_far_it_is_and_lets_the_ranges_be_taken)
{
    static const struct script_answer answers[] = {
        XML(RANGE("0", "511") "<NextMarker>2</NextMarker>"),
        XML(RANGE("512", "1023") RANGE("4096", "4607") "<NextMarker>3</NextMarker>"),
        XML("<NextMarker/>")};
    static const struct extent wanted[] = {{0, 1024}, {4096, 512}};
    struct fixture f;
    struct err e;

    begin(&f, answers, 3);
    f.list.page = on_page;
    e = run(&f);
    cr_assert(!err_is_set(&e), "%s", e.text);
    expect_extents(&f.taken, wanted, 2);
    cr_assert_eq(f.data.count, 0);
    cr_assert_eq(f.pages, 3);
    cr_assert_eq(f.up_to[0], 0); /* a page is believed when the next one has come */
    cr_assert_eq(f.up_to[1], 512);
    cr_assert_eq(f.up_to[2], BLOB_BYTES);
    finish(&f);
}

Test(pageblob_list, a_diff_names_the_snapshot_and_keeps_clears_apart)
{
    static const struct script_answer answers[] = {
        XML(RANGE("0", "511") CLEAR("512", "1023") RANGE("2048", "2559"))};
    static const struct extent data[] = {{0, 512}, {2048, 512}}, clears[] = {{512, 512}};
    struct fixture f;
    struct err e;

    begin(&f, answers, 1);
    f.list.since_snapshot = "2024-01-05T01:00:00.0000000Z";
    f.list.out_clears = &f.clears;
    e = run(&f);
    cr_assert(!err_is_set(&e), "%s", e.text);
    expect_extents(&f.data, data, 2);
    expect_extents(&f.clears, clears, 1);
    cr_assert_eq(f.list.clears_count, 1);
    cr_assert(request_has(&f, 0, "&prevsnapshot=2024-01-05T01%3A00%3A00.0000000Z&"));
    finish(&f);
}

Test(pageblob_list, a_part_is_asked_for_by_its_window)
{
    static const struct script_answer answers[] = {XML(RANGE("0", "8191"))};
    static const struct extent wanted[] = {{4096, 4096}};
    struct fixture f;
    struct err e;

    begin(&f, answers, 1);
    f.list.within = (struct extent){4096, 8192};
    e = run(&f);
    cr_assert(!err_is_set(&e), "%s", e.text);
    expect_extents(&f.data, wanted, 1);
    cr_assert(request_has(&f, 0, "x-ms-range: bytes=4096-12287"));
    finish(&f);
}

Test(pageblob_list, a_host_that_runs_out_of_time_is_asked_for_half_and_then_for_more)
{
    static const struct script_answer answers[] = {REFUSAL("500 No", "OperationTimedOut"),
                                                   REFUSAL("500 No", "OperationTimedOut"),
                                                   XML(RANGE("0", "511")),
                                                   XML(RANGE("16777216", "16777727")), XML("")};
    static const struct extent wanted[] = {{0, 512}, {16777216, 512}};
    struct fixture f;
    struct err e;

    begin(&f, answers, 5);
    e = run(&f);
    cr_assert(!err_is_set(&e), "%s", e.text);
    expect_extents(&f.data, wanted, 2);
    cr_assert(request_has(&f, 1, "x-ms-range: bytes=0-33554431"));
    cr_assert(request_has(&f, 2, "x-ms-range: bytes=0-16777215"));
    cr_assert(request_has(&f, 3, "x-ms-range: bytes=16777216-50331647"));
    cr_assert(request_has(&f, 4, "x-ms-range: bytes=50331648-67108863"));
    finish(&f);
}

Test(pageblob_list, a_host_that_refuses_pages_is_asked_without)
{
    static const struct script_answer answers[] = {REFUSAL("400 No", "UnsupportedQueryParameter"),
                                                   XML(RANGE("0", "511"))};
    struct fixture f;
    struct err e;

    begin(&f, answers, 2);
    e = run(&f);
    cr_assert(!err_is_set(&e), "%s", e.text);
    cr_assert(request_has(&f, 1, "comp=pagelist HTTP"));
    finish(&f);
}

Test(pageblob_list, one_lost_page_is_asked_for_again_and_no_other)
{
    static const struct script_answer answers[] = {XML(RANGE("0",
                                                             "511") "<NextMarker>m1</NextMarker>"),
                                                   {.then = SCRIPT_CLOSE},
                                                   XML(RANGE("1024", "1535"))};
    static const struct extent wanted[] = {{0, 512}, {1024, 512}};
    struct fixture f;
    struct err e;

    begin(&f, answers, 3);
    e = run(&f);
    cr_assert(!err_is_set(&e), "%s", e.text);
    expect_extents(&f.data, wanted, 2);
    cr_assert(request_has(&f, 1, "marker=m1"));
    cr_assert(request_has(&f, 2, "marker=m1"));
    finish(&f);
}

static void expect_failure(const struct script_answer *answers, size_t count, enum err_kind kind,
                           const char *says)
{
    struct fixture f;
    struct err e;

    begin(&f, answers, count);
    e = run(&f);
    cr_assert_eq(e.kind, kind, "%s", e.text);
    cr_assert(strstr(e.text, says), "%s", e.text);
    cr_assert_eq(f.data.count, 0);
    finish(&f);
}

Test(pageblob_list, a_marker_that_comes_again_ends_the_list)
{
    static const struct script_answer answers[] = {
        XML(RANGE("0", "511") "<NextMarker>m</NextMarker>"), XML("<NextMarker>m</NextMarker>")};

    expect_failure(answers, 2, ERR_CORRUPT, "again and again");
}

Test(pageblob_list, markers_that_go_in_circles_end_the_list)
{
    static const struct script_answer circle[] = {XML("<NextMarker>a</NextMarker>"),
                                                  XML("<NextMarker>b</NextMarker>")};
    static struct script_answer answers[PAGEBLOB_LIST_EMPTY_PAGES_MAX + 1];

    for (unsigned i = 0; i <= PAGEBLOB_LIST_EMPTY_PAGES_MAX; i++)
        answers[i] = circle[i % 2];
    expect_failure(answers, PAGEBLOB_LIST_EMPTY_PAGES_MAX + 1, ERR_CORRUPT, "again and again");
}

Test(pageblob_list, a_page_that_goes_back_is_refused)
{
    static const struct script_answer answers[] = {
        XML(RANGE("1024", "1535") "<NextMarker>m</NextMarker>"), XML(RANGE("0", "511"))};

    expect_failure(answers, 2, ERR_CORRUPT, "not in order");
}

/* Had it been believed, the list would have gone on behind it, past a range it never saw. */
Test(pageblob_list, a_page_that_came_too_early_hides_no_range)
{
    static const struct script_answer answers[] = {
        XML(RANGE("33554432", "33554943") "<NextMarker>m</NextMarker>"),
        REFUSAL("500 x", "OperationTimedOut"), XML(RANGE("512", "1023") "<NextMarker/>"),
        XML(RANGE("33554432", "33554943") "<NextMarker/>")};
    static const struct extent wanted[] = {{512, 512}, {33554432, 512}};
    struct fixture f;
    struct err e;

    begin(&f, answers, 4);
    f.list.page = on_page;
    e = run(&f);
    cr_assert(!err_is_set(&e), "%s", e.text);
    cr_assert(request_has(&f, 2, "x-ms-range: bytes=0-33554431"));
    cr_assert_eq(f.up_to[0], 0);
    expect_extents(&f.taken, wanted, 2);
    finish(&f);
}

Test(pageblob_list, a_blob_that_shrinks_between_two_pages_calls_for_another_plan)
{
    static const struct script_answer answers[] = {
        XML(RANGE("67108352", "67108863") "<NextMarker>m</NextMarker>"),
        {.bytes = "HTTP/1.1 200 OK\r\nx-ms-blob-content-length: 1024\r\nConnection: close\r\n\r\n"
                  "<PageList><NextMarker/></PageList>",
         .then = SCRIPT_CLOSE}};
    struct fixture f;
    struct err e;

    begin(&f, answers, 2);
    e = run(&f);
    cr_assert_eq(e.kind, ERR_GONE, "%s", e.text);
    cr_assert_eq(e.retry, RETRY_REPLAN);
    finish(&f);
}

/* The second window: nothing on its first page, then a range that began before the window. */
Test(pageblob_list, an_empty_page_does_not_take_a_window_back_to_where_the_blob_begins)
{
    static const struct script_answer answers[] = {REFUSAL("500 x", "OperationTimedOut"),
                                                   XML(RANGE("0", "33554431")),
                                                   XML("<NextMarker>m</NextMarker>"),
                                                   XML(RANGE("512", "33554943") "<NextMarker/>")};
    static const struct extent wanted[] = {{0, 33554944}};
    struct fixture f;
    struct err e;

    begin(&f, answers, 4);
    e = run(&f);
    if (err_is_set(&e))
        cr_assert_eq(e.kind, ERR_CORRUPT, "%s", e.text);
    else
        expect_extents(&f.data, wanted, 1);
    finish(&f);
}

Test(pageblob_list, a_range_beyond_the_blob_is_refused)
{
    static const struct script_answer answers[] = {XML(RANGE("67108864", "67109375"))};

    expect_failure(answers, 1, ERR_CORRUPT, "beyond the end");
}

Test(pageblob_list, an_overwritten_blob_calls_for_another_plan)
{
    static const struct script_answer answers[] = {REFUSAL("409 No", "BlobOverwritten")};

    expect_failure(answers, 1, ERR_GONE, "no diff is possible");
}

Test(pageblob_list, a_cut_list_is_reported_after_a_few_tries)
{
    static const struct script_answer answers[] = {
        {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n<PageList><PageRange"}};
    struct fixture f;
    struct err e;

    begin(&f, answers, 1);
    e = run(&f);
    cr_assert_eq(e.kind, ERR_CORRUPT, "%s", e.text);
    cr_assert(strstr(e.text, "cut off"), "%s", e.text);
    cr_assert_eq(script_server_request_count(f.bench.server), PAGEBLOB_LIST_TRIES_MAX);
    finish(&f);
}
