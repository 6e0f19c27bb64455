/* mover_journal_test.c - what the data phase writes to a journal and refuses from one, errors of it, and
 * journals so large or so lopsided that memory and turns of the reactor matter. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "engine/delta_order.h"
#include "engine/mover.h"
#include "tests/support/copy_case.h"

#define KIB       COPY_CASE_KIB
#define MIB       COPY_CASE_MIB
#define GIB       (1024 * MIB)
#define CUT_BYTES (64u << 10)

struct journaled {
    struct copy_case c;
    struct plan plan;
    struct progress progress;
    struct retry_random random;
    struct journal *journal;
    struct mover *mover;
    bool hash, ended;
    struct extent unrecorded; /* may_record says no to what touches it */
    uint32_t begun_count;
    uint64_t turns_before_first; /* turns of the reactor before a range began */
    char path[TEST_PATH_MAX_BYTES + 16];
};

static struct journaled m;

static void begin(void)
{
    copy_case_open(&m.c);
    copy_case_keep_state(&m.c);
    snprintf(m.path, sizeof m.path, "%s/journal", m.c.folder);
    m.random.state = 5;
    m.hash = true;
}

static void close_journal(void)
{
    while (m.journal && journal_busy(m.journal))
        rig_turn(&m.c.rig);
    journal_close(m.journal);
    m.journal = NULL;
}

static void end(void)
{
    mover_free(m.mover);
    close_journal();
    plan_fini(&m.plan);
    copy_case_close(&m.c);
}

TestSuite(mover_journal, .init = begin, .fini = end, .timeout = 120);

/* ---- Helpers ---- */

static void note_done(void *arg)
{
    ((struct journaled *)arg)->ended = true;
}

static void note_moved(void *arg, struct extent extent, enum range_state from, enum range_state to)
{
    (void)extent;
    (void)to;
    ((struct journaled *)arg)->begun_count += from == RANGE_PLANNED;
}

static bool may_record(void *arg, struct extent extent)
{
    return extent_common(((struct journaled *)arg)->unrecorded, extent).length == 0;
}

static void open_journal(void)
{
    static const struct journal_header header = {.kind = JOURNAL_COPY};
    struct err e = {0};

    m.journal = journal_open(m.c.rig.r, m.path, &e);
    cr_assert_not_null(m.journal, "%s", e.text);
    if (!journal_found(m.journal))
        cr_assert(journal_begin(m.journal, &header, &e), "%s", e.text);
}

static void plan_all(uint64_t disk_bytes, bool delta)
{
    struct extent whole = {0, disk_bytes};
    struct extent_set all = {0}, none = {0};
    struct plan_input input = {.disk_bytes = disk_bytes,
                               .delta = delta,
                               .source_data = &all,
                               .source_clears = delta ? &none : NULL};
    struct err e = {0};

    cr_assert(extent_set_append(&all, whole));
    cr_assert(plan_make(&input, &m.plan, &e), "%s", e.text);
    extent_set_fini(&all);
}

/* Source full of data, target empty, in memory. */
static void small_disks(uint64_t disk_bytes)
{
    struct extent whole = {0, disk_bytes};

    m.c.source = copy_case_disk(&m.c, disk_bytes);
    copy_case_fill(m.c.source, whole, 1);
    m.c.target = copy_case_disk(&m.c, disk_bytes);
    copy_case_cut(m.c.source, CUT_BYTES);
    copy_case_cut(m.c.target, CUT_BYTES);
    plan_all(disk_bytes, false);
}

/* Ends that take no memory. */
static void large_disks(uint64_t disk_bytes)
{
    struct err e = {0};

    m.c.source = endpoint_pattern_new(m.c.rig.r, disk_bytes, 3, 0, &e);
    m.c.target = endpoint_null_new(m.c.rig.r, disk_bytes, &e);
    cr_assert(m.c.source && m.c.target, "%s", e.text);
}

