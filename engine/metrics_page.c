/* metrics_page.c - see metrics_page.h. */
#include "engine/metrics_page.h"

#include <assert.h>

#include "engine/metrics_disks.h"
#include "engine/metrics_families.h"
#include "engine/metrics_text.h"
#include "io/process_usage.h"

#define NS_DECIMALS 9u                                   /* of a second */
#define LATENCY     "snapferry_request_duration_seconds" /* M_REQUEST_DURATION's */

struct page {
    struct metrics_text text;
    struct metrics_text labels; /* of one sample */
    const char *name;           /* of the metric being written */
};

/* ---- One metric ---- */

static void begin(struct page *p, enum metrics_id id)
{
    const struct metrics_family *family = metrics_family_at(id);

    p->name = family->name;
    metrics_text_head(&p->text, family->name, family->type, family->help);
}

static void write_one(struct page *p, enum metrics_id id, uint64_t value)
{
    begin(p, id);
    metrics_text_count(&p->text, p->name, NULL, value);
}

static void write_ns(struct page *p, enum metrics_id id, uint64_t value_ns)
{
    begin(p, id);
    metrics_text_decimal(&p->text, p->name, NULL, value_ns, NS_DECIMALS);
}

/* The labels of the next sample: one, and then perhaps another. */
static void label(struct page *p, const char *name, const char *value)
{
    metrics_text_clear(&p->labels);
    metrics_text_label(&p->labels, name, value);
}

static void write_labelled(struct page *p, const char *name, const char *value, uint64_t count)
{
    label(p, name, value);
    metrics_text_count(&p->text, p->name, p->labels.bytes, count);
}

/* ---- Requests ---- */

static void write_requests(struct page *p, const struct metrics *m)
{
    begin(p, M_REQUESTS);
    for (uint32_t verb = 0; verb < METRICS_VERBS_COUNT; verb++)
        for (uint32_t status = 0; status < METRICS_STATUSES_COUNT; status++) {
            if (m->verbs[verb].by_status[status] == 0)
                continue;
            label(p, "verb", metrics_verb_name(verb));
            metrics_text_label(&p->labels, "status", metrics_status_name(status));
            metrics_text_count(&p->text, p->name, p->labels.bytes,
                               m->verbs[verb].by_status[status]);
        }
}

static void write_latency(struct page *p, const char *verb, const struct metrics_latency *latency)
{
    uint64_t within = 0;

    for (uint32_t i = 0; i < METRICS_BUCKETS_COUNT; i++) {
        within += latency->within_count[i];
        label(p, "verb", verb);
        metrics_text_label_decimal(&p->labels, "le", metrics_bucket_ns(i), NS_DECIMALS);
        metrics_text_count(&p->text, LATENCY "_bucket", p->labels.bytes, within);
    }
    label(p, "verb", verb);
    metrics_text_label(&p->labels, "le", "+Inf");
    metrics_text_count(&p->text, LATENCY "_bucket", p->labels.bytes, latency->count);
    label(p, "verb", verb);
    metrics_text_decimal(&p->text, LATENCY "_sum", p->labels.bytes, latency->sum_ns, NS_DECIMALS);
    metrics_text_count(&p->text, LATENCY "_count", p->labels.bytes, latency->count);
}

static void write_kinds(struct page *p, enum metrics_id id,
                        const uint64_t counts[METRICS_KINDS_COUNT])
{
    begin(p, id);
    for (uint32_t kind = ERR_NONE + 1; kind <= ERR_CANCELED; kind++)
        write_labelled(p, "kind", err_kind_name(kind), counts[kind]);
}

static void write_metrics(struct page *p, const struct metrics *m)
{
    write_requests(p, m);
    begin(p, M_REQUEST_DURATION);
    for (uint32_t verb = 0; verb < METRICS_VERBS_COUNT; verb++)
        if (m->verbs[verb].latency.count > 0)
            write_latency(p, metrics_verb_name(verb), &m->verbs[verb].latency);
    write_kinds(p, M_REQUEST_ERRORS, m->error_kinds);
    write_one(p, M_REQUEST_THROTTLES, m->throttles_count);
    write_one(p, M_REQUEST_RESENDS, m->resendings_count);
    write_kinds(p, M_FAILURES, m->failure_kinds);
    begin(p, M_EVENTS);
    for (uint32_t kind = 0; kind <= EVENT_END; kind++)
        write_labelled(p, "kind", event_kind_name(kind), m->event_kinds[kind]);
}

static void write_bytes(struct page *p, const char *direction, const char *part, uint64_t bytes)
{
    label(p, "direction", direction);
    metrics_text_label(&p->labels, "part", part);
    metrics_text_count(&p->text, p->name, p->labels.bytes, bytes);
}

