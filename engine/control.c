/* control.c - see control.h. */
#include "engine/control.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "engine/job_members.h"
#include "io/secret.h"

/* ---- Verbs and what they say ---- */

enum member {
    MEMBER_COMMAND,
    MEMBER_TAG,
    MEMBER_DISK,
    MEMBER_POINT,
    MEMBER_SIDE,
    MEMBER_URL,
    MEMBER_EXPIRES,
    MEMBER_PRIORITY,
    MEMBER_LIMITS /* any of them */
};
#define HAS(m) (1u << MEMBER_##m)

static const struct verb {
    const char *name;
    unsigned needs, may; /* bits of enum member, besides command and tag */
    bool target;         /* a disk or a restore point, one of the two */
} verbs[CONTROL_VERBS_COUNT] = {
    [CONTROL_RENEW_ACCESS] = {"renewAccess", HAS(DISK) | HAS(SIDE) | HAS(URL), HAS(EXPIRES), false},
    [CONTROL_PAUSE] = {"pause", 0, 0, true},
    [CONTROL_RESUME] = {"resume", 0, 0, true},
    [CONTROL_CANCEL] = {"cancel", 0, 0, true},
    [CONTROL_SET_LIMITS] = {"setLimits", HAS(LIMITS), 0, false},
    [CONTROL_SET_PRIORITY] = {"setPriority", HAS(PRIORITY), 0, true},
    [CONTROL_STATUS] = {"status", 0, 0, false},
};

static const char *const member_names[MEMBER_LIMITS] = {"command",      "tag",     "disk",
                                                        "restorePoint", "side",    "url",
                                                        "expiresOn",    "priority"};

const char *control_verb_name(enum control_verb verb)
{
    return verbs[verb].name;
}

/* ---- Members ---- */

static bool misuse(struct err *e, const char *sentence)
{
    return err_set(e, ERR_USAGE, RETRY_NEVER, "%s", sentence);
}

static bool take_text(const json_t *value, size_t max_bytes, char **out_text, struct err *e)
{
    const char *text;

    if (!job_members_text(value, max_bytes, &text, e))
        return false;
    *out_text = strdup(text);
    return *out_text || err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for it");
}

/* The answer says it again. */
static bool take_id(const json_t *value, char **out_text, struct err *e)
{
    return take_text(value, JOB_ID_MAX_BYTES, out_text, e) && job_members_clear(*out_text, e);
}

static bool read_tag(const json_t *value, struct control *control, struct err *e)
{
    const char *tag;

    if (!job_members_text(value, CONTROL_TAG_MAX_BYTES - 1, &tag, e) || !job_members_clear(tag, e))
        return false;
    memcpy(control->tag, tag, strlen(tag) + 1);
    return true;
}

static bool read_verb(const json_t *value, struct control *control, struct err *e)
{
    const char *name;

    if (!job_members_text(value, CONTROL_LINE_MAX_BYTES, &name, e))
        return false;
    for (unsigned i = 0; i < CONTROL_VERBS_COUNT; i++)
        if (strcmp(name, verbs[i].name) == 0) {
            control->verb = (enum control_verb)i;
            return true;
        }
    return misuse(e,
                  "is none of renewAccess, pause, resume, cancel, setLimits, setPriority, status");
}

static bool read_side(const json_t *value, struct control *control, struct err *e)
{
    const char *name = json_string_value(value);

    for (unsigned i = 0; name && i < ACCESS_SIDES; i++)
        if (strcmp(name, access_side_name((enum access_side)i)) == 0) {
            control->side = (enum access_side)i;
            return true;
        }
    return misuse(e, "must be \"source\", \"base\" or \"target\"");
}

static bool read_url(const json_t *value, struct control *control, struct err *e)
{
    return take_text(value, SECRET_URL_MAX_BYTES, &control->url, e) &&
           job_members_url(control->url, e);
}

static bool read_priority(const json_t *value, struct control *control, struct err *e)
{
    uint64_t priority;

    if (!job_members_count(value, 1, JOB_PRIORITY_MAX, &priority, e))
        return false;
    control->priority = (uint32_t)priority;
    return true;
}

static bool read_member(enum member member, const json_t *value, struct control *control,
                        struct err *e)
{
    switch (member) {
    case MEMBER_TAG:
        return read_tag(value, control, e);
    case MEMBER_DISK:
        return take_id(value, &control->disk, e);
    case MEMBER_POINT:
        return take_id(value, &control->point, e);
    case MEMBER_SIDE:
        return read_side(value, control, e);
    case MEMBER_URL:
        return read_url(value, control, e);
    case MEMBER_EXPIRES:
        return job_members_time(value, &control->expires_s, e);
    case MEMBER_PRIORITY:
        return read_priority(value, control, e);
    case MEMBER_COMMAND:
    case MEMBER_LIMITS:
        break;
    }
    return true;
}

