/* view_json.c - see view_json.h. */
#include "tools/snapferry/view_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "blockmap/stream_pack.h"
#include "io/compress_level.h"
#include "io/http.h"

#define JSON_INTERVAL_NS 1000000000ull

/* ---- Members ---- */

static void time_text(uint64_t time_ns, char out_text[VIEW_TIME_MAX_BYTES])
{
    time_t seconds = (time_t)(time_ns / NS_PER_S);
    struct tm tm;
    size_t used;

    gmtime_r(&seconds, &tm);
    used = strftime(out_text, VIEW_TIME_MAX_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out_text + used, VIEW_TIME_MAX_BYTES - used, ".%03uZ",
             (unsigned)(time_ns / NS_PER_MS % 1000));
}

void view_json_set_text(json_t *object, const char *name, const char *text)
{
    json_t *value = json_string(text);
    char *plain;

    if (!value && (plain = strdup(text))) { /* a path need not be UTF-8, JSON must */
        for (char *c = plain; *c; c++)
            if ((unsigned char)*c >= 128)
                *c = '?';
        value = json_string(plain);
        free(plain);
    }
    json_object_set_new(object, name, value);
}

void view_json_set_time(json_t *object, const char *name, uint64_t time_ns)
{
    char time[VIEW_TIME_MAX_BYTES];

    time_text(time_ns, time);
    view_json_set_text(object, name, time);
}

