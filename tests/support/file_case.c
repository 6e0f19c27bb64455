/* file_case.c - see file_case.h. */
#include "tests/support/file_case.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void file_case_open(struct file_case *c, enum reactor_backend backend)
{
    struct err e = {0};

    rig_open(&c->rig, backend);
    c->pool = bufpool_new(c->rig.r, BUF_BYTES, 4 * BUF_BYTES, &e);
    cr_assert(c->pool, "%s", e.text);
    c->buf = bufpool_borrow(c->pool);
    cr_assert(c->buf);
    test_temp_path(c->path, "disk.img");
    snprintf(c->state_path, sizeof c->state_path, "%s.snapferry", c->path);
    unlink(c->path);
    unlink(c->state_path);
}

void file_case_close(struct file_case *c)
{
    bufpool_release(c->pool, c->buf);
    bufpool_free(c->pool);
    rig_close(&c->rig);
    unlink(c->path);
    unlink(c->state_path);
}

void file_case_make(const struct file_case *c, uint64_t size_bytes)
{
    int fd = open(c->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    cr_assert(fd >= 0);
    cr_assert_eq(ftruncate(fd, (off_t)size_bytes), 0);
    close(fd);
}

void file_case_fill(unsigned char *out_bytes, size_t count, unsigned seed)
{
    uint32_t state = seed * 2654435761u + 1;

    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        out_bytes[i] = (unsigned char)(state >> 24) | 1; /* never zero */
    }
}

void file_case_put(const struct file_case *c, uint64_t offset, size_t count, unsigned seed)
{
    unsigned char *bytes = malloc(count);
    int fd = open(c->path, O_WRONLY | O_CLOEXEC);

    cr_assert(bytes && fd >= 0);
    file_case_fill(bytes, count, seed);
    cr_assert_eq(pwrite(fd, bytes, count, (off_t)offset), (ssize_t)count);
    cr_assert_eq(fsync(fd), 0);
    close(fd);
    free(bytes);
}

bool file_case_holds(const struct file_case *c, uint64_t offset, const unsigned char *bytes,
                     size_t count)
{
    unsigned char *found = malloc(count);
    int fd = open(c->path, O_RDONLY | O_CLOEXEC);
    bool same;

    cr_assert(found && fd >= 0);
    same = pread(fd, found, count, (off_t)offset) == (ssize_t)count &&
           memcmp(found, bytes, count) == 0;
    close(fd);
    free(found);
    return same;
}

static struct stat look(const struct file_case *c)
{
    struct stat st;

    cr_assert_eq(stat(c->path, &st), 0);
    return st;
}

uint64_t file_case_size_bytes(const struct file_case *c)
{
    return (uint64_t)look(c).st_size;
}

uint64_t file_case_allocated_bytes(const struct file_case *c)
{
    return (uint64_t)look(c).st_blocks * 512;
}

static struct endpoint *open_end(struct file_case *c, bool writable,
                                 enum endpoint_file_direct direct)
{
    struct endpoint_file_options options = {.writable = writable, .direct = direct};
    struct err e = {0};
    struct endpoint *ep = endpoint_file_open(c->rig.r, c->path, &options, &e);
    struct stat_req st;

    cr_assert(ep, "%s", e.text);
    st = await_stat(&c->rig, ep);
    await_good(st.err);
    return ep;
}

struct endpoint *file_case_source(struct file_case *c, enum endpoint_file_direct direct)
{
    return open_end(c, false, direct);
}

struct endpoint *file_case_target(struct file_case *c, enum endpoint_file_direct direct)
{
    return open_end(c, true, direct);
}
