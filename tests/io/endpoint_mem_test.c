/* endpoint_mem_test.c - memory, pattern and null ends keep their words. */
#include "io/endpoint_mem.h"

#include <criterion/criterion.h>
#include <string.h>

#include "blockmap/zero.h"
#include "tests/support/await.h"

#define DISK_BYTES (16u << 20)

struct desk {
    struct rig rig;
    struct bufpool *pool;
    struct buf *buf;
};

static void desk_open(struct desk *d)
{
    struct err e = {0};

    rig_open_simulated(&d->rig, REACTOR_EPOLL);
    d->pool = bufpool_new(d->rig.r, BUF_BYTES, BUF_BYTES, &e);
    cr_assert(d->pool, "%s", e.text);
    d->buf = bufpool_borrow(d->pool);
    cr_assert(d->buf);
}

static void desk_close(struct desk *d, struct endpoint *ep)
{
    endpoint_close(ep);
    bufpool_release(d->pool, d->buf);
    bufpool_free(d->pool);
    rig_close(&d->rig);
}

static struct endpoint *mem(struct desk *d, uint64_t size_bytes)
{
    struct err e = {0};
    struct endpoint *ep = endpoint_mem_new(d->rig.r, size_bytes, &e);

    cr_assert(ep, "%s", e.text);
    return ep;
}

static void write_bytes(struct desk *d, struct endpoint *ep, struct extent range, int byte)
{
    memset(d->buf->memory, byte, BUF_BYTES);
    await_good(await_block(&d->rig, ep, AWAIT_WRITE, range, d->buf).err);
}

static void one_extent(const struct extent_set *set, uint64_t offset, uint64_t length)
{
    cr_assert_eq(set->count, 1);
    cr_assert_eq(extent_set_at(set, 0).offset, offset);
    cr_assert_eq(extent_set_at(set, 0).length, length);
}

Test(endpoint_mem, lists_what_was_written_and_not_what_was_cleared)
{
    struct desk d;
    struct endpoint *ep;
    struct extent_set data = {0};

    desk_open(&d);
    ep = mem(&d, DISK_BYTES);
    write_bytes(&d, ep, (struct extent){4096, 8192}, 7);
    await_good(await_block(&d.rig, ep, AWAIT_ZERO, (struct extent){8192, 4096}, NULL).err);
    await_good(await_list(&d.rig, ep, (struct extent){0, DISK_BYTES}, &data).err);
    one_extent(&data, 4096, 4096);
    cr_assert(endpoint_mem_bytes(ep)[4096] == 7 && endpoint_mem_bytes(ep)[8192] == 0);
    cr_assert_eq(endpoint_mem_traffic(ep)->written_bytes, 8192);
    cr_assert_eq(endpoint_mem_traffic(ep)->zeroed_bytes, 4096);
    extent_set_fini(&data);
    desk_close(&d, ep);
}

static bool diff_done;

static void diffed(struct list_req *req)
{
    (void)req;
    diff_done = true;
}

Test(endpoint_mem, a_diff_tells_changes_from_clears_since_its_own_snapshot)
{
    struct desk d;
    struct endpoint *ep;
    struct setup_req snapshot;
    struct extent_set data = {0}, clears = {0};
    struct list_req req = {
        .within = {0, DISK_BYTES}, .out_data = &data, .out_clears = &clears, .done = diffed};

    desk_open(&d);
    ep = mem(&d, DISK_BYTES);
    write_bytes(&d, ep, (struct extent){0, 65536}, 1);
    snapshot = await_setup(&d.rig, ep, SETUP_SNAPSHOT, 0, NULL);
    await_good(snapshot.err);
    write_bytes(&d, ep, (struct extent){512, 512}, 2);
    await_good(await_block(&d.rig, ep, AWAIT_ZERO, (struct extent){4096, 512}, NULL).err);
    req.since = snapshot.out_snapshot;
    endpoint_list(ep, &req);
    rig_until(&d.rig, &diff_done);
    await_good(req.err);
    one_extent(&data, 512, 512);
    one_extent(&clears, 4096, 512);
    extent_set_clear(&data);
    extent_set_clear(&clears);
    req.since = "1999-01-01T00:00:00.0000000Z";
    diff_done = false;
    endpoint_list(ep, &req);
    rig_until(&d.rig, &diff_done);
    await_error(&req.err, ERR_GONE, "snapshot is gone");
    extent_set_fini(&data);
    extent_set_fini(&clears);
    desk_close(&d, ep);
}

