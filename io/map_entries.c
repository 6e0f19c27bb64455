/* map_entries.c - see map_entries.h: what was put. Whose it is stands in map_entries_open.c. */
#include "io/map_entries.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "blockmap/zero.h"
#include "io/map_entries_parts.h"

#define MARK_ZERO      0xA5u
#define MARK_FORGOTTEN 0x5Au
#define WORD_BYTES     8u /* behind a hash: state and check */
#define MARKS_AT_ONCE  4096u
#define CODE_OF(state) ((uint64_t)(state) + 1) /* never 0 */

bool map_entries_write(struct map_entries *entries, uint64_t offset, const void *bytes,
                       size_t count, struct err *e)
{
    const char *at = bytes;

    while (count) {
        ssize_t done = pwrite(entries->fd, at, count, (off_t)offset);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return err_set_errno(e, done < 0 ? errno : EIO, RETRY_NEVER, "cannot write %.200s",
                                 entries->path);
        at += done;
        offset += (uint64_t)done;
        count -= (size_t)done;
    }
    return true;
}

bool map_entries_read(struct map_entries *entries, uint64_t offset, void *out_bytes, size_t count,
                      struct err *e)
{
    char *at = out_bytes;

    while (count) {
        ssize_t got = pread(entries->fd, at, count, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set_errno(e, errno, RETRY_NEVER, "cannot read %.200s", entries->path);
        if (got == 0) {
            memset(at, 0, count);
            return true;
        }
        at += got;
        offset += (uint64_t)got;
        count -= (size_t)got;
    }
    return true;
}

/* ---- Entries: the hash, and a word of its state and a check of all that and its place ---- */

static uint32_t entry_bytes(const struct map_entries *entries)
{
    return map_hash_bytes(entries->head.strength) + WORD_BYTES;
}

static uint64_t entry_word(const struct map_entries *entries, uint64_t block,
                           const unsigned char *hash, uint64_t code)
{
    uint64_t check = XXH3_64bits_withSeed(hash, map_hash_bytes(entries->head.strength),
                                          entries->salt + block * 4 + code);

    return (check & ~3ull) | code;
}

static void entry_encode(const struct map_entries *entries, uint64_t block,
                         const struct map_entry *entry, unsigned char *out_bytes)
{
    uint32_t hash_bytes = map_hash_bytes(entries->head.strength);
    uint64_t word = entry_word(entries, block, entry->hash, CODE_OF(entry->state));

    memcpy(out_bytes, entry->hash, hash_bytes);
    memcpy(out_bytes + hash_bytes, &word, sizeof word);
}

/* False: nothing was put. What is not whole is UNKNOWN: something was. */
static bool entry_decode(const struct map_entries *entries, uint64_t block,
                         const unsigned char *bytes, struct map_entry *out_entry)
{
    uint32_t hash_bytes = map_hash_bytes(entries->head.strength);
    uint64_t word;

    *out_entry = (struct map_entry){.state = MAP_UNKNOWN};
    if (zero_is(bytes, hash_bytes + WORD_BYTES))
        return false;
    memcpy(&word, bytes + hash_bytes, sizeof word);
    if ((word & 3) == 0 || word != entry_word(entries, block, bytes, word & 3))
        return true;
    out_entry->state = (enum map_state)((word & 3) - 1);
    if (out_entry->state == MAP_HASHED)
        memcpy(out_entry->hash, bytes, hash_bytes);
    return true;
}

bool map_entries_put(struct map_entries *entries, uint64_t first_block, uint32_t count,
                     const struct map_entry *put, struct err *e)
{
    unsigned char bytes[64 * (MAP_HASH_MAX_BYTES + WORD_BYTES)];
    uint32_t each = entry_bytes(entries);

    entries->next_data_at = 0; /* what was a hole may be none */
    while (count) {
        uint32_t part = count < 64 ? count : 64;

        for (uint32_t i = 0; i < part; i++)
            entry_encode(entries, first_block + i, &put[i], bytes + (size_t)i * each);
        if (!map_entries_write(entries, entries->entries_at + first_block * each, bytes,
                               (size_t)part * each, e))
            return false;
        first_block += part;
        put += part;
        count -= part;
    }
    return true;
}

static bool put_zero_blocks(struct map_entries *entries, uint64_t first_block, uint64_t count,
                            struct err *e)
{
    struct map_entry zeros[64];

