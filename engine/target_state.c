/* target_state.c - see target_state.h. One JSON object a file; its name is the SHA-256 of the identity,
 * which stands inside too, so that a person can tell the files apart.
 */
#include "engine/target_state.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blockmap/digest.h"
#include "io/durable.h"

#define TARGET_STATE_FILE_MAX_BYTES 16384u
#define TARGET_STATE_LOCK_MAX_BYTES 80u

static bool target_state_path(const char *folder, const char *identity, const char *kind,
                              char out_path[PATH_MAX], struct err *e)
{
    char digest[DIGEST_TEXT_MAX_BYTES];
    int length;

    digest_sha256_text(identity, strlen(identity), digest);
    length =
        snprintf(out_path, PATH_MAX, "%s/targets/%s.%s", folder, strchr(digest, ':') + 1, kind);
    if (length < 0 || length >= PATH_MAX)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "the state folder's name is too long");
    return true;
}

static bool target_state_make_folder(char *path, struct err *e)
{
    char *slash = strrchr(path, '/');
    bool ok;

    *slash = '\0';
    ok = durable_make_folder(path, e);
    *slash = '/';
    return ok;
}

static void target_state_take(const json_t *object, const char *name, char *out_text, size_t max)
{
    const char *text = json_string_value(json_object_get(object, name));

    if (text && strlen(text) < max)
        memcpy(out_text, text, strlen(text) + 1);
}

bool target_state_load(const char *folder, const char *identity, struct target_state *out_state,
                       struct err *e)
{
    struct target_state state = {0};
    char path[PATH_MAX];
    char *bytes = NULL;
    size_t count;
    json_t *object;
    const char *stands;

    if (!target_state_path(folder, identity, "json", path, e) ||
        !durable_read(path, TARGET_STATE_FILE_MAX_BYTES, &bytes, &count, e))
        return false;
    object = bytes ? json_loadb(bytes, count, 0, NULL) : NULL;
    stands = json_string_value(json_object_get(object, "target"));
    if (stands && strcmp(stands, identity) == 0) {
        target_state_take(object, "copy", state.copy_uuid, sizeof state.copy_uuid);
        target_state_take(object, "etag", state.etag, sizeof state.etag);
        target_state_take(object, "snapshot", state.snapshot, sizeof state.snapshot);
        target_state_take(object, "source", state.source, sizeof state.source);
    }
    json_decref(object);
    free(bytes);
    *out_state = state;
    return true;
}

/* What the file says, malloc'd, and where it stands; its folder is there. */
static char *target_state_text(const char *folder, const char *identity,
                               const struct target_state *state, char out_path[PATH_MAX],
                               struct err *e)
{
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "target", identity, "copy", state->copy_uuid, "etag",
                  state->etag, "snapshot", state->snapshot, "source", state->source);
    char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;

    json_decref(object);
    if (!text) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to keep what is known of the target");
        return NULL;
    }
    if (target_state_path(folder, identity, "json", out_path, e) &&
        target_state_make_folder(out_path, e))
        return text;
    free(text);
    return NULL;
}

bool target_state_save(const char *folder, const char *identity, const struct target_state *state,
                       struct err *e)
{
    char path[PATH_MAX];
    char *text = target_state_text(folder, identity, state, path, e);
    bool ok = text && durable_write(path, text, strlen(text), e);

    free(text);
    return ok;
}

bool target_state_save_later(struct reactor *r, const char *folder, const char *identity,
                             const struct target_state *state, durable_done_fn *done, void *arg,
                             struct err *e)
{
    char path[PATH_MAX];
    char *text = target_state_text(folder, identity, state, path, e);
    bool ok = text && durable_write_later(r, path, text, strlen(text), done, arg, e);

    free(text);
    return ok;
}

/* ---- The lock: the kernel holds it, its bytes are a note of its last holder ---- */

/* "PID LEASE-ID"; a note that does not parse says nothing. */
static long target_state_note(const char *path, char out_lease_id[MARKER_UUID_MAX_BYTES])
{
    struct err unread = {0};
    char *bytes = NULL, *after = NULL;
    size_t count;
    long pid = 0;

    out_lease_id[0] = '\0';
    if (durable_read(path, TARGET_STATE_LOCK_MAX_BYTES, &bytes, &count, &unread) && bytes) {
        pid = strtol(bytes, &after, 10);
        if (*after == ' ' && strspn(after + 1, "0123456789abcdef-") == MARKER_UUID_MAX_BYTES - 1)
            snprintf(out_lease_id, MARKER_UUID_MAX_BYTES, "%s", after + 1);
    }
    free(bytes);
    return pid;
}

bool target_state_lock(const char *folder, const char *identity, int *out_fd,
                       char out_lease_id[MARKER_UUID_MAX_BYTES], struct err *e)
{
    char path[PATH_MAX], holder[48] = "";
    bool ok;
    long pid;

    if (!target_state_path(folder, identity, "lock", path, e) || !target_state_make_folder(path, e))
        return false;
    ok = durable_lock(path, false, out_fd, e);
    pid = target_state_note(path, out_lease_id);
    if (ok || e->kind != ERR_CONFLICT)
        return ok;
    if (pid > 0)
        snprintf(holder, sizeof holder, " (process %ld)", pid);
    err_clear(e);
    return err_set(e, ERR_CONFLICT, RETRY_NEVER,
                   "another copy%s works on this target; wait until it ends, or stop it", holder);
}

void target_state_sign(int fd, const char *lease_id)
{
    char text[TARGET_STATE_LOCK_MAX_BYTES];
    int length = snprintf(text, sizeof text, "%ld %s\n", (long)getpid(), lease_id);

    /* In this order: were it emptied first, a process that is killed in between would leave a target that is
     * leased to a name nobody knows. What an older note has beyond the line end says nothing. */
    if (pwrite(fd, text, (size_t)length, 0) != length || ftruncate(fd, length) != 0)
        return; /* it is locked all the same */
}
