/* job_parse.c - see job_parse.h. Members of one disk are read in job_disk.c. */
#include "engine/job_parse.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/job_clash.h"
#include "engine/job_given.h"
#include "engine/job_reading.h"
#include "io/secret.h"

/* ---- Limits and report ---- */

static void read_limit(struct job_reading *reading, json_t *value, void *arg, unsigned limit)
{
    struct job_limits *limits = arg;
    uint64_t *place = job_members_limit_of(limits, (enum control_limit)limit);
    struct err e = {0};

    if (!job_members_limit(value, (enum control_limit)limit, place, &e))
        job_reading_mistake(reading, &e);
}

static void read_limits(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct job_spec *spec = arg;
    struct job_member members[CONTROL_LIMITS_COUNT + 1] = {0};

    (void)which;
    for (unsigned i = 0; i < CONTROL_LIMITS_COUNT; i++)
        members[i] = (struct job_member){job_members_limit_name((enum control_limit)i), read_limit,
                                         false, i};
    job_reading_object(reading, value, members, &spec->limits);
}

enum { REPORT_URL, REPORT_TOKEN, REPORT_INTERVAL };

static bool read_report_url(const char *text, struct job_report *report, struct err *e)
{
    struct secret_url url = {0};
    struct job_given given = {0};

    if (text[0] == '@' || strncmp(text, "env:", 4) == 0) {
        if (!job_given_read(ACCESS_SOURCE, text, &given, e))
            return false;
        job_given_fini(&given);
    } else if (!secret_url_parse(text, &url, e)) {
        return false;
    }
    secret_url_fini(&url);
    report->url = strdup(text);
    return report->url || err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for it");
}

static void read_report_member(struct job_reading *reading, json_t *value, void *arg,
                               unsigned which)
{
    struct job_report *report = arg;
    struct err e = {0};
    const char *text = NULL;
    uint64_t interval = 0;
    bool ok = true;

    switch (which) {
    case REPORT_URL:
        ok = job_members_text(value, SECRET_URL_MAX_BYTES, &text, &e) &&
             read_report_url(text, report, &e);
        break;
    case REPORT_TOKEN:
        ok = job_members_text(value, JOB_ID_MAX_BYTES, &text, &e) &&
             (secret_is_variable(text) ||
              err_set(&e, ERR_USAGE, RETRY_NEVER, "must be the name of an environment variable"));
        if (ok)
            ok = job_reading_keep(text, &report->token_env, &e);
        break;
    default:
        ok = job_members_count(value, JOB_INTERVAL_MIN_MS, JOB_INTERVAL_MAX_MS, &interval, &e);
        if (ok)
            report->interval_ms = (uint32_t)interval;
        break;
    }
    if (!ok)
        job_reading_mistake(reading, &e);
}

static void read_report(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    static const struct job_member members[] = {
        {"url", read_report_member, false, REPORT_URL},
        {"tokenEnv", read_report_member, false, REPORT_TOKEN},
        {"intervalMs", read_report_member, false, REPORT_INTERVAL},
        {0}};
    struct job_spec *spec = arg;

    (void)which;
    job_reading_object(reading, value, members, &spec->report);
    if (json_object_get(value, "tokenEnv") && !json_object_get(value, "url")) {
        size_t mark = job_reading_enter(reading, "tokenEnv");

        job_reading_wrong(reading, "is for a \"url\", and there is none");
        job_reading_leave(reading, mark);
    }
}

/* ---- Restore points ---- */

static void read_point_id(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct job_point *point = arg;

    (void)which;
    job_reading_id(reading, value, &point->id);
}

/* The disks have their places already: those of a point stand together. */
static void read_disks(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct job_point *point = arg;
    json_t *disk;
    size_t i;

    (void)which;
    if (!json_is_array(value) || json_array_size(value) == 0) {
        job_reading_wrong(reading, "must be an array of disks, and not empty");
        return;
    }
    json_array_foreach(value, i, disk)
    {
        size_t mark = job_reading_enter_item(reading, i);

        job_reading_disk(reading, disk, &reading->spec->disks[point->first_disk + i]);
        job_reading_leave(reading, mark);
    }
}

