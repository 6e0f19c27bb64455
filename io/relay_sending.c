/* relay_sending.c - see relay_sending.h and the picture in relay_batch.h. */
#include "io/relay_sending.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/stream_write.h"
#include "io/endpoint_relay_parts.h"

_Static_assert(RELAY_HAVE_IDS_MAX >= RELAY_BATCH_BLOCKS_MAX, "a batch is asked about at once");

static void batch_build(struct relay_batch *batch);

static struct relay_batch *of_work(struct work *work)
{
    return (struct relay_batch *)((char *)work - offsetof(struct relay_batch, work));
}

/* ---- Memory for records ---- */

static unsigned char *record_take(struct endpoint_relay *ep)
{
    unsigned char *record;

    if (ep->idle_record_count)
        return ep->idle_records[--ep->idle_record_count];
    if (ep->record_count == ENDPOINT_RELAY_RECORDS_MAX)
        return NULL;
    record = malloc(RELAY_RECORD_BYTES); /* its pages are touched when it is written */
    if (record)
        ep->record_count++;
    return record;
}

static void batch_pack(struct relay_batch *batch);

/* To the batch that has waited longest, or to the side. */
static void record_give(struct endpoint_relay *ep, unsigned char *record)
{
    struct relay_batch *next = ep->unpacked.first;

    if (!next) {
        ep->idle_records[ep->idle_record_count++] = record;
        return;
    }
    ep->unpacked.first = next->next;
    if (!ep->unpacked.first)
        ep->unpacked.last = &ep->unpacked.first;
    next->next = NULL;
    next->record = record;
    batch_pack(next);
}

/* ---- The end ---- */

static void note_held(struct relay_batch *batch)
{
    struct endpoint_relay *ep = batch->ep;

    for (uint32_t i = 0; i < batch->block_count; i++) {
        relay_held_note(ep->held, &batch->blocks[i].id);
        if (batch->blocks[i].held)
            ep->counts.held_bytes += STREAM_BLOCK_BYTES;
    }
    ep->counts.raw_bytes += batch->data_bytes;
    for (uint32_t i = 0; i < batch->zero_count; i++)
        ep->counts.zero_bytes += batch->zeros[i].length;
}

static void batch_end(struct relay_batch *batch)
{
    struct endpoint_relay *ep = batch->ep;
    unsigned char *record = batch->record;

    if (!err_is_set(&batch->err))
        note_held(batch);
    batch->record = NULL;
    ep->batch_count--;
    for (uint32_t i = 0; i < batch->req_count; i++) {
        batch->reqs[i]->err = batch->err;
        endpoint_block_end(&ep->base, batch->reqs[i]);
    }
    batch->next = ep->idle;
    ep->idle = batch;
    if (record)
        record_give(ep, record);
    relay_gather_soon(ep);
}

static void batch_corrupt(struct relay_batch *batch, const struct relay_call *call,
                          const char *what)
{
    err_set(&batch->err, ERR_CORRUPT, RETRY_LATER, "%.200s: %s", batch->ep->base.name, what);
    memcpy(batch->err.request_id, call->http.answer.request_id, sizeof batch->err.request_id);
}

/* ---- Hash and ask ---- */

static void hash_run(struct work *work, unsigned worker)
{
    struct relay_batch *batch = of_work(work);

    (void)worker;
    for (uint32_t i = 0; i < batch->block_count; i++)
        batch->blocks[i].id = block_id_of(batch->blocks[i].bytes, STREAM_BLOCK_BYTES);
}

/* One bit an id, in the order they were asked in. */
static bool take_answer(struct relay_batch *batch, const struct relay_call *call)
{
    uint32_t at = 0;

    if (call->answer_bytes != (batch->asked_count + 7) / 8) {
        batch_corrupt(batch, call, "the receiver does not say of each block if it holds it");
        return false;
    }
    for (uint32_t i = 0; i < batch->block_count; i++) {
        struct relay_block *block = &batch->blocks[i];

        if (block->known)
            continue;
        block->held = call->answer[at / 8] >> at % 8 & 1;
        at++;
    }
    assert(at == batch->asked_count);
    return true;
}

static void on_asked(struct relay_call *call)
{
    struct relay_batch *batch = call->owner;
    bool ok = false;

    batch->err = call->http.err;
    if (!err_is_set(&batch->err))
        ok = take_answer(batch, call);
    relay_call_give(call);
    if (ok)
        batch_build(batch);
    else
        batch_end(batch);
}

