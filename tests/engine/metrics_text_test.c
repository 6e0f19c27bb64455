/* metrics_text_test.c - lines as Prometheus' text format 0.0.4 has them. */
#include "engine/metrics_text.h"

#include <criterion/criterion.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

Test(metrics_text, golden)
{
    struct metrics_text t = {0}, labels = {0};

    metrics_text_head(&t, "a_total", "counter", "How many.");
    metrics_text_count(&t, "a_total", NULL, 0);
    metrics_text_label(&labels, "verb", "get");
    metrics_text_label(&labels, "status", "206");
    metrics_text_count(&t, "a_total", labels.bytes, UINT64_MAX);
    metrics_text_head(&t, "b_seconds", "histogram", "How long.");
    metrics_text_clear(&labels);
    metrics_text_label_decimal(&labels, "le", 5000000, 9);
    metrics_text_count(&t, "b_seconds_bucket", labels.bytes, 7);
    metrics_text_decimal(&t, "b_seconds_sum", "", 1500000000, 9);
    metrics_text_infinite(&t, "c", NULL);
    cr_assert_not(t.failed || labels.failed);
    cr_assert_str_eq(t.bytes, "# HELP a_total How many.\n"
                              "# TYPE a_total counter\n"
                              "a_total 0\n"
                              "a_total{verb=\"get\",status=\"206\"} 18446744073709551615\n"
                              "# HELP b_seconds How long.\n"
                              "# TYPE b_seconds histogram\n"
                              "b_seconds_bucket{le=\"0.005\"} 7\n"
                              "b_seconds_sum 1.5\n"
                              "c +Inf\n");
    cr_assert_eq(t.count, strlen(t.bytes));
    metrics_text_fini(&t);
    metrics_text_fini(&labels);
}

static void expect_decimal(uint64_t value, unsigned decimals, const char *text)
{
    struct metrics_text t = {0};

    metrics_text_decimal(&t, "x", NULL, value, decimals);
    cr_expect_eq(strncmp(t.bytes, "x ", 2), 0);
    cr_expect_eq(strcmp(t.bytes + 2, text), 0, "%s instead of %s", t.bytes + 2, text);
    metrics_text_fini(&t);
}

Test(metrics_text, decimals_are_exact_and_follow_no_locale)
{
    setlocale(LC_ALL, "de_DE.UTF-8"); /* where it is installed */
    expect_decimal(0, 9, "0\n");
    expect_decimal(1, 9, "0.000000001\n");
    expect_decimal(999999, 6, "0.999999\n");
    expect_decimal(1000000, 6, "1\n");
    expect_decimal(1234500000, 9, "1.2345\n");
    expect_decimal(60000000000, 9, "60\n");
    expect_decimal(UINT64_MAX, 9, "18446744073.709551615\n");
    expect_decimal(1050, 3, "1.05\n");
    expect_decimal(1000, 0, "1000\n");
}

static void expect_label(const char *value, const char *text)
{
    struct metrics_text labels = {0};

    metrics_text_label(&labels, "n", value);
    cr_expect_eq(strcmp(labels.bytes, text), 0, "%s instead of %s", labels.bytes, text);
    metrics_text_fini(&labels);
}

Test(metrics_text, label_values_are_escaped)
{
    expect_label("", "n=\"\"");
    expect_label("a\\b\"c\nd", "n=\"a\\\\b\\\"c\\nd\"");
    expect_label("tab\tand {braces}", "n=\"tab\tand {braces}\"");
    expect_label("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
                 "n=\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
}

Test(metrics_text, bytes_that_are_not_utf8_become_question_marks)
{
    expect_label("a\xff"
                 "b",
                 "n=\"a?b\"");
    expect_label("\xc3", "n=\"?\"");                /* cut */
    expect_label("\xc0\xaf", "n=\"??\"");           /* longer than need be */
    expect_label("\xed\xa0\x80", "n=\"???\"");      /* a surrogate */
    expect_label("\xf4\x90\x80\x80", "n=\"????\""); /* beyond the last */
}

Test(metrics_text, grows_and_can_be_used_again)
{
    struct metrics_text t = {0};

    for (unsigned i = 0; i < 10000; i++)
        metrics_text_count(&t, "name", "l=\"v\"", i);
    cr_assert_not(t.failed);
    cr_assert_str_eq(t.bytes + t.count - strlen("name{l=\"v\"} 9999\n"), "name{l=\"v\"} 9999\n");
    metrics_text_clear(&t);
    cr_assert_eq(t.count, 0);
    cr_assert_str_eq(t.bytes, "");
    metrics_text_fini(&t);
    cr_assert_null(t.bytes);
}
