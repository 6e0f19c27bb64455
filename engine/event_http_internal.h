/* event_http_internal.h - what the files of event_http share: its members, and who does what.
 *
 * Knows: everything of event_http. Must not know: anybody but event_http*.c.
 */
#ifndef ENGINE_EVENT_HTTP_INTERNAL_H
#define ENGINE_EVENT_HTTP_INTERNAL_H

#include <limits.h>

#include "engine/event_batch.h"
#include "engine/event_http.h"
#include "engine/event_queue.h"
#include "engine/event_spool.h"
#include "engine/retry.h"

#define RECORDS_BYTES (EVENT_HTTP_BATCH_MAX_BYTES + (64u << 10)) /* of records that make a batch */

enum group_state { GROUP_EMPTY, GROUP_WRITING, GROUP_HELD };

/* Lines on their way from the queue to the spool, as records. */
struct event_group {
    unsigned char *bytes;
    size_t room, used;
    uint32_t lines;
    enum group_state state; /* HELD: the file took them not */
};

enum event_source { FROM_NOWHERE, FROM_OLD, FROM_OWN, FROM_MEMORY };

struct event_http {
    struct event_sink sink; /* first */
    /* set once */
    struct reactor *reactor;
    struct http *http;
    struct secret_url url;
    char *authorization; /* secret; NULL: none */
    char *folder;        /* NULL: none */
    uint64_t interval_ns, spool_max_bytes;
    struct spool_id id;
    void (*say)(void *arg, const char *sentence);
    void *say_arg;
    /* what waits; the reactor's, as all that follows */
    struct event_queue *queue;
    struct event_spool *own, *old; /* of this process; of an earlier one, being delivered */
    struct event_group group;
    uint64_t next_line;    /* the number of the next one that is put into a group */
    uint64_t own_lines;    /* that wait in own */
    uint64_t append_ns;    /* HELD: when it is tried again */
    uint64_t look_wait_ns; /* until the next look for files left behind */
    bool resetting;
    bool blind; /* what others left behind is not looked for any more */
    /* on its way */
    enum event_source source; /* of the batch */
    struct event_batch batch;
    struct event_piece piece;
    unsigned char *records;
    size_t records_room;
    bool reading, posting;
    struct http_req req;
    char lines_text[48], stream_text[2 * SPOOL_STREAM_BYTES + 1];
    uint64_t flush_ns; /* when what waits is sent; 0: nothing waits */
    /* trouble */
    struct retry_random random;
    uint32_t attempts, refusals, asides;
    uint32_t lines_max;  /* of a piece; 0: any */
    size_t bytes_max;    /* the same; what upstream was seen to take */
    uint64_t trouble_ns; /* since when it fails */
    uint64_t retry_ns;   /* when it is tried again; 0: no pause */
    int slow_status;     /* that was said */
    bool wished;         /* the pause is what upstream asked for */
    bool down_said, keep_said, large_said;
    uint64_t outage_line;   /* when it answered again, lines below it had waited; 0: none did */
    uint64_t old_delivered; /* lines of the one file */
    struct timer retry, flush, keep, look, deadline;
    struct reactor_task step_task, done_task;
    /* the end */
    bool finishing, looked, gave_up, synced, ended, freed;
    uint64_t deadline_ns;
    void (*done)(void *arg);
    void *done_arg;
    struct event_http_counts counts;
};

/* ---- event_http.c ---- */
void event_http_step(struct event_http *h); /* whatever can be done now; h may be gone after it */
void event_http_flush_later(struct event_http *h);

/* ---- event_http_keep.c: from the queue to the spool ---- */
void event_http_open_spool(struct event_http *h);
bool event_http_keeps(const struct event_http *h); /* there is a file that takes lines */
void event_http_keep(struct event_http *h);
/* Lines of the queue become an empty group. False: none. */
bool event_http_group(struct event_http *h);
void event_http_look(struct event_http *h); /* for what earlier processes left behind */

/* ---- event_http_deliver.c: from spool or memory to upstream ---- */
void event_http_deliver(struct event_http *h);
bool event_http_nothing_left(const struct event_http *h);

/* ---- event_http_post.c: one post, and what its answer means ---- */
void event_http_post(struct event_http *h);
void event_http_retry_in(struct event_http *h, uint64_t wait_ns);

/* ---- event_http_say.c ---- */
void event_http_say(struct event_http *h, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void event_http_say_down(struct event_http *h, const struct err *error);
void event_http_say_back(struct event_http *h);
void event_http_say_left(struct event_http *h);

#endif
