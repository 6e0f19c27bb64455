/* stream_case.c - see stream_case.h. */
#include "tests/support/stream_case.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

void stream_case_open(struct stream_case *c, enum reactor_backend backend)
{
    struct err e = {0};

    *c = (struct stream_case){0};
    rig_open(&c->rig, backend);
    c->workers = workers_new(c->rig.r, 2, &e);
    cr_assert(c->workers, "%s", e.text);
    c->pool = bufpool_new(c->rig.r, STREAM_CASE_BUFS * (uint64_t)BUF_BYTES,
                          STREAM_CASE_BUFS * (uint64_t)BUF_BYTES, &e);
    cr_assert(c->pool, "%s", e.text);
    for (unsigned i = 0; i < STREAM_CASE_BUFS; i++) {
        c->bufs[i] = bufpool_borrow(c->pool);
        cr_assert(c->bufs[i]);
    }
    test_temp_path(c->path, "disk.sfd");
}

void stream_case_close(struct stream_case *c)
{
    for (unsigned i = 0; i < STREAM_CASE_BUFS; i++)
        bufpool_release(c->pool, c->bufs[i]);
    bufpool_free(c->pool);
    workers_free(c->workers);
    rig_close(&c->rig);
    unlink(c->path);
}

struct endpoint *stream_case_source(struct stream_case *c, const struct stream_made *made,
                                    bool through_pipe)
{
    struct err e = {0};
    struct endpoint *ep;
    int fds[2];
    int fd;

    if (through_pipe) {
        cr_assert_eq(pipe(fds), 0);
        (void)fcntl(fds[1], F_SETPIPE_SZ, 1 << 20);
        fd = fds[1];
    } else {
        fd = open(c->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    }
    cr_assert_eq(write(fd, made->bytes, made->used), (ssize_t)made->used);
    close(fd);
    ep = endpoint_stream_in_open(c->rig.r, c->workers, through_pipe ? NULL : c->path, fds[0], &e);
    cr_assert(ep, "%s", e.text);
    return ep;
}

static void expected(struct setup_req *req)
{
    req->size_bytes = 1; /* it ended */
}

struct endpoint *stream_case_target(struct stream_case *c, uint64_t disk_bytes,
                                    const struct extent_set *data)
{
    const struct extent_set nothing = {0};
    struct marker marker = {.state = MARKER_COPYING,
                            .copy_uuid = "01234567-89ab-4cde-8f01-23456789abcd"};
    struct setup_expect expect = {.data = data,
                                  .clears = &nothing,
                                  .source_bytes = disk_bytes,
                                  .disk_bytes = disk_bytes,
                                  .source = "file:/source"};
    struct setup_req req = {.verb = SETUP_EXPECT, .expect = &expect, .done = expected};
    struct endpoint_stream_out_options how = {.path = c->path, .level = 3};
    struct err e = {0};
    struct endpoint *ep = endpoint_stream_out_new(c->rig.r, c->workers, &how, &e);

    cr_assert(ep, "%s", e.text);
    await_good(await_setup(&c->rig, ep, SETUP_CREATE, disk_bytes, &marker).err);
    endpoint_setup(ep, &req);
    while (!req.size_bytes)
        rig_turn(&c->rig);
    await_good(req.err);
    return ep;
}

static void block_ended(struct block_req *req)
{
    ((struct stream_case_block *)((char *)req - offsetof(struct stream_case_block, req)))->done =
        true;
}

void stream_case_begin(struct stream_case_block *block, struct endpoint *ep, bool write,
                       struct extent range, struct buf *buf)
{
    block->done = false;
    block->req = (struct block_req){
        .offset = range.offset, .length = range.length, .buf = buf, .done = block_ended};
    if (write)
        endpoint_write(ep, &block->req);
    else
        endpoint_read(ep, &block->req);
}
