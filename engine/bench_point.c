/* bench_point.c - see bench_point.h. Life, the ticks that judge, the end. */
#include "engine/bench_point.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bench_point_internal.h"
#include "io/clock.h"
#include "io/crc64.h"

#define MEMORY_ALIGN_BYTES 4096u
#define ROUNDS_MIN         4u /* of all connections, or nothing can be called steady */

uint64_t bench_point_need_bytes(enum bench_leg leg, uint32_t request_bytes, uint32_t connections)
{
    uint64_t one = 0;

    if (bench_leg_reads(leg))
        one += request_bytes;
    if (bench_leg_writes(leg))
        one += request_bytes + (bench_leg_relays(leg) ? BENCH_POINT_FRAMES_BYTES : 0);
    return one * connections * ROUNDS_MIN + one * BENCH_POINT_PROBES_COUNT;
}

/* ---- What the HTTP clients tell ---- */

static enum bench_verb verb_of(enum http_method method)
{
    return method == HTTP_GET    ? BENCH_VERB_GET
           : method == HTTP_POST ? BENCH_VERB_POST
                                 : BENCH_VERB_PUT;
}

static void note_exchange(struct bench_point *p, const struct http_seen *seen)
{
    struct bench_result *result = &p->result;

    p->spent_bytes += seen->sent_bytes + seen->received_bytes;
    if (seen->method == HTTP_GET)
        result->read_bytes += seen->received_bytes;
    else
        result->written_bytes += seen->sent_bytes;
    result->requests_count++;
    result->throttles_count += seen->status == 429 || seen->status == 503;
    if (p->proved && seen->status >= 200 && seen->status < 300)
        latency_note(&result->latency[verb_of(seen->method)], seen->elapsed_ns);
}

static void on_seen(struct http_observer *observer, const struct http_seen *seen)
{
    struct bench_side *side =
        (struct bench_side *)((char *)observer - offsetof(struct bench_side, observer));

    note_exchange(side->point, seen);
}

static void on_relay_seen(void *arg, const struct http_seen *seen)
{
    struct bench_point *p = arg;
    uint64_t now_ns = reactor_now_ns(p->setup.reactor);

    note_exchange(p, seen);
    if (p->proved && seen->status >= 200 && seen->status < 300)
        bench_rate_note(&p->wire, now_ns - seen->elapsed_ns, now_ns, seen->sent_bytes);
}

/* ---- Life ---- */

static bool open_side(struct bench_point *p, struct bench_side *side, const struct secret_url *url,
                      struct err *e)
{
    struct http_options how = *p->setup.http;
    struct secret_url own = {0};
    char *text;
    bool ok;

    side->point = p;
    side->observer.seen = on_seen;
    how.connections_max = p->setup.connections;
    how.observer = &side->observer;
    if (how.threads > p->setup.connections)
        how.threads = p->setup.connections;
    text = secret_url_full(url, NULL);
    if (!text)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a URL");
    ok = secret_url_parse(text, &own, e);
    secret_wipe_free(text);
    side->http = ok ? http_new(p->setup.reactor, &how, e) : NULL;
    if (side->http)
        side->blob = pageblob_new(side->http, &own, url->managed_disk, e);
    secret_url_fini(&own);
    return side->blob != NULL;
}

/* Bytes that do not compress: what a real disk brings at worst. */
static void fill(struct bench_slot *slot, uint32_t bytes, struct retry_random *random)
{
    for (uint32_t at = 0; at < bytes; at += sizeof(uint64_t)) {
        uint64_t word = retry_random_next(random);

        memcpy(slot->memory + at, &word, sizeof word);
    }
    slot->crc64 = crc64_update(0, slot->memory, bytes);
}

static bool open_slots(struct bench_point *p, struct err *e)
{
    for (uint32_t i = 0; i < p->setup.connections; i++) {
        struct bench_slot *slot = &p->slots[i];

        slot->point = p;
        slot->memory =
            aligned_alloc(MEMORY_ALIGN_BYTES, (p->setup.request_bytes + MEMORY_ALIGN_BYTES - 1) /
                                                  MEMORY_ALIGN_BYTES * MEMORY_ALIGN_BYTES);
        if (!slot->memory)
            return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for %u requests of %u bytes",
                           p->setup.connections, p->setup.request_bytes);
        slot->buf = (struct buf){.memory = slot->memory, .registered = -1};
        if (!bench_leg_reads(p->setup.leg))
            fill(slot, p->setup.request_bytes, &p->random);
    }
    return true;
}

