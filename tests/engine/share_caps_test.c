/* share_caps_test.c - caps of a share: held over every 5 s, by the process, by blob, by account, each way by
 * itself, whatever is tried again; changed live. Time is simulated. */
#include "engine/share.h"

#include <criterion/criterion.h>

#include "tests/support/share_case.h"

#define MIB 1048576ull

static struct share_case c;

static void end(void)
{
    share_case_close(&c);
}

TestSuite(share_caps, .fini = end);

static void expect_held(uint64_t from_ns, uint64_t per_s)
{
    uint64_t read = share_case_most(c.reads, c.reads_count, from_ns, 5 * NS_PER_S);
    uint64_t written = share_case_most(c.writes, c.writes_count, from_ns, 5 * NS_PER_S);
    uint64_t seconds = (reactor_now_ns(c.rig.r) - from_ns) / NS_PER_S;
    uint64_t sum;

    cr_expect_leq(read * 100, 5 * per_s * 105, "%llu read in 5 s", (unsigned long long)read);
    cr_expect_leq(written * 100, 5 * per_s * 105, "%llu written in 5 s",
                  (unsigned long long)written);
    for (uint64_t s = 1; s + 5 < seconds; s++) {
        uint64_t at_ns = from_ns + s * NS_PER_S;

        sum = share_case_sum(c.reads, c.reads_count, at_ns, at_ns + 5 * NS_PER_S);
        cr_expect_geq(sum * 100, 5 * per_s * 95, "%llu read after %llu s", (unsigned long long)sum,
                      (unsigned long long)s);
        /* what is read again is not written again */
        sum = share_case_sum(c.writes, c.writes_count, at_ns, at_ns + 5 * NS_PER_S);
        cr_expect_geq(sum * 100, 5 * per_s * 88, "%llu written after %llu s",
                      (unsigned long long)sum, (unsigned long long)s);
    }
}

Test(share_caps, the_process_keeps_to_its_cap_over_every_5_s)
{
    static const uint64_t rates[] = {MIB, 3 * MIB + 333, 25 * MIB, 300 * MIB};

    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct job_limits limits = {.bytes_per_s = rates[i]};
        uint64_t began_ns;

        if (i)
            end();
        share_case_open(&c, 16, &limits);
        for (uint32_t d = 0; d < 20; d++) {
            (void)share_case_add(&c, d % 3, 1 + d % 5, NULL, NULL, 100000 * MIB);
            c.disks[d].latency_ns = (5 + d) * NS_PER_MS;
            c.disks[d].fails_permille = d % 2 ? 0 : 50;
        }
        began_ns = reactor_now_ns(c.rig.r);
        share_case_begin_all(&c);
        share_case_for(&c, 20 * NS_PER_S);
        expect_held(began_ns, rates[i]);
        cr_expect_leq(c.largest_bytes, rates[i] / 10 > 65536 ? rates[i] / 10 : 65536);
    }
}

Test(share_caps, a_cap_set_while_all_run_is_held_from_one_second_later)
{
    static const uint64_t rates[] = {40 * MIB, MIB, 8 * MIB, 2 * MIB};
    struct job_limits limits = {0};

    share_case_open(&c, 32, &limits);
    for (uint32_t d = 0; d < 8; d++)
        (void)share_case_add(&c, 0, 1, NULL, NULL, 100000 * MIB);
    share_case_begin_all(&c);
    share_case_for(&c, NS_PER_S / 2);
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        limits.bytes_per_s = rates[i];
        share_set_limits(c.share, &limits);
        share_case_for(&c, NS_PER_S);
        c.reads_count = c.writes_count = 0;
        share_case_for(&c, 12 * NS_PER_S);
        cr_expect_leq(share_case_most(c.reads, c.reads_count, 0, 5 * NS_PER_S) * 100,
                      5 * rates[i] * 105);
        cr_expect_leq(share_case_most(c.writes, c.writes_count, 0, 5 * NS_PER_S) * 100,
                      5 * rates[i] * 105);
        cr_expect_geq(share_case_sum(c.writes, c.writes_count, 0, UINT64_MAX) * 100,
                      12 * rates[i] * 95);
    }
}

Test(share_caps, a_cap_that_is_taken_away_holds_nothing_back)
{
    struct job_limits limits = {.bytes_per_s = MIB};

    share_case_open(&c, 8, &limits);
    (void)share_case_add(&c, 0, 1, NULL, NULL, 4000 * MIB);
    share_case_begin_all(&c);
    share_case_for(&c, 2 * NS_PER_S);
    cr_expect_leq(c.disks[0].done_bytes, 3 * MIB);
    limits.bytes_per_s = 0;
    share_set_limits(c.share, &limits);
    share_case_for(&c, 2 * NS_PER_S);
    cr_expect_geq(c.disks[0].done_bytes, 1000 * MIB);
}

