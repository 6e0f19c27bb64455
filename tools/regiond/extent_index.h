/* extent_index.h - a sorted map from runs of pages to where those pages are kept.
 *
 * Knows:         arithmetic on runs. A value is a layer file's number, or EXTENT_CLEARED.
 * Must not know: files, blobs, what a snapshot is.
 * Threads:       none of its own; many may look while nobody changes.
 *
 * Runs never overlap and neighbours of one value are one run. Two levels (an array of chunks of at
 * most EXTENT_CHUNK_MAX runs), so that a change moves the runs of one chunk and not a million.
 */
#ifndef REGIOND_EXTENT_INDEX_H
#define REGIOND_EXTENT_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXTENT_CHUNK_MAX    256u
#define EXTENT_SPARE_CHUNKS 3u
#define EXTENT_PAGE_MAX     ((UINT64_C(1) << 40) - 1) /* 512 TiB of pages */
#define EXTENT_VALUE_MAX    ((1u << 24) - 1)
#define EXTENT_CLEARED      0u /* these pages were cleared here, whatever lies below */

struct extent_run {
    uint64_t start, end; /* pages, end exclusive */
    uint32_t value;
};

struct extent_chunk;
struct extent_slot {
    uint64_t first; /* start of the chunk's first run */
    struct extent_chunk *chunk;
};
struct extent_index {
    struct extent_slot *slots;
    size_t slot_count, slot_room;
    struct extent_chunk *spares[EXTENT_SPARE_CHUNKS];
    unsigned spare_count;
    size_t count;         /* runs */
    uint64_t moved_count; /* runs and slots moved by all changes so far: what a change costs */
};

/* ---- Life: a zeroed struct is an empty index ---- */
void extent_index_fini(struct extent_index *index); /* leaves it empty */
bool extent_index_copy(struct extent_index *target, const struct extent_index *source);

/* ---- Use ---- */
/* Memory for one more change of any kind: the set or erase that follows cannot fail. So a caller
 * finds out that memory is short before it has promised anything. False: memory is out. */
bool extent_index_reserve(struct extent_index *index);
void extent_index_trim(struct extent_index *index); /* gives the reserve back */

/* Each needs a reserve before it. */
void extent_index_set(struct extent_index *index, uint64_t start, uint64_t end, uint32_t value);
void extent_index_erase(struct extent_index *index, uint64_t start, uint64_t end);

/* ---- Look ---- */
/* A place in the index; any change to the index makes it void. */
struct extent_cursor {
    const struct extent_index *index;
    size_t slot;
    uint32_t at;
};
/* At the first run that ends after page. */
void extent_cursor_seek(struct extent_cursor *cursor, const struct extent_index *index,
                        uint64_t page);
bool extent_cursor_get(const struct extent_cursor *cursor, struct extent_run *out_run);
void extent_cursor_next(struct extent_cursor *cursor);

#endif
