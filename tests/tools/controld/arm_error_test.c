/* arm_error_test.c - what callers are told: the service's body, and never a secret. */
#include <criterion/criterion.h>
#include <string.h>

#include "tools/controld/arm_error.h"

static void expect_body(const struct arm_error *e, const char *text)
{
    json_t *body = arm_error_json(e);
    char *dumped = json_dumps(body, JSON_COMPACT);

    cr_expect_str_eq(dumped, text);
    free(dumped);
    json_decref(body);
}

Test(arm_error, writes_the_service_s_body_with_a_target_where_there_is_one)
{
    struct arm_error e = {0};

    cr_expect_not(arm_error_bad(&e, "properties.source.id", "It is a %s.", "disk"));
    expect_body(&e, "{\"error\":{\"code\":\"BadRequest\",\"message\":\"It is a disk.\",\"target\":"
                    "\"properties.source.id\"}}");
    arm_error_clear(&e);
    cr_expect_not(arm_error_refused(&e, NULL, "Five at most."));
    cr_expect_eq(e.status, 409);
    expect_body(&e, "{\"error\":{\"code\":\"OperationNotAllowed\",\"message\":\"Five at most.\"}}");
}

Test(arm_error, tells_no_secret_and_keeps_to_printable_characters)
{
    struct arm_error e = {0};

    arm_error_bad(&e, "a\nb", "No '%s' \x01\xff\xc3.", "https://h/c/b?sv=1&sig=SECRETSECRET");
    cr_expect(strstr(e.message, "SECRET") == NULL, "%s", e.message);
    cr_expect_str_eq(e.target, "a?b");
    cr_expect(strstr(e.message, " ???.") != NULL, "%s", e.message);
    expect_body(&e, "{\"error\":{\"code\":\"BadRequest\",\"message\":\"No 'https://h/c/b?*' ???.\","
                    "\"target\":\"a?b\"}}");
}

Test(arm_error, cuts_what_is_too_long)
{
    char text[2000];
    struct arm_error e = {0};
    json_t *body;

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    arm_error_bad(&e, text, "%s", text);
    cr_expect_eq(strlen(e.message), ARM_ERROR_MESSAGE_MAX_BYTES - 1);
    cr_expect_eq(strlen(e.target), ARM_ERROR_TARGET_MAX_BYTES - 1);
    body = arm_error_json(&e);
    cr_expect(body != NULL);
    json_decref(body);
}

Test(arm_error, says_what_failed_below_as_the_service_would)
{
    static const struct {
        enum err_kind kind;
        int status;
        const char *code;
    } rows[] = {{ERR_IO, 500, "InternalExecutionError"},
                {ERR_NET, 500, "VMRestorePointInternalError"},
                {ERR_AUTH, 409, "DiskRestorePointClientError"},
                {ERR_THROTTLED, 429, "TooManyRequests"},
                {ERR_GONE, 409, "DiskRestorePointClientError"},
                {ERR_CORRUPT, 500, "InternalExecutionError"},
                {ERR_LIMIT, 409, "OperationNotAllowed"},
                {ERR_USAGE, 400, "BadRequest"},
                {ERR_CONFLICT, 409, "Conflict"},
                {ERR_CANCELED, 409, "OperationPreempted"}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err cause = {0};
        struct arm_error e = {0};

        err_set(&cause, rows[i].kind, RETRY_NEVER, "the region said no");
        cr_expect_not(arm_error_of(&e, &cause));
        cr_expect_eq(e.status, rows[i].status, "%s", err_kind_name(rows[i].kind));
        cr_expect_str_eq(e.code, rows[i].code);
        cr_expect_str_eq(e.message, "the region said no");
    }
}
