/* bench_html_relay.c - what a relay carried, in a bench's report; see bench_html.h. */
#include <inttypes.h>

#include "blockmap/stream_pack.h"
#include "tools/snapferry/bench_html.h"
#include "tools/snapferry/size_text.h"

#define MIB 1048576.0

static void write_way(FILE *out, const struct bench_result *r)
{
    char source[SIZE_TEXT_MAX_BYTES], wire[SIZE_TEXT_MAX_BYTES];

    size_text_format(r->relayed.source_bytes, source);
    size_text_format(r->written_bytes, wire);
    fprintf(out, "<tr><td>%s</td><td>%.1f</td><td>", bench_show_leg(r->leg),
            (double)r->estimate.bytes_per_s / MIB);
    if (r->estimate.known)
        fprintf(out, "&#177;%.1f", (double)r->estimate.half_bytes_per_s / MIB);
    fprintf(out, "</td><td>%.1f</td><td>%s</td><td>%s</td><td>%.2f</td><td>",
            (double)r->relayed.wire.bytes_per_s / MIB, source, wire, bench_show_factor(r));
    if (r->relayed.level != STREAM_LEVEL_RAW)
        fprintf(out, "%d", r->relayed.level);
    fprintf(out, "</td><td>%.2f</td></tr>\n", (double)r->cpu_ns / 1e9);
}

void bench_html_relay(FILE *out, const struct bench *bench)
{
    struct bench_verdict verdict;

    bench_judge(bench, &verdict);
    if (!verdict.advice[0])
        return;
    fprintf(out, "<h2>Through the relay</h2>\n<p>");
    if (verdict.better == BENCH_LEGS_COUNT)
        fprintf(out, "Which way of compression is better is <strong>not known</strong>: ");
    else
        fprintf(out,
                "Better with compression <strong>%s</strong>: ", bench_show_way(verdict.better));
    bench_html_text(out, verdict.advice);
    fprintf(out, ".</p>\n<table><tr><th>best of</th><th>disk MiB/s</th><th>95 %%</th><th>wire "
                 "MiB/s</th><th>of the disk</th><th>on the wire</th><th>N to 1</th><th>level</th>"
                 "<th>CPU s</th></tr>\n");
    for (int leg = BENCH_LEG_RELAY_OFF; leg < BENCH_LEGS_COUNT; leg++)
        if (bench_best_of(bench, (enum bench_leg)leg))
            write_way(out, bench_best_of(bench, (enum bench_leg)leg));
    fprintf(out, "</table>\n<p>All ways send the same content of the source, as bytes: nothing is "
                 "left out that the receiver held already.</p>\n");
}
