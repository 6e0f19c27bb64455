/* receiver_batch.c - a write, from its body to its answer; see receiver_batch.h.
 *
 * check (worker) -> admitted by the desk -> each record in its order -> durable -> answered. A record of
 * bytes is decompressed and hashed on a worker into the one buffer that a batch may hold, and written from
 * there.
 */
#include "engine/receiver_batch.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/zero.h"

static struct reactor *batch_reactor(const struct receiver_batch *batch)
{
    return batch->call->receiver->setup.reactor;
}

static struct receiver_batch *batch_of_work(struct work *work)
{
    return (struct receiver_batch *)((char *)work - offsetof(struct receiver_batch, work));
}

static void give_buffer(struct receiver_batch *batch)
{
    if (batch->buf)
        receiver_buffer_give(batch->call->desk, batch->buf);
    batch->buf = NULL;
}

/* ---- The end ---- */

static void leave_desk(struct receiver_batch *batch)
{
    struct receiver_batch **at = &batch->call->desk->batches;

    while (*at && *at != batch)
        at = &(*at)->next;
    if (*at)
        *at = batch->next;
}

static void batch_free(struct receiver_batch *batch)
{
    assert(batch->requests_left == 0 && !batch->task.posted && !batch->wait.queued);
    free(batch->records);
    free(batch->pieces);
    free(batch->ranges);
    free(batch->copies);
    free(batch->slots);
    free(batch->missing);
    extent_set_fini(&batch->touched);
    free(batch);
}

void receiver_batch_end(struct receiver_batch *batch)
{
    struct receiver_call *call = batch->call;
    struct err error = batch->err;
    char *json = relay_missing_json(batch->missing, batch->missing_count);

    reactor_disarm(batch_reactor(batch), &batch->deadline);
    if (call->desk) {
        give_buffer(batch);
        leave_desk(batch);
    }
    batch_free(batch);
    call->batch = NULL;
    call->receiver->batches--;
    if (err_is_set(&error)) {
        free(json);
        receiver_refuse(call, &error);
        return;
    }
    receiver_answer_json(call, json);
}

void receiver_batch_fail(struct receiver_batch *batch, const struct err *error)
{
    if (err_is_set(&batch->err))
        return;
    batch->err = *error;
    if (batch->stage == BATCH_READING || batch->stage == BATCH_WRITING)
        receiver_pieces_abandon(batch);
}

void receiver_batch_interrupt(struct receiver_batch *batch, const struct err *error)
{
    receiver_batch_fail(batch, error);
    if (batch->stage == BATCH_WANTING && batch->wait.queued) {
        receiver_buffer_forget(batch->call->receiver, &batch->wait);
        receiver_batch_next(batch);
    } else if (batch->stage == BATCH_WRITING && batch->requests_left == 0) {
        receiver_batch_next(batch);
    } else if (batch->stage == BATCH_READING && batch->requests_left == 0) {
        receiver_copy_read_on(batch); /* to its end, where the targets it reads are let go */
    }
}

void receiver_batch_cancel(struct receiver_batch *batch)
{
    struct err e = {0};

    err_set(&e, ERR_CANCELED, RETRY_LATER, "a fence, another sender or the receiver's end came");
    receiver_batch_interrupt(batch, &e);
}

static void on_deadline(struct timer *timer)
{
    struct receiver_batch *batch =
        (struct receiver_batch *)((char *)timer - offsetof(struct receiver_batch, deadline));
    struct err e = {0};

    err_set(&e, ERR_THROTTLED, RETRY_LATER, "the target did not take this write in time");
    receiver_batch_interrupt(batch, &e);
}

/* ---- DATA ---- */

void receiver_batch_add(struct receiver_batch *batch, uint64_t offset, uint64_t length,
                        uint32_t buf_offset)
{
    struct batch_range *last = batch->range_count ? &batch->ranges[batch->range_count - 1] : NULL;

    if (last && last->offset + last->length == offset &&
        last->buf_offset + last->length == buf_offset) {
        last->length += length;
        return;
    }
    batch->ranges[batch->range_count++] = (struct batch_range){offset, length, buf_offset};
}

/* Whole blocks, hashed here: what a sender calls a block is never believed. */
static void hash_blocks(struct receiver_batch *batch)
{
    batch->note_count = 0;
    if (!batch->call->client->index)
        return;
    for (uint32_t i = 0; i < batch->range_count; i++) {
        const struct batch_range *range = &batch->ranges[i];
        uint64_t end = range->offset + range->length;
        uint64_t offset =
            (range->offset + STREAM_BLOCK_BYTES - 1) / STREAM_BLOCK_BYTES * STREAM_BLOCK_BYTES;

        for (; offset + STREAM_BLOCK_BYTES <= end; offset += STREAM_BLOCK_BYTES) {
            const unsigned char *bytes =
                batch->buf->memory + range->buf_offset + (offset - range->offset);

            if (zero_is(bytes, STREAM_BLOCK_BYTES))
                continue;
            batch->notes[batch->note_count].offset = offset;
            batch->notes[batch->note_count++].id = block_id_of(bytes, STREAM_BLOCK_BYTES);
        }
    }
}

