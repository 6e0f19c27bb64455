/* control_fuzz.c - any line taken for a command: what is accepted is complete and in its bounds, and a
 * refusal shows nothing of the line. Must not know: jobs. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "engine/control.h"
#include "engine/job_spec.h"

#define NEVER_TOLD '~'

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_accepted(const struct control *control)
{
    bool named = (control->disk != NULL) != (control->point != NULL), limited = false;

    for (size_t i = 0; i < CONTROL_LIMITS_COUNT; i++)
        limited |= control->limit_given[i];
    switch (control->verb) {
    case CONTROL_RENEW_ACCESS:
        assert(control->disk && !control->point && control->url &&
               strcasestr(control->url, "sig="));
        break;
    case CONTROL_SET_PRIORITY:
        assert(control->priority >= 1 && control->priority <= JOB_PRIORITY_MAX);
        assert(named);
        break;
    case CONTROL_PAUSE:
    case CONTROL_RESUME:
    case CONTROL_CANCEL:
        assert(named);
        break;
    case CONTROL_SET_LIMITS:
        assert(limited && !control->disk && !control->point);
        break;
    case CONTROL_STATUS:
        assert(!control->disk && !control->point && !limited);
        break;
    case CONTROL_VERBS_COUNT:
        assert(!"a verb");
    }
    assert(strlen(control->tag) < CONTROL_TAG_MAX_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct control control;
    struct err e = {0};
    bool known = false;

    if (control_parse((const char *)data, size, &control, &known, &e)) {
        assert(known && !err_is_set(&e));
        check_accepted(&control);
    } else {
        assert(err_is_set(&e) && e.text[0]);
        assert(!strchr(e.text, NEVER_TOLD));
    }
    control_fini(&control);
    return 0;
}
