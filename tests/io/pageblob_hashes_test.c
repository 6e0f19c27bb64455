/* pageblob_hashes_test.c - a read hashes the whole blocks of the disk in it while they are in the cache, and
 * they are the hashes of what is then in memory. */
#include "io/pageblob.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/http_bench.h"

#define BLOCK       DIGEST_BLOCK_BYTES
#define RANGE_AT    (3 * BLOCK - 4096u)
#define RANGE_BYTES (3 * BLOCK + 512u) /* a part, two whole blocks, a part */

struct waited_op {
    struct pageblob_op op; /* first */
    bool done;
};

static void on_done(struct pageblob_op *op)
{
    ((struct waited_op *)op)->done = true;
}

/* The second whole block is zero. */
static struct script_answer range_answer(void)
{
    static char answer[RANGE_BYTES + 512];
    int head = snprintf(answer, sizeof answer,
                        "HTTP/1.1 206 Part\r\nContent-Length: %u\r\nContent-Range: bytes "
                        "%u-%u/1000000\r\n\r\n",
                        RANGE_BYTES, RANGE_AT, RANGE_AT + RANGE_BYTES - 1);

    for (size_t i = 0; i < RANGE_BYTES; i++)
        answer[(size_t)head + i] = (char)(i * 13 + (i >> 9) + 1);
    memset(answer + head + 4096 + BLOCK, 0, BLOCK);
    return (struct script_answer){.bytes = answer, .count = (size_t)head + RANGE_BYTES};
}

static void get(struct http_bench *b, struct pageblob *blob, struct waited_op *w)
{
    struct err e = {0};

    pageblob_get(blob, &w->op);
    while (!w->done)
        cr_assert(reactor_turn(b->reactor, NS_PER_S, &e), "%s", e.text);
    cr_assert(!err_is_set(&w->op.err), "%s", w->op.err.text);
}

/* The host gives no checksum, so the same is read three times: asked for CRC64, MD5, neither. */
Test(pageblob_hashes, whole_blocks_of_the_disk_are_hashed_as_they_come)
{
    struct script_answer answers[3];
    static unsigned char memory[RANGE_BYTES];
    struct block_hash hashes[2] = {{{1}}, {{1}}};
    struct waited_op w = {.op = {.offset = RANGE_AT,
                                 .length = RANGE_BYTES,
                                 .memory = memory,
                                 .hashes = hashes,
                                 .done = on_done}};
    struct http_bench b;
    struct err e = {0};
    struct pageblob *blob;

    for (size_t i = 0; i < 3; i++)
        answers[i] = range_answer();
    http_bench_setup(&b, answers, 3);
    blob = pageblob_new(b.http, &b.url, false, &e);
    cr_assert(blob);
    get(&b, blob, &w);
    cr_assert_arr_eq(memory, answers[0].bytes + answers[0].count - RANGE_BYTES, RANGE_BYTES);
    cr_assert_eq(w.op.hashed_count, 2u);
    for (size_t i = 0; i < 2; i++) {
        struct block_hash hash = digest_block(memory + 4096 + i * BLOCK);

        cr_assert_arr_eq(hashes[i].bytes, hash.bytes, sizeof hash.bytes);
    }
    cr_assert(block_hash_is_zero(&hashes[1]) && !block_hash_is_zero(&hashes[0]));
    pageblob_free(blob);
    http_bench_finish(&b);
}
