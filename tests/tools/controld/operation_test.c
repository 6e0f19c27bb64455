/* operation_test.c - long-running operations over real sockets, as clients poll them. */
#include "tools/controld/operation.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/front_bench.h"
#include "tools/controld/catalog.h"
#include "tools/controld/catalog_operations.h"

#define BEARER FRONT_BENCH_BEARER
#define POINT                                                                                      \
    "/subscriptions/Sub/resourceGroups/g/providers/Microsoft.Compute/"                             \
    "restorePointCollections/c/restorePoints/p"
#define HOST "http://" FRONT_BENCH_HOST

struct bench {
    struct front_bench f;
    struct catalog *catalog;
    struct front_table *table;
    struct operations *operations;
    char folder[TEST_PATH_MAX_BYTES];
    bool no_result;
    json_t *beyond;                /* borrowed: what an end has to tell */
    char url[FRONT_URL_MAX_BYTES]; /* of Azure-AsyncOperation, as a path */
};

static const struct operation_spec create = {
    .kind = "createPoint", .subscription = "Sub", .location = "eastus", .resource = POINT};
static const struct operation_spec access = {.kind = "beginGetAccess",
                                             .subscription = "Sub",
                                             .location = "eastus",
                                             .resource = POINT,
                                             .has_output = true};

static json_t *result(void *arg, const struct catalog_operation *row)
{
    struct bench *b = arg;

    cr_assert_str_eq(row->resource_id, POINT);
    return b->no_result ? NULL : json_pack("{s:s}", "made", row->kind);
}

static bool percent(void *arg, const struct catalog_operation *row, double *out_percent)
{
    (void)arg;
    *out_percent = 12.5;
    return strcmp(row->kind, access.kind) == 0;
}

static char begun[FRONT_GUID_BYTES];

/* PUT of a point begins an operation and answers 201; POST begins one with an output: 202. */
static void answer_put(void *arg, struct front_ask *ask)
{
    struct bench *b = arg;
    bool post = ask->route.verb == ARM_VERB_VERIFY;
    const struct operation_spec *spec = post ? &access : &create;
    struct err e = {0};

    cr_assert(catalog_begin(b->catalog, &e), "%s", e.text);
    cr_assert(operation_begin(b->operations, spec, begun, &e), "%s", e.text);
    cr_assert(catalog_commit(b->catalog, &e), "%s", e.text);
    operation_answer(b->operations, ask->call, post ? 202 : 201, post ? NULL : json_pack("{}"),
                     spec, begun);
}

static void open_all(struct bench *b)
{
    static const struct front_handler handlers[] = {{ARM_POINT, ARM_VERB_PUT, answer_put},
                                                    {ARM_POINT, ARM_VERB_VERIFY, answer_put}};
    struct front_setup setup = {.ask = front_table_ask};
    struct operation_setup how = {.result = result, .percent = percent, .arg = b};
    struct err e = {0};

    b->table = front_table_new(&e);
    cr_assert(b->table, "%s", e.text);
    setup.arg = b->table;
    front_bench_begin(&b->f, &setup);
    b->catalog = catalog_open(b->folder, &e);
    cr_assert(b->catalog, "%s", e.text);
    how.reactor = b->f.rig.r;
    how.catalog = b->catalog;
    b->operations = operations_new(&how, &e);
    cr_assert(b->operations, "%s", e.text);
    operations_serve(b->operations, b->table);
    front_table_add(b->table, handlers, 2, b);
}

static void close_all(struct bench *b)
{
    front_bench_end(&b->f);
    operations_free(b->operations);
    catalog_close(b->catalog);
    front_table_free(b->table);
}

static void begin(struct bench *b)
{
    memset(b, 0, sizeof *b);
    test_temp_path(b->folder, "operations");
    open_all(b);
}

static void finish(struct bench *b, const struct arm_error *why)
{
    struct err e = {0};

    cr_assert(catalog_begin(b->catalog, &e), "%s", e.text);
    cr_assert(operation_end_with(b->operations, begun, why, b->beyond, &e), "%s", e.text);
    cr_assert(catalog_commit(b->catalog, &e), "%s", e.text);
}

/* The value of a header of what came, as a path on this server. */
static const char *path_of(const char *came, const char *name, char out[FRONT_URL_MAX_BYTES])
{
    char line[100];
    const char *at, *end;

    snprintf(line, sizeof line, "\r\n%s: " HOST, name);
    at = strstr(came, line);
    cr_assert(at, "%s: %s", name, came);
    at += strlen(line);
    end = strstr(at, "\r\n");
    snprintf(out, FRONT_URL_MAX_BYTES, "%.*s", (int)(end - at), at);
    return out;
}

