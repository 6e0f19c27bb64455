/* receive_root.c - see receive_root.h. */
#include "tools/snapferry/receive_root.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/durable.h"
#include "io/endpoint_file.h"
#include "io/endpoint_pageblob.h"
#include "tools/snapferry/ends.h"

static bool is_named_elsewhere(const char *argument)
{
    return strncmp(argument, "env:", 4) == 0 || argument[0] == '@';
}

/* ---- URLs ---- */

static bool read_url(const struct receive_root *root, struct secret_url *out_url, struct err *e)
{
    char *text = NULL;
    bool ok = false;

    if (!secret_resolve(root->argument, &text, e)) {
        err_prefix(e, "--target-root: ");
        return false;
    }
    if (!secret_is_url(text))
        err_set(e, ERR_USAGE, RETRY_NEVER, "--target-root: %.200s does not hold a URL",
                is_named_elsewhere(root->argument) ? root->argument : "it");
    else if (!secret_url_parse(text, out_url, e))
        err_prefix(e, "--target-root: ");
    else
        ok = end_url_check(END_TARGET, out_url, root->allow_http, e);
    secret_wipe_free(text);
    if (ok && (out_url->managed_disk || out_url->upload_disk || out_url->snapshot))
        ok = err_set(e, ERR_USAGE, RETRY_NEVER,
                     "--target-root: a managed disk or a snapshot is one blob: it is the target of "
                     "copy, and no place for many");
    if (!ok)
        secret_url_fini(out_url);
    return ok;
}

static struct endpoint *open_blob(const struct receive_root *root, struct session *session,
                                  const char *name, struct err *e)
{
    static const struct endpoint_pageblob_options plain;
    struct secret_url container = {0}, blob = {0};
    struct endpoint *ep = NULL;
    struct http *http = session_http(session, e);

    if (http && read_url(root, &container, e) && secret_url_of_blob(&container, name, &blob, e))
        ep = endpoint_pageblob_open(session->reactor, http, &blob, &plain, e);
    secret_url_fini(&container);
    secret_url_fini(&blob);
    return ep;
}

/* ---- Folders ---- */

static struct endpoint *open_file(const struct receive_root *root, struct session *session,
                                  const char *name, bool writable, struct err *e)
{
    struct endpoint_file_options how = {
        .writable = writable,
        .direct = (enum endpoint_file_direct)session->options->direct,
    };
    char path[PATH_MAX];
    char *slash;

    if (snprintf(path, sizeof path, "%s/%s", root->folder, name) >= (int)sizeof path) {
        err_set(e, ERR_USAGE, RETRY_NEVER, "%.200s: the path is too long", name);
        return NULL;
    }
    slash = strrchr(path, '/');
    if (writable && strchr(name, '/')) {
        *slash = 0;
        if (!durable_make_folder(path, e))
            return NULL;
        *slash = '/';
    }
    return endpoint_file_open(session->reactor, path, &how, e);
}

static bool check_folder(struct receive_root *root, struct err *e)
{
    struct stat st;

    if (!realpath(root->argument, root->folder) || stat(root->folder, &st) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "--target-root: %.200s", root->argument);
    if (!S_ISDIR(st.st_mode))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--target-root: %.200s is no folder",
                       root->argument);
    return true;
}

/* ---- Both ---- */

bool receive_root_open(struct receive_root *root, const char *argument, bool allow_http,
                       char **out_address, struct err *e)
{
    struct secret_url url = {0};
    bool ok;

    *root = (struct receive_root){.argument = argument, .allow_http = allow_http};
    if (is_named_elsewhere(argument) || secret_is_url(argument)) {
        ok = read_url(root, &url, e);
        *out_address = ok ? strdup(url.address) : NULL;
        secret_url_fini(&url);
    } else {
        ok = check_folder(root, e);
        *out_address = ok ? strdup(root->folder) : NULL;
    }
    if (ok && !*out_address)
        ok = err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for --target-root");
    return ok;
}

struct endpoint *receive_root_target(const struct receive_root *root, struct session *session,
                                     const char *name, bool writable, struct err *e)
{
    return root->folder[0] ? open_file(root, session, name, writable, e)
                           : open_blob(root, session, name, e);
}
