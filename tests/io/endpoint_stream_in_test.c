/* endpoint_stream_in_test.c - a stream as a source: what it holds is read, in any order as long as it is
 * there; what it lacks, or lies about, is refused by name. */
#include "io/endpoint_stream_in.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_mem.h"
#include "tests/support/stream_case.h"

#define DISK_BYTES (8ull << 20)
#define KIB(n)     ((uint64_t)(n) << 10)

static unsigned char raw[BUF_BYTES];

/* Each 64 KiB unlike all others, and small when packed. */
static void fill(unsigned seed)
{
    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = (unsigned char)(i % 251 + i / 65536 * 7 + seed);
}

static void looked_at(struct stream_case *c, struct endpoint *ep)
{
    struct stat_req stat = await_stat(&c->rig, ep);

    await_good(stat.err);
    cr_assert_eq(stat.size_bytes, DISK_BYTES);
}

/* HEAD, a plan of these bytes from 0 on. */
static struct stream_made begun(uint64_t plan_bytes)
{
    struct stream_made made = {0};
    struct extent plan = {0, plan_bytes};

    stream_made_plain_head(&made, DISK_BYTES);
    stream_made_plan(&made, false, &plan, 1);
    return made;
}

static void put_end(struct stream_made *made)
{
    struct stream_end end = made->counts;

    end.marker = stream_made_end_of(DISK_BYTES).marker;
    end.records = made->records + 1;
    stream_made_end(made, &end);
}

TEST_BOTH(stream_in, gives_its_plan_and_its_bytes)
{
    struct stream_case c;
    struct stream_made made = stream_made_small(DISK_BYTES);
    struct marker marker = stream_made_end_of(DISK_BYTES).marker;
    struct extent_set data = {0};
    struct extent disk = {0, DISK_BYTES};
    struct extent all = {0, KIB(512)};
    struct endpoint *ep;
    struct err error;

    stream_case_open(&c, backend);
    ep = stream_case_source(&c, &made, false);
    looked_at(&c, ep);
    await_good(await_list(&c.rig, ep, disk, &data).err);
    cr_assert(data.count == 1 && data.total_bytes == KIB(512));
    memset(c.bufs[0]->memory, 0xEE, BUF_BYTES);
    await_good(await_block(&c.rig, ep, AWAIT_READ, all, c.bufs[0]).err);
    cr_assert_eq(memcmp(c.bufs[0]->memory, c.bufs[0]->memory + KIB(256), KIB(64)), 0, "the copy");
    cr_assert(c.bufs[0]->memory[KIB(64)] == 0 && c.bufs[0]->memory[KIB(192) - 1] == 0);
    await_good(await_setup(&c.rig, ep, SETUP_AGREE, 0, &marker).err);
    marker.root[7] ^= 1;
    error = await_setup(&c.rig, ep, SETUP_AGREE, 0, &marker).err;
    await_error(&error, ERR_CORRUPT, "comes to root");
    endpoint_close(ep);
    extent_set_fini(&data);
    stream_made_fini(&made);
    stream_case_close(&c);
}

TEST_BOTH(stream_in, serves_reads_that_come_in_any_order)
{
    static const uint64_t order[] = {3, 1, 0, 2};
    struct stream_case c;
    struct stream_made made = begun(KIB(1024));
    struct stream_case_block blocks[4];
    struct endpoint *ep;

    stream_case_open(&c, backend);
    fill(1);
    for (uint64_t i = 0; i < 4; i++) {
        struct stream_piece piece = {i * KIB(256), KIB(256)};

        stream_made_data(&made, &piece, 1, raw + piece.offset, STREAM_CODEC_ZSTD);
    }
    put_end(&made);
    ep = stream_case_source(&c, &made, false);
    looked_at(&c, ep);
    for (unsigned i = 0; i < 4; i++) {
        struct extent range = {order[i] * KIB(256), KIB(256)};

        stream_case_begin(&blocks[order[i]], ep, false, range, c.bufs[order[i]]);
    }
    for (unsigned i = 0; i < 4; i++) {
        rig_until(&c.rig, &blocks[i].done);
        await_good(blocks[i].req.err);
        cr_assert_eq(memcmp(c.bufs[i]->memory, raw + i * KIB(256), KIB(256)), 0);
    }
    endpoint_close(ep);
    stream_made_fini(&made);
    stream_case_close(&c);
}

