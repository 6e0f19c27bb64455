/* target_state.h - what we know of targets we completed: a small file for each, in one folder; and beside
 * it the lock of a target that is being written.
 *
 * Knows:         which copy a target holds, of what, its ETag after the commit, its snapshot, if one was
 * taken. Must not know: secrets; how a target is reached.
 * Threads:       none, save_later the reactor's; blocking file I/O of a few hundred bytes, before and after
 *                a copy only.
 */
#ifndef ENGINE_TARGET_STATE_H
#define ENGINE_TARGET_STATE_H

#include <stdbool.h>

#include "blockmap/digest.h"
#include "blockmap/err.h"
#include "blockmap/marker.h"
#include "io/durable_later.h"
#include "io/endpoint.h"

struct target_state {
    char copy_uuid[MARKER_UUID_MAX_BYTES]; /* empty: nothing is known */
    char etag[ENDPOINT_ETAG_MAX_BYTES];    /* the target's, right after the commit */
    char snapshot[64];                     /* time of a snapshot that holds just that copy, or "" */
    char source[DIGEST_TEXT_MAX_BYTES];    /* of what the source itself was called; "": not known */
};

/* No file is no error: *out_state is then empty. A file that does not parse is treated as none. */
bool target_state_load(const char *folder, const char *identity, struct target_state *out_state,
                       struct err *e);
/* Written durably, readable by its owner only. */
bool target_state_save(const char *folder, const char *identity, const struct target_state *state,
                       struct err *e);
/* The same, with the waiting left to the reactor: see durable_write_later. */
bool target_state_save_later(struct reactor *r, const char *folder, const char *identity,
                             const struct target_state *state, durable_done_fn *done, void *arg,
                             struct err *e);

/* The target for this process alone until *out_fd is closed. ERR_CONFLICT names the process that has
 * it; any other error: it could not be locked. out_lease_id: what the last holder signed with, or "";
 * that process is no more, so who has the lock may use its lease as his own. */
bool target_state_lock(const char *folder, const char *identity, int *out_fd,
                       char out_lease_id[MARKER_UUID_MAX_BYTES], struct err *e);
/* What the next holder is to find. A hint: a failure is no error. */
void target_state_sign(int fd, const char *lease_id);

#endif
