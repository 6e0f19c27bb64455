/* copy.c - the step machine of a copy. The table below is the order of a copy (see copy.h). */
#include "engine/copy.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/copy_internal.h"

static const struct copy_step copy_steps[] = {
    {"locking the target", copy_want_lock, NULL, copy_after_lock, NULL},
    {"opening the journal", copy_want_journal, NULL, copy_after_journal_open, NULL},
    {"reading the journal", copy_want_journal_load, copy_start_journal_load,
     copy_after_journal_load, NULL},
    {"looking", NULL, copy_start_stat_source, copy_after_stat_source, NULL},
    {"looking", NULL, copy_start_stat_target, copy_after_stat_target, NULL},
    {"opening the journal", copy_want_fit, NULL, copy_after_fit, NULL},
    {"looking", copy_want_base, copy_start_stat_base, copy_after_stat_base, NULL},
    {"looking", copy_want_held, NULL, copy_after_held, NULL},
    {"looking", copy_want_judge_base, NULL, copy_after_judge_base, NULL},
    {"proving the base", copy_want_target_diff, copy_start_target_diff, copy_after_target_diff,
     copy_failed_target_diff},
    {"proving the base", copy_want_proof, copy_start_proof, copy_after_proof, copy_failed_proof},
    {"proving the base", copy_want_unproven, NULL, copy_after_unproven, NULL},
    {"looking at the map", copy_want_map, NULL, copy_after_map, NULL},
    {"proving the map", copy_want_map_proof, copy_start_proof, copy_after_map_proof,
     copy_failed_map_proof},
    {"looking at the base", copy_want_compare, copy_start_compare, copy_after_compare,
     copy_failed_compare},
    {"proving the base", copy_want_compare_proof, copy_start_compare_proof,
     copy_after_compare_proof, copy_failed_compare_proof},
    {"opening the journal", copy_want_journal_begin, copy_start_journal_begin, NULL, NULL},
    {"listing changes", copy_want_diff, copy_start_diff, NULL, copy_failed_diff},
    {"listing", copy_want_all, copy_start_all, NULL, NULL},
    {"listing", NULL, NULL, copy_after_lists, NULL},
    {"looking", copy_want_last_page, copy_start_last_page, copy_after_last_page, NULL},
    {"looking", copy_want_first_page, copy_start_first_page, copy_after_first_page, NULL},
    {"looking", NULL, NULL, copy_after_judge, NULL},
    {"looking", copy_want_path, NULL, copy_after_path, NULL},
    {"looking", copy_want_manifest, NULL, copy_after_manifest_place, NULL},
    {"reading the base's manifest", copy_want_base_manifest, NULL, copy_after_base_manifest, NULL},
    {"auditing the diff", copy_want_audit, copy_start_audit, copy_after_audit, NULL},
    {"beginning the map", copy_want_map_making, NULL, copy_after_map_making, NULL},
    {"leasing the target", copy_want_lease, copy_start_lease, copy_after_lease, copy_failed_lease},
    {"marking the target", copy_want_mark, copy_start_mark, NULL, NULL},
    {"marking the target", copy_want_fence, copy_start_fence, copy_after_fence, NULL},
    {"marking the target", copy_want_note_marked, NULL, copy_after_note_marked, NULL},
    {"listing the target", copy_want_target_list, copy_start_target_list, NULL, NULL},
    {"planning", NULL, NULL, copy_after_plan, NULL},
    {"creating the target", copy_want_create, copy_start_create, NULL, copy_failed_create},
    {"creating the target", copy_want_created, copy_start_stat_target, copy_after_created, NULL},
    {"leasing the target", copy_want_lease_made, copy_start_lease, copy_after_lease,
     copy_failed_lease},
    {"creating the target", copy_want_note_made, NULL, copy_after_note_marked, NULL},
    {"resizing the target", copy_want_resize, copy_start_resize, NULL, NULL},
    {"clearing the footer", copy_want_clear_footer, copy_start_clear_footer, NULL, NULL},
    {"clearing the footer", copy_want_clear_old_footer, copy_start_clear_old_footer, NULL, NULL},
    {"clearing the footer", copy_want_flush_clear, copy_start_flush, NULL, NULL},
    {"clearing the footer", copy_want_fence, copy_start_fence, copy_after_fence, NULL},
    {"planning", copy_want_expect, copy_start_expect, copy_after_expect, NULL},
    {"planning", copy_want_note_planned, NULL, copy_after_note_planned, NULL},
    {"trying the way", copy_want_try_path, copy_start_try_path, NULL, NULL},
    {"planning", copy_want_note_pulled, NULL, copy_after_note_pulled, NULL},
    {"beginning the map", copy_want_map_zeros, copy_start_map_zeros, NULL, NULL},
    {"copying", copy_want_changes, copy_start_move, copy_after_move, NULL},
    {"flushing", copy_want_changes, copy_start_flush, NULL, NULL},
    {"looking again", copy_want_source_again, copy_start_stat_source, copy_after_source_again,
     NULL},
    {"looking again", copy_want_base_again, copy_start_compare, copy_after_base_again,
     copy_failed_compare},
    {"reading the stream's end", copy_want_agree, copy_start_agree, NULL, NULL},
    {"flushing", copy_want_note_moved, copy_start_note_moved, NULL, NULL},
    {"reading the target back", copy_want_disk_back, copy_start_disk_back, copy_after_disk_back,
     NULL},
    {"writing the manifest", copy_want_manifest, NULL, copy_after_manifest, NULL},
    {"writing the footer", copy_want_footer, copy_start_footer, NULL, NULL},
    {"flushing", copy_want_footer, copy_start_flush, NULL, NULL},
    {"committing", copy_want_fence, copy_start_fence, copy_after_fence, NULL},
    {"reading the footer back", copy_want_read_back, copy_start_read_back, copy_after_read_back,
     NULL},
    {"committing", copy_want_complete, copy_start_complete, NULL, NULL},
    {"committing", copy_want_complete, copy_start_keep_state, NULL, NULL},
    {"committing", copy_want_changes, NULL, copy_after_commit, NULL},
    {"writing the map", copy_want_map_commit, NULL, copy_after_map_commit, NULL},
    /* The only one of a copy that an earlier process completed. */
    {"mapping the target", copy_want_map_owed, copy_start_map_owed, copy_after_map_owed, NULL},
};
#define COPY_END_WAIT_NS (1 * NS_PER_MS) /* the journal is being synced */
#define COPY_STEP_LAST   (COPY_STEPS - 1)
#define COPY_STEPS       (sizeof copy_steps / sizeof copy_steps[0])

