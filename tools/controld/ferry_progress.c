/* ferry_progress.c - see ferry_progress.h. */
#include "tools/controld/ferry_progress.h"

#include <stdlib.h>
#include <string.h>

#include "io/secret.h"

bool ferry_code_is_last(enum event_code code)
{
    return code == EVENT_SUCCEEDED || code == EVENT_FAILED || code == EVENT_CANCELED;
}

const char *ferry_level_name(enum ferry_level level)
{
    static const char *const names[] = {
        [FERRY_INFO] = "Info", [FERRY_WARNING] = "Warning", [FERRY_ERROR] = "Error"};

    return names[level];
}

/* How long the UTF-8 character at text is; 0: there is none. */
static size_t character_bytes(const unsigned char *text)
{
    size_t count = text[0] < 0x80                       ? 1
                   : text[0] >= 0xC2 && text[0] <= 0xDF ? 2
                   : (text[0] & 0xF0) == 0xE0           ? 3
                   : text[0] >= 0xF0 && text[0] <= 0xF4 ? 4
                                                        : 0;

    for (size_t i = 1; i < count; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    return count;
}

/* Whole characters as far as there is room; nothing that moves a cursor, nothing that JSON would refuse. */
static void copy_clean(char *out, size_t room, const char *text)
{
    size_t used = 0, count;

    for (; *text; text += count ? count : 1) {
        count = character_bytes((const unsigned char *)text);
        if (used + (count ? count : 1) >= room)
            break;
        if (count > 1)
            memcpy(out + used, text, count);
        else
            out[used] = !count ? '?' : (unsigned char)*text < ' ' || *text == 127 ? ' ' : *text;
        used += count ? count : 1;
    }
    out[used] = 0;
}

/* Redacted before it is cut, for half of a SAS is a secret, too. */
static void set_message(struct ferry_disk_view *view, const char *message)
{
    char *whole = strdup(message);

    if (whole)
        secret_redact(whole);
    copy_clean(view->message, sizeof view->message, whole ? whole : "");
    free(whole);
}

static void raise_percent(struct ferry_disk_view *view, double percent)
{
    if (percent > FERRY_PERCENT_UNENDED)
        percent = FERRY_PERCENT_UNENDED;
    if (percent > view->percent)
        view->percent = percent;
}

static void stand_still(struct ferry_disk_view *view)
{
    view->bytes_per_s = 0;
    view->eta_s = UINT64_MAX;
}

void ferry_progress_init(struct ferry_disk_view *view, double seed_percent, uint64_t wall_ns)
{
    memset(view, 0, sizeof *view);
    view->code = EVENT_PENDING;
    view->heard_ns = wall_ns;
    stand_still(view);
    raise_percent(view, seed_percent);
}

void ferry_progress_state(struct ferry_disk_view *view, enum event_code code,
                          enum ferry_level level, const char *message, uint64_t wall_ns)
{
    if (ferry_code_is_last(view->code) || ferry_code_is_last(code))
        return;
    view->code = code;
    view->level = level;
    view->heard_ns = wall_ns;
    set_message(view, message);
    if (code != EVENT_IN_PROGRESS)
        stand_still(view);
}

void ferry_progress_moved(struct ferry_disk_view *view, const struct progress_view *progress,
                          uint64_t wall_ns)
{
    if (ferry_code_is_last(view->code))
        return;
    raise_percent(view, progress->percent);
    view->changed_bytes = progress->total_bytes;
    view->durable_bytes = progress->durable_bytes;
    view->bytes_per_s = progress->bytes_per_second;
    view->eta_s = progress->eta_seconds;
    view->heard_ns = wall_ns;
}

void ferry_progress_ended(struct ferry_disk_view *view, enum event_code code, const char *message,
                          const struct ferry_outcome *outcome, uint64_t wall_ns)
{
    if (ferry_code_is_last(view->code))
        return;
    view->code = code;
    view->level = code == EVENT_FAILED ? FERRY_ERROR : FERRY_INFO;
    view->heard_ns = wall_ns;
    set_message(view, message);
    stand_still(view);
    if (outcome)
        view->outcome = *outcome;
    if (code == EVENT_SUCCEEDED)
        view->percent = 100;
}
