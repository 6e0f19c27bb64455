/* compress_level_test.c - the level that is chosen, on simulated CPUs, links and disks.
 *
 * The simulation is a sender: threads that pack records in order, a link that carries them one after
 * another, and room for a few between the two. It knows what each level really costs, which is not what
 * the ladder expects.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "blockmap/stream_pack.h"
#include "io/compress_level.h"

#define RECORD    ((uint64_t)STREAM_RAW_MAX_BYTES)
#define QUEUE_MAX 8u
#define THREADS   2u
#define SECOND    1e9
#define MBIT      (1e6 / 8 / 1e9) /* bytes/ns */

static const struct truth {
    int level;
    double cpu_ns, ratio;
} truths[] = {
    {STREAM_LEVEL_RAW, 0.4, 1.0},
    {-5, 2.2, 0.52},
    {-1, 2.9, 0.44},
    {1, 3.4, 0.39},
    {2, 3.9, 0.365},
    {3, 4.9, 0.34},
    {5, 9.5, 0.325},
    {7, 15.0, 0.31},
    {9, 26.0, 0.303},
    {12, 45, 0.30},
    {17, 400, 0.288},
    {19, 560, 0.28},
};

struct news { /* of a record, at its time */
    double packed_at, sent_at, busy_ns;
    int level;
    uint64_t wire_bytes, cpu_ns;
};

struct world {
    /* what is so */
    double link;      /* bytes/ns */
    double cpu_scale; /* of this machine */
    double sink_ns;   /* a raw byte takes the receiver, whatever the link does */
    double source;    /* bytes/ns; 0: as fast as is asked */
    bool incompressible;
    /* what happens */
    struct compress_level cl;
    double now, thread_free[THREADS], link_free, source_free;
    struct news under_way[QUEUE_MAX];
    uint64_t records, wire_bytes;
    unsigned of_level[sizeof truths / sizeof truths[0]]; /* records packed so */
};

static struct world world_new(int wanted, double link)
{
    struct world w = {.link = link, .cpu_scale = 1};

    compress_level_init(&w.cl, wanted, THREADS);
    return w;
}

static size_t truth_of(int level)
{
    size_t i = 0;

    while (truths[i].level != level)
        i++;
    return i;
}

/* A record that is packed is told when it is packed; one that is sent when it arrived. */
static void tell(struct world *w, struct news *news)
{
    if (news->packed_at > 0 && news->packed_at <= w->now) {
        compress_level_packed(&w->cl, news->level, RECORD, news->wire_bytes, news->cpu_ns,
                              (uint64_t)news->packed_at);
        news->packed_at = 0;
    }
    if (news->packed_at == 0 && news->sent_at > 0 && news->sent_at <= w->now) {
        if (news->busy_ns > 0)
            compress_level_sent(&w->cl, news->wire_bytes, (uint64_t)news->busy_ns);
        news->sent_at = 0;
    }
}

static void one_record(struct world *w)
{
    struct news *slot = &w->under_way[w->records % QUEUE_MAX];
    unsigned thread = w->thread_free[0] <= w->thread_free[1] ? 0 : 1;
    double begin = w->thread_free[thread], send_at, takes_ns;
    const struct truth *truth;
    size_t step;

    if (begin < slot->sent_at)
        begin = slot->sent_at; /* no room before that one is gone */
    if (w->source > 0) {
        w->source_free += (double)RECORD / w->source;
        begin = begin < w->source_free ? w->source_free : begin;
    }
    w->now = begin > w->now ? begin : w->now;
    for (unsigned i = 0; i < QUEUE_MAX; i++) /* the oldest first */
        tell(w, &w->under_way[(w->records + i) % QUEUE_MAX]);
    slot->level = compress_level_next(&w->cl, RECORD);
    step = truth_of(slot->level);
    truth = &truths[step];
    w->of_level[step]++;
    slot->cpu_ns = (uint64_t)(truth->cpu_ns * w->cpu_scale * (double)RECORD *
                              (w->incompressible && step > 0 ? 0.1 : 1)); /* found out early */
    slot->wire_bytes = (uint64_t)((double)RECORD * (w->incompressible ? 1 : truth->ratio));
    slot->packed_at = w->now + (double)slot->cpu_ns;
    w->thread_free[thread] = slot->packed_at;
    send_at = slot->packed_at > w->link_free ? slot->packed_at : w->link_free;
    takes_ns = (double)slot->wire_bytes / w->link;
    if (takes_ns < w->sink_ns * (double)RECORD)
        takes_ns = w->sink_ns * (double)RECORD;
    slot->sent_at = send_at + takes_ns;
    slot->busy_ns = send_at == w->link_free ? slot->sent_at - w->link_free : 0;
    w->link_free = slot->sent_at;
    w->wire_bytes += slot->wire_bytes;
    w->records++;
}

