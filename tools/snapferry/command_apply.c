/* command_apply.c - snapferry apply: what a delta stream holds, copied to a target. Its HEAD says what
 * kind of copy that is, so it is read first; all else is a copy like any other (command_copy.c).
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_stream_in.h"
#include "tools/snapferry/stage.h"

struct heading { /* waiting for the HEAD */
    struct stage *stage;
    struct stat_req stat;
    bool ended;
};

static void heading_done(struct stat_req *req)
{
    struct heading *heading = (struct heading *)((char *)req - offsetof(struct heading, stat));

    heading->ended = true;
}

static bool heading_ended(void *arg)
{
    const struct heading *heading = arg;

    return heading->ended;
}

static void heading_stop(void *arg)
{
    struct heading *heading = arg;

    endpoint_give_up(heading->stage->source);
}

static void heading_abandon(void *arg)
{
    struct heading *heading = arg;
    struct view_outcome outcome = {.status = STATUS_INTERRUPTED};

    err_set(&outcome.error, ERR_CANCELED, RETRY_LATER, "ended at once on request");
    view_end(&heading->stage->view, &outcome);
}

static void heading_tick(void *arg)
{
    (void)arg;
}

static bool read_head(struct stage *stage, struct err *e)
{
    struct heading heading = {.stage = stage, .stat = {.done = heading_done}};
    struct session_work work = {.ended = heading_ended,
                                .stop = heading_stop,
                                .abandon = heading_abandon,
                                .tick = heading_tick,
                                .tick_ns = VIEW_TICK_NS,
                                .arg = &heading};

    endpoint_stat(stage->source, &heading.stat);
    stage_run(stage, &work);
    *e = heading.stat.err;
    return !err_is_set(e);
}

/* The base is looked at only, and by name: what the stream holds is all there is. */
static bool open_base(struct stage *stage, struct err *e)
{
    const struct stream_head *head = endpoint_stream_in_head(stage->source);

    if (!head->base[0])
        return true;
    if (head->base_copy[0])
        stage->bound = (struct copy_bound){.copy_uuid = head->base_copy, .etag = head->base_etag};
    stage->since = strdup(head->base);
    stage->base = endpoint_stream_base_new(stage->session.reactor, head, e);
    if (stage->base && !stage->since)
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the name of the base");
    return stage->base && stage->since;
}

void command_apply(struct stage *stage, struct view_outcome *outcome)
{
    if (!read_head(stage, &outcome->error) || !open_base(stage, &outcome->error))
        return;
    stage->streamed = true;
    endpoint_stream_in_target(stage->source, stage->target);
    command_copy(stage, outcome);
}
