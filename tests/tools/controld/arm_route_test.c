/* arm_route_test.c - which URL means what, and what the service says to those that mean nothing. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tools/controld/arm_route.h"

#define SUB     "/subscriptions/s-1"
#define COMPUTE SUB "/resourceGroups/rg/providers/Microsoft.Compute"
#define RPC     COMPUTE "/restorePointCollections/c"
#define RP      RPC "/restorePoints/p"
#define DRP     RP "/diskRestorePoints/d"
#define GUID    "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
#define OPS     SUB "/providers/Microsoft.Compute/locations/region-a/operations/"
#define COMP_V  "2024-11-01"
#define DISK_V  "2025-01-02"

static struct arm_route routed(const char *method, const char *path, const char *version)
{
    struct arm_request request = {.method = method, .path = path, .api_version = version};
    struct arm_route route;
    struct arm_error e = {0};

    cr_assert(arm_route_parse(&request, &route, &e), "%s %s: %s", method, path, e.message);
    return route;
}

static void expect_refused(const char *method, const char *path, const char *version, int status,
                           const char *code)
{
    struct arm_request request = {.method = method, .path = path, .api_version = version};
    struct arm_route route;
    struct arm_error e = {0};

    cr_assert_not(arm_route_parse(&request, &route, &e), "%s %s", method, path);
    cr_expect_eq(e.status, status, "%s %s: %s", method, path, e.message);
    cr_expect_str_eq(e.code, code);
}

Test(arm_route, knows_every_operation_of_the_service)
{
    static const struct {
        const char *method, *path, *version;
        enum arm_verb verb;
        enum arm_type type;
    } rows[] = {
        {"PUT", RPC, COMP_V, ARM_VERB_PUT, ARM_COLLECTION},
        {"PATCH", RPC, COMP_V, ARM_VERB_PATCH, ARM_COLLECTION},
        {"GET", RPC, COMP_V, ARM_VERB_GET, ARM_COLLECTION},
        {"DELETE", RPC, COMP_V, ARM_VERB_DELETE, ARM_COLLECTION},
        {"GET", COMPUTE "/restorePointCollections", COMP_V, ARM_VERB_LIST_GROUP, ARM_COLLECTION},
        {"GET", SUB "/providers/Microsoft.Compute/restorePointCollections", COMP_V,
         ARM_VERB_LIST_SUBSCRIPTION, ARM_COLLECTION},
        {"PUT", RP, COMP_V, ARM_VERB_PUT, ARM_POINT},
        {"GET", RP, COMP_V, ARM_VERB_GET, ARM_POINT},
        {"DELETE", RP, COMP_V, ARM_VERB_DELETE, ARM_POINT},
        {"POST", RP "/verify", COMP_V, ARM_VERB_VERIFY, ARM_POINT},
        {"GET", DRP, DISK_V, ARM_VERB_GET, ARM_DISK_POINT},
        {"GET", RP "/diskRestorePoints", DISK_V, ARM_VERB_LIST_CHILDREN, ARM_DISK_POINT},
        {"POST", DRP "/beginGetAccess", DISK_V, ARM_VERB_BEGIN_ACCESS, ARM_DISK_POINT},
        {"POST", DRP "/endGetAccess", DISK_V, ARM_VERB_END_ACCESS, ARM_DISK_POINT},
        {"POST", DRP "/verify", DISK_V, ARM_VERB_VERIFY, ARM_DISK_POINT},
        {"PUT", COMPUTE "/disks/x", DISK_V, ARM_VERB_PUT, ARM_DISK},
        {"DELETE", COMPUTE "/disks/x", DISK_V, ARM_VERB_DELETE, ARM_DISK},
        {"POST", COMPUTE "/disks/x/beginGetAccess", DISK_V, ARM_VERB_BEGIN_ACCESS, ARM_DISK},
        {"GET", COMPUTE "/disks", DISK_V, ARM_VERB_LIST_GROUP, ARM_DISK},
        {"GET", SUB "/providers/microsoft.compute/DISKS", DISK_V, ARM_VERB_LIST_SUBSCRIPTION,
         ARM_DISK},
        {"PUT", COMPUTE "/virtualMachines/v", COMP_V, ARM_VERB_PUT, ARM_MACHINE},
        {"GET", COMPUTE "/virtualMachines/v", COMP_V, ARM_VERB_GET, ARM_MACHINE},
        {"DELETE", COMPUTE "/virtualMachines/v", COMP_V, ARM_VERB_DELETE, ARM_MACHINE},
        {"GET", COMPUTE "/virtualMachines", COMP_V, ARM_VERB_LIST_GROUP, ARM_MACHINE},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arm_route route = routed(rows[i].method, rows[i].path, rows[i].version);

        cr_expect(route.verb == rows[i].verb, "%s %s", rows[i].method, rows[i].path);
        cr_expect(route.type == rows[i].type, "%s %s", rows[i].method, rows[i].path);
        cr_expect_str_eq(route.api_version, rows[i].version);
        cr_expect_str_eq(route.id.subscription, "s-1");
        cr_expect(arm_verb_name(route.verb)[0] != 0);
    }
}

Test(arm_route, names_the_resource_or_its_parent)
{
    struct arm_route one = routed("GET", DRP, DISK_V),
                     list = routed("GET", RP "/diskRestorePoints", DISK_V);
    char text[ARM_ID_MAX_BYTES];

    arm_id_text(&one.id, text);
    cr_expect_str_eq(text, DRP);
    arm_id_text(&list.id, text);
    cr_expect_str_eq(text, RP);
    one = routed("GET", COMPUTE "/disks", DISK_V);
    cr_expect(one.id.type == ARM_NONE);
    cr_expect_str_eq(one.id.group, "rg");
}

Test(arm_route, tells_an_operation_s_two_urls_apart)
{
    struct arm_request request = {"GET", OPS GUID, COMP_V, NULL, NULL, "true"};
    struct arm_route route = routed("GET", OPS GUID, DISK_V);
    struct arm_error e = {0};

    cr_expect(route.verb == ARM_VERB_OPERATION);
    cr_expect_str_eq(route.location, "region-a");
    cr_expect_str_eq(route.operation, GUID);
    cr_assert(arm_route_parse(&request, &route, &e));
    cr_expect(route.verb == ARM_VERB_OPERATION_RESULT);
    route = routed("GET", OPS GUID "&monitor=true&api-version=" DISK_V, NULL);
    cr_expect(route.verb == ARM_VERB_OPERATION_RESULT, "an old sample has no question mark");
    expect_refused("GET", OPS "not-a-guid", COMP_V, 404, "OperationNotFound");
    expect_refused("DELETE", OPS GUID, COMP_V, 405, "HttpMethodNotAllowed");
    expect_refused("GET", OPS GUID "/more", COMP_V, 404, "ResourceNotFound");
}

Test(arm_route, reads_the_old_form_of_the_query)
{
    struct arm_route route = routed("PUT", RPC "&api-version=2021-03-01", NULL);

    cr_expect_str_eq(route.id.name[0], "c");
    cr_expect_str_eq(route.api_version, "2021-03-01");
    route = routed("GET", RP "&$expand=instanceView&api-version=2021-03-01", NULL);
    cr_expect(route.expand_instance_view);
    /* a query that is there wins */
    route = routed("PUT", RPC "&api-version=2021-03-01", COMP_V);
    cr_expect_str_eq(route.api_version, COMP_V);
}

