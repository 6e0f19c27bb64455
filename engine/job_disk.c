/* job_disk.c - one disk of a job as it is read: its ends, files and wishes. See job_reading.h. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/marker.h"
#include "engine/job_given.h"
#include "engine/job_reading.h"
#include "io/secret.h"

/* What is filled while a disk is read. */
struct disk_reading {
    struct job_disk *disk;
    struct job_given given[ACCESS_SIDES]; /* NOTHING: not there, or wrong */
};

/* ---- Ends ---- */

static struct job_end *end_of(struct job_disk *disk, enum access_side side)
{
    return side == ACCESS_SOURCE ? &disk->source
           : side == ACCESS_BASE ? &disk->base
                                 : &disk->target;
}

static void read_url(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct disk_reading *disk = arg;
    enum access_side side = (enum access_side)which;
    struct job_end *end = end_of(disk->disk, side);
    struct job_given given = {0};
    struct err e = {0};
    const char *text;

    if (job_members_text(value, SECRET_URL_MAX_BYTES, &text, &e) &&
        job_reading_keep(text, &end->text, &e) && job_given_read(side, end->text, &given, &e)) {
        disk->given[side] = given;
        return;
    }
    job_given_fini(&given);
    job_reading_mistake(reading, &e);
}

static void read_identity(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct disk_reading *disk = arg;
    struct job_end *end = end_of(disk->disk, (enum access_side)which);
    struct err e = {0};
    const char *text;

    if (!job_members_text(value, MARKER_SOURCE_MAX_BYTES - 1, &text, &e) ||
        !job_members_clear(text, &e) || !job_reading_keep(text, &end->identity, &e))
        job_reading_mistake(reading, &e);
}

static void read_expiry(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct disk_reading *disk = arg;
    struct job_end *end = end_of(disk->disk, (enum access_side)which);
    struct err e = {0};

    if (!job_members_time(value, &end->expires_s, &e))
        job_reading_mistake(reading, &e);
}

static void wrong_member(struct job_reading *reading, const char *member, const char *sentence)
{
    size_t mark = job_reading_enter(reading, member);

    job_reading_wrong(reading, sentence);
    job_reading_leave(reading, mark);
}

static void check_source(struct job_reading *reading, json_t *value, struct disk_reading *disk)
{
    static const char *const of_base[] = {"baseIdentity", "baseExpiresOn"};
    const struct job_given *base = &disk->given[ACCESS_BASE];
    struct err e = {0};

    for (size_t i = 0; i < sizeof of_base / sizeof of_base[0]; i++)
        if (json_object_get(value, of_base[i]) && !json_object_get(value, "baseUrl"))
            wrong_member(reading, of_base[i], "is for a \"baseUrl\", and there is none");
    if (!job_given_check_base(&disk->given[ACCESS_SOURCE], base, &e))
        wrong_member(reading, "baseUrl", e.text);
    if (disk->disk->source.expires_s && disk->given[ACCESS_SOURCE].kind == JOB_GIVEN_FILE)
        wrong_member(reading, "expiresOn", "is for a URL, and this is a file");
    if (disk->disk->base.expires_s && base->kind == JOB_GIVEN_FILE)
        wrong_member(reading, "baseExpiresOn", "is for a URL, and this is a file");
}

static void read_source(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    static const struct job_member members[] = {{"url", read_url, true, ACCESS_SOURCE},
                                                {"identity", read_identity, false, ACCESS_SOURCE},
                                                {"expiresOn", read_expiry, false, ACCESS_SOURCE},
                                                {"baseUrl", read_url, false, ACCESS_BASE},
                                                {"baseIdentity", read_identity, false, ACCESS_BASE},
                                                {"baseExpiresOn", read_expiry, false, ACCESS_BASE},
                                                {0}};

    (void)which;
    job_reading_object(reading, value, members, arg);
    check_source(reading, value, arg);
}

enum { TARGET_NEW, TARGET_LARGER };

