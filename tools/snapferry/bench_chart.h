/* bench_chart.h - line charts as SVG text, to stand inside an HTML page.
 *
 * Knows:         a plane with two axes, lines, bars of error, labels. Colours are the page's: a series
 *                is a class.
 * Must not know: what is drawn. Text that is given is written as it is: none of it is foreign.
 * Threads:       pure, but for the stream that is written to.
 */
#ifndef SNAPFERRY_BENCH_CHART_H
#define SNAPFERRY_BENCH_CHART_H

#include <stdint.h>
#include <stdio.h>

#define CHART_WIDTH  680
#define CHART_HEIGHT 300

struct chart {
    FILE *out;           /* borrowed */
    double x_max, y_max; /* of the plane; it begins at 0, 0 */
};

struct chart_point {
    double x, y;
    double plus_minus; /* of y; 0: none is drawn */
};

/* The axis of y goes a little beyond y_highest, to a round number. */
void chart_begin(struct chart *chart, FILE *out, const char *title, const char *y_unit,
                 double x_max, double y_highest);
void chart_x_label(struct chart *chart, double x, const char *text);
/* series: a class of the page's style; dots: each point is marked too. */
void chart_line(struct chart *chart, const char *series, const struct chart_point *points,
                uint32_t count, int dots);
void chart_end(struct chart *chart);

/* What the marks of an axis are apart, so that about four reach `highest`: 1, 2 or 5 times a power of ten. */
double chart_step(double highest);

#endif
