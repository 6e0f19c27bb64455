/* ferry_event_fuzz.c - a line of a child as a stranger may have written it: no event, or one whose values
 * are within what they may be. Must not know: processes. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tools/controld/ferry_event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_shown(const struct ferry_event *event)
{
    struct ferry_disk_view view;

    ferry_progress_init(&view, 10, 0);
    ferry_progress_moved(&view, &event->progress, 1);
    assert(view.percent >= 10 && view.percent < 100);
    ferry_progress_state(&view, event->code, event->level, event->message, 2);
    assert(!ferry_code_is_last(view.code));
    ferry_progress_ended(&view, EVENT_FAILED, event->message, &event->outcome, 3);
    assert(memchr(view.message, 0, sizeof view.message) != NULL);
    for (const char *c = view.message; *c; c++)
        assert((unsigned char)*c >= ' ' && *c != 127);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ferry_event event;

    if (!ferry_event_read((const char *)data, size, &event))
        return 0;
    assert(event.message && event.code < EVENT_CODES_COUNT && event.side < ACCESS_SIDES);
    assert(event.progress.percent >= 0 && event.progress.percent <= 100);
    expect_shown(&event);
    ferry_event_fini(&event);
    return 0;
}
