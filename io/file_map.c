/* file_map.c - lists where a file may hold data, by SEEK_DATA and SEEK_HOLE, a slice a turn.
 *
 * Knows:         lseek's answers. A file system that does not know its holes says "all data".
 * Must not know: who lists.
 *
 * A file of a million fragments takes a second to list: the slices let others run in between.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/endpoint_file_parts.h"

#define SLICE_EXTENTS 256u

struct file_listing {
    struct reactor_task task; /* first */
    struct endpoint_file *f;
    struct list_req *req;
    uint64_t at, end;
};

static bool add_data(struct file_listing *l, uint64_t from, uint64_t to)
{
    const struct extent_set *data = l->req->out_data;
    struct extent e = {from / ENDPOINT_PAGE_BYTES * ENDPOINT_PAGE_BYTES, 0};
    uint64_t end = (to + ENDPOINT_PAGE_BYTES - 1) / ENDPOINT_PAGE_BYTES * ENDPOINT_PAGE_BYTES;
    uint64_t last = data->count ? extent_end(extent_set_at(data, data->count - 1)) : 0;

    if (end > l->end)
        end = l->end; /* itself whole pages */
    if (e.offset < last)
        e.offset = last;
    if (e.offset < l->req->within.offset)
        e.offset = l->req->within.offset;
    if (e.offset >= end)
        return true;
    e.length = end - e.offset;
    return extent_set_append(l->req->out_data, e) ||
           err_set(&l->req->err, ERR_LIMIT, RETRY_NEVER,
                   "%.200s has more data ranges than memory holds", l->f->path);
}

/* One run of data and the hole behind it. True while there is more. */
static bool step(struct file_listing *l)
{
    int fd = l->f->fd;
    off_t data, hole;

    if (l->at >= l->end)
        return false;
    data = lseek(fd, (off_t)l->at, SEEK_DATA);
    if (data < 0 && errno == ENXIO)
        return false; /* a hole to the end */
    if (data < 0 && errno == EINVAL) {
        add_data(l, l->at, l->end);
        return false;
    }
    hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
    if (hole < 0 && !(data >= 0 && errno == ENXIO)) {
        err_set_errno(&l->req->err, errno, RETRY_NEVER, "cannot list the data of %.200s",
                      l->f->path);
        return false;
    }
    if (hole < 0)
        return false; /* it shrank in between: stat or the read will say so */
    if ((uint64_t)data >= l->end)
        return false;
    l->at = (uint64_t)hole;
    return add_data(l, (uint64_t)data, (uint64_t)hole);
}

static void run_slice(struct reactor_task *task)
{
    struct file_listing *l = (struct file_listing *)task;
    struct endpoint_file *f = l->f;
    struct list_req *req = l->req;

    for (unsigned i = 0; i < SLICE_EXTENTS; i++) {
        if (step(l))
            continue;
        free(l);
        endpoint_list_end(&f->head, req);
        return;
    }
    reactor_post(f->head.reactor, task, run_slice);
}

static bool begin(struct endpoint_file *f, struct list_req *req, uint64_t *out_end)
{
    struct stat st;
    uint64_t end = extent_end(req->within);

    if (f->fd < 0)
        return err_set(&req->err, ERR_GONE, RETRY_REPLAN, "%.200s does not exist", f->path);
    if (!file_node_look(f, &st, &req->size_bytes, &req->err))
        return false;
    *out_end = end < req->size_bytes ? end : req->size_bytes;
    return true;
}

void file_map_list(struct endpoint *ep, struct list_req *req)
{
    struct endpoint_file *f = endpoint_file_of(ep);
    struct file_listing *l = NULL;
    uint64_t end = 0;

    if (!begin(f, req, &end)) {
        endpoint_later_list(&f->later, ep, req);
        return;
    }
    l = calloc(1, sizeof *l);
    if (!l) {
        err_set(&req->err, ERR_LIMIT, RETRY_NEVER, "no memory to list %.200s", f->path);
        endpoint_later_list(&f->later, ep, req);
        return;
    }
    *l = (struct file_listing){.f = f, .req = req, .at = req->within.offset, .end = end};
    if (f->block_device && l->at < end) { /* it may hold data anywhere */
        add_data(l, l->at, end);
        l->at = end;
    }
    reactor_post(ep->reactor, &l->task, run_slice);
}
