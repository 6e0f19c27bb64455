/* copying.c - see copying.h. */
#include "tools/snapferry/copying.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "io/endpoint_stream_in.h"
#include "tools/snapferry/verify_show.h"

#define SEND_WINDOW_START 16u
#define PERCENT_OPEN_MAX  99.9 /* 100 is told when it is complete, and verified where asked */

/* ---- What the engine tells ---- */

static void copying_say(void *arg, const char *sentence)
{
    struct copying *copying = arg;

    view_say(&copying->stage->view, sentence);
}

static void copying_copy_done(void *arg, struct copy *copy)
{
    struct copying *copying = arg;

    (void)copy; /* the loop of turns asks copy_ended */
    if (copying->ended)
        copying->ended(copying);
}

/* What a stream refers back to is had from the target, once it is written there. */
static void copying_moved(void *arg, struct extent extent, enum range_state from,
                          enum range_state to)
{
    struct copying *copying = arg;

    (void)from;
    if (to == RANGE_DONE)
        endpoint_stream_in_wrote(copying->source, extent);
}

static void copying_verify_done(void *arg, struct verify *verify)
{
    struct copying *copying = arg;

    (void)verify;
    if (copying->ended)
        copying->ended(copying);
}

/* ---- What the loop asks ---- */

bool copying_ended(void *arg)
{
    const struct copying *copying = arg;

    return copying->verify ? verify_ended(copying->verify) : copy_ended(copying->copy);
}

void copying_stop(void *arg)
{
    struct copying *copying = arg;

    if (copying->verify)
        verify_stop(copying->verify);
    else
        copy_stop(copying->copy);
}

/* What a run that is stopped leaves to the next one. */
void copying_note_recorded(struct copying *copying, struct view_outcome *outcome)
{
    const char *path = copying->verify ? copying->verify_place.path : copying->place.path;

    snprintf(outcome->journal, sizeof outcome->journal, "%s", path);
    outcome->recorded_percent = copying->verify ? verify_progress(copying->verify).percent
                                                : copy_progress(copying->copy).percent;
}

/* What reads beside the copy has a progress of its own: a person is told that, and reads the phase; a
 * program's percent never goes back. */
static void show_beside(const struct copying *copying, const struct progress_view *beside,
                        struct progress_view *shown)
{
    shown->bytes_per_second = beside->bytes_per_second;
    shown->eta_seconds = beside->eta_seconds;
    if (copying->stage->view.kind != VIEW_JSON)
        *shown = *beside;
}

void copying_tick(void *arg)
{
    struct copying *copying = arg;
    struct view_moment moment = {.phase = copy_phase(copying->copy),
                                 .progress = copy_progress(copying->copy)};
    struct progress_view back;

    if (copying->stage->view.kind == VIEW_JSON && copy_reads_journal(copying->copy))
        return; /* a program would see a percentage below that of the run before */
    if (copying->verify) {
        back = verify_progress(copying->verify);
        moment.phase = verify_phase(copying->verify, "verifying");
        show_beside(copying, &back, &moment.progress);
    } else if (copy_proof_progress(copying->copy, &back)) {
        show_beside(copying, &back, &moment.progress);
    }
    if (copying->stage->options->verify && !copying->verified &&
        moment.progress.percent > PERCENT_OPEN_MAX)
        moment.progress.percent = PERCENT_OPEN_MAX;
    if (!copying->verify && copy_ended(copying->copy) &&
        (err_is_set(copy_error(copying->copy)) ||
         (copying->stage->options->verify && !copying->verified)))
        return; /* "done" is said once: of a copy that went well, and after its verify */
    view_moment(&copying->stage->view, &moment);
}

/* ---- The two parts ---- */

/* Behind a long link a range is asked about, sent and answered in round trips: with as few in flight as the
 * engine begins with, the link would stand idle until the window has grown. */
static uint32_t window_start_of(const struct copying *copying)
{
    const struct stage *stage = copying->stage;
    uint64_t start = stage->options->window_start;

    if (start || strcmp(stage->target->ops->name, "relay") != 0)
        return (uint32_t)start;
    return copying->window_max && copying->window_max < SEND_WINDOW_START ? copying->window_max
                                                                          : SEND_WINDOW_START;
}

