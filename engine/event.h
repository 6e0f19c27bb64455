/* event.h - what a job tells (design "Events"): the values, and one line of JSON for each.
 *
 * Knows:         names and members of events, the codes of replication states.
 * Must not know: who listens, how often, over what.
 * Threads:       pure. Texts in an event are borrowed for the call it is given to; none is secret.
 */
#ifndef ENGINE_EVENT_H
#define ENGINE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "engine/access.h"
#include "engine/copy_summary.h"
#include "engine/progress.h"

enum event_kind {
    EVENT_PROGRESS,        /* of a disk; the only one that may be dropped, the oldest first */
    EVENT_STATE,           /* of a disk or a restore point */
    EVENT_ACCESS_EXPIRING, /* of a disk's side */
    EVENT_SUMMARY,         /* of a disk or a restore point: its last */
    EVENT_ANSWER,          /* to a command */
    EVENT_WARNING,         /* something to know */
    EVENT_INVALID,         /* a mistake in the job */
    EVENT_END              /* the last line, always */
};

enum event_code { /* "ReplicationState/..." */
                  EVENT_PENDING,
                  EVENT_IN_PROGRESS,
                  EVENT_WAITING_FOR_ACCESS,
                  EVENT_PAUSED,
                  EVENT_SUCCEEDED,
                  EVENT_FAILED,
                  EVENT_CANCELED,
                  EVENT_CODES_COUNT
};

struct event_disk_status { /* of the answer to status */
    const char *disk, *point;
    enum event_code code;
    uint32_t priority;
    uint32_t attempts; /* of the disk as a whole */
    struct progress_view progress;
    const char *message; /* why it waits or failed; "" = nothing to say */
};

struct event {
    enum event_kind kind;
    uint64_t time_ns;                /* wall time */
    const char *disk;                /* NULL: not of one disk */
    const char *point;               /* of a disk too: its restore point */
    enum event_code code;            /* STATE, SUMMARY */
    const char *level;               /* STATE, WARNING: "Info", "Warning", "Error" */
    const char *message;             /* displayStatus of STATE; the reason; NULL = none */
    const struct err *error;         /* SUMMARY of a failed disk, STATE: request id, status, code */
    struct progress_view progress;   /* PROGRESS, SUMMARY of a disk */
    const struct copy_summary *copy; /* SUMMARY of a disk; NULL: it never began */
    uint64_t requests_count, wire_bytes; /* the same */
    uint32_t attempts;
    enum access_side side; /* ACCESS_EXPIRING */
    uint64_t expires_s;
    const char *path; /* INVALID, WARNING about the job: JSON path */
    /* ANSWER */
    const char *command, *tag; /* NULL: not known */
    uint64_t ticket;           /* as job_control was given; for the program, not in the line */
    bool accepted;
    const struct event_disk_status *statuses; /* of status */
    uint32_t statuses_count;
    int exit; /* END */
};

/* One line without its newline, malloc'd; NULL when memory ran out. Bytes that are not UTF-8 become '?'. */
char *event_format(const struct event *event, size_t *out_bytes);

const char *event_kind_name(enum event_kind kind); /* "progress", ... */
const char *event_code_name(enum event_code code); /* "ReplicationState/pending", ... */

/* Whoever wants to know. take runs on the reactor: it copies what it keeps, never blocks, never fails. The
 * line is event_format's, without newline. */
struct event_sink {
    void (*take)(struct event_sink *sink, const struct event *event, const char *line,
                 size_t bytes);
    struct event_sink *next; /* private to whoever keeps the list */
};

#endif
