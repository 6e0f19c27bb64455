/* renewal.h - keeps the URLs of a command's ends valid: access (engine) meets its sources and endpoints.
 *
 * Knows:         which ends can be renewed and how, what a new URL must be to be used, what people and
 *                programs are told of it.
 * Must not know: copies.
 * Threads:       the main thread.
 */
#ifndef SNAPFERRY_RENEWAL_H
#define SNAPFERRY_RENEWAL_H

#include <stdbool.h>

#include "engine/access.h"
#include "engine/access_check.h"
#include "engine/copy.h"
#include "io/endpoint.h"
#include "tools/snapferry/options.h"
#include "tools/snapferry/session.h"
#include "tools/snapferry/url_source.h"
#include "tools/snapferry/view.h"

struct renewals;

struct renewal {
    struct renewals *all;
    enum access_side side;
    struct endpoint *endpoint; /* borrowed; a page blob */
    struct access *access;     /* NULL: this end is what it is */
    struct url_source source;
    struct access_check *check; /* the last one */
    bool waiting;
};

struct renewals {
    const struct options *options; /* borrowed */
    struct session *session;
    struct view *view;
    const char *hidden[COMMAND_VARIABLES_MAX + 1];
    struct renewal sides[ACCESS_SIDES];
    bool closing;
};

/* Endpoints may be NULL or of any kind. The session runs. False: an option has nothing to work on. */
bool renewals_open(struct renewals *all, const struct options *options, struct session *session,
                   struct view *view, struct endpoint *const endpoints[ACCESS_SIDES],
                   struct err *e);
/* Ends what is under way: nothing else may be. A zeroed struct is fine. */
void renewals_close(struct renewals *all);

struct copy_sides renewals_sides(const struct renewals *all);

#endif
