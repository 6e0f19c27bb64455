/* bench_html_charts.c - the three charts of a bench's report; see bench_html.h. */
#include "tools/snapferry/bench_chart.h"
#include "tools/snapferry/bench_html.h"
#include "tools/snapferry/size_text.h"

#define MIB            1048576.0
#define TIME_MARKS_MAX 12u

static double mib_of(uint64_t bytes)
{
    return (double)bytes / MIB;
}

static void write_key(FILE *out, const struct bench *bench)
{
    fprintf(out, "<p class=\"key\">");
    for (int leg = 0; leg < BENCH_LEGS_COUNT; leg++)
        if (bench_best_of(bench, (enum bench_leg)leg))
            fprintf(out, "<b class=\"%s\"></b>%s", bench_show_leg((enum bench_leg)leg),
                    bench_show_leg((enum bench_leg)leg));
}

/* ---- Throughput against connections ---- */

/* The size that a leg's connections were swept with: its first point's. */
static uint32_t sweep_of(const struct bench *bench, enum bench_leg leg)
{
    for (uint32_t i = 0; i < bench_results_count(bench); i++)
        if (bench_result_at(bench, i)->leg == leg)
            return bench_result_at(bench, i)->request_bytes;
    return 0;
}

/* One step to the right for each doubling, so that 1 and 64 both have room. */
static double place_of(uint32_t connections)
{
    uint32_t doublings = 0;

    while (connections >> (doublings + 1))
        doublings++;
    return 0.5 + doublings + ((double)connections / (1u << doublings) - 1);
}

static void connections_line(struct chart *chart, const struct bench *bench, enum bench_leg leg)
{
    struct chart_point points[BENCH_PLAN_STEPS_MAX];
    uint32_t count = 0, size = sweep_of(bench, leg);

    for (uint32_t i = 0; i < bench_results_count(bench); i++) {
        const struct bench_result *r = bench_result_at(bench, i);

        if (r->leg == leg && r->request_bytes == size)
            points[count++] =
                (struct chart_point){place_of(r->connections), mib_of(r->estimate.bytes_per_s),
                                     r->estimate.known ? mib_of(r->estimate.half_bytes_per_s) : 0};
    }
    if (count)
        chart_line(chart, bench_show_leg(leg), points, count, 1);
}

static void chart_connections(FILE *out, const struct bench *bench)
{
    double highest = 0, widest = 1;
    struct chart chart;

    for (uint32_t i = 0; i < bench_results_count(bench); i++) {
        const struct bench_result *r = bench_result_at(bench, i);
        double top = mib_of(r->estimate.bytes_per_s);

        highest = top > highest ? top : highest;
        widest = place_of(r->connections) > widest ? place_of(r->connections) : widest;
    }
    fprintf(out, "<h2>Throughput against connections</h2>\n");
    chart_begin(&chart, out, "Throughput against connections", "MiB/s", widest + 0.5, highest);
    for (uint32_t c = 1; place_of(c) <= widest; c *= 2) {
        char text[16];

        snprintf(text, sizeof text, "%u", c);
        chart_x_label(&chart, place_of(c), text);
    }
    for (int leg = 0; leg < BENCH_LEGS_COUNT; leg++)
        connections_line(&chart, bench, (enum bench_leg)leg);
    chart_end(&chart);
    write_key(out, bench);
    for (int leg = 0; leg < BENCH_LEGS_COUNT; leg++) {
        uint32_t size_bytes = sweep_of(bench, (enum bench_leg)leg);
        char size[SIZE_TEXT_MAX_BYTES];

        if (!size_bytes)
            continue;
        size_text_format(size_bytes, size);
        fprintf(out, "%s%s: requests of %s", leg ? ", " : ". ", bench_show_leg((enum bench_leg)leg),
                size);
    }
    fprintf(out, ".</p>\n");
}

/* ---- Latencies ---- */

/* As far right as it is rare: each nine is a step. */
static const struct {
    uint32_t ppm;
    double place;
    const char *label; /* NULL: a point of the line, without a mark of its own */
} marks[] = {{100000, 0.15, NULL},  {250000, 0.42, NULL},  {500000, 1, "50 %"},
             {750000, 2, "75 %"},   {900000, 3.3, "90 %"}, {950000, 4.3, "95 %"},
             {990000, 6.6, "99 %"}, {999000, 10, "99.9 %"}};
#define MARKS_COUNT (sizeof marks / sizeof marks[0])

