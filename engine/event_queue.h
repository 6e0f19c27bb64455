/* event_queue.h - lines of events that wait for a slow reader: bounded, and never short of a state.
 *
 * Knows:         which kinds may be dropped: progress, the oldest first, and of a disk never its newest.
 * Must not know: where the lines go.
 * Threads:       none; one owner.
 *
 * What may not be dropped is kept whatever the bound says; there are few of those, and their number does not
 * grow with time, for each answers a change of state or a command.
 */
#ifndef ENGINE_EVENT_QUEUE_H
#define ENGINE_EVENT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/event.h"

#define EVENT_QUEUE_MAX_BYTES (8u << 20) /* lines of progress are dropped above it */

struct event_queue;

struct event_queue_counts {
    uint64_t lines, bytes; /* waiting */
    uint64_t dropped;      /* ever */
};

struct event_queue *event_queue_new(size_t max_bytes, struct err *e);
void event_queue_free(struct event_queue *queue); /* NULL is fine */
/* False: no memory for a line that must not be dropped (progress is then just dropped, true). */
bool event_queue_push(struct event_queue *queue, const struct event *event, const char *line,
                      size_t bytes);
/* The oldest line, without newline; NULL: none. A view until the next push or pop. */
const char *event_queue_first(const struct event_queue *queue, size_t *out_bytes);
void event_queue_pop(struct event_queue *queue);
struct event_queue_counts event_queue_count(const struct event_queue *queue);

#endif
