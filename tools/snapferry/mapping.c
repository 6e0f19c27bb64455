/* mapping.c - see mapping.h. */
#include "tools/snapferry/mapping.h"

#include <string.h>

static void mapping_say(void *arg, const char *sentence)
{
    struct mapping *mapping = arg;

    view_say(&mapping->stage->view, sentence);
}

static void mapping_done(void *arg)
{
    (void)arg; /* the loop of turns asks map_build_ended */
}

static bool mapping_ended(void *arg)
{
    const struct mapping *mapping = arg;

    return map_build_ended(mapping->build);
}

static void mapping_stop(void *arg)
{
    struct mapping *mapping = arg;

    view_say(&mapping->stage->view, STAGE_STOPPING);
    map_build_stop(mapping->build);
}

static void mapping_abandon(void *arg)
{
    struct mapping *mapping = arg;
    struct view_outcome outcome = {.status = STATUS_INTERRUPTED};

    err_set(&outcome.error, ERR_CANCELED, RETRY_LATER, "ended at once on request");
    view_end(&mapping->stage->view, &outcome);
}

static void mapping_tick(void *arg)
{
    struct mapping *mapping = arg;
    struct view_moment moment = {.phase = map_build_phase(mapping->build),
                                 .progress = map_build_progress(mapping->build)};

    if (map_build_ended(mapping->build)) {
        if (err_is_set(map_build_error(mapping->build)))
            return;
        moment.phase = "mapped";
    }
    if (mapping->beside && mapping->stage->view.kind == VIEW_JSON)
        moment.progress.percent = 0; /* a program's percent never goes back */
    view_moment(&mapping->stage->view, &moment);
}

bool mapping_run(struct mapping *mapping, struct map_build_setup *setup, struct err *e)
{
    struct stage *stage = mapping->stage;
    struct session_work work = {.ended = mapping_ended,
                                .stop = mapping_stop,
                                .abandon = mapping_abandon,
                                .tick = mapping_tick,
                                .tick_ns = VIEW_TICK_NS,
                                .arg = mapping};

    setup->reactor = stage->session.reactor;
    setup->disk = stage->source;
    setup->pool = stage->session.pool;
    setup->access = renewals_sides(&stage->renewals).source;
    setup->made_ms = clock_wall_ns(&stage->session.clock) / 1000000;
    setup->window_start = (uint32_t)stage->options->window_start;
    setup->window_max = (uint32_t)stage->options->window_max;
    setup->random_seed = stage->random_seed;
    setup->say = mapping_say;
    setup->done = mapping_done;
    setup->arg = mapping;
    mapping->build = map_build_new(setup, e);
    explicit_bzero(setup->seed, sizeof setup->seed);
    if (!mapping->build)
        return false;
    map_build_start(mapping->build);
    stage_run(stage, &work);
    *e = *map_build_error(mapping->build);
    return !err_is_set(e);
}

void mapping_fini(struct mapping *mapping)
{
    map_build_free(mapping->build);
    mapping->build = NULL;
}