static void batch_ask(struct relay_batch *batch)
{
    struct endpoint_relay *ep = batch->ep;
    struct relay_call *call;

    for (uint32_t i = 0; i < batch->block_count; i++) {
        struct relay_block *block = &batch->blocks[i];

        block->known = block->held = relay_held_has(ep->held, &block->id);
        if (!block->known)
            batch->asked[batch->asked_count++] = block->id;
    }
    if (batch->asked_count == 0) {
        batch_build(batch);
        return;
    }
    ep->counts.asked_blocks += batch->asked_count;
    call = relay_call_take(ep, RELAY_HAVE);
    call->http.body = batch->asked;
    call->http.body_bytes = (size_t)batch->asked_count * BLOCK_ID_BYTES;
    relay_call_send(call, batch, on_asked);
}

static void on_hashed(struct work *work)
{
    struct relay_batch *batch = of_work(work);

    batch->ep->counts.cpu_ns += work->cpu_ns;
    batch->hash_ns = work->wall_ns;
    batch_ask(batch);
}

void relay_sending_begin(struct relay_batch *batch)
{
    if (batch->block_count == 0) {
        batch_build(batch);
        return;
    }
    batch->work = (struct work){.run = hash_run, .done = on_hashed};
    workers_submit(batch->ep->workers, &batch->work);
}

/* ---- Build: what goes as bytes, what as a reference ---- */

static void add_part(struct relay_batch *batch, const struct stream_part *run, uint64_t from,
                     uint64_t to)
{
    if (from == to)
        return;
    assert(batch->part_count < RELAY_BATCH_PARTS_MAX);
    batch->parts[batch->part_count++] =
        (struct stream_part){run->offset + from, (uint32_t)(to - from), run->bytes + from};
    batch->part_bytes += (uint32_t)(to - from);
}

static void add_copy(struct relay_batch *batch, uint32_t index)
{
    const struct relay_block *block = &batch->blocks[index];

    batch->copy_block[batch->copy_count] = index;
    batch->copies[batch->copy_count++] =
        (struct stream_copy_piece){block->offset, STREAM_BLOCK_BYTES, STREAM_FROM_INDEX, block->id};
}

/* Runs and blocks are both in order of the disk. */
static void batch_split(struct relay_batch *batch)
{
    uint32_t block = 0;

    batch->part_count = batch->part_bytes = batch->copy_count = 0;
    for (uint32_t i = 0; i < batch->run_count; i++) {
        const struct stream_part *run = &batch->runs[i];
        uint64_t at = 0;

        for (;
             block < batch->block_count && batch->blocks[block].offset < run->offset + run->length;
             block++) {
            uint64_t offset = batch->blocks[block].offset - run->offset;

            if (!batch->blocks[block].held)
                continue;
            add_part(batch, run, at, offset);
            add_copy(batch, block);
            at = offset + STREAM_BLOCK_BYTES;
        }
        add_part(batch, run, at, run->length);
    }
}

static void batch_queue(struct relay_batch *batch)
{
    struct endpoint_relay *ep = batch->ep;

    if (!batch->record)
        batch->record = record_take(ep);
    if (batch->record) {
        batch_pack(batch);
        return;
    }
    if (ep->record_count == 0) { /* nothing is under way that would give one back */
        err_set(&batch->err, ERR_LIMIT, RETRY_LATER, "no memory for a batch of the relay");
        batch_end(batch);
        return;
    }
    *ep->unpacked.last = batch;
    ep->unpacked.last = &batch->next;
}

static void batch_build(struct relay_batch *batch)
{
    batch_split(batch);
    if (batch->part_count + batch->copy_count + batch->zero_count == 0)
        batch_end(batch); /* all zeros, where zeros are already */
    else
        batch_queue(batch);
}

/* ---- Pack ---- */

static void batch_send(struct relay_batch *batch);

static void pack_run(struct work *work, unsigned worker)
{
    struct relay_batch *batch = of_work(work);
    struct stream_packer **packer = &batch->ep->packers[worker];

    if (!*packer)
        *packer = stream_packer_new(&batch->err);
    if (*packer)
        stream_pack(*packer, batch->records, batch->parts, batch->part_count, batch->level,
                    batch->record + batch->record_bytes, &batch->packed, &batch->err);
}

static void on_packed(struct work *work)
{
    struct relay_batch *batch = of_work(work);
    struct endpoint_relay *ep = batch->ep;

    ep->counts.cpu_ns += work->cpu_ns;
    if (err_is_set(&batch->err)) {
        batch_end(batch);
        return;
    }
    /* What the threads had of the CPUs, not what they used: others, our own reactor among them, want some. */
    compress_level_packed(&ep->level, batch->level, batch->packed.raw_bytes,
                          batch->packed.record_bytes, work->wall_ns + batch->hash_ns,
                          reactor_now_ns(ep->base.reactor));
    relay_link_look(&ep->link, workers_waiting(ep->workers) > 0);
    batch->hash_ns = 0;
    ep->counts.packed_bytes += batch->packed.raw_bytes;
    ep->counts.stored_bytes += batch->packed.record_bytes;
    batch->record_bytes += batch->packed.record_bytes;
    batch->records++;
    batch_send(batch);
}

