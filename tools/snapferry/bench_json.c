/* bench_json.c - the events of snapferry bench; see bench_show.h. */
#include "blockmap/stream_pack.h"
#include "io/compress_level.h"
#include "tools/snapferry/bench_show.h"
#include "tools/snapferry/view_json.h"

/* Three digits behind the point are all that means anything. */
static void set_real(json_t *object, const char *name, double value)
{
    json_object_set_new(object, name, json_real((double)(uint64_t)(value * 1000 + 0.5) / 1000));
}

static json_t *latency_json(const struct latency *latency)
{
    static const struct {
        const char *name;
        uint32_t ppm;
    } marks[] = {{"p50", 500000}, {"p90", 900000}, {"p99", 990000}, {"p999", 999000}};
    json_t *object = json_object();

    view_json_set_count(object, "count", latency->count);
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        set_real(object, marks[i].name, (double)latency_at_ns(latency, marks[i].ppm) / 1e6);
    set_real(object, "max", (double)latency->max_ns / 1e6);
    return object;
}

static void set_relayed(json_t *object, const struct bench_result *r)
{
    const struct bench_relayed *relayed = &r->relayed;
    bool packs = relayed->level != STREAM_LEVEL_RAW && relayed->level != COMPRESS_AUTO;

    view_json_set_count(object, "sourceBytes", relayed->source_bytes);
    view_json_set_count(object, "wireBytes", r->written_bytes);
    if (r->written_bytes)
        set_real(object, "compressionFactor", bench_show_factor(r));
    view_json_set_count(object, "wireBytesPerSecond", relayed->wire.bytes_per_s);
    json_object_set_new(object, "level", packs ? json_integer(relayed->level) : json_null());
}

json_t *bench_show_json(const struct bench_result *r)
{
    static const char *const verbs[] = {"get", "put", "post"};
    json_t *object = json_object(), *latencies = json_object();

    view_json_set_text(object, "leg", bench_show_leg(r->leg));
    view_json_set_count(object, "requestBytes", r->request_bytes);
    view_json_set_count(object, "connections", r->connections);
    view_json_set_count(object, "bytesPerSecond", r->estimate.bytes_per_s);
    if (r->estimate.known)
        view_json_set_count(object, "plusMinusBytesPerSecond", r->estimate.half_bytes_per_s);
    view_json_set_text(object, "endedBy", bench_show_ended(r->end));
    set_real(object, "seconds", (double)r->elapsed_ns / 1e9);
    view_json_set_count(object, "readBytes", r->read_bytes);
    view_json_set_count(object, "writtenBytes", r->written_bytes);
    view_json_set_count(object, "requests", r->requests_count);
    view_json_set_count(object, "throttles", r->throttles_count);
    view_json_set_count(object, "failures", r->failures_count);
    if (bench_leg_relays(r->leg))
        set_relayed(object, r);
    set_real(object, "cpuSeconds", (double)r->cpu_ns / 1e9);
    set_real(object, "cpuPercent", r->cpu_permille / 10.0);
    set_real(object, "machinePercent", r->machine_permille / 10.0);
    for (int verb = 0; verb < BENCH_VERBS_COUNT; verb++)
        if (r->latency[verb].count)
            json_object_set_new(latencies, verbs[verb], latency_json(&r->latency[verb]));
    json_object_set_new(object, "latencyMs", latencies);
    return object;
}

static json_t *compression_json(const struct bench_verdict *verdict)
{
    json_t *object = json_object();

    if (verdict->better == BENCH_LEGS_COUNT)
        json_object_set_new(object, "better", json_null());
    else
        view_json_set_text(object, "better", bench_show_leg(verdict->better));
    view_json_set_text(object, "reason", verdict->advice);
    json_object_set_new(object, "dedup", json_false());
    return object;
}

json_t *bench_show_summary(const struct bench_pair *pair, const struct bench *bench)
{
    json_t *object = json_object(), *best = json_object(), *limit = json_object();
    uint64_t read_bytes = 0, written_bytes = 0, throttles_count = 0;
    struct bench_verdict verdict;

    bench_judge(bench, &verdict);
    for (uint32_t i = 0; i < bench_results_count(bench); i++) {
        const struct bench_result *r = bench_result_at(bench, i);

        read_bytes += r->read_bytes;
        written_bytes += r->written_bytes;
        throttles_count += r->throttles_count;
    }
    for (int leg = 0; leg < BENCH_LEGS_COUNT; leg++) {
        const struct bench_result *r = bench_best_of(bench, (enum bench_leg)leg);

        if (r)
            json_object_set_new(best, bench_show_leg((enum bench_leg)leg), bench_show_json(r));
    }
    view_json_set_text(limit, "name", bench_verdict_name(verdict.name));
    json_object_set_new(limit, "throttled", json_boolean(verdict.throttled));
    view_json_set_text(limit, "reason", verdict.reason);
    if (verdict.advice[0])
        json_object_set_new(object, "compression", compression_json(&verdict));
    view_json_set_text(object, "source", pair->source);
    view_json_set_text(object, "target", pair->target);
    json_object_set_new(object, "best", best);
    json_object_set_new(object, "bottleneck", limit);
    view_json_set_count(object, "readBytes", read_bytes);
    view_json_set_count(object, "writtenBytes", written_bytes);
    view_json_set_count(object, "throttles", throttles_count);
    view_json_set_count(object, "pointsLeftOut", bench_skipped_count(bench));
    return object;
}
