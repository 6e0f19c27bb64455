/* map_making.c - see map_file.h: making. What was put, over what the old map says, becomes a new file. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/map_entries.h"
#include "io/map_file.h"
#include "io/whole_file.h"

#define SLOTS_AT_ONCE 512u

struct map_making {
    struct map_entries *entries; /* owned */
    struct map_file *old;        /* borrowed; may be NULL */
    bool committed;
    bool disowned;
    char path[PATH_MAX];
};

/* One merge, from the first page to the last. */
struct map_merge {
    struct map_making *making;
    struct map_head head;
    uint64_t salt;
    struct map_totals totals;
    struct whole_writer *writer;
    struct map_sum *directory;
    uint64_t next_offset;
    uint64_t slots_at; /* page of the first slot below */
    uint32_t slot_count;
    unsigned char slots[SLOTS_AT_ONCE * MAP_SLOT_BYTES];
    struct map_entry entries[MAP_PAGE_BLOCKS];
    struct map_entry put_entries[MAP_PAGE_BLOCKS];
    bool put[MAP_PAGE_BLOCKS];
    unsigned char page[MAP_PAGE_MAX_BYTES];
};

/* A map, or nothing: what else somebody keeps there is not ours to replace. */
static bool making_may_replace(const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    unsigned char begins[8] = {0};
    struct stat found;
    bool ours = false;

    if (fd < 0 && errno == ENOENT)
        return true;
    if (fd >= 0) {
        ours = fstat(fd, &found) == 0 && S_ISREG(found.st_mode) &&
               pread(fd, begins, sizeof begins, 0) == sizeof begins &&
               map_is_ours(begins, sizeof begins);
        close(fd);
    }
    return ours || err_set(e, ERR_USAGE, RETRY_NEVER,
                           "%.200s is there and is no block map: it is not replaced", path);
}

struct map_making *map_making_open(const char *path, const struct map_head *head,
                                   struct map_file *old, struct err *e)
{
    struct map_making *making = calloc(1, sizeof *making);
    struct map_head wanted = *head;

    assert(head->disk_bytes > 0 && head->disk_bytes <= MAP_DISK_MAX_BYTES);
    if (!making) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to make %.200s", path);
        return NULL;
    }
    making->old = old;
    snprintf(making->path, sizeof making->path, "%s", path);
    if (old) {
        wanted.strength = map_file_head(old)->strength;
        memcpy(wanted.seed, map_file_head(old)->seed, sizeof wanted.seed);
    }
    if (old && map_file_head(old)->disk_bytes > head->disk_bytes)
        err_set(e, ERR_USAGE, RETRY_NEVER, "%.200s is the block map of a larger disk", path);
    else if (making_may_replace(path, e))
        making->entries = map_entries_open(path, &wanted, old == NULL, e);
    if (making->entries)
        return making;
    free(making);
    return NULL;
}

void map_making_close(struct map_making *making)
{
    if (!making)
        return;
    if (!making->committed)
        map_entries_close(making->entries);
    free(making);
}

void map_making_drop(struct map_making *making)
{
    if (!making)
        return;
    if (!making->committed)
        map_entries_drop(making->entries);
    making->committed = true;
    map_making_close(making);
}

void map_making_disown(struct map_making *making)
{
    making->disowned = true;
}

const struct map_head *map_making_head(const struct map_making *making)
{
    return map_entries_head(making->entries);
}

static void making_within(const struct map_making *making, uint64_t first_block, uint64_t count)
{
    uint64_t blocks = map_block_count(map_making_head(making)->disk_bytes);

    assert(!making->committed);
    assert(first_block <= blocks && count <= blocks - first_block);
}

bool map_making_put(struct map_making *making, uint64_t first_block, uint32_t count,
                    const struct map_entry *entries, struct err *e)
{
    making_within(making, first_block, count);
    return map_entries_put(making->entries, first_block, count, entries, e);
}

bool map_making_put_zero(struct map_making *making, uint64_t first_block, uint64_t count,
                         struct err *e)
{
    making_within(making, first_block, count);
    return map_entries_put_zero(making->entries, first_block, count, e);
}

bool map_making_forget(struct map_making *making, uint64_t first_block, uint64_t count,
                       struct err *e)
{
    making_within(making, first_block, count);
    return map_entries_forget(making->entries, first_block, count, e);
}

/* ---- Merge ---- */

