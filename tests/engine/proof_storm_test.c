/* proof_storm_test.c - generations of one disk copied with manifests and audits, through endpoints that fail,
 * stopped and gone on with: what a copy leaves as its proof is true, block for block.
 *
 * Every storm follows from its seed; SNAPFERRY_STORM_FIRST and SNAPFERRY_STORM_COUNT choose others than
 * the few that run by default.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/manifest.h"
#include "tests/support/copy_case.h"
#include "tests/support/page_model.h"

#define KIB            COPY_CASE_KIB
#define PAGE           ENDPOINT_PAGE_BYTES
#define DISK_BYTES     (1024 * KIB + 3 * PAGE)
#define GENERATIONS    3u
#define RUNS_MAX       60u
#define STORMS_DEFAULT 25u

static struct copy_case c;
static char manifest[GENERATIONS][TEST_PATH_MAX_BYTES + 32];
static char journal[TEST_PATH_MAX_BYTES + 16];
static uint64_t seed, random_state;
static uint32_t deltas, audits, stops;

static uint64_t below(uint64_t limit)
{
    return page_random_below(&random_state, limit);
}

static void wrap(struct endpoint **disk)
{
    static const enum fault_kind kinds[] = {FAULT_THROTTLED, FAULT_NET_BEFORE, FAULT_NET_AFTER,
                                            FAULT_CORRUPT,   FAULT_NET_TORN,   FAULT_NET_LATE};
    struct fault_rule rules[3];
    struct fault_options options = {.seed = seed, .rules = rules, .rules_count = 3};

    for (size_t i = 0; i < 3; i++)
        rules[i] = (struct fault_rule){.ops = (unsigned)below(FAULT_ALL_OPS) + 1,
                                       .kind = kinds[below(sizeof kinds / sizeof kinds[0])],
                                       .permille = (uint32_t)below(120),
                                       .late_ns = 1 + below(60) * NS_PER_S};
    options.delay_max_ns = below(4) * 20 * NS_PER_MS;
    copy_case_wrap(disk, &options);
}

/* ---- One copy, until it succeeds ---- */

struct stop {
    struct timer timer;
    struct copy *copy;
};

static void stop_now(struct timer *timer)
{
    copy_stop(((struct stop *)timer)->copy);
}

static void run_once(void)
{
    struct stop stop = {{0}, copy_case_start(&c)};

    if (below(3) == 0)
        reactor_arm(c.rig.r, &stop.timer, reactor_now_ns(c.rig.r) + below(2000) * NS_PER_MS,
                    stop_now);
    rig_until(&c.rig, &c.ended);
    if (stop.timer.slot)
        reactor_disarm(c.rig.r, &stop.timer);
    copy_case_finish(&c, stop.copy);
    stops += c.err.kind == ERR_CANCELED;
}

static void expect_proof(uint32_t generation)
{
    const struct endpoint *source = endpoint_fault_inner(c.source);
    const struct endpoint *target = endpoint_fault_inner(c.target);
    const unsigned char *bytes = endpoint_mem_bytes(source);
    struct err e = {0};
    struct manifest_reader *reader = manifest_reader_open(manifest[generation], &e);
    const struct manifest_head *head;

    cr_assert_not_null(reader, "seed %llu: %s", (unsigned long long)seed, e.text);
    head = manifest_reader_head(reader);
    cr_assert_str_eq(head->source, c.options.source_id);
    cr_assert_str_eq(head->copy_uuid, endpoint_mem_marker(target)->copy_uuid);
    cr_assert_eq(memcmp(head->footer, bytes + head->disk_bytes, PAGE), 0);
    for (uint64_t block = 0; block < manifest_block_count(head->disk_bytes); block++) {
        struct extent at = manifest_block_extent(head->disk_bytes, block);
        struct block_hash wanted = digest_block_padded(bytes + at.offset, (size_t)at.length);
        struct manifest_run run;

        cr_assert(manifest_reader_next(reader, 1, &run, &e), "%s", e.text);
        cr_assert(run.hashes ? !memcmp(run.hashes, &wanted, sizeof wanted)
                             : block_hash_is_zero(&wanted),
                  "seed %llu, generation %u, block %llu", (unsigned long long)seed, generation,
                  (unsigned long long)block);
    }
    cr_assert_str_eq(endpoint_mem_marker(target)->root, manifest_reader_end(reader)->root);
    cr_assert(copy_case_is_same(target, bytes, source->size_bytes));
    manifest_reader_close(reader);
}

