/* pageranges_fuzz.c - any body of a range list, cut anywhere: the same verdict, and never a range that
 * breaks the rules. No piece holds a whole entry, so what is read at once past the parser of XML is compared
 * with what that says. Must not know: HTTP, XML parsers. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "io/pageranges.h"

#define BLOB_BYTES (1ull << 40)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
    struct extent_set data;
    struct extent_set clears;
    uint64_t count, last_end;
    bool whole;
};

static const struct extent within = {.offset = 512, .length = BLOB_BYTES / 2};

static void read_in_pieces(struct reading *out, const uint8_t *body, size_t size,
                           size_t piece_bytes)
{
    struct err e = {0};
    struct pageranges *list = pageranges_new(&e);
    bool good = true;

    assert(list);
    pageranges_begin(list, &out->data, &out->clears, within, 0, BLOB_BYTES);
    for (size_t at = 0; at < size && good; at += piece_bytes) {
        size_t left = size - at;

        good = pageranges_push(list, body + at, left < piece_bytes ? left : piece_bytes, &e);
    }
    out->whole = good && pageranges_end(list, &e);
    assert(out->whole != err_is_set(&e));
    if (out->whole) {
        assert(strlen(pageranges_marker(list)) < PAGERANGES_MARKER_MAX_BYTES);
        assert(pageranges_last_end(list) <= BLOB_BYTES);
        assert(pageranges_clear_count(list) <= pageranges_count(list));
    }
    out->count = pageranges_count(list);
    out->last_end = pageranges_last_end(list);
    pageranges_free(list);
}

static void expect_within(const struct extent_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        struct extent e = extent_set_at(set, i);

        assert(e.offset % 512 == 0 && e.length % 512 == 0 && e.length > 0);
        assert(e.offset >= within.offset && extent_end(e) <= extent_end(within));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reading at_once = {0}, in_pieces = {0};
    struct extent_set both = {0};

    if (size < 1)
        return 0;
    read_in_pieces(&at_once, data + 1, size - 1, size);
    read_in_pieces(&in_pieces, data + 1, size - 1, 1u + data[0] % 16);
    assert(at_once.whole == in_pieces.whole);
    assert(at_once.count == in_pieces.count && at_once.last_end == in_pieces.last_end);
    if (at_once.whole) {
        assert(extent_set_equal(&at_once.data, &in_pieces.data));
        assert(extent_set_equal(&at_once.clears, &in_pieces.clears));
        expect_within(&at_once.data);
        expect_within(&at_once.clears);
        assert(extent_set_intersect(&both, &at_once.data, &at_once.clears));
        assert(both.count == 0); /* data or clear, never both */
    }
    extent_set_fini(&both);
    extent_set_fini(&at_once.data);
    extent_set_fini(&at_once.clears);
    extent_set_fini(&in_pieces.data);
    extent_set_fini(&in_pieces.clears);
    return 0;
}
