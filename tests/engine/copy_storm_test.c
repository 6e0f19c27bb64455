/* copy_storm_test.c - generations of one disk through endpoints that fail in every way that is noticed:
 * a copy that says it succeeded is true, now and after all late writes landed; one that does not says why.
 * Some go on from a journal, some are stopped, some get new URLs, some targets lose what was not flushed,
 * some have the target read the source itself, some take turns at a seat.
 *
 * Every storm follows from its seed. SNAPFERRY_STORM_FIRST and SNAPFERRY_STORM_COUNT choose others than
 * the few that run by default; a failure prints the line that replays it.
 */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/share.h"
#include "tests/support/access_case.h"
#include "tests/support/copy_case.h"
#include "tests/support/page_model.h"

#define KIB            COPY_CASE_KIB
#define DISK_BYTES     (256 * KIB)
#define CUT_BYTES      (16u << 10)
#define FOOTER         ENDPOINT_PAGE_BYTES
#define GENERATIONS    4u
#define RUNS_MAX       60u
#define STORMS_DEFAULT 60u
#define RULES_EACH     4u
#define SECONDS_MAX    220u

struct storm {
    uint64_t seed;
    uint64_t random;
    bool with_footer;
    bool tracked;  /* the target can lose what was not flushed */
    bool renewing; /* a refused URL is renewed while the copy waits */
    bool pulling;  /* runs take the server's path, or try to, or do not */
    bool sitting;  /* it takes turns at the seat of a share, with few buffers and some caps */
    struct share *share;
    struct share_unit *unit;
    struct share_seat *seat;
    uint64_t pulled_bytes;
    uint32_t stops_count, losses_count, renewals_count;
    char name[GENERATIONS][16];
    uint32_t faults_count;
    char replay[96];
};

static struct copy_case c;
static char journal_path[TEST_PATH_MAX_BYTES];

static uint64_t below(struct storm *s, uint64_t limit)
{
    return page_random_below(&s->random, limit);
}

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);

    return text ? strtoull(text, NULL, 10) : otherwise;
}

/* ---- What goes wrong ---- */

static struct fault_rule draw_rule(struct storm *s, bool target)
{
    static const enum fault_kind kinds[] = {FAULT_THROTTLED, FAULT_NET_BEFORE, FAULT_NET_AFTER,
                                            FAULT_CORRUPT,   FAULT_NET_TORN,   FAULT_NET_LATE,
                                            FAULT_NET_LATE,  FAULT_NET_AFTER};
    static const enum fault_kind fatal[] = {FAULT_GONE, FAULT_CHANGED, FAULT_DISK_FULL,
                                            FAULT_DISK_BAD, FAULT_AUTH};
    struct fault_rule rule = {.ops = FAULT_ALL_OPS};

    if (below(s, 2))
        rule.ops = (unsigned)page_random_below(&s->random, FAULT_ALL_OPS) + 1;
    rule.kind = kinds[below(s, sizeof kinds / sizeof kinds[0])];
    rule.permille = 10 + (uint32_t)below(s, 250);
    if (below(s, 4) == 0) {
        rule.permille = 1000;
        rule.skip_count = (uint32_t)below(s, 60);
        rule.hits_max = 1 + (uint32_t)below(s, 20);
    }
    if (below(s, 12) == 0) {
        rule.kind = fatal[below(s, sizeof fatal / sizeof fatal[0])];
        rule.permille = 1 + (uint32_t)below(s, 20);
        rule.hits_max = 3;
    }
    rule.retry_after_ms = (uint32_t)below(s, 3) * 700;
    rule.late_ns = (1 + below(s, target ? 90 : 1)) * NS_PER_S;
    return rule;
}

static void wrap(struct storm *s, struct endpoint **disk, bool target)
{
    struct fault_rule rules[RULES_EACH + 1];
    struct fault_options options = {.seed = s->seed * 2 + target, .rules = rules};

    options.rules_count = 1 + below(s, RULES_EACH);
    for (size_t i = 0; i < options.rules_count; i++)
        rules[i] = draw_rule(s, target);
    if (s->renewing)
        rules[options.rules_count++] = (struct fault_rule){
            .ops = FAULT_ALL_OPS, .kind = FAULT_AUTH, .permille = 15, .hits_max = 3};
    options.delay_min_ns = below(s, 3) * NS_PER_MS;
    options.delay_max_ns = options.delay_min_ns + below(s, 4) * 20 * NS_PER_MS;
    copy_case_wrap(disk, &options);
}

/* ---- One storm ---- */

