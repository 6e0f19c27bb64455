/* endpoint_stream_in.c - see endpoint_stream_in.h: its life, HEAD and PLAN, which record next, the end. */
#include "io/endpoint_stream_in.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/endpoint_stream_in_parts.h"

#define AHEAD_MAX 3u /* DATA records that are read before they are wanted */

void in_fail(struct endpoint_stream_in *in, const struct err *why)
{
    if (err_is_set(&in->err))
        return;
    in->err = *why;
    err_prefix(&in->err, "%.120s: ", in->head.name);
}

/* ---- Records as they come ---- */

static void in_take_head(struct endpoint_stream_in *in, const struct stream_record *record,
                         struct err *e)
{
    struct stream_head head;
    char *identity;

    if (!stream_head_decode(record, &head, e))
        return;
    if (in->again) {
        if (strcmp(head.uuid, in->stream_head.uuid) != 0)
            err_set(e, ERR_GONE, RETRY_NEVER, "it became another stream while it was read");
        return;
    }
    identity = strdup(head.source);
    if (!identity) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the name of the disk");
        return;
    }
    free(in->head.identity);
    in->head.identity = identity;
    in->stream_head = head;
    in->has_head = true;
    if (head.base[0])
        in->head.capabilities |= ENDPOINT_CAN_DIFF;
}

static void in_take_plan(struct endpoint_stream_in *in, const struct stream_record *record,
                         struct err *e)
{
    struct extent_set part = {0};
    bool clears;

    if (in->again)
        return;
    if (!stream_plan_decode(record, &clears, &part, e))
        return;
    for (size_t i = 0; i < part.count; i++)
        if (!extent_set_add(clears ? &in->clears : &in->data, extent_set_at(&part, i))) {
            err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the plan of a stream");
            break;
        }
    extent_set_fini(&part);
}

/* The first record behind it shows that the plan is whole. */
static void in_judge_plan(struct endpoint_stream_in *in, struct err *e)
{
    struct extent_set both = {0};

    in->has_plan = true;
    if (in->clears.count && !in->stream_head.base[0])
        err_set(e, ERR_CORRUPT, RETRY_NEVER, "its plan has clears although it has no base");
    else if (!extent_set_intersect(&both, &in->data, &in->clears))
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the plan of a stream");
    else if (both.count)
        err_set(e, ERR_CORRUPT, RETRY_NEVER, "its plan both writes and clears the bytes at %llu",
                (unsigned long long)extent_set_at(&both, 0).offset);
    extent_set_fini(&both);
}

/* Nothing is kept that no read can want: when the end is looked for, or it lies below. */
static void in_take_body(struct endpoint_stream_in *in, const struct stream_record *record,
                         struct err *e)
{
    struct held *held;

    if (in->setup || !stream_hold_put(&in->hold, record, e))
        return;
    held = in->hold.held[in->hold.count - 1];
    for (struct in_read *read = in->reads; read && record->kind == STREAM_DATA; read = read->next)
        if (stream_held_touches(held, read->req->offset, read->req->length)) {
            stream_held_decode(held);
            break;
        }
}

static void in_take(struct endpoint_stream_in *in, const struct stream_record *record,
                    struct err *e)
{
    if (record->kind != STREAM_HEAD && record->kind != STREAM_PLAN && !in->has_plan)
        in_judge_plan(in, e);
    if (err_is_set(e))
        return;
    switch (record->kind) {
    case STREAM_HEAD:
        in_take_head(in, record, e);
        break;
    case STREAM_PLAN:
        in_take_plan(in, record, e);
        break;
    case STREAM_DATA:
    case STREAM_ZERO:
    case STREAM_COPY:
        in_take_body(in, record, e);
        break;
    case STREAM_END:
        (void)stream_end_decode(record, &in->end, e);
        break;
    }
}

static void in_told(void *arg, const struct stream_record *record, const struct err *error)
{
    struct endpoint_stream_in *in = arg;
    struct err why = *error;

    if (record)
        in_take(in, record, &why);
    else if (!err_is_set(&why))
        in->ended = true;
    if (err_is_set(&why))
        in_fail(in, &why);
    in->head.wire_read_bytes = in->bytes.at_bytes;
    in_look(in);
}

