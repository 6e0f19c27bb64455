/* copy_case.c - see copy_case.h. */
#include "tests/support/copy_case.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Life ---- */

static void open_rest(struct copy_case *c)
{
    struct err e = {0};

    c->pool = bufpool_new(c->rig.r, BUF_BYTES, COPY_CASE_POOL_BYTES, &e);
    cr_assert_not_null(c->pool, "%s", e.text);
    c->options.hash = true;
    c->options.coalesce_bytes = COPY_COALESCE_DEFAULT;
    c->options.random_seed = 1;
}

void copy_case_open(struct copy_case *c)
{
    memset(c, 0, sizeof *c);
    rig_open_simulated(&c->rig, REACTOR_EPOLL);
    open_rest(c);
}

void copy_case_open_real(struct copy_case *c)
{
    memset(c, 0, sizeof *c);
    rig_open(&c->rig, REACTOR_AUTO);
    open_rest(c);
}

static void remove_folder(const char *folder)
{
    char command[TEST_PATH_MAX_BYTES + 16];

    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert_eq(system(command), 0);
}

void copy_case_close(struct copy_case *c)
{
    rig_until_idle(&c->rig); /* late writes land */
    endpoint_close(c->source);
    endpoint_close(c->base);
    endpoint_close(c->target);
    bufpool_free(c->pool);
    rig_close(&c->rig);
    if (c->folder[0])
        remove_folder(c->folder);
}

void copy_case_keep_state(struct copy_case *c)
{
    test_temp_path(c->folder, "state");
    remove_folder(c->folder);
    cr_assert_eq(mkdir(c->folder, 0700), 0);
    c->options.state_folder = c->folder;
}

/* ---- Run ---- */

static void note_said(void *arg, const char *sentence)
{
    struct copy_case *c = arg;
    size_t used = strlen(c->said);

    snprintf(c->said + used, sizeof c->said - used, "%s\n", sentence);
}

static void note_moved(void *arg, struct extent extent, enum range_state from, enum range_state to)
{
    struct copy_case *c = arg;

    if (c->moved)
        c->moved(c, extent, from, to);
}

static void note_done(void *arg, struct copy *copy)
{
    struct copy_case *c = arg;

    cr_assert_not(c->ended, "a copy ends once");
    cr_assert(copy_ended(copy));
    c->ended = true;
    c->err = *copy_error(copy);
    c->summary = *copy_summary(copy);
    c->progress = copy_progress(copy);
}

struct copy *copy_case_start(struct copy_case *c)
{
    struct copy_ends ends = {.source = c->source,
                             .base = c->base,
                             .since = c->base ? c->since : NULL,
                             .target = c->target,
                             .pool = c->pool,
                             .sides = c->sides};
    struct copy_watch watch = {.say = note_said, .moved = note_moved, .done = note_done, .arg = c};
    struct err e = {0};
    struct copy *copy;

    c->ended = false;
    err_clear(&c->err);
    c->said[0] = 0;
    copy = copy_new(c->rig.r, &ends, &c->options, &watch, &e);
    cr_assert_not_null(copy, "%s", e.text);
    copy_start(copy);
    return copy;
}

void copy_case_finish(struct copy_case *c, struct copy *copy)
{
    rig_until(&c->rig, &c->ended);
    copy_free(copy);
    cr_assert_eq(bufpool_borrowed_count(c->pool), 0u, "a buffer was not given back");
    cr_assert_eq(c->source->inflight + c->target->inflight, 0u, "something is still in flight");
    cr_assert_eq(c->summary.committed, !err_is_set(&c->err) && !c->options.plan_only);
}

void copy_case_run(struct copy_case *c)
{
    copy_case_finish(c, copy_case_start(c));
}

void copy_case_run_ok(struct copy_case *c)
{
    copy_case_run(c);
    cr_assert_not(err_is_set(&c->err), "%s", c->err.text);
    cr_assert(c->summary.committed);
    cr_assert_eq(c->progress.percent, 100.0);
}

struct setup_call {
    struct setup_req req; /* first */
    bool done;
};

static void setup_done(struct setup_req *req)
{
    ((struct setup_call *)req)->done = true;
}

void copy_case_setup(struct copy_case *c, struct endpoint *disk, struct setup_req *req)
{
    struct setup_call call = {.req = *req};

    call.req.done = setup_done;
    endpoint_setup(disk, &call.req);
    rig_until(&c->rig, &call.done);
    cr_assert_not(err_is_set(&call.req.err), "%s", call.req.err.text);
    *req = call.req;
}
