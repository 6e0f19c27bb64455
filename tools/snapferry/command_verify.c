/* command_verify.c - snapferry verify: both ends read and compared, every difference named. */
#include <stdio.h>

#include "engine/verify.h"
#include "tools/snapferry/journal_place.h"
#include "tools/snapferry/stage.h"
#include "tools/snapferry/verify_show.h"

struct verifying {
    struct stage *stage;
    struct verify *verify;
    struct journal_place place;
};

static void verifying_say(void *arg, const char *sentence)
{
    struct verifying *verifying = arg;

    view_say(&verifying->stage->view, sentence);
}

static void verifying_done(void *arg, struct verify *verify)
{
    (void)arg;
    (void)verify; /* the loop of turns asks verify_ended */
}

static bool verifying_ended(void *arg)
{
    const struct verifying *verifying = arg;

    return verify_ended(verifying->verify);
}

static void verifying_stop(void *arg)
{
    struct verifying *verifying = arg;

    view_say(&verifying->stage->view, STAGE_STOPPING);
    verify_stop(verifying->verify);
}

static void note_recorded(const struct verifying *verifying, struct view_outcome *outcome)
{
    snprintf(outcome->journal, sizeof outcome->journal, "%s", verifying->place.path);
    outcome->recorded_percent = verify_progress(verifying->verify).percent;
}

static void verifying_abandon(void *arg)
{
    struct verifying *verifying = arg;
    struct view_outcome outcome = {.status = STATUS_INTERRUPTED};

    note_recorded(verifying, &outcome);
    err_set(&outcome.error, ERR_CANCELED, RETRY_LATER, "ended at once on request");
    view_end(&verifying->stage->view, &outcome);
}

static void verifying_tick(void *arg)
{
    struct verifying *verifying = arg;
    struct view_moment moment = {.phase = verify_phase(verifying->verify, "comparing"),
                                 .progress = verify_progress(verifying->verify)};

    if (verify_ended(verifying->verify)) {
        if (err_is_set(verify_error(verifying->verify)))
            return;
        moment.phase = "compared";
    }
    view_moment(&verifying->stage->view, &moment);
}

void command_verify(struct stage *stage, struct view_outcome *outcome)
{
    struct verifying verifying = {.stage = stage};
    struct verify_ends ends = {.source = stage->source,
                               .target = stage->target,
                               .pool = stage->session.pool,
                               .sides = renewals_sides(&stage->renewals)};
    struct verify_options how = {.footer = (enum copy_footer)stage->options->footer,
                                 .sample_ppm = (uint32_t)stage->options->sample_ppm,
                                 .sample_seed = stage_seed(stage),
                                 .window_start = (uint32_t)stage->options->window_start,
                                 .window_max = (uint32_t)stage->options->window_max,
                                 .source_id = stage->options->source_id,
                                 .restart = stage->options->restart,
                                 .random_seed = stage->random_seed};
    struct verify_watch watch = {.say = verifying_say, .done = verifying_done, .arg = &verifying};
    struct session_work work = {.ended = verifying_ended,
                                .stop = verifying_stop,
                                .abandon = verifying_abandon,
                                .tick = verifying_tick,
                                .tick_ns = VIEW_TICK_NS,
                                .arg = &verifying};
    const struct verify_summary *found;

    if (options_target_only(stage->options)) {
        command_guard(stage, outcome);
        return;
    }
    if (!journal_place_find(stage, true, &verifying.place, &outcome->error))
        return;
    if (verifying.place.path[0] &&
        !how.sample_ppm) /* a sample is small, and its plan is its seed's */
        how.journal_path = verifying.place.path;
    how.journal_optional = !verifying.place.asked_for;
    verifying.verify = verify_new(stage->session.reactor, &ends, &how, &watch, &outcome->error);
    if (!verifying.verify)
        return;
    verify_start(verifying.verify);
    stage_run(stage, &work);
    found = verify_summary(verifying.verify);
    outcome->error = *verify_error(verifying.verify);
    if (found->journal_kept)
        note_recorded(&verifying, outcome);
    outcome->status = err_is_set(&outcome->error) ? exit_status_of(&outcome->error)
                      : found->equal              ? STATUS_DONE
                                                  : STATUS_DIFFERENT;
    if (!err_is_set(&outcome->error)) {
        verify_show_differences(&stage->view, found);
        verify_show_summary(&stage->view, found, outcome);
    }
    verify_free(verifying.verify);
}
