/* command_plan.c - snapferry plan: a copy that stops before anything is changed. */
#include <string.h>

#include "engine/copy.h"
#include "tools/snapferry/plan_show.h"
#include "tools/snapferry/stage.h"

struct planning {
    struct stage *stage;
    struct copy *copy;
};

static void planning_say(void *arg, const char *sentence)
{
    struct planning *planning = arg;

    view_say(&planning->stage->view, sentence);
}

static void planning_done(void *arg, struct copy *copy)
{
    (void)arg;
    (void)copy; /* the loop of turns asks copy_ended */
}

static bool planning_ended(void *arg)
{
    const struct planning *planning = arg;

    return copy_ended(planning->copy);
}

static void planning_stop(void *arg)
{
    struct planning *planning = arg;

    copy_stop(planning->copy);
}

static void planning_abandon(void *arg)
{
    struct planning *planning = arg;
    struct view_outcome outcome = {.status = STATUS_INTERRUPTED};

    err_set(&outcome.error, ERR_CANCELED, RETRY_LATER, "ended at once on request");
    view_end(&planning->stage->view, &outcome);
}

/* There is no progress to tell: a plan takes seconds. */
static void planning_tick(void *arg)
{
    (void)arg;
}

static bool is_blob(const struct endpoint *ep)
{
    return strcmp(ep->ops->name, "pageblob") == 0;
}

void command_plan(struct stage *stage, struct view_outcome *outcome)
{
    const struct options *options = stage->options;
    struct planning planning = {.stage = stage};
    struct copy_ends ends = {.source = stage->source,
                             .base = stage->base,
                             .since = stage->since,
                             .target = stage->target,
                             .pool = stage->session.pool,
                             .sides = renewals_sides(&stage->renewals)};
    struct copy_options how = {
        .plan_only = true,
        .footer = (enum copy_footer)options->footer,
        .coalesce_bytes = options->coalesce_bytes,
        .source_id = options->source_id,
        .base_id = options->base_id,
        .state_folder = stage->state_folder[0] ? stage->state_folder : NULL,
        .random_seed = stage->random_seed,
    };
    struct copy_watch watch = {.say = planning_say, .done = planning_done, .arg = &planning};
    struct session_work work = {.ended = planning_ended,
                                .stop = planning_stop,
                                .abandon = planning_abandon,
                                .tick = planning_tick,
                                .tick_ns = VIEW_TICK_NS,
                                .arg = &planning};

    planning.copy = copy_new(stage->session.reactor, &ends, &how, &watch, &outcome->error);
    if (!planning.copy)
        return;
    copy_start(planning.copy);
    stage_run(stage, &work);
    outcome->error = *copy_error(planning.copy);
    if (!err_is_set(&outcome->error)) {
        bool to_blob = options->ends_count < 2 || is_blob(stage->target);
        struct plan_estimate estimate =
            plan_show_estimate(copy_summary(planning.copy), is_blob(stage->source), to_blob);

        plan_show(&stage->view, copy_summary(planning.copy), &estimate);
    }
    copy_free(planning.copy);
}
