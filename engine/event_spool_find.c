/* event_spool_find.c - the files of spools: made, found, locked. See event_spool.h, event_spool.md. */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blockmap/bytes.h"
#include "engine/event_spool.h"
#include "engine/event_spool_parts.h"
#include "io/durable.h"

#define HEX_BYTES(count)      ((count)*2 + 1)
#define PREFIX_MAX_BYTES      64u
#define NAME_SUFFIX           ".spool"
#define NAME_SUFFIX_NEW       ".new"
#define EVENT_SPOOL_PATH_PART 512u
#define BLOCK_BYTES           512u /* what st_blocks counts */
#define UNNAMED_KEPT_S        60u

static void prefix_of(const unsigned char key[SPOOL_KEY_BYTES], char out_text[PREFIX_MAX_BYTES])
{
    char hex[HEX_BYTES(SPOOL_KEY_BYTES)];

    bytes_hex(key, SPOOL_KEY_BYTES, hex);
    snprintf(out_text, PREFIX_MAX_BYTES, "report-%s-", hex);
}

static bool ends_with(const char *text, const char *suffix)
{
    size_t bytes = strlen(text), suffix_bytes = strlen(suffix);

    return bytes >= suffix_bytes && strcmp(text + bytes - suffix_bytes, suffix) == 0;
}

static bool path_of(char out_path[PATH_MAX], const char *folder, const char *name)
{
    int length = snprintf(out_path, PATH_MAX, "%s/%s", folder, name);

    return length > 0 && length < PATH_MAX;
}

/* Takes fd and its lock, also when it fails. */
static struct event_spool *spool_new(struct reactor *r, int fd, const char *path,
                                     const struct spool_id *id, const struct spool_cursor *cursor,
                                     uint64_t end_bytes)
{
    struct event_spool *spool = calloc(1, sizeof *spool);

    if (!spool) {
        close(fd);
        return NULL;
    }
    spool->reactor = r;
    spool->fd = fd;
    spool->id = *id;
    spool->cursor = *cursor;
    spool->end_bytes = end_bytes;
    snprintf(spool->path, sizeof spool->path, "%s", path);
    return spool;
}

/* ---- Names ---- */

struct name_list {
    char *names[EVENT_SPOOL_FILES_MAX];
    size_t count;
};

static void names_free(struct name_list *list)
{
    if (!list)
        return;
    for (size_t i = 0; i < list->count; i++)
        free(list->names[i]);
    free(list);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Those of one key, the oldest first; NULL: none, or the folder cannot be read. */
static struct name_list *names_of(const char *folder, const unsigned char key[SPOOL_KEY_BYTES])
{
    struct name_list *list = calloc(1, sizeof *list);
    char prefix[PREFIX_MAX_BYTES];
    DIR *dir = list ? opendir(folder) : NULL;
    struct dirent *entry;

    prefix_of(key, prefix);
    while (dir && list->count < EVENT_SPOOL_FILES_MAX && (entry = readdir(dir))) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        list->names[list->count] = strdup(entry->d_name);
        if (!list->names[list->count])
            break;
        list->count++;
    }
    if (dir)
        closedir(dir);
    if (list)
        qsort(list->names, list->count, sizeof list->names[0], by_name);
    return list;
}

static uint64_t bytes_of_all(const char *folder, const unsigned char key[SPOOL_KEY_BYTES])
{
    struct name_list *list = names_of(folder, key);
    uint64_t bytes = 0;
    char path[PATH_MAX];
    struct stat st;

    for (size_t i = 0; list && i < list->count; i++)
        if (path_of(path, folder, list->names[i]) && lstat(path, &st) == 0)
            bytes += (uint64_t)st.st_blocks * BLOCK_BYTES;
    names_free(list);
    return bytes;
}

/* ---- Make ---- */

/* The lock is taken before anybody who looks for files left behind can see the name. */
static int make_file(const char *fresh, const struct spool_id *id)
{
    unsigned char head[SPOOL_HEADER_BYTES];
    int fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    int why;

    if (fd < 0)
        return -1;
    spool_header_encode(id, head);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fchmod(fd, 0600) == 0 &&
        pwrite(fd, head, sizeof head, 0) == (ssize_t)sizeof head)
        return fd;
    why = errno ? errno : EIO;
    close(fd);
    unlink(fresh);
    errno = why;
    return -1;
}

