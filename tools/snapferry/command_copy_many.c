/* command_copy_many.c - see command_copy_many.h. First all copies run beside each other on one reactor, then,
 * where asked, all verifies: so that both read the source once.
 */
#include "tools/snapferry/command_copy_many.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "io/endpoint_shared.h"
#include "tools/snapferry/copying.h"
#include "tools/snapferry/size_text.h"
#include "tools/snapferry/view_json.h"

#define KEPT_SHARE                                                                                 \
    4u /* of --memory: what was read and not yet taken by all; the default's cap stands */
_Static_assert(2 * OPTIONS_TARGETS_MAX <= ENDPOINT_SHARED_HANDLES_MAX, "copies and verifies");
_Static_assert(OPTIONS_TARGETS_MAX <= VIEW_ROWS_MAX, "a row each");

/* One target. */
struct lane {
    struct options options; /* the command's, for this target */
    struct stage stage;     /* what it shares with the others is the command's own, by value */
    struct copying copying;
    struct endpoint *handles[2]; /* of the source: the copy's, the verify's */
    struct view_outcome outcome;
    struct view_copy done;
    bool open;    /* its renewals are */
    bool running; /* a copy, or a verify */
    bool told;    /* nothing more comes of it */
};

struct many {
    struct stage *stage;
    struct endpoint_shared *shared;
    struct lane lanes[OPTIONS_TARGETS_MAX];
    uint32_t count;
    bool verifying;
    struct view_rows rows;
};

/* ---- One target's end ---- */

static void lane_left(struct copying *copying)
{
    struct lane *lane = (struct lane *)((char *)copying - offsetof(struct lane, copying));

    endpoint_shared_leave(lane->copying.source);
}

static void lane_tell(struct lane *lane)
{
    const struct endpoint *target = lane->stage.target;

    lane->told = true;
    lane->done.requests_count = target->requests_count;
    lane->done.wire_bytes = target->wire_read_bytes + target->wire_written_bytes;
    if (strcmp(target->ops->name, "pageblob") != 0)
        lane->done.wire_bytes = 0;
    lane->done.cpu_ns = clock_process_cpu_ns();
    if (lane->copying.copy)
        copying_conclude(&lane->copying, &lane->outcome, &lane->done);
    else if (lane->outcome.status == STATUS_DONE)
        lane->outcome.status = exit_status_of(&lane->outcome.error);
    view_end_target(&lane->stage.view, &lane->outcome);
}

/* Its copy ended, or its verify. */
static void lane_end(struct lane *lane)
{
    bool went_well = true;

    lane->running = false;
    if (lane->copying.verify)
        copying_take_verify(&lane->copying, &lane->outcome);
    else
        went_well = copying_take(&lane->copying, &lane->outcome);
    if (!went_well || !lane->options.verify || lane->handles[1])
        lane_tell(lane);
}

/* ---- What the loop asks ---- */

static bool many_ended(void *arg)
{
    struct many *many = arg;
    bool all = true;

    for (uint32_t i = 0; i < many->count; i++) {
        struct lane *lane = &many->lanes[i];

        if (lane->running && copying_ended(&lane->copying))
            lane_end(lane);
        all = all && !lane->running;
    }
    return all;
}

static void many_stop(void *arg)
{
    struct many *many = arg;

    view_say(&many->stage->view, STAGE_STOPPING);
    for (uint32_t i = 0; i < many->count; i++)
        if (many->lanes[i].running)
            copying_stop(&many->lanes[i].copying);
}

static void many_abandon(void *arg)
{
    struct many *many = arg;
    struct view_outcome last = {.status = STATUS_INTERRUPTED};

    for (uint32_t i = 0; i < many->count; i++) {
        struct lane *lane = &many->lanes[i];
        struct view_outcome outcome = {.status = STATUS_INTERRUPTED};

        if (!lane->running)
            continue;
        copying_note_recorded(&lane->copying, &outcome);
        err_set(&outcome.error, ERR_CANCELED, RETRY_LATER, "ended at once on request");
        view_end_target(&lane->stage.view, &outcome);
    }
    view_end(&many->stage->view, &last);
}

static void many_tick(void *arg)
{
    struct many *many = arg;

    for (uint32_t i = 0; i < many->count; i++)
        if (!many->lanes[i].told && many->lanes[i].copying.copy)
            copying_tick(&many->lanes[i].copying);
}

static void many_run(struct many *many)
{
    struct session_work work = {.ended = many_ended,
                                .stop = many_stop,
                                .abandon = many_abandon,
                                .tick = many_tick,
                                .tick_ns = VIEW_TICK_NS,
                                .arg = many};

    stage_run(many->stage, &work);
}

/* ---- One target's beginning ---- */

static void lane_share_window(struct many *many, struct lane *lane)
{
    uint32_t share = bufpool_count_max(many->stage->session.pool) / many->count;
    uint64_t window_max = lane->options.window_max;

    if (share == 0)
        share = 1;
    if (window_max == 0 || window_max > share)
        window_max = share;
    lane->copying.window_max = (uint32_t)window_max;
    if (lane->options.window_start > window_max)
        lane->options.window_start = window_max;
}

