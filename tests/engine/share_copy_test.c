/* share_copy_test.c - whole copies at the seats of one share: pools far smaller than the copies, faults,
 * stops, pauses, caps changed on the way, what each copy costs in memory. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/verify.h"
#include "io/endpoint_mem.h"
#include "tests/support/copy_case.h"
#include "tests/support/many_copies.h"

#define KIB COPY_CASE_KIB
#define MIB COPY_CASE_MIB

static struct many_copies m;

static void end(void)
{
    many_close(&m);
}

TestSuite(share_copy, .fini = end);

static const struct fault_rule busy[] = {{.ops = FAULT_BIT(FAULT_READ) | FAULT_BIT(FAULT_WRITE),
                                          .kind = FAULT_THROTTLED,
                                          .permille = 20}};

static void begin(uint32_t buffers)
{
    struct job_limits none = {0};

    many_open(&m, buffers, &none);
}

static void be_busy(void)
{
    m.source_faults.rules = m.target_faults.rules = busy;
    m.source_faults.rules_count = m.target_faults.rules_count = 1;
}

Test(share_copy, many_copies_end_with_one_buffer_or_few)
{
    for (uint32_t buffers = 1; buffers <= 4; buffers++) {
        if (buffers > 1)
            end();
        begin(buffers);
        be_busy();
        for (uint32_t i = 0; i < 64; i++)
            (void)many_begin_disk(&m, 256 * KIB + i % 5 * 64 * KIB);
        many_finish(&m);
        many_expect_good(&m);
        cr_expect_leq(bufpool_held_bytes(m.pool), (uint64_t)buffers * BUF_BYTES);
    }
}

Test(share_copy, copies_that_pull_and_read_their_targets_back_share_one_buffer)
{
    struct job_limits cap = {.bytes_per_s = 64 * MIB};

    static char paths[8][TEST_PATH_MAX_BYTES];
    struct extent all = {0, 512 * KIB};
    struct err e = {0};

    many_open(&m, 1, &cap);
    m.options.path = COPY_PATH_SERVER;
    for (uint32_t i = 0; i < 8; i++) {
        struct endpoint *source = endpoint_mem_new(m.rig.r, all.length, &e);
        struct endpoint *target = endpoint_mem_new(m.rig.r, 0, &e);
        char name[16];

        snprintf(name, sizeof name, "manifest-%u", i);
        test_temp_path(paths[i], name);
        m.options.proof.manifest_path = paths[i];
        copy_case_fill(source, all, i);
        endpoint_mem_give_pulls(source);
        endpoint_mem_give_pulls(target);
        (void)many_begin(&m, source, target);
    }
    many_finish(&m);
    many_expect_good(&m);
    for (uint32_t i = 0; i < 8; i++) {
        cr_expect_eq(copy_summary(m.copies[i].copy)->pulled_bytes, all.length);
        cr_expect(copy_summary(m.copies[i].copy)->proof.has_manifest);
        cr_expect_eq(unlink(paths[i]), 0);
    }
}

struct checked {
    struct verify *verify;
    bool ended, *all_ended;
    uint32_t *left;
};

static void verify_done(void *arg, struct verify *verify)
{
    struct checked *checked = arg;

    (void)verify;
    checked->ended = true;
    *checked->all_ended = --*checked->left == 0;
}

Test(share_copy, verifies_take_turns_among_copies)
{
    struct checked checked[16];
    bool all_ended = false;
    uint32_t left = 16;
    struct err e = {0};

    begin(2);
    for (uint32_t i = 0; i < 16; i++)
        (void)many_begin_disk(&m, 256 * KIB);
    many_finish(&m);
    for (uint32_t i = 0; i < 16; i++) {
        struct many_copy *one = &m.copies[i];
        struct verify_ends ends = {.source = one->source, .target = one->target, .pool = m.pool};
        struct verify_options options = {.random_seed = i, .seat = one->seat};
        struct verify_watch watch = {.done = verify_done, .arg = &checked[i]};

        checked[i] = (struct checked){.all_ended = &all_ended, .left = &left};
        checked[i].verify = verify_new(m.rig.r, &ends, &options, &watch, &e);
        cr_assert_not_null(checked[i].verify, "%s", e.text);
        verify_start(checked[i].verify);
    }
    for (uint32_t i = 0; i < 16; i++)
        (void)many_begin_disk(&m, 256 * KIB);
    many_finish(&m);
    rig_until(&m.rig, &all_ended);
    for (uint32_t i = 0; i < 16; i++) {
        cr_expect(verify_summary(checked[i].verify)->equal, "%s",
                  verify_error(checked[i].verify)->text);
        verify_free(checked[i].verify);
    }
    many_expect_good(&m);
}

Test(share_copy, a_verify_reads_both_ends_and_writes_neither)
{
    struct job_limits cap = {.bytes_per_s = 8 * MIB};
    struct share_counts before, after;
    struct verify_options options = {.random_seed = 3};
    struct checked checked = {0};
    struct verify_watch watch = {.done = verify_done, .arg = &checked};
    struct verify_ends ends = {0};
    bool ended = false;
    uint32_t left = 1;
    struct err e = {0};
    uint64_t began_ns;

    many_open(&m, 4, &cap);
    (void)many_begin_disk(&m, 16 * MIB);
    many_finish(&m);
    many_expect_good(&m);
    before = share_count(m.share);
    cr_expect_geq(before.written_bytes, 16 * MIB);
    checked.all_ended = &ended;
    checked.left = &left;
    options.seat = m.copies[0].seat;
    ends = (struct verify_ends){.source = m.copies[0].source,
                                .target = m.copies[0].target,
                                .pool = m.pool};
    checked.verify = verify_new(m.rig.r, &ends, &options, &watch, &e);
    cr_assert_not_null(checked.verify, "%s", e.text);
    began_ns = reactor_now_ns(m.rig.r);
    verify_start(checked.verify);
    rig_until(&m.rig, &ended);
    after = share_count(m.share);
    cr_expect(verify_summary(checked.verify)->equal);
    verify_free(checked.verify);
    cr_expect_eq(after.written_bytes, before.written_bytes);
    cr_expect_eq(after.read_bytes - before.read_bytes, 32 * MIB);
    cr_expect_geq(reactor_now_ns(m.rig.r) - began_ns, 39 * NS_PER_S / 10);
    cr_expect_leq(reactor_now_ns(m.rig.r) - began_ns, 43 * NS_PER_S / 10);
}

static uint64_t resident_bytes(void)
{
    unsigned long long total, resident;
    FILE *f = fopen("/proc/self/statm", "re");

    cr_assert(f && fscanf(f, "%llu %llu", &total, &resident) == 2);
    fclose(f);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

Test(share_copy, equal_copies_end_together_and_cost_little_memory)
{
    uint64_t first_ns = UINT64_MAX, last_ns = 0, most = 0, before;

    begin(32);
    be_busy();
    m.source_faults.delay_max_ns = m.target_faults.delay_max_ns = 100 * NS_PER_MS;
    before = resident_bytes();
    for (uint32_t i = 0; i < 512; i++)
        (void)many_begin_pattern(&m, 16 * MIB);
    while (!m.ended) {
        uint64_t now;

        many_for(&m, 100 * NS_PER_MS);
        now = resident_bytes() - before;
        most = now > most ? now : most;
    }
    many_expect_good(&m);
    for (uint32_t i = 0; i < m.count; i++) {
        uint64_t took_ns = m.copies[i].ended_ns - m.copies[i].began_ns;

        first_ns = took_ns < first_ns ? took_ns : first_ns;
        last_ns = took_ns > last_ns ? took_ns : last_ns;
    }
    fprintf(stderr, "512 copies: %llu KiB each besides the pool; %llu to %llu ms\n",
            (unsigned long long)((most - bufpool_held_bytes(m.pool)) / 512 / KIB),
            (unsigned long long)(first_ns / NS_PER_MS), (unsigned long long)(last_ns / NS_PER_MS));
    cr_expect_leq(last_ns * 10, first_ns * 15);
#ifndef __SANITIZE_ADDRESS__
    cr_expect_leq(most, 32 * (uint64_t)BUF_BYTES + 512 * 160 * KIB);
#endif
}

/* Nothing is a target that needs no turn. */
static uint64_t moved_bytes(void)
{
    cr_expect_eq(share_count(m.share).written_bytes, 0u);
    return share_count(m.share).read_bytes;
}