static void check_setup(const struct bench_point_setup *s)
{
    assert(s->connections >= 1 && s->connections <= BENCH_POINT_CONNECTIONS_MAX);
    assert(s->request_bytes > 0 && s->request_bytes <= PAGEBLOB_RANGE_MAX);
    assert(s->request_bytes % PAGEBLOB_PAGE_BYTES == 0);
    assert(!bench_leg_reads(s->leg) ||
           (s->source && s->walk && s->walk->source_bytes >= s->request_bytes));
    assert(!bench_leg_writes(s->leg) || s->target_bytes >= s->request_bytes);
    assert(!bench_leg_writes(s->leg) || (bench_leg_relays(s->leg) ? !!s->relay : !!s->target));
}

static bool open_sides(struct bench_point *p, struct err *e)
{
    const struct bench_point_setup *s = &p->setup;

    if (bench_leg_reads(s->leg) && !open_side(p, &p->source, s->source, e))
        return false;
    if (!bench_leg_relays(s->leg))
        return !bench_leg_writes(s->leg) || open_side(p, &p->target, s->target, e);
    endpoint_relay_set_level(s->relay->ep, s->level);
    s->relay->seen = on_relay_seen;
    s->relay->arg = p;
    return true;
}

struct bench_point *bench_point_new(const struct bench_point_setup *setup, struct err *e)
{
    struct bench_point *p = calloc(1, sizeof *p);

    check_setup(setup);
    if (!p) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a measurement");
        return NULL;
    }
    p->setup = *setup;
    p->random.state = setup->random_seed;
    p->write_at = setup->write_from;
    p->result.leg = setup->leg;
    p->result.request_bytes = setup->request_bytes;
    p->result.connections = setup->connections;
    if (!open_slots(p, e) || !open_sides(p, e)) {
        bench_point_free(p);
        return NULL;
    }
    return p;
}

static void close_side(struct bench_side *side)
{
    pageblob_free(side->blob);
    http_free(side->http);
}

void bench_point_free(struct bench_point *point)
{
    if (!point)
        return;
    assert(point->busy_count == 0 && (point->ended || !point->started_ns));
    close_side(&point->source);
    close_side(&point->target);
    if (bench_leg_relays(point->setup.leg))
        point->setup.relay->seen = NULL;
    for (uint32_t i = 0; i < point->setup.connections; i++)
        free(point->slots[i].memory);
    free(point);
}

/* ---- Judging ---- */

/* Before which time is all known? */
static uint64_t known_until_ns(const struct bench_point *p)
{
    uint64_t until_ns = reactor_now_ns(p->setup.reactor);

    for (uint32_t i = 0; i < p->setup.connections; i++) {
        uint64_t since_ns = bench_slot_since_ns(&p->slots[i]);

        if (since_ns < until_ns)
            until_ns = since_ns;
    }
    return until_ns;
}

/* What auto came to, if the point is of that. */
static void look_at_level(struct bench_point *p)
{
    const struct endpoint_relay_counts *counts;

    if (!bench_leg_relays(p->setup.leg))
        return;
    counts = endpoint_relay_count(p->setup.relay->ep);
    if (counts->level != p->result.relayed.level || !counts->level_settled)
        p->level_since_ns = reactor_now_ns(p->setup.reactor);
    p->result.relayed.level = counts->level;
}

static bool is_sure(const struct bench_point *p)
{
    uint64_t now_ns = reactor_now_ns(p->setup.reactor);
    struct bench_estimate found;

    if (p->setup.leg == BENCH_LEG_RELAY_AUTO && now_ns - p->level_since_ns < BENCH_POINT_LEVEL_NS)
        return false;
    bench_rate_look(&p->result.rate, known_until_ns(p), &found);
    return found.known && found.counted_ns >= BENCH_POINT_MIN_NS &&
           (double)found.half_bytes_per_s * 1e6 <= (double)found.bytes_per_s * BENCH_POINT_SURE_PPM;
}

static void cut_off(struct bench_point *p)
{
    for (uint32_t i = 0; i < p->setup.connections; i++)
        bench_slot_abandon(&p->slots[i]);
    if (p->source.http)
        http_cancel_all(p->source.http);
    if (p->target.http)
        http_cancel_all(p->target.http);
    if (bench_leg_relays(p->setup.leg))
        http_cancel_all(p->setup.relay->http);
}

