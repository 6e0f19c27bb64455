/* arm_route.h - what a request asks for: verb, resource, and the parameters that matter; or the ARM error.
 *
 * Knows:         every URL of protocol E.2, the old `{name}&api-version=` form (E.11), methods of each URL.
 * Must not know: which resources exist, who asks, what is in a body.
 * Threads:       pure; the route is a value.
 */
#ifndef CONTROLD_ARM_ROUTE_H
#define CONTROLD_ARM_ROUTE_H

#include <stdbool.h>

#include "tools/controld/arm_id.h"
#include "tools/controld/arm_version.h"

#define ARM_PATH_MAX_BYTES       4096u
#define ARM_LOCATION_MAX_BYTES   65u
#define ARM_OPERATION_MAX_BYTES  37u /* a guid */
#define ARM_SKIP_TOKEN_MAX_BYTES 1024u

enum arm_verb {
    ARM_VERB_GET,
    ARM_VERB_PUT,
    ARM_VERB_PATCH,
    ARM_VERB_DELETE,
    ARM_VERB_LIST_GROUP,        /* id: subscription, group; type */
    ARM_VERB_LIST_SUBSCRIPTION, /* id: subscription; type */
    ARM_VERB_LIST_CHILDREN,     /* id: the parent; type: of the children */
    ARM_VERB_BEGIN_ACCESS,
    ARM_VERB_END_ACCESS,
    ARM_VERB_VERIFY,    /* beyond the service: reads a copy back */
    ARM_VERB_OPERATION, /* id: subscription; location, operation: the URL of Azure-AsyncOperation */
    ARM_VERB_OPERATION_RESULT, /* the same with monitor=true: the URL of Location */
    ARM_VERB_PAGE              /* GET or HEAD of a path that is not the API's */
};

struct arm_request {
    const char *method; /* as on the wire */
    const char *path;   /* decoded, without the query */
    /* Decoded parameters of the query; NULL = absent. */
    const char *api_version;
    const char *expand;     /* $expand */
    const char *skip_token; /* $skiptoken */
    const char *monitor;
};

struct arm_route {
    enum arm_verb verb;
    enum arm_type type; /* ARM_NONE for operations and pages */
    struct arm_id
        id; /* id.type is ARM_NONE where it names no resource (lists of a group, operations) */
    char location[ARM_LOCATION_MAX_BYTES];
    char operation[ARM_OPERATION_MAX_BYTES];
    char api_version[ARM_VERSION_MAX_BYTES];
    char skip_token[ARM_SKIP_TOKEN_MAX_BYTES]; /* empty = from the beginning */
    bool expand_instance_view;
    bool expand_points;
};

/* 404 InvalidResourceType, InvalidResourceNamespace, ResourceNotFound for URLs that are not served; 405
 * HttpMethodNotAllowed; 400 for names, versions, parameters; 414 for a path over ARM_PATH_MAX_BYTES. */
bool arm_route_parse(const struct arm_request *request, struct arm_route *out, struct arm_error *e);

const char *
arm_verb_name(enum arm_verb verb); /* for logs and operations' kinds: "get", "beginGetAccess" */

#endif