Test(share_caps, one_blob_keeps_to_its_own_and_holds_nobody_else_back)
{
    struct job_limits limits = {.blob_bytes_per_s = 10 * MIB};

    share_case_open(&c, 4, &limits);
    for (uint32_t d = 0; d < 3; d++)
        (void)share_case_add(&c, 0, 1, d ? "one" : NULL, NULL, 100000 * MIB);
    share_case_begin_all(&c);
    share_case_for(&c, 20 * NS_PER_S);
    cr_expect_leq(c.disks[1].done_bytes + c.disks[2].done_bytes, 20 * 10 * MIB * 102 / 100);
    cr_expect_geq(c.disks[1].done_bytes, 20 * 5 * MIB * 94 / 100, "two disks of one blob share it");
    cr_expect_geq(c.disks[2].done_bytes, 20 * 5 * MIB * 94 / 100);
    cr_expect_geq(c.disks[0].done_bytes, 10000 * MIB, "a file is not of that blob");
}

static uint64_t never(struct share_ask *ask, const struct share_grant *grant)
{
    (void)ask, (void)grant;
    cr_assert_fail("its turn has not come");
    return 0;
}

Test(share_caps, what_a_target_pulls_is_read_of_its_source)
{
    struct job_limits limits = {.blob_bytes_per_s = MIB};
    struct share_ask ask = {0};
    uint64_t bytes = 65536;

    share_case_open(&c, 4, &limits);
    (void)share_case_add(&c, 0, 1, "one", NULL, MIB);
    (void)share_case_add(&c, 0, 1, "one", NULL, MIB);
    share_case_for(&c, NS_PER_S);
    share_charge(c.disks[0].seat, SHARE_PULL, 4 * MIB);
    cr_expect_not(share_may_send(c.disks[1].seat, &ask, SHARE_READ, &bytes, never),
                  "the blob is busy for four seconds");
    cr_expect(share_leave(&ask));
}

Test(share_caps, an_account_is_shared_by_its_blobs)
{
    struct job_limits limits = {.account_bytes_per_s = 20 * MIB, .blob_bytes_per_s = 15 * MIB};

    share_case_open(&c, 8, &limits);
    (void)share_case_add(&c, 0, 1, "a/1", "a", 100000 * MIB);
    (void)share_case_add(&c, 0, 1, "a/2", "a", 100000 * MIB);
    (void)share_case_add(&c, 0, 1, "b/1", "b", 100000 * MIB);
    share_case_begin_all(&c);
    share_case_for(&c, 20 * NS_PER_S);
    cr_expect_leq(c.disks[0].done_bytes + c.disks[1].done_bytes, 20 * 20 * MIB * 102 / 100);
    cr_expect_geq(c.disks[0].done_bytes, 20 * 10 * MIB * 94 / 100);
    cr_expect_geq(c.disks[1].done_bytes, 20 * 10 * MIB * 94 / 100);
    cr_expect_geq(c.disks[2].done_bytes, 20 * 15 * MIB * 94 / 100);
}

Test(share_caps, requests_are_counted_also_those_without_bytes)
{
    struct job_limits limits = {.blob_requests_per_s = 50};

    share_case_open(&c, 8, &limits);
    (void)share_case_add(&c, 0, 1, "one", NULL, 100000 * MIB);
    c.disks[0].clears = true;
    c.disks[0].window = 8;
    share_case_begin_all(&c);
    share_case_for(&c, 20 * NS_PER_S);
    cr_expect_leq(c.clears_count, 20 * 50 + 5u);
    cr_expect_geq(c.clears_count, 20 * 50 - 20u);
    cr_expect_eq(share_count(c.share).requests, c.clears_count);
    cr_expect_eq(share_count(c.share).written_bytes, 0u);
}

Test(share_caps, many_disks_of_one_account_each_have_their_part_of_its_requests)
{
    struct job_limits limits = {.account_requests_per_s = 1000};
    uint64_t most = 0, least = UINT64_MAX;

    share_case_open(&c, 16, &limits);
    for (uint32_t d = 0; d < 512; d++)
        (void)share_case_add(&c, 0, 1, NULL, "a", 100000 * MIB);
    share_case_begin_all(&c);
    share_case_for(&c, 20 * NS_PER_S);
    for (uint32_t d = 0; d < 512; d++) {
        uint64_t done = c.disks[d].done_bytes;

        most = done > most ? done : most;
        least = done < least ? done : least;
    }
    cr_expect_leq(c.reads_count, 20 * 1000 * 102 / 100u);
    cr_expect_geq(least * 10, most * 8, "%llu to %llu", (unsigned long long)least,
                  (unsigned long long)most);
}