static void on_tick(struct timer *timer)
{
    struct bench_point *p =
        (struct bench_point *)((char *)timer - offsetof(struct bench_point, tick));
    uint64_t now_ns = reactor_now_ns(p->setup.reactor);

    if (p->stopping) {
        cut_off(p);
        reactor_arm(p->setup.reactor, &p->tick, now_ns + BENCH_POINT_TICK_NS, on_tick);
        return;
    }
    look_at_level(p);
    p->sure_count = p->proved && is_sure(p) ? p->sure_count + 1 : 0;
    if (p->sure_count >= 2)
        bench_point_end(p, BENCH_END_STABLE);
    else if (now_ns - p->started_ns >= p->setup.duration_ns)
        bench_point_end(p, BENCH_END_DURATION);
    else
        reactor_arm(p->setup.reactor, &p->tick, now_ns + BENCH_POINT_TICK_NS, on_tick);
}

/* ---- Use ---- */

void bench_point_start(struct bench_point *point)
{
    assert(!point->started_ns);
    point->started_ns = reactor_now_ns(point->setup.reactor);
    reactor_arm(point->setup.reactor, &point->tick, point->started_ns + BENCH_POINT_TICK_NS,
                on_tick);
    bench_slot_begin(&point->slots[0]);
}

void bench_point_proved(struct bench_point *p)
{
    p->proved = true;
    p->proved_ns = reactor_now_ns(p->setup.reactor);
    p->cpu_ns = clock_process_cpu_ns();
    machine_cpu_look(&p->machine);
    bench_rate_init(&p->result.rate, p->proved_ns);
    bench_rate_init(&p->wire, p->proved_ns);
    p->level_since_ns = p->proved_ns;
    for (uint32_t i = 0; i < p->setup.connections && !p->stopping; i++)
        bench_slot_begin(&p->slots[i]);
}

void bench_point_stop(struct bench_point *point)
{
    if (point->ended)
        return;
    point->result.end = BENCH_END_STOPPED;
    if (!point->stopping)
        bench_point_end(point, BENCH_END_STOPPED);
    cut_off(point);
}

/* ---- The end ---- */

static void measure_cpu(struct bench_point *p)
{
    uint64_t passed_ns = reactor_now_ns(p->setup.reactor) - p->proved_ns;
    struct machine_cpu now;

    if (!p->proved || passed_ns == 0)
        return;
    machine_cpu_look(&now);
    p->result.machine_permille = machine_cpu_permille(&p->machine, &now);
    p->result.cpu_ns = clock_process_cpu_ns() - p->cpu_ns;
    p->result.cpu_permille = (uint32_t)(p->result.cpu_ns * 1000 / passed_ns);
}

static void finish(struct reactor_task *task)
{
    struct bench_point *p =
        (struct bench_point *)((char *)task - offsetof(struct bench_point, finish));

    reactor_disarm(p->setup.reactor, &p->tick);
    measure_cpu(p);
    look_at_level(p);
    if (p->proved) {
        bench_rate_look(&p->result.rate, p->stopped_ns, &p->result.estimate);
        bench_rate_look(&p->wire, p->stopped_ns, &p->result.relayed.wire);
    }
    p->result.elapsed_ns = reactor_now_ns(p->setup.reactor) - p->started_ns;
    p->ended = true;
    p->setup.done(p->setup.arg);
}

void bench_point_slot_idle(struct bench_point *point)
{
    assert(point->busy_count > 0);
    if (--point->busy_count == 0 && point->stopping)
        reactor_post(point->setup.reactor, &point->finish, finish);
}

void bench_point_end(struct bench_point *point, enum bench_end why)
{
    if (point->stopping)
        return;
    point->stopping = true;
    point->result.end = why;
    point->stopped_ns = reactor_now_ns(point->setup.reactor);
    for (uint32_t i = 0; i < point->setup.connections; i++)
        bench_slot_abandon(&point->slots[i]);
    reactor_arm(point->setup.reactor, &point->tick, point->stopped_ns + BENCH_POINT_DRAIN_NS,
                on_tick);
}

/* ---- Look ---- */

const struct err *bench_point_error(const struct bench_point *point)
{
    return &point->error;
}

const struct bench_result *bench_point_result(const struct bench_point *point)
{
    assert(point->ended);
    return &point->result;
}

uint64_t bench_point_written_to(const struct bench_point *point)
{
    return point->write_at;
}