static void latency_line(struct chart *chart, const struct bench_result *r, enum bench_verb verb)
{
    struct chart_point points[MARKS_COUNT];
    char series[32];

    if (!r->latency[verb].count)
        return;
    for (uint32_t i = 0; i < MARKS_COUNT; i++)
        points[i] =
            (struct chart_point){.x = marks[i].place,
                                 .y = (double)latency_at_ns(&r->latency[verb], marks[i].ppm) / 1e6};
    snprintf(series, sizeof series, "%s%s", bench_show_leg(r->leg),
             verb == BENCH_VERB_GET ? "" : " put");
    chart_line(chart, series, points, MARKS_COUNT, 1);
}

static void chart_latencies(FILE *out, const struct bench *bench)
{
    const struct bench_result *best[BENCH_LEGS_COUNT];
    struct chart chart;
    double highest = 0;

    for (int leg = 0; leg < BENCH_LEGS_COUNT; leg++) {
        best[leg] = bench_best_of(bench, (enum bench_leg)leg);
        for (int verb = 0; best[leg] && verb < BENCH_VERBS_COUNT; verb++) {
            double top = (double)latency_at_ns(&best[leg]->latency[verb], 999000) / 1e6;

            highest = top > highest ? top : highest;
        }
    }
    fprintf(out, "<h2>Latency of requests, at the best point of each leg</h2>\n");
    chart_begin(&chart, out, "Latency of requests", "ms", 10.4, highest);
    for (uint32_t i = 0; i < MARKS_COUNT; i++)
        if (marks[i].label)
            chart_x_label(&chart, marks[i].place, marks[i].label);
    for (int leg = 0; leg < BENCH_LEGS_COUNT; leg++)
        for (int verb = 0; best[leg] && verb < BENCH_VERBS_COUNT; verb++)
            latency_line(&chart, best[leg], (enum bench_verb)verb);
    chart_end(&chart);
    write_key(out, bench);
    fprintf(out, "; dashed: PUT, or POST to a receiver. So many of the requests took at most so "
                 "long.</p>\n");
}

/* ---- Over time ---- */

static void time_line(struct chart *chart, const struct bench_result *r)
{
    static const uint64_t second = 1000000000ull;
    struct chart_point points[BENCH_RATE_BINS_COUNT];
    uint64_t until_ns = r->estimate.cut_ns + r->estimate.counted_ns;
    uint32_t count = (uint32_t)(until_ns / r->rate.bin_ns);

    if (count > BENCH_RATE_BINS_COUNT)
        count = BENCH_RATE_BINS_COUNT;
    for (uint32_t i = 0; i < count; i++)
        points[i] = (struct chart_point){
            .x = ((double)i + 0.5) * (double)r->rate.bin_ns / (double)second,
            .y = r->rate.bins_bytes[i] * (double)second / (double)r->rate.bin_ns / MIB};
    chart_line(chart, bench_show_leg(r->leg), points, count, 0);
}

static void chart_time(FILE *out, const struct bench *bench)
{
    double longest_s = 0, highest = 0;
    struct chart chart;

    for (int leg = 0; leg < BENCH_LEGS_COUNT; leg++) {
        const struct bench_result *r = bench_best_of(bench, (enum bench_leg)leg);
        double s = r ? (double)(r->estimate.cut_ns + r->estimate.counted_ns) / 1e9 : 0;

        longest_s = s > longest_s ? s : longest_s;
        if (r && mib_of(r->estimate.bytes_per_s) > highest)
            highest = mib_of(r->estimate.bytes_per_s);
    }
    fprintf(out, "<h2>Throughput over time, at the best point of each leg</h2>\n");
    chart_begin(&chart, out, "Throughput over time", "MiB/s", longest_s, highest * 1.5);
    for (uint32_t i = 0; i < TIME_MARKS_MAX; i++) {
        double at_s = i * chart_step(longest_s);
        char text[32];

        if (at_s > longest_s)
            break;
        snprintf(text, sizeof text, "%g s", at_s);
        chart_x_label(&chart, at_s, text);
    }
    for (int leg = 0; leg < BENCH_LEGS_COUNT; leg++)
        if (bench_best_of(bench, (enum bench_leg)leg))
            time_line(&chart, bench_best_of(bench, (enum bench_leg)leg));
    chart_end(&chart);
    write_key(out, bench);
    fprintf(out, ". Peaks above the chart are cut.</p>\n");
}

void bench_html_charts(FILE *out, const struct bench *bench)
{
    chart_connections(out, bench);
    chart_latencies(out, bench);
    chart_time(out, bench);
}
