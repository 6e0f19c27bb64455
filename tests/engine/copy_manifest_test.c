/* copy_manifest_test.c - manifests of full copies, made as they move, and of deltas, by reading back. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/manifest.h"
#include "tests/support/copy_case.h"

#define KIB        COPY_CASE_KIB
#define MIB        COPY_CASE_MIB
#define PAGE       ENDPOINT_PAGE_BYTES
#define DISK_BYTES (5 * MIB + 3 * PAGE) /* the last block is short */

static struct copy_case c;
static char path[TEST_PATH_MAX_BYTES + 16], base_path[TEST_PATH_MAX_BYTES + 16];

static void begin(void)
{
    copy_case_open(&c);
    copy_case_keep_state(&c);
    snprintf(path, sizeof path, "%s/manifest", c.folder);
    snprintf(base_path, sizeof base_path, "%s/base", c.folder);
    c.options.proof.manifest_path = path;
    c.options.source_id = "the-disk";
    c.source = copy_case_random_disk(&c, DISK_BYTES + PAGE, 5);
    copy_case_put_footer(c.source);
    c.target = copy_case_disk(&c, 0);
    copy_case_cut(c.source, 128 * KIB);
}

static void end(void)
{
    copy_case_close(&c);
}

TestSuite(copy_manifest, .init = begin, .fini = end);

/* It must be sound, and each of its hashes must be that of the block of `disk`. */
static void expect_manifest_of(const struct endpoint *disk, const char *file)
{
    const unsigned char *bytes = endpoint_mem_bytes(disk);
    struct err e = {0};
    struct manifest_reader *reader = manifest_reader_open(file, &e);
    const struct manifest_head *head;
    struct manifest_run run;
    uint64_t blocks;

    cr_assert_not_null(reader, "%s", e.text);
    head = manifest_reader_head(reader);
    blocks = manifest_block_count(head->disk_bytes);
    for (uint64_t block = 0; block < blocks; block++) {
        struct extent at = manifest_block_extent(head->disk_bytes, block);
        struct block_hash wanted = digest_block_padded(bytes + at.offset, (size_t)at.length);

        cr_assert(manifest_reader_next(reader, 1, &run, &e), "%s", e.text);
        cr_assert_eq(run.first_block, block);
        cr_assert(run.hashes ? !memcmp(run.hashes, &wanted, sizeof wanted)
                             : block_hash_is_zero(&wanted));
    }
    cr_assert_eq(head->target_bytes, disk->size_bytes);
    if (head->has_footer)
        cr_assert_eq(memcmp(head->footer, bytes + head->disk_bytes, PAGE), 0);
    cr_assert_str_eq(head->copy_uuid, endpoint_mem_marker(disk)->copy_uuid);
    cr_assert_str_eq(manifest_reader_end(reader)->root, c.summary.root);
    manifest_reader_close(reader);
}

Test(copy_manifest, a_full_copy_makes_one_of_what_it_moved)
{
    struct err e = {0};
    struct manifest_reader *reader;

    copy_case_run_ok(&c);
    cr_assert(c.summary.proof.has_manifest);
    expect_manifest_of(c.target, path);
    reader = manifest_reader_open(path, &e);
    cr_assert_str_eq(manifest_reader_head(reader)->source, "the-disk");
    cr_assert_str_empty(manifest_reader_head(reader)->base);
    cr_assert(manifest_reader_head(reader)->has_footer);
    cr_assert_eq(manifest_reader_end(reader)->read_bytes, c.summary.read_bytes);
    cr_assert_eq(manifest_reader_end(reader)->written_bytes, c.summary.written_bytes);
    manifest_reader_close(reader);
}

Test(copy_manifest, one_of_a_stripped_copy_has_no_footer)
{
    struct err e = {0};
    struct manifest_reader *reader;

    c.options.footer = COPY_FOOTER_STRIP;
    copy_case_run_ok(&c);
    expect_manifest_of(c.target, path);
    reader = manifest_reader_open(path, &e);
    cr_assert_not(manifest_reader_head(reader)->has_footer);
    cr_assert_eq(manifest_reader_head(reader)->source_bytes, DISK_BYTES + PAGE);
    manifest_reader_close(reader);
}

