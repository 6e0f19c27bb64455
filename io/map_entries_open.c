/* map_entries_open.c - whose PATH.making is: its head, its lock. See map_entries.h.
 *
 * The kernel keeps what a killed process wrote; only a crash of the machine may lose it. Whether there was
 * one is told by the kernel's boot id, and by a file that was closed in order.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "io/durable.h"
#include "io/map_entries_parts.h"

#define MAKING_MAGIC "snapfmk1"
#define MAGIC_BYTES  8u
#define BOOT_BYTES   40u
#define BOOT_AT      MAGIC_BYTES
#define CLOSED_AT    (BOOT_AT + BOOT_BYTES)
#define MAP_HEAD_AT  64u
#define SEALED_BYTES (MAP_HEAD_AT + MAP_HEAD_BYTES)
#define HEAD_BYTES   (SEALED_BYTES + MAP_CHECKSUM_BYTES)
#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"

_Static_assert(HEAD_BYTES <= MAP_ENTRIES_MARKS_AT, "the head fits");

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
    if (!map_entries_write(entries, 0, bytes, sizeof bytes, e))
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

    if (!map_entries_read(entries, 0, bytes, sizeof bytes, e))
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

/* Nothing, or what we began: all else that somebody keeps there is not ours to cut. A crash of the machine
 * may leave zeros where the head was to be. */
static bool entries_may_begin(struct map_entries *entries, struct err *e)
{
    static const unsigned char zeros[MAGIC_BYTES];
    unsigned char begins[MAGIC_BYTES];
    struct stat found;

    if (fstat(entries->fd, &found) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot read %.200s", entries->path);
    if (!map_entries_read(entries, 0, begins, sizeof begins, e))
        return false;
    return found.st_size == 0 || memcmp(begins, MAKING_MAGIC, MAGIC_BYTES) == 0 ||
           (found.st_size <= (off_t)HEAD_BYTES && memcmp(begins, zeros, sizeof zeros) == 0) ||
           err_set(e, ERR_USAGE, RETRY_NEVER,
                   "%.200s is there and is no unfinished block map: it is not replaced",
                   entries->path);
}

static bool entries_begin_or_go_on(struct map_entries *entries, bool any_seed, struct err *e)
{
    struct map_head found;
    bool goes_on;

    if (!entries_is_ours(entries, e) || !entries_may_begin(entries, e))
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
        entries->entries_at =
            (MAP_ENTRIES_MARKS_AT + map_page_count(head->disk_bytes) + 4095) / 4096 * 4096;
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