static void copy_run_step(struct reactor_task *task);

struct copy *copy_new(struct reactor *r, const struct copy_ends *ends,
                      const struct copy_options *options, const struct copy_watch *watch,
                      struct err *e)
{
    struct copy *copy = calloc(1, sizeof *copy);

    assert(ends->source && ends->target && ends->pool);
    assert(!ends->base == !ends->since);
    if (!copy) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to begin a copy");
        return NULL;
    }
    copy->reactor = r;
    copy->ends = *ends;
    copy->options = *options;
    copy->watch = *watch;
    copy->random.state = options->random_seed;
    copy->source_identity = options->source_id ? options->source_id : ends->source->identity;
    if (ends->base)
        copy->base_identity = options->base_id ? options->base_id : ends->base->identity;
    copy->summary.delta = ends->base != NULL;
    if (options->streamed)
        memcpy(copy->footer.last, options->streamed, sizeof copy->footer.last);
    copy_lease_begin(copy, options->lease_id);
    return copy;
}

void copy_free(struct copy *copy)
{
    if (!copy)
        return;
    assert(!copy->started || copy->ended);
    copy_access_fini(copy);
    mover_free(copy->mover);
    copy_map_free(copy);
    copy_free(copy->proof);
    endpoint_close(copy->proof_target);
    copy_proofs_fini(copy);
    plan_fini(&copy->plan);
    copy_list_forget(&copy->lists.source);
    copy_list_forget(&copy->lists.all);
    copy_list_forget(&copy->lists.target);
    copy_list_forget(&copy->lists.diff);
    extent_set_fini(&copy->lists.page_data);
    extent_set_fini(&copy->lists.page_clears);
    copy_resume_free(&copy->resume);
    free(copy);
}

void copy_say(struct copy *copy, const char *fmt, ...)
{
    char sentence[512];
    va_list ap;

    if (!copy->watch.say)
        return;
    va_start(ap, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, ap);
    va_end(ap);
    copy->watch.say(copy->watch.arg, sentence);
}