/* The small records first: their room was left in front of the DATA. */
static void put_small(struct relay_batch *batch)
{
    uint32_t made;

    batch->record_bytes = batch->records = 0;
    if (batch->zero_count && batch->sendings == 0) {
        made = stream_zero_encode(batch->records++, batch->zeros, batch->zero_count, batch->record,
                                  RELAY_RECORD_BYTES);
        assert(made > 0);
        batch->record_bytes += made;
    }
    if (batch->copy_count) {
        batch->copy_record = batch->records;
        made = stream_copy_encode(batch->records++, batch->copies, batch->copy_count,
                                  batch->record + batch->record_bytes,
                                  RELAY_RECORD_BYTES - batch->record_bytes);
        assert(made > 0);
        batch->record_bytes += made;
    }
    assert(RELAY_RECORD_BYTES - batch->record_bytes >=
           STREAM_FRAME_BYTES + STREAM_PAYLOAD_MAX_BYTES);
}

static void batch_pack(struct relay_batch *batch)
{
    struct endpoint_relay *ep = batch->ep;

    put_small(batch);
    if (batch->part_count == 0) {
        batch_send(batch);
        return;
    }
    batch->level = compress_level_next(&ep->level, batch->part_bytes);
    ep->counts.level = ep->level.level;
    ep->counts.level_settled = compress_level_settled(&ep->level);
    batch->work = (struct work){.run = pack_run, .done = on_packed};
    workers_submit(ep->workers, &batch->work);
}

/* ---- Send ---- */

static void note_sent(struct relay_batch *batch, bool well)
{
    struct endpoint_relay *ep = batch->ep;
    uint64_t bytes, ns;

    if (relay_link_end(&ep->link, well ? batch->record_bytes : 0, reactor_now_ns(ep->base.reactor),
                       &bytes, &ns))
        compress_level_sent(&ep->level, bytes, ns);
}

/* What is missing is sent as bytes: from here on it is the whole batch. */
static bool take_missing(struct relay_batch *batch, const struct relay_missing *missing,
                         uint32_t count)
{
    struct endpoint_relay *ep = batch->ep;
    const struct stream_part whole = {0, STREAM_BLOCK_BYTES, NULL};

    batch->part_count = batch->part_bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct relay_block *block;
        struct stream_part run = whole;

        if (missing[i].record != batch->copy_record || missing[i].piece >= batch->copy_count)
            return false;
        block = &batch->blocks[batch->copy_block[missing[i].piece]];
        if (!block->held)
            return false; /* named twice */
        block->held = false;
        relay_held_forget(ep->held, &block->id);
        run.offset = block->offset;
        run.bytes = block->bytes;
        add_part(batch, &run, 0, run.length);
    }
    ep->counts.resent_bytes += batch->part_bytes;
    batch->copy_count = 0;
    return true;
}

/* True: all is there. False: *out_again, or batch->err. */
static bool take_written(struct relay_batch *batch, const struct relay_call *call, bool *out_again)
{
    struct relay_missing missing[RELAY_BATCH_BLOCKS_MAX];
    uint32_t count = 0;

    *out_again = false;
    if (!relay_missing_parse(call->answer_bytes ? (const char *)call->answer : "",
                             call->answer_bytes, missing, RELAY_BATCH_BLOCKS_MAX, &count,
                             &batch->err))
        return false;
    if (count == 0)
        return true;
    *out_again = take_missing(batch, missing, count);
    if (!*out_again)
        batch_corrupt(batch, call, "the receiver misses what it was not sent");
    return false;
}

static void on_sent(struct relay_call *call)
{
    struct relay_batch *batch = call->owner;
    bool again = false;

    batch->err = call->http.err;
    note_sent(batch, !err_is_set(&batch->err));
    if (!err_is_set(&batch->err))
        (void)take_written(batch, call, &again);
    relay_call_give(call);
    batch->sendings++;
    if (again)
        batch_pack(batch);
    else
        batch_end(batch);
}

static void batch_send(struct relay_batch *batch)
{
    struct relay_call *call = relay_call_take(batch->ep, RELAY_WRITE);

    call->http.body = batch->record;
    call->http.body_bytes = batch->record_bytes;
    /* A clear of it that lands late would wipe what was written after it: whether it may must be known. */
    call->http.send_once = true;
    relay_link_begin(&batch->ep->link);
    relay_call_send(call, batch, on_sent);
}
