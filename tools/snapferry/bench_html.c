/* bench_html.c - see bench_html.h. The frame and the tables. */
#include "tools/snapferry/bench_html.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/clock.h"
#include "io/durable.h"
#include "tools/snapferry/size_text.h"

#define MIB 1048576.0

/* Nothing is fetched and nothing runs, whatever stands in the page. */
static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
    "style-src 'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<title>snapferry bench</title>\n<style>\n"
    ":root{color-scheme:light dark;--read:#1f6feb;--write:#c4570c;--both:#1a7f4b;--off:#c4570c;"
    "--auto:#1a7f4b;--level:#8250df;--line:#8886}\n"
    "body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\n"
    "table{display:block;overflow-x:auto;white-space:nowrap;border-collapse:collapse;font-variant-"
    "numeric:tabular-nums}\n"
    "th,td{padding:.15rem .7rem;text-align:right;border-bottom:1px solid var(--line)}\n"
    "th:first-child,td:first-child{text-align:left}\n"
    "svg{display:block;width:100%;max-width:56rem;height:auto}\n"
    "svg text{font-size:12px;fill:currentColor}svg .y{text-anchor:end}svg .x{text-anchor:middle}\n"
    ".grid{stroke:var(--line)}polyline{fill:none;stroke-width:2}.bar{stroke-width:1.5}\n"
    ".read{stroke:var(--read)}.write{stroke:var(--write)}.both{stroke:var(--both)}\n"
    ".relay-off{stroke:var(--off)}.relay-auto{stroke:var(--auto)}.relay-level{stroke:var(--level)}"
    "\n"
    "circle.relay-off{fill:var(--off)}circle.relay-auto{fill:var(--auto)}"
    "circle.relay-level{fill:var(--level)}\n"
    ".put{stroke-dasharray:6 4}circle.read{fill:var(--read)}circle.write{fill:var(--write)}"
    "circle.both{fill:var(--both)}\n"
    ".key b{display:inline-block;width:1.6em;border-top:3px solid;vertical-align:middle;"
    "margin:0 .4em 0 1em}\n"
    ".key .read{border-color:var(--read)}.key .write{border-color:var(--write)}"
    ".key .relay-off{border-color:var(--off)}.key .relay-auto{border-color:var(--auto)}"
    ".key .relay-level{border-color:var(--level)}.key .both{border-color:var(--both)}.key "
    ".put{border-top-style:dashed}\n"
    ".verdict{font-size:1.15em}\n</style></head><body>\n<h1>snapferry bench</h1>\n";

void bench_html_text(FILE *out, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (strchr("&<>\"'", *c))
            fprintf(out, "&#%u;", *c);
        else if (*c >= ' ' && *c != 127)
            fputc(*c, out);
    }
}

static void write_pair(FILE *out, const struct bench_pair *pair, uint64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    char when[32];
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M UTC", &tm);
    fprintf(out, "<p>From ");
    bench_html_text(out, pair->source);
    fprintf(out, "<br>to ");
    bench_html_text(out, pair->target);
    fprintf(out, "<br>measured until %s</p>\n", when);
}

static void write_verdict(FILE *out, const struct bench *bench)
{
    struct bench_verdict verdict;

    bench_judge(bench, &verdict);
    fprintf(out, "<p class=\"verdict\">The bottleneck is <strong>%s</strong>%s.</p>\n<p>",
            bench_verdict_name(verdict.name),
            verdict.throttled ? ", throttled by its account" : "");
    bench_html_text(out, verdict.reason);
    fprintf(out, ".</p>\n");
}

static void write_point(FILE *out, const struct bench_result *r)
{
    char size[SIZE_TEXT_MAX_BYTES];

    size_text_format(r->request_bytes, size);
    fprintf(out, "<tr><td>%s</td><td>%s</td><td>%u</td><td>%.1f</td><td>", bench_show_leg(r->leg),
            size, r->connections, (double)r->estimate.bytes_per_s / MIB);
    if (r->estimate.known)
        fprintf(out, "&#177;%.1f", (double)r->estimate.half_bytes_per_s / MIB);
    fprintf(out,
            "</td><td>%" PRIu64 "</td><td>%" PRIu64 "</td><td>%" PRIu64
            "</td><td>%.0f</td><td>%.0f</td><td>%.1f</td><td>%s</td></tr>\n",
            r->requests_count, r->throttles_count, r->failures_count, r->cpu_permille / 10.0,
            r->machine_permille / 10.0, (double)r->elapsed_ns / (double)NS_PER_S,
            bench_show_ended(r->end));
}

static void write_points(FILE *out, const struct bench *bench)
{
    fprintf(out, "<h2>All points</h2>\n<table><tr><th>leg</th><th>request</th><th>connections</th>"
                 "<th>MiB/s</th><th>95 %%</th><th>requests</th><th>503, 429</th><th>failed</th>"
                 "<th>CPU %%</th><th>machine %%</th><th>s</th><th>ended by</th></tr>\n");
    for (uint32_t i = 0; i < bench_results_count(bench); i++)
        write_point(out, bench_result_at(bench, i));
    fprintf(out, "</table>\n<p>CPU: of one CPU, by snapferry. Machine: of all CPUs, by everybody. "
                 "Ended by: stable (the mean is known within 5 %%), time, or budget.</p>\n");
    if (bench_skipped_count(bench))
        fprintf(out, "<p>Points left out for want of --budget-bytes or --memory: %u.</p>\n",
                bench_skipped_count(bench));
}

bool bench_html_write(const char *path, const struct bench_pair *pair, const struct bench *bench,
                      uint64_t wall_ns, struct err *e)
{
    char *text = NULL;
    size_t count = 0;
    FILE *out = open_memstream(&text, &count);
    bool ok = false;

    if (!out)
        return err_set_errno(e, errno, RETRY_NEVER, "--html: no memory for the report");
    fputs(head, out);
    write_pair(out, pair, wall_ns);
    write_verdict(out, bench);
    bench_html_relay(out, bench);
    bench_html_charts(out, bench);
    write_points(out, bench);
    fprintf(out, "</body></html>\n");
    if (fclose(out) != 0)
        err_set_errno(e, errno, RETRY_NEVER, "--html: no memory for the report");
    else if (durable_write(path, text, count, e))
        ok = true;
    else
        err_prefix(e, "--html: ");
    free(text);
    return ok;
}