Test(endpoint_mem, a_power_cut_takes_what_was_not_flushed)
{
    struct desk d;
    struct endpoint *ep;
    struct err e = {0};

    desk_open(&d);
    ep = mem(&d, DISK_BYTES);
    cr_assert(endpoint_mem_track_flushes(ep, &e));
    write_bytes(&d, ep, (struct extent){0, 512}, 1);
    await_good(await_block(&d.rig, ep, AWAIT_FLUSH, (struct extent){0}, NULL).err);
    write_bytes(&d, ep, (struct extent){512, 512}, 2);
    endpoint_mem_lose_unflushed(ep);
    cr_assert(endpoint_mem_bytes(ep)[511] == 1 && endpoint_mem_bytes(ep)[512] == 0);
    one_extent(endpoint_mem_allocated(ep), 0, 512);
    desk_close(&d, ep);
}

Test(endpoint_mem, is_created_once_grown_and_marked)
{
    static const struct marker copying = {.state = MARKER_COPYING, .size_bytes = 1024};
    struct desk d;
    struct endpoint *ep;
    struct stat_req before, after;

    desk_open(&d);
    ep = mem(&d, 0);
    cr_assert(!await_stat(&d.rig, ep).exists);
    await_good(await_setup(&d.rig, ep, SETUP_CREATE, 1024, &copying).err);
    before = await_stat(&d.rig, ep);
    cr_assert(before.exists && before.marker.state == MARKER_COPYING);
    cr_assert_eq(await_setup(&d.rig, ep, SETUP_CREATE, 1024, NULL).err.kind, ERR_CONFLICT);
    await_good(await_setup(&d.rig, ep, SETUP_RESIZE, 4096, NULL).err);
    write_bytes(&d, ep, (struct extent){3584, 512}, 1);
    after = await_stat(&d.rig, ep);
    cr_assert(after.size_bytes == 4096 && strcmp(before.etag, after.etag) != 0);
    desk_close(&d, ep);
}

Test(endpoint_pattern, any_piece_of_it_is_what_the_whole_holds_there)
{
    static unsigned char whole[DISK_BYTES];
    struct desk d;
    struct err e = {0};
    struct endpoint *ep;
    struct extent_set data = {0};
    struct extent piece = {3 * 512, (3u << 20) + 512};

    desk_open(&d);
    ep = endpoint_pattern_new(d.rig.r, DISK_BYTES, 42, 400, &e);
    cr_assert(ep, "%s", e.text);
    endpoint_pattern_fill(42, 400, 0, whole, sizeof whole);
    await_good(await_block(&d.rig, ep, AWAIT_READ, piece, d.buf).err);
    cr_assert(memcmp(d.buf->memory, whole + piece.offset, piece.length) == 0);
    await_good(await_list(&d.rig, ep, (struct extent){0, DISK_BYTES}, &data).err);
    cr_assert(data.total_bytes > 0 && data.total_bytes < DISK_BYTES, "some holes, some data");
    for (uint64_t at = 0; at < DISK_BYTES; at += 512) {
        bool listed = extent_set_covers(&data, (struct extent){at, 512});

        cr_assert_eq(listed, !zero_is(whole + at, 512));
    }
    extent_set_fini(&data);
    desk_close(&d, ep);
}

Test(endpoint_null, keeps_nothing_and_reads_as_one_hole)
{
    struct desk d;
    struct err e = {0};
    struct endpoint *ep;
    struct extent_set data = {0};

    desk_open(&d);
    ep = endpoint_null_new(d.rig.r, DISK_BYTES, &e);
    cr_assert(ep, "%s", e.text);
    cr_assert(ep->capabilities & ENDPOINT_DISCARDS);
    write_bytes(&d, ep, (struct extent){0, 512}, 9);
    await_good(await_block(&d.rig, ep, AWAIT_READ, (struct extent){0, 512}, d.buf).err);
    cr_assert(zero_is(d.buf->memory, 512));
    await_good(await_list(&d.rig, ep, (struct extent){0, DISK_BYTES}, &data).err);
    cr_assert_eq(data.count, 0);
    endpoint_null_pretend_data(ep);
    await_good(await_list(&d.rig, ep, (struct extent){0, DISK_BYTES}, &data).err);
    one_extent(&data, 0, DISK_BYTES);
    extent_set_fini(&data);
    desk_close(&d, ep);
}
