/* receiver_batch_test.c - bodies of writes: damaged, referring to what is not there, tried again here. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_fault.h"
#include "tests/support/copy_case.h"
#include "tests/support/receiver_bench.h"

#define NAME   "client/disk"
#define SECOND "client/second"
#define OTHER  "other/disk"
#define SIZE   (8u << 20)
#define BLOCK  STREAM_BLOCK_BYTES

static struct receiver_bench b;
static struct bench_batch batch;
static struct bench_sender one;
static unsigned char *bytes; /* 4 MiB that are nowhere zero */
static struct endpoint *disk;
static bool buffers; /* the disk that `faulty` makes */

static void begin_without_target(void)
{
    receiver_bench_begin(&b, REACTOR_AUTO);
    bench_batch_begin(&batch);
    bytes = malloc(BUF_BYTES);
    cr_assert(bytes);
    endpoint_pattern_fill(5, 0, 0, bytes, BUF_BYTES);
    one = receiver_bench_sender(1);
}

static void begin(void)
{
    begin_without_target();
    disk = receiver_bench_mem(&b, NAME, SIZE);
    receiver_bench_open(&b, &one, NAME, 1);
}

static void end(void)
{
    free(bytes);
    bench_batch_end(&batch);
    receiver_bench_end(&b);
}

static int write_batch(uint32_t *out_missing, struct err *out_refusal)
{
    return bench_batch_write(&b, &one, NAME, &batch, out_missing, out_refusal);
}

static uint64_t written(void)
{
    return endpoint_mem_traffic(disk)->written_bytes + endpoint_mem_traffic(disk)->zeroed_bytes;
}

/* ---- Damage ---- */

static void three_records(void)
{
    const struct stream_copy_piece copy = {.offset = 2 * BLOCK,
                                           .length = BLOCK,
                                           .from = STREAM_FROM_INDEX};

    batch.used = 0;
    batch.number = 0;
    bench_batch_zero(&batch, 0, BLOCK);
    bench_batch_data(&batch, BLOCK, bytes, BLOCK);
    bench_batch_copy(&batch, &copy, 1);
}

Test(receiver_batch, nothing_of_a_damaged_batch_is_written)
{
    size_t whole;

    begin();
    three_records();
    whole = batch.used;
    for (size_t at = 0; at < whole; at += at < 96 ? 7 : 997) {
        struct err e = {0};

        three_records();
        batch.bytes[at] ^= 0x10;
        cr_assert_eq(write_batch(NULL, &e), 400, "at %zu", at);
        cr_assert_eq(e.kind, ERR_CORRUPT);
        cr_assert(strstr(e.text, "record") != NULL, "%s", e.text);
    }
    cr_assert_eq(written(), 0);
    end();
}

Test(receiver_batch, a_batch_that_is_cut_off_names_its_last_record)
{
    size_t whole;

    begin();
    three_records();
    whole = batch.used;
    for (size_t cut = 1; cut < whole; cut += cut < 96 ? 5 : 1013) {
        struct err e = {0};

        three_records();
        batch.used = cut;
        if (cut == 48) /* the ZERO record may be whole: it is a batch then */
            continue;
        if (write_batch(NULL, &e) == 200)
            continue;
        cr_assert_eq(e.kind, ERR_CORRUPT, "%s", e.text);
        cr_assert(strstr(e.text, "record") != NULL, "%s", e.text);
    }
    cr_assert_eq(endpoint_mem_traffic(disk)->written_bytes, 0);
    end();
}

Test(receiver_batch, refuses_what_lies_outside_or_twice_in_a_record)
{
    const struct stream_piece twice[] = {{0, 1024}, {512, 512}};
    struct err e = {0};

    begin();
    bench_batch_zero(&batch, SIZE, 512);
    cr_assert_eq(write_batch(NULL, &e), 400);
    cr_assert_eq(e.kind, ERR_CORRUPT);
    batch.used = stream_zero_encode(0, twice, 2, batch.bytes, RECEIVER_BENCH_BODY);
    cr_assert_eq(write_batch(NULL, &e), 400);
    cr_assert(strstr(e.text, "twice") != NULL, "%s", e.text);
    cr_assert_eq(written(), 0);
    end();
}

Test(receiver_batch, refuses_a_sender_that_has_another_size_in_mind)
{
    struct err e = {0};

    begin();
    one.size_bytes = SIZE + 512;
    bench_batch_zero(&batch, SIZE, 512);
    cr_assert_eq(write_batch(NULL, &e), 409);
    cr_assert_eq(e.kind, ERR_GONE);
    cr_assert_eq(e.retry, RETRY_REPLAN);
    cr_assert_eq(written(), 0);
    end();
}

