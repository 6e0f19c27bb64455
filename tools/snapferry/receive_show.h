/* receive_show.h - what a person or a program sees of a receiver while it serves.
 *
 * Knows:         one line of JSON when it serves, then sentences now and then or events (--json).
 * Must not know: how anything is received.
 * Threads:       the main thread.
 */
#ifndef SNAPFERRY_RECEIVE_SHOW_H
#define SNAPFERRY_RECEIVE_SHOW_H

#include "engine/receiver.h"
#include "tools/snapferry/view.h"

struct receive_show {
    struct view *view;             /* borrowed */
    struct receiver_counts shown;  /* when they were shown last */
    uint64_t due_ns, strangers_ns; /* the next counts, and the next stranger, are shown then */
    uint64_t strangers_unshown;
};

void receive_show_ready(struct receive_show *show, const char *host, uint16_t port);
/* name: a target's, or "". */
void receive_show_say(struct receive_show *show, const char *name, const char *text);
/* A request that never reached the receiver. Many of them are one line a second. */
void receive_show_stranger(struct receive_show *show, const struct http_refusal *refusal);
/* Now and then, and only if anything happened; last: whatever was not shown yet. */
void receive_show_counts(struct receive_show *show, const struct receiver_counts *counts,
                         bool last);

#endif
