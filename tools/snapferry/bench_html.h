/* bench_html.h - the report of a bench as one HTML file that asks nobody for anything.
 *
 * Knows: tables, which charts there are. Must not know: how is measured. Threads: the main thread.
 */
#ifndef SNAPFERRY_BENCH_HTML_H
#define SNAPFERRY_BENCH_HTML_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "blockmap/err.h"
#include "engine/bench.h"
#include "tools/snapferry/bench_show.h"

/* Replaces the file as a whole. wall_ns: when it was measured. */
bool bench_html_write(const char *path, const struct bench_pair *pair, const struct bench *bench,
                      uint64_t wall_ns, struct err *e);

/* ---- Parts ---- */
/* Text from outside: & < > " ' and what is not printable are written as references, or left out. */
void bench_html_text(FILE *out, const char *text);
/* bench_html_charts.c: throughput against connections, latencies, throughput over time. */
void bench_html_charts(FILE *out, const struct bench *bench);

/* bench_html_relay.c: how to compress, and what each way carried; nothing where there was no relay. */
void bench_html_relay(FILE *out, const struct bench *bench);

#endif
