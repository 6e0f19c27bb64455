/* command_map.c - snapferry map build: reads a source and makes its block map. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "engine/map_build.h"
#include "tools/snapferry/map_show.h"
#include "tools/snapferry/stage.h"

struct mapping {
    struct stage *stage;
    struct map_build *build;
};

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
    view_moment(&mapping->stage->view, &moment);
}

/* A new seed, or that of the map it is to be comparable with. */
static bool mapping_seed(const struct options *options, struct map_build_setup *setup,
                         struct err *e)
{
    struct map_file *like = NULL;

    setup->strength = options->strong ? MAP_SHA_256 : MAP_XXH3_128;
    if (!options->like)
        return getrandom(setup->seed, sizeof setup->seed, 0) == (ssize_t)sizeof setup->seed ||
               err_set_errno(e, errno, RETRY_NEVER, "the kernel gives no random bytes");
    if (!map_file_open(options->like, &like, e))
        return false;
    if (!like)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--like: there is no map at %.200s",
                       options->like);
    setup->strength = map_file_head(like)->strength;
    memcpy(setup->seed, map_file_head(like)->seed, sizeof setup->seed);
    map_file_close(like);
    return true;
}

static void mapping_show(const struct mapping *mapping, struct view_outcome *outcome)
{
    struct map_file *made = NULL;
    struct view *view = &mapping->stage->view;

    if (!map_file_open(mapping->stage->options->output, &made, &outcome->error))
        return;
    view_clear_line(view);
    map_show_summary(view, made, NULL);
    map_show_built(view, map_build_summary(mapping->build));
    map_file_close(made);
}

void command_map_build(struct stage *stage, struct view_outcome *outcome)
{
    struct mapping mapping = {.stage = stage};
    struct map_build_setup setup = {.reactor = stage->session.reactor,
                                    .disk = stage->source,
                                    .pool = stage->session.pool,
                                    .access = renewals_sides(&stage->renewals).source,
                                    .path = stage->options->output,
                                    .made_ms = clock_wall_ns(&stage->session.clock) / 1000000,
                                    .window_start = (uint32_t)stage->options->window_start,
                                    .window_max = (uint32_t)stage->options->window_max,
                                    .random_seed = stage->random_seed,
                                    .say = mapping_say,
                                    .done = mapping_done,
                                    .arg = &mapping};
    struct session_work work = {.ended = mapping_ended,
                                .stop = mapping_stop,
                                .abandon = mapping_abandon,
                                .tick = mapping_tick,
                                .tick_ns = VIEW_TICK_NS,
                                .arg = &mapping};

    if (!mapping_seed(stage->options, &setup, &outcome->error))
        return;
    mapping.build = map_build_new(&setup, &outcome->error);
    explicit_bzero(setup.seed, sizeof setup.seed);
    if (!mapping.build)
        return;
    map_build_start(mapping.build);
    stage_run(stage, &work);
    outcome->error = *map_build_error(mapping.build);
    if (!err_is_set(&outcome->error))
        mapping_show(&mapping, outcome);
    map_build_free(mapping.build);
}