    for (uint32_t i = 0; i < 64; i++)
        zeros[i] = (struct map_entry){.state = MAP_ZERO};
    while (count) {
        uint32_t part = count < 64 ? (uint32_t)count : 64;

        if (!map_entries_put(entries, first_block, part, zeros, e))
            return false;
        first_block += part;
        count -= part;
    }
    return true;
}

static uint64_t pages_blocks(const struct map_entries *entries, uint64_t first_page,
                             uint64_t page_count)
{
    uint64_t left = map_block_count(entries->head.disk_bytes) - first_page * MAP_PAGE_BLOCKS;

    return page_count * MAP_PAGE_BLOCKS < left ? page_count * MAP_PAGE_BLOCKS : left;
}

/* Whole pages: a byte each, and their entries are gone; block by block where a file has no holes. */
static bool put_zero_pages(struct map_entries *entries, uint64_t first_page, uint64_t page_count,
                           struct err *e)
{
    uint64_t page_entries = (uint64_t)entry_bytes(entries) * MAP_PAGE_BLOCKS;
    unsigned char marks[MARKS_AT_ONCE];

    if (fallocate(entries->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  (off_t)(entries->entries_at + first_page * page_entries),
                  (off_t)(page_count * page_entries)) != 0)
        return errno == EOPNOTSUPP
                   ? put_zero_blocks(entries, first_page * MAP_PAGE_BLOCKS,
                                     pages_blocks(entries, first_page, page_count), e)
                   : err_set_errno(e, errno, RETRY_NEVER, "cannot write %.200s", entries->path);
    memset(marks, MARK_ZERO, sizeof marks);
    while (page_count) {
        size_t part = page_count < MARKS_AT_ONCE ? (size_t)page_count : MARKS_AT_ONCE;

        if (!map_entries_write(entries, MAP_ENTRIES_MARKS_AT + first_page, marks, part, e))
            return false;
        first_page += part;
        page_count -= part;
    }
    return true;
}

bool map_entries_put_zero(struct map_entries *entries, uint64_t first_block, uint64_t count,
                          struct err *e)
{
    uint64_t end = first_block + count;
    uint64_t first_page = (first_block + MAP_PAGE_BLOCKS - 1) / MAP_PAGE_BLOCKS;
    uint64_t end_page = end == map_block_count(entries->head.disk_bytes)
                            ? map_page_count(entries->head.disk_bytes)
                            : end / MAP_PAGE_BLOCKS;

    entries->next_data_at = 0;
    if (first_page >= end_page)
        return put_zero_blocks(entries, first_block, count, e);
    if (!put_zero_blocks(entries, first_block, first_page * MAP_PAGE_BLOCKS - first_block, e) ||
        !put_zero_pages(entries, first_page, end_page - first_page, e))
        return false;
    return end <= end_page * MAP_PAGE_BLOCKS ||
           put_zero_blocks(entries, end_page * MAP_PAGE_BLOCKS, end - end_page * MAP_PAGE_BLOCKS,
                           e);
}

/* ---- Reading them ---- */

/* Is there a hole from `from` to `end`? Asks the file system once for all of a hole. */
static bool all_hole(struct map_entries *entries, uint64_t from, uint64_t end)
{
    off_t data;

    if (from >= entries->next_hole_from && end <= entries->next_data_at)
        return true;
    data = lseek(entries->fd, (off_t)from, SEEK_DATA);
    if (data < 0 && errno != ENXIO)
        return false; /* it cannot say: then it is read */
    entries->next_hole_from = from;
    entries->next_data_at = data < 0 ? UINT64_MAX : (uint64_t)data;
    return end <= entries->next_data_at;
}

bool map_entries_page(struct map_entries *entries, uint64_t page, bool *out_any,
                      struct map_entry out_entries[MAP_PAGE_BLOCKS], bool out_put[MAP_PAGE_BLOCKS],
                      struct err *e)
{
    unsigned char bytes[MAP_PAGE_BLOCKS * (MAP_HASH_MAX_BYTES + WORD_BYTES)];
    uint32_t each = entry_bytes(entries);
    uint32_t count = map_page_blocks(entries->head.disk_bytes, page);
    uint64_t first_block = page * MAP_PAGE_BLOCKS;
    uint64_t at = entries->entries_at + first_block * each;
    bool hole = all_hole(entries, at, at + (uint64_t)count * each);
    unsigned char mark = 0;

