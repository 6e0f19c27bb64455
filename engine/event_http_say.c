/* event_http_say.c - what a person is told about reports. The host is named; nothing else of the URL is. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/event_http_internal.h"

#define SENTENCE_MAX_BYTES 800u

void event_http_say(struct event_http *h, const char *fmt, ...)
{
    char sentence[SENTENCE_MAX_BYTES];
    va_list ap;

    if (!h->say || h->freed)
        return;
    va_start(ap, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, ap);
    va_end(ap);
    h->say(h->say_arg, sentence);
}

static const char *place_of(const struct event_http *h)
{
    return event_http_keeps(h) ? event_spool_path(h->own) : "memory";
}

/* Without the client's "POST ADDRESS: " or "http://HOST: ": a path may be a secret here (a web hook's). */
static const char *reason_of(const struct err *error)
{
    const char *colon = strstr(error->text, ": ");
    bool addressed = strncmp(error->text, "POST ", 5) == 0 || strncmp(error->text, "http", 4) == 0;

    return addressed && colon ? colon + 2 : error->text;
}

void event_http_say_down(struct event_http *h, const struct err *error)
{
    if (h->down_said)
        return;
    h->down_said = true;
    event_http_say(h, "%.100s does not take events (%s): they are kept in %.300s until it does",
                   h->url.host, reason_of(error), place_of(h));
}

/* When what had waited is delivered. */
void event_http_say_back(struct event_http *h)
{
    if (!h->down_said)
        return;
    h->down_said = false;
    h->slow_status = 0;
    event_http_say(h, "%.100s takes events again: those that waited are delivered", h->url.host);
}

void event_http_say_left(struct event_http *h)
{
    uint64_t lost = event_queue_count(h->queue).lines;

    if (h->group.state != GROUP_EMPTY)
        lost += h->group.lines;
    if (h->source == FROM_MEMORY)
        lost += h->batch.lines;
    h->counts.dropped_lines += lost;
    if (lost)
        event_http_say(h, "%" PRIu64 " events were not taken by %.100s and are lost", lost,
                       h->url.host);
    if (h->own && event_spool_waiting(h->own) > 0)
        event_http_say(h,
                       "%" PRIu64
                       " events were not taken by %.100s: they are kept in %.300s for the next run "
                       "that reports there",
                       h->own_lines, h->url.host, event_spool_path(h->own));
    if (h->old && event_spool_waiting(h->old) > 0)
        event_http_say(h, "events of an earlier run for %.100s are still kept in %.300s",
                       h->url.host, event_spool_path(h->old));
    if (h->counts.dropped_lines + event_queue_count(h->queue).dropped > lost)
        event_http_say(h, "%" PRIu64 " lines of progress were left out of what %.100s was told",
                       h->counts.dropped_lines + event_queue_count(h->queue).dropped - lost,
                       h->url.host);
}
