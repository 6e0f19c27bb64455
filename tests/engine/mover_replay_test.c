/* mover_replay_test.c - a data phase in any number of processes, each ended anywhere: the target, the root
 * and the digest of a delta are those of one that was never ended, and nothing recorded is read again. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/mover.h"
#include "tests/support/copy_case.h"
#include "tests/support/page_model.h"

#define KIB        COPY_CASE_KIB
#define DISK_BYTES (3 * COPY_CASE_MIB + 40 * KIB) /* the last block is short */
#define PAGE       512u
#define LIVES_MAX  6u

enum shape { FULL_WITH_ROOT, FULL, DELTA_WITH_DIGEST, DELTA, SHAPES };

struct life_case {
    struct copy_case c;
    enum shape shape;
    uint64_t seed;
    struct plan plan;
    unsigned char *before; /* what the target held at first */
    char journal_file[TEST_PATH_MAX_BYTES + 16];
    char expected[DIGEST_TEXT_MAX_BYTES]; /* of a process that was never ended */
    uint32_t window_max;
    /* of one life */
    struct mover *mover;
    struct progress progress;
    struct retry_random random;
    struct journal *journal;
    bool ended;
    struct err err;
    struct mover_counts counts;
    /* what the journal says before a life */
    struct extent_set done_reads, done_clears;
};

static struct life_case l;

static uint64_t draw(uint64_t below)
{
    return page_random_below(&l.seed, below);
}

/* ---- Disks and plans ---- */

static void plan_delta(void)
{
    static const unsigned char zeros[PAGE];
    const unsigned char *source = endpoint_mem_bytes(l.c.source);
    struct extent_set reads = {0}, clears = {0};
    struct plan_input input = {
        .disk_bytes = DISK_BYTES, .delta = true, .source_data = &reads, .source_clears = &clears};
    struct err e = {0};

    for (uint64_t at = 0; at < DISK_BYTES; at += PAGE) {
        struct extent page = {at, PAGE};
        bool zero = memcmp(source + at, zeros, PAGE) == 0;

        if (memcmp(source + at, l.before + at, PAGE) != 0)
            cr_assert(extent_set_append(zero ? &clears : &reads, page));
    }
    cr_assert(plan_make(&input, &l.plan, &e), "%s", e.text);
    extent_set_fini(&reads);
    extent_set_fini(&clears);
}

static void plan_full(void)
{
    struct plan_input input = {.disk_bytes = DISK_BYTES,
                               .source_data = endpoint_mem_allocated(l.c.source),
                               .target_data = endpoint_mem_allocated(l.c.target)};
    struct err e = {0};

    cr_assert(plan_make(&input, &l.plan, &e), "%s", e.text);
}

static bool is_delta(void)
{
    return l.shape == DELTA || l.shape == DELTA_WITH_DIGEST;
}

static bool makes_digest(void)
{
    return l.shape == FULL_WITH_ROOT || l.shape == DELTA_WITH_DIGEST;
}

/* The target: for a delta what the source was some writes ago, else something else. */
static void make_disks(void)
{
    uint64_t disk_seed = 1 + draw(1u << 30);
    uint32_t cut_bytes = (32u << 10) << draw(3);

    l.c.source = copy_case_random_disk(&l.c, DISK_BYTES, disk_seed);
    l.c.target = copy_case_random_disk(&l.c, DISK_BYTES, is_delta() ? disk_seed : disk_seed + 1);
    l.before = copy_case_image(l.c.target);
    copy_case_scribble(l.c.source, DISK_BYTES, disk_seed + 2, 40);
    copy_case_cut(l.c.source, cut_bytes);
    copy_case_cut(l.c.target, cut_bytes);
    if (is_delta())
        plan_delta();
    else
        plan_full();
}

/* What stands at the target and is not of the journal may be anything a process left there: what it was
 * before, or what was written and not recorded. */
static void forget_unrecorded(void)
{
    uint64_t step_bytes = draw(8) ? 8 * PAGE : PAGE;

    for (uint64_t at = 0; at < DISK_BYTES; at += step_bytes) {
        struct extent piece = {at, step_bytes};

        if (draw(2) && !extent_set_touches(&l.done_reads, piece) &&
            !extent_set_touches(&l.done_clears, piece))
            endpoint_mem_poke(l.c.target, at, l.before + at, step_bytes);
    }
}

/* ---- The journal between lives ---- */

