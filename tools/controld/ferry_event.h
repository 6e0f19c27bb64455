/* ferry_event.h - one line that `snapferry run` printed, as a value: input from outside, judged member by
 * member.
 *
 * Knows:         the events of design.md; that a later version may tell more.
 * Must not know: processes, which disks there are.
 * Threads:       pure.
 *
 * What is no JSON object, has no known "event", or lacks what that event cannot do without, is no event.
 * Any other member that is missing or odd reads as "not told".
 */
#ifndef CONTROLD_FERRY_EVENT_H
#define CONTROLD_FERRY_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "engine/access.h"
#include "engine/event.h"
#include "tools/controld/ferry_progress.h"

#define FERRY_LINE_MAX_BYTES (1u << 20) /* longer than any event but the answer to status */

/* Texts are views into root. */
struct ferry_event {
    json_t *root; /* owned */
    enum event_kind kind;
    const char *disk, *point; /* NULL: not of one */
    enum event_code code;     /* STATE, SUMMARY */
    enum ferry_level level;   /* STATE, WARNING, INVALID */
    const char *message;      /* "" = none */
    bool passing;             /* SUMMARY: failed of a network or a host that may be well again */
    bool odd;                 /* SUMMARY: the journal, or the target, was not as it was left */
    struct progress_view progress; /* PROGRESS, SUMMARY of a disk */
    struct ferry_outcome outcome;  /* SUMMARY of a disk */
    enum access_side side;         /* ACCESS_EXPIRING */
    const char *tag;               /* ANSWER; NULL: none */
    bool accepted;                 /* ANSWER */
    int exit;                      /* END */
};

/* False: no event; then there is nothing to free. */
bool ferry_event_read(const char *line, size_t bytes, struct ferry_event *out_event);
void ferry_event_fini(struct ferry_event *event);

#endif