static void run_for(struct world *w, double ns)
{
    double end = w->now + ns;

    while (w->now < end)
        one_record(w);
}

/* How long so many bytes take. */
static double run_bytes(struct world *w, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes / RECORD; i++)
        one_record(w);
    return w->link_free;
}

static double fixed_time(int level, double link, double cpu_scale, uint64_t bytes)
{
    struct world w = world_new(level, link);

    w.cpu_scale = cpu_scale;
    return run_bytes(&w, bytes);
}

static double best_fixed_time(double link, double cpu_scale, uint64_t bytes)
{
    double best = fixed_time(STREAM_LEVEL_RAW, link, cpu_scale, bytes);

    for (size_t i = 1; i < sizeof truths / sizeof truths[0]; i++) {
        double time = fixed_time(truths[i].level, link, cpu_scale, bytes);

        best = time < best ? time : best;
    }
    return best;
}

/* ---- What is fixed stays ---- */

Test(compress_level, a_level_that_was_asked_for_is_kept)
{
    static const int levels[] = {STREAM_LEVEL_RAW, -7, 3, 19};

    for (size_t i = 0; i < 4; i++) {
        struct compress_level cl;

        compress_level_init(&cl, levels[i], THREADS);
        for (unsigned j = 0; j < 1000; j++) {
            cr_assert_eq(compress_level_next(&cl, RECORD), levels[i]);
            compress_level_packed(&cl, levels[i], RECORD, RECORD, 1 << 20, j + 1);
            compress_level_sent(&cl, RECORD, 1 << 20);
        }
    }
}

/* ---- The slower of CPU and link decides ---- */

Test(compress_level, a_fast_link_is_sent_raw_and_no_slower)
{
    static const double links[] = {0.6, 1.25, 3.0};

    for (size_t i = 0; i < 3; i++) {
        struct world w = world_new(COMPRESS_AUTO, links[i]);
        uint64_t bytes = 8ull << 30;
        double raw = fixed_time(STREAM_LEVEL_RAW, links[i], 2, bytes);
        double mine;

        w.cpu_scale = 2;
        mine = run_bytes(&w, bytes);
        cr_assert_lt(mine, raw * 1.03, "link %.2f: %.3f s, raw %.3f s", links[i], mine / SECOND,
                     raw / SECOND);
        cr_assert_eq(w.cl.level, links[i] > 1 ? STREAM_LEVEL_RAW : w.cl.level);
    }
}

Test(compress_level, raw_is_probed_seldom)
{
    struct world w = world_new(COMPRESS_AUTO, 3.0);
    unsigned before, probes = 0;

    run_for(&w, 2 * SECOND);
    before = w.of_level[0];
    memset(w.of_level, 0, sizeof w.of_level);
    run_for(&w, 10 * SECOND);
    for (size_t i = 1; i < sizeof truths / sizeof truths[0]; i++)
        probes += w.of_level[i];
    cr_assert(before > 0 && probes > 0);
    cr_assert_lt(probes, w.of_level[0] / 50);
}

