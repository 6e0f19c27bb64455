/* map_view.c - see map_view.h. */
#include "blockmap/map_view.h"

#include <assert.h>
#include <string.h>

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void view_slot(struct map_view *view, uint64_t page, struct map_slot *out_slot)
{
    uint64_t at = MAP_HEAD_BYTES + page * MAP_SLOT_BYTES;

    map_slot_decode(view->bytes + at, out_slot);
    if (view->slots_window == at / MAP_VIEW_AROUND_BYTES)
        return;
    view->slots_window = at / MAP_VIEW_AROUND_BYTES;
    view->touched_bytes += MAP_VIEW_AROUND_BYTES;
}

static bool slot_fits(const struct map_slot *slot, uint32_t block_count, uint64_t next_offset)
{
    if (slot->hashed_blocks > block_count || slot->zero_blocks > block_count - slot->hashed_blocks)
        return false;
    if (slot->hashed_blocks == 0 && (slot->zero_blocks == 0 || slot->zero_blocks == block_count))
        return slot->offset == 0;
    return slot->offset == next_offset;
}

/* Pages follow each other in the order of the disk, so a directory can say only one thing. */
static bool directory_check(struct map_view *view, struct err *e)
{
    uint64_t pages = map_page_count(view->head.disk_bytes);
    uint64_t next_offset = MAP_HEAD_BYTES + pages * MAP_SLOT_BYTES;
    uint64_t hashed = 0, zero = 0;

    for (uint64_t page = 0; page < pages; page++) {
        struct map_slot slot;

        view_slot(view, page, &slot);
        if (!slot_fits(&slot, map_page_blocks(view->head.disk_bytes, page), next_offset))
            return err_set(e, ERR_CORRUPT, RETRY_NEVER, "its directory is wrong at page %llu",
                           (unsigned long long)page);
        if (slot.offset)
            next_offset += map_page_bytes(view->head.strength, slot.hashed_blocks);
        hashed += slot.hashed_blocks;
        zero += slot.zero_blocks;
    }
    if (next_offset != view->count || hashed != view->totals.hashed_blocks ||
        zero != view->totals.zero_blocks)
        return err_set(e, ERR_CORRUPT, RETRY_NEVER, "its directory and its head disagree");
    return true;
}

bool map_view_open(struct map_view *view, const void *bytes, size_t count, struct err *e)
{
    unsigned char checksum[MAP_CHECKSUM_BYTES];
    uint64_t directory_bytes;

    memset(view, 0, sizeof *view);
    view->bytes = bytes;
    view->count = count;
    view->checked_page = UINT64_MAX;
    if (!map_head_decode(view->bytes, count, &view->head, &view->totals, e))
        return false;
    directory_bytes = map_page_count(view->head.disk_bytes) * MAP_SLOT_BYTES;
    if (view->totals.file_bytes != count || count - MAP_HEAD_BYTES < directory_bytes)
        return err_set(e, ERR_CORRUPT, RETRY_NEVER,
                       "it has %llu bytes and should have %llu: it is cut off or not whole",
                       (unsigned long long)count, (unsigned long long)view->totals.file_bytes);
    view->salt = map_salt(&view->head);
    map_checksum(view->bytes + MAP_HEAD_BYTES, (size_t)directory_bytes, view->salt, checksum);
    if (memcmp(checksum, view->totals.directory, sizeof checksum) != 0)
        return err_set(e, ERR_CORRUPT, RETRY_NEVER, "its directory is damaged");
    return directory_check(view, e);
}

/* The bytes of a stored page, checked. Its slot was right when the map was opened; memory that is a file
 * may have changed since. */