Test(share_copy, a_cap_is_held_and_changed_while_copies_run)
{
    struct job_limits limits = {.bytes_per_s = 20 * MIB};
    uint64_t before;

    many_open(&m, 8, &limits);
    be_busy();
    for (uint32_t i = 0; i < 8; i++)
        (void)many_begin_pattern(&m, 64 * MIB);
    many_for(&m, NS_PER_S);
    before = moved_bytes();
    many_for(&m, 5 * NS_PER_S);
    cr_expect_leq((moved_bytes() - before) * 100, 5 * 20 * MIB * 105);
    cr_expect_geq((moved_bytes() - before) * 100, 5 * 20 * MIB * 90);
    limits.bytes_per_s = 2 * MIB;
    share_set_limits(m.share, &limits);
    many_for(&m, NS_PER_S);
    before = moved_bytes();
    many_for(&m, 5 * NS_PER_S);
    cr_expect_leq((moved_bytes() - before) * 100, 5 * 2 * MIB * 105);
    cr_expect_geq((moved_bytes() - before) * 100, 5 * 2 * MIB * 90);
    limits.bytes_per_s = 0;
    share_set_limits(m.share, &limits);
    many_finish(&m);
    many_expect_good(&m);
}

Test(share_copy, a_stop_does_not_wait_for_turns_that_a_cap_holds_back)
{
    struct job_limits limits = {0};
    uint64_t stopped_ns;

    many_open(&m, 16, &limits);
    for (uint32_t i = 0; i < 4; i++)
        (void)many_begin_pattern(&m, 256 * MIB);
    many_for(&m, 100 * NS_PER_MS);
    limits.bytes_per_s = MIB;
    share_set_limits(m.share, &limits);
    many_for(&m, 2 * NS_PER_S);
    stopped_ns = reactor_now_ns(m.rig.r);
    for (uint32_t i = 0; i < 4; i++)
        copy_stop(m.copies[i].copy);
    many_finish(&m);
    cr_expect_leq(reactor_now_ns(m.rig.r) - stopped_ns, NS_PER_S);
    for (uint32_t i = 0; i < 4; i++)
        cr_expect_eq(m.copies[i].err.kind, ERR_CANCELED, "%s", m.copies[i].err.text);
}

