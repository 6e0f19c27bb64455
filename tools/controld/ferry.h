/* ferry.h - the data plane: copies restore points, each by a child `snapferry run -` of its own.
 *
 * Knows:         children, their queue, restarts, the orphans of an earlier snapferryd.
 * Must not know: the catalog, HTTP, accounts and their keys; what a restore point means to a customer.
 * Threads:       the reactor's. No callback comes from inside a call made here.
 *
 * What is begun ends once, by point_ended, unless ferry_stop or ferry_free come first. A child that dies,
 * or stops of something that passes, is started again and goes on by its journal. SAS URLs are asked for
 * when a child needs them, handed over on its stdin and wiped; paths are not secret.
 */
#ifndef CONTROLD_FERRY_H
#define CONTROLD_FERRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "engine/access.h"
#include "engine/event.h"
#include "io/reactor.h"
#include "tools/controld/ferry_progress.h"

#define FERRY_CHILDREN_MAX     64u
#define FERRY_CHILDREN_DEFAULT 8u
#define FERRY_POINTS_MAX       16384u /* begun and not ended */
#define FERRY_DISKS_MAX        1024u  /* of one restore point */
#define FERRY_DRAIN_NS         (30ull * NS_PER_S)

enum ferry_end_kind {
    FERRY_NOTHING, /* no base */
    FERRY_BLOB,    /* the access callback has its URL */
    FERRY_FILE     /* or a block device */
};

struct ferry_end {
    enum ferry_end_kind kind;
    const char *path; /* FILE */
    const char
        *identity; /* of source and base: what the content is called for ever; NULL: its own */
};

struct ferry_disk {
    const char *id; /* unique in its point; 1..1024 bytes, as the point's */
    struct ferry_end source, base, target;
    const char *map;                     /* block map of the target, a path; NULL: none */
    bool verify;                         /* read back and compare */
    bool target_new, target_larger, raw; /* as a job's mustBeNew, mayBeLarger, footer raw */
    bool done;           /* succeeded in an earlier life: counted, not copied again */
    double seed_percent; /* of an earlier life */
};

struct ferry_point {
    const char *id; /* 1..1024 bytes, no control characters, UTF-8; no secret */
    const struct ferry_disk *disks;
    size_t disks_count;
};

/* A URL with its SAS. */
struct ferry_access {
    char *url;          /* malloc'd, secret; taken and wiped by the ferry */
    uint64_t expires_s; /* wall time; 0: what its se= says */
};

struct ferry_callbacks {
    /* A URL for a child that begins, or whose URL is about to end. False and e: RETRY_NEVER fails the point
     * with that sentence, else it is asked again. Must answer at once, and call nothing of ferry.h. */
    bool (*access)(void *arg, const char *point, const char *disk, enum access_side side,
                   struct ferry_access *out_access, struct err *e);
    /* A disk moved (each second), changed its state, or ended (ferry_code_is_last). A view. The first
     * EVENT_IN_PROGRESS of a disk says that its copy has begun. */
    void (*disk)(void *arg, const char *point, const char *disk,
                 const struct ferry_disk_view *view);
    /* SUCCEEDED (all disks have), FAILED or CANCELED. The ferry has forgotten the point, which may be begun
     * anew in here; `point` is valid during the call. */
    void (*point_ended)(void *arg, const char *point, enum event_code code, const char *message);
    void *arg;
};

struct ferry_setup {
    struct reactor *reactor;
    const char *program;   /* path of snapferry; copied, as all texts */
    const char *folder;    /* for journals and locks; made if need be, 0700 */
    const char *cacert;    /* NULL: the system's certificates */
    bool allow_http;       /* http:// also to other machines */
    uint32_t children_max; /* 0: FERRY_CHILDREN_DEFAULT */
    uint64_t memory_bytes; /* of one child's buffers; 0: its own default */
    uint64_t bytes_per_s;  /* of one child; 0: no limit */
    struct ferry_callbacks callbacks;
};

struct ferry;

/* ---- Life ---- */
struct ferry *ferry_new(const struct ferry_setup *setup, struct err *e);
/* NULL is fine. Children that still run are killed: journals know what was done. Not from a callback. */
void ferry_free(struct ferry *ferry);
/* Nothing is begun any more; children let what is in flight end, record it and go, or are killed after 2 s;
 * then `stopped`, once. Points that end meanwhile are still told; others stay, and are not. */
void ferry_stop(struct ferry *ferry, void (*stopped)(void *arg), void *arg);

/* ---- Use ---- */
/* Queued, and begun when there is a place. ERR_CONFLICT: it is begun already; ERR_LIMIT, ERR_USAGE. */
bool ferry_begin(struct ferry *ferry, const struct ferry_point *point, struct err *e);
/* ERR_GONE: no such point; ERR_CONFLICT: paused, not paused, being canceled already. Cancel ends it as
 * CANCELED, its targets not complete; a disk that had succeeded stays so. */
bool ferry_pause(struct ferry *ferry, const char *point, struct err *e);
bool ferry_resume(struct ferry *ferry, const char *point, struct err *e);
bool ferry_cancel(struct ferry *ferry, const char *point, struct err *e);

/* ---- Look ---- */
bool ferry_has(const struct ferry *ferry, const char *point);
/* A view until the next turn; NULL: no such point or disk. */
const struct ferry_disk_view *ferry_look(const struct ferry *ferry, const char *point,
                                         const char *disk);
size_t ferry_points_count(const struct ferry *ferry);
size_t ferry_children_count(const struct ferry *ferry);            /* processes that run */
int ferry_child_pid(const struct ferry *ferry, const char *point); /* 0: none runs */

#endif
