/* extent_index.c - chunks of runs, and the array of chunks. */
#include "tools/regiond/extent_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Packed to 16 bytes: a million runs are 16 MB and a change moves half as much. */
struct extent_cell {
    uint64_t start : 40;
    uint64_t value : 24;
    uint64_t end;
};
_Static_assert(sizeof(struct extent_cell) == 16, "a run is two words");

struct extent_chunk {
    uint32_t count;
    struct extent_cell cells[EXTENT_CHUNK_MAX];
};

static struct extent_cell cell_of(uint64_t start, uint64_t end, uint32_t value)
{
    struct extent_cell cell;

    cell.start = start & EXTENT_PAGE_MAX;
    cell.value = value & EXTENT_VALUE_MAX;
    cell.end = end;
    return cell;
}

/* ---- Life ---- */

void extent_index_fini(struct extent_index *index)
{
    for (size_t i = 0; i < index->slot_count; i++)
        free(index->slots[i].chunk);
    extent_index_trim(index);
    free(index->slots);
    memset(index, 0, sizeof *index);
}

bool extent_index_copy(struct extent_index *target, const struct extent_index *source)
{
    struct extent_index copy = {0};

    assert(target->slot_count == 0 && target->slots == NULL);
    if (source->slot_count == 0)
        return true;
    copy.slots = calloc(source->slot_count, sizeof *copy.slots);
    if (!copy.slots)
        return false;
    copy.slot_room = source->slot_count;
    for (size_t i = 0; i < source->slot_count; i++) {
        struct extent_chunk *chunk = malloc(sizeof *chunk);

        if (!chunk) {
            extent_index_fini(&copy);
            return false;
        }
        *chunk = *source->slots[i].chunk;
        copy.slots[i].first = source->slots[i].first;
        copy.slots[i].chunk = chunk;
        copy.slot_count++;
    }
    copy.count = source->count;
    *target = copy;
    return true;
}

/* ---- Look ---- */

/* The slot whose chunk may hold the first run that ends after page. */
static size_t slot_of(const struct extent_index *index, uint64_t page)
{
    size_t low = 0, high = index->slot_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (index->slots[middle].first <= page)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? low - 1 : 0;
}

void extent_cursor_seek(struct extent_cursor *cursor, const struct extent_index *index,
                        uint64_t page)
{
    const struct extent_chunk *chunk;
    uint32_t low = 0, high;

    cursor->index = index;
    cursor->slot = slot_of(index, page);
    cursor->at = 0;
    if (cursor->slot >= index->slot_count)
        return;
    chunk = index->slots[cursor->slot].chunk;
    high = chunk->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (chunk->cells[middle].end <= page)
            low = middle + 1;
        else
            high = middle;
    }
    cursor->at = low;
    if (low == chunk->count) {
        cursor->slot++;
        cursor->at = 0;
    }
}

bool extent_cursor_get(const struct extent_cursor *cursor, struct extent_run *out_run)
{
    const struct extent_cell *cell;

    if (cursor->slot >= cursor->index->slot_count)
        return false;
    cell = &cursor->index->slots[cursor->slot].chunk->cells[cursor->at];
    out_run->start = cell->start;
    out_run->end = cell->end;
    out_run->value = (uint32_t)cell->value;
    return true;
}

void extent_cursor_next(struct extent_cursor *cursor)
{
    if (++cursor->at < cursor->index->slots[cursor->slot].chunk->count)
        return;
    cursor->slot++;
    cursor->at = 0;
}

/* ---- Use ---- */

/* Three chunks at most: one for an empty index or a cut's far side, one for each split. */
bool extent_index_reserve(struct extent_index *index)
{
    size_t wanted = index->slot_count + EXTENT_SPARE_CHUNKS;

    if (wanted > index->slot_room) {
        size_t room = index->slot_room ? index->slot_room * 2 : 4;
        struct extent_slot *slots = realloc(index->slots, room * sizeof *slots);

        if (!slots)
            return false;
        index->slots = slots;
        index->slot_room = room;
    }
    while (index->spare_count < EXTENT_SPARE_CHUNKS) {
        struct extent_chunk *chunk = malloc(sizeof *chunk);

        if (!chunk)
            return false;
        index->spares[index->spare_count++] = chunk;
    }
    return true;
}

