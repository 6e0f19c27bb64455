/* relay_batch.c - see relay_batch.h: what a batch holds. How it travels is in relay_sending.c. */
#include "io/relay_batch.h"

#include <assert.h>
#include <stdlib.h>

#include "io/endpoint_relay_parts.h"
#include "io/relay_sending.h"

/* Room in a body beside a DATA record of bytes that do not compress, for what the batch clears. */
#define ZEROS_RAW_BYTES (64u << 10)

struct relay_batch *relay_batch_new(struct endpoint_relay *ep)
{
    struct relay_batch *batch = ep->idle;

    if (batch)
        ep->idle = batch->next;
    else
        batch = malloc(sizeof *batch);
    assert(batch);
    batch->ep = ep;
    batch->next = NULL;
    batch->req_count = batch->parts_bound = 0;
    batch->raw_bytes = batch->data_bytes = batch->zero_bytes = 0;
    batch->run_count = batch->zero_count = batch->block_count = batch->held_count = 0;
    batch->asked_count = batch->part_count = batch->copy_count = 0;
    batch->record = NULL;
    batch->sendings = 0;
    batch->hash_ns = 0;
    err_clear(&batch->err);
    return batch;
}

void relay_batch_free(struct relay_batch *batch)
{
    free(batch);
}

/* Runs and parts that this request may come to: each zero ends a run, each block may be a part. */
static uint32_t parts_bound(const struct block_req *req)
{
    uint64_t blocks = req->buf ? req->length / STREAM_BLOCK_BYTES : 0;

    return (uint32_t)blocks + req->zero_count + 2;
}

bool relay_batch_takes(const struct relay_batch *batch, const struct block_req *req)
{
    bool zeros = !req->buf || batch->zero_bytes;
    uint64_t max = STREAM_RAW_MAX_BYTES - (zeros ? ZEROS_RAW_BYTES : 0);
    uint64_t raw = req->buf ? req->length : 0;

    return batch->req_count < RELAY_BATCH_REQUESTS_MAX &&
           batch->parts_bound + parts_bound(req) <= RELAY_BATCH_PARTS_MAX &&
           batch->raw_bytes <= max && raw <= max - batch->raw_bytes;
}

void relay_batch_add(struct relay_batch *batch, struct block_req *req)
{
    assert(batch->req_count == 0 || relay_batch_takes(batch, req));
    assert(!req->buf || req->length <= STREAM_RAW_MAX_BYTES);
    assert(parts_bound(req) <= RELAY_BATCH_PARTS_MAX);
    batch->reqs[batch->req_count++] = req;
    batch->parts_bound += parts_bound(req);
    if (req->buf)
        batch->raw_bytes += req->length;
    else
        batch->zero_bytes += req->length;
}

/* ---- From requests to runs, zeros and blocks ---- */

static int by_offset(const void *a, const void *b)
{
    const struct block_req *one = *(struct block_req *const *)a;
    const struct block_req *other = *(struct block_req *const *)b;

    return (one->offset > other->offset) - (one->offset < other->offset);
}

static void add_zero(struct relay_batch *batch, uint64_t offset, uint64_t length)
{
    assert(batch->zero_count < RELAY_BATCH_PARTS_MAX);
    batch->zeros[batch->zero_count++] = (struct stream_piece){offset, length};
}

static void add_run(struct relay_batch *batch, const struct block_req *req, uint64_t from,
                    uint64_t to)
{
    const unsigned char *bytes = req->buf->memory + req->buf_offset + from;

    if (from == to)
        return;
    assert(from < to && to <= req->length && batch->run_count < RELAY_BATCH_PARTS_MAX);
    batch->runs[batch->run_count++] =
        (struct stream_part){req->offset + from, (uint32_t)(to - from), bytes};
    batch->data_bytes += to - from;
}

/* Zeros are left out by whole blocks where blocks have ids: a block that is sent in part would be known by
 * none. The rest of them is data, and next to nothing when it is packed. */
static struct block_zero whole_blocks(const struct block_req *req, const struct block_zero *zero)
{
    uint64_t begin = req->offset + zero->offset, end = begin + zero->length;
    uint64_t over = begin % STREAM_BLOCK_BYTES;
    struct block_zero whole = {0, 0, zero->clear};

    begin += over ? STREAM_BLOCK_BYTES - over : 0;
    end -= end % STREAM_BLOCK_BYTES;
    if (begin < end) {
        whole.offset = (uint32_t)(begin - req->offset);
        whole.length = (uint32_t)(end - begin);
    }
    return whole;
}

static void split_write(struct relay_batch *batch, const struct block_req *req)
{
    uint64_t at = 0;

    for (uint32_t i = 0; i < req->zero_count; i++) {
        struct block_zero zero = req->zeros[i];

        assert(zero.offset >= at && zero.length <= req->length - zero.offset);
        if (!batch->ep->no_dedup)
            zero = whole_blocks(req, &zero);
        if (zero.length == 0)
            continue;
        add_run(batch, req, at, zero.offset);
        if (zero.clear)
            add_zero(batch, req->offset + zero.offset, zero.length);
        at = (uint64_t)zero.offset + zero.length;
    }
    add_run(batch, req, at, req->length);
}

static void find_blocks(struct relay_batch *batch)
{
    for (uint32_t i = 0; i < batch->run_count; i++) {
        const struct stream_part *run = &batch->runs[i];
        uint64_t over = run->offset % STREAM_BLOCK_BYTES;
        uint64_t at = over ? STREAM_BLOCK_BYTES - over : 0;

        for (; at + STREAM_BLOCK_BYTES <= run->length; at += STREAM_BLOCK_BYTES) {
            assert(batch->block_count < RELAY_BATCH_BLOCKS_MAX);
            batch->blocks[batch->block_count++] =
                (struct relay_block){.offset = run->offset + at, .bytes = run->bytes + at};
        }
    }
}

void relay_batch_start(struct relay_batch *batch)
{
    assert(batch->req_count > 0);
    qsort(batch->reqs, batch->req_count, sizeof *batch->reqs, by_offset);
    for (uint32_t i = 0; i < batch->req_count; i++) {
        const struct block_req *req = batch->reqs[i];

        if (req->buf)
            split_write(batch, req);
        else
            add_zero(batch, req->offset, req->length);
    }
    if (!batch->ep->no_dedup)
        find_blocks(batch);
    relay_sending_begin(batch);
}
