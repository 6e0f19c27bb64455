/* rp_desk.h - where the commands snapferry restore-point ask: the client, opened from the options, and one
 * question after the other.
 *
 * Knows:         endpoint, token and api-versions of the command line; how to wait for an answer.
 * Must not know: what is asked for. Threads: the main thread.
 */
#ifndef SNAPFERRY_RP_DESK_H
#define SNAPFERRY_RP_DESK_H

#include "tools/snapferry/arm_client.h"
#include "tools/snapferry/rp_id.h"
#include "tools/snapferry/rp_look.h"
#include "tools/snapferry/stage.h"

#define RP_COMPUTE_VERSION "2024-07-01"
#define RP_DISK_VERSION    "2025-01-02" /* disks have dates of their own (protocol E.3) */
#define RP_VERSION_BYTES   24u
#define RP_PAGES_MAX       10000u

struct rp_desk {
    /* set once */
    struct stage *stage; /* borrowed; its session is opened here */
    const struct options *options;
    struct arm_client *client;
    char compute_query[64], disk_query[64]; /* "api-version=..." */
    /* changes */
    bool ended;        /* the question under way */
    uint64_t limit_ns; /* of what questions begin; 0: the client's own */
    bool closing;      /* signals end nothing any more: what was begun is being put back */
};

/* ---- Life ---- */
bool rp_desk_open(struct rp_desk *desk, struct stage *stage, struct err *e);
/* After rp_desk_open, also one that failed; no grant is left. The last word is said here, if there is no
 * error to tell: all else was said. */
void rp_desk_close(struct rp_desk *desk, struct view_outcome *outcome);

/* ---- Use ---- */
/* An id of a command's argument; depth_min, depth_max: what it may be. NULL: none was given. */
bool rp_desk_id(const struct rp_desk *desk, const char *text, unsigned depth_min,
                unsigned depth_max, struct rp_id *out_id, struct err *e);
/* Waits for the whole answer; *out_answer: owned, may be NULL. body NULL: none. behind: see rp_id_path. */
bool rp_ask(struct rp_desk *desk, enum http_method method, const struct rp_id *id,
            const char *behind, const char *more_query, const char *body, json_t **out_answer,
            struct err *e);
/* The members of value of all pages, one by one; each may stop with an error. */
bool rp_ask_pages(struct rp_desk *desk, const struct rp_id *id, const char *behind,
                  bool (*each)(void *arg, const json_t *one, struct err *e), void *arg,
                  struct err *e);
bool rp_ask_point(struct rp_desk *desk, const struct rp_id *id, struct rp_point *out_point,
                  struct err *e);
bool rp_ask_disk(struct rp_desk *desk, struct rp_disk *disk, struct err *e); /* by disk->id */
/* Waits so long, or for a signal: then false with ERR_CANCELED. */
bool rp_desk_wait(struct rp_desk *desk, uint64_t wait_ns, struct err *e);

/* Turns until desk->ended. */
void rp_desk_turn(struct rp_desk *desk);
/* Gives up what is under way, and turns until nothing is. */
void rp_desk_drain(struct rp_desk *desk);

/* ---- Look ---- */
/* For a call of one's own: the path with its api-version; malloc'd, NULL: no memory. */
char *rp_desk_path(const struct rp_desk *desk, const struct rp_id *id, const char *behind,
                   const char *more_query);

#endif
