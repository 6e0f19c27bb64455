/* command_map.c - snapferry map build: reads a source and makes its block map. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "tools/snapferry/map_show.h"
#include "tools/snapferry/mapping.h"

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
    struct map_build_setup setup = {.path = stage->options->output};

    if (!mapping_seed(stage->options, &setup, &outcome->error))
        return;
    if (mapping_run(&mapping, &setup, &outcome->error))
        mapping_show(&mapping, outcome);
    mapping_fini(&mapping);
}
