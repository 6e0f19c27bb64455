/* stream_fuzz.c - a delta stream as a liar may send it: as it stands, then with its sums made good, so
 * that the values behind them are reached; as a stream and as a batch. Must not know: files. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "blockmap/stream_frame.h"
#include "blockmap/stream_read.h"

#define INPUT_MAX_BYTES 65536u
#define BATCH_DISK      (1ull << 30)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_data(const struct stream_record *record)
{
    static struct stream_piece pieces[STREAM_PIECES_MAX];
    uint32_t raw_bytes = 0, count = stream_data_pieces(record, pieces, &raw_bytes);
    struct err e = {0};
    unsigned char *raw;

    assert(count > 0 && count <= STREAM_PIECES_MAX);
    assert(raw_bytes > 0 && raw_bytes <= STREAM_RAW_MAX_BYTES);
    raw = malloc(raw_bytes); /* exactly: one byte more is caught */
    if (raw)
        assert(stream_data_decode(record, raw, raw_bytes, &e) == !err_is_set(&e));
    free(raw);
}

static void use(const struct stream_record *record)
{
    static struct stream_piece pieces[STREAM_PIECES_MAX];
    static struct stream_copy_piece copies[STREAM_PIECES_MAX];
    struct extent_set set = {0};
    struct stream_head head;
    struct stream_end end;
    struct err e = {0};
    bool clears;

    switch (record->kind) {
    case STREAM_HEAD:
        assert(stream_head_decode(record, &head, &e) && head.disk_bytes <= STREAM_DISK_MAX_BYTES);
        break;
    case STREAM_PLAN:
        assert(stream_plan_decode(record, &clears, &set, &e));
        extent_set_fini(&set);
        break;
    case STREAM_DATA:
        use_data(record);
        break;
    case STREAM_ZERO:
        assert(stream_zero_decode(record, pieces) > 0);
        break;
    case STREAM_COPY:
        assert(stream_copy_decode(record, copies) > 0);
        break;
    case STREAM_END:
        assert(stream_end_decode(record, &end, &e));
        break;
    }
}

static void read_all(const uint8_t *data, size_t size, bool batch)
{
    struct err e = {0};
    struct stream_reader *reader = stream_reader_new(batch, batch ? BATCH_DISK : 0, &e);
    struct stream_record record;
    enum stream_step step;
    size_t at = 0;

    assert(reader);
    for (;;) {
        step = stream_reader_next(reader, &record, &e);
        assert(err_is_set(&e) == (step == STREAM_FAILED));
        if (step == STREAM_RECORD) {
            use(&record);
            continue;
        }
        if (step == STREAM_FAILED || at == size)
            break;
        at += stream_reader_push(reader, data + at, size - at);
    }
    if (step != STREAM_FAILED)
        assert(stream_reader_finish(reader, &e) == !err_is_set(&e));
    stream_reader_free(reader);
}

/* The sums, and the number, of each record that fits. */
static void mend(uint8_t *data, size_t size)
{
    uint64_t number = 0;

    for (size_t at = 0; size - at >= STREAM_FRAME_BYTES;) {
        uint8_t *frame = data + at;
        struct stream_frame said;
        uint32_t check;
        uint64_t sum;

        (void)stream_frame_decode(frame, &said);
        if (said.payload_bytes > size - at - STREAM_FRAME_BYTES)
            return;
        memcpy(frame, STREAM_FRAME_MAGIC, 4);
        memcpy(frame + 16, &number, sizeof number);
        memset(frame + 12, 0, 4);
        check = (uint32_t)XXH3_64bits(frame, 24);
        memcpy(frame + 12, &check, sizeof check);
        sum = stream_frame_checksum(frame, frame + STREAM_FRAME_BYTES, said.payload_bytes);
        memcpy(frame + 24, &sum, sizeof sum);
        at += STREAM_FRAME_BYTES + said.payload_bytes;
        number++;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t mended[INPUT_MAX_BYTES];

    read_all(data, size, false);
    read_all(data, size, true);
    if (size > sizeof mended)
        return 0;
    memcpy(mended, data, size);
    mend(mended, size);
    read_all(mended, size, false);
    read_all(mended, size, true);
    return 0;
}
