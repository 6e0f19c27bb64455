/* endpoint_file.c - see endpoint_file.h: opening, stat, setup; the rest is in endpoint_file_*.c. */
#include "io/endpoint_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/endpoint_file_parts.h"

/* ---- Stat, setup ---- */

static void set_capabilities(struct endpoint_file *f)
{
    unsigned can = ENDPOINT_CAN_LIST | ENDPOINT_KEEPS_MARKS;

    if (f->writable)
        can |= ENDPOINT_CAN_MARK | ENDPOINT_CAN_FENCE | ENDPOINT_BUFFERS;
    if (f->writable && !f->block_device)
        can |= ENDPOINT_CAN_CREATE | ENDPOINT_CAN_RESIZE | ENDPOINT_CAN_REMOVE;
    if (f->block_device)
        can &= ~(unsigned)ENDPOINT_CAN_LIST;
    f->head.capabilities = can;
}

/* What says "copying" is of the very file that was written to: of one made anew under its name, by whatever
 * tool, it says nothing. A whole disk may be moved with its marker: *out_older tells. */
static bool look_at_marker(const struct endpoint_file *f, struct marker *out_marker,
                           bool *out_older, struct err *e)
{
    char then[FILE_BIRTH_MAX_BYTES], now[FILE_BIRTH_MAX_BYTES];

    if (!file_marker_read(f->state_path, out_marker, then, e))
        return false;
    file_node_birth(f, now);
    *out_older = then[0] && now[0] && strcmp(then, now) != 0;
    if (out_marker->state == MARKER_COPYING && *out_older)
        memset(out_marker, 0, sizeof *out_marker);
    return true;
}