static const char *get(const char *path)
{
    static char head[FRONT_URL_MAX_BYTES + 200];

    snprintf(head, sizeof head, "GET %s HTTP/1.1\r\n" BEARER, path);
    return head;
}

static json_t *status_of(struct bench *b, const char *wanted)
{
    json_t *body = front_bench_json(&b->f, get(b->url), NULL, 200);

    cr_assert_str_eq(json_string_value(json_object_get(body, "status")), wanted);
    cr_assert_str_eq(json_string_value(json_object_get(body, "name")), begun);
    cr_assert(json_object_get(body, "startTime"));
    return body;
}

/* Begins one by PUT or by POST .../verify; out_location: the path of its Location. */
static void start(struct bench *b, bool post, char out_location[FRONT_URL_MAX_BYTES])
{
    const char *came =
        front_bench_exchange(&b->f,
                             post ? "POST " POINT
                                    "/verify?api-version=2024-03-01 HTTP/1.1\r\n" BEARER
                                  : "PUT " POINT "?api-version=2024-03-01 HTTP/1.1\r\n" BEARER,
                             "{}");

    cr_assert_eq(strncmp(came, post ? "HTTP/1.1 202" : "HTTP/1.1 201", 12), 0, "%s", came);
    cr_assert(strstr(came, "\r\nRetry-After: " OPERATION_RETRY_AFTER_S "\r\n"), "%s", came);
    path_of(came, "Azure-AsyncOperation", b->url);
    cr_assert(strstr(b->url, "/subscriptions/Sub/providers/Microsoft.Compute/locations/eastus/"
                             "operations/"),
              "%s", b->url);
    path_of(came, "Location", out_location);
    cr_assert(strstr(out_location, "&monitor=true"), "%s", out_location);
}

Test(operation, both_urls_tell_that_it_runs_and_then_how_it_ended)
{
    char location[FRONT_URL_MAX_BYTES], again[FRONT_URL_MAX_BYTES];
    struct bench b;
    const char *came;
    json_t *body;

    begin(&b);
    start(&b, false, location);
    json_decref(status_of(&b, "InProgress"));
    came = front_bench_exchange(&b.f, get(location), NULL);
    cr_assert_eq(strncmp(came, "HTTP/1.1 202", 12), 0, "%s", came);
    cr_assert_str_eq(path_of(came, "Location", again), location);
    finish(&b, NULL);
    body = status_of(&b, "Succeeded");
    cr_assert(json_object_get(body, "endTime"));
    cr_assert_null(json_object_get(body, "error"));
    cr_assert_null(json_object_get(body, "properties")); /* of a PUT the resource is asked */
    json_decref(body);
    body = front_bench_json(&b.f, get(location), NULL, 200);
    cr_assert_str_eq(json_string_value(json_object_get(body, "made")), "createPoint");
    json_decref(body);
    b.no_result = true;
    came = front_bench_exchange(&b.f, get(location), NULL);
    cr_assert_eq(strncmp(came, "HTTP/1.1 204", 12), 0, "%s", came);
    close_all(&b);
}

static void expect_beyond(const json_t *holder)
{
    const json_t *beyond = json_object_get(holder, "x-snapferry");

    cr_assert_eq(json_integer_value(json_object_get(beyond, "comparedBytes")), 42);
}

Test(operation, what_an_end_has_to_tell_is_told_by_both_urls)
{
    char location[FRONT_URL_MAX_BYTES];
    struct bench b;
    json_t *body;

    begin(&b);
    b.beyond = json_pack("{s:i}", "comparedBytes", 42);
    start(&b, true, location);
    body = status_of(&b, "InProgress");
    cr_assert_eq(json_real_value(json_object_get(body, "percentComplete")), 12.5);
    json_decref(body);
    finish(&b, NULL);
    body = status_of(&b, "Succeeded");
    cr_assert_null(json_object_get(body, "percentComplete"));
    expect_beyond(json_object_get(json_object_get(body, "properties"), "output"));
    json_decref(body);
    body = front_bench_json(&b.f, get(location), NULL, 200);
    expect_beyond(body);
    json_decref(body);
    json_decref(b.beyond);
    close_all(&b);
}

Test(operation, what_a_failure_has_to_tell_is_told_with_its_reason)
{
    struct arm_error why = {0};
    char location[FRONT_URL_MAX_BYTES];
    struct bench b;
    json_t *body;

    begin(&b);
    b.beyond = json_pack("{s:i}", "comparedBytes", 42);
    arm_error_set(&why, 409, "Differs", NULL, "It differs.");
    start(&b, true, location);
    finish(&b, &why);
    body = status_of(&b, "Failed");
    cr_assert_null(json_object_get(body, "properties"));
    expect_beyond(json_object_get(body, "error"));
    json_decref(body);
    body = front_bench_json(&b.f, get(location), NULL, 409);
    expect_beyond(json_object_get(body, "error"));
    cr_assert_str_eq(json_string_value(json_object_get(json_object_get(body, "error"), "message")),
                     "It differs.");
    json_decref(body);
    json_decref(b.beyond);
    close_all(&b);
}

