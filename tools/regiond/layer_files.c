/* layer_files.c - a hash of open segments, idle ones in order of last use. */
#include "tools/regiond/layer_files.h"
#include "tools/regiond/layer_folder.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUCKET_COUNT 4096u

struct segment {
    uint64_t blob; /* set once */
    uint64_t number;
    uint32_t file;
    int fd;
    uint32_t borrower_count; /* from here on: guarded by the files' lock */
    bool forgotten;          /* its file is gone; close at the last release */
    struct segment *bucket_next;
    struct segment *idle_previous, *idle_next; /* while nobody borrows it */
};

struct layer_files {
    int folder_fd; /* set once */
    uint64_t segment_bytes;
    uint32_t idle_max;
    bool sync;
    pthread_mutex_t lock; /* guards all below */
    struct segment *buckets[BUCKET_COUNT];
    struct segment idle; /* ring: idle.idle_next is the oldest */
    uint32_t idle_count;
};

struct layer_files *layer_files_open(int folder_fd, uint64_t segment_bytes, uint32_t idle_max,
                                     bool sync)
{
    struct layer_files *files = calloc(1, sizeof *files);

    if (!files)
        return NULL;
    files->folder_fd = folder_fd;
    files->segment_bytes = segment_bytes;
    files->idle_max = idle_max;
    files->sync = sync;
    files->idle.idle_next = files->idle.idle_previous = &files->idle;
    pthread_mutex_init(&files->lock, NULL);
    return files;
}

void layer_files_close(struct layer_files *files)
{
    if (!files)
        return;
    for (unsigned i = 0; i < BUCKET_COUNT; i++) {
        struct segment *s = files->buckets[i];

        while (s) {
            struct segment *next = s->bucket_next;

            assert(s->borrower_count == 0);
            close(s->fd);
            free(s);
            s = next;
        }
    }
    pthread_mutex_destroy(&files->lock);
    free(files);
}

uint64_t layer_files_segment_bytes(const struct layer_files *files)
{
    return files->segment_bytes;
}

/* ---- The hash; all with the lock held ---- */

static unsigned bucket_of(uint64_t blob, uint32_t file, uint64_t number)
{
    uint64_t mixed =
        (blob * 0x9E3779B97F4A7C15u) ^ (((uint64_t)file << 32) + number) * 0xC2B2AE3D27D4EB4Fu;

    return (unsigned)(mixed >> 40) % BUCKET_COUNT;
}

static struct segment *find(struct layer_files *files, uint64_t blob, uint32_t file,
                            uint64_t number)
{
    struct segment *s = files->buckets[bucket_of(blob, file, number)];

    while (s && (s->blob != blob || s->file != file || s->number != number))
        s = s->bucket_next;
    return s;
}

static void leave_idle(struct layer_files *files, struct segment *s)
{
    s->idle_previous->idle_next = s->idle_next;
    s->idle_next->idle_previous = s->idle_previous;
    s->idle_next = s->idle_previous = NULL;
    files->idle_count--;
}

static void leave_bucket(struct layer_files *files, struct segment *s)
{
    struct segment **at = &files->buckets[bucket_of(s->blob, s->file, s->number)];

    while (*at != s)
        at = &(*at)->bucket_next;
    *at = s->bucket_next;
}

static void close_idle(struct layer_files *files, struct segment *s)
{
    leave_idle(files, s);
    leave_bucket(files, s);
    close(s->fd);
    free(s);
}

/* ---- Borrowing ---- */