Test(arm_route, expands_only_what_can_be_expanded)
{
    struct arm_request request = {"GET", RP, COMP_V, "INSTANCEVIEW", NULL, NULL};
    struct arm_route route;
    struct arm_error e = {0};

    cr_assert(arm_route_parse(&request, &route, &e));
    cr_expect(route.expand_instance_view && !route.expand_points);
    request.path = RPC;
    cr_assert_not(arm_route_parse(&request, &route, &e));
    cr_expect_str_eq(e.code, "InvalidParameter");
    cr_expect_str_eq(e.target, "$expand");
    request.expand = "restorePoints";
    arm_error_clear(&e);
    cr_assert(arm_route_parse(&request, &route, &e));
    cr_expect(route.expand_points && !route.expand_instance_view);
}

Test(arm_route, keeps_where_a_list_goes_on)
{
    char token[ARM_SKIP_TOKEN_MAX_BYTES + 1];
    struct arm_request request = {"GET", COMPUTE "/disks", DISK_V, NULL, "abc", NULL};
    struct arm_route route;
    struct arm_error e = {0};

    cr_assert(arm_route_parse(&request, &route, &e));
    cr_expect_str_eq(route.skip_token, "abc");
    memset(token, 't', sizeof token - 1);
    token[sizeof token - 1] = 0;
    request.skip_token = token;
    cr_assert_not(arm_route_parse(&request, &route, &e));
    cr_expect_str_eq(e.target, "$skiptoken");
}

