/* request_test.c - a target as sent, taken apart. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tools/regiond/request.h"

static void expect_target(const char *target, const char *account, const char *container,
                          const char *blob)
{
    struct request r = {0};
    struct service_error e = {0};

    cr_assert(request_set_target(&r, target, &e), "%s", target);
    cr_assert_str_eq(r.account, account);
    cr_assert_str_eq(r.container, container);
    cr_assert_str_eq(r.blob, blob);
    cr_assert_str_eq(r.target, target);
    request_fini(&r);
}

static void expect_refused(const char *target, const char *code)
{
    struct request r = {0};
    struct service_error e = {0};

    cr_assert_not(request_set_target(&r, target, &e), "%s", target);
    cr_assert_str_eq(e.code, code);
    request_fini(&r);
}

Test(request, splits_path_style_addresses)
{
    expect_target("/", "", "", "");
    expect_target("/acct?comp=list", "acct", "", "");
    expect_target("/acct/?comp=list", "acct", "", "");
    expect_target("/acct/c?restype=container", "acct", "c", "");
    expect_target("/acct/c/disk.vhd", "acct", "c", "disk.vhd");
    expect_target("/acct/c/dir/disk%20a%2Fb+c", "acct", "c", "dir/disk a/b+c");
}

Test(request, decodes_parameters_and_keeps_what_was_sent)
{
    struct request r = {0};
    struct service_error e = {0};

    cr_assert(request_set_target(
        &r, "/a/c/b?snapshot=2024-01-05T01%3A00%3A00.0000000Z&SIG=a%2Bb+c&&flag&x=1=2", &e));
    cr_assert_str_eq(r.raw_path, "/a/c/b");
    cr_assert_str_eq(r.raw_query,
                     "snapshot=2024-01-05T01%3A00%3A00.0000000Z&SIG=a%2Bb+c&&flag&x=1=2");
    cr_assert_str_eq(r.snapshot, "2024-01-05T01:00:00.0000000Z");
    cr_assert_str_eq(request_param(&r, "sig"), "a+b c", "a raw + is a space, as the service reads");
    cr_assert_str_eq(request_param(&r, "flag"), "");
    cr_assert_str_eq(request_param(&r, "x"), "1=2");
    cr_assert_null(request_param(&r, "y"));
    cr_assert_eq(r.param_count, 4);
    request_fini(&r);
}

Test(request, knows_the_hosts_of_managed_disks_by_their_names)
{
    struct request r = {0};
    struct service_error e = {0};

    cr_assert(request_set_target(&r, "/md-impexp-x/c/b", &e));
    cr_assert(r.is_disk_host && r.is_upload_host);
    request_fini(&r);
    r = (struct request){0};
    cr_assert(request_set_target(&r, "/md-x/c/b", &e));
    cr_assert(r.is_disk_host && !r.is_upload_host);
    request_fini(&r);
    r = (struct request){0};
    cr_assert(request_set_target(&r, "/amd-x/c/b", &e));
    cr_assert_not(r.is_disk_host);
    request_fini(&r);
}

Test(request, refuses_targets_beyond_its_limits)
{
    char target[REQUEST_TARGET_MAX_BYTES + 2];

    memset(target, 'a', sizeof target);
    target[0] = '/';
    target[sizeof target - 1] = '\0';
    expect_refused(target, "InvalidUri");
    target[REQUEST_ACCOUNT_MAX_BYTES + 1] = '\0';
    expect_refused(target, "InvalidUri");
    expect_refused("*", "InvalidUri");
    expect_refused("//c/b", "InvalidUri");
    expect_refused("/a//b", "InvalidUri");
    expect_refused("/a/c/%zz", "InvalidUri");
    expect_refused("/a/c/b%00", "InvalidUri");
    expect_refused("/a/c/b%2", "InvalidUri");
    expect_refused("/a/c/b?x=%4", "InvalidQueryParameterValue");
    expect_refused("/a/c/b?snapshot=2024-01-05T01:00:00.0000000Z2024-01-05T01:00:00",
                   "InvalidQueryParameterValue");
}

Test(request, takes_as_many_parameters_as_it_has_room_for)
{
    char target[REQUEST_PARAM_MAX_COUNT * 4 + 32] = "/a/c/b?";
    size_t n = strlen(target);

    for (unsigned i = 0; i < REQUEST_PARAM_MAX_COUNT; i++)
        n += (size_t)snprintf(target + n, sizeof target - n, "a&");
    expect_target(target, "a", "c", "b");
    snprintf(target + n, sizeof target - n, "a");
    expect_refused(target, "InvalidUri");
}

static bool read_one(const char *name, const char *value, struct request *r,
                     struct service_error *e)
{
    *r = (struct request){.headers = {{name, value}}, .header_count = 1};
    *e = (struct service_error){0};
    return request_read_headers(r, e);
}

Test(request, reads_version_and_length)
{
    struct service_error e;
    struct request r;

    cr_assert(read_one("X-MS-Version", "2020-10-02", &r, &e));
    cr_assert(request_version_at_least(&r, "2020-10-02"));
    cr_assert_not(request_version_at_least(&r, "2020-12-06"));
    cr_assert_not(read_one("x-ms-version", "latest", &r, &e));
    cr_assert_str_eq(e.code, "InvalidHeaderValue");
    cr_assert(read_one("content-length", "35183298347520", &r, &e));
    cr_assert_eq(r.content_length, UINT64_C(35183298347520));
    cr_assert_not(read_one("Content-Length", "-1", &r, &e));
    cr_assert_not(read_one("Content-Length", "99999999999999999999", &r, &e));
    cr_assert_not(read_one("Content-Length", "5x", &r, &e));
}