bool copying_begin(struct copying *copying, struct view_outcome *outcome)
{
    struct stage *stage = copying->stage;
    const struct options *options = stage->options;
    struct copy_ends ends = {.source = copying->source,
                             .base = stage->base,
                             .since = stage->since,
                             .target = stage->target,
                             .pool = stage->session.pool,
                             .sides = copying->sides};
    struct copy_options how = {
        .hash = !options->no_root,
        .path = (enum copy_path)options->path,
        .footer = (enum copy_footer)options->footer,
        .coalesce_bytes = options->coalesce_bytes,
        .window_start = window_start_of(copying),
        .window_max = copying->window_max,
        .source_id = options->source_id,
        .base_id = options->base_id,
        .state_folder = stage->state_folder[0] ? stage->state_folder : NULL,
        .journal_path = copying->place.path[0] ? copying->place.path : NULL,
        .journal_optional = !copying->place.asked_for,
        .keep_journal = options->verify,
        .restart = options->restart,
        .random_seed = stage->random_seed + copying->number * 1000003u,
        .streamed = stage->streamed ? endpoint_stream_in_head(copying->source)->footer : NULL,
        .streamed_to = stage->streamed && endpoint_stream_in_said(copying->source)
                           ? &endpoint_stream_in_said(copying->source)->marker
                           : NULL,
        .found = stage->found,
        .bound = stage->bound,
        .proof = {.manifest_path = options->manifest,
                  .base_manifest_path = options->base_manifest,
                  .audit_ppm = (uint32_t)options->audit_ppm,
                  .seed = stage_seed(stage)},
        .map = {.path = stage->found ? NULL : options->map, .strong = options->strong},
    };
    struct copy_watch watch = {.say = copying_say,
                               .moved = stage->streamed ? copying_moved : NULL,
                               .done = copying_copy_done,
                               .arg = copying};

    if (getrandom(how.map.seed, sizeof how.map.seed, 0) != (ssize_t)sizeof how.map.seed)
        return err_set_errno(&outcome->error, errno, RETRY_NEVER,
                             "the kernel gives no random bytes");
    copying->copy = copy_new(stage->session.reactor, &ends, &how, &watch, &outcome->error);
    if (!copying->copy)
        return false;
    copy_start(copying->copy);
    return true;
}

bool copying_take(struct copying *copying, struct view_outcome *outcome)
{
    outcome->error = *copy_error(copying->copy);
    if (copy_summary(copying->copy)->journal_kept)
        copying_note_recorded(copying, outcome);
    return !err_is_set(&outcome->error);
}

bool copying_begin_verify(struct copying *copying, struct view_outcome *outcome)
{
    struct stage *stage = copying->stage;
    struct verify_ends ends = {.source = copying->source,
                               .target = stage->target,
                               .pool = stage->session.pool,
                               .sides = copying->sides};
    struct verify_options how = {
        .footer = (enum copy_footer)stage->options->footer,
        .window_start = (uint32_t)stage->options->window_start,
        .window_max = copying->window_max,
        .source_id = stage->options->source_id,
        .journal_path = copying->verify_place.path[0] ? copying->verify_place.path : NULL,
        .journal_optional = !copying->verify_place.asked_for,
        .restart = stage->options->restart,
        .random_seed = stage->random_seed + copying->number * 1000003u + 1};
    struct verify_watch watch = {.say = copying_say, .done = copying_verify_done, .arg = copying};

    copying->verify = verify_new(stage->session.reactor, &ends, &how, &watch, &outcome->error);
    if (!copying->verify)
        return false;
    verify_start(copying->verify);
    return true;
}

void copying_take_verify(struct copying *copying, struct view_outcome *outcome)
{
    struct stage *stage = copying->stage;

    outcome->error = *verify_error(copying->verify);
    if (verify_summary(copying->verify)->journal_kept)
        copying_note_recorded(copying, outcome);
    else if (!err_is_set(&outcome->error))
        copy_drop_journal(copying->copy); /* until now a run again would only have verified */
    copying->verified = verify_summary(copying->verify)->equal;
    if (!err_is_set(&outcome->error) && !copying->verified) {
        outcome->status = STATUS_DIFFERENT;
        verify_show_differences(&stage->view, verify_summary(copying->verify));
    }
    verify_free(copying->verify);
    copying->verify = NULL;
    copying_tick(copying);
}

void copying_conclude(struct copying *copying, struct view_outcome *outcome, struct view_copy *done)
{
    done->copy = copy_summary(copying->copy);
    if (outcome->status == STATUS_DONE)
        outcome->status = exit_status_of(&outcome->error);
    /* Misuse says that nothing was touched; the target is. A stream has its name only when it is whole. */
    if (outcome->status == STATUS_MISUSED && done->copy->copy_uuid[0] &&
        copying->stage->options->command != COMMAND_EXPORT)
        outcome->status = STATUS_FAILED;
    done->outcome = *outcome;
    done->verified = copying->verified;
    done->http = copying->stage->session.http;
    if (done->copy->planned)
        view_copy(&copying->stage->view, done);
    copy_free(copying->copy);
    copying->copy = NULL;
}