static void run_decode(struct work *work, unsigned worker)
{
    struct receiver_batch *batch = batch_of_work(work);
    const struct stream_record *record = &batch->records[batch->record_at];
    uint32_t count = stream_data_pieces(record, batch->pieces, &batch->raw_bytes);
    uint32_t at_bytes = 0;

    (void)worker;
    assert(batch->raw_bytes <= BUF_BYTES);
    if (!stream_data_decode(record, batch->buf->memory, batch->raw_bytes, &batch->work_err))
        return;
    batch->range_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        receiver_batch_add(batch, batch->pieces[i].offset, batch->pieces[i].length, at_bytes);
        at_bytes += (uint32_t)batch->pieces[i].length;
    }
    hash_blocks(batch);
}

static void on_decoded(struct work *work)
{
    struct receiver_batch *batch = batch_of_work(work);

    if (err_is_set(&batch->work_err))
        receiver_batch_fail(batch, &batch->work_err);
    if (err_is_set(&batch->err))
        receiver_batch_next(batch);
    else
        receiver_ranges_begin(batch, PIECE_WRITE);
}

/* ---- One record after the other ---- */

static void on_buffer(struct receiver_wait *wait)
{
    struct receiver_batch *batch =
        (struct receiver_batch *)((char *)wait - offsetof(struct receiver_batch, wait));

    batch->buf = wait->buf;
    if (err_is_set(&batch->err)) {
        receiver_batch_next(batch);
        return;
    }
    if (batch->records[batch->record_at].kind == STREAM_COPY) {
        receiver_copy_group(batch);
        return;
    }
    batch->stage = BATCH_WORKING;
    batch->work.run = run_decode;
    batch->work.done = on_decoded;
    workers_submit(batch->call->receiver->setup.workers, &batch->work);
}

static void record_begin(struct receiver_batch *batch)
{
    const struct stream_record *record = &batch->records[batch->record_at];
    uint32_t count;

    batch->note_count = 0;
    batch->range_count = 0;
    if (record->kind == STREAM_ZERO) {
        count = stream_zero_decode(record, batch->pieces);
        for (uint32_t i = 0; i < count; i++)
            receiver_batch_add(batch, batch->pieces[i].offset, batch->pieces[i].length, 0);
        receiver_ranges_begin(batch, PIECE_ZERO);
        return;
    }
    if (record->kind == STREAM_COPY) {
        batch->copy_count = stream_copy_decode(record, batch->copies);
        batch->copy_at = 0;
        batch->slot_count = 0;
    }
    batch->stage = BATCH_WANTING;
    batch->wait.desk = batch->call->desk;
    batch->wait.got = on_buffer;
    receiver_buffer_want(batch->call->receiver, &batch->wait);
}

/* What was written is at the target now, and may be referred to; it is looked at before it is believed. */
static void note_blocks(struct receiver_batch *batch)
{
    for (uint32_t i = 0; i < batch->note_count; i++)
        block_index_note(batch->call->client->index, &batch->notes[i].id, batch->call->name,
                         batch->notes[i].offset);
}

static void on_task(struct reactor_task *task)
{
    struct receiver_batch *batch =
        (struct receiver_batch *)((char *)task - offsetof(struct receiver_batch, task));
    bool begun = batch->record_at != UINT32_MAX;

    if (err_is_set(&batch->err)) {
        receiver_batch_end(batch);
        return;
    }
    if (begun) {
        note_blocks(batch);
        if (batch->records[batch->record_at].kind == STREAM_COPY &&
            (batch->copy_at += batch->slot_count) < batch->copy_count) {
            receiver_copy_group(batch);
            return;
        }
    }
    give_buffer(batch);
    batch->record_at++; /* from UINT32_MAX: the first */
    if (batch->record_at < batch->record_count)
        record_begin(batch);
    else if (batch->call->desk->ep->capabilities & ENDPOINT_BUFFERS)
        receiver_flush_join(batch);
    else
        receiver_batch_end(batch);
}

void receiver_batch_next(struct receiver_batch *batch)
{
    assert(batch->requests_left == 0);
    batch->stage = BATCH_NEXT;
    reactor_post(batch_reactor(batch), &batch->task, on_task);
}

/* ---- The beginning ---- */

static void run_batch(struct receiver_call *call)
{
    struct receiver_batch *batch = call->batch;

    batch->next = call->desk->batches;
    call->desk->batches = batch;
    receiver_batch_next(batch);
}

static void run_check(struct work *work, unsigned worker)
{
    (void)worker;
    receiver_batch_check(batch_of_work(work));
}

static void on_checked(struct work *work)
{
    struct receiver_batch *batch = batch_of_work(work);

    if (err_is_set(&batch->work_err)) {
        receiver_batch_fail(batch, &batch->work_err);
        receiver_batch_end(batch);
        return;
    }
    batch->stage = BATCH_QUEUED;
    batch->deadline_ns =
        reactor_now_ns(batch_reactor(batch)) + batch->call->receiver->setup.patience_ns;
    reactor_arm(batch_reactor(batch), &batch->deadline, batch->deadline_ns, on_deadline);
    batch->call->run = run_batch;
    receiver_desk_enter(batch->call);
}

void receiver_ready_write(struct receiver_call *call)
{
    struct receiver_batch *batch = calloc(1, sizeof *batch);

    assert(batch);
    batch->call = call;
    batch->record_at = UINT32_MAX;
    batch->body = http_call_body(call->http, &batch->body_bytes);
    receiver_pieces_init(batch);
    call->batch = batch;
    call->client = receiver_client_take(call->receiver, http_call_peer(call->http), call->name);
    call->receiver->batches++;
    call->receiver->counts.batches++;
    call->receiver->counts.received_bytes += batch->body_bytes;
    batch->work.run = run_check;
    batch->work.done = on_checked;
    workers_submit(call->receiver->setup.workers, &batch->work);
}