Test(receiver_batch, refuses_a_size_that_no_disk_has)
{
    struct err e = {0};

    begin();
    one.size_bytes = STREAM_DISK_MAX_BYTES + 512;
    bench_batch_zero(&batch, 0, 512);
    cr_assert_eq(write_batch(NULL, &e), 400);
    cr_assert_eq(e.kind, ERR_USAGE, "%s", e.text);
    one.size_bytes = SIZE;
    cr_assert_eq(write_batch(NULL, &e), 200, "%s", e.text);
    end();
}

Test(receiver_batch, an_empty_batch_is_written_at_once)
{
    uint32_t missing = 3;

    begin();
    cr_assert_eq(write_batch(&missing, NULL), 200);
    cr_assert_eq(missing, 0);
    end();
}

Test(receiver_batch, records_of_one_batch_follow_one_another)
{
    begin();
    bench_batch_data(&batch, 0, bytes, BLOCK);
    bench_batch_zero(&batch, 512, 512);
    bench_batch_data(&batch, 1024, bytes + BLOCK, 512);
    cr_assert_eq(write_batch(NULL, NULL), 200);
    cr_assert_eq(memcmp(endpoint_mem_bytes(disk), bytes, 512), 0);
    cr_assert_eq(endpoint_mem_bytes(disk)[512], 0);
    cr_assert_eq(memcmp(endpoint_mem_bytes(disk) + 1024, bytes + BLOCK, 512), 0);
    end();
}

/* ---- References ---- */

static void expect_have(const struct bench_sender *sender, const char *name, const void *block,
                        bool held)
{
    struct block_id id = block_id_of(block, BLOCK);
    struct bench_ask ask;

    cr_assert_eq(receiver_bench_ask(&b, sender, &ask, RELAY_HAVE, name, NULL, &id, sizeof id), 200);
    cr_assert_eq(ask.answer_bytes, 1);
    cr_assert_eq(ask.answer[0], held);
    receiver_bench_fini(&ask);
}

static void copy_block(uint64_t offset, const void *block)
{
    const struct stream_copy_piece copy = {.offset = offset,
                                           .length = BLOCK,
                                           .from = STREAM_FROM_INDEX,
                                           .id = block_id_of(block, BLOCK)};

    bench_batch_copy(&batch, &copy, 1);
}

Test(receiver_batch, what_was_written_can_be_referred_to)
{
    uint32_t missing = 0;

    begin();
    bench_batch_data(&batch, 0, bytes, 3 * BLOCK);
    cr_assert_eq(write_batch(NULL, NULL), 200);
    expect_have(&one, NAME, bytes + BLOCK, true);
    copy_block(5 * BLOCK, bytes + BLOCK);
    cr_assert_eq(write_batch(&missing, NULL), 200);
    cr_assert_eq(missing, 0);
    cr_assert_eq(memcmp(endpoint_mem_bytes(disk) + 5 * BLOCK, bytes + BLOCK, BLOCK), 0);
    cr_assert_eq(receiver_count(b.receiver)->copied_bytes, BLOCK);
    end();
}

Test(receiver_batch, an_index_outlives_the_receiver)
{
    uint32_t missing = 0;

    begin();
    bench_batch_data(&batch, 0, bytes, BLOCK);
    cr_assert_eq(write_batch(NULL, NULL), 200);
    receiver_bench_restart(&b);
    expect_have(&one, NAME, bytes, true);
    copy_block(BLOCK, bytes);
    cr_assert_eq(write_batch(&missing, NULL), 200);
    cr_assert_eq(missing, 0);
    cr_assert_eq(memcmp(endpoint_mem_bytes(disk) + BLOCK, bytes, BLOCK), 0);
    end();
}

Test(receiver_batch, what_was_overwritten_is_missing_and_the_rest_is_written)
{
    uint32_t missing = 0;

    begin();
    bench_batch_data(&batch, 0, bytes, 2 * BLOCK);
    cr_assert_eq(write_batch(NULL, NULL), 200);
    endpoint_mem_poke(disk, 512, bytes + 3 * BLOCK, 512); /* by somebody else */
    copy_block(4 * BLOCK, bytes);
    copy_block(5 * BLOCK, bytes + BLOCK);
    cr_assert_eq(write_batch(&missing, NULL), 200);
    cr_assert_eq(missing, 1);
    cr_assert_eq(endpoint_mem_bytes(disk)[4 * BLOCK], 0, "nothing was written for it");
    cr_assert_eq(memcmp(endpoint_mem_bytes(disk) + 5 * BLOCK, bytes + BLOCK, BLOCK), 0);
    expect_have(&one, NAME, bytes, false); /* it was forgotten */
    end();
}