static int open_segment(struct layer_files *files, uint64_t blob, uint32_t file, uint64_t number,
                        bool create, int *out_fd)
{
    char path[80];
    struct stat info;
    int fd, error;

    if (file == LAYER_LOG)
        snprintf(path, sizeof path, "blobs/%016llx/log", (unsigned long long)blob);
    else
        snprintf(path, sizeof path, "blobs/%016llx/%06x.%llx", (unsigned long long)blob, file,
                 (unsigned long long)number);
    fd = openat(files->folder_fd, path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
    if (fd < 0)
        return errno;
    /* Full length at once: whoever sends a span of this file may meet its tail as a hole. */
    error = file != LAYER_LOG && fstat(fd, &info) != 0 ? errno : 0;
    if (!error && file != LAYER_LOG && (uint64_t)info.st_size < files->segment_bytes) {
        error = ftruncate(fd, (off_t)files->segment_bytes) == 0 ? 0 : errno;
        if (!error && files->sync)
            error = layer_folder_sync(files->folder_fd, blob); /* the new name too */
    }
    if (error)
        close(fd);
    else
        *out_fd = fd;
    return error;
}

int segment_borrow(struct layer_files *files, uint64_t blob, uint32_t file, uint64_t number,
                   bool create, struct segment **out)
{
    struct segment *s;
    int error = 0;

    pthread_mutex_lock(&files->lock);
    s = find(files, blob, file, number);
    if (s) {
        if (s->borrower_count++ == 0)
            leave_idle(files, s);
        goto out;
    }
    s = calloc(1, sizeof *s);
    error = s ? open_segment(files, blob, file, number, create, &s->fd) : ENOMEM;
    while (error == EMFILE && files->idle_count > 0) {
        close_idle(files, files->idle.idle_next);
        error = open_segment(files, blob, file, number, create, &s->fd);
    }
    if (error) {
        free(s);
        goto out;
    }
    s->blob = blob;
    s->file = file;
    s->number = number;
    s->borrower_count = 1;
    s->bucket_next = files->buckets[bucket_of(blob, file, number)];
    files->buckets[bucket_of(blob, file, number)] = s;
out:
    pthread_mutex_unlock(&files->lock);
    if (!error)
        *out = s;
    return error;
}

void segment_release(struct layer_files *files, struct segment *segment)
{
    if (!segment)
        return;
    pthread_mutex_lock(&files->lock);
    assert(segment->borrower_count > 0);
    if (--segment->borrower_count == 0) {
        if (segment->forgotten) {
            close(segment->fd);
            free(segment);
        } else {
            segment->idle_previous = files->idle.idle_previous;
            segment->idle_next = &files->idle;
            segment->idle_previous->idle_next = segment;
            files->idle.idle_previous = segment;
            if (++files->idle_count > files->idle_max)
                close_idle(files, files->idle.idle_next);
        }
    }
    pthread_mutex_unlock(&files->lock);
}

int segment_fd(const struct segment *segment)
{
    return segment->fd;
}

bool layer_busy(struct layer_files *files, uint64_t blob, uint32_t file, uint64_t offset,
                uint64_t length_bytes)
{
    uint64_t first = offset / files->segment_bytes;
    uint64_t last = (offset + length_bytes - 1) / files->segment_bytes;
    bool busy = false;

    pthread_mutex_lock(&files->lock);
    if (last - first < 8) {
        for (uint64_t n = first; n <= last && !busy; n++) {
            struct segment *s = find(files, blob, file, n);

            busy = s && s->borrower_count > 0;
        }
    } else {
        for (unsigned i = 0; i < BUCKET_COUNT && !busy; i++)
            for (struct segment *s = files->buckets[i]; s && !busy; s = s->bucket_next)
                busy = s->blob == blob && s->file == file && s->number >= first &&
                       s->number <= last && s->borrower_count > 0;
    }
    pthread_mutex_unlock(&files->lock);
    return busy;
}

/* ---- Bytes ---- */

static int write_whole(int fd, const unsigned char *bytes, uint64_t length, uint64_t offset)
{
    while (length > 0) {
        ssize_t n = pwrite(fd, bytes, length, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        bytes += n;
        offset += (uint64_t)n;
        length -= (uint64_t)n;
    }
    return 0;
}

int layer_write(struct layer_files *files, uint64_t blob, uint32_t file, uint64_t offset,
                const void *bytes, uint64_t length_bytes)
{
    const unsigned char *at = bytes;
    uint64_t cut = file == LAYER_LOG ? UINT64_MAX : files->segment_bytes;

    while (length_bytes > 0) {
        uint64_t within = offset % cut;
        uint64_t n = length_bytes < cut - within ? length_bytes : cut - within;
        struct segment *segment = NULL;
        int error = segment_borrow(files, blob, file, offset / cut, file != LAYER_LOG, &segment);

        if (!error)
            error = write_whole(segment->fd, at, n, within);
        if (!error && files->sync && fdatasync(segment->fd) != 0)
            error = errno;
        segment_release(files, segment);
        if (error)
            return error;
        at += n;
        offset += n;
        length_bytes -= n;
    }
    return 0;
}

static int punch_segment(struct layer_files *files, uint64_t blob, uint32_t file, uint64_t number,
                         uint64_t within, uint64_t length)
{
    struct segment *segment;
    int error = segment_borrow(files, blob, file, number, false, &segment);

    if (error)
        return error == ENOENT ? 0 : error;
    do
        error = fallocate(segment->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)within,
                          (off_t)length) == 0
                    ? 0
                    : errno;
    while (error == EINTR);
    /* The slot is emptied next: a hole that a power cut may fill again would be met unawares. */
    if (!error && files->sync && fdatasync(segment->fd) != 0)
        error = errno;
    segment_release(files, segment);
    return error;
}

struct punching {
    struct layer_files *files;
    uint64_t blob, start, end;
    uint32_t file;
    int error;
};

static bool punch_seen(void *context, uint32_t file, uint64_t number)
{
    struct punching *p = context;
    uint64_t base = number * p->files->segment_bytes;
    uint64_t start = p->start > base ? p->start : base;
    uint64_t end = base + p->files->segment_bytes;

    end = p->end < end ? p->end : end;
    if (file == p->file && start < end)
        p->error = punch_segment(p->files, p->blob, file, number, start - base, end - start);
    return p->error == 0;
}

int layer_punch(struct layer_files *files, uint64_t blob, uint32_t file, uint64_t offset,
                uint64_t length_bytes)
{
    struct punching p = {
        .files = files, .blob = blob, .start = offset, .end = offset + length_bytes, .file = file};
    uint64_t first = offset / files->segment_bytes;
    uint64_t last = (offset + length_bytes - 1) / files->segment_bytes;

    assert(file != LAYER_LOG && length_bytes > 0);
    if (last - first >= 8) { /* of terabytes, only what exists */
        int error = layer_folder_list(files->folder_fd, blob, punch_seen, &p);

        return error ? error : p.error;
    }
    for (uint64_t n = first; n <= last && p.error == 0; n++)
        punch_seen(&p, file, n);
    return p.error;
}

struct removing {
    struct layer_files *files;
    uint64_t blob;
    uint32_t file;
};

static bool remove_seen(void *context, uint32_t file, uint64_t number)
{
    struct removing *r = context;
    struct segment *s;
    char path[80];

    if (file != r->file)
        return true;
    snprintf(path, sizeof path, "blobs/%016llx/%06x.%llx", (unsigned long long)r->blob, file,
             (unsigned long long)number);
    pthread_mutex_lock(&r->files->lock);
    unlinkat(r->files->folder_fd, path, 0);
    s = find(r->files, r->blob, file, number);
    if (s && s->borrower_count > 0) {
        leave_bucket(r->files, s);
        s->forgotten = true;
    } else if (s) {
        close_idle(r->files, s);
    }
    pthread_mutex_unlock(&r->files->lock);
    return true;
}

void layer_remove(struct layer_files *files, uint64_t blob, uint32_t file)
{
    struct removing r = {.files = files, .blob = blob, .file = file};

    layer_folder_list(files->folder_fd, blob, remove_seen, &r);
}

void layer_files_forget(struct layer_files *files, uint64_t blob)
{
    pthread_mutex_lock(&files->lock);
    for (unsigned i = 0; i < BUCKET_COUNT; i++) {
        struct segment *s = files->buckets[i];

        while (s) {
            struct segment *next = s->bucket_next;

            if (s->blob == blob && s->borrower_count > 0) {
                leave_bucket(files, s);
                s->forgotten = true;
            } else if (s->blob == blob) {
                close_idle(files, s);
            }
            s = next;
        }
    }
    pthread_mutex_unlock(&files->lock);
}
