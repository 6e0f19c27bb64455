/* arm_route.c - see arm_route.h. */
#include "tools/controld/arm_route.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_MAX 100
#define SEGMENTS_MAX                                                                               \
    16u /* subscriptions/S/resourceGroups/G/providers/P + three pairs + one verb = 13 */
#define PROVIDER      "Microsoft.Compute"
#define GUID_TEMPLATE "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"

/* A path cut at its slashes, and the query as it is after the old form was understood. */
struct reading {
    char path[ARM_PATH_MAX_BYTES];
    char *piece[SEGMENTS_MAX];
    unsigned count;
    struct arm_request request;
    struct arm_route *out;
    struct arm_error *e;
};

const char *arm_verb_name(enum arm_verb verb)
{
    static const char *const names[] = {
        [ARM_VERB_GET] = "get",
        [ARM_VERB_PUT] = "put",
        [ARM_VERB_PATCH] = "patch",
        [ARM_VERB_DELETE] = "delete",
        [ARM_VERB_LIST_GROUP] = "listByResourceGroup",
        [ARM_VERB_LIST_SUBSCRIPTION] = "listBySubscription",
        [ARM_VERB_LIST_CHILDREN] = "listByParent",
        [ARM_VERB_BEGIN_ACCESS] = "beginGetAccess",
        [ARM_VERB_END_ACCESS] = "endGetAccess",
        [ARM_VERB_VERIFY] = "verify",
        [ARM_VERB_OPERATION] = "operation",
        [ARM_VERB_OPERATION_RESULT] = "operationResult",
        [ARM_VERB_PAGE] = "page",
    };

    return names[verb];
}

/* ---- Refusals ---- */

static bool no_such_type(struct reading *reading, const char *type)
{
    return arm_error_set(reading->e, 404, "InvalidResourceType", NULL,
                         "The resource type '%.*s' could not be found in the namespace '" PROVIDER
                         "' for api version '%.24s'.",
                         SHOWN_MAX, type,
                         reading->request.api_version ? reading->request.api_version : "");
}

static bool no_such_path(struct reading *reading)
{
    return arm_error_set(reading->e, 404, "ResourceNotFound", NULL,
                         "The request's path names no resource that is served here.");
}

static bool no_such_method(struct reading *reading)
{
    return arm_error_set(reading->e, 405, "HttpMethodNotAllowed", NULL,
                         "The HTTP method '%.16s' is not supported for this resource.",
                         reading->request.method);
}

/* ---- Cutting ---- */

/* The documents' old form: the query begins with '&' where it should begin with '?' (E.11), so it is part of
 * the last name, which could not hold the character. */
static void take_old_query(struct reading *reading)
{
    struct {
        const char *name;
        const char **place;
    } const known[] = {{"api-version=", &reading->request.api_version},
                       {"$expand=", &reading->request.expand},
                       {"%24expand=", &reading->request.expand},
                       {"$skiptoken=", &reading->request.skip_token},
                       {"monitor=", &reading->request.monitor}};
    char *at = strrchr(reading->path, '/');

    at = strchr(at ? at : reading->path, '&');
    while (at) {
        *at++ = 0;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            if (!*known[i].place && strncasecmp(at, known[i].name, strlen(known[i].name)) == 0)
                *known[i].place = at + strlen(known[i].name);
        at = strchr(at, '&');
    }
}

static bool cut(struct reading *reading)
{
    char *at = reading->path;

    if (*at != '/')
        return no_such_path(reading);
    do {
        *at++ = 0;
        if (reading->count == SEGMENTS_MAX)
            return no_such_path(reading);
        reading->piece[reading->count++] = at;
        at = strchr(at, '/');
    } while (at);
    if (reading->count > 1 && !*reading->piece[reading->count - 1])
        reading->count--; /* a slash at the end says nothing */
    return true;
}

static bool is(const struct reading *reading, unsigned i, const char *word)
{
    return i < reading->count && strcasecmp(reading->piece[i], word) == 0;
}

static bool has_method(const struct reading *reading, const char *method)
{
    return strcmp(reading->request.method, method) == 0;
}

/* ---- Parameters ---- */

static bool take_version(struct reading *reading, enum arm_type type)
{
    if (!arm_version_check(type, reading->request.api_version, reading->e))
        return false;
    snprintf(reading->out->api_version, sizeof reading->out->api_version, "%s",
             reading->request.api_version);
    return true;
}