static void read_wish(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct job_disk *disk = ((struct disk_reading *)arg)->disk;

    if (!json_is_boolean(value))
        job_reading_wrong(reading, "must be true or false");
    else if (which == TARGET_NEW)
        disk->target_new = json_is_true(value);
    else
        disk->target_larger = json_is_true(value);
}

static void read_target(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    static const struct job_member members[] = {{"url", read_url, true, ACCESS_TARGET},
                                                {"expiresOn", read_expiry, false, ACCESS_TARGET},
                                                {"mustBeNew", read_wish, false, TARGET_NEW},
                                                {"mayBeLarger", read_wish, false, TARGET_LARGER},
                                                {0}};
    struct disk_reading *disk = arg;
    enum job_given_kind kind;

    (void)which;
    job_reading_object(reading, value, members, arg);
    kind = disk->given[ACCESS_TARGET].kind;
    if (disk->disk->target.expires_s && (kind == JOB_GIVEN_FILE || kind == JOB_GIVEN_NULL))
        wrong_member(reading, "expiresOn", "is for a URL, and this is none");
}

/* ---- The rest ---- */

enum { DISK_MAP, DISK_JOURNAL };

static void read_id(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct disk_reading *disk = arg;

    (void)which;
    job_reading_id(reading, value, &disk->disk->id);
}

/* A URL here would become the name of a file, and its SAS would be told by every listing of the folder. */
static void read_path(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct disk_reading *disk = arg;
    const char *text = json_string_value(value);

    if (text && secret_looks_like_url(text))
        job_reading_wrong(reading, "must be the path of a file, and is a URL");
    else
        job_reading_text(reading, value, PATH_MAX - 1,
                         which == DISK_MAP ? &disk->disk->map : &disk->disk->journal);
}

static void read_priority(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct disk_reading *disk = arg;
    uint64_t priority;
    struct err e = {0};

    (void)which;
    if (job_members_count(value, 1, JOB_PRIORITY_MAX, &priority, &e))
        disk->disk->priority = (uint32_t)priority;
    else
        job_reading_mistake(reading, &e);
}

static void read_verify(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct disk_reading *disk = arg;

    (void)which;
    if (json_is_boolean(value))
        disk->disk->verify = json_is_true(value);
    else
        job_reading_wrong(reading, "must be true or false");
}

static void read_footer(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    static const char *const names[] = {[COPY_FOOTER_KEEP] = "keep",
                                        [COPY_FOOTER_STRIP] = "strip",
                                        [COPY_FOOTER_ADD] = "add",
                                        [COPY_FOOTER_RAW] = "raw"};
    struct disk_reading *disk = arg;
    const char *text = json_string_value(value);

    (void)which;
    for (size_t i = 0; text && i < sizeof names / sizeof names[0]; i++)
        if (strcmp(text, names[i]) == 0) {
            disk->disk->footer = (enum copy_footer)i;
            return;
        }
    job_reading_wrong(reading, "must be \"keep\", \"strip\", \"add\" or \"raw\"");
}

static void check_null(struct job_reading *reading, const struct disk_reading *disk)
{
    if (disk->given[ACCESS_TARGET].kind != JOB_GIVEN_NULL)
        return;
    if (disk->disk->map)
        wrong_member(reading, "map", "has nothing to be of: null: keeps nothing");
    if (disk->disk->verify)
        wrong_member(reading, "verify", "has nothing to read: null: keeps nothing");
}

void job_reading_disk(struct job_reading *reading, json_t *value, struct job_disk *disk)
{
    static const struct job_member members[] = {{"id", read_id, true, 0},
                                                {"priority", read_priority, false, 0},
                                                {"source", read_source, true, 0},
                                                {"target", read_target, true, 0},
                                                {"map", read_path, false, DISK_MAP},
                                                {"journal", read_path, false, DISK_JOURNAL},
                                                {"verify", read_verify, false, 0},
                                                {"footer", read_footer, false, 0},
                                                {0}};
    struct disk_reading its = {.disk = disk};

    job_reading_object(reading, value, members, &its);
    check_null(reading, &its);
    for (size_t i = 0; i < ACCESS_SIDES; i++)
        job_given_fini(&its.given[i]);
}
