/* command_snapshot.c - snapferry snapshot: a point in time of the target, noted as a proof of what the
 * target holds when it is known to hold a completed copy.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/target_state.h"
#include "tools/snapferry/stage.h"
#include "tools/snapferry/view_json.h"

struct snapping {
    struct stage *stage;
    struct stat_req stat;
    struct setup_req setup;
    struct err error;
    bool stopping;
    bool ended;
};

static void snapping_setup_done(struct setup_req *req)
{
    struct snapping *snapping = (struct snapping *)((char *)req - offsetof(struct snapping, setup));

    snapping->error = req->err;
    snapping->ended = true;
}

static bool snapping_judge(struct snapping *snapping, struct err *e)
{
    const struct endpoint *target = snapping->stage->target;

    if (!snapping->stat.exists)
        return err_set(e, ERR_GONE, RETRY_NEVER, "%.200s does not exist", target->name);
    if (!(target->capabilities & ENDPOINT_CAN_SNAPSHOT))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%.200s cannot take snapshots: only page blobs of ordinary accounts can",
                       target->name);
    if (snapping->stopping)
        return err_set(e, ERR_CANCELED, RETRY_LATER, "stopped on request");
    return true;
}

static void snapping_stat_done(struct stat_req *req)
{
    struct snapping *snapping = (struct snapping *)((char *)req - offsetof(struct snapping, stat));

    snapping->error = req->err;
    if (err_is_set(&snapping->error) || !snapping_judge(snapping, &snapping->error)) {
        snapping->ended = true;
        return;
    }
    snapping->setup = (struct setup_req){.verb = SETUP_SNAPSHOT, .done = snapping_setup_done};
    endpoint_setup(snapping->stage->target, &snapping->setup);
}

static bool snapping_ended(void *arg)
{
    const struct snapping *snapping = arg;

    return snapping->ended;
}

static void snapping_stop(void *arg)
{
    struct snapping *snapping = arg;

    snapping->stopping = true; /* once it was sent, its answer is wanted */
}

static void snapping_abandon(void *arg)
{
    struct snapping *snapping = arg;
    struct view_outcome outcome = {.status = STATUS_INTERRUPTED};

    err_set(&outcome.error, ERR_CANCELED, RETRY_LATER, "ended at once on request");
    view_end(&snapping->stage->view, &outcome);
}

static void snapping_tick(void *arg)
{
    (void)arg;
}

/* The snapshot proves what the target holds only if it is of the very state our last copy left: the
 * ETag kept then is the one before the snapshot and the one after it. */
static void keep_as_proof(struct snapping *snapping)
{
    struct stage *stage = snapping->stage;
    const struct stat_req *stat = &snapping->stat;
    struct target_state known = {0};
    struct err e = {0};
    bool kept;

    if (!stage->state_folder[0] || stat->marker.state != MARKER_COMPLETE)
        return;
    kept = target_state_load(stage->state_folder, stage->target->identity, &known, &e);
    if (kept && strcmp(known.copy_uuid, stat->marker.copy_uuid) == 0 &&
        strcmp(known.etag, stat->etag) == 0 &&
        (!snapping->setup.out_etag[0] || strcmp(snapping->setup.out_etag, stat->etag) == 0)) {
        snprintf(known.snapshot, sizeof known.snapshot, "%s", snapping->setup.out_snapshot);
        kept = target_state_save(stage->state_folder, stage->target->identity, &known, &e);
    }
    if (!kept)
        view_say(&stage->view, e.text);
}

static void show_snapshot(struct snapping *snapping)
{
    struct view *view = &snapping->stage->view;
    char *url = NULL;
    json_t *event;

    if (asprintf(&url, "%s?snapshot=%s", snapping->stage->target->name,
                 snapping->setup.out_snapshot) < 0)
        return;
    if (view->kind != VIEW_JSON) {
        printf("%s\n", url);
    } else {
        event = view_json_event(clock_wall_ns(view->clock), "snapshot", view->disk);
        view_json_set_text(event, "url", url);
        view_json_set_text(event, "snapshot", snapping->setup.out_snapshot);
        view_json_print(event);
    }
    free(url);
}

void command_snapshot(struct stage *stage, struct view_outcome *outcome)
{
    struct snapping snapping = {.stage = stage, .stat = {.done = snapping_stat_done}};
    struct session_work work = {.ended = snapping_ended,
                                .stop = snapping_stop,
                                .abandon = snapping_abandon,
                                .tick = snapping_tick,
                                .tick_ns = VIEW_TICK_NS,
                                .arg = &snapping};

    endpoint_stat(stage->target, &snapping.stat);
    stage_run(stage, &work);
    outcome->error = snapping.error;
    if (err_is_set(&outcome->error))
        return;
    keep_as_proof(&snapping);
    show_snapshot(&snapping);
}