/* The hashes do not depend on the order in which ranges ended. */
Test(copy_manifest, is_the_same_when_reads_fail_and_are_tried_again)
{
    struct fault_rule rules[] = {
        {.ops = FAULT_BIT(FAULT_READ), .kind = FAULT_NET_BEFORE, .permille = 300}};
    struct fault_options faults = {.rules = rules, .rules_count = 1, .seed = 4};
    char first_root[DIGEST_TEXT_MAX_BYTES];

    copy_case_run_ok(&c);
    memcpy(first_root, c.summary.root, sizeof first_root);
    unlink(path);
    endpoint_close(c.target);
    c.target = copy_case_disk(&c, 0);
    copy_case_wrap(&c.source, &faults);
    copy_case_run_ok(&c);
    cr_assert_gt(c.summary.retries, 0u);
    expect_manifest_of(c.target, path);
    cr_assert_str_eq(c.summary.root, first_root);
}

Test(copy_manifest, is_made_of_a_source_alone_when_nothing_is_kept)
{
    struct err e = {0};
    struct manifest_reader *reader;

    endpoint_close(c.target);
    c.target = endpoint_null_new(c.rig.r, 0, &e);
    copy_case_run_ok(&c);
    reader = manifest_reader_open(path, &e);
    cr_assert_not_null(reader, "%s", e.text);
    cr_assert_str_eq(manifest_reader_end(reader)->root, c.summary.root);
    manifest_reader_close(reader);
}

Test(copy_manifest, is_not_there_when_the_copy_did_not_get_so_far)
{
    struct fault_rule rules[] = {
        {.ops = FAULT_BIT(FAULT_WRITE), .kind = FAULT_DISK_FULL, .permille = 1000}};
    struct fault_options faults = {.rules = rules, .rules_count = 1};

    copy_case_wrap(&c.target, &faults);
    copy_case_run(&c);
    cr_assert(err_is_set(&c.err));
    cr_assert_neq(access(path, F_OK), 0);
    strcat(path, ".new");
    cr_assert_neq(access(path, F_OK), 0, "nor what was begun of it");
}

Test(copy_manifest, a_place_that_cannot_be_written_is_said_before_the_target_changes)
{
    snprintf(path, sizeof path, "%s/no/such/folder", c.folder);
    copy_case_run(&c);
    cr_assert_eq(c.err.kind, ERR_IO, "%s", c.err.text);
    cr_assert_eq(endpoint_mem_traffic(c.target)->setups_count, 0u);
}

/* ---- Interrupted ---- */

static struct copy *running;
static uint32_t stop_after;

static void stop_when_moved(void *arg, struct extent extent, enum range_state from,
                            enum range_state to)
{
    (void)arg;
    (void)extent;
    (void)from;
    if (to == RANGE_DONE && stop_after && --stop_after == 0)
        copy_stop(running);
}

static void next_process(void)
{
    endpoint_mem_reopen(c.source, c.rig.r);
    endpoint_mem_reopen(c.target, c.rig.r);
    copy_case_cut(c.source, 128 * KIB);
    c.options.random_seed++;
}

/* Stopped again and again: what earlier processes moved comes from the journal, hash by hash. */
Test(copy_manifest, a_resumed_copy_makes_the_same_one)
{
    char whole_root[DIGEST_TEXT_MAX_BYTES], journal[TEST_PATH_MAX_BYTES + 16];
    uint32_t stops = 0;

    copy_case_run_ok(&c);
    memcpy(whole_root, c.summary.root, sizeof whole_root);
    unlink(path);
    endpoint_close(c.target);
    c.target = copy_case_disk(&c, 0);
    snprintf(journal, sizeof journal, "%s/journal", c.folder);
    c.options.journal_path = journal;
    c.options.window_start = c.options.window_max = 2;
    c.moved = stop_when_moved;
    do {
        next_process();
        stop_after = 5;
        running = copy_case_start(&c);
        copy_case_finish(&c, running);
        if (c.err.kind == ERR_CANCELED)
            cr_assert_neq(access(path, F_OK), 0, "not before it is whole");
        stops++;
    } while (c.err.kind == ERR_CANCELED);
    cr_assert_not(err_is_set(&c.err), "%s", c.err.text);
    cr_assert_gt(stops, 3u);
    cr_assert_gt(c.summary.resumed_bytes, 0u);
    cr_assert_str_eq(c.summary.root, whole_root);
    expect_manifest_of(c.target, path);
}

