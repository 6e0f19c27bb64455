/* receiver_check_fuzz.c - bodies of writes, sound by their checksums, else as a stranger may make them: what
 * the check lets through lies inside the disk, writes nothing twice in a record, and is known piece by piece.
 * Must not know: endpoints, HTTP. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/stream_write.h"
#include "engine/receiver_batch.h"

#define DISK_BYTES (1024u * ENDPOINT_PAGE_BYTES)
#define BODY_MAX   (256u << 10)
#define PIECES_MAX 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at, *end;
};

static unsigned take(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

/* Two bytes a place: some lie outside of the disk, some over one another. */
static struct stream_piece take_piece(struct input *in)
{
    uint64_t offset = (take(in) * 5ull) * ENDPOINT_PAGE_BYTES;

    return (struct stream_piece){offset, (take(in) % 32 + 1ull) * ENDPOINT_PAGE_BYTES};
}

static uint32_t add_record(struct input *in, uint64_t number, unsigned char *out, uint32_t room)
{
    unsigned head = take(in);
    uint32_t count = head % PIECES_MAX + 1;
    struct stream_piece pieces[PIECES_MAX];
    struct stream_copy_piece copies[PIECES_MAX];

    for (uint32_t i = 0; i < count; i++) {
        pieces[i] = take_piece(in);
        copies[i] = (struct stream_copy_piece){.offset = pieces[i].offset,
                                               .length = (uint32_t)pieces[i].length,
                                               .from = STREAM_FROM_INDEX};
        if (head >= 250) /* of a stream: no batch may have it */
            copies[i].from = 0;
    }
    return head & 64 ? stream_copy_encode(number, copies, count, out, room)
                     : stream_zero_encode(number, pieces, count, out, room);
}

static void expect_sound(struct receiver_batch *batch)
{
    struct extent_set seen = {0};

    for (uint32_t i = 0; i < batch->record_count; i++) {
        const struct stream_record *record = &batch->records[i];
        struct extent_set own = {0};
        uint32_t count;

        if (record->kind == STREAM_COPY) {
            count = stream_copy_decode(record, batch->copies);
            for (uint32_t p = 0; p < count; p++)
                batch->pieces[p] =
                    (struct stream_piece){batch->copies[p].offset, batch->copies[p].length};
        } else {
            assert(record->kind == STREAM_ZERO);
            count = stream_zero_decode(record, batch->pieces);
        }
        for (uint32_t p = 0; p < count; p++) {
            struct extent extent = {batch->pieces[p].offset, batch->pieces[p].length};

            assert(extent.length > 0 && extent_end(extent) <= DISK_BYTES);
            assert(!extent_set_touches(&own, extent));
            assert(extent_set_add(&own, extent) && extent_set_add(&seen, extent));
        }
        extent_set_fini(&own);
    }
    assert(extent_set_equal(&seen, &batch->touched));
    extent_set_fini(&seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct receiver_call call;
    static unsigned char body[BODY_MAX];
    struct receiver_batch *batch = calloc(1, sizeof *batch);
    struct input in = {data, data + size};
    unsigned damage = take(&in);
    uint32_t used = 0, made = 1;

    assert(batch);
    for (uint64_t number = 0; made > 0 && in.at < in.end && number < 64; number++) {
        made = add_record(&in, number, body + used, BODY_MAX - used);
        used += made;
    }
    if (damage >= 200 && used > 0)
        used -= (damage - 199) % used; /* cut off */
    else if (damage >= 150 && used > 0)
        body[damage * 97u % used] ^= 1;
    call.size_bytes = DISK_BYTES;
    batch->call = &call;
    batch->body = body;
    batch->body_bytes = used;
    if (receiver_batch_check(batch))
        expect_sound(batch);
    else
        assert(batch->work_err.kind == ERR_CORRUPT || batch->work_err.kind == ERR_LIMIT);
    free(batch->records);
    free(batch->pieces);
    free(batch->ranges);
    free(batch->copies);
    free(batch->slots);
    free(batch->missing);
    extent_set_fini(&batch->touched);
    free(batch);
    return 0;
}
