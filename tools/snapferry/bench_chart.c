/* bench_chart.c - see bench_chart.h. */
#include "tools/snapferry/bench_chart.h"

#define LEFT   64
#define RIGHT  12
#define TOP    28
#define BOTTOM 32
#define MARKS  4

static double at_x(const struct chart *chart, double x)
{
    return LEFT + x / chart->x_max * (CHART_WIDTH - LEFT - RIGHT);
}

static double at_y(const struct chart *chart, double y)
{
    if (y < 0)
        y = 0;
    if (y > chart->y_max)
        y = chart->y_max;
    return CHART_HEIGHT - BOTTOM - y / chart->y_max * (CHART_HEIGHT - TOP - BOTTOM);
}

double chart_step(double highest)
{
    static const double steps[] = {1, 2, 5};
    double power = 1e-6;

    if (!(highest > 0))
        return 1;
    for (; power < 1e15; power *= 10)
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
            if (steps[i] * power * MARKS >= highest)
                return steps[i] * power;
    return power;
}

void chart_begin(struct chart *chart, FILE *out, const char *title, const char *y_unit,
                 double x_max, double y_highest)
{
    double step = chart_step(y_highest);
    int marks = 1;

    while (marks * step < y_highest && marks < 2 * MARKS)
        marks++;
    *chart = (struct chart){.out = out, .x_max = x_max > 0 ? x_max : 1, .y_max = marks * step};
    fprintf(out,
            "<svg viewBox=\"0 0 %d %d\" role=\"img\"><title>%s</title>\n"
            "<text class=\"unit\" x=\"%d\" y=\"16\">%s</text>\n",
            CHART_WIDTH, CHART_HEIGHT, title, LEFT, y_unit);
    for (int i = 0; i <= marks; i++) {
        double y = at_y(chart, i * step);

        fprintf(out,
                "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                "<text class=\"y\" x=\"%d\" y=\"%.1f\">%g</text>\n",
                LEFT, CHART_WIDTH - RIGHT, y, y, LEFT - 6, y + 4, i * step);
    }
}

void chart_x_label(struct chart *chart, double x, const char *text)
{
    fprintf(chart->out, "<text class=\"x\" x=\"%.1f\" y=\"%d\">%s</text>\n", at_x(chart, x),
            CHART_HEIGHT - BOTTOM + 18, text);
}

static void error_bar(const struct chart *chart, const char *series, const struct chart_point *p)
{
    double x = at_x(chart, p->x);

    fprintf(chart->out,
            "<line class=\"bar %s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n", series, x,
            x, at_y(chart, p->y - p->plus_minus), at_y(chart, p->y + p->plus_minus));
}

void chart_line(struct chart *chart, const char *series, const struct chart_point *points,
                uint32_t count, int dots)
{
    fprintf(chart->out, "<polyline class=\"%s\" points=\"", series);
    for (uint32_t i = 0; i < count; i++)
        fprintf(chart->out, "%s%.1f,%.1f", i ? " " : "", at_x(chart, points[i].x),
                at_y(chart, points[i].y));
    fprintf(chart->out, "\"/>\n");
    for (uint32_t i = 0; i < count; i++) {
        if (points[i].plus_minus > 0)
            error_bar(chart, series, &points[i]);
        if (dots)
            fprintf(chart->out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>\n",
                    series, at_x(chart, points[i].x), at_y(chart, points[i].y));
    }
}

void chart_end(struct chart *chart)
{
    fprintf(chart->out, "</svg>\n");
}