void view_json_set_count(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

/* Cut: a reader should not see 37.400000000000006. */
static void set_real(json_t *object, const char *name, double value, double steps)
{
    json_object_set_new(object, name, json_real((double)(uint64_t)(value * steps) / steps));
}

json_t *view_json_event(uint64_t time_ns, const char *event, const char *disk)
{
    json_t *object = json_object();

    view_json_set_time(object, "time", time_ns);
    view_json_set_text(object, "event", event);
    if (disk && *disk) /* what concerns no disk: a misuse of the command */
        view_json_set_text(object, "disk", disk);
    return object;
}

/* ---- Events ---- */

json_t *view_json_progress(uint64_t time_ns, const char *disk, const struct view_moment *moment)
{
    const struct progress_view *p = &moment->progress;
    json_t *object = view_json_event(time_ns, "progress", disk);

    set_real(object, "completionPercent", p->percent, 10);
    view_json_set_count(object, "changedBytes", p->total_bytes);
    view_json_set_count(object, "durableBytes", p->durable_bytes);
    view_json_set_count(object, "bytesPerSecond", p->bytes_per_second);
    if (p->eta_seconds == UINT64_MAX)
        json_object_set_new(object, "etaSeconds", json_null());
    else
        view_json_set_count(object, "etaSeconds", p->eta_seconds);
    view_json_set_text(object, "phase", moment->phase);
    return object;
}

json_t *view_json_state(uint64_t time_ns, const char *disk, const char *code, const char *level,
                        const char *sentence)
{
    json_t *object = view_json_event(time_ns, "state", disk);

    view_json_set_text(object, "code", code);
    view_json_set_text(object, "level", level);
    view_json_set_text(object, "displayStatus", *sentence ? sentence : strchr(code, '/') + 1);
    return object;
}

static void set_text_if(json_t *object, const char *name, const char *text)
{
    if (*text)
        view_json_set_text(object, name, text);
}

static void set_relay(json_t *object, const struct endpoint_relay_counts *relay)
{
    view_json_set_count(object, "packedBytes", relay->packed_bytes);
    view_json_set_count(object, "storedBytes", relay->stored_bytes);
    view_json_set_count(object, "heldBytes", relay->held_bytes);
    view_json_set_count(object, "resentBytes", relay->resent_bytes);
    view_json_set_count(object, "askedBlocks", relay->asked_blocks);
    if (relay->level == STREAM_LEVEL_RAW || relay->level == COMPRESS_AUTO)
        json_object_set_new(object, "level", json_null());
    else
        json_object_set_new(object, "level", json_integer(relay->level));
    set_real(object, "packSeconds", (double)relay->cpu_ns / (double)NS_PER_S, 1000);
}

/* What each thread did, ours first; nothing where there is but one. */
static void set_threads(json_t *object, const struct http *http)
{
    struct http_lane_count lanes[HTTP_THREADS_MAX];
    unsigned count = http ? http_lanes(http, lanes) : 0;
    json_t *array;

    if (count < 2)
        return;
    array = json_array();
    for (unsigned i = 0; i < count; i++) {
        json_t *lane = json_object();

        view_json_set_count(lane, "requests", lanes[i].requests);
        view_json_set_count(lane, "sentBytes", lanes[i].sent_bytes);
        view_json_set_count(lane, "receivedBytes", lanes[i].received_bytes);
        set_real(lane, "cpuSeconds", (double)lanes[i].cpu_ns / (double)NS_PER_S, 1000);
        json_array_append_new(array, lane);
    }
    json_object_set_new(object, "threads", array);
}

static const char *const path_names[] = {
    [COPY_PATH_CLIENT] = "client", [COPY_PATH_SERVER] = "server", [COPY_PATH_AUTO] = "both"};

json_t *view_json_copy(uint64_t time_ns, const char *disk, const struct view_copy *done)
{
    const struct copy_summary *s = done->copy;
    json_t *object = view_json_event(time_ns, "summary", disk);

    view_json_set_text(object, "code",
                       exit_status_code(done->outcome.status, &done->outcome.error));
    view_json_set_text(object, "mode", s->delta ? "delta" : "full");
    set_text_if(object, "root", s->root);
    set_text_if(object, "baseRoot", s->base_root);
    set_text_if(object, "deltaDigest", s->delta_digest);
    set_text_if(object, "whyFull", s->why_full);
    view_json_set_text(object, "path", path_names[s->path.used]);
    set_text_if(object, "whyPath", s->path.why);
    set_text_if(object, "copy", s->copy_uuid);
    json_object_set_new(object, "committed", json_boolean(s->committed));
    json_object_set_new(object, "verified", json_boolean(done->verified));
    json_object_set_new(object, "manifest", json_boolean(s->proof.has_manifest));
    json_object_set_new(object, "map", json_boolean(s->has_map));
    if (s->proof.auditable_bytes) {
        view_json_set_count(object, "auditedBytes", s->proof.audited_bytes);
        view_json_set_count(object, "auditableBytes", s->proof.auditable_bytes);
    }
    view_json_set_count(object, "diskBytes", s->source_size_bytes);
    view_json_set_count(object, "readBytes", s->read_bytes);
    view_json_set_count(object, "wireBytes", done->wire_bytes);
    if (done->relay)
        set_relay(object, done->relay);
    view_json_set_count(object, "writtenBytes", s->written_bytes);
    view_json_set_count(object, "pulledBytes", s->pulled_bytes);
    view_json_set_count(object, "clearedBytes", s->cleared_bytes);
    view_json_set_count(object, "skippedBytes", s->skipped_bytes);
    view_json_set_count(object, "proofBytes", s->proof_bytes);
    view_json_set_count(object, "gapBytes", s->gap_bytes);
    view_json_set_count(object, "resumedBytes", s->resumed_bytes);
    view_json_set_count(object, "requests", done->requests_count);
    view_json_set_count(object, "retries", s->retries);
    set_real(object, "cpuSeconds", (double)done->cpu_ns / (double)NS_PER_S, 1000);
    set_threads(object, done->http);
    set_real(object, "seconds", (double)(s->ended_ns - s->started_ns) / (double)NS_PER_S, 1000);
    return object;
}

json_t *view_json_end(uint64_t time_ns, enum exit_status status)
{
    json_t *object = view_json_event(time_ns, "end", NULL);

    view_json_set_count(object, "exit", (uint64_t)status);
    return object;
}

void view_json_print(json_t *take)
{
    char *line = take ? json_dumps(take, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;

    if (line)
        printf("%s\n", line);
    fflush(stdout); /* whoever reads a pipe wants it now */
    free(line);
    json_decref(take);
}

/* ---- The view ---- */

static uint64_t now(const struct view *view)
{
    return clock_wall_ns(view->clock);
}

/* Of several targets each event says which. */
static json_t *with_target(const struct view *view, json_t *take)
{
    if (view->target[0])
        view_json_set_text(take, "target", view->target);
    return take;
}

json_t *view_json_begin(const struct view *view, const char *event)
{
    return with_target(view, view_json_event(now(view), event, view->disk));
}

static void show_moment(struct view *view, const struct view_moment *moment, uint64_t now_ns)
{
    if (view_is_due(view, moment->phase, JSON_INTERVAL_NS, now_ns))
        view_json_print(with_target(view, view_json_progress(now(view), view->disk, moment)));
}

static void show_state(struct view *view, const char *code, const char *level, const char *sentence)
{
    view_json_print(
        with_target(view, view_json_state(now(view), view->disk, code, level, sentence)));
}

static void show_copy(struct view *view, const struct view_copy *done)
{
    view_json_print(with_target(view, view_json_copy(now(view), view->disk, done)));
}

static void show_end(struct view *view, const struct view_outcome *outcome)
{
    view_json_print(view_json_end(now(view), outcome->status));
}

const struct view_ops view_json_ops = {show_moment, show_state, show_copy, NULL, show_end};