/* The commit landed, and its answer was lost with the process. */
static void complete_and_forget(void)
{
    struct fault_rule rules[] = {{.ops = FAULT_BIT(FAULT_SETUP),
                                  .kind = FAULT_NET_AFTER,
                                  .permille = 1000,
                                  .skip_count = 1,
                                  .hits_max = 1}};
    struct fault_options faults = {.rules = rules, .rules_count = 1};
    struct endpoint *disk = c.target;
    struct copy *copy;

    copy_case_wrap(&c.target, &faults);
    copy = copy_case_start(&c);
    while (endpoint_mem_marker(disk)->state != MARKER_COMPLETE)
        rig_turn(&c.rig);
    copy_stop(copy);
    copy_case_finish(&c, copy);
}

Test(copy_manifest, a_copy_that_was_complete_already_is_asked_for_its_own_one)
{
    char journal[TEST_PATH_MAX_BYTES + 16];

    snprintf(journal, sizeof journal, "%s/journal", c.folder);
    c.options.journal_path = journal;
    complete_and_forget();
    cr_assert(err_is_set(&c.err));
    copy_case_run_ok(&c);
    cr_assert(c.summary.proof.has_manifest);
    cr_assert_eq(c.summary.read_bytes, 0u);
}

Test(copy_manifest, one_that_an_earlier_run_did_not_make_is_not_claimed)
{
    char journal[TEST_PATH_MAX_BYTES + 16];

    snprintf(journal, sizeof journal, "%s/journal", c.folder);
    c.options.journal_path = journal;
    c.options.proof.manifest_path = NULL;
    complete_and_forget();
    c.options.proof.manifest_path = path;
    copy_case_run(&c);
    cr_assert_eq(c.err.kind, ERR_CONFLICT, "%s", c.err.text);
    cr_assert_not_null(strstr(c.err.text, "--restart"), "%s", c.err.text);
    c.options.restart = true;
    copy_case_run_ok(&c);
    expect_manifest_of(endpoint_fault_inner(c.target), path);
}

/* A limit of the process stands for a full disk; the manifest of so many blocks is put in pieces. */
Test(copy_manifest, one_that_cannot_be_written_ends_the_copy)
{
    struct rlimit limit = {100000, 100000};
    struct err e = {0};

    endpoint_close(c.source);
    endpoint_close(c.target);
    c.source = endpoint_pattern_new(c.rig.r, 2048 * MIB, 1, 0, &e);
    c.target = endpoint_null_new(c.rig.r, 0, &e);
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    copy_case_run(&c);
    cr_assert_eq(c.err.sys_errno, EFBIG, "%s", c.err.text);
    cr_assert_not_null(strstr(c.err.text, "the manifest"), "%s", c.err.text);
    cr_assert_lt(c.summary.read_bytes, 1900 * MIB, "at the first piece, not at the end");
    cr_assert_neq(access(path, F_OK), 0);
    strcat(path, ".new");
    cr_assert_neq(access(path, F_OK), 0);
}

/* ---- Deltas ---- */

/* A full copy with its manifest at base_path, then changes of the source. */
static void copy_base(void)
{
    c.options.source_id = "base";
    c.options.proof.manifest_path = base_path;
    copy_case_run_ok(&c);
    copy_case_new_base(&c, "base", "newer");
    copy_case_fill(c.source, (struct extent){MIB, 200 * KIB}, 77);
    endpoint_mem_poke_clear(c.source, (struct extent){3 * MIB, 64 * KIB});
    endpoint_mem_reopen(c.source, c.rig.r);
    endpoint_mem_reopen(c.target, c.rig.r);
    c.options.proof.manifest_path = path;
}