static void open_journal(bool anew)
{
    static const struct journal_header header = {.kind = JOURNAL_COPY, .copy_uuid = "x"};
    struct err e = {0};

    l.journal = journal_open(l.c.rig.r, l.journal_file, &e);
    cr_assert_not_null(l.journal, "%s", e.text);
    cr_assert_eq(journal_found(l.journal), !anew);
    if (anew)
        cr_assert(journal_begin(l.journal, &header, &e), "%s", e.text);
}

static void close_journal(void)
{
    while (journal_busy(l.journal))
        rig_turn(&l.c.rig);
    journal_close(l.journal);
    l.journal = NULL;
}

/* A kill: the file ends anywhere behind its header. */
static void cut_journal(long header_end)
{
    FILE *file = fopen(l.journal_file, "r+");
    long size;

    cr_assert_not_null(file);
    cr_assert_eq(fseek(file, 0, SEEK_END), 0);
    size = ftell(file);
    cr_assert_eq(
        ftruncate(fileno(file), header_end + (long)draw((uint64_t)(size - header_end + 1))), 0);
    fclose(file);
}

static long journal_size(void)
{
    FILE *file = fopen(l.journal_file, "r");
    long size;

    cr_assert_not_null(file);
    cr_assert_eq(fseek(file, 0, SEEK_END), 0);
    size = ftell(file);
    fclose(file);
    return size;
}

static void look_at_journal(void)
{
    const struct journal_record *record;
    struct err e = {0};

    extent_set_clear(&l.done_reads);
    extent_set_clear(&l.done_clears);
    open_journal(false);
    while (journal_next(l.journal, &record, &e) == JOURNAL_RECORD)
        cr_assert(extent_set_add(record->done.clear ? &l.done_clears : &l.done_reads,
                                 record->done.extent));
    close_journal();
}

/* ---- One life ---- */

static void note_done(void *arg)
{
    ((struct life_case *)arg)->ended = true;
}

static void live(uint64_t turns_max)
{
    struct mover_setup setup = {.reactor = l.c.rig.r,
                                .source = l.c.source,
                                .target = l.c.target,
                                .pool = l.c.pool,
                                .plan = &l.plan,
                                .progress = &l.progress,
                                .random = &l.random,
                                .hash = makes_digest(),
                                .journal = l.journal,
                                .window_start = l.window_max,
                                .window_max = l.window_max,
                                .done = note_done,
                                .arg = &l};
    struct err e = {0};

    l.ended = false;
    l.progress = (struct progress){0};
    progress_plan(&l.progress, plan_total_bytes(&l.plan), reactor_now_ns(l.c.rig.r));
    l.mover = mover_new(&setup, &e);
    cr_assert_not_null(l.mover, "%s", e.text);
    mover_start(l.mover);
    while (!l.ended && turns_max--)
        rig_turn(&l.c.rig);
    if (!l.ended)
        mover_stop(l.mover);
    rig_until(&l.c.rig, &l.ended);
    l.err = *mover_error(l.mover);
    l.counts = *mover_count(l.mover);
}

/* The journal may end before the last range: some of what is recorded may be read again, but of nothing
 * more than the blocks of what was in flight. */
static void expect_little_again(uint64_t read_before_bytes)
{
    uint64_t recorded_bytes = l.done_reads.total_bytes + l.done_clears.total_bytes;
    uint64_t again_bytes = recorded_bytes - l.counts.resumed_bytes;
    uint64_t again_max = l.shape == FULL_WITH_ROOT ? l.window_max * 2 * DIGEST_BLOCK_BYTES : 0;
    uint64_t read_bytes = endpoint_mem_traffic(l.c.source)->read_bytes - read_before_bytes;

    cr_assert_leq(l.counts.resumed_bytes, recorded_bytes);
    cr_assert_leq(again_bytes, again_max);
    cr_assert_leq(read_bytes, l.plan.reads.total_bytes - l.done_reads.total_bytes + again_bytes,
                  "what is recorded was read again");
    cr_assert_geq(progress_look(&l.progress, reactor_now_ns(l.c.rig.r)).percent + 0.11,
                  100.0 * (double)recorded_bytes / (double)l.progress.total_bytes,
                  "the percent fell");
}

static void expect_copied(void)
{
    char digest[DIGEST_TEXT_MAX_BYTES] = "";

    cr_assert_not(err_is_set(&l.err), "%s", l.err.text);
    cr_assert_eq(l.progress.durable_bytes, l.progress.total_bytes);
    copy_case_expect_same(l.c.source, l.c.target, DISK_BYTES);
    mover_digest(l.mover, digest);
    cr_assert_str_eq(digest, l.expected);
}