void copy_go_full(struct copy *copy, const char *fmt, ...)
{
    va_list ap;

    assert(copy->ends.base);
    copy->summary.delta = false;
    copy->facts.base_unproven = false;
    va_start(ap, fmt);
    vsnprintf(copy->summary.why_full, sizeof copy->summary.why_full, fmt, ap);
    va_end(ap);
    if (copy_refuse_full(copy))
        return;
    copy_say(copy, "Making a full copy: %s", copy->summary.why_full);
    if (copy->options.proof.base_manifest_path)
        copy_say(copy,
                 "A full copy takes nothing for unchanged: the base's manifest is not used, and "
                 "nothing is audited.");
}

bool copy_can(const struct endpoint *ep, enum endpoint_capability capability)
{
    return (ep->capabilities & capability) != 0;
}

/* ---- The machine ---- */

void copy_post(struct copy *copy)
{
    reactor_post(copy->reactor, &copy->task, copy_run_step);
}

static void copy_timer_fired(struct timer *timer)
{
    copy_post((struct copy *)((char *)timer - offsetof(struct copy, timer)));
}

static void copy_page_drop(struct copy *copy)
{
    free(copy->page.memory);
    copy->page.memory = NULL;
}

/* Comes again when the journal is at rest, and when the target's host has taken the lease back. */
static void copy_end(struct copy *copy)
{
    if (copy->lease.held)
        copy_lease_explain(copy, &copy->err);
    copy->ending = true;
    if (!copy_journal_let_go(copy)) {
        reactor_arm(copy->reactor, &copy->timer, reactor_now_ns(copy->reactor) + COPY_END_WAIT_NS,
                    copy_timer_fired);
        return;
    }
    if (!copy_lease_let_go(copy))
        return;
    copy->ended = true;
    copy->summary.ended_ns = reactor_now_ns(copy->reactor);
    copy_page_drop(copy);
    copy->watch.done(copy->watch.arg, copy);
}

/* Runs the step the copy is at, or passes it by. */
static void copy_run_step(struct reactor_task *task)
{
    struct copy *copy = (struct copy *)((char *)task - offsetof(struct copy, task));
    const struct copy_step *step;

    if (copy->ending) {
        copy_end(copy);
        return;
    }
    /* Once the commit is sent there is nothing left to stop. */
    if (copy->finished && copy->step < COPY_STEP_LAST)
        copy->step = COPY_STEP_LAST;
    if (copy->stopping && copy->marker.state != MARKER_COMPLETE &&
        (!copy->finished || copy->map.owed) && !err_is_set(&copy->err))
        err_set(&copy->err, ERR_CANCELED, RETRY_LATER, "stopped on request");
    while (copy->step < COPY_STEPS && copy_steps[copy->step].wanted &&
           !copy_steps[copy->step].wanted(copy))
        copy->step++;
    if (copy->step == COPY_STEPS || err_is_set(&copy->err)) {
        copy_end(copy);
        return;
    }
    step = &copy_steps[copy->step];
    copy->asking.access = copy->asking.base = NULL; /* until the step asks somebody */
    if (step->start) {
        if (!step->start(copy))
            copy_end(copy);
    } else if (!step->after(copy)) {
        copy_end(copy);
    } else {
        copy->step++;
        copy_post(copy);
    }
}

void copy_step_fail(struct copy *copy, const struct err *error)
{
    if (!err_is_set(&copy->err))
        copy->err = *error;
    copy_post(copy);
}

/* Not of the pool: hundreds of copies that look at a page each, all at once, would make it as large as it
 * may be, and then wait for those that move data. */
bool copy_page_make(struct copy *copy)
{
    if (!copy->page.memory)
        copy->page = (struct buf){.memory = aligned_alloc(BUF_ALIGN_BYTES, BUF_ALIGN_BYTES),
                                  .registered = -1};
    return copy->page.memory || err_set(&copy->err, ERR_LIMIT, RETRY_LATER, "no memory for a page");
}

/* What a step's request answered: the next step, another try, or the end. */
void copy_step_end(struct copy *copy, const struct err *error)
{
    const struct copy_step *step = &copy_steps[copy->step];
    struct retry_verdict verdict;

    if (!err_is_set(error)) {
        copy->attempts = 0;
        copy_access_passed(copy);
        if (step->after && !step->after(copy)) {
            copy_end(copy);
            return;
        }
        copy_page_drop(copy);
        copy->step++;
        copy_post(copy);
        return;
    }
    if (copy_access_refused(copy, error))
        return;
    verdict = retry_judge(error, ++copy->attempts, &copy->random);
    if (verdict.action == RETRY_ACT_AGAIN && !copy->stopping) {
        copy->summary.retries++;
        reactor_arm(copy->reactor, &copy->timer, reactor_now_ns(copy->reactor) + verdict.delay_ns,
                    copy_timer_fired);
        return;
    }
    copy->attempts = 0;
    if (step->failed && !copy->stopping && step->failed(copy, error)) {
        copy->step++;
        copy_post(copy);
        return;
    }
    if (!err_is_set(&copy->err))
        copy->err = *error;
    copy_end(copy);
}