static const struct job_member point_members[] = {{"id", read_point_id, true, 0},
                                                  {"disks", read_disks, true, 0},
                                                  {0}};

/* Everything has its place before it is read, so that indexes are those of the text. */
static bool make_room(struct job_reading *reading, const json_t *points)
{
    struct job_spec *spec = reading->spec;
    size_t points_count = json_array_size(points), disks_count = 0;
    json_t *point;
    size_t i;

    json_array_foreach(points, i, point) disks_count +=
        json_array_size(json_object_get(point, "disks"));
    if (points_count > JOB_POINTS_MAX || disks_count > JOB_DISKS_MAX) {
        struct err e = {0};

        err_set(&e, ERR_LIMIT, RETRY_NEVER,
                "has %zu restore points and %zu disks; at most %u and %u are taken", points_count,
                disks_count, JOB_POINTS_MAX, JOB_DISKS_MAX);
        job_reading_mistake(reading, &e);
        return false;
    }
    spec->points = calloc(points_count + 1, sizeof *spec->points);
    spec->disks = calloc(disks_count + 1, sizeof *spec->disks);
    if (!spec->points || !spec->disks) {
        job_reading_wrong(reading, "no memory for so many");
        return false;
    }
    json_array_foreach(points, i, point)
    {
        struct job_point *place = &spec->points[spec->points_count++];

        place->first_disk = spec->disks_count;
        place->disk_count = (uint32_t)json_array_size(json_object_get(point, "disks"));
        for (uint32_t j = 0; j < place->disk_count; j++)
            spec->disks[spec->disks_count++] =
                (struct job_disk){.point = (uint32_t)i, .priority = JOB_PRIORITY_DEFAULT};
    }
    return true;
}

static void read_points(struct job_reading *reading, json_t *value, void *arg, unsigned which)
{
    struct job_spec *spec = arg;
    json_t *point;
    size_t i;

    (void)which;
    if (!json_is_array(value) || json_array_size(value) == 0) {
        job_reading_wrong(reading, "must be an array of restore points, and not empty");
        return;
    }
    if (!make_room(reading, value))
        return;
    json_array_foreach(value, i, point)
    {
        size_t mark = job_reading_enter_item(reading, i);

        job_reading_object(reading, point, point_members, &spec->points[i]);
        job_reading_leave(reading, mark);
    }
}

/* ---- The whole ---- */

static const struct job_member job_members[] = {{"restorePoints", read_points, true, 0},
                                                {"limits", read_limits, false, 0},
                                                {"report", read_report, false, 0},
                                                {0}};

static void pass_clash(void *arg, bool warning, const char *path, const char *sentence)
{
    job_reading_tell(arg, warning, path, sentence);
}

static void read_text(struct job_reading *reading, const char *text, size_t bytes)
{
    json_error_t error;
    struct err e = {0};
    json_t *job;

    if (bytes > JOB_TEXT_MAX_BYTES) {
        err_set(&e, ERR_LIMIT, RETRY_NEVER, "the job is longer than %u bytes", JOB_TEXT_MAX_BYTES);
        job_reading_mistake(reading, &e);
        return;
    }
    job = json_loadb(bytes ? text : "", bytes, JSON_REJECT_DUPLICATES, &error);
    if (job) {
        job_reading_object(reading, job, job_members, reading->spec);
        if (!job_clash_check(reading->spec, pass_clash, reading))
            job_reading_wrong(reading, "no memory to look for names that are there twice");
    } else {
        job_members_no_json(&error, &e);
        job_reading_mistake(reading, &e);
    }
    job_members_wipe(job);
    json_decref(job);
}

bool job_parse(const char *text, size_t bytes, struct job_spec *out_spec, job_mistake_fn *told,
               void *arg)
{
    struct job_reading reading = {.spec = out_spec, .told = told, .arg = arg, .path = "$"};

    job_spec_init(out_spec);
    read_text(&reading, text, bytes);
    job_reading_conclude(&reading);
    if (reading.mistakes == 0)
        return true;
    job_spec_fini(out_spec);
    job_spec_init(out_spec);
    return false;
}
