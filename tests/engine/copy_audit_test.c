/* copy_audit_test.c - an audit finds a diff that lies before the target is touched; a true one passes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/manifest.h"
#include "tests/support/copy_case.h"

#define KIB        COPY_CASE_KIB
#define MIB        COPY_CASE_MIB
#define PAGE       ENDPOINT_PAGE_BYTES
#define ALL        1000000u
#define DISK_BYTES (8 * MIB)

static struct copy_case c;
static char path[TEST_PATH_MAX_BYTES + 16];

/* A full copy with its manifest: data at 0 to 4 MiB, pages of zeros that were written to 5 MiB, a hole to
 * the end. Then changes that the diff will name. */
static void begin(void)
{
    static const unsigned char zeros[64 * 1024];

    copy_case_open(&c);
    copy_case_keep_state(&c);
    snprintf(path, sizeof path, "%s/base", c.folder);
    c.source = copy_case_disk(&c, DISK_BYTES + PAGE);
    copy_case_fill(c.source, (struct extent){0, 4 * MIB}, 1);
    for (uint64_t at = 4 * MIB; at < 5 * MIB; at += sizeof zeros)
        endpoint_mem_poke(c.source, at, zeros, sizeof zeros);
    copy_case_put_footer(c.source);
    c.target = copy_case_disk(&c, 0);
    c.options.source_id = "base";
    c.options.proof.manifest_path = path;
    copy_case_run_ok(&c);
    copy_case_new_base(&c, "base", "newer");
    copy_case_fill(c.source, (struct extent){MIB, 200 * KIB}, 2);
    endpoint_mem_poke_clear(c.source, (struct extent){2 * MIB, 100 * KIB});
    c.options.proof = (struct copy_proof_options){.base_manifest_path = path, .audit_ppm = ALL};
}

static void end(void)
{
    copy_case_close(&c);
}

TestSuite(copy_audit, .init = begin, .fini = end);

static void reopen(void)
{
    endpoint_mem_reopen(c.source, c.rig.r);
    endpoint_mem_reopen(c.target, c.rig.r);
}

/* One bit of the source that no diff tells of. */
static void lie(uint64_t offset)
{
    ((unsigned char *)(uintptr_t)endpoint_mem_bytes(c.source))[offset] ^= 1;
}

static void expect_found(const char *range)
{
    reopen();
    copy_case_run(&c);
    cr_assert_eq(c.err.kind, ERR_CORRUPT, "%s", c.err.text);
    cr_assert_eq(c.err.retry, RETRY_NEVER);
    cr_assert_not_null(strstr(c.err.text, "the diff is wrong"), "%s", c.err.text);
    cr_assert_not_null(strstr(c.err.text, "without --base"), "%s", c.err.text);
    cr_assert_not_null(strstr(c.err.text, range), "%s", c.err.text);
    cr_assert_eq(endpoint_mem_traffic(c.target)->setups_count, 0u, "nothing was begun");
    cr_assert_eq(endpoint_mem_marker(c.target)->state, MARKER_COMPLETE);
    cr_assert(copy_case_has_footer(c.target));
}

Test(copy_audit, lets_a_true_diff_pass_and_reads_what_it_calls_unchanged)
{
    uint64_t touched = 256 * KIB + 128 * KIB; /* blocks that the diff names, in part or whole */

    reopen();
    copy_case_run_ok(&c);
    cr_assert(c.summary.delta, "%s", c.summary.why_full);
    cr_assert_eq(c.summary.proof.auditable_bytes, 5 * MIB - touched);
    cr_assert_eq(c.summary.proof.audited_bytes, 5 * MIB - touched);
    cr_assert_not_null(strstr(c.said, "Auditing the diff: reading 4849664 bytes of the 4849664"),
                       "%s", c.said);
    cr_assert_eq(c.summary.read_bytes, 200 * KIB, "the audit is no part of what was moved");
    copy_case_expect_same(c.source, c.target, DISK_BYTES + PAGE);
}

Test(copy_audit, reads_no_hole_and_nothing_that_changed)
{
    struct extent hole = {5 * MIB, 3 * MIB}, cleared = {2 * MIB, 100 * KIB};

    reopen();
    copy_case_run_ok(&c);
    cr_assert_not(extent_set_touches(&endpoint_mem_traffic(c.source)->read, hole));
    cr_assert_not(extent_set_touches(&endpoint_mem_traffic(c.source)->read, cleared));
}

Test(copy_audit, finds_one_changed_bit_with_its_block)
{
    lie(3 * MIB + 70 * KIB);
    expect_found("offset 3211264, length 65536");
}

Test(copy_audit, names_neighbouring_blocks_as_one_range)
{
    lie(64 * KIB);
    lie(128 * KIB + 5);
    lie(192 * KIB + 65535);
    expect_found("offset 65536, length 196608");
}