Test(receiver_batch, another_target_of_the_same_client_is_read)
{
    struct bench_sender two = receiver_bench_sender(2);
    struct endpoint *second;
    uint32_t missing = 0;

    begin();
    second = receiver_bench_mem(&b, SECOND, SIZE);
    bench_batch_data(&batch, 0, bytes, 2 * BLOCK);
    cr_assert_eq(write_batch(NULL, NULL), 200);
    receiver_bench_open(&b, &two, SECOND, 2);
    copy_block(3 * BLOCK, bytes);
    copy_block(4 * BLOCK, bytes + BLOCK);
    cr_assert_eq(bench_batch_write(&b, &two, SECOND, &batch, &missing, NULL), 200);
    cr_assert_eq(missing, 0);
    cr_assert_eq(memcmp(endpoint_mem_bytes(second) + 3 * BLOCK, bytes, 2 * BLOCK), 0);
    end();
}

Test(receiver_batch, another_client_knows_nothing_of_it)
{
    struct bench_sender two = receiver_bench_sender(2);
    uint32_t missing = 0;

    begin();
    receiver_bench_mem(&b, OTHER, SIZE);
    bench_batch_data(&batch, 0, bytes, BLOCK);
    cr_assert_eq(write_batch(NULL, NULL), 200);
    receiver_bench_open(&b, &two, OTHER, 2);
    expect_have(&two, OTHER, bytes, false);
    copy_block(0, bytes);
    cr_assert_eq(bench_batch_write(&b, &two, OTHER, &batch, &missing, NULL), 200);
    cr_assert_eq(missing, 1);
    end();
}

Test(receiver_batch, more_references_than_a_buffer_holds_go_in_groups)
{
    static struct stream_copy_piece copies[150];
    uint32_t missing = 0;

    begin();
    bench_batch_data(&batch, 0, bytes, 2 * BLOCK);
    cr_assert_eq(write_batch(NULL, NULL), 200);
    for (uint32_t i = 0; i < 100; i++)
        copies[i] = (struct stream_copy_piece){.offset = (uint64_t)(10 + i) * BLOCK,
                                               .length = BLOCK,
                                               .from = STREAM_FROM_INDEX,
                                               .id = block_id_of(bytes + (i % 2) * BLOCK, BLOCK)};
    bench_batch_copy(&batch, copies, 100);
    cr_assert_eq(write_batch(&missing, NULL), 200);
    cr_assert_eq(missing, 0);
    for (uint32_t i = 0; i < 100; i++)
        cr_assert_eq(
            memcmp(endpoint_mem_bytes(disk) + (10 + i) * BLOCK, bytes + (i % 2) * BLOCK, BLOCK), 0);
    end();
}

/* ---- The target's troubles ---- */

static struct endpoint *faulty(const struct fault_rule *rules, size_t count)
{
    const struct fault_options options = {.seed = 3, .rules = rules, .rules_count = count};
    struct err e = {0};
    struct endpoint *ep;

    disk = endpoint_mem_new(b.rig->r, SIZE, &e);
    if (buffers)
        cr_assert(endpoint_mem_track_flushes(disk, &e));
    ep = endpoint_fault_new(disk, &options, &e);
    cr_assert(ep, "%s", e.text);
    receiver_bench_add(&b, NAME, ep);
    receiver_bench_open(&b, &one, NAME, 1);
    return ep;
}

Test(receiver_batch, what_the_target_throttles_is_tried_again_here)
{
    const struct fault_rule rules[] = {
        {FAULT_BIT(FAULT_WRITE), FAULT_THROTTLED, 1000, .hits_max = 3, .retry_after_ms = 20}};

    begin_without_target();
    faulty(rules, 1);
    bench_batch_data(&batch, 0, bytes, BLOCK);
    cr_assert_eq(write_batch(NULL, NULL), 200);
    cr_assert_eq(receiver_count(b.receiver)->retries, 3);
    cr_assert_eq(memcmp(endpoint_mem_bytes(disk), bytes, BLOCK), 0);
    end();
}

Test(receiver_batch, patience_with_a_target_ends)
{
    const struct fault_rule rules[] = {
        {FAULT_BIT(FAULT_WRITE), FAULT_THROTTLED, 1000, .hits_max = 0}};
    struct err e = {0};

    begin_without_target();
    b.setup.patience_ns = 300 * NS_PER_MS;
    receiver_bench_restart(&b);
    faulty(rules, 1);
    bench_batch_data(&batch, 0, bytes, BLOCK);
    cr_assert_eq(write_batch(NULL, &e), 503);
    cr_assert_eq(e.kind, ERR_THROTTLED);
    cr_assert_eq(e.retry, RETRY_LATER);
    cr_assert_gt(e.retry_after_ms, 0);
    end();
}