static void copy_until_done(uint32_t generation)
{
    for (uint32_t run = 0; run < RUNS_MAX; run++) {
        c.options.random_seed = seed * 1000 + generation * RUNS_MAX + run;
        c.options.restart = run == 0 || strstr(c.err.text, "--restart");
        run_once();
        if (!err_is_set(&c.err)) {
            cr_assert(c.summary.proof.has_manifest);
            deltas += c.summary.delta;
            audits += c.summary.proof.audited_bytes > 0;
            expect_proof(generation);
            return;
        }
        /* Damaged bytes are tried again; that a proof does not hold is no such error, and would be untrue. */
        cr_assert(c.err.kind != ERR_USAGE &&
                      (c.err.kind != ERR_CORRUPT || c.err.retry == RETRY_LATER),
                  "seed %llu: %s", (unsigned long long)seed, c.err.text);
    }
    cr_assert_fail("seed %llu: %s", (unsigned long long)seed, c.err.text);
}

/* ---- Generations ---- */

static void next_generation(uint32_t generation)
{
    struct endpoint *wrapper = c.source;

    c.source = endpoint_fault_inner(wrapper);
    copy_case_new_base(&c, generation % 2 ? "even" : "odd", generation % 2 ? "odd" : "even");
    copy_case_scribble(c.source, DISK_BYTES, seed + generation, (uint32_t)below(12));
    c.source = wrapper;
}

static void run_storm(void)
{
    random_state = seed * 0x9E3779B97F4A7C15ull + 7;
    c.source = copy_case_random_disk(&c, DISK_BYTES + PAGE, seed);
    copy_case_put_footer(c.source);
    c.target = copy_case_disk(&c, 0);
    copy_case_cut(c.source, 32 * KIB);
    copy_case_cut(c.target, 32 * KIB);
    c.options.source_id = "even";
    c.options.base_id = NULL;
    c.options.journal_path = below(3) ? journal : NULL;
    wrap(&c.source);
    wrap(&c.target);
    for (uint32_t generation = 0; generation < GENERATIONS; generation++) {
        c.options.proof = (struct copy_proof_options){.manifest_path = manifest[generation]};
        if (generation > 0) {
            next_generation(generation);
            c.options.proof.base_manifest_path = manifest[generation - 1];
            c.options.proof.audit_ppm = 1 + (uint32_t)below(1000000);
            c.options.proof.seed = seed;
        }
        copy_until_done(generation);
    }
    rig_until_idle(&c.rig); /* late writes land */
    expect_proof(GENERATIONS - 1);
    endpoint_close(c.source);
    endpoint_close(c.target);
    endpoint_close(c.base);
    c.source = c.target = c.base = NULL;
    unlink(journal);
}

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);

    return text ? strtoull(text, NULL, 10) : otherwise;
}

Test(proof_storm, every_proof_is_true, .timeout = 200)
{
    uint64_t first = number_of("SNAPFERRY_STORM_FIRST", 1);
    uint64_t count = number_of("SNAPFERRY_STORM_COUNT", STORMS_DEFAULT);

    copy_case_open(&c);
    copy_case_keep_state(&c);
    for (uint32_t i = 0; i < GENERATIONS; i++)
        snprintf(manifest[i], sizeof manifest[i], "%s/manifest-%u", c.folder, i);
    snprintf(journal, sizeof journal, "%s/journal", c.folder);
    for (seed = first; seed < first + count; seed++)
        run_storm();
    cr_assert(count < STORMS_DEFAULT || (deltas > count / 2 && audits > count / 2 && stops),
              "%u deltas, %u audits, %u stops", deltas, audits, stops);
    copy_case_close(&c);
}