static const struct err *run(void)
{
    struct mover_setup setup = {.reactor = m.c.rig.r,
                                .source = m.c.source,
                                .target = m.c.target,
                                .pool = m.c.pool,
                                .plan = &m.plan,
                                .progress = &m.progress,
                                .random = &m.random,
                                .hash = m.hash,
                                .journal = m.journal,
                                .may_record = m.unrecorded.length ? may_record : NULL,
                                .trace = {.moved = note_moved, .arg = &m},
                                .done = note_done,
                                .arg = &m};
    struct err e = {0};

    mover_free(m.mover);
    m.ended = false;
    m.begun_count = 0;
    m.turns_before_first = 0;
    m.progress = (struct progress){0};
    progress_plan(&m.progress, plan_total_bytes(&m.plan), reactor_now_ns(m.c.rig.r));
    m.mover = mover_new(&setup, &e);
    cr_assert_not_null(m.mover, "%s", e.text);
    mover_start(m.mover);
    while (!m.ended) {
        rig_turn(&m.c.rig);
        m.turns_before_first += m.begun_count == 0;
    }
    return mover_error(m.mover);
}

static void run_ok(void)
{
    const struct err *e = run();

    cr_assert_not(err_is_set(e), "%s", e->text);
    cr_expect_eq(m.progress.durable_bytes, m.progress.total_bytes);
}

static void append(const struct journal_record *record)
{
    struct err e = {0};

    cr_assert(journal_append(m.journal, record, &e), "%s", e.text);
}

static void append_done(struct extent extent, bool clear, uint64_t first_block, uint32_t hash_count)
{
    static struct journal_record record;

    record.type = JOURNAL_DONE;
    record.done.extent = extent;
    record.done.clear = clear;
    record.done.first_block = first_block;
    record.done.hash_count = hash_count;
    for (uint32_t i = 0; i < hash_count; i++)
        record.done.hashes[i].bytes[0] = (unsigned char)(1 + i);
    append(&record);
}

/* ---- What is recorded ---- */

Test(mover_journal, what_may_not_be_recorded_is_done_again_and_nothing_else)
{
    small_disks(40 * CUT_BYTES);
    m.unrecorded = (struct extent){10 * CUT_BYTES + 512, 512};
    open_journal();
    run_ok();
    close_journal();
    open_journal();
    run_ok();
    cr_expect_eq(m.begun_count, 1u);
    cr_expect_eq(mover_count(m.mover)->read_bytes, CUT_BYTES);
    cr_expect_eq(mover_count(m.mover)->resumed_bytes, 39 * CUT_BYTES);
}

Test(mover_journal, a_stage_is_no_range)
{
    struct journal_record record = {.type = JOURNAL_STAGE, .stage = JOURNAL_MOVED};

    small_disks(4 * CUT_BYTES);
    open_journal();
    run_ok();
    append(&record);
    close_journal();
    open_journal();
    run_ok();
    cr_expect_eq(m.begun_count, 0u);
}

Test(mover_journal, what_is_recorded_was_counted_and_what_is_counted_was_recorded)
{
    small_disks(8 * MIB);
    open_journal();
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){3000, RLIM_INFINITY}), 0);
    cr_expect_eq(run()->kind, ERR_IO);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}), 0);
    cr_expect_eq(mover_error(m.mover)->retry, RETRY_LATER);
    cr_expect_eq(mover_error(m.mover)->sys_errno, EFBIG);
    cr_expect_not_null(strstr(mover_error(m.mover)->text, m.path), "%s",
                       mover_error(m.mover)->text);
    {
        uint64_t counted_bytes = m.progress.durable_bytes;

        cr_expect_gt(counted_bytes, 0u);
        cr_expect_lt(counted_bytes, 8 * MIB);
        close_journal();
        open_journal();
        run_ok();
        cr_expect_eq(mover_count(m.mover)->resumed_bytes, counted_bytes);
        copy_case_expect_same(m.c.source, m.c.target, 8 * MIB);
    }
}

/* ---- What is refused ---- */

static void expect_refused(const char *what)
{
    const struct err *e;

    close_journal();
    open_journal();
    e = run();
    cr_expect_eq(e->kind, ERR_CORRUPT, "%s: %s", what, e->text);
    cr_expect_eq(m.begun_count, 0u, "%s", what);
    cr_expect_not_null(strstr(e->text, m.path));
    while (journal_busy(m.journal))
        rig_turn(&m.c.rig);
    journal_drop(m.journal);
    m.journal = NULL;
    open_journal();
}