/* But for what is kept back so that a heavy record does not leave the link idle. */
Test(compress_level, a_slow_link_gets_what_the_cpu_can_give)
{
    static const double links[] = {1000 * MBIT, 300 * MBIT, 100 * MBIT, 10 * MBIT, 1 * MBIT};
    static const double scales[] = {0.5, 1, 3};

    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < 3; j++) {
            struct world w = world_new(COMPRESS_AUTO, links[i]);
            uint64_t bytes = i < 3 ? 8ull << 30 : 1ull << 30;
            double best = best_fixed_time(links[i], scales[j], bytes), mine;

            w.cpu_scale = scales[j];
            mine = run_bytes(&w, bytes);
            cr_assert_lt(mine, best * 1.10, "%.0f Mbit/s, CPU %.1f: %.1f s, best %.1f s, level %d",
                         links[i] / MBIT, scales[j], mine / SECOND, best / SECOND, w.cl.level);
        }
}

Test(compress_level, a_link_of_100_mbit_is_kept_full)
{
    struct world w = world_new(COMPRESS_AUTO, 100 * MBIT);
    double begun, bytes;

    run_for(&w, 5 * SECOND);
    begun = w.link_free;
    bytes = (double)w.wire_bytes;
    run_for(&w, 60 * SECOND);
    bytes = (double)w.wire_bytes - bytes;
    cr_assert_gt(bytes / (w.link_free - begun), 100 * MBIT * 0.98);
    cr_assert(w.cl.level >= 5 && w.cl.level <= 12, "level %d", w.cl.level);
}

/* It looks like a link that gets slower with each heavier level. */
Test(compress_level, a_slow_receiver_is_not_taken_for_a_slow_link)
{
    struct world w = world_new(COMPRESS_AUTO, 3.0), raw = world_new(STREAM_LEVEL_RAW, 3.0);
    uint64_t bytes = 32ull << 30;
    double mine, its;

    w.sink_ns = raw.sink_ns = 4;
    its = run_bytes(&raw, bytes);
    mine = run_bytes(&w, bytes);
    cr_assert_lt(mine, its * 1.03, "%.1f s, raw %.1f s", mine / SECOND, its / SECOND);
    cr_assert_leq(w.cl.level, 3);
}

/* Fewer wire bytes a raw byte look like a slower link where it is the receiver that is slow. */
Test(compress_level, a_link_counts_as_slower_only_by_more_than_a_level_saves)
{
    struct compress_level cl;

    compress_level_init(&cl, COMPRESS_AUTO, THREADS);
    compress_level_sent(&cl, 100u << 20, (uint64_t)SECOND);
    cr_assert_float_eq(cl.link_bytes_per_ns, 0.105, 0.001);
    for (unsigned i = 0; i < 100; i++)
        compress_level_sent(&cl, 70u << 20, (uint64_t)SECOND);
    cr_assert_float_eq(cl.link_bytes_per_ns, 0.105, 0.001);
    for (unsigned i = 0; i < 100; i++)
        compress_level_sent(&cl, 40u << 20, (uint64_t)SECOND);
    cr_assert_lt(cl.link_bytes_per_ns, 0.06);
    for (unsigned i = 0; i < 100; i++)
        compress_level_sent(&cl, 90u << 20, (uint64_t)SECOND);
    cr_assert_gt(cl.link_bytes_per_ns, 0.09, "faster it is at once");
}

/* The window is packed at once, and its first answers come after all round trips of a beginning. */
Test(compress_level, the_first_answers_make_no_link_slow)
{
    struct compress_level cl;
    double guessed;

    compress_level_init(&cl, COMPRESS_AUTO, THREADS);
    guessed = cl.link_bytes_per_ns;
    compress_level_sent(&cl, 1 << 20, (uint64_t)(SECOND / 4));
    cr_assert_float_eq(cl.link_bytes_per_ns, guessed, 1e-9);
    compress_level_sent(&cl, 1 << 20, (uint64_t)SECOND);
    cr_assert_lt(cl.link_bytes_per_ns, guessed / 10);
}

/* ---- Changes ---- */