static bool take_expand(struct reading *reading)
{
    const char *expand = reading->request.expand;
    struct arm_route *out = reading->out;

    if (!expand || !*expand || out->verb != ARM_VERB_GET)
        return true;
    if (out->type == ARM_POINT && strcasecmp(expand, "instanceView") == 0)
        return out->expand_instance_view = true;
    if (out->type == ARM_COLLECTION && strcasecmp(expand, "restorePoints") == 0)
        return out->expand_points = true;
    if (out->type == ARM_MACHINE) /* instanceView, userData: nothing that is kept here */
        return true;
    return arm_error_set(reading->e, 400, ARM_INVALID_PARAMETER, "$expand",
                         "The value '%.*s' of parameter $expand is invalid.", SHOWN_MAX, expand);
}

static bool take_skip_token(struct reading *reading)
{
    const char *token = reading->request.skip_token;

    if (!token)
        return true;
    if (strlen(token) >= sizeof reading->out->skip_token)
        return arm_error_set(reading->e, 400, ARM_INVALID_PARAMETER, "$skiptoken",
                             "The parameter $skiptoken is too long.");
    strcpy(reading->out->skip_token, token);
    return true;
}

/* ---- Resources ---- */

static enum arm_type type_of(const char *segment, enum arm_type parent)
{
    static const struct {
        enum arm_type type, parent;
    } served[] = {{ARM_COLLECTION, ARM_NONE},
                  {ARM_POINT, ARM_COLLECTION},
                  {ARM_DISK_POINT, ARM_POINT},
                  {ARM_DISK, ARM_NONE},
                  {ARM_MACHINE, ARM_NONE}};

    for (size_t i = 0; i < sizeof served / sizeof served[0]; i++)
        if (served[i].parent == parent &&
            strcasecmp(segment, arm_type_segment(served[i].type)) == 0)
            return served[i].type;
    return ARM_NONE;
}

static bool list_verb(struct reading *reading, enum arm_type type)
{
    struct arm_route *out = reading->out;

    out->type = type;
    if (!take_version(reading, type) || !take_skip_token(reading))
        return false;
    if (type == ARM_POINT) /* the service has no such list: $expand=restorePoints is it */
        return no_such_method(reading);
    if (!has_method(reading, "GET"))
        return no_such_method(reading);
    if (out->id.type != ARM_NONE)
        out->verb = ARM_VERB_LIST_CHILDREN;
    else
        out->verb = out->id.group[0] ? ARM_VERB_LIST_GROUP : ARM_VERB_LIST_SUBSCRIPTION;
    return true;
}

static bool resource_verb(struct reading *reading)
{
    static const struct {
        const char *method;
        enum arm_verb verb;
    } verbs[] = {{"GET", ARM_VERB_GET},
                 {"PUT", ARM_VERB_PUT},
                 {"PATCH", ARM_VERB_PATCH},
                 {"DELETE", ARM_VERB_DELETE}};
    struct arm_route *out = reading->out;

    out->type = out->id.type;
    if (!take_version(reading, out->type))
        return false;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (!has_method(reading, verbs[i].method))
            continue;
        out->verb = verbs[i].verb;
        if (out->type == ARM_DISK_POINT && out->verb != ARM_VERB_GET)
            break; /* they come and go with their point */
        if (out->type == ARM_POINT && out->verb == ARM_VERB_PATCH)
            break;
        return take_expand(reading);
    }
    return no_such_method(reading);
}

/* What may be posted to a resource. */
static bool action_verb(struct reading *reading, const char *action)
{
    static const struct {
        const char *word;
        enum arm_verb verb;
        unsigned types; /* bits */
    } actions[] = {{"beginGetAccess", ARM_VERB_BEGIN_ACCESS, 1u << ARM_DISK_POINT | 1u << ARM_DISK},
                   {"endGetAccess", ARM_VERB_END_ACCESS, 1u << ARM_DISK_POINT | 1u << ARM_DISK},
                   {"verify", ARM_VERB_VERIFY,
                    1u << ARM_POINT | 1u << ARM_DISK_POINT | 1u << ARM_DISK}};
    struct arm_route *out = reading->out;

    out->type = out->id.type;
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcasecmp(action, actions[i].word) != 0 || !(actions[i].types >> out->type & 1u))
            continue;
        out->verb = actions[i].verb;
        return take_version(reading, out->type) &&
               (has_method(reading, "POST") || no_such_method(reading));
    }
    return no_such_type(reading, action);
}

