/* job_ends.c - see job_ends.h. */
#include "engine/job_ends.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/endpoint_file.h"
#include "io/endpoint_mem.h"
#include "io/endpoint_pageblob.h"
#include "io/percent.h"

/* ---- Parse ---- */

static const char *side_of(const struct job_place *place)
{
    return access_side_name(place->side);
}

/* "ftp://", "htps://": meant as a URL, and certainly no path anybody has. */
static bool looks_like_url(const char *text)
{
    const char *colon = strstr(text, "://");

    return (colon > text && !memchr(text, '/', (size_t)(colon - text))) ||
           strcasestr(text, "sig=") != NULL;
}

static bool parse_url(const char *text, struct job_place *place, struct err *e)
{
    place->kind = JOB_PLACE_BLOB;
    if (!secret_url_parse(text, &place->url, e)) {
        err_prefix(e, "%s: ", side_of(place));
        return false;
    }
    if (!place->url.address[strcspn(place->url.address, "?")] &&
        strrchr(place->url.address, '/') < strstr(place->url.address, "://") + 3)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%s: the URL names a host but no blob",
                       side_of(place));
    return true;
}

static bool parse_indirect(const char *text, struct job_place *place, struct err *e)
{
    char *held = NULL;
    bool ok = false;

    if (!secret_resolve(text, &held, e)) {
        err_prefix(e, "%s: ", side_of(place));
        return false;
    }
    if (secret_is_url(held))
        ok = parse_url(held, place, e);
    else
        err_set(e, ERR_USAGE, RETRY_NEVER, "%s: %.200s does not hold a URL (https://...)",
                side_of(place), text);
    secret_wipe_free(held);
    return ok;
}

static bool parse_path(const char *path, struct job_place *place, struct err *e)
{
    place->kind = JOB_PLACE_FILE;
    if (!*path)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%s: there is no path", side_of(place));
    if (strlen(path) >= ENDPOINT_FILE_PATH_MAX_BYTES)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%s: the path is longer than %u bytes",
                       side_of(place), ENDPOINT_FILE_PATH_MAX_BYTES - 1);
    place->path = strdup(path);
    return place->path || err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a path");
}

static bool parse_kind(const char *text, struct job_place *place, struct err *e)
{
    if (strncmp(text, "env:", 4) == 0 || text[0] == '@')
        return parse_indirect(text, place, e);
    if (secret_is_url(text))
        return parse_url(text, place, e);
    if (strcmp(text, "null:") == 0) {
        place->kind = JOB_PLACE_NULL;
        return place->side == ACCESS_TARGET ||
               err_set(e, ERR_USAGE, RETRY_NEVER, "%s: null: can only be a target", side_of(place));
    }
    if (strncmp(text, "file:", 5) == 0)
        return parse_path(text + 5, place, e);
    if (looks_like_url(text)) /* not shown: it may be one whose scheme was mistyped */
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%s: this is no URL of a page blob (https://...); a file of such a name is "
                       "given as file:PATH",
                       side_of(place));
    return parse_path(text, place, e);
}

bool job_place_parse(enum access_side side, const char *text, struct job_place *out_place,
                     struct err *e)
{
    struct job_place place = {.side = side};

    if (!parse_kind(text, &place, e)) {
        job_place_fini(&place);
        return false;
    }
    *out_place = place;
    return true;
}

void job_place_fini(struct job_place *place)
{
    secret_url_fini(&place->url);
    free(place->path);
    memset(place, 0, sizeof *place);
}

void job_places_fini(struct job_places *places)
{
    for (size_t i = 0; i < ACCESS_SIDES; i++)
        job_place_fini(&places->side[i]);
}

/* ---- Check ---- */

static bool has_signature(const struct secret_url *url)
{
    for (const char *at = url->query; at; at = strchr(at, '&')) {
        at += *at == '&';
        if (strncmp(at, "sig=", 4) == 0 && at[4] && at[4] != '&')
            return true;
    }
    return false;
}

bool job_place_check_url(const struct job_place *place, bool allow_http, struct err *e)
{
    if (place->kind != JOB_PLACE_BLOB)
        return true;
    if (!has_signature(&place->url))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%s: the URL has no SAS (no signature behind its '?')", side_of(place));
    if (!place->url.tls && !place->url.loopback && !allow_http)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%s: http:// would send the SAS to %s in clear; use https:// or say "
                       "--allow-http",
                       side_of(place), place->url.host);
    return true;
}

static const char *path_of(const struct secret_url *url)
{
    const char *authority = strstr(url->address, "://") + 3;

    return authority + strcspn(authority, "/");
}

static unsigned long port_of(const struct secret_url *url)
{
    const char *authority = strstr(url->address, "://") + 3;
    const char *port = path_of(url);

    while (port > authority && port[-1] >= '0' && port[-1] <= '9')
        port--;
    if (port > authority && port[-1] == ':')
        return strtoul(port, NULL, 10);
    return url->tls ? 443 : 80;
}