void extent_index_trim(struct extent_index *index)
{
    while (index->spare_count > 0)
        free(index->spares[--index->spare_count]);
}

static struct extent_chunk *take_spare(struct extent_index *index)
{
    struct extent_chunk *chunk;

    assert(index->spare_count > 0); /* the caller reserved */
    chunk = index->spares[--index->spare_count];
    chunk->count = 0;
    return chunk;
}

static void give_chunk(struct extent_index *index, struct extent_chunk *chunk)
{
    if (index->spare_count < EXTENT_SPARE_CHUNKS)
        index->spares[index->spare_count++] = chunk;
    else
        free(chunk);
}

static void insert_slot(struct extent_index *index, size_t at, struct extent_chunk *chunk)
{
    assert(index->slot_count < index->slot_room);
    memmove(&index->slots[at + 1], &index->slots[at],
            (index->slot_count - at) * sizeof *index->slots);
    index->moved_count += index->slot_count - at;
    index->slots[at].chunk = chunk;
    index->slots[at].first = chunk->count ? chunk->cells[0].start : 0;
    index->slot_count++;
}

static void drop_slots(struct extent_index *index, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        index->count -= index->slots[i].chunk->count;
        give_chunk(index, index->slots[i].chunk);
    }
    memmove(&index->slots[from], &index->slots[to],
            (index->slot_count - to) * sizeof *index->slots);
    index->moved_count += index->slot_count - to;
    index->slot_count -= to - from;
}

/* Makes sure that chunk `slot` takes one more run, splitting it if need be. */
static void split_if_full(struct extent_index *index, size_t slot)
{
    struct extent_chunk *left = index->slots[slot].chunk, *right;
    bool last = slot + 1 == index->slot_count;
    uint32_t keep;

    if (left->count < EXTENT_CHUNK_MAX)
        return;
    right = take_spare(index);
    /* Appending is common: keep the left chunk nearly full then, not two halves for ever. */
    keep = last ? EXTENT_CHUNK_MAX - EXTENT_CHUNK_MAX / 8 : EXTENT_CHUNK_MAX / 2;
    right->count = left->count - keep;
    memcpy(right->cells, &left->cells[keep], right->count * sizeof right->cells[0]);
    index->moved_count += right->count;
    left->count = keep;
    insert_slot(index, slot + 1, right);
}

/* Puts a run in that overlaps nothing and touches nothing of its own value. */
static void insert_run(struct extent_index *index, uint64_t start, uint64_t end, uint32_t value)
{
    struct extent_cursor cursor;
    struct extent_chunk *chunk;
    size_t slot;
    uint32_t at;

    if (index->slot_count == 0)
        insert_slot(index, 0, take_spare(index));
    split_if_full(index, slot_of(index, start));
    slot = slot_of(index, start);
    chunk = index->slots[slot].chunk;
    extent_cursor_seek(&cursor, index, start);
    at = cursor.slot == slot ? cursor.at : chunk->count;
    memmove(&chunk->cells[at + 1], &chunk->cells[at], (chunk->count - at) * sizeof chunk->cells[0]);
    index->moved_count += chunk->count - at;
    chunk->cells[at] = cell_of(start, end, value);
    chunk->count++;
    index->slots[slot].first = chunk->cells[0].start;
    index->count++;
}

/* Joins a thinned chunk with a neighbour, so that erasing does not leave a crowd of small ones. */
static void join_if_thin(struct extent_index *index, size_t slot)
{
    struct extent_chunk *left, *right;

    if (slot + 1 >= index->slot_count)
        return;
    left = index->slots[slot].chunk;
    right = index->slots[slot + 1].chunk;
    if (left->count + right->count > EXTENT_CHUNK_MAX / 2)
        return;
    memcpy(&left->cells[left->count], right->cells, right->count * sizeof right->cells[0]);
    index->moved_count += right->count;
    left->count += right->count;
    index->slots[slot].first = left->cells[0].start;
    index->count += right->count; /* drop_slots takes them off again */
    drop_slots(index, slot + 1, slot + 2);
}