/* ---- What waits ---- */

static void in_end_stat(struct endpoint_stream_in *in)
{
    struct stat_req *req = in->stat;

    in->stat = NULL;
    req->err = in->err;
    if (!err_is_set(&req->err)) {
        req->exists = true;
        req->size_bytes = in->stream_head.source_bytes;
        snprintf(req->etag, sizeof req->etag, "stream-%s", in->stream_head.uuid);
    }
    endpoint_stat_end(&in->head, req);
}

static bool in_cut(struct extent_set *out, const struct extent_set *set, struct extent within)
{
    struct extent_set window = {0};
    bool ok = extent_set_append(&window, within) && extent_set_intersect(out, set, &window);

    extent_set_fini(&window);
    return ok;
}

static void in_end_list(struct endpoint_stream_in *in)
{
    struct list_req *req = in->list;

    in->list = NULL;
    req->err = in->err;
    req->size_bytes = in->stream_head.source_bytes;
    if (!err_is_set(&req->err) &&
        (!in_cut(req->out_data, &in->data, req->within) ||
         (req->since && !in_cut(req->out_clears, &in->clears, req->within))))
        err_set(&req->err, ERR_LIMIT, RETRY_NEVER, "no memory for a list of ranges");
    endpoint_list_end(&in->head, req);
}

/* The END was checked against what came before it; here against what was made of that. */
static void in_agree(struct endpoint_stream_in *in, const struct marker *made, struct err *e)
{
    const struct marker *said = &in->end.marker;
    bool delta = in->stream_head.base[0] != '\0';
    const char *ours = delta ? made->delta : made->root, *theirs = delta ? said->delta : said->root;

    if (!ours[0] || strcmp(ours, theirs) != 0)
        err_set(
            e, ERR_CORRUPT, RETRY_NEVER,
            "%.120s: record %llu (END): the stream comes to %s %.80s, and what was made of it to "
            "%.80s",
            in->head.name, (unsigned long long)(in->end.records - 1), delta ? "delta" : "root",
            theirs, ours[0] ? ours : "none");
}

static void in_end_setup(struct endpoint_stream_in *in)
{
    struct setup_req *req = in->setup;

    in->setup = NULL;
    req->err = in->err;
    if (!err_is_set(&req->err))
        in_agree(in, req->marker, &req->err);
    endpoint_setup_end(&in->head, req);
}

/* ---- Which record next ---- */

static unsigned in_unused_data(const struct endpoint_stream_in *in)
{
    unsigned count = 0;

    for (unsigned i = 0; i < in->hold.count; i++)
        count += in->hold.held[i]->record.kind == STREAM_DATA;
    return count;
}

/* What a read wants was passed, or is not there. A file can be read again, once for a byte. */
static void in_begin_again(struct endpoint_stream_in *in)
{
    uint64_t wanted = in_wanted(in);
    struct err why = {0};

    if (wanted < in->hold.dropped_end && in->again_for != wanted + 1 &&
        stream_feed_rewind(in->feed)) {
        stream_hold_clear(&in->hold);
        in->hold.dropped_end = 0;
        in->again = true;
        in->ended = false;
        in->again_for = wanted + 1;
        stream_feed_next(in->feed);
        return;
    }
    if (wanted < in->hold.dropped_end)
        err_set(
            &why, ERR_GONE, RETRY_NEVER,
            "the bytes at %llu are wanted again, and a pipe cannot be read twice; apply it from "
            "a file",
            (unsigned long long)wanted);
    else
        err_set(&why, ERR_CORRUPT, RETRY_NEVER,
                "its plan has the bytes at %llu, and no record up to number %llu brings them where "
                "they belong",
                (unsigned long long)wanted,
                (unsigned long long)(in->hold.count
                                         ? in->hold.held[in->hold.count - 1]->record.number
                                         : in->end.records));
    in_fail(in, &why);
    in_look(in);
}