/* Type and name, type and name, ..., then nothing, a type to be listed, or an action. */
static bool read_names(struct reading *reading, unsigned at)
{
    struct arm_id *id = &reading->out->id;

    while (at < reading->count) {
        const char *segment = reading->piece[at];
        enum arm_type type = type_of(segment, id->type);

        if (type == ARM_NONE)
            return id->type != ARM_NONE && at + 1 == reading->count
                       ? action_verb(reading, segment)
                       : no_such_type(reading, segment);
        if (at + 1 == reading->count)
            return list_verb(reading, type);
        if (!id->group[0])
            return no_such_path(reading); /* a name needs its group */
        if (id->type == ARM_NONE ? !arm_id_make(type, id->subscription, id->group,
                                                reading->piece[at + 1], id, reading->e)
                                 : !arm_id_child(id, type, reading->piece[at + 1], id, reading->e))
            return false;
        at += 2;
    }
    return id->type != ARM_NONE ? resource_verb(reading) : no_such_path(reading);
}

/* ---- Operations ---- */

static bool guid_ok(const char *text)
{
    static const char pattern[] = GUID_TEMPLATE;

    for (size_t i = 0; i < sizeof pattern - 1; i++)
        if (pattern[i] == '-' ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    return text[sizeof pattern - 1] == 0;
}

static bool location_ok(const char *text)
{
    size_t count = strlen(text);

    return count > 0 && count < ARM_LOCATION_MAX_BYTES &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 -_") ==
               count;
}

/* .../locations/{location}/operations/{guid} */
static bool read_operation(struct reading *reading, unsigned at)
{
    struct arm_route *out = reading->out;
    const char *monitor = reading->request.monitor;

    if (at + 4 != reading->count || !is(reading, at + 2, "operations"))
        return no_such_path(reading);
    if (!location_ok(reading->piece[at + 1]))
        return arm_error_set(reading->e, 400, "InvalidLocation", "location",
                             "The location '%.*s' is invalid.", SHOWN_MAX, reading->piece[at + 1]);
    if (!guid_ok(reading->piece[at + 3]))
        return arm_error_set(reading->e, 404, "OperationNotFound", NULL,
                             "The operation '%.*s' was not found.", SHOWN_MAX,
                             reading->piece[at + 3]);
    if (!take_version(reading, ARM_NONE))
        return false;
    if (!has_method(reading, "GET"))
        return no_such_method(reading);
    strcpy(out->location, reading->piece[at + 1]);
    strcpy(out->operation, reading->piece[at + 3]);
    out->verb = monitor && strcasecmp(monitor, "true") == 0 ? ARM_VERB_OPERATION_RESULT
                                                            : ARM_VERB_OPERATION;
    return true;
}

/* ---- The whole path ---- */

static bool read_scope(struct reading *reading, unsigned *at)
{
    struct arm_id *id = &reading->out->id;

    if (reading->count < 2)
        return no_such_path(reading);
    if (!arm_scope_check(reading->piece[1], NULL, reading->e))
        return false;
    strcpy(id->subscription, reading->piece[1]);
    *at = 2;
    if (is(reading, *at, "resourceGroups") && *at + 1 < reading->count) {
        if (!arm_scope_check(reading->piece[1], reading->piece[*at + 1], reading->e))
            return false;
        strcpy(id->group, reading->piece[*at + 1]);
        *at += 2;
    }
    if (!is(reading, *at, "providers") || *at + 1 >= reading->count)
        return no_such_path(reading);
    if (!is(reading, *at + 1, PROVIDER))
        return arm_error_set(reading->e, 404, "InvalidResourceNamespace", NULL,
                             "The resource namespace '%.*s' is invalid.", SHOWN_MAX,
                             reading->piece[*at + 1]);
    *at += 2;
    return true;
}

static bool read_path(struct reading *reading)
{
    unsigned at = 0;

    if (!cut(reading))
        return false;
    if (!is(reading, 0, "subscriptions")) {
        reading->out->verb = ARM_VERB_PAGE;
        return has_method(reading, "GET") || has_method(reading, "HEAD") || no_such_method(reading);
    }
    if (!read_scope(reading, &at))
        return false;
    if (!reading->out->id.group[0] && is(reading, at, "locations"))
        return read_operation(reading, at);
    return read_names(reading, at);
}

bool arm_route_parse(const struct arm_request *request, struct arm_route *out, struct arm_error *e)
{
    struct reading reading = {.request = *request, .out = out, .e = e};
    size_t count = strnlen(request->path, sizeof reading.path);

    *out = (struct arm_route){0};
    if (count == sizeof reading.path)
        return arm_error_set(e, 414, "RequestUriTooLong", NULL,
                             "The path is longer than %u characters.", ARM_PATH_MAX_BYTES - 1);
    memcpy(reading.path, request->path, count + 1);
    take_old_query(&reading);
    if (read_path(&reading))
        return true;
    *out = (struct arm_route){0};
    return false;
}
