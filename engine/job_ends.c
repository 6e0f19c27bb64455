/* job_ends.c - see job_ends.h. */
#include "engine/job_ends.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/end_key.h"
#include "io/endpoint_file.h"
#include "io/endpoint_mem.h"
#include "io/endpoint_pageblob.h"

/* ---- Parse ---- */

static const char *side_of(const struct job_place *place)
{
    return access_side_name(place->side);
}

/* Not shown to whoever reads the error: what a variable or a file holds is secret, or was meant to be. */
static bool look_elsewhere(const char *text, struct job_place *place, struct err *e)
{
    job_given_fini(&place->given);
    if (!secret_resolve(text, &place->text, e))
        return false;
    if (!secret_is_url(place->text))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%.200s does not hold a URL (https://...)", text);
    return job_given_read(place->side, place->text, &place->given, e);
}

bool job_place_parse(enum access_side side, const char *text, struct job_place *out_place,
                     struct err *e)
{
    struct job_place place = {.side = side};
    bool ok = job_given_read(side, text, &place.given, e);

    if (ok && place.given.kind == JOB_GIVEN_ELSEWHERE)
        ok = look_elsewhere(text, &place, e);
    if (ok) {
        *out_place = place;
        return true;
    }
    err_prefix(e, "%s: ", side_of(&place));
    job_place_fini(&place);
    return false;
}

void job_place_fini(struct job_place *place)
{
    job_given_fini(&place->given);
    secret_wipe_free(place->text);
    memset(place, 0, sizeof *place);
}

void job_places_fini(struct job_places *places)
{
    for (size_t i = 0; i < ACCESS_SIDES; i++)
        job_place_fini(&places->side[i]);
}

/* ---- Check ---- */

bool job_place_check_url(const struct job_place *place, bool allow_http, struct err *e)
{
    const struct secret_url *url = &place->given.url;

    if (place->given.kind != JOB_GIVEN_URL || url->tls || url->loopback || allow_http)
        return true;
    return err_set(e, ERR_USAGE, RETRY_NEVER,
                   "%s: http:// would send the SAS to %s in clear; use https:// or say "
                   "--allow-http",
                   side_of(place), url->host);
}

bool job_same_place(const struct job_place *a, const struct job_place *b)
{
    return end_key_same(job_given_key(&a->given), job_given_key(&b->given));
}

static bool check_base(const struct job_place *source, const struct job_place *base, struct err *e)
{
    struct job_place one = *source, other = *base;

    if (base->given.kind == JOB_GIVEN_NOTHING)
        return true;
    if (!job_given_check_base(&source->given, &base->given, e)) {
        err_prefix(e, "base: ");
        return false;
    }
    if (job_same_place(source, base))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "base: it is the source itself");
    if (source->given.kind != JOB_GIVEN_URL || source->given.url.managed_disk)
        return true;
    one.given.url.snapshot = other.given.url.snapshot = NULL; /* views, for a moment */
    return job_same_place(&one, &other) ||
           err_set(e, ERR_USAGE, RETRY_NEVER,
                   "base: source and base must be snapshots of one blob, these are of two");
}

/* No file that is written may be another one too. */
static bool check_files(const struct job_places *places, const struct job_disk *disk, struct err *e)
{
    static const char *const names[] = {"source", "base", "target", "map", "journal"};
    const char *files[] = {places->side[ACCESS_SOURCE].given.path,
                           places->side[ACCESS_BASE].given.path,
                           places->side[ACCESS_TARGET].given.path, disk->map, disk->journal};

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        for (size_t j = 0; j < i; j++)
            if (files[i] && files[j] && end_key_same_file(files[i], files[j]))
                return err_set(e, ERR_USAGE, RETRY_NEVER, "%s: it is the same file as the %s",
                               names[i], names[j]);
    return true;
}

bool job_places_check(const struct job_places *places, const struct job_disk *disk, bool allow_http,
                      struct err *e)
{
    const struct job_place *source = &places->side[ACCESS_SOURCE];
    const struct job_place *target = &places->side[ACCESS_TARGET];

    if (source->given.kind == JOB_GIVEN_NOTHING || target->given.kind == JOB_GIVEN_NOTHING)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "a disk needs a source and a target");
    for (size_t i = 0; i < ACCESS_SIDES; i++)
        if (!job_place_check_url(&places->side[i], allow_http, e))
            return false;
    if (job_same_place(source, target))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "target: it is the source itself");
    return check_base(source, &places->side[ACCESS_BASE], e) && check_files(places, disk, e);
}

/* ---- Open ---- */

struct endpoint *job_place_open(struct reactor *r, struct http *http, struct job_place *place,
                                const char *identity, struct err *e)
{
    struct secret_url *url = &place->given.url;
    struct endpoint_file_options file = {.writable = place->side == ACCESS_TARGET};
    struct endpoint_pageblob_options blob = {
        /* A snapshot cannot change; what is live may, under our hands. */
        .guard_reads = place->side == ACCESS_SOURCE && !url->snapshot && !url->managed_disk,
        .identity = identity};

    switch (place->given.kind) {
    case JOB_GIVEN_URL:
        return endpoint_pageblob_open(r, http, url, &blob, e);
    case JOB_GIVEN_FILE:
        return endpoint_file_open(r, place->given.path, &file, e);
    case JOB_GIVEN_NULL:
        return endpoint_null_new(r, 0, e);
    case JOB_GIVEN_NOTHING:
    case JOB_GIVEN_ELSEWHERE:
        break;
    }
    assert(!"a place was parsed before it is opened");
    return NULL;
}
