/* view_json.h - the events of design "Events", one JSON object a line on stdout.
 *
 * Knows:         names and meanings of the members.
 * Must not know: endpoints, copies beyond their summary.
 * Threads:       pure but for view_json_print. Each function returns a new reference, or NULL when
 *                memory ran out. time_ns is wall time.
 */
#ifndef SNAPFERRY_VIEW_JSON_H
#define SNAPFERRY_VIEW_JSON_H

#include <jansson.h>

#include "tools/snapferry/view.h"

#define VIEW_TIME_MAX_BYTES 32u

json_t *view_json_progress(uint64_t time_ns, const char *disk, const struct view_moment *moment);
json_t *view_json_state(uint64_t time_ns, const char *disk, const char *code, const char *level,
                        const char *sentence);
json_t *view_json_copy(uint64_t time_ns, const char *disk, const struct view_copy *done);
json_t *view_json_end(uint64_t time_ns, enum exit_status status);

/* An event with its time, name and disk, to which a command adds its own members. */
json_t *view_json_event(uint64_t time_ns, const char *event, const char *disk);
/* The same, of now, by a view: its disk, and its target where there are several. */
json_t *view_json_begin(const struct view *view, const char *event);
/* A string member; bytes that are not UTF-8 become '?'. */
void view_json_set_text(json_t *object, const char *name, const char *text);
void view_json_set_time(json_t *object, const char *name, uint64_t time_ns);
void view_json_set_count(json_t *object, const char *name, uint64_t value);

/* Writes one line and takes the reference; NULL writes nothing. */
void view_json_print(json_t *take);

#endif