/* Reads the last 64 KiB of many small records, then the first. */
static struct err read_back_again(struct stream_case *c, bool through_pipe)
{
    struct stream_made made = begun(KIB(1280));
    struct extent first = {0, KIB(64)}, last = {KIB(1216), KIB(64)};
    struct endpoint *ep;
    struct err error;

    fill(2);
    for (uint64_t i = 0; i < 20; i++) {
        struct stream_piece piece = {i * KIB(64), KIB(64)};

        stream_made_data(&made, &piece, 1, raw + piece.offset, STREAM_CODEC_ZSTD);
    }
    put_end(&made);
    cr_assert_lt(made.used, 2u << 20);
    ep = stream_case_source(c, &made, through_pipe);
    looked_at(c, ep);
    await_good(await_block(&c->rig, ep, AWAIT_READ, first, c->bufs[0]).err);
    await_good(await_block(&c->rig, ep, AWAIT_READ, last, c->bufs[0]).err);
    error = await_block(&c->rig, ep, AWAIT_READ, first, c->bufs[0]).err;
    if (!err_is_set(&error))
        cr_assert_eq(memcmp(c->bufs[0]->memory, raw, KIB(64)), 0);
    endpoint_close(ep);
    stream_made_fini(&made);
    return error;
}

TEST_BOTH(stream_in, what_it_has_passed_is_read_again_from_a_file_and_not_from_a_pipe)
{
    struct stream_case c;
    struct err error;

    stream_case_open(&c, backend);
    error = read_back_again(&c, false);
    await_good(error);
    error = read_back_again(&c, true);
    await_error(&error, ERR_GONE, "cannot be read twice");
    stream_case_close(&c);
}

TEST_BOTH(stream_in, bytes_that_no_record_brings_are_refused)
{
    struct stream_case c;
    struct stream_made made = begun(KIB(128));
    struct extent range = {0, KIB(128)};
    struct endpoint *ep;
    struct err error;

    stream_case_open(&c, backend);
    stream_made_zero(&made, 0, KIB(64));
    stream_made_zero(&made, KIB(4096), KIB(64)); /* elsewhere */
    put_end(&made);
    ep = stream_case_source(&c, &made, false);
    looked_at(&c, ep);
    error = await_block(&c.rig, ep, AWAIT_READ, range, c.bufs[0]).err;
    await_error(&error, ERR_CORRUPT, "no record up to number");
    endpoint_close(ep);
    stream_made_fini(&made);
    stream_case_close(&c);
}

/* A disk whose third block is a copy of its first. */
static struct stream_made referring(void)
{
    struct stream_made made = begun(KIB(192));
    struct stream_piece pieces[] = {{0, KIB(64)}, {KIB(64), KIB(64)}};
    struct stream_copy_piece copy = {.offset = KIB(128), .length = (uint32_t)KIB(64)};

    fill(3);
    copy.id = block_id_of(raw, KIB(64));
    stream_made_data(&made, &pieces[0], 1, raw, STREAM_CODEC_RAW);
    stream_made_data(&made, &pieces[1], 1, raw + KIB(64), STREAM_CODEC_RAW);
    stream_made_copy(&made, &copy, 1);
    put_end(&made);
    return made;
}

