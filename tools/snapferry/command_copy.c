/* command_copy.c - snapferry copy: a copy to one target, and where asked a verify after it. */
#include <string.h>

#include "tools/snapferry/command_copy_many.h"
#include "tools/snapferry/copying.h"

/* ---- What the loop asks ---- */

static void stop_copying(void *arg)
{
    struct copying *copying = arg;

    view_say(&copying->stage->view, STAGE_STOPPING);
    copying_stop(copying);
}

static void abandon_copying(void *arg)
{
    struct copying *copying = arg;
    struct view_outcome outcome = {.status = STATUS_INTERRUPTED};

    copying_note_recorded(copying, &outcome);
    err_set(&outcome.error, ERR_CANCELED, RETRY_LATER, "ended at once on request");
    view_end(&copying->stage->view, &outcome);
}

static void run_copying(struct copying *copying)
{
    struct session_work work = {.ended = copying_ended,
                                .stop = stop_copying,
                                .abandon = abandon_copying,
                                .tick = copying_tick,
                                .tick_ns = VIEW_TICK_NS,
                                .arg = copying};

    stage_run(copying->stage, &work);
}

/* ---- The command ---- */

static void note_costs(const struct stage *stage, struct view_copy *done)
{
    const struct endpoint *const ends[] = {stage->source, stage->base, stage->target};

    if (strcmp(stage->target->ops->name, "relay") == 0)
        done->relay = endpoint_relay_count(stage->target);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (!ends[i])
            continue;
        done->requests_count += ends[i]->requests_count;
        if (done->relay ? ends[i] == stage->target : strcmp(ends[i]->ops->name, "pageblob") == 0)
            done->wire_bytes += ends[i]->wire_read_bytes + ends[i]->wire_written_bytes;
    }
    done->cpu_ns = clock_process_cpu_ns();
}

static void copy_to_one(struct stage *stage, struct view_outcome *outcome)
{
    struct copying copying = {.stage = stage,
                              .source = stage->source,
                              .sides = renewals_sides(&stage->renewals),
                              .window_max = (uint32_t)stage->options->window_max};
    struct view_copy done = {0};
    bool copied;

    if (!journal_place_find(stage, false, &copying.place, &outcome->error) ||
        !journal_place_find(stage, true, &copying.verify_place, &outcome->error) ||
        !copying_begin(&copying, outcome))
        return;
    run_copying(&copying);
    copied = copying_take(&copying, outcome);
    note_costs(stage, &done);
    if (copied && stage->options->verify && copying_begin_verify(&copying, outcome)) {
        run_copying(&copying);
        copying_take_verify(&copying, outcome);
    }
    copying_conclude(&copying, outcome, &done);
}

void command_copy(struct stage *stage, struct view_outcome *outcome)
{
    if (options_many_targets(stage->options))
        command_copy_many(stage, outcome);
    else
        copy_to_one(stage, outcome);
}
