/* map_file.c - see map_file.h: looking up. Making is in map_making.c.
 *
 * The file is mapped and never written in place by us: a new map is renamed over it. Who truncates one while
 * it is looked up ends the process (SIGBUS); it is its owner's alone.
 */
#include "io/map_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESIDENT_MAX_BYTES (16u << 20) /* looked at before the kernel is told that it may go */

struct map_file {
    void *bytes;
    size_t count;
    struct map_view view;
    char path[200]; /* for sentences */
};

/* Maps what is open, if it may be a map. */
static bool map_file_take(struct map_file *map, int fd, const char *path, struct err *e)
{
    struct stat found;

    if (fstat(fd, &found) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot read %.200s", path);
    if (!S_ISREG(found.st_mode))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%.200s is not a regular file, so no block map",
                       path);
    if (found.st_size < (off_t)MAP_HEAD_BYTES)
        return err_set(e, ERR_CORRUPT, RETRY_NEVER,
                       "%.200s is no block map, or one that is cut off", path);
    map->count = (size_t)found.st_size;
    map->bytes = mmap(NULL, map->count, PROT_READ, MAP_SHARED, fd, 0);
    if (map->bytes == MAP_FAILED) {
        map->bytes = NULL;
        return err_set_errno(e, errno, RETRY_NEVER, "cannot map %.200s", path);
    }
    return true;
}

/* Drops what was looked at from our memory; it stays in the page cache as long as the kernel likes. */
static void map_file_rest(struct map_file *map)
{
    if (map->view.touched_bytes < RESIDENT_MAX_BYTES)
        return;
    map->view.touched_bytes = 0;
    (void)madvise(map->bytes, map->count, MADV_DONTNEED);
}

static bool map_file_name(const struct map_file *map, struct err *e)
{
    err_prefix(e, "the block map %s: ", map->path);
    return false;
}

bool map_file_open(const char *path, struct map_file **out_map, struct err *e)
{
    /* O_NONBLOCK: a FIFO must not block us */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct map_file *map = NULL;
    bool ok = false;

    *out_map = NULL;
    if (fd < 0 && errno == ENOENT)
        return true;
    if (fd < 0 && errno == ELOOP)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%.200s is a symbolic link, so no block map",
                       path);
    if (fd < 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot read %.200s", path);
    map = calloc(1, sizeof *map);
    if (!map) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to open %.200s", path);
        goto out;
    }
    for (size_t i = 0; i + 1 < sizeof map->path && path[i]; i++)
        map->path[i] = path[i];
    if (!map_file_take(map, fd, path, e))
        goto out;
    if (!map_view_open(&map->view, map->bytes, map->count, e)) {
        map_file_name(map, e);
        goto out;
    }
    map_file_rest(map);
    *out_map = map;
    ok = true;
out:
    close(fd);
    if (!ok)
        map_file_close(map);
    return ok;
}

void map_file_close(struct map_file *map)
{
    if (!map)
        return;
    if (map->bytes)
        munmap(map->bytes, map->count);
    free(map);
}

const struct map_head *map_file_head(const struct map_file *map)
{
    return &map->view.head;
}

uint64_t map_file_bytes(const struct map_file *map)
{
    return map->count;
}

bool map_file_look(struct map_file *map, uint64_t first_block, uint32_t count,
                   struct map_entry *out_entries, struct err *e)
{
    map_file_rest(map);
    return map_view_look(&map->view, first_block, count, out_entries, e) || map_file_name(map, e);
}

struct map_counts map_file_counts(const struct map_file *map)
{
    const struct map_totals *totals = &map->view.totals;

    return (struct map_counts){totals->hashed_blocks, totals->zero_blocks, totals->unknown_blocks};
}

bool map_file_run(struct map_file *map, uint64_t at, uint64_t count_max, struct map_run *out_run,
                  struct err *e)
{
    map_file_rest(map);
    return map_view_run(&map->view, at, count_max, out_run, e) || map_file_name(map, e);
}
