/* endpoint_relay_test.c - the relay's sender, against a receiver that does as it is told. */
#include "io/endpoint_relay.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/stream_pack.h"
#include "io/compress_level.h"
#include "tests/support/relay_stub.h"

#define BLOCK 65536u
#define MIB   (1u << 20)
#define UUID  "11111111-2222-4333-8444-555555555555"

struct one { /* a request and its buffer */
    struct block_req req;
    struct buf buf;
    struct block_zero zeros[4];
    bool done;
};

static struct endpoint_relay_options options(int level, bool no_dedup)
{
    return (struct endpoint_relay_options){level, no_dedup, UUID};
}

static void on_done(struct block_req *req)
{
    ((struct one *)req)->done = true;
}

/* Bytes that do not compress, other ones for each seed. */
static void fill(unsigned char *bytes, size_t count, uint64_t seed)
{
    for (size_t i = 0; i < count; i += 8) {
        uint64_t z = (seed += 0x9E3779B97F4A7C15ull);

        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
        z ^= z >> 31;
        memcpy(bytes + i, &z, 8);
    }
}

static struct one *made(uint64_t offset, uint32_t length, uint64_t seed)
{
    struct one *one = calloc(1, sizeof *one);

    one->buf.memory = malloc(BUF_BYTES);
    one->req =
        (struct block_req){.offset = offset, .length = length, .buf = &one->buf, .done = on_done};
    fill(one->buf.memory, length, seed);
    return one;
}

static void unmake(struct one *one)
{
    free(one->buf.memory);
    free(one);
}

static void on_stat_done(struct stat_req *req)
{
    req->done = NULL;
}

static void look(struct relay_stub *stub)
{
    struct stat_req stat = {.done = on_stat_done};

    endpoint_stat(stub->ep, &stat);
    while (stat.done)
        rig_turn(&stub->rig);
    cr_assert(!err_is_set(&stat.err), "%s", stat.err.text);
    cr_assert(stat.exists && stat.size_bytes == STUB_DISK_BYTES);
}

static void begin(struct relay_stub *stub, enum reactor_backend backend, int level, bool no_dedup)
{
    struct endpoint_relay_options how = options(level, no_dedup);

    relay_stub_begin(stub, backend, &how);
    look(stub);
}

static void write_all(struct relay_stub *stub, struct one **all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        endpoint_write(stub->ep, &all[i]->req);
    for (size_t i = 0; i < count; i++)
        rig_until(&stub->rig, &all[i]->done);
}

static void expect_written(const struct relay_stub *stub, const struct one *one)
{
    cr_expect(!err_is_set(&one->req.err), "%s", one->req.err.text);
    cr_expect_eq(memcmp(stub->disk + one->req.offset, one->buf.memory, one->req.length), 0);
}

TEST_BOTH(endpoint_relay, writes_what_it_is_given_and_nothing_beside)
{
    struct relay_stub stub;
    struct one *all[] = {made(0, 4 * MIB, 1), made(5 * MIB + 512, 3 * 512, 2),
                         made(STUB_DISK_BYTES - 512, 512, 3), made(9 * MIB + 1024, MIB, 4)};
    size_t pages = 0, wanted = 0;

    begin(&stub, backend, 3, false);
    write_all(&stub, all, 4);
    for (size_t i = 0; i < 4; i++) {
        expect_written(&stub, all[i]);
        wanted += all[i]->req.length / 512;
        unmake(all[i]);
    }
    for (size_t i = 0; i < STUB_DISK_BYTES / 512; i++)
        pages += stub.was[i];
    cr_expect_eq(pages, wanted);
    cr_expect_eq(endpoint_relay_count(stub.ep)->raw_bytes, wanted * 512);
    cr_expect_str_eq(stub.sender, UUID);
    cr_expect_str_eq(stub.size, "67108864");
    cr_expect_leq(stub.largest_body_bytes, HTTP_SERVER_BODY_MAX_BYTES);
    relay_stub_end(&stub);
}

TEST_BOTH(endpoint_relay, gathers_small_writes_of_one_turn_into_one_frame)
{
    struct relay_stub stub;
    struct one *all[200];

    begin(&stub, backend, 3, false);
    for (unsigned i = 0; i < 200; i++)
        all[i] = made((uint64_t)(199 - i) * 8192, 4096, i);
    write_all(&stub, all, 200);
    for (unsigned i = 0; i < 200; i++) {
        expect_written(&stub, all[i]);
        unmake(all[i]);
    }
    cr_expect_eq(stub.calls[RELAY_WRITE], 1);
    cr_expect_eq(stub.data_records, 1);
    relay_stub_end(&stub);
}