static bool lane_open(struct many *many, uint32_t number, struct err *e)
{
    struct stage *stage = many->stage;
    struct lane *lane = &many->lanes[number];

    lane->options = *stage->options;
    lane->options.target = number + 1;
    lane->options.source_expires_s = lane->options.base_expires_s = 0; /* the command's own */
    lane->stage = *stage;
    lane->stage.options = &lane->options;
    lane->stage.target = stage->targets[number];
    memset(&lane->stage.renewals, 0, sizeof lane->stage.renewals);
    view_name_target(&lane->stage.view, lane->stage.target->name,
                     stage->view.kind == VIEW_TERMINAL ? &many->rows : NULL, number);
    snprintf(many->rows.line[number], VIEW_ROW_MAX_BYTES, "%.70s", lane->stage.view.target);
    lane->open = true;
    view_begin(&lane->stage.view);
    if (!renewals_open(&lane->stage.renewals, &lane->options, &stage->session, &lane->stage.view,
                       (struct endpoint *[]){NULL, NULL, lane->stage.target}, e))
        return false;
    lane->copying = (struct copying){.stage = &lane->stage,
                                     .sides = renewals_sides(&stage->renewals),
                                     .number = number,
                                     .ended = lane_left};
    lane->copying.sides.target = renewals_sides(&lane->stage.renewals).target;
    lane_share_window(many, lane);
    return journal_place_find(&lane->stage, false, &lane->copying.place, e) &&
           journal_place_find(&lane->stage, true, &lane->copying.verify_place, e);
}

static bool many_open(struct many *many, struct err *e)
{
    const struct options *options = many->stage->options;
    uint64_t kept = options->memory_bytes / KEPT_SHARE;

    if (kept > ENDPOINT_SHARED_KEPT_BYTES)
        kept = ENDPOINT_SHARED_KEPT_BYTES;
    if (kept < BUF_BYTES)
        kept = BUF_BYTES;
    many->shared = endpoint_shared_new(many->stage->source, kept, e);
    if (!many->shared)
        return false;
    many->rows.count = many->count;
    for (uint32_t i = 0; i < many->count; i++)
        if (!lane_open(many, i, e))
            return false;
    return true;
}

/* Gives each that is to run a handle, before the first one reads: what it reads is kept for the others. */
static void many_join(struct many *many)
{
    for (uint32_t i = 0; i < many->count; i++) {
        struct lane *lane = &many->lanes[i];

        if (lane->told)
            continue;
        lane->copying.source = endpoint_shared_join(many->shared, &lane->outcome.error);
        lane->handles[many->verifying] = lane->copying.source;
        if (!lane->copying.source)
            lane_tell(lane);
    }
}

static void many_begin(struct many *many)
{
    many_join(many);
    for (uint32_t i = 0; i < many->count; i++) {
        struct lane *lane = &many->lanes[i];

        if (lane->told)
            continue;
        lane->running = many->verifying ? copying_begin_verify(&lane->copying, &lane->outcome)
                                        : copying_begin(&lane->copying, &lane->outcome);
        if (!lane->running) {
            endpoint_shared_leave(lane->copying.source);
            lane_tell(lane);
        }
    }
    many_run(many);
}

/* ---- All of them ---- */

/* The worst of what they came to; a misuse of one is a failure of the whole, for the others were done. */
static enum exit_status many_status(const struct many *many)
{
    static const enum exit_status worst_first[] = {STATUS_FAILED, STATUS_INTERRUPTED, STATUS_AGAIN,
                                                   STATUS_DIFFERENT};
    uint32_t misused = 0;

    for (uint32_t i = 0; i < many->count; i++)
        misused += many->lanes[i].outcome.status == STATUS_MISUSED;
    if (misused)
        return misused == many->count ? STATUS_MISUSED : STATUS_FAILED;
    for (size_t k = 0; k < sizeof worst_first / sizeof worst_first[0]; k++)
        for (uint32_t i = 0; i < many->count; i++)
            if (many->lanes[i].outcome.status == worst_first[k])
                return worst_first[k];
    return STATUS_DONE;
}

static void many_show(const struct many *many)
{
    const struct endpoint_shared_counts *counts = endpoint_shared_count(many->shared);
    const struct view *view = &many->stage->view;
    char read[SIZE_TEXT_MAX_BYTES], given[SIZE_TEXT_MAX_BYTES], again[SIZE_TEXT_MAX_BYTES];
    json_t *event;

    if (view->kind == VIEW_JSON) {
        event = view_json_begin(view, "shared");
        view_json_set_count(event, "targets", many->count);
        view_json_set_count(event, "readBytes", counts->read_bytes);
        view_json_set_count(event, "givenBytes", counts->given_bytes);
        view_json_set_count(event, "againBytes", counts->again_bytes);
        view_json_set_count(event, "fellBehind", counts->behind_count);
        view_json_set_count(event, "sourceRequests", many->stage->source->requests_count);
        view_json_print(event);
    } else if (view->kind != VIEW_QUIET) {
        size_text_format(counts->read_bytes, read);
        size_text_format(counts->given_bytes, given);
        size_text_format(counts->again_bytes, again);
        printf("source for %" PRIu32 " targets: read %s, of which others were given %s",
               many->count, read, given);
        if (counts->behind_count)
            printf("; %s again for targets that fell behind", again);
        printf("\n");
    }
}

static void many_close(struct many *many)
{
    for (uint32_t i = 0; i < many->count; i++) {
        struct lane *lane = &many->lanes[i];

        assert(!lane->running);
        if (lane->open)
            renewals_close(&lane->stage.renewals);
        endpoint_close(lane->handles[0]);
        endpoint_close(lane->handles[1]);
    }
    endpoint_shared_free(many->shared);
}

void command_copy_many(struct stage *stage, struct view_outcome *outcome)
{
    struct many many = {.stage = stage, .count = stage->targets_count};

    if (many_open(&many, &outcome->error)) {
        many_begin(&many);
        many.verifying = true;
        if (stage->options->verify)
            many_begin(&many);
        many_show(&many);
        outcome->status = many_status(&many);
    }
    many_close(&many);
}
