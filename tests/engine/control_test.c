/* control_test.c - commands as lines of JSON: what each verb takes, and what is refused and how. */
#include "engine/control.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIG "c2VjcmV0"
#define URL "https://acc.blob.core.windows.net/c/b?sv=1&se=2030-01-01T00:00:00Z&sig=" SIG

static struct control parsed(const char *line)
{
    struct control control;
    struct err e = {0};
    bool known;

    cr_assert(control_parse(line, strlen(line), &control, &known, &e), "%s: %s", line, e.text);
    cr_assert(known);
    return control;
}

/* Refused, with these words in the sentence, and nothing of the secret. */
static void refused(const char *line, const char *words, bool verb_known)
{
    struct control control;
    struct err e = {0};
    bool known;

    cr_assert_not(control_parse(line, strlen(line), &control, &known, &e), "%.200s", line);
    cr_expect(strstr(e.text, words), "%.200s: %s", line, e.text);
    cr_expect_null(strstr(e.text, SIG), "%s", e.text);
    cr_expect_null(strstr(e.text, "acc"), "%s", e.text);
    cr_expect_eq(known, verb_known, "%.200s: %s", line, e.text);
    control_fini(&control);
}

Test(control, reads_a_renewal)
{
    struct control control =
        parsed("{\"command\":\"renewAccess\",\"disk\":\"d1\",\"side\":\"base\",\"url\":\"" URL
               "\",\"expiresOn\":\"2030-01-01T02:00:00+02:00\",\"tag\":\"t\"}");

    cr_expect_eq(control.verb, CONTROL_RENEW_ACCESS);
    cr_expect_str_eq(control.disk, "d1");
    cr_expect_eq(control.side, ACCESS_BASE);
    cr_expect_str_eq(control.url, URL);
    cr_expect_eq(control.expires_s, 1893456000);
    cr_expect_str_eq(control.tag, "t");
    control_fini(&control);
    cr_expect_null(control.url);
}

Test(control, reads_verbs_for_a_disk_or_a_restore_point)
{
    static const enum control_verb verbs[] = {CONTROL_PAUSE, CONTROL_RESUME, CONTROL_CANCEL};
    char line[200];

    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        struct control control;

        snprintf(line, sizeof line, "{\"command\":\"%s\",\"disk\":\"d\"}",
                 control_verb_name(verbs[i]));
        control = parsed(line);
        cr_expect_eq(control.verb, verbs[i]);
        cr_expect_str_eq(control.disk, "d");
        cr_expect_null(control.point);
        control_fini(&control);
        snprintf(line, sizeof line, "{\"command\":\"%s\",\"restorePoint\":\"p\"}",
                 control_verb_name(verbs[i]));
        control = parsed(line);
        cr_expect_str_eq(control.point, "p");
        cr_expect_null(control.disk);
        control_fini(&control);
        snprintf(line, sizeof line, "{\"command\":\"%s\"}", control_verb_name(verbs[i]));
        refused(line, "needs a \"disk\" or a \"restorePoint\"", true);
        snprintf(line, sizeof line, "{\"command\":\"%s\",\"disk\":\"d\",\"restorePoint\":\"p\"}",
                 control_verb_name(verbs[i]));
        refused(line, "one of the two", true);
    }
}

Test(control, limits_that_are_absent_stay)
{
    struct control control = parsed("{\"command\":\"setLimits\",\"bytesPerSecond\":1048576,"
                                    "\"blobRequestsPerSecond\":\"none\",\"blobBytesPerSecond\":0}");

    cr_expect(control.limit_given[CONTROL_LIMIT_BYTES]);
    cr_expect_eq(control.limit[CONTROL_LIMIT_BYTES], 1048576);
    cr_expect(control.limit_given[CONTROL_LIMIT_BLOB_REQUESTS]);
    cr_expect_eq(control.limit[CONTROL_LIMIT_BLOB_REQUESTS], 0);
    cr_expect(control.limit_given[CONTROL_LIMIT_BLOB_BYTES]);
    cr_expect_not(control.limit_given[CONTROL_LIMIT_MEMORY]);
    cr_expect_not(control.limit_given[CONTROL_LIMIT_ACCOUNT_BYTES]);
    control_fini(&control);
}

Test(control, limits_have_bounds)
{
    refused("{\"command\":\"setLimits\"}", "names no limit", true);
    refused("{\"command\":\"setLimits\",\"bytesPerSecond\":65535}", "from 65536", true);
    refused("{\"command\":\"setLimits\",\"bytesPerSecond\":-1}", "whole number", true);
    refused("{\"command\":\"setLimits\",\"bytesPerSecond\":1e6}", "whole number", true);
    refused("{\"command\":\"setLimits\",\"bytesPerSecond\":\"fast\"}", "none", true);
    refused("{\"command\":\"setLimits\",\"memoryBytes\":0}", "\"memoryBytes\": must be", true);
    refused("{\"command\":\"setLimits\",\"memoryBytes\":\"none\"}", "whole number", true);
    refused("{\"command\":\"setLimits\",\"bytesPerSecond\":99999999999999999999}",
            "a number is too large", false);
}

Test(control, priority_has_bounds)
{
    struct control control =
        parsed("{\"command\":\"setPriority\",\"disk\":\"d\",\"priority\":1000}");

    cr_expect_eq(control.priority, 1000);
    control_fini(&control);
    refused("{\"command\":\"setPriority\",\"disk\":\"d\",\"priority\":0}", "from 1 to 1000", true);
    refused("{\"command\":\"setPriority\",\"disk\":\"d\",\"priority\":1001}", "from 1", true);
    refused("{\"command\":\"setPriority\",\"disk\":\"d\",\"priority\":\"1\"}", "whole number",
            true);
    refused("{\"command\":\"setPriority\",\"disk\":\"d\"}", "needs \"priority\"", true);
}

