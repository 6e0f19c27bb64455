/* bench_show.c - see bench_show.h. Words for people; bench_json.c has the events. */
#include "tools/snapferry/bench_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/snapferry/size_text.h"
#include "tools/snapferry/view_json.h"

#define MIB       1048576.0
#define MS_OF(ns) ((double)(ns) / 1e6)

const char *bench_show_leg(enum bench_leg leg)
{
    static const char *const names[] = {"read",      "write",      "both",
                                        "relay-off", "relay-auto", "relay-level"};

    return names[leg];
}

const char *bench_show_way(enum bench_leg leg)
{
    return leg == BENCH_LEG_RELAY_OFF    ? "off"
           : leg == BENCH_LEG_RELAY_AUTO ? "auto"
                                         : "at the level asked for";
}

const char *bench_show_ended(enum bench_end end)
{
    static const char *const names[] = {"stable", "time", "budget", "stopped"};

    return names[end];
}

const char *bench_show_verb(enum bench_verb verb)
{
    static const char *const names[] = {"GET", "PUT", "POST"};

    return names[verb];
}

double bench_show_factor(const struct bench_result *r)
{
    return r->written_bytes ? (double)r->relayed.source_bytes / (double)r->written_bytes : 1;
}

void bench_show_cost(struct view *view, const struct bench_options *options, bool relay)
{
    char budget[SIZE_TEXT_MAX_BYTES], sentence[500];

    size_text_format(options->budget_bytes, budget);
    snprintf(sentence, sizeof sentence,
             relay ? "Moves at most %s of data, what is read and what is sent to the receiver "
                     "(egress) together, in at most %" PRIu64 " s. Each way sends the same content "
                     "of SOURCE, all of it as bytes: what a receiver holds already, and send would "
                     "leave out, is not counted on. Nothing but a target that it makes itself is "
                     "written to, and that is removed at the end."
                   : "Moves at most %s of data, what is read (egress of the source's region) and "
                     "what is written together, in at most %" PRIu64 " s. Nothing but a blob that "
                     "it makes itself is written to, and that is removed at the end.",
             budget, options->duration_s);
    view_say(view, sentence);
}

void bench_show_source(struct view *view, uint64_t source_bytes, uint64_t data_bytes)
{
    char size[SIZE_TEXT_MAX_BYTES], data[SIZE_TEXT_MAX_BYTES], sentence[160];

    size_text_format(source_bytes, size);
    size_text_format(data_bytes, data);
    snprintf(sentence, sizeof sentence, "The source is of %s and holds %s of data.", size, data);
    view_say(view, sentence);
}

/* ---- A line a point ---- */

static double plus_minus_percent(const struct bench_estimate *e)
{
    return e->bytes_per_s ? (double)e->half_bytes_per_s * 100 / (double)e->bytes_per_s : 0;
}

static void print_pair(const struct bench_result *r, const char *size, const char *sure)
{
    printf("%-11s %9s  %5u  %10.1f  %6s  %4" PRIu64 "  %4.0f  %8.0f  %s\n", bench_show_leg(r->leg),
           size, r->connections, (double)r->estimate.bytes_per_s / MIB, sure, r->throttles_count,
           r->cpu_permille / 10.0, r->machine_permille / 10.0, bench_show_ended(r->end));
}

static void print_relayed(const struct bench_result *r, const char *size, const char *sure)
{
    printf("%-11s %9s  %5u  %10.1f  %6s  %9.1f  %6.2f  %6.2f  %s\n", bench_show_leg(r->leg), size,
           r->connections, (double)r->estimate.bytes_per_s / MIB, sure,
           (double)r->relayed.wire.bytes_per_s / MIB, bench_show_factor(r), (double)r->cpu_ns / 1e9,
           bench_show_ended(r->end));
}