static void in_feed(struct endpoint_stream_in *in, bool wants_record)
{
    bool ahead = in->reads && in_unused_data(in) < AHEAD_MAX && !stream_hold_is_full(&in->hold);

    if (stream_feed_busy(in->feed))
        return;
    if (wants_record && (in->ended || stream_hold_is_full(&in->hold)))
        in_begin_again(in);
    else if (!in->ended && (wants_record || ahead || in->setup || (in->stat && !in->has_head) ||
                            (in->list && !in->has_plan)))
        stream_feed_next(in->feed);
}

static void in_pump(struct reactor_task *task)
{
    struct endpoint_stream_in *in =
        (struct endpoint_stream_in *)((char *)task - offsetof(struct endpoint_stream_in, task));
    bool failed, wants_record = false;

    if (!err_is_set(&in->err)) {
        wants_record = in_serve(in);
        stream_hold_drop_below(&in->hold, in->reads ? in_wanted(in) : 0);
    }
    failed = err_is_set(&in->err);
    if (failed)
        in_fail_reads(in);
    if (in->stat && (failed || in->has_head))
        in_end_stat(in);
    if (in->list && (failed || in->has_plan || in->ended))
        in_end_list(in);
    if (in->setup && (failed || in->ended))
        in_end_setup(in);
    if (!failed)
        in_feed(in, wants_record);
}

void in_look(struct endpoint_stream_in *in)
{
    if (!in->task.posted)
        reactor_post(in->head.reactor, &in->task, in_pump);
}

/* ---- Requests ---- */

static void in_stat(struct endpoint *ep, struct stat_req *req)
{
    struct endpoint_stream_in *in = endpoint_stream_in_of(ep);

    assert(!in->stat);
    in->stat = req;
    in_look(in);
}

static void in_list(struct endpoint *ep, struct list_req *req)
{
    struct endpoint_stream_in *in = endpoint_stream_in_of(ep);

    assert(!in->list);
    in->list = req;
    in_look(in);
}

static void in_setup(struct endpoint *ep, struct setup_req *req)
{
    struct endpoint_stream_in *in = endpoint_stream_in_of(ep);

    assert(req->verb == SETUP_AGREE && !in->setup && !in->reads);
    stream_hold_clear(&in->hold);
    in->setup = req;
    in_look(in);
}

static void in_refuse(struct endpoint *ep, struct block_req *req)
{
    err_set(&req->err, ERR_USAGE, RETRY_NEVER, "%.200s: a stream is only read", ep->name);
    endpoint_later_block(&endpoint_stream_in_of(ep)->later, ep, req);
}

static void in_give_up(struct endpoint *ep)
{
    struct endpoint_stream_in *in = endpoint_stream_in_of(ep);
    struct err why = {0};

    err_set(&why, ERR_CANCELED, RETRY_LATER, "stopped on request");
    in_fail(in, &why);
    byte_stream_give_up(&in->bytes);
    in_fetch_stop(in);
    in_look(in);
}

/* ---- Life ---- */

static bool in_is_busy(const struct endpoint_stream_in *in)
{
    return (in->feed && stream_feed_busy(in->feed)) || in->bytes.busy || in->task.posted ||
           in->hold.decoding || in->fetch.reading;
}

static void in_close(struct endpoint *ep)
{
    struct endpoint_stream_in *in = endpoint_stream_in_of(ep);
    struct err ignored = {0};

    in_give_up(ep);
    while (in_is_busy(in) && reactor_turn(ep->reactor, UINT64_MAX, &ignored))
        ;
    stream_feed_free(in->feed);
    stream_hold_fini(&in->hold);
    byte_stream_close(&in->bytes);
    in_reads_fini(in);
    extent_set_fini(&in->data);
    extent_set_fini(&in->clears);
    extent_set_fini(&in->handed);
    endpoint_later_fini(&in->later);
    free(in->fetch.buf.memory);
    free(ep->identity);
    free(in);
}