    if (!map_entries_read(entries, MAP_ENTRIES_MARKS_AT + page, &mark, 1, e))
        return false;
    *out_any = mark != 0 || !hole;
    if (!*out_any)
        return true;
    if (hole)
        memset(bytes, 0, (size_t)count * each);
    else if (!map_entries_read(entries, at, bytes, (size_t)count * each, e))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        out_put[i] =
            entry_decode(entries, first_block + i, bytes + (size_t)i * each, &out_entries[i]);
        if (out_put[i] || mark == 0)
            continue;
        out_put[i] = true;
        out_entries[i].state = mark == MARK_ZERO ? MAP_ZERO : MAP_UNKNOWN;
    }
    return true;
}

/* ---- Forgetting ---- */

/* Pages of which nothing at all was put: a byte each says it. */
static bool forget_pages(struct map_entries *entries, uint64_t first_page, uint64_t page_count,
                         struct err *e)
{
    unsigned char marks[MARKS_AT_ONCE];

    while (page_count) {
        size_t part = page_count < MARKS_AT_ONCE ? (size_t)page_count : MARKS_AT_ONCE;

        if (!map_entries_read(entries, MAP_ENTRIES_MARKS_AT + first_page, marks, part, e))
            return false;
        for (size_t i = 0; i < part; i++)
            marks[i] = marks[i] ? marks[i] : MARK_FORGOTTEN;
        if (!map_entries_write(entries, MAP_ENTRIES_MARKS_AT + first_page, marks, part, e))
            return false;
        first_page += part;
        page_count -= part;
    }
    return true;
}

/* Within one page. */
static bool forget_blocks(struct map_entries *entries, uint64_t first_block, uint32_t count,
                          struct err *e)
{
    const struct map_entry unknown = {.state = MAP_UNKNOWN};
    struct map_entry put_entries[MAP_PAGE_BLOCKS];
    bool put[MAP_PAGE_BLOCKS];
    uint32_t first = (uint32_t)(first_block % MAP_PAGE_BLOCKS);
    bool any;

    if (!map_entries_page(entries, first_block / MAP_PAGE_BLOCKS, &any, put_entries, put, e))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if ((!any || !put[first + i]) && !map_entries_put(entries, first_block + i, 1, &unknown, e))
            return false;
    return true;
}

bool map_entries_forget(struct map_entries *entries, uint64_t first_block, uint64_t count,
                        struct err *e)
{
    while (count) {
        uint64_t pages = first_block % MAP_PAGE_BLOCKS ? 0 : count / MAP_PAGE_BLOCKS;
        uint64_t part = MAP_PAGE_BLOCKS - first_block % MAP_PAGE_BLOCKS;

        if (pages)
            part = pages * MAP_PAGE_BLOCKS;
        else if (part > count)
            part = count;
        if (pages ? !forget_pages(entries, first_block / MAP_PAGE_BLOCKS, pages, e)
                  : !forget_blocks(entries, first_block, (uint32_t)part, e))
            return false;
        first_block += part;
        count -= part;
    }
    return true;
}
