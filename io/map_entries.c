/* map_entries.c - see map_entries.h.
 *
 * The kernel keeps what a killed process wrote; only a crash of the machine may lose it. Whether there was
 * one is told by the kernel's boot id, and by a file that was closed in order.
 */
#include "io/map_entries.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "blockmap/zero.h"
#include "io/durable.h"

#define MAKING_MAGIC   "snapfmk1"
#define MAGIC_BYTES    8u
#define BOOT_BYTES     40u
#define BOOT_AT        MAGIC_BYTES
#define CLOSED_AT      (BOOT_AT + BOOT_BYTES)
#define MAP_HEAD_AT    64u
#define SEALED_BYTES   (MAP_HEAD_AT + MAP_HEAD_BYTES)
#define HEAD_BYTES     (SEALED_BYTES + MAP_CHECKSUM_BYTES)
#define MARKS_AT       12288u /* a byte a page */
#define MARK_ZERO      0xA5u
#define MARK_FORGOTTEN 0x5Au
#define WORD_BYTES     8u /* behind a hash: state and check */
#define MARKS_AT_ONCE  4096u
#define BOOT_ID_PATH   "/proc/sys/kernel/random/boot_id"
#define CODE_OF(state) ((uint64_t)(state) + 1) /* never 0 */

_Static_assert(HEAD_BYTES <= MARKS_AT, "the head fits");

struct map_entries {
    int fd;
    struct map_head head;
    uint64_t salt;
    uint64_t entries_at;   /* of block 0 */
    uint64_t next_data_at; /* there is a hole from next_hole_from to here */
    uint64_t next_hole_from;
    char path[PATH_MAX];
};

static bool entries_write(struct map_entries *entries, uint64_t offset, const void *bytes,
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

/* What is behind the file's end is zero. */
static bool entries_read(struct map_entries *entries, uint64_t offset, void *out_bytes,
                         size_t count, struct err *e)
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

/* ---- Its head ---- */

/* Which boot of the machine this is; empty, and like no other, when the kernel does not say. */
static void boot_id(char out_id[BOOT_BYTES])
{
    int fd = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);

    memset(out_id, 0, BOOT_BYTES);
    if (fd < 0)
        return;
    if (read(fd, out_id, BOOT_BYTES - 1) < 0)
        out_id[0] = '\0';
    close(fd);
}

/* Durable before anything is put, and again when it is closed in order. */
static bool head_write(struct map_entries *entries, bool closed, struct err *e)
{
    unsigned char bytes[HEAD_BYTES] = MAKING_MAGIC;
    struct map_totals none = {.unknown_blocks = map_block_count(entries->head.disk_bytes)};

    boot_id((char *)bytes + BOOT_AT);
    bytes[CLOSED_AT] = closed;
    map_head_encode(&entries->head, &none, bytes + MAP_HEAD_AT);
    map_checksum(bytes, SEALED_BYTES, 0, bytes + SEALED_BYTES);
    if (!entries_write(entries, 0, bytes, sizeof bytes, e))
        return false;
    if (fsync(entries->fd) != 0 || !durable_sync_folder_of(entries->path))
        return err_set_errno(e, errno, RETRY_NEVER, "cannot write %.200s", entries->path);
    return true;
}

/* Is what is there of this copy, and whole? */
static bool head_read(struct map_entries *entries, struct map_head *found, struct err *e)
{
    unsigned char bytes[HEAD_BYTES];
    unsigned char checksum[MAP_CHECKSUM_BYTES];
    char boot[BOOT_BYTES];
    struct map_totals totals;
    struct err ignored = {0};

    if (!entries_read(entries, 0, bytes, sizeof bytes, e))
        return false;
    map_checksum(bytes, SEALED_BYTES, 0, checksum);
    boot_id(boot);
    return memcmp(bytes, MAKING_MAGIC, MAGIC_BYTES) == 0 &&
           memcmp(checksum, bytes + SEALED_BYTES, sizeof checksum) == 0 &&
           map_head_decode(bytes + MAP_HEAD_AT, MAP_HEAD_BYTES, found, &totals, &ignored) &&
           (bytes[CLOSED_AT] || (boot[0] && memcmp(boot, bytes + BOOT_AT, BOOT_BYTES) == 0)) &&
           strcmp(found->copy_uuid, entries->head.copy_uuid) == 0 &&
           strcmp(found->target, entries->head.target) == 0 &&
           found->disk_bytes == entries->head.disk_bytes;
}

static bool same_seed(const struct map_head *a, const struct map_head *b)
{
    return a->strength == b->strength && memcmp(a->seed, b->seed, sizeof a->seed) == 0;
}