static void expect_true(const struct storm *s, uint32_t generation, const char *when)
{
    const struct endpoint *source = endpoint_fault_inner(c.source);
    const struct endpoint *target = endpoint_fault_inner(c.target);

    cr_assert_eq(target->size_bytes, source->size_bytes);
    cr_assert(copy_case_is_same(target, endpoint_mem_bytes(source), source->size_bytes),
              "generation %u, %s: wrong bytes; replay: %s", generation, when, s->replay);
    cr_assert_eq(endpoint_mem_marker(target)->state, MARKER_COMPLETE);
    cr_assert_str_eq(endpoint_mem_marker(target)->source, s->name[generation]);
}

struct stop {
    struct timer timer;
    struct copy *copy;
};

static void stop_now(struct timer *timer)
{
    copy_stop(((struct stop *)timer)->copy);
}

/* Runs one, perhaps with URLs that can be renewed, perhaps to be stopped in the midst. */
static void run_once(struct storm *s)
{
    struct access_case source = {0}, target = {0};
    struct stop stop = {{0}, NULL};
    bool stopping = below(s, 6) == 0;

    if (s->renewing) {
        access_case_open(&source, c.rig.r, ACCESS_SOURCE, 0);
        access_case_open(&target, c.rig.r, ACCESS_TARGET, 0);
        source.faulty[0] = c.source;
        target.faulty[0] = c.target;
        source.after_ns = target.after_ns = below(s, 100) * NS_PER_S;
        c.sides.source = source.access;
        c.sides.target = target.access;
    }
    stop.copy = copy_case_start(&c);
    if (stopping)
        reactor_arm(c.rig.r, &stop.timer, reactor_now_ns(c.rig.r) + below(s, 3000) * NS_PER_MS,
                    stop_now);
    rig_until(&c.rig, &c.ended);
    if (stop.timer.slot)
        reactor_disarm(c.rig.r, &stop.timer);
    copy_case_finish(&c, stop.copy);
    s->stops_count += c.err.kind == ERR_CANCELED;
    s->renewals_count += source.swapped_count + target.swapped_count;
    cr_assert(stopping || c.err.kind != ERR_CANCELED, "replay: %s", s->replay);
    memset(&c.sides, 0, sizeof c.sides);
    access_case_close(&source);
    access_case_close(&target);
}

/* As a machine that loses its power: what was written and not flushed is gone. */
static void perhaps_lose(struct storm *s)
{
    if (!s->tracked || below(s, 2))
        return;
    rig_until_idle(&c.rig);
    endpoint_mem_lose_unflushed(endpoint_fault_inner(c.target));
    s->losses_count++;
}

/* Until one copy succeeds, or a newer generation is wanted instead; each that does not succeed must say
 * why and must not look whole. */
static void copy_until_done(struct storm *s, uint32_t generation)
{
    for (uint32_t run = 0; run < RUNS_MAX; run++) {
        const struct marker *marker = endpoint_mem_marker(endpoint_fault_inner(c.target));

        c.options.random_seed = (s->seed * GENERATIONS + generation) * RUNS_MAX + run;
        /* The journal of an older generation is in the way until a run came so far as to drop it. */
        c.options.restart = run == 0 || strstr(c.err.text, "--restart drops");
        c.options.path = s->pulling ? (enum copy_path)below(s, 3) : COPY_PATH_CLIENT;
        run_once(s);
        s->pulled_bytes += c.summary.pulled_bytes;
        if (!err_is_set(&c.err)) {
            expect_true(s, generation, "at its end");
            return;
        }
        cr_assert_str_not_empty(c.err.text);
        cr_assert(c.err.kind != ERR_USAGE, "%s; replay: %s", c.err.text, s->replay);
        perhaps_lose(s);
        if (marker->state == MARKER_COMPLETE && strcmp(marker->source, s->name[generation]) == 0)
            expect_true(s, generation, "marked complete before an error");
        endpoint_fault_renew(c.source);
        endpoint_fault_renew(c.target);
        if (generation + 1 < GENERATIONS && below(s, 4) == 0)
            return;
    }
    cr_assert_fail("%u copies did not do, the last: %s; replay: %s", RUNS_MAX, c.err.text,
                   s->replay);
}

/* What changed, and the snapshot to compare with, behind the back of the faults. */
static void next_generation(struct storm *s, uint32_t generation)
{
    struct endpoint *wrapper = c.source;
    struct endpoint *source = endpoint_fault_inner(wrapper);

    c.source = source;
    copy_case_new_base(&c, s->name[generation - 1], s->name[generation]);
    copy_case_scribble(source, DISK_BYTES, s->seed + generation, (uint32_t)below(s, 20));
    c.source = wrapper;
}

static void count_faults(struct storm *s)
{
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        uint64_t count = endpoint_fault_count_kind(c.source, (enum fault_kind)kind) +
                         endpoint_fault_count_kind(c.target, (enum fault_kind)kind);

        s->faults_count += (uint32_t)count;
    }
}