static const unsigned char *view_page(struct map_view *view, uint64_t page,
                                      const struct map_slot *slot, struct err *e)
{
    uint32_t block_count = map_page_blocks(view->head.disk_bytes, page);
    uint32_t page_bytes;

    if (view->checked_page == page)
        return view->bytes + slot->offset;
    view->checked_page = UINT64_MAX;
    page_bytes = slot->hashed_blocks > block_count
                     ? 0
                     : map_page_bytes(view->head.strength, slot->hashed_blocks);
    if (!page_bytes || slot->offset > view->count || page_bytes > view->count - slot->offset) {
        err_set(e, ERR_CORRUPT, RETRY_NEVER, "its directory was changed while it was open");
        return NULL;
    }
    view->touched_bytes += page_bytes + 2 * MAP_VIEW_AROUND_BYTES;
    if (!map_page_check(view->head.strength, view->salt, page, slot, block_count,
                        view->bytes + slot->offset, e))
        return NULL;
    view->checked_page = page;
    return view->bytes + slot->offset;
}

static enum map_state slot_state(const struct map_slot *slot)
{
    return slot->zero_blocks ? MAP_ZERO : MAP_UNKNOWN;
}

static bool look_page(struct map_view *view, uint64_t first_block, uint32_t count,
                      struct map_entry *out_entries, struct err *e)
{
    uint64_t page = first_block / MAP_PAGE_BLOCKS;
    struct map_slot slot;
    const unsigned char *bytes;

    view_slot(view, page, &slot);
    if (slot.offset == 0) {
        for (uint32_t i = 0; i < count; i++)
            out_entries[i] = (struct map_entry){.state = slot_state(&slot)};
        return true;
    }
    bytes = view_page(view, page, &slot, e);
    if (!bytes)
        return false;
    map_page_entries(view->head.strength, bytes, (uint32_t)(first_block % MAP_PAGE_BLOCKS), count,
                     out_entries);
    return true;
}

bool map_view_look(struct map_view *view, uint64_t first_block, uint64_t count,
                   struct map_entry *out_entries, struct err *e)
{
    uint64_t blocks = map_block_count(view->head.disk_bytes);

    assert(first_block <= blocks && count <= blocks - first_block);
    while (count) {
        uint64_t part = least(count, MAP_PAGE_BLOCKS - first_block % MAP_PAGE_BLOCKS);

        if (!look_page(view, first_block, (uint32_t)part, out_entries, e))
            return false;
        first_block += part;
        out_entries += part;
        count -= part;
    }
    return true;
}

/* The run that begins at `at` within its page; count is what is asked of this page. */
static bool run_page(struct map_view *view, uint64_t at, uint32_t count, struct map_run *out_run,
                     struct err *e)
{
    uint64_t page = at / MAP_PAGE_BLOCKS;
    struct map_slot slot;
    const unsigned char *bytes;

    view_slot(view, page, &slot);
    *out_run = (struct map_run){at, count, slot_state(&slot)};
    if (slot.offset == 0)
        return true;
    if (slot.hashed_blocks == map_page_blocks(view->head.disk_bytes, page)) {
        out_run->state = MAP_HASHED; /* the directory alone says it: a full disk is not read */
        return true;
    }
    bytes = view_page(view, page, &slot, e);
    if (!bytes)
        return false;
    out_run->count = map_page_run(bytes, (uint32_t)(at % MAP_PAGE_BLOCKS), count, &out_run->state);
    return true;
}

bool map_view_run(struct map_view *view, uint64_t at, uint64_t count_max, struct map_run *out_run,
                  struct err *e)
{
    uint64_t blocks = map_block_count(view->head.disk_bytes);
    uint64_t end = at + least(count_max, blocks - at);
    struct map_run run = {.first_block = at};

    assert(at < blocks && count_max > 0);
    while (at < end) {
        uint32_t asked = (uint32_t)least(end - at, MAP_PAGE_BLOCKS - at % MAP_PAGE_BLOCKS);
        struct map_run more;

        if (!run_page(view, at, asked, &more, e))
            return false;
        if (run.count && more.state != run.state)
            break;
        run.state = more.state;
        run.count += more.count;
        at += more.count;
        if (more.count < asked)
            break;
    }
    *out_run = run;
    return true;
}
