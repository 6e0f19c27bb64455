/* endpoint_compare.c - see endpoint_compare.h. One job a request: a buffer, a read of the target, a
 * comparison page by page. Jobs without a buffer wait in a queue; one that ends hands its buffer on.
 */
#include "io/endpoint_compare.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/zero.h"
#include "io/bufpool.h"

struct compare_job {
    struct compare *compare;
    struct compare_job *next; /* in the queue */
    struct block_req *asked;  /* of our caller */
    struct block_req read;    /* of the target */
};

struct compare {
    struct endpoint head; /* first */
    struct endpoint *target;
    struct bufpool *pool;
    bool keeps_nothing;
    struct compare_job *first, **last; /* waiting for a buffer */
    struct stat_req stat;
    struct stat_req *stat_asked;
    struct list_req list;
    struct list_req *list_asked;
    struct block_req flush;
    struct block_req *flush_asked;
    struct extent_set differences;
    uint64_t different_bytes, compared_bytes;
};

static struct compare *compare_of(struct endpoint *ep)
{
    return (struct compare *)ep;
}

/* ---- What passes through ---- */

static void compare_stat_done(struct stat_req *req)
{
    struct compare *c = (struct compare *)((char *)req - offsetof(struct compare, stat));
    struct stat_req *asked = c->stat_asked;
    void (*done)(struct stat_req *) = asked->done;

    *asked = *req;
    asked->done = done;
    endpoint_stat_end(&c->head, asked);
}

static void compare_stat(struct endpoint *ep, struct stat_req *req)
{
    struct compare *c = compare_of(ep);

    c->stat_asked = req;
    c->stat = (struct stat_req){.done = compare_stat_done};
    endpoint_stat(c->target, &c->stat);
}

static void compare_list_done(struct list_req *req)
{
    struct compare *c = (struct compare *)((char *)req - offsetof(struct compare, list));

    c->list_asked->size_bytes = req->size_bytes;
    c->list_asked->err = req->err;
    endpoint_list_end(&c->head, c->list_asked);
}

static void compare_list_page(struct list_req *req)
{
    struct compare *c = (struct compare *)((char *)req - offsetof(struct compare, list));

    c->list_asked->size_bytes = req->size_bytes;
    c->list_asked->up_to = req->up_to;
    c->list_asked->page(c->list_asked);
}

static void compare_list(struct endpoint *ep, struct list_req *req)
{
    struct compare *c = compare_of(ep);

    c->list_asked = req;
    c->list = *req;
    c->list.page = req->page ? compare_list_page : NULL;
    c->list.done = compare_list_done;
    endpoint_list(c->target, &c->list);
}

static void compare_flush_done(struct block_req *req)
{
    struct compare *c = (struct compare *)((char *)req - offsetof(struct compare, flush));

    c->flush_asked->err = req->err;
    endpoint_block_end(&c->head, c->flush_asked);
}

static void compare_flush(struct endpoint *ep, struct block_req *req)
{
    struct compare *c = compare_of(ep);

    c->flush_asked = req;
    c->flush = (struct block_req){.done = compare_flush_done};
    endpoint_flush(c->target, &c->flush);
}

/* ---- Comparing ---- */

static bool compare_note(struct compare *c, struct extent page)
{
    c->different_bytes += page.length;
    if (c->differences.count >= COMPARE_DIFFERENCES_MAX)
        return true;
    return extent_set_add(&c->differences, page);
}

/* Keeps the pages of one range that are not as they should be; wanted NULL: all zero. */
static bool compare_pages(struct compare *c, uint64_t offset, const unsigned char *wanted,
                          const unsigned char *found, size_t count)
{
    bool same = wanted ? memcmp(wanted, found, count) == 0 : zero_is(found, count);

    for (size_t at = 0; !same && at < count; at += ENDPOINT_PAGE_BYTES) {
        struct extent page = {offset + at, ENDPOINT_PAGE_BYTES};
        bool equal = wanted ? memcmp(wanted + at, found + at, ENDPOINT_PAGE_BYTES) == 0
                            : zero_is(found + at, ENDPOINT_PAGE_BYTES);

        if (!equal && !compare_note(c, page))
            return false;
    }
    c->compared_bytes += count;
    return true;
}

static void compare_job_done(struct block_req *read);

static void compare_job_begin(struct compare_job *job, struct buf *buf)
{
    job->read = (struct block_req){.offset = job->asked->offset,
                                   .length = job->asked->length,
                                   .buf = buf,
                                   .done = compare_job_done};
    endpoint_read(job->compare->target, &job->read);
}