Test(copy_audit, finds_data_where_the_base_held_zeros)
{
    lie(4 * MIB + 300 * KIB);
    expect_found("offset 4456448, length 65536");
}

/* A manifest that says the base had data in what is a hole now. */
Test(copy_audit, finds_data_that_is_gone_without_reading_anything)
{
    struct err e = {0};
    struct manifest_reader *reader = manifest_reader_open(path, &e);
    struct manifest_head head = *manifest_reader_head(reader);
    uint64_t blocks = manifest_block_count(head.disk_bytes);
    struct manifest_writer *writer = manifest_writer_open(path, &head, &e);
    struct block_hash some = digest_bytes("data", 4);
    struct manifest_end done = {0};

    for (uint64_t block = 0; block < blocks; block++) {
        struct manifest_run run;

        cr_assert(manifest_reader_next(reader, 1, &run, &e));
        cr_assert(manifest_writer_blocks(writer, block, 1, block == 100 ? &some : run.hashes, &e));
    }
    cr_assert(manifest_writer_commit(writer, &done, &e), "%s", e.text);
    manifest_writer_close(writer);
    manifest_reader_close(reader);
    c.options.proof.audit_ppm = 1;
    expect_found("offset 6553600, length 65536");
    cr_assert_eq(c.summary.proof.audited_bytes, 0u);
}

Test(copy_audit, a_small_share_finds_a_large_change_with_the_seed_given)
{
    unsigned found = 0;

    for (uint64_t at = 0; at < MIB; at += 64 * KIB)
        lie(at); /* 16 of 74 blocks */
    c.options.proof.audit_ppm = 100000;
    for (c.options.proof.seed = 0; c.options.proof.seed < 20; c.options.proof.seed++) {
        struct copy *copy;

        reopen();
        copy = copy_case_start(&c);
        while (!copy_ended(copy) && strcmp(copy_phase(copy), "marking the target") != 0)
            rig_turn(&c.rig);
        copy_stop(copy);
        copy_case_finish(&c, copy);
        found += c.err.kind == ERR_CORRUPT;
        if (c.err.kind == ERR_CANCELED)
            break; /* not found: the target is marked now, so no delta can follow */
    }
    cr_assert_gt(found, 0u);
    cr_assert_not_null(strstr(c.said, "seed"), "%s", c.said);
}

Test(copy_audit, draws_at_least_one_block)
{
    c.options.proof.audit_ppm = 1;
    reopen();
    copy_case_run_ok(&c);
    cr_assert_eq(c.summary.proof.audited_bytes, 64 * KIB);
    cr_assert_gt(c.summary.proof.auditable_bytes, 4 * MIB);
}

Test(copy_audit, is_not_fooled_by_the_old_footer_of_a_disk_that_grew)
{
    struct setup_req resize = {.verb = SETUP_RESIZE, .size_bytes = DISK_BYTES + MIB + PAGE};

    copy_case_setup(&c, c.source, &resize);
    copy_case_put_footer(c.source);
    copy_case_fill(c.source, (struct extent){DISK_BYTES + 512 * KIB, 64 * KIB}, 4);
    reopen();
    copy_case_run_ok(&c);
    cr_assert(c.summary.delta, "%s", c.summary.why_full);
    copy_case_expect_same(c.source, c.target, DISK_BYTES + MIB + PAGE);
}

Test(copy_audit, survives_reads_that_fail)
{
    struct fault_rule rules[] = {
        {.ops = FAULT_BIT(FAULT_READ), .kind = FAULT_NET_BEFORE, .permille = 200}};
    struct fault_options faults = {.rules = rules, .rules_count = 1, .seed = 3};

    reopen();
    copy_case_wrap(&c.source, &faults);
    copy_case_run_ok(&c);
    cr_assert_gt(c.summary.retries, 0u);
    cr_assert_gt(c.summary.proof.audited_bytes, 4 * MIB);
}

Test(copy_audit, stops_when_asked)
{
    struct copy *copy;

    reopen();
    copy_case_cut(c.source, 64 * KIB);
    copy = copy_case_start(&c);
    while (strcmp(copy_phase(copy), "auditing the diff") != 0)
        rig_turn(&c.rig);
    copy_stop(copy);
    copy_case_finish(&c, copy);
    cr_assert_eq(c.err.kind, ERR_CANCELED);
    cr_assert_eq(endpoint_mem_marker(c.target)->state, MARKER_COMPLETE);
}

Test(copy_audit, has_nothing_to_do_when_a_full_copy_is_made)
{
    endpoint_mem_poke_marker(c.target, NULL);
    reopen();
    copy_case_run_ok(&c);
    cr_assert_not(c.summary.delta);
    cr_assert_eq(c.summary.proof.audited_bytes, 0u);
}