Test(control, status_needs_nothing)
{
    struct control control = parsed("{\"command\":\"status\"}");

    cr_expect_eq(control.verb, CONTROL_STATUS);
    control_fini(&control);
    refused("{\"command\":\"status\",\"disk\":\"d\"}", "status has no member \"disk\"", true);
}

Test(control, a_renewal_needs_a_url_with_a_signature)
{
    refused("{\"command\":\"renewAccess\",\"disk\":\"d\",\"side\":\"source\"}", "needs \"url\"",
            true);
    refused("{\"command\":\"renewAccess\",\"disk\":\"d\",\"url\":\"" URL "\"}", "needs \"side\"",
            true);
    refused("{\"command\":\"renewAccess\",\"side\":\"source\",\"url\":\"" URL "\"}",
            "needs \"disk\"", true);
    refused("{\"command\":\"renewAccess\",\"disk\":\"d\",\"side\":\"left\",\"url\":\"" URL "\"}",
            "must be \"source\"", true);
    refused("{\"command\":\"renewAccess\",\"disk\":\"d\",\"side\":\"source\",\"url\":\"env:HOME\"}",
            "\"url\": ", true);
    refused("{\"command\":\"renewAccess\",\"disk\":\"d\",\"side\":\"source\","
            "\"url\":\"https://acc/c/b?sv=1\"}",
            "has no SAS", true);
    refused("{\"command\":\"renewAccess\",\"disk\":\"d\",\"side\":\"source\","
            "\"url\":\"https://acc?sig=" SIG "\"}",
            "no blob", true);
    refused("{\"command\":\"renewAccess\",\"disk\":\"d\",\"side\":\"source\",\"url\":\"" URL
            "\",\"expiresOn\":\"soon\"}",
            "RFC 3339", true);
}

Test(control, times_are_rfc3339_and_days_exist)
{
    static const char *const bad[] = {"2030-01-01",
                                      "2030-01-01T00:00:00",
                                      "2030-02-30T00:00:00Z",
                                      "2030-13-01T00:00:00Z",
                                      "2030-01-01T00:00:00.Z",
                                      "2030-01-01T00:00:00+2:00",
                                      " 2030-01-01T00:00:00Z",
                                      "2030-01-01T00:00:00Zx",
                                      "1969-12-31T23:59:59Z"};
    static const char *const good[] = {"2030-01-01t00:00:00z",
                                       "2028-02-29T23:59:59.123456789-11:30"};
    char line[1000];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(line, sizeof line,
                 "{\"command\":\"renewAccess\",\"disk\":\"d\",\"side\":\"source\",\"url\":\"" URL
                 "\",\"expiresOn\":\"%s\"}",
                 bad[i]);
        refused(line, "RFC 3339", true);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct control control;

        snprintf(line, sizeof line,
                 "{\"command\":\"renewAccess\",\"disk\":\"d\",\"side\":\"source\",\"url\":\"" URL
                 "\",\"expiresOn\":\"%s\"}",
                 good[i]);
        control = parsed(line);
        cr_expect_neq(control.expires_s, 0);
        control_fini(&control);
    }
}

Test(control, what_is_no_command_is_said_so_without_its_text)
{
    static char longer[CONTROL_LINE_MAX_BYTES + 2];
    char deep[8000];

    refused("", "not a JSON object", false);
    refused("[]", "not a JSON object", false);
    refused("{\"url\":\"" URL, "ends too early", false);
    refused("{\"command\":\"status\"} {", "something follows", false);
    refused("{\"url\" \"" URL "\"}", "syntax error (line 1, column", false);
    refused("{\"command\":\"status\",\"command\":\"pause\"}", "twice", false);
    refused("{\"command\":\"sta\xfftus\"}", "UTF-8", false);
    refused("{\"command\":\"st\\u0000\"}", "NUL", false);
    refused("{}", "there is no \"command\"", false);
    refused("{\"command\":7}", "\"command\": must be a text", false);
    refused("{\"command\":\"" URL "\"}", "is none of", false);
    refused("{\"command\":\"status\",\"" URL "\":1}", "no member \"?\"", true);
    refused("{\"command\":\"pause\",\"disk\":\"\"}", "must not be empty", true);
    refused("{\"command\":\"pause\",\"disk\":\"a\\nb\"}", "control character", true);
    refused("{\"command\":\"pause\",\"disk\":\"d\",\"tag\":7}", "\"tag\": must be a text", false);
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    refused(deep, "nested too deep", false);
    memset(longer, ' ', sizeof longer - 1);
    refused(longer, "longer than 65536 bytes", false);
}

/* Answers say these again, on stdout and upstream. */
Test(control, a_url_with_its_sas_is_no_name)
{
    refused("{\"command\":\"pause\",\"disk\":\"" URL "\"}", "\"disk\": is a URL", true);
    refused("{\"command\":\"cancel\",\"restorePoint\":\"" URL "\"}", "\"restorePoint\": is a URL",
            true);
    refused("{\"command\":\"status\",\"tag\":\"" URL "\"}", "\"tag\": is a URL", false);
}

Test(control, the_tag_is_known_even_if_the_command_is_not)
{
    const char line[] = "{\"command\":\"stop\",\"tag\":\"x1\"}";
    struct control control;
    struct err e = {0};
    bool known;

    cr_assert_not(control_parse(line, strlen(line), &control, &known, &e));
    cr_expect_not(known);
    cr_expect_str_eq(control.tag, "x1");
    control_fini(&control);
}
