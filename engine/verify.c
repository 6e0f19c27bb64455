/* verify.c - see verify.h. */
#include "engine/verify.h"

#include <assert.h>
#include <stdlib.h>

#include "engine/copy_access.h"
#include "engine/sample.h"
#include "io/endpoint_compare.h"

struct verify {
    struct verify_watch watch;
    struct endpoint *compare; /* owned; wraps the target */
    struct copy *copy;        /* owned */
    struct verify_summary summary;
    struct err err;
};

static void verify_say(void *arg, const char *sentence)
{
    struct verify *verify = arg;

    if (verify->watch.say)
        verify->watch.say(verify->watch.arg, sentence);
}

/* What differs is compared again by a later process, which is to name it too. */
static bool verify_may_record(void *arg, struct extent extent)
{
    const struct verify *verify = arg;
    const struct extent_set *differences = endpoint_compare_differences(verify->compare);

    return differences->count < COMPARE_DIFFERENCES_MAX && !extent_set_touches(differences, extent);
}

static void verify_recorded(void *arg, uint64_t records)
{
    struct verify *verify = arg;

    verify->watch.recorded(verify->watch.arg, records);
}

static void verify_judge(struct verify *verify)
{
    struct verify_summary *summary = &verify->summary;
    const struct copy_summary *copied = copy_summary(verify->copy);
    const struct stat_req *target = endpoint_compare_stat(verify->compare);

    /* zeros that were read, where the target's list has a hole, are compared too */
    summary->compared_bytes =
        endpoint_compare_compared_bytes(verify->compare) + copied->skipped_bytes;
    summary->sample_of_bytes = copied->proof.sample_of_bytes;
    summary->different_bytes = endpoint_compare_different_bytes(verify->compare);
    summary->differences = endpoint_compare_differences(verify->compare);
    summary->differences_cut = summary->differences->total_bytes < summary->different_bytes;
    summary->source_size_bytes = copied->source_size_bytes;
    summary->target_size_bytes = target->size_bytes;
    summary->marker_incomplete = target->exists && target->marker.state == MARKER_COPYING;
    summary->sizes_differ = target->exists && copied->target_size_bytes &&
                            copied->target_size_bytes != target->size_bytes;
    summary->resumed_bytes = copied->resumed_bytes;
    summary->journal_kept = copied->journal_kept;
    summary->retries = copied->retries;
    summary->started_ns = copied->started_ns;
    summary->ended_ns = copied->ended_ns;
    for (size_t i = 0; i < sizeof summary->root; i++)
        summary->root[i] = copied->root[i];
    verify->err = *copy_error(verify->copy);
    if (summary->sizes_differ)
        err_clear(&verify->err); /* a verdict, not a failure */
    summary->equal = !err_is_set(&verify->err) && copied->committed && !summary->sizes_differ &&
                     summary->different_bytes == 0;
}

static void verify_done(void *arg, struct copy *copy)
{
    struct verify *verify = arg;

    assert(copy == verify->copy);
    verify_judge(verify);
    verify->watch.done(verify->watch.arg, verify);
}

struct verify *verify_new(struct reactor *r, const struct verify_ends *ends,
                          const struct verify_options *options, const struct verify_watch *watch,
                          struct err *e)
{
    struct verify *verify = calloc(1, sizeof *verify);
    struct copy_ends copy_ends = {.source = ends->source,
                                  .pool = ends->pool,
                                  .sides = {.source = ends->sides.source,
                                            .target = ends->sides.target}};
    struct copy_options copy_options = {.hash = options->sample_ppm == 0,
                                        .proof = {.sample_ppm = options->sample_ppm,
                                                  .seed = options->sample_seed},
                                        .footer = options->footer,
                                        .window_start = options->window_start,
                                        .window_max = options->window_max,
                                        .seat = options->seat,
                                        .source_id = options->source_id,
                                        .journal_path = options->journal_path,
                                        .journal_optional = options->journal_optional,
                                        .restart = options->restart,
                                        .random_seed = options->random_seed};
    struct copy_watch copy_watch = {.say = verify_say,
                                    .may_record = verify_may_record,
                                    .recorded = watch->recorded ? verify_recorded : NULL,
                                    .done = verify_done,
                                    .arg = verify};

    assert(options->sample_ppm <= SAMPLE_PPM_ALL);
    if (!verify) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to begin a verify");
        return NULL;
    }
    verify->watch = *watch;
    verify->summary.sample_seed = options->sample_seed;
    verify->compare = endpoint_compare_new(ends->target, e);
    copy_ends.target = verify->compare;
    if (verify->compare && options->seat)
        endpoint_compare_keep_nothing(verify->compare);
    if (verify->compare)
        verify->copy = copy_new(r, &copy_ends, &copy_options, &copy_watch, e);
    if (!verify->copy) {
        verify_free(verify);
        return NULL;
    }
    return verify;
}

void verify_free(struct verify *verify)
{
    if (!verify)
        return;
    copy_free(verify->copy);
    endpoint_close(verify->compare);
    free(verify);
}

void verify_start(struct verify *verify)
{
    copy_start(verify->copy);
}

void verify_stop(struct verify *verify)
{
    copy_stop(verify->copy);
}

bool verify_ended(const struct verify *verify)
{
    return copy_ended(verify->copy);
}

const struct err *verify_error(const struct verify *verify)
{
    return &verify->err;
}

const struct verify_summary *verify_summary(const struct verify *verify)
{
    return &verify->summary;
}

struct progress_view verify_progress(struct verify *verify)
{
    return copy_progress(verify->copy);
}

const char *verify_phase(const struct verify *verify, const char *usual)
{
    return copy_access_waits(verify->copy) ? copy_phase(verify->copy) : usual;
}