static void compare_job_done(struct block_req *read)
{
    struct compare_job *job =
        (struct compare_job *)((char *)read - offsetof(struct compare_job, read));
    struct compare *c = job->compare;
    struct block_req *asked = job->asked;
    struct compare_job *next = c->first;
    const unsigned char *wanted = asked->buf ? asked->buf->memory + asked->buf_offset : NULL;

    asked->err = read->err;
    if (!err_is_set(&read->err) &&
        !compare_pages(c, asked->offset, wanted, read->buf->memory, (size_t)asked->length))
        err_set(&asked->err, ERR_LIMIT, RETRY_NEVER, "no memory for the list of differences");
    if (next) {
        c->first = next->next;
        if (!c->first)
            c->last = &c->first;
        compare_job_begin(next, read->buf);
    } else {
        bufpool_release(c->pool, read->buf);
        if (c->keeps_nothing)
            bufpool_trim(c->pool);
    }
    free(job);
    endpoint_block_end(&c->head, asked);
}

static void compare_write(struct endpoint *ep, struct block_req *req)
{
    struct compare *c = compare_of(ep);
    struct compare_job *job = calloc(1, sizeof *job);
    struct buf *buf;

    assert(job); /* a kilobyte for a request whose buffer of 4 MiB is there */
    job->compare = c;
    job->asked = req;
    buf = bufpool_borrow(c->pool);
    if (!buf && bufpool_grow(c->pool))
        buf = bufpool_borrow(c->pool);
    if (buf) {
        compare_job_begin(job, buf);
        return;
    }
    *c->last = job;
    c->last = &job->next;
}

static void compare_setup(struct endpoint *ep, struct setup_req *req)
{
    (void)ep;
    (void)req;
    assert(!"a comparison changes nothing: it has no capability that setup needs");
}

/* A read is of the target itself. */
static void compare_read_done(struct block_req *read)
{
    struct compare_job *job =
        (struct compare_job *)((char *)read - offsetof(struct compare_job, read));
    struct block_req *asked = job->asked;
    struct compare *c = job->compare;

    asked->err = read->err;
    asked->crc64_known = read->crc64_known;
    asked->crc64 = read->crc64;
    asked->hashed_count = read->hashed_count;
    free(job);
    endpoint_block_end(&c->head, asked);
}

static void compare_read(struct endpoint *ep, struct block_req *req)
{
    struct compare *c = compare_of(ep);
    struct compare_job *job = calloc(1, sizeof *job);

    assert(job);
    job->compare = c;
    job->asked = req;
    job->read = *req;
    job->read.done = compare_read_done;
    endpoint_read(c->target, &job->read);
}

static void compare_close(struct endpoint *ep)
{
    struct compare *c = compare_of(ep);

    assert(!c->first);
    bufpool_free(c->pool);
    extent_set_fini(&c->differences);
    free(c->head.identity);
    free(c);
}

static const struct endpoint_ops compare_ops = {
    .name = "compare",
    .stat = compare_stat,
    .setup = compare_setup,
    .list = compare_list,
    .read = compare_read,
    .write = compare_write,
    .zero = compare_write,
    .flush = compare_flush,
    .close = compare_close,
};

struct endpoint *endpoint_compare_new(struct endpoint *target, struct err *e)
{
    struct compare *c = calloc(1, sizeof *c);

    if (c) {
        c->head = *target;
        c->head.identity = strdup(target->identity);
    }
    if (!c || !c->head.identity) {
        free(c);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to verify %s", target->name);
        return NULL;
    }
    c->pool = bufpool_new(target->reactor, BUF_BYTES, COMPARE_MEMORY_BYTES, e);
    if (!c->pool) {
        free(c->head.identity);
        free(c);
        return NULL;
    }
    c->target = target;
    c->last = &c->first;
    c->head.ops = &compare_ops;
    c->head.inflight = 0;
    c->head.capabilities = ENDPOINT_COMPARES;
    c->head.request_cost_bytes = 0;
    c->head.clear_max_bytes = target->request_max_bytes;
    return &c->head;
}

void endpoint_compare_keep_nothing(struct endpoint *ep)
{
    compare_of(ep)->keeps_nothing = true;
}

const struct extent_set *endpoint_compare_differences(const struct endpoint *ep)
{
    return &((const struct compare *)ep)->differences;
}

uint64_t endpoint_compare_different_bytes(const struct endpoint *ep)
{
    return ((const struct compare *)ep)->different_bytes;
}

uint64_t endpoint_compare_compared_bytes(const struct endpoint *ep)
{
    return ((const struct compare *)ep)->compared_bytes;
}

const struct stat_req *endpoint_compare_stat(const struct endpoint *ep)
{
    return &((const struct compare *)ep)->stat;
}