static void write_http(struct page *p, const struct metrics_sources *sources)
{
    struct http_counts counts = {0};

    sources->http(sources->arg, &counts);
    begin(p, M_HTTP_BYTES);
    write_bytes(p, "sent", "head", counts.sent_head_bytes);
    write_bytes(p, "sent", "body", counts.sent_bytes);
    write_bytes(p, "received", "head", counts.received_head_bytes);
    write_bytes(p, "received", "body", counts.received_bytes);
    write_one(p, M_HTTP_CONNECTIONS, counts.connections);
}

static void label_thread(struct page *p, unsigned thread)
{
    metrics_text_clear(&p->labels);
    metrics_text_label_decimal(&p->labels, "thread", thread, 0);
}

static void write_lanes(struct page *p, const struct metrics_sources *sources)
{
    struct http_lane_count lanes[HTTP_THREADS_MAX];
    unsigned count = sources->lanes(sources->arg, lanes);

    begin(p, M_THREAD_REQUESTS);
    for (unsigned i = 0; i < count; i++) {
        label_thread(p, i);
        metrics_text_count(&p->text, p->name, p->labels.bytes, lanes[i].requests);
    }
    begin(p, M_THREAD_CPU);
    for (unsigned i = 0; i < count; i++) {
        label_thread(p, i);
        metrics_text_decimal(&p->text, p->name, p->labels.bytes, lanes[i].cpu_ns, NS_DECIMALS);
    }
}

/* ---- Budgets ---- */

static void write_pool(struct page *p, const struct bufpool *pool)
{
    write_one(p, M_BUFFERS, bufpool_count(pool));
    write_one(p, M_BUFFERS_IN_USE, bufpool_borrowed_count(pool));
    write_one(p, M_BUFFER_BYTES, (uint64_t)bufpool_count(pool) * BUF_BYTES);
    write_one(p, M_BUFFER_MAX_BYTES, (uint64_t)bufpool_count_max(pool) * BUF_BYTES);
}

static void write_limit(struct page *p, const char *scope, uint64_t limit)
{
    label(p, "scope", scope);
    if (limit)
        metrics_text_count(&p->text, p->name, p->labels.bytes, limit);
    else
        metrics_text_infinite(&p->text, p->name, p->labels.bytes);
}

static void write_limits(struct page *p, const struct job_limits *limits)
{
    begin(p, M_LIMIT_BYTES);
    write_limit(p, "process", limits->bytes_per_s);
    write_limit(p, "account", limits->account_bytes_per_s);
    write_limit(p, "blob", limits->blob_bytes_per_s);
    begin(p, M_LIMIT_REQUESTS);
    write_limit(p, "account", limits->account_requests_per_s);
    write_limit(p, "blob", limits->blob_requests_per_s);
    write_one(p, M_LIMIT_MEMORY, limits->memory_bytes);
}

static void write_events(struct page *p, const struct metrics_events *events)
{
    write_one(p, M_EVENTS_DROPPED, events->dropped);
    write_one(p, M_EVENTS_WAITING, events->waiting);
    write_one(p, M_EVENTS_POSTED, events->posted);
    write_one(p, M_EVENT_POST_FAILURES, events->failed_posts);
}

/* ---- The process ---- */

static void write_process(struct page *p, const struct metrics_sources *sources)
{
    struct process_usage usage;

    process_usage_look(&usage);
    if (sources->version) {
        begin(p, M_BUILD_INFO);
        write_labelled(p, "version", sources->version, 1);
    }
    write_ns(p, M_PROCESS_CPU, usage.cpu_ns);
    write_one(p, M_PROCESS_RESIDENT, usage.resident_bytes);
    write_one(p, M_PROCESS_VIRTUAL, usage.virtual_bytes);
    write_one(p, M_PROCESS_FDS, usage.fds_count);
    if (usage.fds_max)
        write_one(p, M_PROCESS_MAX_FDS, usage.fds_max);
    if (sources->started_wall_ns)
        write_ns(p, M_PROCESS_START, sources->started_wall_ns);
}

char *metrics_page_make(const struct metrics_sources *sources, size_t *out_bytes)
{
    struct page p = {0};
    struct job_limits limits = {0};
    struct metrics_events events = {0};

    write_process(&p, sources);
    if (sources->metrics)
        write_metrics(&p, sources->metrics);
    if (sources->http)
        write_http(&p, sources);
    if (sources->lanes)
        write_lanes(&p, sources);
    if (sources->pool)
        write_pool(&p, sources->pool);
    if (sources->limits) {
        sources->limits(sources->arg, &limits);
        write_limits(&p, &limits);
    }
    if (sources->events) {
        sources->events(sources->arg, &events);
        write_events(&p, &events);
    }
    assert(p.text.count < METRICS_PAGE_MAX_BYTES / 2); /* closed sets of labels: it cannot be */
    if (sources->look)
        metrics_disks_write(&p.text, sources, METRICS_PAGE_MAX_BYTES - p.text.count);
    p.text.failed |= p.labels.failed;
    metrics_text_fini(&p.labels);
    if (p.text.failed) {
        metrics_text_fini(&p.text);
        return NULL;
    }
    *out_bytes = p.text.count;
    return p.text.bytes;
}
