/* job_ends.h - from what a job says of one disk's ends to endpoints.
 *
 * Knows:         where env: and @FILE lead, which ends make sense together, how each is opened.
 * Must not know: what is done with them, how a URL is renewed; spellings are job_given.h's.
 * Threads:       the reactor's. Parsing reads env: and @FILE, the check looks at files; neither sends.
 * Errors:        one sentence that begins with the side; never a query.
 */
#ifndef ENGINE_JOB_ENDS_H
#define ENGINE_JOB_ENDS_H

#include <stdbool.h>

#include "blockmap/err.h"
#include "engine/access.h"
#include "engine/job_given.h"
#include "engine/job_spec.h"
#include "io/endpoint.h"
#include "io/http.h"

/* Where one side is. A zeroed struct is nowhere. */
struct job_place {
    enum access_side side;
    struct job_given given; /* of text; never ELSEWHERE */
    char *text;             /* what env: or @FILE held; secret, owned */
};

struct job_places {
    struct job_place side[ACCESS_SIDES];
};

/* ---- Parse ---- */
/* text: as job_given_read takes it. env: and @FILE must hold a URL. */
bool job_place_parse(enum access_side side, const char *text, struct job_place *out_place,
                     struct err *e);
void job_place_fini(struct job_place *place); /* wipes; a zeroed struct is fine */
void job_places_fini(struct job_places *places);

/* ---- Check ---- */
/* The SAS of a URL goes nowhere in clear but to this host. */
bool job_place_check_url(const struct job_place *place, bool allow_http, struct err *e);
/* All of it: URLs, source against target, a base that can be one, no file named twice. */
bool job_places_check(const struct job_places *places, const struct job_disk *disk, bool allow_http,
                      struct err *e);
/* The same blob at the same time, the same file; false also when memory ran out. */
bool job_same_place(const struct job_place *a, const struct job_place *b);

/* ---- Open ---- */
/* A URL is moved into the endpoint. identity: NULL = its own. */
struct endpoint *job_place_open(struct reactor *r, struct http *http, struct job_place *place,
                                const char *identity, struct err *e);

#endif