static void make_storm(struct storm *s)
{
    for (uint32_t i = 0; i < GENERATIONS; i++)
        snprintf(s->name[i], sizeof s->name[i], "generation-%u", i);
    snprintf(s->replay, sizeof s->replay,
             "SNAPFERRY_STORM_FIRST=%llu SNAPFERRY_STORM_COUNT=1 copy_storm_test",
             (unsigned long long)s->seed);
    s->random = s->seed * 0x9E3779B97F4A7C15ull + 1;
    s->with_footer = below(s, 2);
    c.source = copy_case_random_disk(&c, DISK_BYTES + FOOTER, s->seed);
    if (s->with_footer)
        copy_case_put_footer(c.source);
    c.target = below(s, 2) ? copy_case_random_disk(&c, DISK_BYTES + FOOTER, s->seed + 5)
                           : copy_case_disk(&c, 0);
    copy_case_cut(c.source, CUT_BYTES);
    copy_case_cut(c.target, CUT_BYTES);
    c.options.source_id = s->name[0];
    c.options.base_id = NULL;
    c.options.coalesce_bytes = below(s, 2) * 8 * KIB;
    c.options.journal_path = below(s, 3) ? journal_path : NULL;
    s->renewing = below(s, 3) == 0;
    s->tracked = below(s, 3) == 0;
    s->pulling = below(s, 3) == 0;
    s->sitting = s->seed % 2;
    if (s->pulling) {
        endpoint_mem_give_pulls(c.source);
        endpoint_mem_give_pulls(c.target);
    }
}

static void sit_down(struct storm *s)
{
    struct share_side source = {"source", "account"}, target = {"target", "account"};
    struct job_limits limits = {.memory_bytes = (1 + below(s, 3)) * BUF_BYTES,
                                .bytes_per_s = below(s, 2) * 4 * COPY_CASE_MIB,
                                .blob_requests_per_s = below(s, 2) * 200,
                                .account_bytes_per_s = below(s, 2) * 2 * COPY_CASE_MIB};
    struct err e = {0};

    if (!s->sitting)
        return;
    s->share = share_new(c.rig.r, c.pool, &limits, &e);
    s->unit = share_unit_new(s->share, &e);
    s->seat = share_seat_new(s->unit, 1, &source, &target, &e);
    cr_assert_not_null(s->seat, "%s", e.text);
    c.options.seat = s->seat;
}

static void stand_up(struct storm *s)
{
    if (!s->sitting)
        return;
    cr_assert_eq(share_seat_held_count(s->seat) + share_count(s->share).waiting, 0u,
                 "a buffer or an ask was forgotten; replay: %s", s->replay);
    share_seat_free(s->seat);
    share_unit_free(s->unit);
    share_free(s->share);
    c.options.seat = NULL;
    bufpool_set_max(c.pool, COPY_CASE_POOL_BYTES);
}

static struct storm run_storm(uint64_t seed)
{
    struct storm s = {.seed = seed};
    struct err e = {0};

    make_storm(&s);
    sit_down(&s);
    if (s.tracked)
        cr_assert(endpoint_mem_track_flushes(c.target, &e), "%s", e.text);
    wrap(&s, &c.source, false);
    wrap(&s, &c.target, true);
    copy_until_done(&s, 0);
    for (uint32_t generation = 1; generation < GENERATIONS; generation++) {
        next_generation(&s, generation);
        copy_until_done(&s, generation);
    }
    rig_until_idle(&c.rig);
    expect_true(&s, GENERATIONS - 1, "after every late write");
    count_faults(&s);
    endpoint_close(c.source);
    endpoint_close(c.target);
    endpoint_close(c.base);
    c.source = c.target = c.base = NULL;
    unlink(journal_path);
    stand_up(&s);
    return s;
}

Test(copy_storm, survives_or_reports, .timeout = SECONDS_MAX)
{
    uint64_t first = number_of("SNAPFERRY_STORM_FIRST", 1);
    uint64_t count = number_of("SNAPFERRY_STORM_COUNT", STORMS_DEFAULT);
    uint64_t faults = 0, stops = 0, losses = 0, renewals = 0, pulled = 0;

    copy_case_open(&c);
    copy_case_keep_state(&c);
    test_temp_path(journal_path, "storm-journal");
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct storm s = run_storm(seed);

        faults += s.faults_count;
        stops += s.stops_count;
        losses += s.losses_count;
        renewals += s.renewals_count;
        pulled += s.pulled_bytes;
    }
    cr_assert_gt(faults, count, "hardly a fault was injected");
    cr_assert(count < STORMS_DEFAULT || (stops && losses && renewals && pulled),
              "%llu stops, %llu losses, %llu renewals, %llu bytes pulled",
              (unsigned long long)stops, (unsigned long long)losses, (unsigned long long)renewals,
              (unsigned long long)pulled);
    copy_case_close(&c);
}
