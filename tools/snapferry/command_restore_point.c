/* command_restore_point.c - snapferry restore-point list and status: what there is, and how far it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/snapferry/rp_desk.h"
#include "tools/snapferry/rp_show.h"

#define WATCH_NS (2ull * NS_PER_S)

/* ---- list ---- */

static bool show_collection(void *arg, const json_t *one, struct err *e)
{
    (void)e;
    rp_show_collection(arg, one);
    return true;
}

static bool show_point(void *arg, const json_t *one, struct err *e)
{
    struct rp_point point = {0};

    if (!rp_look_point(one, &point, e))
        return false;
    rp_show_point_row(arg, &point);
    rp_look_fini(&point);
    return true;
}

static bool show_disk(void *arg, const json_t *one, struct err *e)
{
    struct rp_disk *disk = calloc(1, sizeof *disk);
    bool ok = disk ? rp_look_disk(one, disk, e)
                   : err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a disk restore point");

    if (ok)
        rp_show_disk_row(arg, disk);
    free(disk);
    return ok;
}

/* A collection tells of its points with itself: there is no list of them. */
static bool list_points(struct rp_desk *desk, const struct rp_id *id, struct err *e)
{
    json_t *answer = NULL, *points, *one;
    bool ok = rp_ask(desk, HTTP_GET, id, "", "&$expand=restorePoints", NULL, &answer, e);
    size_t index;

    points = json_object_get(json_object_get(answer, "properties"), "restorePoints");
    json_array_foreach(points, index, one)
    {
        ok = ok && show_point(&desk->stage->view, one, e);
    }
    json_decref(answer);
    return ok;
}

static bool list(struct rp_desk *desk, const struct rp_id *id, struct err *e)
{
    struct view *view = &desk->stage->view;

    switch (id->depth) {
    case RP_COLLECTION + 1:
        return list_points(desk, id, e);
    case RP_POINT + 1:
        return rp_ask_pages(desk, id, "/diskRestorePoints", show_disk, view, e);
    default:
        return rp_ask_pages(desk, id, "/providers/Microsoft.Compute/restorePointCollections",
                            show_collection, view, e);
    }
}

void command_restore_point_list(struct stage *stage, struct view_outcome *outcome)
{
    const struct options *options = stage->options;
    const char *given = options->ends_count ? options->ends[0] : NULL;
    struct rp_desk desk;
    struct rp_id id;

    if (rp_desk_open(&desk, stage, &outcome->error) &&
        rp_desk_id(&desk, given, RP_SUBSCRIPTION + 1, RP_POINT + 1, &id, &outcome->error))
        list(&desk, &id, &outcome->error);
    rp_desk_close(&desk, outcome);
}

/* ---- status ---- */

static enum exit_status status_of(const struct rp_point *point)
{
    return point->state == RP_COMPLETE ? STATUS_DONE
           : point->state == RP_FAILED ? STATUS_FAILED
                                       : STATUS_AGAIN;
}

/* With --watch until it has ended, shown each time that something changed. */
static bool show_status(struct rp_desk *desk, const struct rp_id *id, enum exit_status *out_status,
                        struct err *e)
{
    char *before = NULL, *now;
    bool ok = true;

    for (;;) {
        struct rp_point point = {0};

        if (!rp_ask_point(desk, id, &point, e)) {
            ok = false;
            break;
        }
        *out_status = status_of(&point);
        now = rp_show_digest(&point);
        if (!before || !now || strcmp(before, now) != 0)
            rp_show_point(&desk->stage->view, &point);
        free(before);
        before = now;
        fflush(stdout);
        rp_look_fini(&point);
        if (!desk->options->rp.watch || *out_status != STATUS_AGAIN)
            break;
        if (!rp_desk_wait(desk, WATCH_NS, e)) {
            ok = false;
            break;
        }
    }
    free(before);
    return ok;
}

void command_restore_point_status(struct stage *stage, struct view_outcome *outcome)
{
    enum exit_status status = STATUS_DONE;
    struct rp_desk desk;
    struct rp_id id;

    if (rp_desk_open(&desk, stage, &outcome->error) &&
        rp_desk_id(&desk, stage->options->ends[0], RP_POINT + 1, RP_POINT + 1, &id,
                   &outcome->error) &&
        show_status(&desk, &id, &status, &outcome->error))
        outcome->status = status;
    rp_desk_close(&desk, outcome);
}