/* ---- Requests of steps ---- */

static void copy_stat_done(struct stat_req *req)
{
    struct copy *copy = (struct copy *)((char *)req - offsetof(struct copy, stat));
    struct err error = req->err;

    copy_step_end(copy, &error);
}

void copy_submit_stat(struct copy *copy, struct endpoint *ep)
{
    copy->stat = (struct stat_req){.done = copy_stat_done};
    copy_access_asks(copy, ep, COPY_ASKS_STAT);
    endpoint_stat(ep, &copy->stat);
}

static void copy_setup_done(struct setup_req *req)
{
    struct copy *copy = (struct copy *)((char *)req - offsetof(struct copy, setup));
    struct err error = req->err;

    copy_step_end(copy, &error);
}

void copy_submit_setup(struct copy *copy, enum setup_verb verb)
{
    struct endpoint *ep = verb == SETUP_AGREE ? copy->ends.source : copy->ends.target;

    copy->setup.verb = verb;
    copy->setup.done = copy_setup_done;
    err_clear(&copy->setup.err);
    copy_access_asks(copy, ep, COPY_ASKS_SETUP);
    endpoint_setup(ep, &copy->setup);
}

static void copy_block_done(struct block_req *req)
{
    struct copy *copy = (struct copy *)((char *)req - offsetof(struct copy, block));
    struct err error = req->err;

    if (copy->changing && err_is_set(&error) && retry_is_indefinite(&error))
        copy->indefinite = true;
    copy_step_end(copy, &error);
}

void copy_submit_block(struct copy *copy, struct endpoint *ep, enum copy_block_verb verb,
                       struct extent extent)
{
    bool with_buf = verb == COPY_READ || verb == COPY_WRITE;

    copy->changing = verb == COPY_WRITE || verb == COPY_ZERO;
    copy->block = (struct block_req){.offset = extent.offset,
                                     .length = extent.length,
                                     .buf = with_buf ? &copy->page : NULL,
                                     .done = copy_block_done};
    copy_access_asks(copy, ep, COPY_ASKS_BLOCK);
    switch (verb) {
    case COPY_READ:
        endpoint_read(ep, &copy->block);
        break;
    case COPY_WRITE:
        endpoint_write(ep, &copy->block);
        break;
    case COPY_ZERO:
        endpoint_zero(ep, &copy->block);
        break;
    case COPY_FLUSH:
        endpoint_flush(ep, &copy->block);
        break;
    }
}

/* ---- Use and look ---- */

void copy_start(struct copy *copy)
{
    assert(!copy->started);
    copy->started = true;
    copy->summary.started_ns = reactor_now_ns(copy->reactor);
    copy_post(copy);
}

void copy_stop(struct copy *copy)
{
    if (copy->stopping || copy->ending)
        return;
    copy->stopping = true;
    if (copy->proof)
        copy_stop(copy->proof);
    copy_proofs_stop(copy);
    copy_map_stop(copy);
    if (copy->mover)
        mover_stop(copy->mover);
    endpoint_give_up(copy->ends.source);
    endpoint_give_up(copy->ends.target);
    if (copy_access_stop(copy) || copy->timer.slot) { /* waiting: go on, to end */
        reactor_disarm(copy->reactor, &copy->timer);
        copy_post(copy);
    }
}

bool copy_ended(const struct copy *copy)
{
    return copy->ended;
}

const struct err *copy_error(const struct copy *copy)
{
    return &copy->err;
}

const struct copy_summary *copy_summary(const struct copy *copy)
{
    return &copy->summary;
}

const char *copy_phase(const struct copy *copy)
{
    if (copy_access_waits(copy))
        return "waiting for access";
    return copy->step < COPY_STEPS && (!copy->finished || copy->map.owed)
               ? copy_steps[copy->step].phase
               : "done";
}

const struct stat_req *copy_source_stat(const struct copy *copy)
{
    return &copy->facts.source;
}

const unsigned char *copy_source_last_page(const struct copy *copy)
{
    return copy->footer.last;
}

struct progress_view copy_progress(struct copy *copy)
{
    return progress_look(&copy->progress, reactor_now_ns(copy->reactor));
}
