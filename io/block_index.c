/* block_index.c - see block_index.h. */
#include "io/block_index.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "blockmap/stream.h"
#include "io/block_targets.h"
#include "io/durable.h"

#define INDEX_MAGIC   0x3130786469666273ull /* "sbfidx01", and the byte order of this machine */
#define INDEX_VERSION 1u
#define PAGE_BYTES    4096u
#define SECTOR_BYTES  512u

struct entry { /* all numbers as this machine has them */
    unsigned char key[BLOCK_INDEX_KEY_BYTES];
    uint64_t offset;
    uint32_t target; /* number + 1; 0: free */
    uint32_t stamp;  /* when it was noted, by the head's clock */
};

struct head {
    uint64_t magic;
    uint32_t version;
    uint32_t ways;
    uint64_t buckets;
    uint64_t salt;  /* of this making: names of another do not belong to it */
    uint64_t check; /* of all above */
    uint32_t clock; /* counts notes; wraps, which makes some of the oldest look young */
};

union page {
    struct head head;
    struct entry entries[BLOCK_INDEX_WAYS];
    unsigned char bytes[PAGE_BYTES];
};
_Static_assert(sizeof(union page) == PAGE_BYTES, "a bucket is a page");
_Static_assert(BLOCK_INDEX_MIN_BYTES == 2 * PAGE_BYTES, "a head and a bucket");

struct block_index {
    int fd;
    uint64_t size_bytes;
    uint64_t buckets;
    union page *pages; /* mapped: the head, then the buckets */
    struct block_targets *targets;
};

/* ---- The file ---- */

static uint64_t head_check(const struct head *head)
{
    return XXH3_64bits(head, offsetof(struct head, check));
}

static bool head_is_ours(const struct block_index *index)
{
    struct head head;

    if (pread(index->fd, &head, sizeof head, 0) != (ssize_t)sizeof head)
        return false;
    return head.magic == INDEX_MAGIC && head.version == INDEX_VERSION &&
           head.ways == BLOCK_INDEX_WAYS && head.buckets == index->buckets &&
           head.check == head_check(&head);
}

/* The space is taken now: a hole that cannot be filled later, on a full disk, would be a SIGBUS. The head
 * comes last, so that what a kill leaves behind is begun anew. */
static bool begin_anew(struct block_index *index, const char *path, struct err *e)
{
    struct head head = {.magic = INDEX_MAGIC,
                        .version = INDEX_VERSION,
                        .ways = BLOCK_INDEX_WAYS,
                        .buckets = index->buckets,
                        .clock = 1};
    int failed = ftruncate(index->fd, 0) == 0 ? 0 : errno;

    if (!failed)
        failed = posix_fallocate(index->fd, 0, (off_t)index->size_bytes);
    if (!failed && getrandom(&head.salt, sizeof head.salt, 0) != (ssize_t)sizeof head.salt)
        failed = EIO;
    head.check = head_check(&head);
    if (!failed && pwrite(index->fd, &head, sizeof head, 0) != (ssize_t)sizeof head)
        failed = EIO;
    if (!failed)
        return true;
    if (ftruncate(index->fd, 0) != 0) /* gives back what was taken of a full disk */
        failed = errno;
    return err_set_errno(e, failed, RETRY_NEVER, "cannot make the index %s of %lu bytes", path,
                         (unsigned long)index->size_bytes);
}

