/* ends.h - from an argument to an endpoint: what SOURCE, PREVIOUS and TARGET may be.
 *
 * Knows:         the spellings of an end, which ends make sense together.
 * Must not know: what is done with them.
 * Threads:       the reactor's (opening); parsing is pure but for reading env: and @FILE.
 * Errors:        one sentence that names the end; never a query.
 */
#ifndef SNAPFERRY_ENDS_H
#define SNAPFERRY_ENDS_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "io/endpoint.h"
#include "io/secret.h"
#include "tools/snapferry/options.h"
#include "tools/snapferry/session.h"

enum end_role { END_SOURCE, END_BASE, END_TARGET };
enum end_kind { END_NONE, END_BLOB, END_FILE, END_NULL, END_PATTERN, END_RELAY, END_STREAM };

/* What an argument says. A zeroed struct is no end at all. */
struct end_spec {
    enum end_role role;
    enum end_kind kind;
    struct secret_url url; /* BLOB, RELAY (without relay:); owned */
    const char *path;      /* FILE; STREAM: also "-"; a view into the argument */
    uint64_t size_bytes;   /* NULL and PATTERN as a source */
    uint64_t seed;         /* PATTERN */
    uint32_t hole_permille;
};

/* ---- Parse: nothing is opened, nothing is sent ---- */
bool end_spec_parse(enum end_role role, const char *argument, struct end_spec *out_spec,
                    struct err *e);
/* A delta stream: SOURCE of apply, TARGET of export. */
bool end_spec_parse_stream(enum end_role role, const char *argument, struct end_spec *out_spec,
                           struct err *e);
void end_spec_fini(struct end_spec *spec); /* wipes */

/* Rules between ends and options: a SAS there, http:// allowed, source not the target, a base that
 * can be one. base and target may have kind END_NONE. Looks at files, changes nothing. */
bool end_specs_check(const struct end_spec *source, const struct end_spec *base,
                     const struct end_spec *target, const struct options *options, struct err *e);

/* Two targets of one copy: they must not be the same. */
bool end_targets_check(const struct end_spec *one, const struct end_spec *other, struct err *e);

/* A URL alone: has it a SAS, may it go where it would go? */
bool end_url_check(enum end_role role, const struct secret_url *url, bool allow_http,
                   struct err *e);

/* ---- Open: the URL of spec is moved into the endpoint ---- */
struct endpoint *end_open(struct session *session, struct end_spec *spec,
                          const struct options *options, struct err *e);

#endif