Test(compress_level, a_link_that_gets_slower_moves_up_within_seconds)
{
    struct world w = world_new(COMPRESS_AUTO, 3.0);

    run_for(&w, 5 * SECOND);
    cr_assert_eq(w.cl.level, STREAM_LEVEL_RAW);
    w.link = 100 * MBIT;
    run_for(&w, 8 * SECOND); /* what was packed raw before takes three of them */
    cr_assert_geq(w.cl.level, 3);
}

Test(compress_level, a_link_that_gets_faster_moves_down_within_seconds)
{
    struct world w = world_new(COMPRESS_AUTO, 50 * MBIT);

    run_for(&w, 30 * SECOND);
    cr_assert_geq(w.cl.level, 7);
    w.link = 1000 * MBIT;
    run_for(&w, 5 * SECOND);
    cr_assert(w.cl.level >= -1 && w.cl.level <= 3, "level %d", w.cl.level);
    w.link = 3.0;
    run_for(&w, 5 * SECOND);
    cr_assert_eq(w.cl.level, STREAM_LEVEL_RAW);
}

Test(compress_level, what_does_not_compress_goes_raw_and_comes_back)
{
    struct world w = world_new(COMPRESS_AUTO, 100 * MBIT);

    run_for(&w, 10 * SECOND);
    cr_assert_geq(w.cl.level, 3);
    w.incompressible = true;
    run_for(&w, 10 * SECOND);
    cr_assert_eq(w.cl.level, STREAM_LEVEL_RAW);
    w.incompressible = false;
    run_for(&w, 20 * SECOND);
    cr_assert_geq(w.cl.level, 3);
}

Test(compress_level, a_slow_source_is_no_reason_to_send_more)
{
    struct world w = world_new(COMPRESS_AUTO, 1000 * MBIT);
    uint64_t before;

    w.source = 0.06; /* slower than link and CPU */
    run_for(&w, 30 * SECOND);
    before = w.wire_bytes;
    memset(w.of_level, 0, sizeof w.of_level);
    run_for(&w, 30 * SECOND);
    cr_assert_eq(w.of_level[0], 0, "both idle: raw would save nothing");
    cr_assert_lt((double)(w.wire_bytes - before), 0.06 * 30 * SECOND * 0.6);
}

/* ---- Odd news ---- */

Test(compress_level, nothing_acknowledged_in_a_minute_is_no_division_by_zero)
{
    struct compress_level cl;

    compress_level_init(&cl, COMPRESS_AUTO, 1);
    compress_level_sent(&cl, 0, (uint64_t)(60 * SECOND));
    compress_level_sent(&cl, 0, 0);
    for (unsigned i = 0; i < 100; i++) {
        int level = compress_level_next(&cl, 512);

        cr_assert(level == STREAM_LEVEL_RAW ||
                  (level >= STREAM_LEVEL_MIN && level <= STREAM_LEVEL_MAX));
        compress_level_packed(&cl, level, 512, 600, 0, 0);
    }
    compress_level_sent(&cl, UINT64_MAX / 2, 1);
    cr_assert(cl.link_bytes_per_ns > 0);
}

/* A measurement waits for it: the first guess is not what a link gets in the end. */
Test(compress_level, is_settled_when_the_link_is_known_and_no_other_level_is_wanted)
{
    struct compress_level cl;
    uint64_t now_ns = 1;
    int level;

    compress_level_init(&cl, 3, 2);
    cr_expect(compress_level_settled(&cl));
    compress_level_init(&cl, COMPRESS_AUTO, 2);
    cr_expect_not(compress_level_settled(&cl));
    for (int i = 0; i < 60; i++) { /* 10 bytes a microsecond, and half of each record saved */
        level = compress_level_next(&cl, 4u << 20);
        compress_level_packed(&cl, level, 4u << 20, level == STREAM_LEVEL_RAW ? 4u << 20 : 2u << 20,
                              20000000, now_ns);
        compress_level_sent(&cl, 2u << 20, 200000000);
        now_ns += 200000000;
        cr_expect_not(i == 0 && compress_level_settled(&cl));
    }
    cr_expect(compress_level_settled(&cl));
    cr_expect_gt(cl.level, 0);
}
