/* job_given.c - see job_given.h. */
#include "engine/job_given.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/end_key.h"
#include "engine/job_members.h"

/* ---- Read ---- */

static bool misuse(struct err *e, const char *sentence)
{
    return err_set(e, ERR_USAGE, RETRY_NEVER, "%s", sentence);
}

static bool read_elsewhere(const char *text, struct job_given *given, struct err *e)
{
    given->kind = JOB_GIVEN_ELSEWHERE;
    if (text[0] == '@')
        return text[1] || misuse(e, "names no file behind its '@'");
    return secret_is_variable(text + 4) || misuse(e, "names no variable behind its env:");
}

static bool read_path(const char *path, struct job_given *given, struct err *e)
{
    given->kind = JOB_GIVEN_FILE;
    given->path = path;
    if (!*path)
        return misuse(e, "names no file behind its file:");
    if (strlen(path) >= PATH_MAX)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "is a path of more than %d bytes", PATH_MAX - 1);
    return !secret_looks_like_url(path) ||
           misuse(e, "is neither a http:// or https:// URL nor a path (file:PATH)");
}

static bool read_url(enum access_side side, const char *text, struct job_given *given,
                     struct err *e)
{
    if (!job_members_url(text, e) || !secret_url_parse(text, &given->url, e))
        return false;
    given->kind = JOB_GIVEN_URL;
    if (side == ACCESS_TARGET && given->url.snapshot)
        return misuse(e, "the URL names a snapshot, and a snapshot cannot change");
    return true;
}

bool job_given_read(enum access_side side, const char *text, struct job_given *out_given,
                    struct err *e)
{
    *out_given = (struct job_given){.text = text};
    if (secret_is_url(text))
        return read_url(side, text, out_given, e);
    if (text[0] == '@' || strncmp(text, "env:", 4) == 0)
        return read_elsewhere(text, out_given, e);
    if (strcmp(text, "null:") == 0) {
        out_given->kind = JOB_GIVEN_NULL;
        return side == ACCESS_TARGET || misuse(e, "null: can only be a target");
    }
    if (strncmp(text, "relay:", 6) == 0)
        return misuse(e, "a relay is no end of a job; use snapferry send");
    if (strncmp(text, "null:", 5) == 0 || strncmp(text, "pattern:", 8) == 0)
        return misuse(e, "is no end of a job; name a URL or a file");
    return read_path(strncmp(text, "file:", 5) == 0 ? text + 5 : text, out_given, e);
}

void job_given_fini(struct job_given *given)
{
    secret_url_fini(&given->url);
    memset(given, 0, sizeof *given);
}

/* ---- Keys ---- */

char *job_given_key(const struct job_given *given)
{
    switch (given->kind) {
    case JOB_GIVEN_URL:
        return end_key_blob(&given->url, given->url.snapshot);
    case JOB_GIVEN_FILE:
        return end_key_file(given->path, "");
    case JOB_GIVEN_ELSEWHERE: {
        char *file =
            given->text[0] == '@' ? end_key_file(given->text + 1, "") : strdup(given->text);
        char *key = NULL;

        if (file && asprintf(&key, "held %s", file) < 0)
            key = NULL;
        free(file);
        return key;
    }
    case JOB_GIVEN_NOTHING:
    case JOB_GIVEN_NULL:
        break;
    }
    return NULL;
}

/* ---- A base ---- */

static bool is_point_in_time(const struct job_given *given)
{
    return given->url.snapshot || given->url.managed_disk;
}

static bool is_url(const struct job_given *given)
{
    return given->kind == JOB_GIVEN_URL || given->kind == JOB_GIVEN_ELSEWHERE;
}

bool job_given_check_base(const struct job_given *source, const struct job_given *base,
                          struct err *e)
{
    if (source->kind == JOB_GIVEN_NOTHING || base->kind == JOB_GIVEN_NOTHING)
        return true; /* that is said already */
    if (is_url(source) != is_url(base))
        return misuse(e, "a base is of its source's kind: both URLs, or both files");
    if (source->kind == JOB_GIVEN_URL && !is_point_in_time(source))
        return misuse(e, "needs a source that is a snapshot: a URL with snapshot=, or one of a "
                         "managed disk");
    if (base->kind == JOB_GIVEN_URL && !is_point_in_time(base))
        return misuse(e, "must be a snapshot: a URL with snapshot=, or one of a managed disk");
    return true;
}