TEST_BOTH(stream_in, a_block_that_comes_again_waits_until_it_was_written)
{
    struct stream_case c;
    struct stream_made made = referring();
    struct stream_case_block second;
    struct extent first = {0, KIB(64)}, other = {KIB(64), KIB(64)}, again = {KIB(128), KIB(64)};
    struct endpoint *ep, *target;
    struct err e = {0};

    stream_case_open(&c, backend);
    target = endpoint_mem_new(c.rig.r, DISK_BYTES, &e);
    ep = stream_case_source(&c, &made, false);
    endpoint_stream_in_target(ep, target);
    looked_at(&c, ep);
    await_good(await_block(&c.rig, ep, AWAIT_READ, first, c.bufs[0]).err);
    await_good(await_block(&c.rig, ep, AWAIT_READ, other, c.bufs[2]).err);
    stream_case_begin(&second, ep, false, again, c.bufs[1]);
    for (unsigned i = 0; i < 50; i++)
        rig_peek(&c.rig);
    cr_assert_not(second.done, "nobody said that it was written");
    endpoint_mem_poke(target, 0, c.bufs[0]->memory, KIB(64));
    endpoint_stream_in_wrote(ep, first);
    rig_until(&c.rig, &second.done);
    await_good(second.req.err);
    cr_assert_eq(memcmp(c.bufs[1]->memory, raw, KIB(64)), 0);
    endpoint_close(ep);
    endpoint_close(target);
    stream_made_fini(&made);
    stream_case_close(&c);
}

TEST_BOTH(stream_in, another_block_at_the_target_is_refused_never_used)
{
    struct stream_case c;
    struct stream_made made = referring();
    struct extent other = {KIB(64), KIB(64)}, again = {KIB(128), KIB(64)};
    struct endpoint *ep, *target;
    struct err e = {0}, error;

    stream_case_open(&c, backend);
    target = endpoint_mem_new(c.rig.r, DISK_BYTES, &e);
    raw[100] ^= 1;
    endpoint_mem_poke(target, 0, raw, KIB(64)); /* durable, says a journal; but not the same */
    ep = stream_case_source(&c, &made, false);
    endpoint_stream_in_target(ep, target);
    looked_at(&c, ep);
    await_good(await_block(&c.rig, ep, AWAIT_READ, other, c.bufs[2]).err);
    error = await_block(&c.rig, ep, AWAIT_READ, again, c.bufs[1]).err;
    await_error(&error, ERR_CORRUPT, "another block is there");
    endpoint_close(ep);
    endpoint_close(target);
    stream_made_fini(&made);
    stream_case_close(&c);
}

TEST_BOTH(stream_in, clears_without_a_base_are_refused)
{
    struct stream_case c;
    struct stream_made made = begun(KIB(64));
    struct extent clear = {KIB(512), KIB(64)}, disk = {0, DISK_BYTES};
    struct extent_set data = {0};
    struct endpoint *ep;
    struct err error;

    stream_case_open(&c, backend);
    stream_made_plan(&made, true, &clear, 1);
    stream_made_zero(&made, 0, KIB(64));
    put_end(&made);
    ep = stream_case_source(&c, &made, false);
    looked_at(&c, ep);
    error = await_list(&c.rig, ep, disk, &data).err;
    await_error(&error, ERR_CORRUPT, "no base");
    endpoint_close(ep);
    stream_made_fini(&made);
    stream_case_close(&c);
}

TEST_BOTH(stream_in, a_pipe_that_is_silent_is_given_up)
{
    struct stream_case c;
    struct stream_made made = {0};
    struct stream_case_block block;
    struct extent range = {0, KIB(64)};
    struct endpoint *ep;

    stream_case_open(&c, backend);
    made = begun(KIB(64));
    ep = stream_case_source(&c, &made, true);
    looked_at(&c, ep);
    stream_case_begin(&block, ep, false, range, c.bufs[0]);
    endpoint_give_up(ep);
    rig_until(&c.rig, &block.done);
    await_error(&block.req.err, ERR_CANCELED, "");
    endpoint_close(ep);
    stream_made_fini(&made);
    stream_case_close(&c);
}