static void remove_cells(struct extent_index *index, size_t slot, uint32_t from, uint32_t to)
{
    struct extent_chunk *chunk = index->slots[slot].chunk;

    memmove(&chunk->cells[from], &chunk->cells[to], (chunk->count - to) * sizeof chunk->cells[0]);
    index->moved_count += chunk->count - to;
    chunk->count -= to - from;
    index->count -= to - from;
    if (chunk->count == 0) {
        drop_slots(index, slot, slot + 1);
        return;
    }
    index->slots[slot].first = chunk->cells[0].start;
    join_if_thin(index, slot);
    if (slot > 0)
        join_if_thin(index, slot - 1);
}

/* Removes every run that begins at or after `start` and ends at or before `end`. */
static void remove_whole_runs(struct extent_index *index, uint64_t start, uint64_t end)
{
    struct extent_cursor cursor;
    struct extent_chunk *chunk;
    uint32_t to;

    for (;;) {
        extent_cursor_seek(&cursor, index, start);
        if (cursor.slot >= index->slot_count)
            return;
        if (cursor.at == 0) { /* whole chunks go at once */
            size_t last = cursor.slot;

            while (last < index->slot_count) {
                chunk = index->slots[last].chunk;
                if (chunk->cells[chunk->count - 1].end > end)
                    break;
                last++;
            }
            if (last > cursor.slot) {
                drop_slots(index, cursor.slot, last);
                continue;
            }
        }
        chunk = index->slots[cursor.slot].chunk;
        for (to = cursor.at; to < chunk->count && chunk->cells[to].end <= end; to++) {
        }
        if (to == cursor.at)
            return;
        remove_cells(index, cursor.slot, cursor.at, to);
    }
}

void extent_index_erase(struct extent_index *index, uint64_t start, uint64_t end)
{
    struct extent_cursor cursor;
    struct extent_cell *cell;
    struct extent_run run;

    assert(start < end && end <= EXTENT_PAGE_MAX);
    extent_cursor_seek(&cursor, index, start);
    if (!extent_cursor_get(&cursor, &run) || run.start >= end)
        return;
    cell = &index->slots[cursor.slot].chunk->cells[cursor.at];
    if (run.start < start) {
        cell->end = start;
        if (run.end > end) { /* a hole inside one run: the only erase that adds a run */
            insert_run(index, end, run.end, run.value);
            return;
        }
    }
    remove_whole_runs(index, start, end);
    extent_cursor_seek(&cursor, index, start);
    if (extent_cursor_get(&cursor, &run) && run.start < end) {
        struct extent_chunk *chunk = index->slots[cursor.slot].chunk;

        chunk->cells[cursor.at].start = end & EXTENT_PAGE_MAX;
        index->slots[cursor.slot].first = chunk->cells[0].start;
    }
}

void extent_index_set(struct extent_index *index, uint64_t start, uint64_t end, uint32_t value)
{
    struct extent_cursor cursor;
    struct extent_run run;

    assert(start < end && end <= EXTENT_PAGE_MAX && value <= EXTENT_VALUE_MAX);
    extent_cursor_seek(&cursor, index, start > 0 ? start - 1 : 0);
    if (extent_cursor_get(&cursor, &run) && run.value == value && run.start <= start) {
        if (run.end >= end)
            return; /* already so: the usual rewrite */
        start = run.start;
    }
    extent_cursor_seek(&cursor, index, end);
    if (extent_cursor_get(&cursor, &run) && run.start <= end && run.value == value)
        end = run.end;
    extent_index_erase(index, start, end);
    insert_run(index, start, end, value);
}
