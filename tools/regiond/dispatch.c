/* dispatch.c - the table of verbs, and how a request finds its row. */
#include "tools/regiond/dispatch.h"

#include <string.h>

#include "tools/regiond/verbs.h"

#define ROOT      SCOPE_ACCOUNT
#define CONTAINER SCOPE_CONTAINER
#define BLOB      SCOPE_BLOB
#define DISKS     (VERB_ON_DISK | VERB_ON_UPLOAD_DISK)

/* A row with a header comes before the row without. Each is two lines: what it is called and how
 * it is known; what it needs, where it may be done, and who does it. */
/* clang-format off */
static const struct verb verbs[] = {
    {"List Containers", "GET", NULL, "list", NULL,
     {ROOT, "l"}, 0, verb_list_containers},
    {"Get Blob Service Properties", "GET", "service", "properties", NULL,
     {ROOT, "r"}, 0, verb_get_service_properties},
    {"Get Account Information", "GET", "account", "properties", NULL,
     {ROOT, "r"}, 0, verb_get_account_information},
    {"Get Account Information", "HEAD", "account", "properties", NULL,
     {ROOT, "r"}, 0, verb_get_account_information},
    {"Create Container", "PUT", "container", NULL, NULL,
     {CONTAINER, ""}, 0, verb_create_container},
    {"Delete Container", "DELETE", "container", NULL, NULL,
     {CONTAINER, ""}, 0, verb_delete_container},
    {"Get Container Properties", "GET", "container", NULL, NULL,
     {CONTAINER, ""}, 0, verb_get_container},
    {"Get Container Properties", "HEAD", "container", NULL, NULL,
     {CONTAINER, ""}, 0, verb_get_container},
    {"Get Container Metadata", "GET", "container", "metadata", NULL,
     {CONTAINER, ""}, 0, verb_get_container_metadata},
    {"Get Container Metadata", "HEAD", "container", "metadata", NULL,
     {CONTAINER, ""}, 0, verb_get_container_metadata},
    {"Set Container Metadata", "PUT", "container", "metadata", NULL,
     {CONTAINER, ""}, 0, verb_set_container_metadata},
    {"Get Container ACL", "GET", "container", "acl", NULL,
     {CONTAINER, ""}, 0, verb_get_container_acl},
    {"Get Container ACL", "HEAD", "container", "acl", NULL,
     {CONTAINER, ""}, 0, verb_get_container_acl},
    {"Set Container ACL", "PUT", "container", "acl", NULL,
     {CONTAINER, ""}, VERB_TAKES_BODY, verb_set_container_acl},
    {"List Blobs", "GET", "container", "list", NULL,
     {CONTAINER, "l"}, 0, verb_list_blobs},
    {"Put Blob", "PUT", NULL, NULL, NULL,
     {BLOB, "cw"}, VERB_TAKES_BODY, verb_put_blob},
    {"Get Blob", "GET", NULL, NULL, NULL,
     {BLOB, "r"}, DISKS | VERB_OF_SNAPSHOT, verb_get_blob},
    {"Get Blob Properties", "HEAD", NULL, NULL, NULL,
     {BLOB, "r"}, DISKS | VERB_OF_SNAPSHOT, verb_head_blob},
    {"Delete Blob", "DELETE", NULL, NULL, NULL,
     {BLOB, "d"}, VERB_OF_SNAPSHOT, verb_delete_blob},
    {"Snapshot Blob", "PUT", NULL, "snapshot", NULL,
     {BLOB, "cw"}, 0, verb_snapshot_blob},
    {"Put Page From URL", "PUT", NULL, "page", "x-ms-copy-source",
     {BLOB, "w"}, VERB_ON_UPLOAD_DISK | VERB_MAY_WAIT, verb_put_page_from_url},
    {"Put Page", "PUT", NULL, "page", NULL,
     {BLOB, "w"}, VERB_ON_UPLOAD_DISK | VERB_TAKES_BODY, verb_put_page},
    {"Get Page Ranges", "GET", NULL, "pagelist", NULL,
     {BLOB, "r"}, DISKS | VERB_OF_SNAPSHOT, verb_get_page_ranges},
    {"Set Blob Properties", "PUT", NULL, "properties", NULL,
     {BLOB, "w"}, 0, verb_set_blob_properties},
    {"Set Blob Metadata", "PUT", NULL, "metadata", NULL,
     {BLOB, "w"}, 0, verb_set_blob_metadata},
    {"Get Blob Metadata", "GET", NULL, "metadata", NULL,
     {BLOB, "r"}, VERB_OF_SNAPSHOT, verb_get_blob_metadata},
    {"Get Blob Metadata", "HEAD", NULL, "metadata", NULL,
     {BLOB, "r"}, VERB_OF_SNAPSHOT, verb_get_blob_metadata},
    {"Lease Blob", "PUT", NULL, "lease", NULL,
     {BLOB, "w"}, 0, verb_lease_blob},
};
/* clang-format on */

const struct verb *dispatch_verb(size_t index)
{
    return index < sizeof verbs / sizeof verbs[0] ? &verbs[index] : NULL;
}

static enum request_scope scope_of(const struct request *r)
{
    if (r->blob[0])
        return SCOPE_BLOB;
    return r->container[0] ? SCOPE_CONTAINER : SCOPE_ACCOUNT;
}

static bool same_or_absent(const char *wanted, const char *given)
{
    if (!wanted || !given)
        return !wanted && !given;
    return strcmp(wanted, given) == 0;
}

static bool names_target(const struct verb *verb, const struct request *r)
{
    return verb->need.scope == scope_of(r) &&
           same_or_absent(verb->restype, request_param(r, "restype")) &&
           same_or_absent(verb->comp, request_param(r, "comp"));
}

const struct verb *dispatch_find(const struct request *r, struct service_error *e)
{
    const char *comp = request_param(r, "comp");
    const char *restype = request_param(r, "restype");
    bool target_known = false;
    const struct verb *verb;

    for (size_t i = 0; (verb = dispatch_verb(i)); i++) {
        if (!names_target(verb, r))
            continue;
        target_known = true;
        if (strcmp(verb->method, r->method) != 0)
            continue;
        if (verb->header && !request_header(r, verb->header))
            continue;
        return verb;
    }
    if (target_known)
        service_fail(e, CODE_UNSUPPORTED_HTTP_VERB);
    else if (comp)
        service_fail_query(e, CODE_INVALID_QUERY_PARAMETER_VALUE, "comp", comp);
    else if (restype)
        service_fail_query(e, CODE_INVALID_QUERY_PARAMETER_VALUE, "restype", restype);
    else if (scope_of(r) == SCOPE_CONTAINER)
        service_fail(e, CODE_RESOURCE_NOT_FOUND);
    else
        service_fail(e, CODE_INVALID_URI);
    return NULL;
}

bool dispatch_host_allows(const struct verb *verb, const struct request *r, struct service_error *e)
{
    unsigned flag = r->is_upload_host ? VERB_ON_UPLOAD_DISK : VERB_ON_DISK;

    if (!r->is_disk_host || r->caller == CALLER_KEY || (verb->flags & flag))
        return true;
    return service_fail(e, CODE_AUTHORIZATION_PERMISSION_MISMATCH);
}
