/* event_queue.h - lines of events that wait for a slow reader: bounded, and never short of a state.
 *
 * Knows:         which kinds may be dropped: progress alone.
 * Must not know: where the lines go.
 * Threads:       none; one owner.
 *
 * Above the bound the oldest progress goes that a newer one of the same disk has made stale; where none is
 * stale, the oldest there is. What may not be dropped is kept whatever the bound says; there are few of
 * those, and their number does not grow with time, for each answers a change of state or a command.
 * A push and a pop cost O(log n) however many lines wait.
 */
#ifndef ENGINE_EVENT_QUEUE_H
#define ENGINE_EVENT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/event.h"

#define EVENT_QUEUE_MAX_BYTES (8u << 20) /* of memory; lines of progress are dropped above it */

struct event_queue;

struct event_queue_counts {
    uint64_t lines, bytes; /* waiting */
    uint64_t dropped;      /* ever */
};

struct event_queue_line { /* text is a view until the next push or pop; no newline */
    const char *text;
    size_t bytes;
    bool progress; /* may be left out */
};

struct event_queue *event_queue_new(size_t max_bytes, struct err *e);
void event_queue_free(struct event_queue *queue); /* NULL is fine */
/* False: no memory for a line that must not be dropped (progress is then just dropped, true). */
bool event_queue_push(struct event_queue *queue, const struct event *event, const char *line,
                      size_t bytes);
bool event_queue_first(const struct event_queue *queue, struct event_queue_line *out_line);
void event_queue_pop(struct event_queue *queue); /* the first one is taken */
struct event_queue_counts event_queue_count(const struct event_queue *queue);

#endif