Test(mover_journal, a_record_that_is_not_of_the_plan_is_refused)
{
    struct journal_record record = {.type = JOURNAL_MARKED};

    small_disks(8 * CUT_BYTES);
    open_journal();
    append_done((struct extent){8 * CUT_BYTES, 512}, false, 0, 0);
    expect_refused("behind the disk");
    append_done((struct extent){7 * CUT_BYTES, 2 * CUT_BYTES}, false, 0, 0);
    expect_refused("across its end");
    append_done((struct extent){0, 512}, true, 0, 0);
    expect_refused("a clear where nothing is to be cleared");
    append_done((struct extent){0, CUT_BYTES}, false, 1, 1);
    expect_refused("a block that the range does not touch");
    append_done((struct extent){CUT_BYTES, CUT_BYTES}, false, 0, 1);
    expect_refused("a block before the range");
    append_done((struct extent){0, 2 * CUT_BYTES}, false, 0, 3);
    expect_refused("more blocks than the range touches");
    append_done((struct extent){0, CUT_BYTES}, false, 0, 1);
    append(&record);
    expect_refused("a record that comes before the plan");
}

Test(mover_journal, in_a_delta_a_range_is_done_once_and_has_its_hash)
{
    small_disks(8 * CUT_BYTES);
    plan_fini(&m.plan);
    plan_all(8 * CUT_BYTES, true);
    open_journal();
    append_done((struct extent){0, CUT_BYTES}, false, 0, 1);
    append_done((struct extent){0, CUT_BYTES}, false, 0, 1);
    expect_refused("twice");
    append_done((struct extent){0, CUT_BYTES}, false, 0, 0);
    expect_refused("without a hash");
    append_done((struct extent){0, CUT_BYTES}, false, 0, 1);
    close_journal();
    open_journal();
    run_ok();
    cr_expect_eq(m.begun_count, 7u);
}

/* ---- Large ones ---- */

/* Everything but the first range is done: what waits for it is far more than hashing lets wait. */
static void all_but_the_first(uint64_t ranges, uint64_t range_bytes, uint32_t hash_count)
{
    for (uint64_t i = 1; i < ranges; i++)
        append_done((struct extent){i * range_bytes, range_bytes}, false,
                    m.plan.delta ? 0 : i * range_bytes / DIGEST_BLOCK_BYTES, hash_count);
    close_journal();
    open_journal();
}

Test(mover_journal, a_root_that_waits_for_the_first_of_20_gib_gets_it)
{
    const uint64_t ranges = 5120, range_bytes = 4 * MIB;

    large_disks(ranges * range_bytes);
    plan_all(ranges * range_bytes, false);
    open_journal();
    all_but_the_first(ranges, range_bytes, 64);
    run_ok();
    cr_expect_eq(m.begun_count, 1u);
    cr_expect_eq(mover_count(m.mover)->read_bytes, range_bytes);
}

Test(mover_journal, a_delta_that_waits_for_the_first_of_70000_gets_it)
{
    const uint64_t ranges = 70000;

    cr_assert_gt(ranges, DELTA_ORDER_OPEN_MAX);
    large_disks(ranges * CUT_BYTES);
    copy_case_cut(m.c.source, CUT_BYTES);
    copy_case_cut(m.c.target, CUT_BYTES);
    plan_all(ranges * CUT_BYTES, true);
    open_journal();
    all_but_the_first(ranges, CUT_BYTES, 1);
    run_ok();
    cr_expect_eq(m.begun_count, 1u);
}

Test(mover_journal, a_large_journal_is_read_in_many_turns)
{
    const uint64_t ranges = 20000;

    large_disks(ranges * CUT_BYTES);
    copy_case_cut(m.c.source, CUT_BYTES);
    copy_case_cut(m.c.target, CUT_BYTES);
    plan_all(ranges * CUT_BYTES, false);
    open_journal();
    all_but_the_first(ranges, CUT_BYTES, 1);
    run_ok();
    cr_expect_geq(m.turns_before_first, 20u, "others have a turn in between");
}

Test(mover_journal, blocks_without_a_hash_are_read_again_where_hashes_are_wanted)
{
    small_disks(8 * CUT_BYTES);
    open_journal();
    append_done((struct extent){0, CUT_BYTES}, false, 0, 0);
    append_done((struct extent){CUT_BYTES, 512}, false, 0, 0);
    m.hash = false;
    close_journal();
    open_journal();
    run_ok();
    cr_expect_eq(mover_count(m.mover)->resumed_bytes, CUT_BYTES + 512, "nobody asked for hashes");
    close_journal();
    m.hash = true;
    open_journal();
    run_ok();
    cr_expect_eq(mover_count(m.mover)->resumed_bytes, 0u);
    copy_case_expect_same(m.c.source, m.c.target, 8 * CUT_BYTES);
}
