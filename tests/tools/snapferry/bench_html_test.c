/* bench_html_test.c - what stands in a report that came from outside, and where a chart's marks are. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tools/snapferry/bench_chart.h"
#include "tools/snapferry/bench_html.h"

static char *text_of(const char *given)
{
    char *text = NULL;
    size_t count;
    FILE *out = open_memstream(&text, &count);

    cr_assert(out);
    bench_html_text(out, given);
    cr_assert_eq(fclose(out), 0);
    return text;
}

Test(bench_html, text_from_outside_stays_text)
{
    char *text = text_of("a<script>&\"b'\x1b[31m\r\n\x7f");

    cr_expect_str_eq(text, "a&#60;script&#62;&#38;&#34;b&#39;[31m");
    free(text);
}

Test(bench_chart, marks_are_round_and_few)
{
    static const double highest[] = {0.001, 0.7, 1, 4, 19.9, 20.1, 99, 100, 1234, 5e6};

    for (size_t i = 0; i < sizeof highest / sizeof highest[0]; i++) {
        double step = chart_step(highest[i]), power = step;

        cr_expect(step * 4 >= highest[i] * 0.999999 && step * 4 <= highest[i] * 2.6, "%g: %g",
                  highest[i], step);
        while (power < 0.99)
            power *= 10;
        while (power > 9.9)
            power /= 10;
        cr_expect((power > 0.99 && power < 1.01) || (power > 1.99 && power < 2.01) ||
                      (power > 4.99 && power < 5.01),
                  "%g", step);
    }
    cr_expect_eq(chart_step(0), 1);
}

Test(bench_chart, nothing_is_drawn_outside_of_the_plane)
{
    static const struct chart_point points[] = {{0, -5, 1}, {1, 3, 100}, {2, 1e9, 0}};
    char *text = NULL, *at;
    size_t count;
    FILE *out = open_memstream(&text, &count);
    struct chart chart;

    cr_assert(out);
    chart_begin(&chart, out, "title", "MiB/s", 2, 10);
    chart_x_label(&chart, 1, "one");
    chart_line(&chart, "read", points, 3, 1);
    chart_end(&chart);
    cr_assert_eq(fclose(out), 0);
    for (at = text; (at = strstr(at, "y1=\"")); at++) {
        double y = strtod(at + 4, NULL);

        cr_expect(y >= 0 && y <= CHART_HEIGHT, "%g", y);
    }
    cr_expect(strstr(text, "<title>title</title>") && strstr(text, ">one</text>"));
    cr_expect(strstr(text, "class=\"bar read\""));
    free(text);
}
