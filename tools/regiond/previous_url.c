/* previous_url.c - reads the URL as if it were a request of its own, and asks auth about it. */
#include "tools/regiond/previous_url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/regiond/region_auth.h"

/* Where the path begins in "http[s]://host[:port]/path?query"; NULL: not such a URL. */
static const char *path_of(const char *url)
{
    const char *host = strstr(url, "://");

    if (!host || (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0))
        return NULL;
    host += 3;
    return *host == '/' ? NULL : strchr(host, '/');
}

static bool same_disk(const struct request *a, const struct request *b)
{
    return strcmp(a->account, b->account) == 0 && strcmp(a->container, b->container) == 0 &&
           strcmp(a->blob, b->blob) == 0;
}

static bool judge(struct exchange *x, struct request *older, const char *path)
{
    static const struct request_need need = {SCOPE_BLOB, "r"};
    struct service_error why = {0};

    if (!request_set_target(older, path, &why) || older->blob[0] == '\0')
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, PREVIOUS_URL_HEADER, NULL);
    if (x->request.caller != CALLER_KEY &&
        !region_auth_check(x->parts->auth, older, &need, &x->error))
        return false;
    if (!same_disk(older, &x->request) || older->snapshot[0] == '\0')
        return service_fail(&x->error, CODE_PREVIOUS_SNAPSHOT_NOT_FOUND);
    return true;
}

bool previous_url_snapshot(struct exchange *x, const char *url,
                           char out_snapshot[REQUEST_SNAPSHOT_MAX_BYTES])
{
    const char *path = path_of(url);
    struct request older = {
        .method = "GET",
        .peer = x->request.peer,
        .tls = x->request.tls,
    };
    bool done;

    if (!path)
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, PREVIOUS_URL_HEADER, NULL);
    done = judge(x, &older, path);
    if (done)
        strcpy(out_snapshot, older.snapshot);
    request_fini(&older);
    return done;
}