static void print_point(const struct bench_result *r, const struct bench_result *before)
{
    bool relays = bench_leg_relays(r->leg);
    char size[SIZE_TEXT_MAX_BYTES], sure[16];

    if (!before || bench_leg_relays(before->leg) != relays)
        printf(relays
                   ? "leg           request  conns  disk MiB/s    +-    wire MiB/s  N to 1   CPU s"
                     "  ended by\n"
                   : "leg           request  conns       MiB/s    +-    503s  CPU%%  machine%%"
                     "  ended by\n");
    size_text_format(r->request_bytes, size);
    if (r->estimate.known)
        snprintf(sure, sizeof sure, "%.1f%%", plus_minus_percent(&r->estimate));
    else
        snprintf(sure, sizeof sure, "?");
    if (relays)
        print_relayed(r, size, sure);
    else
        print_pair(r, size, sure);
    fflush(stdout);
}

void bench_show_point(struct view *view, const struct bench_result *result,
                      const struct bench_result *before)
{
    json_t *event;

    if (view->kind == VIEW_JSON) {
        event = view_json_begin(view, "benchPoint");
        json_object_update_new(event, bench_show_json(result));
        view_json_print(event);
    } else if (view->kind != VIEW_QUIET) {
        view_clear_line(view);
        print_point(result, before);
    }
}

/* ---- The end ---- */

static void print_latencies(const struct bench *bench)
{
    printf("\nlatency, ms           p50      p90      p99    p99.9      max  at\n");
    for (int leg = 0; leg < BENCH_LEGS_COUNT; leg++) {
        const struct bench_result *r = bench_best_of(bench, (enum bench_leg)leg);

        for (int verb = 0; r && verb < BENCH_VERBS_COUNT; verb++) {
            const struct latency *l = &r->latency[verb];
            char size[SIZE_TEXT_MAX_BYTES];

            if (!l->count)
                continue;
            size_text_format(r->request_bytes, size);
            printf("%-11s %-4s %8.1f %8.1f %8.1f %8.1f %8.1f  %s x %u\n",
                   bench_show_leg((enum bench_leg)leg), bench_show_verb((enum bench_verb)verb),
                   MS_OF(latency_at_ns(l, 500000)), MS_OF(latency_at_ns(l, 900000)),
                   MS_OF(latency_at_ns(l, 990000)), MS_OF(latency_at_ns(l, 999000)),
                   MS_OF(l->max_ns), size, r->connections);
        }
    }
}

static void print_advice(const struct bench_verdict *verdict)
{
    if (verdict->better == BENCH_LEGS_COUNT)
        printf("\nWhich way of compression is better is not known: %s.\n", verdict->advice);
    else
        printf("\nBetter with compression %s: %s.\n", bench_show_way(verdict->better),
               verdict->advice);
}

static void print_end(const struct bench *bench)
{
    uint64_t read_bytes = 0, written_bytes = 0;
    char read[SIZE_TEXT_MAX_BYTES], written[SIZE_TEXT_MAX_BYTES];
    struct bench_verdict verdict;

    for (uint32_t i = 0; i < bench_results_count(bench); i++) {
        read_bytes += bench_result_at(bench, i)->read_bytes;
        written_bytes += bench_result_at(bench, i)->written_bytes;
    }
    size_text_format(read_bytes, read);
    size_text_format(written_bytes, written);
    bench_judge(bench, &verdict);
    print_latencies(bench);
    if (verdict.advice[0])
        print_advice(&verdict);
    printf("\nThe bottleneck is %s%s: %s.\n", bench_verdict_name(verdict.name),
           verdict.throttled ? ", throttled by its account" : "", verdict.reason);
    printf("Read %s, %s %s.", read, verdict.advice[0] ? "sent" : "wrote", written);
    if (bench_skipped_count(bench))
        printf(" Points left out for want of --budget-bytes or --memory: %u.",
               bench_skipped_count(bench));
    printf("\n");
}

void bench_show_end(struct view *view, const struct bench_pair *pair, const struct bench *bench)
{
    json_t *event;

    if (view->kind == VIEW_JSON) {
        event = view_json_begin(view, "bench");
        json_object_update_new(event, bench_show_summary(pair, bench));
        view_json_print(event);
    } else {
        view_clear_line(view);
        print_end(bench);
    }
}
