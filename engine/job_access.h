/* job_access.h - the URLs of one disk's sides, from its first attempt to its end: in use, asked for, renewed.
 *
 * Knows:         access and access_check, who is told that a URL ends, what a renewAccess brings.
 * Must not know: copies; what else a command may say. Part of a job (job_internal.h).
 * Threads:       the reactor's.
 *
 * A new URL is looked at before access hears of it: a wrong one is refused to whoever sent it, and costs
 * the disk nothing. An end that is @FILE is also read again, now and then, while a URL is wanted. Endpoints
 * come and go with attempts; what was renewed stays.
 */
#ifndef ENGINE_JOB_ACCESS_H
#define ENGINE_JOB_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/access.h"
#include "engine/access_check.h"
#include "engine/control.h"
#include "engine/copy.h"
#include "engine/job_ends.h"
#include "io/timers.h"

struct job_life;

struct job_side {
    /* set once */
    struct job_life *life;
    enum access_side side;
    /* changes, reactor thread only */
    char *url;                 /* secret, owned: the one in use; NULL: as the job's text says */
    uint64_t expires_s;        /* told with it */
    char *identity;            /* owned: of the endpoint first opened; a renewed path keeps it */
    struct access *access;     /* NULL: no URL, or no attempt was made yet */
    struct endpoint *endpoint; /* borrowed; NULL between attempts */
    unsigned capabilities;     /* of the last endpoint */
    bool waiting;              /* an attempt cannot go on without a new URL */
    bool asked;                /* somebody was told that it ends */
    /* a new URL that is looked at */
    bool checking;
    struct access_check *check; /* owned; also the last one, after it ended */
    struct secret_url candidate;
    uint64_t candidate_expires_s, ticket;
    char tag[CONTROL_TAG_MAX_BYTES];
    bool by_itself;     /* it was found in @FILE: nobody waits for an answer */
    char *tried;        /* secret, owned: what was last found there */
    struct timer timer; /* armed while asked: the file is read again */
};

struct job_sides {
    struct job_side side[ACCESS_SIDES];
};

/* ---- Life ---- */
struct job_sides *job_sides_new(struct job_life *life, struct err *e);
bool job_sides_busy(const struct job_sides *sides); /* a look is under way: not to be freed yet */
void job_sides_free(struct job_sides *sides);       /* NULL is fine; wipes */

/* ---- Attempts ---- */
/* As the job says, or as it was renewed. NONE where the job says nothing. */
bool job_side_place(const struct job_side *side, struct job_place *out_place, struct err *e);
/* An attempt uses these endpoints; NULL where there is none. */
bool job_sides_attach(struct job_sides *sides, struct endpoint *const endpoints[ACCESS_SIDES],
                      struct err *e);
void job_sides_detach(struct job_sides *sides); /* before the endpoints are closed */
struct copy_sides job_sides_of_copy(const struct job_sides *sides);

/* ---- Use ---- */
/* A renewAccess for this side: answered now, or when its URL was looked at. */
void job_side_renew(struct job_side *side, const struct control *control, uint64_t ticket);

#endif