Test(arm_route, answers_what_is_not_served_as_the_service_would)
{
    expect_refused("GET", COMPUTE "/snapshots/s", DISK_V, 404, "InvalidResourceType");
    expect_refused("GET", SUB "/resourceGroups/rg/providers/Microsoft.Storage/disks/d", DISK_V, 404,
                   "InvalidResourceNamespace");
    expect_refused("GET", SUB, COMP_V, 404, "ResourceNotFound");
    expect_refused("GET", SUB "/resourceGroups/rg", COMP_V, 404, "ResourceNotFound");
    expect_refused("GET", COMPUTE, COMP_V, 404, "ResourceNotFound");
    expect_refused("GET", "/subscriptions", COMP_V, 404, "ResourceNotFound");
    expect_refused("GET", SUB "/providers/Microsoft.Compute/disks/d", DISK_V, 404,
                   "ResourceNotFound");
    expect_refused("GET", DRP "/a/b", DISK_V, 404, "InvalidResourceType");
    expect_refused("GET", DRP "/a/b/c/d/e/f/g", DISK_V, 404, "ResourceNotFound");
    expect_refused("GET", RPC "/restorePoints", COMP_V, 405, "HttpMethodNotAllowed");
    expect_refused("POST", RPC, COMP_V, 405, "HttpMethodNotAllowed");
    expect_refused("PATCH", RP, COMP_V, 405, "HttpMethodNotAllowed");
    expect_refused("PUT", DRP, DISK_V, 405, "HttpMethodNotAllowed");
    expect_refused("DELETE", DRP, DISK_V, 405, "HttpMethodNotAllowed");
    expect_refused("GET", DRP "/beginGetAccess", DISK_V, 405, "HttpMethodNotAllowed");
    expect_refused("POST", RP "/beginGetAccess", COMP_V, 404, "InvalidResourceType");
    expect_refused("TRACE", RP, COMP_V, 405, "HttpMethodNotAllowed");
    expect_refused("GET", RP, NULL, 400, "MissingApiVersionParameter");
    expect_refused("GET", DRP, COMP_V, 400, "NoRegisteredProviderFound");
    expect_refused("GET", COMPUTE "/restorePointCollections/..", COMP_V, 400,
                   "InvalidResourceName");
    expect_refused("GET", COMPUTE "/restorePointCollections/a b", COMP_V, 400,
                   "InvalidResourceName");
    expect_refused("GET", "/subscriptions/a b/resourceGroups/g/providers/Microsoft.Compute/disks",
                   DISK_V, 400, "InvalidSubscriptionId");
    expect_refused("GET", "/subscriptions/s/resourceGroups/g./providers/Microsoft.Compute/disks",
                   DISK_V, 400, "InvalidResourceGroup");
}

Test(arm_route, bounds_names_and_paths)
{
    char path[ARM_PATH_MAX_BYTES + 10];
    int count = snprintf(path, sizeof path, "%s", COMPUTE "/disks/");

    memset(path + count, 'n', 1000);
    path[count + 1000] = 0;
    expect_refused("PUT", path, DISK_V, 400, "InvalidResourceName");
    memset(path + count, 'n', sizeof path - (size_t)count - 1);
    path[sizeof path - 1] = 0;
    expect_refused("PUT", path, DISK_V, 414, "RequestUriTooLong");
}

Test(arm_route, leaves_other_paths_to_the_page)
{
    cr_expect(routed("GET", "/", NULL).verb == ARM_VERB_PAGE);
    cr_expect(routed("GET", "/style.css", NULL).verb == ARM_VERB_PAGE);
    cr_expect(routed("HEAD", "/a/b", NULL).verb == ARM_VERB_PAGE);
    expect_refused("POST", "/", NULL, 405, "HttpMethodNotAllowed");
    expect_refused("GET", "*", NULL, 404, "ResourceNotFound");
}
