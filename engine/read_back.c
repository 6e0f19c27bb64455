/* read_back.c - see read_back.h. */
#include "engine/read_back.h"

#include <assert.h>
#include <stdlib.h>

#include "engine/copy_access.h"
#include "io/endpoint_mem.h"

struct read_back {
    struct read_back_setup setup;
    struct endpoint *nothing; /* owned */
    struct copy *copy;        /* owned */
};

static void read_back_done(void *arg, struct copy *copy)
{
    struct read_back *back = arg;

    assert(copy == back->copy);
    back->setup.done(back->setup.arg);
}

struct read_back *read_back_new(const struct read_back_setup *setup, struct err *e)
{
    struct read_back *back = calloc(1, sizeof *back);
    struct copy_ends ends = {.source = setup->disk,
                             .pool = setup->pool,
                             .sides = {.source = setup->access}};
    struct copy_options options = {.hash = true,
                                   .proof = {.only_bytes = setup->disk_bytes,
                                             .size_bytes = setup->size_bytes},
                                   .window_start = setup->window_start,
                                   .window_max = setup->window_max,
                                   .seat = setup->seat,
                                   .seat_reads_target = true,
                                   .random_seed = setup->random_seed};
    struct copy_watch watch = {.done = read_back_done, .arg = back};

    assert(setup->disk_bytes > 0 && setup->disk_bytes <= setup->size_bytes);
    if (!back) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to read a disk back");
        return NULL;
    }
    back->setup = *setup;
    options.proof.sink = &back->setup.sink;
    back->nothing = endpoint_null_new(setup->reactor, 0, e);
    ends.target = back->nothing;
    if (back->nothing)
        back->copy = copy_new(setup->reactor, &ends, &options, &watch, e);
    if (back->copy)
        return back;
    read_back_free(back);
    return NULL;
}

void read_back_free(struct read_back *back)
{
    if (!back)
        return;
    copy_free(back->copy);
    endpoint_close(back->nothing);
    free(back);
}

void read_back_start(struct read_back *back)
{
    copy_start(back->copy);
}

void read_back_stop(struct read_back *back)
{
    copy_stop(back->copy);
}

bool read_back_ended(const struct read_back *back)
{
    return copy_ended(back->copy);
}

const struct err *read_back_error(const struct read_back *back)
{
    return copy_error(back->copy);
}

const struct copy_summary *read_back_summary(const struct read_back *back)
{
    return copy_summary(back->copy);
}

const struct stat_req *read_back_stat(const struct read_back *back)
{
    return copy_source_stat(back->copy);
}

const unsigned char *read_back_last_page(const struct read_back *back)
{
    return copy_source_last_page(back->copy);
}

bool read_back_waits(const struct read_back *back)
{
    return copy_access_waits(back->copy);
}

struct progress_view read_back_progress(struct read_back *back)
{
    return copy_progress(back->copy);
}
