/* endpoint_stream_out_test.c - a stream as a target: writes in any order become records in order, what comes
 * twice is sent once, and nothing waits for ever. */
#include "io/endpoint_stream_out.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/endpoint_stream_in.h"
#include "tests/support/stream_case.h"

#define DISK_BYTES (64ull << 20)
#define KIB(n)     ((uint64_t)(n) << 10)
#define MIB(n)     ((uint64_t)(n) << 20)

static void fill(struct buf *buf, unsigned seed)
{
    uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;

    for (size_t i = 0; i < BUF_BYTES; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        buf->memory[i] = (unsigned char)(state >> 56);
    }
}

static struct marker complete(void)
{
    return stream_made_end_of(DISK_BYTES).marker;
}

/* What was written there is what is read of the stream. */
static void expect_read(struct stream_case *c, struct extent range, const unsigned char *bytes)
{
    struct err e = {0};
    struct endpoint *in = endpoint_stream_in_open(c->rig.r, c->workers, c->path, -1, &e);
    struct buf *buf = c->bufs[STREAM_CASE_BUFS - 1];

    cr_assert(in, "%s", e.text);
    await_good(await_stat(&c->rig, in).err);
    await_good(await_block(&c->rig, in, AWAIT_READ, range, buf).err);
    cr_assert_eq(memcmp(buf->memory, bytes, range.length), 0, "at %llu",
                 (unsigned long long)range.offset);
    endpoint_close(in);
}

static void finish(struct stream_case *c, struct endpoint *ep)
{
    struct marker marker = complete();

    await_good(await_setup(&c->rig, ep, SETUP_MARK, 0, &marker).err);
}

TEST_BOTH(stream_out, writes_in_any_order_come_out_in_order)
{
    static const struct extent ranges[] = {
        {0, MIB(4)}, {MIB(4), MIB(4)}, {MIB(20), KIB(4)}, {MIB(40), KIB(512)}};
    struct stream_case c;
    struct stream_case_block blocks[4];
    struct extent_set data = {0};
    struct endpoint *ep;
    struct stat st;

    stream_case_open(&c, backend);
    for (unsigned i = 0; i < 4; i++) {
        fill(c.bufs[i], i + 1);
        cr_assert(extent_set_append(&data, ranges[i]));
    }
    ep = stream_case_target(&c, DISK_BYTES, &data);
    for (unsigned i = 4; i-- > 1;)
        stream_case_begin(&blocks[i], ep, true, ranges[i], c.bufs[i]);
    for (unsigned i = 0; i < 50; i++)
        rig_peek(&c.rig);
    cr_assert_not(blocks[1].done || blocks[2].done || blocks[3].done, "their turn has not come");
    stream_case_begin(&blocks[0], ep, true, ranges[0], c.bufs[0]);
    for (unsigned i = 0; i < 4; i++) {
        rig_until(&c.rig, &blocks[i].done);
        await_good(blocks[i].req.err);
    }
    cr_assert_neq(stat(c.path, &st), 0, "it has no name yet");
    finish(&c, ep);
    cr_assert_eq(endpoint_stream_out_counts(ep)->data_bytes, data.total_bytes);
    endpoint_close(ep);
    cr_assert(stat(c.path, &st) == 0 && (st.st_mode & 0777) == 0600);
    for (unsigned i = 0; i < 4; i++)
        expect_read(&c, ranges[i], c.bufs[i]->memory);
    extent_set_fini(&data);
    stream_case_close(&c);
}

TEST_BOTH(stream_out, zeros_and_what_came_before_are_not_sent_again)
{
    struct stream_case c;
    struct extent range = {0, MIB(4)};
    struct extent_set data = {0};
    const struct stream_end *counts;
    struct endpoint *ep;

    stream_case_open(&c, backend);
    fill(c.bufs[0], 1);
    memset(c.bufs[0]->memory + MIB(1), 0, MIB(1));
    memcpy(c.bufs[0]->memory + MIB(2), c.bufs[0]->memory, MIB(1));
    cr_assert(extent_set_append(&data, range));
    ep = stream_case_target(&c, DISK_BYTES, &data);
    await_good(await_block(&c.rig, ep, AWAIT_WRITE, range, c.bufs[0]).err);
    finish(&c, ep);
    counts = endpoint_stream_out_counts(ep);
    cr_assert_eq(counts->zero_bytes, MIB(1));
    cr_assert_eq(counts->copy_bytes, MIB(1));
    cr_assert_eq(counts->data_bytes, MIB(2));
    endpoint_close(ep);
    expect_read(&c, range, c.bufs[0]->memory);
    extent_set_fini(&data);
    stream_case_close(&c);
}

TEST_BOTH(stream_out, writes_that_wait_for_one_that_never_comes_are_given_up)
{
    struct stream_case c;
    struct stream_case_block block;
    struct extent lower = {0, KIB(64)}, upper = {MIB(8), KIB(64)};
    struct extent_set data = {0};
    struct endpoint *ep;

    stream_case_open(&c, backend);
    fill(c.bufs[0], 1);
    cr_assert(extent_set_append(&data, lower) && extent_set_append(&data, upper));
    ep = stream_case_target(&c, DISK_BYTES, &data);
    stream_case_begin(&block, ep, true, upper, c.bufs[0]);
    endpoint_give_up(ep);
    rig_until(&c.rig, &block.done);
    await_error(&block.req.err, ERR_CANCELED, "");
    endpoint_close(ep);
    extent_set_fini(&data);
    unlink(strcat(c.path, STREAM_PART_SUFFIX));
    stream_case_close(&c);
}

TEST_BOTH(stream_out, what_is_no_part_of_the_plan_is_refused)
{
    struct stream_case c;
    struct extent planned = {0, KIB(64)}, beside = {KIB(64), KIB(64)};
    struct extent_set data = {0};
    struct endpoint *ep;
    struct err error;

    stream_case_open(&c, backend);
    fill(c.bufs[0], 1);
    cr_assert(extent_set_append(&data, planned));
    ep = stream_case_target(&c, DISK_BYTES, &data);
    error = await_block(&c.rig, ep, AWAIT_WRITE, beside, c.bufs[0]).err;
    await_error(&error, ERR_USAGE, "no part of the plan");
    error = await_block(&c.rig, ep, AWAIT_ZERO, beside, NULL).err;
    await_error(&error, ERR_USAGE, "no part of the plan");
    endpoint_close(ep);
    extent_set_fini(&data);
    unlink(strcat(c.path, STREAM_PART_SUFFIX));
    stream_case_close(&c);
}

/* Small ranges, many of them: they share records, and no buffer is held for a record to fill. */
TEST_BOTH(stream_out, scattered_pages_share_a_record)
{
    struct stream_case c;
    struct extent_set data = {0};
    struct endpoint *ep;

    stream_case_open(&c, backend);
    fill(c.bufs[0], 1);
    for (uint64_t i = 0; i < 500; i++)
        cr_assert(extent_set_append(&data, (struct extent){i * KIB(128), KIB(4)}));
    ep = stream_case_target(&c, DISK_BYTES, &data);
    for (size_t i = 0; i < 500; i++)
        await_good(await_block(&c.rig, ep, AWAIT_WRITE, extent_set_at(&data, i), c.bufs[0]).err);
    finish(&c, ep);
    cr_assert_eq(endpoint_stream_out_counts(ep)->records, 4, "HEAD, PLAN, one DATA, END");
    endpoint_close(ep);
    expect_read(&c, extent_set_at(&data, 499), c.bufs[0]->memory);
    extent_set_fini(&data);
    stream_case_close(&c);
}
