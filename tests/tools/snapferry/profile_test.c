/* profile_test.c - which files are profiles, and what an option of its own changes. */
#include "tools/snapferry/profile.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "blockmap/stream_pack.h"
#include "io/compress_level.h"
#include "tests/support/test_reactor.h"

#define GOOD                                                                                       \
    "{\"format\":\"snapferry-profile-1\",\"window\":16,\"requestBytes\":1048576,\"new\":[1]}"

static struct err parse(const char *text, struct profile *out)
{
    struct err e = {0};

    cr_expect_eq(profile_parse(text, strlen(text), out, &e), !err_is_set(&e));
    return e;
}

Test(profile, is_read)
{
    struct profile p;
    struct err e = parse(GOOD, &p);

    cr_assert_not(err_is_set(&e), "%s", e.text);
    cr_expect_eq(p.window, 16);
    cr_expect_eq(p.request_bytes, 1048576);
}

Test(profile, is_refused_with_what_is_wrong)
{
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"", "not JSON"},
        {"[]", "not a profile"},
        {"7", "not JSON"},
        {"{\"format\":1}", "not a profile"},
        {"{\"format\":\"snapferry-profile-2\"}", "snapferry-profile-1"},
        {"{\"format\":\"snapferry-profile-1\",\"requestBytes\":65536}", "\"window\""},
        {"{\"format\":\"snapferry-profile-1\",\"window\":0,\"requestBytes\":65536}", "\"window\""},
        {"{\"format\":\"snapferry-profile-1\",\"window\":1025,\"requestBytes\":65536}", "1024"},
        {"{\"format\":\"snapferry-profile-1\",\"window\":1.5,\"requestBytes\":65536}", "whole"},
        {"{\"format\":\"snapferry-profile-1\",\"window\":4,\"requestBytes\":32768}", "65536"},
        {"{\"format\":\"snapferry-profile-1\",\"window\":4,\"requestBytes\":8388608}", "4194304"},
        {"{\"format\":\"snapferry-profile-1\",\"window\":4,\"requestBytes\":65537}",
         "power of two"},
        {"{\"format\":\"snapferry-profile-1\",\"window\":4,\"requestBytes\":65536,\"compress\":0}",
         "\"compress\""},
        {"{\"format\":\"snapferry-profile-1\",\"window\":4,\"requestBytes\":65536,\"compress\":20}",
         "\"compress\""},
        {"{\"format\":\"snapferry-profile-1\",\"window\":4,\"requestBytes\":65536,"
         "\"compress\":\"on\"}",
         "\"compress\""},
        {"{\"format\":\"snapferry-profile-1\",\"window\":4,\"window\":5,\"requestBytes\":65536}",
         "not JSON"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct profile p;
        struct err e = parse(rows[i].text, &p);

        cr_expect(e.kind == ERR_USAGE, "row %zu", i);
        cr_expect(strstr(e.text, rows[i].words), "row %zu: %s", i, e.text);
    }
}

Test(profile, begins_a_copy_but_options_of_their_own_go_before_it)
{
    char path[TEST_PATH_MAX_BYTES];
    struct options plain = {.profile = path}, asked = {.profile = path, .window_start = 3},
                   narrow = {.profile = path, .window_max = 8}, none = {.profile = "/nowhere/p"};
    struct err e = {0};
    FILE *file;

    test_temp_path(path, "profile.json");
    file = fopen(path, "w");
    cr_assert(file && fputs(GOOD, file) >= 0 && fclose(file) == 0);
    cr_assert(profile_apply(&plain, &e), "%s", e.text);
    cr_expect_eq(plain.window_start, 16);
    cr_expect_eq(plain.request_max_bytes, 1048576);
    cr_assert(profile_apply(&asked, &e) && profile_apply(&narrow, &e), "%s", e.text);
    cr_expect_eq(asked.window_start, 3);
    cr_expect_eq(narrow.window_start, 8);
    cr_expect_not(profile_apply(&none, &e));
    cr_expect(e.kind == ERR_USAGE && strstr(e.text, "/nowhere/p"));
}

Test(profile, says_how_to_compress_where_a_relay_was_measured)
{
    static const struct {
        const char *member;
        bool has;
        int level;
    } rows[] = {{"\"x\":1", false, COMPRESS_AUTO},
                {"\"compress\":\"auto\"", true, COMPRESS_AUTO},
                {"\"compress\":\"off\"", true, STREAM_LEVEL_RAW},
                {"\"compress\":-5", true, -5},
                {"\"compress\":19", true, 19}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[200];
        struct profile p;
        struct err e;

        snprintf(text, sizeof text,
                 "{\"format\":\"snapferry-profile-1\",\"window\":4,\"requestBytes\":65536,%s}",
                 rows[i].member);
        e = parse(text, &p);
        cr_assert_not(err_is_set(&e), "%s", e.text);
        cr_expect_eq(p.has_compress, rows[i].has);
        cr_expect_eq(p.compress, rows[i].level, "row %zu", i);
    }
}

Test(profile, leaves_a_compression_that_was_asked_for)
{
    char path[TEST_PATH_MAX_BYTES];
    struct options plain = {.profile = path, .compress = COMPRESS_AUTO},
                   asked = {.profile = path, .compress = 3, .compress_asked = true};
    struct err e = {0};
    FILE *file;

    test_temp_path(path, "relay.json");
    file = fopen(path, "w");
    cr_assert(file &&
              fputs("{\"format\":\"snapferry-profile-1\",\"window\":4,"
                    "\"requestBytes\":65536,\"compress\":\"off\"}",
                    file) >= 0 &&
              fclose(file) == 0);
    cr_assert(profile_apply(&plain, &e) && profile_apply(&asked, &e), "%s", e.text);
    cr_expect_eq(plain.compress, STREAM_LEVEL_RAW);
    cr_expect_eq(asked.compress, 3);
}
