/* shared_key_check_test.c - Shared Key against the vectors of protocol.md B.1 and its refusals. */
#include <criterion/criterion.h>
#include <string.h>

#include "tools/regiond/region_auth.h"
#include "tools/regiond/region_clock.h"

#define DATE   "Fri, 01 Mar 2024 00:00:00 GMT"
#define DATE_S UINT64_C(1709251200)
#define DEV    "devstoreaccount1"

static struct accounts *development(void)
{
    struct accounts *accounts = accounts_new();
    char why[200];

    cr_assert(accounts_add_development(accounts, why, sizeof why), "%s", why);
    return accounts;
}

static void header(struct request *r, const char *name, const char *value)
{
    r->headers[r->header_count++] = (struct request_pair){name, value};
}

static void target(struct request *r, const char *method, const char *text)
{
    struct service_error e = {0};

    r->method = method;
    cr_assert(request_set_target(r, text, &e), "%s", e.message);
}

static void read_headers(struct request *r)
{
    struct service_error e = {0};

    cr_assert(request_read_headers(r, &e), "%s", e.message);
}

static bool check(struct request *r, uint64_t now_s, struct service_error *e)
{
    struct accounts *accounts = development();
    bool right =
        shared_key_check(accounts_find(accounts, DEV), r, region_clock_from_unix(now_s), e);

    accounts_free(accounts);
    return right;
}

/* The first vector of B.1, with the headers in an order and a spelling of the client's own. */
static void page_list_request(struct request *r)
{
    target(
        r, "GET",
        "/devstoreaccount1/cont/disk.vhd?snapshot=2024-01-05T01%3A00%3A00.0000000Z&comp=pagelist");
    header(r, "X-MS-Version", "2021-12-02");
    header(r, "x-ms-range", "  bytes=0-4194303 ");
    header(r, "Host", "127.0.0.1:10000");
    header(r, "x-ms-date", DATE);
    header(r, "Authorization",
           "SharedKey devstoreaccount1:n21Ixzp96zMWY/K6zvOete9ZhRC72IYTPLqYyQiFN/k=");
    read_headers(r);
}

Test(shared_key, accepts_the_path_style_vector_with_the_account_twice)
{
    struct request r = {0};
    struct service_error e = {0};

    page_list_request(&r);
    cr_assert(check(&r, DATE_S, &e), "%s", e.extra[0].value);
    request_fini(&r);
}

/* B.1's second vector signs /myaccount/cont/..., as a host-style client does: here the path's
 * account is the raw path's first segment, so the vector is the same text with that path. */
Test(shared_key, accepts_the_put_page_vector_with_content_length_and_type)
{
    struct request r = {0};
    struct service_error e = {0};

    target(&r, "PUT", "/devstoreaccount1/cont/disk.vhd?comp=page");
    r.raw_path = "/cont/disk.vhd";
    strcpy(r.account, "myaccount");
    header(&r, "Content-Length", "4194304");
    header(&r, "Content-Type", "application/octet-stream");
    header(&r, "x-ms-page-write", "update");
    header(&r, "x-ms-range", "bytes=0-4194303");
    header(&r, "x-ms-version", "2021-12-02");
    header(&r, "x-ms-date", DATE);
    header(&r, "Authorization",
           "SharedKey devstoreaccount1:EUUfD3g61vSDhM6iWEWjkkZmLSGDWiAIDidUhpTzHcI=");
    read_headers(&r);
    cr_assert(check(&r, DATE_S, &e), "%s", e.extra[0].value);
    request_fini(&r);
}

static void expect_refusal(struct request *r, uint64_t now_s, const char *code, const char *detail)
{
    struct service_error e = {0};

    cr_assert_not(check(r, now_s, &e));
    cr_assert_str_eq(e.code, code);
    if (detail)
        cr_assert(strstr(e.extra[0].value, detail), "%s", e.extra[0].value);
    request_fini(r);
}

Test(shared_key, refuses_a_changed_header)
{
    struct request r = {0};

    page_list_request(&r);
    r.headers[1].value = "bytes=0-4194815";
    expect_refusal(&r, DATE_S, "AuthenticationFailed", "MAC signature");
}

Test(shared_key, refuses_a_changed_query)
{
    struct request r = {0};

    page_list_request(&r);
    r.params[0].value = "2024-01-05T02:00:00.0000000Z";
    expect_refusal(&r, DATE_S, "AuthenticationFailed", "MAC signature");
}

Test(shared_key, refuses_a_changed_verb)
{
    struct request r = {0};

    page_list_request(&r);
    r.method = "DELETE";
    expect_refusal(&r, DATE_S, "AuthenticationFailed", "MAC signature");
}

Test(shared_key, accepts_a_clock_fifteen_minutes_off_and_refuses_one_second_more)
{
    static const uint64_t far[] = {DATE_S - 901, DATE_S + 901};
    struct service_error e = {0};
    struct request near = {0};

    page_list_request(&near);
    cr_assert(check(&near, DATE_S + 900, &e));
    cr_assert(check(&near, DATE_S - 900, &e));
    request_fini(&near);
    for (size_t i = 0; i < 2; i++) {
        struct request r = {0};

        page_list_request(&r);
        expect_refusal(&r, far[i], "AuthenticationFailed", i ? "too old" : "too new");
    }
}

Test(shared_key, refuses_a_request_without_a_date)
{
    struct request r = {0};

    page_list_request(&r);
    r.headers[3].name = "x-date";
    expect_refusal(&r, DATE_S, "AuthenticationFailed", "Date header");
}

Test(shared_key, refuses_another_account_than_the_one_of_the_path)
{
    struct request r = {0};

    page_list_request(&r);
    r.headers[4].value = "SharedKey other:n21Ixzp96zMWY/K6zvOete9ZhRC72IYTPLqYyQiFN/k=";
    expect_refusal(&r, DATE_S, "AuthenticationFailed", "not the account");
}

Test(shared_key, refuses_another_scheme_and_a_header_without_a_signature)
{
    static const char *const values[] = {"SharedKeyLite devstoreaccount1:abcd",
                                         "SharedKey devstoreaccount1", "Bearer abcd", ""};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct request r = {0};

        page_list_request(&r);
        r.headers[4].value = values[i];
        expect_refusal(&r, DATE_S, "InvalidAuthenticationInfo", NULL);
    }
}
