/* event.c - see event.h. */
#include "engine/event.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/clock.h"

#define TIME_TEXT_BYTES 40u
#define PERCENT_STEPS   10.0
#define SECONDS_STEPS   1000.0

/* ---- Names ---- */

const char *event_kind_name(enum event_kind kind)
{
    static const char *const names[] = {
        [EVENT_PROGRESS] = "progress",
        [EVENT_STATE] = "state",
        [EVENT_ACCESS_EXPIRING] = "accessExpiring",
        [EVENT_SUMMARY] = "summary",
        [EVENT_ANSWER] = "answer",
        [EVENT_WARNING] = "warning",
        [EVENT_INVALID] = "invalid",
        [EVENT_END] = "end",
    };

    return names[kind];
}

const char *event_code_name(enum event_code code)
{
    static const char *const names[EVENT_CODES_COUNT] = {
        [EVENT_PENDING] = "ReplicationState/pending",
        [EVENT_IN_PROGRESS] = "ReplicationState/inProgress",
        [EVENT_WAITING_FOR_ACCESS] = "ReplicationState/waitingForAccess",
        [EVENT_PAUSED] = "ReplicationState/paused",
        [EVENT_SUCCEEDED] = "ReplicationState/succeeded",
        [EVENT_FAILED] = "ReplicationState/failed",
        [EVENT_CANCELED] = "ReplicationState/canceled",
    };

    return names[code];
}

/* ---- Members ---- */

/* What is being made; no memory for one member is no line at all. */
struct page {
    json_t *object;
    bool failed;
};

static void set_value(struct page *page, const char *name, json_t *take)
{
    if (json_object_set_new(page->object, name, take) != 0)
        page->failed = true;
}

static void set_text(struct page *page, const char *name, const char *text)
{
    json_t *value = json_string(text);
    char *plain;

    if (!value && (plain = strdup(text))) { /* what a service said need not be UTF-8, JSON must */
        for (char *c = plain; *c; c++)
            if ((unsigned char)*c >= 128)
                *c = '?';
        value = json_string(plain);
        free(plain);
    }
    set_value(page, name, value);
}

static void set_text_if(struct page *page, const char *name, const char *text)
{
    if (text && *text)
        set_text(page, name, text);
}