static void stat_now(struct endpoint_file *f, struct stat_req *req)
{
    struct stat st;
    struct tm tm;

    if (f->fd < 0 && !file_node_open(f, &req->err))
        return;
    set_capabilities(f);
    if (f->fd < 0 || !file_node_look(f, &st, &req->size_bytes, &req->err))
        return;
    if (req->size_bytes == 0) {
        if (!f->writable || f->block_device)
            err_set(&req->err, ERR_USAGE, RETRY_NEVER, "%.200s is empty", f->path);
        return; /* an empty target counts as absent: there is nothing in it to lose */
    }
    if (!look_at_marker(f, &req->marker, &req->marker_is_older, &req->err))
        return;
    snprintf(f->copy_uuid, sizeof f->copy_uuid, "%s", req->marker.copy_uuid);
    req->exists = true;
    file_node_etag(f, &st, req->etag);
    if (!f->block_device && gmtime_r(&st.st_mtim.tv_sec, &tm))
        strftime(req->last_modified, sizeof req->last_modified, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

static void file_stat(struct endpoint *ep, struct stat_req *req)
{
    struct endpoint_file *f = endpoint_file_of(ep);

    ep->requests_count++;
    stat_now(f, req);
    if (!req->exists)
        req->size_bytes = 0;
    endpoint_later_stat(&f->later, ep, req);
}

/* Between our look and our lock another copy may have come and gone. */
static bool is_as_it_was(struct endpoint_file *f, const struct setup_req *req,
                         const struct stat *st, struct err *e)
{
    char etag[ENDPOINT_ETAG_MAX_BYTES];
    struct marker found = {0};
    bool older;

    if (!look_at_marker(f, &found, &older, e))
        return false;
    file_node_etag(f, st, etag);
    if (strcmp(found.copy_uuid, f->copy_uuid) == 0 &&
        (!req->expect_etag || strcmp(req->expect_etag, etag) == 0))
        return true;
    return err_set(e, ERR_CONFLICT, RETRY_REPLAN,
                   "%.200s was written to while it was looked at; run the command again", f->path);
}

/* The guards of a marker and a fence: the path still names the file that was looked at, no other copy
 * holds it, and, before our own writes change it, it is what it was. */
static bool guard(struct endpoint_file *f, const struct setup_req *req, struct err *e)
{
    struct stat st;
    uint64_t size_bytes;

    return file_node_look(f, &st, &size_bytes, e) && file_node_claim(f, e) &&
           (f->marked || is_as_it_was(f, req, &st, e));
}

static bool mark(struct endpoint_file *f, const struct setup_req *req, struct err *e)
{
    const struct marker *marker = req->marker;
    char birth[FILE_BIRTH_MAX_BYTES];

    if (!guard(f, req, e))
        return false;
    f->marked = true;
    file_node_birth(f, birth);
    return marker->state == MARKER_NONE ? file_marker_remove(f->state_path, e)
                                        : file_marker_write(f->state_path, marker, birth, e);
}

static bool remove_it(struct endpoint_file *f, const struct setup_req *req, struct err *e)
{
    struct marker found = {0};
    bool older;

    if (!guard(f, req, e) || !look_at_marker(f, &found, &older, e))
        return false;
    if (f->block_device || found.state == MARKER_NONE ||
        strcmp(found.copy_uuid, req->marker->copy_uuid) != 0)
        return err_set(e, ERR_CONFLICT, RETRY_NEVER,
                       "%.200s is not what this copy made: it is not removed", f->path);
    return file_node_remove(f, e);
}

static bool setup_now(struct endpoint_file *f, struct setup_req *req)
{
    if (!f->writable)
        return err_set(&req->err, ERR_USAGE, RETRY_NEVER, "%.200s is only read", f->path);
    if (req->verb == SETUP_CREATE)
        return file_node_create(f, req->size_bytes, req->marker, &req->err);
    if (f->fd < 0)
        return err_set(&req->err, ERR_GONE, RETRY_REPLAN, "%.200s does not exist", f->path);
    switch (req->verb) {
    case SETUP_RESIZE:
        return file_node_resize(f, req->size_bytes, &req->err);
    case SETUP_MARK:
        return mark(f, req, &req->err);
    case SETUP_FENCE: /* what a killed process asked of the kernel is over when its lock is free */
        return guard(f, req, &req->err);
    case SETUP_REMOVE:
        return remove_it(f, req, &req->err);
    case SETUP_SNAPSHOT:
    case SETUP_LEASE:
    case SETUP_UNLEASE:
    case SETUP_EXPECT:
    case SETUP_AGREE:
    case SETUP_CREATE:
        break;
    }
    return err_set(&req->err, ERR_USAGE, RETRY_NEVER,
                   "%.200s is a file, and files have no snapshots and no leases", f->path);
}

static void file_setup(struct endpoint *ep, struct setup_req *req)
{
    struct endpoint_file *f = endpoint_file_of(ep);
    struct stat st;
    uint64_t size_bytes;

    ep->requests_count++;
    if (setup_now(f, req) && f->fd >= 0 && file_node_look(f, &st, &size_bytes, &req->err))
        file_node_etag(f, &st, req->out_etag);
    endpoint_later_setup(&f->later, ep, req);
}

static void file_close(struct endpoint *ep)
{
    struct endpoint_file *f = endpoint_file_of(ep);

    file_node_close(f);
    file_blocks_fini(f);
    endpoint_later_fini(&f->later);
    free(f->path);
    free(f->state_path);
    free(f->head.identity);
    free(f);
}

static const struct endpoint_ops file_ops = {
    .name = "file",
    .stat = file_stat,
    .setup = file_setup,
    .list = file_map_list,
    .read = file_blocks_read,
    .write = file_blocks_write,
    .zero = file_blocks_zero,
    .flush = file_blocks_flush,
    .close = file_close,
};

/* ---- Open ---- */

/* "file:" and the real path; of a file that is not there yet, that of its folder and its name. */
static bool make_identity(struct endpoint_file *f, struct err *e)
{
    const char *slash = strrchr(f->path, '/');
    const char *name = slash ? slash + 1 : f->path;
    char *real = realpath(f->path, NULL);
    char *folder;
    int length;

    if (real) {
        length = asprintf(&f->head.identity, "file:%s", real);
        free(real);
    } else {
        folder = slash ? strndup(f->path, slash == f->path ? 1 : (size_t)(slash - f->path))
                       : strdup(".");
        real = folder ? realpath(folder, NULL) : NULL;
        free(folder);
        if (!real)
            return err_set_errno(e, errno, RETRY_NEVER, "cannot open %.200s", f->path);
        length =
            asprintf(&f->head.identity, "file:%s/%s", strcmp(real, "/") == 0 ? "" : real, name);
        free(real);
    }
    if (length >= 0)
        return true;
    f->head.identity = NULL;
    return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to open %.200s", f->path);
}

static bool keep_paths(struct endpoint_file *f, const char *path, const char *state_path,
                       struct err *e)
{
    int length = 0;

    if (strlen(path) == 0 ||
        strlen(path) >= ENDPOINT_FILE_PATH_MAX_BYTES - sizeof ENDPOINT_FILE_SIDECAR)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "a path has 1 to %zu bytes",
                       ENDPOINT_FILE_PATH_MAX_BYTES - sizeof ENDPOINT_FILE_SIDECAR - 1);
    f->path = strdup(path);
    if (state_path)
        f->state_path = strdup(state_path);
    else
        length = asprintf(&f->state_path, "%s" ENDPOINT_FILE_SIDECAR, path);
    if (length < 0)
        f->state_path = NULL;
    return (f->path && f->state_path) ||
           err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to open a file");
}

static void fill_head(struct endpoint_file *f, struct reactor *r)
{
    f->head.ops = &file_ops;
    f->head.reactor = r;
    snprintf(f->head.name, sizeof f->head.name, "%s", f->path);
    f->head.align_bytes = ENDPOINT_PAGE_BYTES;
    f->head.request_max_bytes = BUF_BYTES;
    f->head.clear_max_bytes = UINT64_MAX;
}

struct endpoint *endpoint_file_open(struct reactor *r, const char *path,
                                    const struct endpoint_file_options *options, struct err *e)
{
    struct endpoint_file *f = calloc(1, sizeof *f);

    if (!f) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to open a file");
        return NULL;
    }
    f->fd = f->direct_fd = -1;
    f->writable = options->writable;
    f->direct = options->direct;
    if (!keep_paths(f, path, options->state_path, e)) {
        file_close(&f->head);
        return NULL;
    }
    fill_head(f, r);
    if (!file_node_open(f, e) || !make_identity(f, e)) {
        file_close(&f->head);
        return NULL;
    }
    set_capabilities(f);
    return &f->head;
}

bool endpoint_file_is_direct(const struct endpoint *ep, uint64_t offset, uint32_t length,
                             const void *memory)
{
    return file_direct_fits((const struct endpoint_file *)ep, offset, length, memory);
}

uint64_t endpoint_file_direct_count(const struct endpoint *ep)
{
    return ((const struct endpoint_file *)ep)->direct_count;
}
