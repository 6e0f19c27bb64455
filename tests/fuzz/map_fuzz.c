/* map_fuzz.c - a block map as a broken disk, or somebody who means it, may give it. First as it stands;
 * then with its checksums made good, so that the values behind them are reached. Whatever it is, nothing
 * outside of it is read, and what is answered agrees with itself. Must not know: files. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/map_view.h"
#include "tests/support/map_bytes.h"

#define LOOKED_MAX 3000u
#define RUNS_MAX   5000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Runs cover the disk in order, and single looks agree with them. */
static void walk(struct map_view *view)
{
    uint64_t blocks = map_block_count(view->head.disk_bytes);
    uint64_t at = 0;
    struct err e = {0};

    for (unsigned i = 0; at < blocks && i < RUNS_MAX; i++) {
        struct map_entry first, last;
        struct map_run run;

        if (!map_view_run(view, at, UINT64_MAX, &run, &e)) {
            assert(e.kind == ERR_CORRUPT);
            err_clear(&e);
            at = (at / MAP_PAGE_BLOCKS + 1) * MAP_PAGE_BLOCKS;
            continue;
        }
        assert(run.first_block == at && run.count > 0 && run.count <= blocks - at);
        if (!map_view_look(view, at, 1, &first, &e) ||
            !map_view_look(view, at + run.count - 1, 1, &last, &e))
            err_clear(&e); /* a full page's state is known without its hashes */
        else
            assert(first.state == run.state && last.state == run.state);
        at += run.count;
    }
}

static void look(struct map_view *view)
{
    static struct map_entry entries[LOOKED_MAX];
    uint64_t blocks = map_block_count(view->head.disk_bytes);
    uint64_t count = blocks < LOOKED_MAX ? blocks : LOOKED_MAX;
    struct map_totals counted = {0};
    struct err e = {0};

    if (!map_view_look(view, 0, count, entries, &e) || count < blocks)
        return;
    for (uint64_t i = 0; i < count; i++) {
        counted.hashed_blocks += entries[i].state == MAP_HASHED;
        counted.zero_blocks += entries[i].state == MAP_ZERO;
    }
    assert(counted.hashed_blocks == view->totals.hashed_blocks);
    assert(counted.zero_blocks == view->totals.zero_blocks);
}

static void read_all(const uint8_t *bytes, size_t count)
{
    struct map_view view;
    struct err e = {0};

    if (!map_view_open(&view, bytes, count, &e)) {
        assert(e.kind == ERR_CORRUPT && e.text[0]);
        return;
    }
    assert(!err_is_set(&e));
    walk(&view);
    look(&view);
}

/* A head is long and mostly zeros: an input is its first bytes, its last 64, and what follows. */
static uint8_t *unfold(const uint8_t *data, size_t size, size_t *out_count)
{
    size_t begins = size < 256 ? size : 256;
    size_t ends = size - begins < 64 ? size - begins : 64;
    size_t rest = size - begins - ends;
    uint8_t *bytes = calloc(1, MAP_HEAD_BYTES + rest);

    assert(bytes);
    memcpy(bytes, data, begins);
    memcpy(bytes + MAP_HEAD_BYTES - 80, data + begins, ends);
    memcpy(bytes + MAP_HEAD_BYTES, data + begins + ends, rest);
    *out_count = MAP_HEAD_BYTES + rest;
    return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t count;
    uint8_t *bytes;

    read_all(data, size);
    bytes = unfold(data, size, &count);
    read_all(bytes, count);
    map_bytes_mend(bytes, count);
    read_all(bytes, count);
    free(bytes);
    return 0;
}