struct event_spool *event_spool_make(struct reactor *r, const char *folder,
                                     const struct spool_id *id, uint64_t max_bytes, struct err *e)
{
    struct spool_cursor cursor = {.turn = 2, .offset = SPOOL_HEADER_BYTES, .line = 1};
    char prefix[PREFIX_MAX_BYTES], stream[HEX_BYTES(SPOOL_STREAM_BYTES)];
    char path[PATH_MAX - EVENT_SPOOL_PATH_PART], fresh[PATH_MAX];
    struct event_spool *spool;
    uint64_t used;
    int fd, length;

    if (!durable_make_folder(folder, e))
        return NULL;
    used = bytes_of_all(folder, id->key);
    prefix_of(id->key, prefix);
    bytes_hex(id->stream, SPOOL_STREAM_BYTES, stream);
    length = snprintf(path, sizeof path, "%s/%s%016" PRIx64 "-%s" NAME_SUFFIX, folder, prefix,
                      id->created_ns, stream);
    snprintf(fresh, sizeof fresh, "%s" NAME_SUFFIX_NEW, path);
    errno = ENAMETOOLONG;
    fd = length > 0 && (size_t)length < sizeof path ? make_file(fresh, id) : -1;
    if (fd >= 0 && rename(fresh, path) != 0) {
        close(fd);
        unlink(fresh);
        fd = -1;
    }
    if (fd < 0) {
        err_set_errno(e, errno, RETRY_LATER, "cannot make a file in %.200s", folder);
        return NULL;
    }
    spool = spool_new(r, fd, path, id, &cursor, SPOOL_HEADER_BYTES);
    if (!spool) {
        unlink(path);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for events that wait");
        return NULL;
    }
    spool->max_bytes =
        used + EVENT_SPOOL_MIN_BYTES < max_bytes ? max_bytes - used : EVENT_SPOOL_MIN_BYTES;
    return spool;
}

/* ---- Find ---- */

/* Locked, and still of this name: whoever had it before may have delivered and removed it. */
static int lock_file(const char *path, struct stat *out_st)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, out_st) == 0 && S_ISREG(out_st->st_mode) &&
        out_st->st_nlink == 1 && out_st->st_uid == geteuid())
        return fd;
    close(fd);
    return -1;
}

static struct event_spool *open_spool(struct reactor *r, const char *path,
                                      const unsigned char key[SPOOL_KEY_BYTES])
{
    unsigned char head[SPOOL_HEADER_BYTES];
    struct spool_cursor cursor;
    struct err e = {0};
    struct spool_id id;
    struct stat st;
    int fd = lock_file(path, &st);

    if (fd < 0)
        return NULL;
    if (pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head &&
        spool_header_decode(head, &id, &cursor, &e) && memcmp(id.key, key, SPOOL_KEY_BYTES) == 0)
        return spool_new(r, fd, path, &id, &cursor, (uint64_t)st.st_size);
    if (st.st_size < (off_t)SPOOL_HEADER_BYTES) /* killed before it held anything */
        unlink(path);
    close(fd);
    return NULL;
}

/* Killed between its making and its renaming; a young one may not be locked yet. */
static void remove_unnamed(const char *path, uint64_t wall_ns)
{
    struct stat st;
    int fd = lock_file(path, &st);

    if (fd < 0)
        return;
    if ((uint64_t)st.st_mtim.tv_sec + UNNAMED_KEPT_S < wall_ns / NS_PER_S)
        unlink(path);
    close(fd);
}

struct event_spool *event_spool_find(struct reactor *r, const char *folder,
                                     const unsigned char key[SPOOL_KEY_BYTES])
{
    struct name_list *list = names_of(folder, key);
    struct event_spool *spool = NULL;
    char path[PATH_MAX];

    for (size_t i = 0; list && i < list->count && !spool; i++) {
        if (!path_of(path, folder, list->names[i]))
            continue;
        if (ends_with(path, NAME_SUFFIX NAME_SUFFIX_NEW))
            remove_unnamed(path, reactor_wall_ns(r));
        else if (ends_with(path, NAME_SUFFIX))
            spool = open_spool(r, path, key);
    }
    names_free(list);
    return spool;
}
