/* journal_fuzz.c - a journal as a broken disk may give it back. First as it stands; then with its
 * checksums made good, so that the values behind them are reached. A record that is taken is one that
 * the writer would have written in these very bytes. Must not know: files. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "blockmap/journal_format.h"

#define INPUT_MAX_BYTES 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_written_so(const struct journal_record *record, const uint8_t *bytes,
                              size_t count, uint64_t salt, uint64_t offset)
{
    static unsigned char again[JOURNAL_RECORD_MAX_BYTES];
    size_t again_bytes = journal_encode(record, again);

    assert(again_bytes == count);
    journal_stamp(again, count, salt, offset);
    assert(memcmp(again, bytes, count) == 0);
}

static void read_all(const uint8_t *data, size_t size)
{
    static struct journal_record record;
    uint64_t salt = 0, at = 0;
    struct err e = {0};

    while (at < size) {
        size_t used = 0;
        enum journal_decoded answer =
            journal_decode(data + at, size - at, &salt, at, &record, &used, &e);

        assert(err_is_set(&e) == (answer == JOURNAL_WRONG));
        if (answer != JOURNAL_WHOLE)
            return;
        assert(used > 0 && used <= size - at);
        expect_written_so(&record, data + at, used, salt, at);
        at += used;
    }
}

/* Makes the checksum of every record that fits good; what is left keeps its bytes. */
static void mend(uint8_t *data, size_t size)
{
    uint64_t salt = 0, at = 0;

    if (size >= 16)
        memcpy(&salt, data + 8, sizeof salt);
    while (at < size) {
        size_t claimed = journal_claimed_bytes(data + at, size - at, at);

        if (claimed == 0 || claimed > size - at)
            return;
        journal_stamp(data + at, claimed, salt, at);
        at += claimed;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t mended[INPUT_MAX_BYTES];

    (void)journal_is_ours(data, size);
    read_all(data, size);
    if (size > sizeof mended)
        return 0;
    memcpy(mended, data, size);
    mend(mended, size);
    read_all(mended, size);
    return 0;
}