Test(receiver_batch, a_full_disk_is_told_as_it_is)
{
    const struct fault_rule rules[] = {
        {FAULT_BIT(FAULT_WRITE), FAULT_DISK_FULL, 1000, .hits_max = 0}};
    struct err e = {0};

    begin_without_target();
    faulty(rules, 1);
    bench_batch_data(&batch, 0, bytes, BLOCK);
    cr_assert_eq(write_batch(NULL, &e), 502);
    cr_assert_eq(e.kind, ERR_IO);
    cr_assert_eq(e.sys_errno, 28);
    cr_assert_eq(e.retry, RETRY_NEVER);
    end();
}

Test(receiver_batch, no_sender_is_asked_to_renew_what_only_the_receiver_has)
{
    const struct fault_rule rules[] = {{FAULT_BIT(FAULT_WRITE), FAULT_AUTH, 1000, .hits_max = 1}};
    struct endpoint *ep;
    struct err e = {0};
    unsigned opened;

    begin_without_target();
    ep = faulty(rules, 1);
    opened = b.opened;
    bench_batch_data(&batch, 0, bytes, BLOCK);
    cr_assert_eq(write_batch(NULL, &e), 502);
    cr_assert_eq(e.kind, ERR_AUTH);
    cr_assert_eq(e.retry, RETRY_LATER);
    cr_assert(strstr(e.text, "receiver") != NULL, "%s", e.text);
    endpoint_fault_renew(ep); /* the root's URL was renewed: it is read when the target is opened */
    bench_batch_data(&batch, 0, bytes, BLOCK);
    cr_assert_eq(write_batch(NULL, NULL), 200);
    cr_assert_eq(b.opened, opened + 1);
    end();
}

/* What was acknowledged survives the power: the flush comes before the answer. */
Test(receiver_batch, is_durable_when_it_is_answered)
{
    struct err e = {0};

    begin_without_target();
    disk = endpoint_mem_new(b.rig->r, SIZE, &e);
    cr_assert(endpoint_mem_track_flushes(disk, &e), "%s", e.text);
    receiver_bench_add(&b, NAME, disk);
    receiver_bench_open(&b, &one, NAME, 1);
    bench_batch_data(&batch, 0, bytes, BLOCK);
    cr_assert_eq(write_batch(NULL, NULL), 200);
    endpoint_mem_lose_unflushed(disk);
    cr_assert_eq(memcmp(endpoint_mem_bytes(disk), bytes, BLOCK), 0);
    end();
}

Test(receiver_batch, a_flush_that_fails_fails_the_write)
{
    const struct fault_rule rules[] = {
        {FAULT_BIT(FAULT_FLUSH), FAULT_DISK_BAD, 1000, .hits_max = 1}};
    struct err e = {0};

    begin_without_target();
    buffers = true;
    faulty(rules, 1);
    bench_batch_data(&batch, 0, bytes, BLOCK);
    cr_assert_eq(write_batch(NULL, &e), 502);
    cr_assert_eq(e.kind, ERR_IO);
    bench_batch_data(&batch, 0, bytes, BLOCK);
    cr_assert_eq(write_batch(NULL, NULL), 200);
    end();
}

/* ---- Many at once ---- */

Test(receiver_batch, more_batches_than_buffers_wait_their_turn)
{
    enum { MANY = 24 };
    static struct bench_ask asks[MANY];
    static struct bench_batch batches[MANY];

    begin();
    for (unsigned i = 0; i < MANY; i++) {
        bench_batch_begin(&batches[i]);
        bench_batch_data(&batches[i], (uint64_t)i * BLOCK, bytes + (size_t)i * BLOCK, BLOCK);
        receiver_bench_send(&b, &one, &asks[i], RELAY_WRITE, NAME, NULL, batches[i].bytes,
                            batches[i].used);
    }
    for (unsigned i = 0; i < MANY; i++) {
        cr_assert_eq(receiver_bench_wait(&b, &asks[i]), 200, "%s", asks[i].refusal.text);
        receiver_bench_fini(&asks[i]);
        bench_batch_end(&batches[i]);
    }
    cr_assert_eq(memcmp(endpoint_mem_bytes(disk), bytes, (size_t)MANY * BLOCK), 0);
    end();
}
