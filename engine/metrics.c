/* metrics.c - see metrics.h. */
#include "engine/metrics.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "io/clock.h"

#define OTHER_VERB   (METRICS_VERBS_COUNT - 1)
#define OTHER_STATUS (METRICS_STATUSES_COUNT - 1)

static const char *const verb_names[] = {
    "get_range",   "put_page",   "clear_page", "put_page_from_url", "list_ranges", "head",
    "create",      "properties", "metadata",   "snapshot",          "lease",       "relay_stat",
    "relay_setup", "relay_list", "relay_read", "relay_have",        "relay_write", "relay_flush",
    "report",      "other"};
_Static_assert(sizeof verb_names / sizeof *verb_names == METRICS_VERBS_COUNT, "one name a verb");

/* What the service and the relay answer with; 0 is the place of "error". */
static const uint16_t statuses[] = {0,   200, 201, 202, 204, 206, 304, 307, 400, 401, 403, 404, 405,
                                    408, 409, 411, 412, 413, 416, 429, 500, 501, 502, 503, 504};
static const char *const status_names[] = {"error", "200", "201", "202", "204",  "206", "304",
                                           "307",   "400", "401", "403", "404",  "405", "408",
                                           "409",   "411", "412", "413", "416",  "429", "500",
                                           "501",   "502", "503", "504", "other"};
_Static_assert(sizeof statuses / sizeof *statuses == OTHER_STATUS, "all but other");
_Static_assert(sizeof status_names / sizeof *status_names == METRICS_STATUSES_COUNT, "a name each");

static const uint32_t bucket_ms[] = {5,    10,   25,   50,    100,   250,  500,
                                     1000, 2500, 5000, 10000, 30000, 60000};
_Static_assert(sizeof bucket_ms / sizeof *bucket_ms == METRICS_BUCKETS_COUNT, "an edge each");
_Static_assert(ERR_CANCELED < METRICS_KINDS_COUNT, "every kind has a place");

/* ---- Which place ---- */

static uint32_t verb_of(const char *name)
{
    uint32_t verb = 0;

    while (verb < OTHER_VERB && (!name || strcmp(verb_names[verb], name) != 0))
        verb++;
    return verb;
}

static uint32_t status_of(int status)
{
    uint32_t place = 0;

    while (place < OTHER_STATUS && statuses[place] != status)
        place++;
    return place;
}

/* ---- Counting ---- */

static void note_latency(struct metrics_latency *latency, uint64_t elapsed_ns)
{
    uint32_t bucket = 0;

    while (bucket < METRICS_BUCKETS_COUNT && elapsed_ns > metrics_bucket_ns(bucket))
        bucket++;
    if (bucket < METRICS_BUCKETS_COUNT)
        latency->within_count[bucket]++;
    latency->count++;
    latency->sum_ns += elapsed_ns;
}

static void on_seen(struct http_observer *observer, const struct http_seen *seen)
{
    struct metrics *m = (struct metrics *)((char *)observer - offsetof(struct metrics, observer));
    struct metrics_verb *verb = &m->verbs[verb_of(seen->verb)];

    verb->by_status[status_of(seen->status)]++;
    note_latency(&verb->latency, seen->elapsed_ns);
    m->sent_bytes += seen->sent_bytes;
    m->received_bytes += seen->received_bytes;
    m->throttles_count += seen->status == 429 || seen->status == 503;
    m->resendings_count += seen->sendings > 1 ? seen->sendings - 1 : 0;
    m->error_kinds[seen->kind] += seen->kind != ERR_NONE;
}

static void on_event(struct event_sink *sink, const struct event *event, const char *line,
                     size_t bytes)
{
    struct metrics *m = (struct metrics *)((char *)sink - offsetof(struct metrics, sink));

    (void)line, (void)bytes;
    m->event_kinds[event->kind]++;
    if (event->kind == EVENT_SUMMARY && event->disk && event->code == EVENT_FAILED && event->error)
        m->failure_kinds[event->error->kind]++;
}

void metrics_init(struct metrics *metrics)
{
    memset(metrics, 0, sizeof *metrics);
    metrics->observer.seen = on_seen;
    metrics->sink.take = on_event;
}

/* ---- Look ---- */

const char *metrics_verb_name(uint32_t verb)
{
    assert(verb < METRICS_VERBS_COUNT);
    return verb_names[verb];
}

const char *metrics_status_name(uint32_t status)
{
    assert(status < METRICS_STATUSES_COUNT);
    return status_names[status];
}

uint64_t metrics_bucket_ns(uint32_t bucket)
{
    assert(bucket < METRICS_BUCKETS_COUNT);
    return bucket_ms[bucket] * NS_PER_MS;
}