/* ---- One case: disks, a run without end, then lives ---- */

static void begin_case(enum shape shape, uint64_t seed, bool buffers)
{
    struct err e = {0};

    l = (struct life_case){.shape = shape, .seed = seed};
    copy_case_open(&l.c);
    copy_case_keep_state(&l.c);
    snprintf(l.journal_file, sizeof l.journal_file, "%s/journal", l.c.folder);
    l.random.state = seed;
    l.window_max = 1 + (uint32_t)draw(8);
    make_disks();
    if (buffers)
        cr_assert(endpoint_mem_track_flushes(l.c.target, &e), "%s", e.text);
    live(UINT64_MAX);
    cr_assert_not(err_is_set(&l.err), "%s", l.err.text);
    mover_digest(l.mover, l.expected);
    mover_free(l.mover);
    endpoint_mem_poke(l.c.target, 0, l.before, DISK_BYTES);
}

static void end_case(void)
{
    mover_free(l.mover);
    plan_fini(&l.plan);
    extent_set_fini(&l.done_reads);
    extent_set_fini(&l.done_clears);
    free(l.before);
    unlink(l.journal_file);
    copy_case_close(&l.c);
}

static void lives_case(enum shape shape, uint64_t seed)
{
    uint64_t read_before_bytes;
    uint64_t lives = 1 + seed % LIVES_MAX;
    bool buffers = seed % 3 == 0;
    long header_end;

    begin_case(shape, seed, buffers);
    open_journal(true);
    header_end = journal_size();
    for (uint64_t life = 0; life < lives; life++) {
        live(draw(60));
        cr_assert(!err_is_set(&l.err) || l.err.kind == ERR_CANCELED, "%s", l.err.text);
        mover_free(l.mover);
        close_journal();
        if (buffers)
            endpoint_mem_lose_unflushed(l.c.target);
        if (draw(3))
            cut_journal(header_end);
        look_at_journal();
        forget_unrecorded();
        open_journal(false);
    }
    read_before_bytes = endpoint_mem_traffic(l.c.source)->read_bytes;
    live(UINT64_MAX);
    expect_copied();
    expect_little_again(read_before_bytes);
    close_journal();
    end_case();
}

static void many_lives(enum shape shape)
{
    const char *wanted = getenv("SNAPFERRY_REPLAY_SEEDS"); /* many, by hand */
    uint64_t seeds = wanted ? strtoull(wanted, NULL, 10) : 15;

    for (uint64_t seed = 1; seed <= seeds; seed++)
        lives_case(shape, seed * SHAPES + shape);
}

Test(mover_replay, a_full_copy_with_root, .timeout = 200)
{
    many_lives(FULL_WITH_ROOT);
}

Test(mover_replay, a_full_copy_without_root, .timeout = 200)
{
    many_lives(FULL);
}

Test(mover_replay, a_delta_with_digest, .timeout = 200)
{
    many_lives(DELTA_WITH_DIGEST);
}

Test(mover_replay, a_delta_without_digest, .timeout = 200)
{
    many_lives(DELTA);
}

Test(mover_replay, a_copy_that_was_stopped_records_all_that_arrived)
{
    begin_case(FULL_WITH_ROOT, 12, true);
    open_journal(true);
    live(25);
    cr_assert_eq(l.err.kind, ERR_CANCELED);
    cr_expect_gt(l.progress.durable_bytes, 0u);
    cr_expect_eq(mover_remaining_bytes(l.mover) + l.progress.durable_bytes,
                 plan_total_bytes(&l.plan), "what arrived was flushed and recorded");
    mover_free(l.mover);
    close_journal();
    look_at_journal();
    cr_expect_eq(l.done_reads.total_bytes + l.done_clears.total_bytes, l.progress.durable_bytes);
    open_journal(false);
    live(UINT64_MAX);
    expect_copied();
    close_journal();
    end_case();
}

Test(mover_replay, a_complete_journal_moves_nothing)
{
    begin_case(FULL_WITH_ROOT, 5, false);
    open_journal(true);
    live(UINT64_MAX);
    expect_copied();
    mover_free(l.mover);
    close_journal();
    open_journal(false);
    live(UINT64_MAX);
    expect_copied();
    cr_expect_eq(l.counts.read_bytes, 0u);
    cr_expect_eq(l.counts.resumed_bytes, plan_total_bytes(&l.plan));
    close_journal();
    end_case();
}
