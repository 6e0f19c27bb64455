/* arm_version_test.c - two lines of api-versions, each with its own dates. */
#include <criterion/criterion.h>
#include <string.h>

#include "tools/controld/arm_version.h"

static void expect_refused(enum arm_type type, const char *version, const char *code)
{
    struct arm_error e = {0};

    cr_assert_not(arm_version_check(type, version, &e), "%s", version ? version : "none");
    cr_expect_eq(e.status, 400);
    cr_expect_str_eq(e.code, code);
    cr_expect_str_eq(e.target, "api-version");
    if (version && *version)
        cr_expect(strstr(e.message, arm_version_current(type)) != NULL, "lists what is served");
}

Test(arm_version, takes_the_dates_of_the_resource_s_own_line)
{
    struct arm_error e = {0};

    for (int type = ARM_COLLECTION; type <= ARM_POINT; type++) {
        cr_expect(arm_version_check((enum arm_type)type, "2021-03-01", &e));
        cr_expect(arm_version_check((enum arm_type)type, "2026-03-01", &e));
        expect_refused((enum arm_type)type, "2025-01-02", "NoRegisteredProviderFound");
    }
    cr_expect(arm_version_check(ARM_DISK_POINT, "2025-01-02", &e));
    cr_expect(arm_version_check(ARM_DISK, "2020-09-30", &e));
    cr_expect(arm_version_check(ARM_MACHINE, "2024-07-01", &e));
    expect_refused(ARM_DISK_POINT, "2024-03-01", "NoRegisteredProviderFound");
    expect_refused(ARM_DISK, "2026-03-01", "NoRegisteredProviderFound");
    cr_expect(arm_version_check(ARM_NONE, "2025-01-02", &e), "an operation's URL takes either");
    cr_expect(arm_version_check(ARM_NONE, "2026-03-01", &e));
}

Test(arm_version, refuses_older_unknown_malformed_and_missing_ones)
{
    expect_refused(ARM_POINT, NULL, "MissingApiVersionParameter");
    expect_refused(ARM_POINT, "", "MissingApiVersionParameter");
    expect_refused(ARM_POINT, "2020-12-01", "NoRegisteredProviderFound");
    expect_refused(ARM_POINT, "2099-01-01", "NoRegisteredProviderFound");
    expect_refused(ARM_NONE, "2019-01-01", "NoRegisteredProviderFound");
    expect_refused(ARM_POINT, "2021-0301",
                   "InvalidApiVersionParameter"); /* a slip of the documents */
    expect_refused(ARM_POINT, "latest", "InvalidApiVersionParameter");
    expect_refused(ARM_POINT, "2021-03-01-preview", "InvalidApiVersionParameter");
}

Test(arm_version, says_from_which_date_on_something_can_be_done)
{
    struct arm_error e = {0};

    cr_expect(arm_version_reaches("2021-07-01", ARM_VERSION_CREATE_ELSEWHERE, "It", &e));
    cr_expect(arm_version_reaches("2026-03-01", ARM_VERSION_CREATE_ELSEWHERE, "It", &e));
    cr_expect_not(arm_version_reaches("2021-04-01", ARM_VERSION_CREATE_ELSEWHERE,
                                      "A point in another region", &e));
    cr_expect_str_eq(e.code, "BadRequest");
    cr_expect_str_eq(e.message, "A point in another region needs api-version 2021-07-01 or later; "
                                "the request has 2021-04-01.");
}
