/* endpoint_pageblob_list_test.c - lists and diffs of a real region, of an ordinary blob and of a managed
 * disk. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "io/endpoint_pageblob.h"
#include "tests/support/blob_bench.h"

#define KIB 1024u

static const struct endpoint_pageblob_options plain;

struct lists {
    struct extent_set data, clears;
    struct err err;
    uint64_t size_bytes;
};

static struct lists list_of(struct blob_bench *b, struct endpoint *ep, const char *since)
{
    struct lists l = {0};
    struct list_req req = {.since = since, .out_data = &l.data, .out_clears = &l.clears};

    blob_bench_ok(blob_bench_stat(b, ep).err);
    req.within.length = ep->size_bytes;
    l.err = blob_bench_list(b, ep, &req);
    l.size_bytes = req.size_bytes;
    return l;
}

static void lists_fini(struct lists *l)
{
    extent_set_fini(&l->data);
    extent_set_fini(&l->clears);
}

static void expect_extent(const struct extent_set *set, size_t i, uint64_t offset, uint64_t length)
{
    cr_assert(i < set->count);
    cr_assert_eq(extent_set_at(set, i).offset, offset);
    cr_assert_eq(extent_set_at(set, i).length, length);
}

/* Two snapshots: data at 0 and 64 KiB; then 0 changed, 64 KiB cleared, 128 KiB new. */
static void make_history(struct blob_bench *b, const char *account, char old[64], char new[64])
{
    blob_bench_make(b, account, 1024 * KIB);
    blob_bench_fill(b, account, 0, 4 * KIB, 'a');
    blob_bench_fill(b, account, 64 * KIB, 4 * KIB, 'b');
    snprintf(old, 64, "%s", blob_bench_snapshot(b, account));
    blob_bench_fill(b, account, 512, 512, 'c');
    blob_bench_clear(b, account, 64 * KIB, 4 * KIB);
    blob_bench_fill(b, account, 128 * KIB, 1 * KIB, 'd');
    snprintf(new, 64, "%s", blob_bench_snapshot(b, account));
}

static void expect_history(struct lists *l)
{
    blob_bench_ok(l->err);
    cr_assert_eq(l->size_bytes, 1024 * KIB);
    cr_assert_eq(l->data.count, 2);
    expect_extent(&l->data, 0, 512, 512);
    expect_extent(&l->data, 1, 128 * KIB, 1 * KIB);
    cr_assert_eq(l->clears.count, 1);
    expect_extent(&l->clears, 0, 64 * KIB, 4 * KIB);
}

Test(endpoint_pageblob_list, an_ordinary_diff_by_snapshot_url_and_by_bare_time)
{
    struct blob_bench b;
    struct endpoint *ep;
    char old[64], new[64], base[2048];
    struct lists by_url, by_time, full;

    blob_bench_begin(&b, NULL);
    make_history(&b, BENCH_ACCOUNT, old, new);
    snprintf(base, sizeof base, "%s", blob_bench_url(&b, BENCH_ACCOUNT, old, "r", NULL));
    ep = blob_bench_open(&b, blob_bench_url(&b, BENCH_ACCOUNT, new, "r", NULL), plain);
    by_url = list_of(&b, ep, base);
    by_time = list_of(&b, ep, old);
    full = list_of(&b, ep, NULL);
    expect_history(&by_url);
    expect_history(&by_time);
    blob_bench_ok(full.err);
    cr_assert_eq(full.data.count, 2);
    expect_extent(&full.data, 0, 0, 4 * KIB);
    lists_fini(&by_url);
    lists_fini(&by_time);
    lists_fini(&full);
    endpoint_close(ep);
    blob_bench_end(&b);
}

Test(endpoint_pageblob_list, a_managed_diff_by_the_whole_url_of_the_base)
{
    struct blob_bench b;
    struct endpoint *ep;
    char old[64], new[64], base[2048];
    struct lists l;

    blob_bench_begin(&b, NULL);
    make_history(&b, BENCH_MANAGED, old, new);
    snprintf(base, sizeof base, "%s", blob_bench_url(&b, BENCH_MANAGED, old, "r", NULL));
    ep = blob_bench_open(&b, blob_bench_url(&b, BENCH_MANAGED, new, "r", NULL), plain);
    l = list_of(&b, ep, base);
    expect_history(&l);
    lists_fini(&l);
    endpoint_close(ep);
    blob_bench_end(&b);
}