static bool entries_is_ours(struct map_entries *entries, struct err *e)
{
    struct stat ours, there;

    if (fstat(entries->fd, &ours) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot read %.200s", entries->path);
    if (!S_ISREG(ours.st_mode))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%.200s is not a regular file", entries->path);
    /* Who had it locked may have finished and removed it meanwhile. */
    if (stat(entries->path, &there) != 0 || there.st_ino != ours.st_ino ||
        there.st_dev != ours.st_dev)
        return err_set(e, ERR_CONFLICT, RETRY_LATER, "another process holds %.200s", entries->path);
    return true;
}

static bool entries_begin_or_go_on(struct map_entries *entries, bool any_seed, struct err *e)
{
    struct map_head found;
    bool goes_on;

    if (!entries_is_ours(entries, e))
        return false;
    goes_on = head_read(entries, &found, e);
    if (err_is_set(e))
        return false;
    if (goes_on && any_seed) {
        entries->head.strength = found.strength;
        memcpy(entries->head.seed, found.seed, sizeof found.seed);
    }
    if (!goes_on || !same_seed(&found, &entries->head))
        if (ftruncate(entries->fd, 0) != 0)
            return err_set_errno(e, errno, RETRY_NEVER, "cannot write %.200s", entries->path);
    if (fchmod(entries->fd, 0600) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot write %.200s", entries->path);
    return head_write(entries, false, e);
}

struct map_entries *map_entries_open(const char *path, const struct map_head *head, bool any_seed,
                                     struct err *e)
{
    struct map_entries *entries = calloc(1, sizeof *entries);
    int length;

    if (!entries) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to make %.200s", path);
        return NULL;
    }
    entries->fd = -1;
    entries->head = *head;
    length = snprintf(entries->path, sizeof entries->path, "%s.making", path);
    if (length < 0 || (size_t)length >= sizeof entries->path)
        err_set_errno(e, ENAMETOOLONG, RETRY_NEVER, "cannot write %.200s", path);
    else if (durable_lock(entries->path, true, &entries->fd, e) &&
             entries_begin_or_go_on(entries, any_seed, e)) {
        entries->salt =
            XXH3_64bits_withSeed(entries->head.seed, MAP_SEED_BYTES, entries->head.disk_bytes);
        entries->entries_at = (MARKS_AT + map_page_count(head->disk_bytes) + 4095) / 4096 * 4096;
        return entries;
    }
    if (entries->fd >= 0)
        close(entries->fd);
    free(entries);
    return NULL;
}

void map_entries_close(struct map_entries *entries)
{
    struct err ignored = {0};

    if (!entries)
        return;
    /* What was put is durable before it says so; if not, a crash counts as one. */
    if (fsync(entries->fd) == 0)
        (void)head_write(entries, true, &ignored);
    close(entries->fd);
    free(entries);
}

void map_entries_drop(struct map_entries *entries)
{
    if (!entries)
        return;
    unlink(entries->path); /* while it is locked */
    close(entries->fd);
    free(entries);
}

const struct map_head *map_entries_head(const struct map_entries *entries)
{
    return &entries->head;
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
        if (!entries_write(entries, entries->entries_at + first_block * each, bytes,
                           (size_t)part * each, e))
            return false;
        first_block += part;
        put += part;
        count -= part;
    }
    return true;
}

/* Whole pages: a byte each, and their entries are gone. */
static bool put_zero_pages(struct map_entries *entries, uint64_t first_page, uint64_t page_count,
                           struct err *e)
{
    uint64_t page_entries = (uint64_t)entry_bytes(entries) * MAP_PAGE_BLOCKS;
    unsigned char marks[MARKS_AT_ONCE];

    if (fallocate(entries->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  (off_t)(entries->entries_at + first_page * page_entries),
                  (off_t)(page_count * page_entries)) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot write %.200s", entries->path);
    memset(marks, MARK_ZERO, sizeof marks);
    while (page_count) {
        size_t part = page_count < MARKS_AT_ONCE ? (size_t)page_count : MARKS_AT_ONCE;

        if (!entries_write(entries, MARKS_AT + first_page, marks, part, e))
            return false;
        first_page += part;
        page_count -= part;
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

    if (!entries_read(entries, MARKS_AT + page, &mark, 1, e))
        return false;
    *out_any = mark != 0 || !hole;
    if (!*out_any)
        return true;
    if (hole)
        memset(bytes, 0, (size_t)count * each);
    else if (!entries_read(entries, at, bytes, (size_t)count * each, e))
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

        if (!entries_read(entries, MARKS_AT + first_page, marks, part, e))
            return false;
        for (size_t i = 0; i < part; i++)
            marks[i] = marks[i] ? marks[i] : MARK_FORGOTTEN;
        if (!entries_write(entries, MARKS_AT + first_page, marks, part, e))
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