Test(copy_manifest, a_delta_makes_one_by_reading_the_target_back)
{
    copy_base();
    copy_case_run_ok(&c);
    cr_assert(c.summary.delta, "%s", c.summary.why_full);
    cr_assert_not_null(strstr(c.said, "reading the target back"), "%s", c.said);
    expect_manifest_of(c.target, path);
    cr_assert_str_eq(endpoint_mem_marker(c.target)->root, c.summary.root,
                     "what was read back is a root");
    cr_assert_str_eq(endpoint_mem_marker(c.target)->delta, c.summary.delta_digest);
    copy_case_expect_same(c.source, c.target, c.source->size_bytes);
}

Test(copy_manifest, the_footer_is_not_written_before_the_target_was_read_back)
{
    struct copy *copy;

    copy_base();
    copy = copy_case_start(&c);
    while (strcmp(copy_phase(copy), "reading the target back") != 0)
        rig_turn(&c.rig);
    cr_assert_not(copy_case_has_footer(c.target));
    copy_stop(copy);
    copy_case_finish(&c, copy);
    cr_assert_eq(c.err.kind, ERR_CANCELED);
    cr_assert_not(copy_case_has_footer(c.target));
    cr_assert_neq(access(path, F_OK), 0);
    c.options.proof.manifest_path = NULL;
    endpoint_mem_reopen(c.source, c.rig.r);
    endpoint_mem_reopen(c.target, c.rig.r);
    copy_case_run_ok(&c);
    copy_case_expect_same(c.source, c.target, c.source->size_bytes);
}

Test(copy_manifest, a_delta_with_the_bases_manifest_proves_what_it_left_alone)
{
    copy_base();
    c.options.proof.base_manifest_path = base_path;
    copy_case_run_ok(&c);
    cr_assert(c.summary.delta);
    expect_manifest_of(c.target, path);
}

/* One bit, and nothing else: no ETag, no list tells of it. */
static void rot(struct endpoint *disk, uint64_t offset)
{
    ((unsigned char *)(uintptr_t)endpoint_mem_bytes(disk))[offset] ^= 1;
}

/* The target lost bytes that the delta does not touch, behind its ETag's back: a dead disk sector. */
Test(copy_manifest, a_delta_on_a_target_that_rotted_fails_with_the_range)
{
    copy_case_fill(c.source, (struct extent){4 * MIB, 256 * KIB}, 3);
    copy_base();
    c.options.proof.base_manifest_path = base_path;
    rot(c.target, 4 * MIB + 70 * KIB);
    rot(c.target, 4 * MIB + 140 * KIB);
    copy_case_run(&c);
    cr_assert_eq(c.err.kind, ERR_CORRUPT, "%s", c.err.text);
    cr_assert_eq(c.err.retry, RETRY_REPLAN, "not with what is in a journal");
    cr_assert_not_null(strstr(c.err.text, "offset 4259840, length 131072"), "%s", c.err.text);
    cr_assert_eq(endpoint_mem_marker(c.target)->state, MARKER_COPYING);
    cr_assert_not(copy_case_has_footer(c.target));
}

static void expect_base_refused(const char *words)
{
    copy_case_run(&c);
    cr_assert(err_is_set(&c.err));
    cr_assert_eq(c.err.retry, RETRY_NEVER);
    cr_assert_not_null(strstr(c.err.text, words), "%s", c.err.text);
    cr_assert_eq(endpoint_mem_marker(c.target)->state, MARKER_COMPLETE, "nothing was begun");
    cr_assert(copy_case_has_footer(c.target));
}

Test(copy_manifest, refuses_a_manifest_that_is_not_of_the_base)
{
    struct manifest_head head = {
        .source = "base", .disk_bytes = MIB, .source_bytes = MIB, .target_bytes = MIB};
    struct manifest_end done = {0};
    struct manifest_writer *writer;
    struct err e = {0};

    copy_base();
    c.options.proof.base_manifest_path = path;
    c.options.proof.manifest_path = NULL;
    expect_base_refused("cannot read");
    writer = manifest_writer_open(path, &head, &e);
    cr_assert(manifest_writer_blocks(writer, 0, 16, NULL, &e));
    cr_assert(manifest_writer_commit(writer, &done, &e));
    manifest_writer_close(writer);
    expect_base_refused("its size is another");
    c.options.proof.base_manifest_path = base_path;
    cr_assert_eq(truncate(base_path, 700), 0);
    expect_base_refused("too early");
}