static bool same_address(const struct secret_url *a, const struct secret_url *b)
{
    char *path_a, *path_b;
    bool same;

    if (strcmp(a->host, b->host) != 0 || port_of(a) != port_of(b))
        return false;
    path_a = percent_decode(path_of(a), strlen(path_of(a)));
    path_b = percent_decode(path_of(b), strlen(path_of(b)));
    same = !path_a || !path_b || strcmp(path_a, path_b) == 0;
    free(path_a);
    free(path_b);
    return same;
}

bool job_same_blob(const struct secret_url *a, const struct secret_url *b)
{
    return same_address(a, b) &&
           strcmp(a->snapshot ? a->snapshot : "", b->snapshot ? b->snapshot : "") == 0;
}

static bool same_file(const char *a, const char *b)
{
    struct stat sa, sb;

    if (strcmp(a, b) == 0)
        return true;
    if (stat(a, &sa) != 0 || stat(b, &sb) != 0)
        return false;
    if (S_ISBLK(sa.st_mode) && S_ISBLK(sb.st_mode))
        return sa.st_rdev == sb.st_rdev;
    return sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

static bool same_place(const struct job_place *a, const struct job_place *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == JOB_PLACE_BLOB)
        return job_same_blob(&a->url, &b->url);
    return a->kind == JOB_PLACE_FILE && same_file(a->path, b->path);
}

static bool is_point_in_time(const struct job_place *place)
{
    return place->kind == JOB_PLACE_BLOB && (place->url.snapshot || place->url.managed_disk);
}

static bool check_base(const struct job_place *source, const struct job_place *base, struct err *e)
{
    if (base->kind == JOB_PLACE_NONE)
        return true;
    /* A file cannot tell what changed; a base beside it is read and compared with it. */
    if (source->kind == JOB_PLACE_FILE && base->kind == JOB_PLACE_FILE)
        return true;
    if (!is_point_in_time(source) || !is_point_in_time(base))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "base: source and base must both be snapshots: page-blob URLs with "
                       "snapshot=, or of managed disks");
    if (same_place(source, base))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "base: it is the source itself");
    if (!source->url.managed_disk && !same_address(&source->url, &base->url))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "base: source and base must be snapshots of one blob, these are of two");
    return true;
}

/* No file that is written may be another one too. */
static bool check_files(const struct job_places *places, const struct job_disk *disk, struct err *e)
{
    const char *files[ACCESS_SIDES + 2] = {[ACCESS_SIDES] = disk->map, disk->journal};
    static const char *const names[ACCESS_SIDES + 2] = {"source", "base", "target", "map",
                                                        "journal"};

    for (size_t i = 0; i < ACCESS_SIDES; i++)
        files[i] = places->side[i].path;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        for (size_t j = 0; j < i; j++)
            if (files[i] && files[j] && same_file(files[i], files[j]))
                return err_set(e, ERR_USAGE, RETRY_NEVER, "%s: it is the same file as the %s",
                               names[i], names[j]);
    return true;
}

bool job_places_check(const struct job_places *places, const struct job_disk *disk, bool allow_http,
                      struct err *e)
{
    const struct job_place *source = &places->side[ACCESS_SOURCE];
    const struct job_place *target = &places->side[ACCESS_TARGET];

    for (size_t i = 0; i < ACCESS_SIDES; i++)
        if (!job_place_check_url(&places->side[i], allow_http, e))
            return false;
    if (target->kind == JOB_PLACE_BLOB && target->url.snapshot)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "target: the URL names a snapshot, and a snapshot cannot change");
    if (same_place(source, target))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "target: it is the source itself");
    return check_base(source, &places->side[ACCESS_BASE], e) && check_files(places, disk, e);
}

/* ---- Open ---- */

struct endpoint *job_place_open(struct reactor *r, struct http *http, struct job_place *place,
                                const char *identity, struct err *e)
{
    struct endpoint_file_options file = {.writable = place->side == ACCESS_TARGET};
    struct endpoint_pageblob_options blob = {
        /* A snapshot cannot change; what is live may, under our hands. */
        .guard_reads =
            place->side == ACCESS_SOURCE && !place->url.snapshot && !place->url.managed_disk,
        .identity = identity};

    switch (place->kind) {
    case JOB_PLACE_BLOB:
        return endpoint_pageblob_open(r, http, &place->url, &blob, e);
    case JOB_PLACE_FILE:
        return endpoint_file_open(r, place->path, &file, e);
    case JOB_PLACE_NULL:
        return endpoint_null_new(r, 0, e);
    case JOB_PLACE_NONE:
        break;
    }
    assert(!"a place was parsed before it is opened");
    return NULL;
}