static void set_count(struct page *page, const char *name, uint64_t value)
{
    set_value(page, name, json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

static void set_flag(struct page *page, const char *name, bool value)
{
    set_value(page, name, json_boolean(value));
}

/* Cut, not rounded up: 99.96 % is not 100, and a reader should not see 37.400000000000006. */
static void set_real(struct page *page, const char *name, double value, double steps)
{
    set_value(page, name, json_real((double)(uint64_t)(value * steps) / steps));
}

static void set_percent(struct page *page, const char *name, double percent)
{
    double cut = (double)(uint64_t)(percent * PERCENT_STEPS) / PERCENT_STEPS;

    if (percent < 100 && cut >= 100)
        cut = 100 - 1 / PERCENT_STEPS;
    set_value(page, name, json_real(cut));
}

static void set_time(struct page *page, const char *name, uint64_t time_ns, bool fraction)
{
    char text[TIME_TEXT_BYTES] = "";
    time_t seconds = (time_t)(time_ns / NS_PER_S);
    unsigned ms = (unsigned)(time_ns / NS_PER_MS % 1000);
    struct tm tm;
    size_t used;

    if (!gmtime_r(&seconds, &tm)) {
        page->failed = true;
        return;
    }
    used = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (fraction) {
        const char digits[] = {'.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10),
                               (char)('0' + ms % 10)};

        memcpy(text + used, digits, sizeof digits);
        used += sizeof digits;
    }
    memcpy(text + used, "Z", 2);
    set_text(page, name, text);
}

static void set_progress(struct page *page, const struct progress_view *p)
{
    set_percent(page, "completionPercent", p->percent);
    set_count(page, "changedBytes", p->total_bytes);
    set_count(page, "durableBytes", p->durable_bytes);
    set_count(page, "bytesPerSecond", p->bytes_per_second);
    if (p->eta_seconds == UINT64_MAX)
        set_value(page, "etaSeconds", json_null());
    else
        set_count(page, "etaSeconds", p->eta_seconds);
}

/* What support will ask for. */
static void set_error(struct page *page, const struct err *error)
{
    if (!error || !err_is_set(error))
        return;
    set_text_if(page, "requestId", error->request_id);
    set_text_if(page, "errorCode", error->code);
    if (error->http_status)
        set_count(page, "httpStatus", (uint64_t)error->http_status);
    set_text(page, "errorKind", err_kind_name(error->kind));
}

static const char *reason_of(const struct event *event)
{
    if (event->message && *event->message)
        return event->message;
    return event->error && err_is_set(event->error) ? event->error->text : NULL;
}

/* Where there must be one: the last part of the code, when nobody said more. */
static const char *sentence_of(const struct event *event)
{
    const char *reason = reason_of(event);

    return reason ? reason : strchr(event_code_name(event->code), '/') + 1;
}

/* ---- Summaries ---- */

static void set_proof(struct page *page, const struct copy_summary *s)
{
    set_text_if(page, "root", s->root);
    set_text_if(page, "baseRoot", s->base_root);
    set_text_if(page, "deltaDigest", s->delta_digest);
    set_text_if(page, "whyFull", s->why_full);
    set_text_if(page, "copy", s->copy_uuid);
    set_flag(page, "committed", s->committed);
    set_flag(page, "map", s->has_map);
}

/* A disk that never began moved nothing: its numbers are zeros, not unknown. */
static void set_copy(struct page *page, const struct event *event)
{
    static const struct copy_summary none;
    const struct copy_summary *s = event->copy ? event->copy : &none;
    uint64_t taken_ns = s->ended_ns > s->started_ns ? s->ended_ns - s->started_ns : 0;

    if (event->copy) {
        set_text(page, "mode", s->delta ? "delta" : "full");
        set_proof(page, s);
        set_count(page, "diskBytes", s->source_size_bytes);
    }
    set_count(page, "changedBytes", event->progress.total_bytes);
    set_count(page, "durableBytes", event->progress.durable_bytes);
    set_count(page, "readBytes", s->read_bytes);
    set_count(page, "wireBytes", event->wire_bytes);
    set_count(page, "writtenBytes", s->written_bytes);
    set_count(page, "clearedBytes", s->cleared_bytes);
    set_count(page, "skippedBytes", s->skipped_bytes);
    set_count(page, "proofBytes", s->proof_bytes);
    set_count(page, "resumedBytes", s->resumed_bytes);
    set_count(page, "requests", event->requests_count);
    set_count(page, "retries", s->retries);
    set_count(page, "attempts", event->attempts);
    set_real(page, "seconds", (double)taken_ns / (double)NS_PER_S, SECONDS_STEPS);
}

static void set_summary(struct page *page, const struct event *event)
{
    set_text(page, "code", event_code_name(event->code));
    if (event->disk && event->code != EVENT_SUCCEEDED)
        set_text(page, "message", sentence_of(event));
    else
        set_text_if(page, "message", reason_of(event));
    if (!event->disk)
        return;
    set_error(page, event->error);
    if (event->code != EVENT_SUCCEEDED)
        set_percent(page, "lastPercent", event->progress.percent);
    set_copy(page, event);
}

/* ---- Answers ---- */

static json_t *status_of(const struct event_disk_status *status, bool *failed)
{
    struct page page = {.object = json_object()};

    if (!page.object)
        return NULL;
    set_text(&page, "disk", status->disk);
    set_text_if(&page, "restorePoint", status->point);
    set_text(&page, "code", event_code_name(status->code));
    set_count(&page, "priority", status->priority);
    set_count(&page, "attempts", status->attempts);
    set_progress(&page, &status->progress);
    set_text_if(&page, "message", status->message);
    *failed |= page.failed;
    return page.object;
}

static void set_answer(struct page *page, const struct event *event)
{
    bool is_status = event->command && strcmp(event->command, "status") == 0;
    json_t *list;

    set_text_if(page, "command", event->command);
    set_text_if(page, "tag", event->tag);
    set_flag(page, "accepted", event->accepted);
    if (event->accepted)
        set_text_if(page, "message", reason_of(event));
    else
        set_text(page, "message", reason_of(event) ? reason_of(event) : "not accepted");
    set_error(page, event->error);
    if (!event->accepted || !is_status)
        return;
    list = json_array();
    for (uint32_t i = 0; list && i < event->statuses_count; i++)
        if (json_array_append_new(list, status_of(&event->statuses[i], &page->failed)) != 0)
            page->failed = true;
    set_value(page, "disks", list);
}

/* ---- The line ---- */

static void set_state(struct page *page, const struct event *event)
{
    set_text(page, "code", event_code_name(event->code));
    set_text(page, "level", event->level ? event->level : "Info");
    set_text(page, "displayStatus", sentence_of(event));
    set_error(page, event->error);
}

/* A warning, or a mistake: where it is in the job, if it is there. */
static void set_remark(struct page *page, const struct event *event, const char *level)
{
    const char *reason = reason_of(event);

    set_text(page, "level", event->level ? event->level : level);
    set_text_if(page, "path", event->path);
    set_text(page, "message", reason ? reason : "");
}

static void set_members(struct page *page, const struct event *event)
{
    switch (event->kind) {
    case EVENT_PROGRESS:
        set_progress(page, &event->progress);
        break;
    case EVENT_STATE:
        set_state(page, event);
        break;
    case EVENT_ACCESS_EXPIRING:
        set_text(page, "side", access_side_name(event->side));
        if (event->expires_s > 0 && event->expires_s < UINT64_MAX / NS_PER_S)
            set_time(page, "expiresOn", event->expires_s * NS_PER_S, false);
        set_text_if(page, "message", reason_of(event));
        break;
    case EVENT_SUMMARY:
        set_summary(page, event);
        break;
    case EVENT_ANSWER:
        set_answer(page, event);
        break;
    case EVENT_WARNING:
        set_remark(page, event, "Warning");
        break;
    case EVENT_INVALID:
        set_remark(page, event, "Error");
        break;
    case EVENT_END:
        set_value(page, "exit", json_integer(event->exit));
        break;
    }
}

char *event_format(const struct event *event, size_t *out_bytes)
{
    struct page page = {.object = json_object()};
    char *line = NULL;

    if (!page.object)
        return NULL;
    set_time(&page, "time", event->time_ns, true);
    set_text(&page, "event", event_kind_name(event->kind));
    set_text_if(&page, "disk", event->disk);
    set_text_if(&page, "restorePoint", event->point);
    set_members(&page, event);
    if (!page.failed)
        line = json_dumps(page.object, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(page.object);
    if (line)
        *out_bytes = strlen(line);
    return line;
}