TEST_BOTH(endpoint_relay, sends_a_reference_for_what_the_receiver_holds)
{
    struct relay_stub stub;
    struct one *first = made(0, 4 * MIB, 1), *again = made(8 * MIB, 4 * MIB, 1);

    begin(&stub, backend, 3, false);
    fill(again->buf.memory + 3 * BLOCK, BLOCK, 77); /* one block of another clone */
    write_all(&stub, &first, 1);
    stub.data_bytes = stub.body_bytes = 0;
    write_all(&stub, &again, 1);
    expect_written(&stub, again);
    cr_expect_eq(stub.copy_pieces, 63);
    cr_expect_eq(stub.data_bytes, BLOCK);
    cr_expect_lt(stub.body_bytes, BLOCK + 63 * 64 + 4096);
    cr_expect_eq(endpoint_relay_count(stub.ep)->held_bytes, 63 * BLOCK);
    cr_expect_eq(endpoint_relay_count(stub.ep)->asked_blocks, 64 + 1, "what was sent is known");
    unmake(first);
    unmake(again);
    relay_stub_end(&stub);
}

TEST_BOTH(endpoint_relay, sends_the_bytes_of_a_reference_that_was_stale)
{
    struct relay_stub stub;
    struct one *first = made(0, MIB, 1), *again = made(MIB, MIB, 1);

    begin(&stub, backend, 3, false);
    write_all(&stub, &first, 1);
    stub.forget = true;
    write_all(&stub, &again, 1);
    expect_written(&stub, again);
    cr_expect_eq(endpoint_relay_count(stub.ep)->resent_bytes, MIB);
    cr_expect_eq(endpoint_relay_count(stub.ep)->held_bytes, 0);
    cr_expect_eq(stub.calls[RELAY_WRITE], 3);
    unmake(first);
    unmake(again);
    relay_stub_end(&stub);
}

TEST_BOTH(endpoint_relay, trusts_no_answer_that_cannot_be)
{
    struct relay_stub stub;
    struct one *first = made(0, MIB, 1), *again = made(MIB, MIB, 1), *other = made(MIB, MIB, 2);

    begin(&stub, backend, 3, false);
    write_all(&stub, &first, 1);
    stub.lie_missing = true;
    write_all(&stub, &again, 1);
    cr_expect_eq(again->req.err.kind, ERR_CORRUPT);
    stub.short_answer = true;
    write_all(&stub, &other, 1);
    cr_expect_eq(other->req.err.kind, ERR_CORRUPT);
    unmake(first);
    unmake(again);
    unmake(other);
    relay_stub_end(&stub);
}

TEST_BOTH(endpoint_relay, asks_nothing_and_refers_to_nothing_without_dedup)
{
    struct relay_stub stub;
    struct one *first = made(0, MIB, 1), *again = made(MIB, MIB, 1);

    begin(&stub, backend, STREAM_LEVEL_RAW, true);
    write_all(&stub, &first, 1);
    write_all(&stub, &again, 1);
    expect_written(&stub, again);
    cr_expect_eq(stub.calls[RELAY_HAVE], 0);
    cr_expect_eq(stub.data_bytes, 2 * MIB);
    unmake(first);
    unmake(again);
    relay_stub_end(&stub);
}

/* Block 1 is cleared, block 3 left alone, half a block of zeros is data like any other. */
TEST_BOTH(endpoint_relay, leaves_out_or_clears_the_zeros_it_is_told_of)
{
    struct relay_stub stub;
    struct one *one = made(MIB, 6 * BLOCK, 1);

    begin(&stub, backend, 3, false);
    memset(one->buf.memory + BLOCK, 0, BLOCK);
    memset(one->buf.memory + 3 * BLOCK, 0, BLOCK + 4096);
    memset(one->buf.memory + 5 * BLOCK, 0, BLOCK / 2);
    one->zeros[0] = (struct block_zero){BLOCK, BLOCK, true};
    one->zeros[1] = (struct block_zero){3 * BLOCK, BLOCK + 4096, false};
    one->zeros[2] = (struct block_zero){5 * BLOCK, BLOCK / 2, true};
    one->req.zeros = one->zeros;
    one->req.zero_count = 3;
    write_all(&stub, &one, 1);
    cr_expect(stub.was[(MIB + BLOCK) / 512]);
    cr_expect_eq(stub.zero_bytes, BLOCK);
    cr_expect(!stub.was[(MIB + 3 * BLOCK) / 512]);
    cr_expect_eq(stub.disk[MIB + 3 * BLOCK], 0xEE);
    memset(stub.disk + MIB + 3 * BLOCK, 0, BLOCK); /* as it would be there */
    expect_written(&stub, one);
    cr_expect_eq(stub.data_bytes, 4 * BLOCK);
    unmake(one);
    relay_stub_end(&stub);
}