/* What the old map says of a page; behind its disk's end all is zero. A damaged page says nothing. */
static void merge_old(struct map_merge *merge, uint64_t first_block, uint32_t count)
{
    struct err damaged = {0};
    struct map_file *old = merge->making->old;
    uint64_t old_blocks = !old ? 0 : map_block_count(map_file_head(old)->disk_bytes);
    uint32_t known = 0;

    if (first_block < old_blocks)
        known = old_blocks - first_block < count ? (uint32_t)(old_blocks - first_block) : count;
    if (known && !map_file_look(old, first_block, known, merge->entries, &damaged))
        for (uint32_t i = 0; i < known; i++)
            merge->entries[i] = (struct map_entry){.state = MAP_UNKNOWN};
    for (uint32_t i = known; i < count; i++)
        merge->entries[i] = (struct map_entry){.state = old ? MAP_ZERO : MAP_UNKNOWN};
}

static bool merge_flush_slots(struct map_merge *merge, struct err *e)
{
    size_t count = (size_t)merge->slot_count * MAP_SLOT_BYTES;

    map_sum_add(merge->directory, merge->slots, count);
    if (!whole_writer_put(merge->writer, MAP_HEAD_BYTES + merge->slots_at * MAP_SLOT_BYTES,
                          merge->slots, count, e))
        return false;
    merge->slots_at += merge->slot_count;
    merge->slot_count = 0;
    return true;
}

static bool merge_page(struct map_merge *merge, uint64_t page, struct err *e)
{
    uint32_t count = map_page_blocks(merge->head.disk_bytes, page);
    struct map_slot slot;
    uint32_t page_bytes;
    bool any;

    merge_old(merge, page * MAP_PAGE_BLOCKS, count);
    if (!map_entries_page(merge->making->entries, page, &any, merge->put_entries, merge->put, e))
        return false;
    for (uint32_t i = 0; any && i < count; i++)
        if (merge->put[i])
            merge->entries[i] = merge->put_entries[i];
    page_bytes = map_page_encode(merge->head.strength, merge->salt, page, merge->entries, count,
                                 merge->page, &slot);
    if (page_bytes) {
        slot.offset = merge->next_offset;
        if (!whole_writer_put(merge->writer, slot.offset, merge->page, page_bytes, e))
            return false;
        merge->next_offset += page_bytes;
    }
    merge->totals.hashed_blocks += slot.hashed_blocks;
    merge->totals.zero_blocks += slot.zero_blocks;
    map_slot_encode(&slot, merge->slots + (size_t)merge->slot_count++ * MAP_SLOT_BYTES);
    return merge->slot_count < SLOTS_AT_ONCE || merge_flush_slots(merge, e);
}

static bool merge_all(struct map_merge *merge, struct err *e)
{
    uint64_t pages = map_page_count(merge->head.disk_bytes);
    unsigned char head[MAP_HEAD_BYTES];

    merge->next_offset = MAP_HEAD_BYTES + pages * MAP_SLOT_BYTES;
    for (uint64_t page = 0; page < pages; page++)
        if (!merge_page(merge, page, e))
            return false;
    if (!merge_flush_slots(merge, e))
        return false;
    merge->totals.file_bytes = merge->next_offset;
    merge->totals.unknown_blocks = map_block_count(merge->head.disk_bytes) -
                                   merge->totals.hashed_blocks - merge->totals.zero_blocks;
    map_sum_end(merge->directory, merge->totals.directory);
    map_head_encode(&merge->head, &merge->totals, head);
    return whole_writer_put(merge->writer, 0, head, sizeof head, e);
}

bool map_making_commit(struct map_making *making, const char *etag, uint64_t made_ms, struct err *e)
{
    struct map_merge *merge = calloc(1, sizeof *merge);
    bool ok = false;

    assert(!making->committed);
    if (!merge)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to make %.200s", making->path);
    merge->making = making;
    merge->head = *map_making_head(making);
    merge->head.made_ms = made_ms;
    if (making->disowned)
        memset(merge->head.copy_uuid, 0, sizeof merge->head.copy_uuid);
    snprintf(merge->head.etag, sizeof merge->head.etag, "%s", etag);
    merge->salt = map_salt(&merge->head);
    if (!making_may_replace(making->path, e))
        goto out;
    merge->directory = map_sum_new(merge->salt, e);
    merge->writer = merge->directory ? whole_writer_open(making->path, e) : NULL;
    if (!merge->writer || !merge_all(merge, e) || !whole_writer_commit(merge->writer, e))
        goto out;
    map_entries_drop(making->entries);
    making->entries = NULL;
    making->committed = true;
    ok = true;
out:
    whole_writer_close(merge->writer);
    map_sum_free(merge->directory);
    free(merge);
    return ok;
}