static bool open_file(struct block_index *index, const char *path, struct err *e)
{
    struct stat st;
    int locked;

    index->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (index->fd < 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot open %s", path);
    locked = durable_flock(index->fd);
    if (locked == EWOULDBLOCK)
        return err_set(e, ERR_CONFLICT, RETRY_NEVER, "another process uses the index %s", path);
    if (locked)
        return err_set_errno(e, locked, RETRY_NEVER, "cannot lock %s", path);
    if (fchmod(index->fd, 0600) != 0 || fstat(index->fd, &st) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot look at %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%s is no regular file", path);
    return ((uint64_t)st.st_size == index->size_bytes && head_is_ours(index)) ||
           begin_anew(index, path, e);
}

static bool map_file(struct block_index *index, const char *path, struct err *e)
{
    void *mapped = mmap(NULL, index->size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, index->fd, 0);

    if (mapped == MAP_FAILED)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot map %s", path);
    index->pages = mapped;
    madvise(mapped, index->size_bytes, MADV_RANDOM); /* only a wish */
    return true;
}

static bool open_targets(struct block_index *index, const char *path, struct err *e)
{
    uint32_t *clock;
    char *beside;

    if (asprintf(&beside, "%s.targets", path) < 0)
        return err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot open the index %s", path);
    index->targets = block_targets_open(beside, index->pages[0].head.salt, e);
    free(beside);
    if (!index->targets)
        return false;
    clock = &index->pages[0].head.clock;
    if ((int32_t)(*clock - block_targets_youngest(index->targets)) < 0)
        *clock = block_targets_youngest(index->targets); /* the head is older than the names */
    return true;
}

struct block_index *block_index_open(const char *path, uint64_t max_bytes, struct err *e)
{
    struct block_index *index = calloc(1, sizeof *index);

    assert(max_bytes >= BLOCK_INDEX_MIN_BYTES && max_bytes <= BLOCK_INDEX_MAX_BYTES);
    if (!index) {
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot open the index %s", path);
        return NULL;
    }
    index->fd = -1;
    index->buckets = max_bytes / PAGE_BYTES - 1;
    index->size_bytes = (index->buckets + 1) * PAGE_BYTES;
    if (!open_file(index, path, e) || !map_file(index, path, e) || !open_targets(index, path, e)) {
        block_index_close(index);
        return NULL;
    }
    return index;
}

void block_index_close(struct block_index *index)
{
    if (!index)
        return;
    block_targets_close(index->targets);
    if (index->pages)
        munmap(index->pages, index->size_bytes);
    if (index->fd >= 0)
        close(index->fd);
    free(index);
}

/* ---- Use ---- */

static union page *bucket_of(struct block_index *index, const struct block_id *id)
{
    uint64_t word;

    memcpy(&word, id->bytes, sizeof word);
    return &index->pages[1 + word % index->buckets];
}

static struct entry *entry_of(struct block_index *index, const struct block_id *id)
{
    union page *bucket = bucket_of(index, id);

    for (unsigned i = 0; i < BLOCK_INDEX_WAYS; i++) {
        struct entry *entry = &bucket->entries[i];

        if (entry->target && memcmp(entry->key, id->bytes, sizeof entry->key) == 0)
            return entry;
    }
    return NULL;
}

/* Every value comes from a file: one that is out of bounds is no entry. */
bool block_index_find(struct block_index *index, const struct block_id *id,
                      struct block_place *out_place)
{
    const struct entry *entry = entry_of(index, id);
    const char *name;
    uint32_t born;

    if (!entry || entry->offset % SECTOR_BYTES || entry->offset >= STREAM_DISK_MAX_BYTES)
        return false;
    name = block_targets_name(index->targets, entry->target - 1, &born);
    if (!name || (int32_t)(entry->stamp - born) < 0)
        return false; /* the number was another's then */
    *out_place = (struct block_place){name, entry->offset};
    return true;
}

/* A free entry, or the oldest. */
static struct entry *room_in(union page *bucket, uint32_t clock)
{
    struct entry *oldest = &bucket->entries[0];

    for (unsigned i = 0; i < BLOCK_INDEX_WAYS; i++) {
        struct entry *entry = &bucket->entries[i];

        if (!entry->target)
            return entry;
        if (clock - entry->stamp > clock - oldest->stamp)
            oldest = entry;
    }
    return oldest;
}

void block_index_note(struct block_index *index, const struct block_id *id, const char *target,
                      uint64_t offset)
{
    uint32_t *clock = &index->pages[0].head.clock;
    struct entry *entry = entry_of(index, id);
    uint32_t number;

    assert(offset % SECTOR_BYTES == 0 && offset < STREAM_DISK_MAX_BYTES);
    ++*clock;
    if (!block_targets_number(index->targets, target, *clock, &number))
        return;
    if (!entry)
        entry = room_in(bucket_of(index, id), *clock);
    memcpy(entry->key, id->bytes, sizeof entry->key);
    entry->offset = offset;
    entry->target = number + 1;
    entry->stamp = *clock;
}

void block_index_forget(struct block_index *index, const struct block_id *id)
{
    struct entry *entry = entry_of(index, id);

    if (entry)
        memset(entry, 0, sizeof *entry);
}