TEST_BOTH(endpoint_relay, clears_any_length)
{
    struct relay_stub stub;
    struct one *one = made(0, 512, 1), *zero = made(8 * MIB, 512, 1);

    begin(&stub, backend, 3, false);
    zero->req.buf = NULL;
    zero->req.length = 40 * MIB;
    endpoint_zero(stub.ep, &zero->req);
    write_all(&stub, &one, 1);
    rig_until(&stub.rig, &zero->done);
    expect_written(&stub, one);
    cr_expect_eq(stub.zero_bytes, 40 * MIB);
    cr_expect_eq(stub.disk[8 * MIB], 0);
    cr_expect_eq(stub.disk[48 * MIB], 0xEE);
    cr_expect_eq(stub.calls[RELAY_WRITE], 1);
    unmake(one);
    unmake(zero);
    relay_stub_end(&stub);
}

TEST_BOTH(endpoint_relay, gives_the_receivers_own_error_to_every_request_of_the_batch)
{
    struct relay_stub stub;
    struct one *all[] = {made(0, 4096, 1), made(8192, 4096, 2)};

    begin(&stub, backend, 3, false);
    stub.refuse_writes = 1;
    err_set(&stub.refusal, ERR_CONFLICT, RETRY_NEVER, "another has the lease");
    snprintf(stub.refusal.code, sizeof stub.refusal.code, "LeaseLost");
    write_all(&stub, all, 2);
    for (size_t i = 0; i < 2; i++) {
        cr_expect_eq(all[i]->req.err.kind, ERR_CONFLICT);
        cr_expect_eq(all[i]->req.err.retry, RETRY_NEVER);
        cr_expect_str_eq(all[i]->req.err.code, "LeaseLost");
        cr_expect_str_eq(all[i]->req.err.text, "another has the lease");
        unmake(all[i]);
    }
    cr_expect_eq(endpoint_relay_count(stub.ep)->raw_bytes, 0);
    relay_stub_end(&stub);
}

/* No record's memory is free: what is written waits, and goes when an answer came. */
TEST_BOTH(endpoint_relay, sends_no_more_at_once_than_it_has_memory_for)
{
    enum { WRITES = ENDPOINT_RELAY_RECORDS_MAX + 6 };
    struct relay_stub stub;
    struct one *all[WRITES];

    begin(&stub, backend, STREAM_LEVEL_RAW, true);
    stub.hold = true;
    for (unsigned i = 0; i < WRITES; i++) {
        all[i] = made((uint64_t)i * 34 * BLOCK, 34 * BLOCK, i); /* two are too much for a batch */
        endpoint_write(stub.ep, &all[i]->req);
    }
    while (stub.writes_now < ENDPOINT_RELAY_RECORDS_MAX)
        rig_turn(&stub.rig);
    for (unsigned i = 0; i < 50; i++)
        rig_peek(&stub.rig);
    cr_expect_eq(stub.writes_at_once, ENDPOINT_RELAY_RECORDS_MAX);
    relay_stub_release(&stub);
    for (unsigned i = 0; i < WRITES; i++) {
        rig_until(&stub.rig, &all[i]->done);
        expect_written(&stub, all[i]);
        unmake(all[i]);
    }
    relay_stub_end(&stub);
}

static void on_setup_done(struct setup_req *req)
{
    req->done = NULL;
}

static void set_up(struct relay_stub *stub, enum setup_verb verb)
{
    struct setup_req req = {.verb = verb, .lease_id = UUID, .done = on_setup_done};

    endpoint_setup(stub->ep, &req);
    while (req.done)
        rig_turn(&stub->rig);
    cr_assert(!err_is_set(&req.err), "%s", req.err.text);
    cr_expect_str_eq(req.out_etag, "two");
}

