/* ferry_event.c - see ferry_event.h. */
#include "tools/controld/ferry_event.h"

#include <string.h>

/* ---- Members ---- */

static const char *text_of(const json_t *root, const char *name)
{
    return json_string_value(json_object_get(root, name)); /* NULL unless it is a string */
}

static const char *text_or(const json_t *root, const char *name, const char *otherwise)
{
    const char *text = text_of(root, name);

    return text ? text : otherwise;
}

static uint64_t count_of(const json_t *root, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(root, name));

    return value > 0 ? (uint64_t)value : 0;
}

static double percent_of(const json_t *root, const char *name)
{
    double value = json_number_value(json_object_get(root, name));

    return value < 0 ? 0 : value > 100 ? 100 : value;
}

static void copy_text(char *out, size_t room, const char *text)
{
    size_t count = strnlen(text, room - 1);

    memcpy(out, text, count);
    out[count] = 0;
}

static enum ferry_level level_of(const json_t *root)
{
    const char *name = text_or(root, "level", "Info");

    return strcmp(name, "Error") == 0     ? FERRY_ERROR
           : strcmp(name, "Warning") == 0 ? FERRY_WARNING
                                          : FERRY_INFO;
}

static bool read_kind(const json_t *root, enum event_kind *out_kind)
{
    const char *name = text_or(root, "event", "");

    for (enum event_kind kind = EVENT_PROGRESS; kind <= EVENT_END; kind++)
        if (strcmp(name, event_kind_name(kind)) == 0) {
            *out_kind = kind;
            return true;
        }
    return false;
}

static bool read_code(const json_t *root, enum event_code *out_code)
{
    const char *name = text_or(root, "code", "");

    for (enum event_code code = EVENT_PENDING; code < EVENT_CODES_COUNT; code++)
        if (strcmp(name, event_code_name(code)) == 0) {
            *out_code = code;
            return true;
        }
    return false;
}

static bool read_side(const json_t *root, enum access_side *out_side)
{
    const char *name = text_or(root, "side", "");

    for (enum access_side side = ACCESS_SOURCE; side < ACCESS_SIDES; side++)
        if (strcmp(name, access_side_name(side)) == 0) {
            *out_side = side;
            return true;
        }
    return false;
}

/* ---- Events ---- */

static void read_progress(struct ferry_event *event)
{
    const json_t *eta = json_object_get(event->root, "etaSeconds");

    event->progress.percent = percent_of(event->root, "completionPercent");
    event->progress.total_bytes = count_of(event->root, "changedBytes");
    event->progress.durable_bytes = count_of(event->root, "durableBytes");
    event->progress.bytes_per_second = count_of(event->root, "bytesPerSecond");
    event->progress.eta_seconds =
        json_is_integer(eta) ? count_of(event->root, "etaSeconds") : UINT64_MAX;
}

static void read_outcome(const json_t *root, struct ferry_outcome *outcome)
{
    copy_text(outcome->root, sizeof outcome->root, text_or(root, "root", ""));
    copy_text(outcome->delta_digest, sizeof outcome->delta_digest,
              text_or(root, "deltaDigest", ""));
    copy_text(outcome->why_full, sizeof outcome->why_full, text_or(root, "whyFull", ""));
    outcome->delta = strcmp(text_or(root, "mode", ""), "delta") == 0;
    outcome->disk_bytes = count_of(root, "diskBytes");
    outcome->read_bytes = count_of(root, "readBytes");
    outcome->written_bytes = count_of(root, "writtenBytes");
    outcome->cleared_bytes = count_of(root, "clearedBytes");
    outcome->resumed_bytes = count_of(root, "resumedBytes");
}

static bool is_kind(const struct ferry_event *event, enum err_kind kind)
{
    return strcmp(text_or(event->root, "errorKind", ""), err_kind_name(kind)) == 0;
}

static bool read_summary(struct ferry_event *event)
{
    if (!read_code(event->root, &event->code))
        return false;
    if (!ferry_code_is_last(event->code) && event->code != EVENT_PAUSED)
        return false;
    event->message = text_or(event->root, "message", "");
    if (!event->disk)
        return event->point != NULL;
    event->passing = is_kind(event, ERR_NET) || is_kind(event, ERR_THROTTLED);
    event->odd = is_kind(event, ERR_CONFLICT) || is_kind(event, ERR_CORRUPT);
    event->progress.percent =
        event->code == EVENT_SUCCEEDED ? 100 : percent_of(event->root, "lastPercent");
    event->progress.total_bytes = count_of(event->root, "changedBytes");
    event->progress.durable_bytes = count_of(event->root, "durableBytes");
    event->progress.eta_seconds = UINT64_MAX;
    read_outcome(event->root, &event->outcome);
    return true;
}

static bool read_answer(struct ferry_event *event)
{
    const json_t *accepted = json_object_get(event->root, "accepted");

    event->tag = text_of(event->root, "tag");
    event->accepted = json_is_true(accepted);
    event->message = text_or(event->root, "message", "");
    return json_is_boolean(accepted);
}

static bool read_end(struct ferry_event *event)
{
    const json_t *status = json_object_get(event->root, "exit");
    json_int_t value = json_integer_value(status);

    if (!json_is_integer(status) || value < 0 || value > 255)
        return false;
    event->exit = (int)value;
    return true;
}

static bool read_members(struct ferry_event *event)
{
    event->disk = text_of(event->root, "disk");
    event->point = text_of(event->root, "restorePoint");
    event->level = level_of(event->root);
    event->message = "";
    switch (event->kind) {
    case EVENT_PROGRESS:
        read_progress(event);
        return event->disk != NULL;
    case EVENT_STATE:
        event->message = text_or(event->root, "displayStatus", "");
        return read_code(event->root, &event->code);
    case EVENT_ACCESS_EXPIRING:
        return event->disk && read_side(event->root, &event->side);
    case EVENT_SUMMARY:
        return read_summary(event);
    case EVENT_ANSWER:
        return read_answer(event);
    case EVENT_WARNING:
    case EVENT_INVALID:
        event->message = text_or(event->root, "message", "");
        return true;
    case EVENT_END:
        return read_end(event);
    }
    return false;
}

bool ferry_event_read(const char *line, size_t bytes, struct ferry_event *out_event)
{
    struct ferry_event event = {0};

    if (bytes > FERRY_LINE_MAX_BYTES)
        return false;
    event.root = json_loadb(line, bytes, 0, NULL);
    if (event.root && json_is_object(event.root) && read_kind(event.root, &event.kind) &&
        read_members(&event)) {
        *out_event = event;
        return true;
    }
    json_decref(event.root);
    return false;
}

void ferry_event_fini(struct ferry_event *event)
{
    json_decref(event->root);
    memset(event, 0, sizeof *event);
}
