/* await.c - see await.h. */
#include "tests/support/await.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <string.h>

struct waiting {
    bool done;
    struct stat_req stat;
    struct setup_req setup;
    struct list_req list;
    struct block_req block;
};

#define WAITING_OF(req, member) ((struct waiting *)((char *)(req)-offsetof(struct waiting, member)))

static void stat_done(struct stat_req *req)
{
    cr_assert(!WAITING_OF(req, stat)->done, "done runs once");
    WAITING_OF(req, stat)->done = true;
}

static void setup_done(struct setup_req *req)
{
    cr_assert(!WAITING_OF(req, setup)->done, "done runs once");
    WAITING_OF(req, setup)->done = true;
}

static void list_done(struct list_req *req)
{
    cr_assert(!WAITING_OF(req, list)->done, "done runs once");
    WAITING_OF(req, list)->done = true;
}

static void block_done(struct block_req *req)
{
    cr_assert(!WAITING_OF(req, block)->done, "done runs once");
    WAITING_OF(req, block)->done = true;
}

static void wait_for(struct rig *rig, struct waiting *w)
{
    cr_assert(!w->done, "nothing completes inside the submit");
    rig_until(rig, &w->done);
}

struct stat_req await_stat(struct rig *rig, struct endpoint *ep)
{
    struct waiting w = {.stat = {.done = stat_done}};

    endpoint_stat(ep, &w.stat);
    wait_for(rig, &w);
    return w.stat;
}

struct setup_req await_setup(struct rig *rig, struct endpoint *ep, enum setup_verb verb,
                             uint64_t size_bytes, const struct marker *marker)
{
    struct waiting w = {
        .setup = {.verb = verb, .size_bytes = size_bytes, .marker = marker, .done = setup_done}};

    endpoint_setup(ep, &w.setup);
    wait_for(rig, &w);
    return w.setup;
}

struct list_req await_list(struct rig *rig, struct endpoint *ep, struct extent within,
                           struct extent_set *out_data)
{
    struct waiting w = {.list = {.within = within, .out_data = out_data, .done = list_done}};

    endpoint_list(ep, &w.list);
    wait_for(rig, &w);
    return w.list;
}

struct block_req await_block(struct rig *rig, struct endpoint *ep, enum await_verb verb,
                             struct extent range, struct buf *buf)
{
    static void (*const submit[])(struct endpoint *, struct block_req *) = {
        [AWAIT_READ] = endpoint_read,
        [AWAIT_WRITE] = endpoint_write,
        [AWAIT_ZERO] = endpoint_zero,
        [AWAIT_FLUSH] = endpoint_flush,
    };
    struct waiting w = {
        .block = {.offset = range.offset, .length = range.length, .buf = buf, .done = block_done}};

    submit[verb](ep, &w.block);
    wait_for(rig, &w);
    return w.block;
}

static void nobody_waits(struct block_req *req)
{
    (void)req;
}

struct block_req await_none(struct extent range, struct buf *buf, uint32_t buf_offset)
{
    return (struct block_req){.offset = range.offset,
                              .length = range.length,
                              .buf = buf,
                              .buf_offset = buf_offset,
                              .done = nobody_waits};
}

void await_good(struct err e)
{
    cr_assert(!err_is_set(&e), "%s", e.text);
}

void await_error(const struct err *e, enum err_kind kind, const char *words)
{
    cr_assert(err_is_set(e), "an error with \"%s\" was to come", words);
    cr_assert_eq(e->kind, kind, "%s", e->text);
    cr_assert(strstr(e->text, words), "%s", e->text);
}