Test(endpoint_pageblob_list, a_base_that_cannot_be_one_is_refused_with_a_sentence)
{
    struct blob_bench b;
    struct endpoint *ep, *disk;
    char other[2048], live[2048];
    struct lists foreign, no_snapshot, bare;

    blob_bench_begin(&b, NULL);
    blob_bench_make(&b, BENCH_ACCOUNT, 64 * KIB);
    blob_bench_make(&b, BENCH_MANAGED, 64 * KIB);
    snprintf(live, sizeof live, "%s", blob_bench_url(&b, BENCH_ACCOUNT, NULL, "r", NULL));
    snprintf(other, sizeof other, "http://127.0.0.1:1/x/y/z?snapshot=2024-01-05T01:00:00Z&sig=s");
    ep = blob_bench_open(&b, live, plain);
    disk = blob_bench_open(&b, blob_bench_url(&b, BENCH_MANAGED, NULL, "r", NULL), plain);
    foreign = list_of(&b, ep, other);
    no_snapshot = list_of(&b, ep, live);
    bare = list_of(&b, disk, "2024-01-05T01:00:00.0000000Z");
    blob_bench_failed(foreign.err, ERR_USAGE, RETRY_NEVER);
    blob_bench_failed(no_snapshot.err, ERR_USAGE, RETRY_NEVER);
    blob_bench_failed(bare.err, ERR_USAGE, RETRY_NEVER);
    endpoint_close(ep);
    endpoint_close(disk);
    blob_bench_end(&b);
}

Test(endpoint_pageblob_list, a_rewritten_blob_and_a_lost_base_call_for_another_plan)
{
    struct blob_bench b;
    struct endpoint *ep;
    char old[64], new[64];
    struct lists rewritten, lost;

    blob_bench_begin(&b, NULL);
    blob_bench_make(&b, BENCH_ACCOUNT, 64 * KIB);
    snprintf(old, sizeof old, "%s", blob_bench_snapshot(&b, BENCH_ACCOUNT));
    blob_bench_make(&b, BENCH_ACCOUNT, 64 * KIB);
    snprintf(new, sizeof new, "%s", blob_bench_snapshot(&b, BENCH_ACCOUNT));
    ep = blob_bench_open(&b, blob_bench_url(&b, BENCH_ACCOUNT, new, "r", NULL), plain);
    rewritten = list_of(&b, ep, old);
    blob_bench_failed(rewritten.err, ERR_GONE, RETRY_REPLAN);
    cr_assert_str_eq(rewritten.err.code, "BlobOverwritten");
    lost = list_of(&b, ep, "2020-01-05T01:00:00.0000000Z");
    blob_bench_failed(lost.err, ERR_GONE, RETRY_REPLAN);
    endpoint_close(ep);
    blob_bench_end(&b);
}

/* ---- More ranges than a page of the list has, written by many requests at once ---- */

enum { WRITES = 10100, AT_ONCE = 32 };

struct writer {
    struct block_req req; /* first */
    struct endpoint *ep;
    unsigned *next;
    unsigned *left;
};

static void write_next(struct writer *w);

static void on_written(struct block_req *req)
{
    struct writer *w = (struct writer *)req;

    blob_bench_ok(req->err);
    --*w->left;
    write_next(w);
}

static void write_next(struct writer *w)
{
    struct buf *buf = w->req.buf;

    if (*w->next == WRITES)
        return;
    w->req = (struct block_req){
        .offset = (*w->next)++ * 1024ull, .length = 512, .buf = buf, .done = on_written};
    endpoint_write(w->ep, &w->req);
}

Test(endpoint_pageblob_list, a_list_of_several_pages_is_whole)
{
    struct blob_bench b;
    struct endpoint *ep;
    static struct writer writers[AT_ONCE];
    unsigned next = 0, left = WRITES;
    struct lists l;
    struct buf *buf;

    blob_bench_begin(&b, NULL);
    blob_bench_make(&b, BENCH_ACCOUNT, WRITES * 1024ull);
    ep = blob_bench_open(&b, blob_bench_url(&b, BENCH_ACCOUNT, NULL, "rw", NULL), plain);
    blob_bench_ok(blob_bench_stat(&b, ep).err);
    buf = bufpool_borrow(b.pool);
    memset(buf->memory, 'p', 512);
    for (size_t i = 0; i < AT_ONCE; i++) {
        writers[i] = (struct writer){.req.buf = buf, .ep = ep, .next = &next, .left = &left};
        write_next(&writers[i]);
    }
    while (left > 0)
        blob_bench_turn(&b);
    bufpool_release(b.pool, buf);
    l = list_of(&b, ep, NULL);
    blob_bench_ok(l.err);
    cr_assert_eq(l.data.count, WRITES);
    for (size_t i = 0; i < WRITES; i++)
        expect_extent(&l.data, i, i * 1024, 512);
    cr_assert_eq(ep->requests_count, 1 + WRITES + 1 + 2);
    lists_fini(&l);
    endpoint_close(ep);
    blob_bench_end(&b);
}