/* Which member is meant by a name; false: none that is known. */
static bool find_member(const char *name, enum member *out_member, enum control_limit *out_limit)
{
    for (unsigned i = 0; i < MEMBER_LIMITS; i++)
        if (strcmp(name, member_names[i]) == 0) {
            *out_member = (enum member)i;
            return true;
        }
    for (unsigned i = 0; i < CONTROL_LIMITS_COUNT; i++)
        if (strcmp(name, job_members_limit_name((enum control_limit)i)) == 0) {
            *out_member = MEMBER_LIMITS;
            *out_limit = (enum control_limit)i;
            return true;
        }
    return false;
}

/* ---- The whole ---- */

/* Unlike a job's, a member nobody knows is refused: half of a command would be a surprise. */
static bool read_members(json_t *object, struct control *control, unsigned *out_given,
                         struct err *e)
{
    const struct verb *verb = &verbs[control->verb];
    unsigned may = HAS(COMMAND) | HAS(TAG) | verb->needs | verb->may |
                   (verb->target ? HAS(DISK) | HAS(POINT) : 0);
    const char *name;
    json_t *value;

    *out_given = 0;
    json_object_foreach(object, name, value)
    {
        enum member member = MEMBER_COMMAND;
        enum control_limit limit = CONTROL_LIMIT_BYTES;
        char shown[JOB_NAME_SHOWN_SIZE];
        bool ok;

        job_members_name(name, shown);
        if (!find_member(name, &member, &limit) || !(may & 1u << member))
            return err_set(e, ERR_USAGE, RETRY_NEVER, "%s has no member \"%s\"", verb->name, shown);
        if (member == MEMBER_LIMITS)
            ok = control->limit_given[limit] =
                job_members_limit(value, limit, &control->limit[limit], e);
        else
            ok = member == MEMBER_TAG || read_member(member, value, control, e);
        if (!ok) {
            err_prefix(e, "\"%s\": ", shown);
            return false;
        }
        *out_given |= 1u << member;
    }
    return true;
}

static bool check_complete(const struct verb *verb, unsigned given, struct err *e)
{
    unsigned missing = verb->needs & ~given;

    if (missing & HAS(LIMITS))
        return misuse(e, "setLimits names no limit");
    for (unsigned i = 0; i < MEMBER_LIMITS; i++)
        if (missing & 1u << i)
            return err_set(e, ERR_USAGE, RETRY_NEVER, "%s needs \"%s\"", verb->name,
                           member_names[i]);
    if (verb->target && !(given & HAS(DISK)) == !(given & HAS(POINT)))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%s needs a \"disk\" or a \"restorePoint\", one of the two", verb->name);
    return true;
}

bool control_parse(const char *line, size_t bytes, struct control *out_control, bool *out_known,
                   struct err *e)
{
    json_error_t error;
    json_t *object = NULL, *verb, *tag;
    unsigned given = 0;
    bool ok = false;

    memset(out_control, 0, sizeof *out_control);
    *out_known = false;
    if (bytes > CONTROL_LINE_MAX_BYTES)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "the line is longer than %u bytes",
                       CONTROL_LINE_MAX_BYTES);
    object = json_loadb(bytes ? line : "", bytes, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(object)) {
        ok = object ? misuse(e, "this is not a JSON object") : job_members_no_json(&error, e);
        goto out;
    }
    tag = json_object_get(object, "tag");
    if (tag && !read_member(MEMBER_TAG, tag, out_control, e)) {
        err_prefix(e, "\"tag\": ");
        goto out;
    }
    verb = json_object_get(object, "command");
    if (!verb || !read_verb(verb, out_control, e)) {
        if (err_is_set(e))
            err_prefix(e, "\"command\": ");
        else
            misuse(e, "there is no \"command\"");
        goto out;
    }
    *out_known = true;
    ok = read_members(object, out_control, &given, e) &&
         check_complete(&verbs[out_control->verb], given, e);
out:
    job_members_wipe(object);
    json_decref(object);
    return ok;
}

void control_fini(struct control *control)
{
    free(control->disk);
    free(control->point);
    secret_wipe_free(control->url);
    memset(control, 0, sizeof *control);
}
