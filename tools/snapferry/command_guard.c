/* command_guard.c - snapferry verify with TARGET alone: is it complete, and is it what its manifest says? */
#include "engine/complete.h"
#include "engine/manifest_check.h"
#include "tools/snapferry/guard_show.h"
#include "tools/snapferry/stage.h"
#include "tools/snapferry/verify_show.h"

/* One of the two is set: what runs now. */
struct guarding {
    struct stage *stage;
    struct complete *complete;
    struct manifest_check *check;
};

static void guarding_done(void *arg)
{
    (void)arg; /* the loop of turns asks */
}

static bool guarding_ended(void *arg)
{
    const struct guarding *guarding = arg;

    return guarding->check ? manifest_check_ended(guarding->check)
                           : complete_ended(guarding->complete);
}

static void guarding_stop(void *arg)
{
    struct guarding *guarding = arg;

    view_say(&guarding->stage->view, STAGE_STOPPING);
    if (guarding->check)
        manifest_check_stop(guarding->check);
    else
        complete_stop(guarding->complete);
}

static void guarding_abandon(void *arg)
{
    struct guarding *guarding = arg;
    struct view_outcome outcome = {.status = STATUS_INTERRUPTED};

    err_set(&outcome.error, ERR_CANCELED, RETRY_LATER, "ended at once on request");
    view_end(&guarding->stage->view, &outcome);
}

static void guarding_tick(void *arg)
{
    struct guarding *guarding = arg;
    struct view_moment moment = {.phase = "comparing"};

    if (!guarding->check ||
        (guarding_ended(guarding) && err_is_set(manifest_check_error(guarding->check))))
        return;
    moment.progress = manifest_check_progress(guarding->check);
    if (guarding_ended(guarding))
        moment.phase = "compared";
    view_moment(&guarding->stage->view, &moment);
}

static void guarding_run(struct guarding *guarding)
{
    struct session_work work = {.ended = guarding_ended,
                                .stop = guarding_stop,
                                .abandon = guarding_abandon,
                                .tick = guarding_tick,
                                .tick_ns = VIEW_TICK_NS,
                                .arg = guarding};

    stage_run(guarding->stage, &work);
}

/* True: it is, and there may be more to look at. */
static bool run_complete(struct guarding *guarding, struct view_outcome *outcome)
{
    struct stage *stage = guarding->stage;
    struct complete_setup setup = {.reactor = stage->session.reactor,
                                   .target = stage->target,
                                   .pool = stage->session.pool,
                                   .random_seed = stage->random_seed,
                                   .read_back_follows = stage->options->manifest != NULL,
                                   .done = guarding_done};
    bool complete = false;

    guarding->complete = complete_new(&setup, &outcome->error);
    if (!guarding->complete)
        return false;
    complete_start(guarding->complete);
    guarding_run(guarding);
    outcome->error = *complete_error(guarding->complete);
    if (!err_is_set(&outcome->error)) {
        complete = complete_summary(guarding->complete)->complete;
        outcome->status = complete ? STATUS_DONE : STATUS_DIFFERENT;
        guard_show_complete(&stage->view, complete_summary(guarding->complete));
    }
    complete_free(guarding->complete);
    guarding->complete = NULL;
    return complete;
}

static void run_check(struct guarding *guarding, struct view_outcome *outcome)
{
    struct stage *stage = guarding->stage;
    struct manifest_check_setup setup = {.reactor = stage->session.reactor,
                                         .target = stage->target,
                                         .pool = stage->session.pool,
                                         .access = renewals_sides(&stage->renewals).target,
                                         .manifest_path = stage->options->manifest,
                                         .window_start = (uint32_t)stage->options->window_start,
                                         .window_max = (uint32_t)stage->options->window_max,
                                         .random_seed = stage->random_seed,
                                         .done = guarding_done};
    const struct manifest_check_summary *summary;

    guarding->check = manifest_check_new(&setup, &outcome->error);
    if (!guarding->check)
        return;
    guard_show_manifest(&stage->view, manifest_check_head(guarding->check),
                        manifest_check_end(guarding->check));
    manifest_check_start(guarding->check);
    guarding_run(guarding);
    summary = manifest_check_summary(guarding->check);
    outcome->error = *manifest_check_error(guarding->check);
    outcome->status = err_is_set(&outcome->error) ? exit_status_of(&outcome->error)
                      : summary->found.equal      ? STATUS_DONE
                                                  : STATUS_DIFFERENT;
    if (!err_is_set(&outcome->error)) {
        if (summary->other_copy)
            view_say(&stage->view, "The target's marker is of another copy than the manifest.");
        verify_show_differences(&stage->view, &summary->found);
        verify_show_summary(&stage->view, &summary->found, outcome);
    }
    manifest_check_free(guarding->check);
}

void command_guard(struct stage *stage, struct view_outcome *outcome)
{
    struct guarding guarding = {.stage = stage};

    if (stage->options->complete && !run_complete(&guarding, outcome))
        return;
    if (stage->options->manifest)
        run_check(&guarding, outcome);
}
