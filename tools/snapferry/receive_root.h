/* receive_root.h - where a receiver's targets lie: a container's URL, or a folder.
 *
 * Knows:         how NAME becomes a blob's URL or a path under the root.
 * Must not know: who may write where (the receiver has judged the name), HTTP servers.
 * Threads:       the main thread.
 * Errors:        a sentence that never shows a query.
 */
#ifndef SNAPFERRY_RECEIVE_ROOT_H
#define SNAPFERRY_RECEIVE_ROOT_H

#include <limits.h>
#include <stdbool.h>

#include "blockmap/digest.h"
#include "io/endpoint.h"
#include "io/secret.h"
#include "tools/snapferry/session.h"

struct receive_root {
    const char
        *argument; /* env:NAME and @FILE are read anew for each target: a renewed SAS counts */
    char folder[PATH_MAX]; /* "": it is a URL */
    bool allow_http;
};

/* Looks at once: a folder must be there, a URL must have a SAS. out_address: what may be shown of it. */
bool receive_root_open(struct receive_root *root, const char *argument, bool allow_http,
                       char **out_address, struct err *e);

/* NAME under it: one to eight segments of A-Z a-z 0-9 . _ -, none of which begins with a dot. */
struct endpoint *receive_root_target(const struct receive_root *root, struct session *session,
                                     const char *name, bool writable, struct err *e);

#endif