TEST_BOTH(endpoint_relay, shows_its_lease_while_it_has_one_and_a_higher_generation_from_a_fence_on)
{
    struct relay_stub stub;
    struct one *one = made(0, 512, 1);

    begin(&stub, backend, 3, false);
    cr_expect_str_eq(stub.lease, "");
    set_up(&stub, SETUP_LEASE);
    write_all(&stub, &one, 1);
    cr_expect_str_eq(stub.lease, UUID);
    cr_expect_str_eq(stub.generation, "0");
    set_up(&stub, SETUP_FENCE);
    cr_expect_str_eq(stub.generation, "1");
    set_up(&stub, SETUP_UNLEASE);
    cr_expect_str_eq(stub.lease, UUID);
    look(&stub);
    cr_expect_str_eq(stub.lease, "");
    cr_expect_str_eq(stub.generation, "1");
    unmake(one);
    relay_stub_end(&stub);
}

static void on_list_done(struct list_req *req)
{
    req->done = NULL;
}

TEST_BOTH(endpoint_relay, reads_a_list_to_its_last_page)
{
    struct relay_stub stub;
    struct extent_set data = {0};
    struct list_req list = {.within = {0, STUB_DISK_BYTES},
                            .out_data = &data,
                            .done = on_list_done};

    begin(&stub, backend, 3, false);
    endpoint_list(stub.ep, &list);
    while (list.done)
        rig_turn(&stub.rig);
    cr_assert(!err_is_set(&list.err), "%s", list.err.text);
    cr_expect_eq(stub.calls[RELAY_LIST], 2);
    cr_expect_eq(data.count, 2);
    cr_expect_eq(list.size_bytes, STUB_DISK_BYTES);
    extent_set_fini(&data);
    relay_stub_end(&stub);
}

TEST_BOTH(endpoint_relay, takes_no_list_whose_disk_changes_its_size_on_the_way)
{
    struct relay_stub stub;
    struct extent_set data = {0};
    struct list_req list = {.within = {0, STUB_DISK_BYTES},
                            .out_data = &data,
                            .done = on_list_done};

    begin(&stub, backend, 3, false);
    stub.shrinks = true;
    endpoint_list(stub.ep, &list);
    while (list.done)
        rig_turn(&stub.rig);
    cr_expect_eq(list.err.kind, ERR_GONE);
    cr_expect_eq(list.err.retry, RETRY_REPLAN);
    extent_set_fini(&data);
    relay_stub_end(&stub);
}

TEST_BOTH(endpoint_relay, reads_back_what_the_target_has)
{
    struct relay_stub stub;
    struct one *one = made(MIB, MIB, 1), *back = made(MIB, MIB, 2);

    begin(&stub, backend, 3, false);
    write_all(&stub, &one, 1);
    endpoint_read(stub.ep, &back->req);
    rig_until(&stub.rig, &back->done);
    expect_written(&stub, back);
    cr_expect(back->req.crc64_known);
    cr_expect_eq(memcmp(back->buf.memory, one->buf.memory, MIB), 0);
    unmake(one);
    unmake(back);
    relay_stub_end(&stub);
}

Test(endpoint_relay, takes_no_url_that_names_nothing_a_receiver_writes)
{
    static const char *const bad[] = {"https://h:1/", "https://h:1/a/../b", "https://h:1/a/.x",
                                      "https://h:1/a/b.snapferry", "https://h:1/a?sig=SECRET"};
    struct endpoint_relay_options how = options(3, false);
    struct rig rig;
    struct err e = {0};
    struct http *http;
    struct workers *workers;

    rig_open(&rig, REACTOR_AUTO);
    http = http_new(rig.r, &(struct http_options){0}, &e);
    workers = workers_new(rig.r, 1, &e);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct secret_url url = {0};

        err_clear(&e);
        /* ".." is refused as early as in a URL */
        cr_expect(!secret_url_parse(bad[i], &url, &e) ||
                      !endpoint_relay_new(http, workers, &url, &how, &e),
                  "%s", bad[i]);
        cr_expect_eq(e.kind, ERR_USAGE);
        cr_expect_null(strstr(e.text, "SECRET"));
    }
    http_free(http);
    workers_free(workers);
    rig_close(&rig);
}