Test(share_copy, a_copy_whose_host_is_down_stops_no_sibling)
{
    static const struct fault_rule down[] = {{.ops = FAULT_BIT(FAULT_READ) | FAULT_BIT(FAULT_WRITE),
                                              .kind = FAULT_NET_BEFORE,
                                              .permille = 1000,
                                              .skip_count = 40}};

    begin(8);
    (void)many_begin_pattern(&m, 1024 * MIB);
    m.target_faults.rules = down;
    m.target_faults.rules_count = 1;
    (void)many_begin_pattern(&m, 1024 * MIB);
    (void)many_begin_pattern(&m, 1024 * MIB);
    while (!m.copies[0].ended)
        many_for(&m, 10 * NS_PER_MS);
    cr_expect_not(m.copies[1].ended || m.copies[2].ended, "these are still trying");
    /* 256 ranges of 11 ms, a quarter of eight buffers at least */
    cr_expect_leq(m.copies[0].ended_ns - m.copies[0].began_ns, 3 * NS_PER_S);
    many_finish(&m);
    cr_expect_not(err_is_set(&m.copies[0].err), "%s", m.copies[0].err.text);
    cr_expect_eq(m.copies[1].err.kind, ERR_NET);
    cr_expect_eq(m.copies[2].err.kind, ERR_NET);
}

Test(share_copy, memory_made_smaller_and_larger_is_kept_to_while_copies_run)
{
    struct job_limits limits = {.memory_bytes = 2 * (uint64_t)BUF_BYTES};

    begin(16);
    for (uint32_t i = 0; i < 8; i++)
        (void)many_begin_pattern(&m, 512 * MIB);
    many_for(&m, 200 * NS_PER_MS);
    cr_expect_gt(bufpool_held_bytes(m.pool), 8 * (uint64_t)BUF_BYTES);
    share_set_limits(m.share, &limits);
    many_for(&m, NS_PER_S);
    cr_expect_leq(bufpool_held_bytes(m.pool), 2 * (uint64_t)BUF_BYTES);
    limits.memory_bytes = 32 * (uint64_t)BUF_BYTES;
    share_set_limits(m.share, &limits);
    many_for(&m, 500 * NS_PER_MS);
    cr_expect_gt(bufpool_held_bytes(m.pool), 12 * (uint64_t)BUF_BYTES);
    many_finish(&m);
    many_expect_good(&m);
}