Test(operation, an_output_is_made_anew_for_both_urls)
{
    char location[FRONT_URL_MAX_BYTES];
    struct bench b;
    json_t *body, *output;

    begin(&b);
    start(&b, true, location);
    finish(&b, NULL);
    body = status_of(&b, "Succeeded");
    output = json_object_get(json_object_get(body, "properties"), "output");
    cr_assert_str_eq(json_string_value(json_object_get(output, "made")), "beginGetAccess");
    json_decref(body);
    body = front_bench_json(&b.f, get(location), NULL, 200);
    cr_assert_str_eq(json_string_value(json_object_get(body, "made")), "beginGetAccess");
    json_decref(body);
    close_all(&b);
}

Test(operation, a_failed_one_tells_why_and_stays_as_it_ended_after_a_restart)
{
    char location[FRONT_URL_MAX_BYTES];
    struct arm_error why = {0};
    struct bench b;
    json_t *body, *error;

    begin(&b);
    start(&b, false, location);
    arm_error_set(&why, 409, ARM_POINT_CLIENT_ERROR, NULL, "The disk is gone.");
    finish(&b, &why);
    finish(&b, NULL); /* too late: it has ended */
    close_all(&b);
    open_all(&b);
    body = status_of(&b, "Failed");
    error = json_object_get(body, "error");
    cr_assert_str_eq(json_string_value(json_object_get(error, "code")), ARM_POINT_CLIENT_ERROR);
    cr_assert_str_eq(json_string_value(json_object_get(error, "message")), "The disk is gone.");
    json_decref(body);
    front_bench_error(front_bench_exchange(&b.f, get(location), NULL), 409, ARM_POINT_CLIENT_ERROR);
    close_all(&b);
}

Test(operation, one_that_ran_still_runs_after_a_restart_and_ends_once)
{
    char location[FRONT_URL_MAX_BYTES];
    struct bench b;

    begin(&b);
    start(&b, false, location);
    close_all(&b);
    open_all(&b);
    json_decref(status_of(&b, "InProgress"));
    finish(&b, NULL);
    json_decref(status_of(&b, "Succeeded"));
    close_all(&b);
}

Test(operation, another_id_subscription_or_location_finds_nothing)
{
    static const char *const others[][3] = {{"Other", "eastus", begun},
                                            {"Sub", "westus", begun},
                                            {"Sub", "eastus",
                                             "00000000-0000-4000-8000-000000000000"}};
    char location[FRONT_URL_MAX_BYTES], path[300];
    struct bench b;

    begin(&b);
    start(&b, false, location);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        snprintf(path, sizeof path,
                 "/subscriptions/%s/providers/Microsoft.Compute/locations/%s/operations/%s"
                 "?api-version=2024-03-01",
                 others[i][0], others[i][1], others[i][2]);
        front_bench_error(front_bench_exchange(&b.f, get(path), NULL), 404, "NotFound");
    }
    close_all(&b);
}

Test(operation, what_ended_long_ago_is_swept_and_what_runs_is_not)
{
    char location[FRONT_URL_MAX_BYTES];
    struct catalog_operation old = {.guid =
                                        (char *)(uintptr_t) "11111111-2222-4333-8444-555555555555",
                                    .kind = (char *)(uintptr_t) "x",
                                    .subscription = (char *)(uintptr_t) "Sub",
                                    .location = (char *)(uintptr_t) "eastus",
                                    .resource_id = (char *)(uintptr_t)POINT,
                                    .status = CATALOG_OPERATION_SUCCEEDED,
                                    .start_ns = 1,
                                    .end_ns = 2};
    struct catalog_operation found = {0};
    struct err e = {0};
    struct bench b;

    begin(&b);
    start(&b, false, location);
    cr_assert(catalog_begin(b.catalog, &e), "%s", e.text);
    cr_assert(catalog_operation_put(b.catalog, &old, &e), "%s", e.text);
    cr_assert(operation_sweep(b.operations, &e), "%s", e.text);
    cr_assert(catalog_commit(b.catalog, &e), "%s", e.text);
    cr_assert(catalog_operation_get(b.catalog, old.guid, &found, &e), "%s", e.text);
    cr_assert_null(found.guid);
    json_decref(status_of(&b, "InProgress"));
    close_all(&b);
}