static const struct endpoint_ops stream_in_ops = {
    .name = "stream",
    .stat = in_stat,
    .setup = in_setup,
    .list = in_list,
    .read = in_read,
    .write = in_refuse,
    .zero = in_refuse,
    .flush = in_refuse,
    .give_up = in_give_up,
    .close = in_close,
};

static void in_hold_ready(void *arg)
{
    in_look(arg);
}

static bool in_open_bytes(struct endpoint_stream_in *in, const char *path, int fd, struct err *e)
{
    int opened = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : fd;

    if (opened < 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot open %.200s", path);
    return byte_stream_open(&in->bytes, in->head.reactor, opened, path != NULL, in->head.name, e);
}

/* A peek: whoever uses it must not believe it but where all else fits. */
static void in_look_at_end(struct endpoint_stream_in *in)
{
    unsigned char tail[STREAM_TAIL_BYTES];
    struct stat st;
    off_t from;
    ssize_t took;

    if (!in->bytes.seekable || fstat(in->bytes.fd, &st) != 0)
        return;
    from = st.st_size > (off_t)sizeof tail ? st.st_size - (off_t)sizeof tail : 0;
    took = pread(in->bytes.fd, tail, sizeof tail, from);
    if (took <= 0 || !stream_tail_decode(tail, (size_t)took, &in->said))
        memset(&in->said, 0, sizeof in->said);
}

static bool in_make(struct endpoint_stream_in *in, struct err *e)
{
    in->feed = stream_feed_new(in->head.reactor, &in->bytes, in_told, in, e);
    if (!in->feed)
        return false;
    in_look_at_end(in);
    in->head.identity = strdup("stream:");
    in->fetch.buf.registered = -1;
    if (in->head.identity &&
        posix_memalign((void **)&in->fetch.buf.memory, BUF_ALIGN_BYTES, STREAM_BLOCK_BYTES) == 0)
        return true;
    in->fetch.buf.memory = NULL;
    return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for an endpoint");
}

struct endpoint *endpoint_stream_in_open(struct reactor *r, struct workers *workers,
                                         const char *path, int fd, struct err *e)
{
    struct endpoint_stream_in *in = calloc(1, sizeof *in);

    if (!in) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for an endpoint");
        return NULL;
    }
    in->head.ops = &stream_in_ops;
    in->head.reactor = r;
    snprintf(in->head.name, sizeof in->head.name, "%s", path ? path : "the input");
    in->head.align_bytes = ENDPOINT_PAGE_BYTES;
    in->head.request_max_bytes = BUF_BYTES;
    in->head.clear_max_bytes = UINT64_MAX;
    in->head.capabilities = ENDPOINT_CAN_LIST | ENDPOINT_KNOWS_RESULT;
    in->hold = (struct stream_hold){.workers = workers, .ready = in_hold_ready, .arg = in};
    if (in_open_bytes(in, path, fd, e) && in_make(in, e))
        return &in->head;
    in_close(&in->head);
    return NULL;
}

void endpoint_stream_in_target(struct endpoint *ep, struct endpoint *target)
{
    assert(ep->ops == &stream_in_ops);
    endpoint_stream_in_of(ep)->target = target;
}

void endpoint_stream_in_wrote(struct endpoint *ep, struct extent extent)
{
    struct endpoint_stream_in *in = endpoint_stream_in_of(ep);
    struct err why = {0};

    assert(ep->ops == &stream_in_ops);
    if (!extent_set_subtract(&in->handed, extent)) {
        err_set(&why, ERR_LIMIT, RETRY_NEVER, "no memory for what is written");
        in_fail(in, &why);
    }
    in_look(in);
}

const struct stream_head *endpoint_stream_in_head(const struct endpoint *ep)
{
    const struct endpoint_stream_in *in = (const struct endpoint_stream_in *)ep;

    assert(ep->ops == &stream_in_ops && in->has_head);
    return &in->stream_head;
}

const struct stream_end *endpoint_stream_in_said(const struct endpoint *ep)
{
    const struct endpoint_stream_in *in = (const struct endpoint_stream_in *)ep;

    assert(ep->ops == &stream_in_ops);
    return in->said.records ? &in->said : NULL;
}
