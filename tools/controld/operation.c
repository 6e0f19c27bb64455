/* operation.c - see operation.h. */
#include "tools/controld/operation.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/controld/arm_render.h"
#include "tools/controld/catalog_operations.h"

#define SWEEP_MAX      1000u
#define DAY_NS         (86400 * NS_PER_S)
#define PATH_MAX_BYTES 512u
#define HEADERS_COUNT  3u
#define BEYOND         "x-snapferry"

struct operations {
    struct operation_setup setup;
};

/* ---- Life ---- */

struct operations *operations_new(const struct operation_setup *setup, struct err *e)
{
    struct operations *operations = calloc(1, sizeof *operations);

    assert(setup->catalog && setup->result);
    if (operations)
        operations->setup = *setup;
    else
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for operations");
    return operations;
}

void operations_free(struct operations *operations)
{
    free(operations);
}

/* ---- Begin, end ---- */

static int64_t now_ns(const struct operations *operations)
{
    return (int64_t)reactor_wall_ns(operations->setup.reactor);
}

/* Rows are borrowed by a put, and never written to there. */
static char *lent(const char *text)
{
    return (char *)(uintptr_t)text;
}

bool operation_begin(struct operations *operations, const struct operation_spec *spec,
                     char out_id[FRONT_GUID_BYTES], struct err *e)
{
    struct catalog_operation row = {.guid = out_id,
                                    .kind = lent(spec->kind),
                                    .subscription = lent(spec->subscription),
                                    .location = lent(spec->location),
                                    .resource_id = lent(spec->resource),
                                    .status = CATALOG_IN_PROGRESS,
                                    .remake = spec->has_output,
                                    .start_ns = now_ns(operations)};

    front_make_guid(out_id);
    return catalog_operation_put(operations->setup.catalog, &row, e);
}

static bool end_kept(struct operations *operations, const char *id, enum catalog_status status,
                     const char *error, const char *result, struct err *e)
{
    struct err found = {0};

    if (catalog_operation_end(operations->setup.catalog, id, status, error, result,
                              now_ns(operations), &found) ||
        found.kind == ERR_GONE)
        return true;
    *e = found;
    return false;
}

bool operation_end_with(struct operations *operations, const char *id, const struct arm_error *why,
                        json_t *beyond, struct err *e)
{
    json_t *told = why ? arm_error_value(why) : json_object();
    char *text = NULL;
    bool ok;

    if (told && (!beyond || json_object_set(told, BEYOND, beyond) == 0))
        text = json_dumps(told, JSON_COMPACT);
    json_decref(told);
    if (!text)
        return err_set_errno(e, ENOMEM, RETRY_LATER, "cannot end an operation");
    if (why)
        ok = end_kept(operations, id, CATALOG_OPERATION_FAILED, text, NULL, e);
    else
        ok = end_kept(operations, id, CATALOG_OPERATION_SUCCEEDED, NULL, beyond ? text : NULL, e);
    free(text);
    return ok;
}

bool operation_end(struct operations *operations, const char *id, const struct arm_error *why,
                   struct err *e)
{
    return operation_end_with(operations, id, why, NULL, e);
}

bool operation_sweep(struct operations *operations, struct err *e)
{
    int64_t before_ns = now_ns(operations) - (int64_t)(OPERATION_KEPT_DAYS * DAY_NS);
    uint64_t count;

    return catalog_operation_forget(operations->setup.catalog, before_ns, SWEEP_MAX, &count, e);
}

/* ---- URLs ---- */

struct operation_links {
    char status[FRONT_URL_MAX_BYTES], result[FRONT_URL_MAX_BYTES];
    struct http_header headers[HEADERS_COUNT];
};

static void make_links(const struct front_call *call, const char *subscription,
                       const char *location, const char *id, struct operation_links *out)
{
    const char *asked = front_query(call, "api-version");
    char path[PATH_MAX_BYTES];
    struct arm_error ignored = {0};
    const char *version =
        arm_version_check(ARM_NONE, asked, &ignored) ? asked : arm_version_current(ARM_COLLECTION);
    int bytes = snprintf(path, sizeof path,
                         "/subscriptions/%s/providers/Microsoft.Compute/locations/%s/operations/%s"
                         "?api-version=%s",
                         subscription, location, id, version);

    assert(bytes > 0 && (size_t)bytes + sizeof "&monitor=true" <= sizeof path);
    front_url(call, path, out->status);
    memcpy(path + bytes, "&monitor=true", sizeof "&monitor=true");
    front_url(call, path, out->result);
    out->headers[0] = (struct http_header){"Azure-AsyncOperation", out->status};
    out->headers[1] = (struct http_header){"Location", out->result};
    out->headers[2] = (struct http_header){"Retry-After", OPERATION_RETRY_AFTER_S};
}

void operation_answer(struct operations *operations, struct front_call *call, int status,
                      json_t *body, const struct operation_spec *spec, const char *id)
{
    struct operation_links links;

    (void)operations;
    assert(status == 201 || status == 202);
    make_links(call, spec->subscription, spec->location, id, &links);
    front_answer(call, status, body, links.headers, HEADERS_COUNT);
}

/* ---- Who asks for one ---- */

/* False: the call was answered. */
static bool find(struct operations *operations, struct front_ask *ask,
                 struct catalog_operation *out_row)
{
    const struct arm_route *route = &ask->route;
    struct arm_error why = {0};
    struct err e = {0};

    if (!catalog_operation_get(operations->setup.catalog, route->operation, out_row, &e))
        arm_error_of(&why, &e);
    else if (!out_row->guid || strcasecmp(out_row->subscription, route->id.subscription) != 0 ||
             strcasecmp(out_row->location, route->location) != 0)
        arm_error_set(&why, 404, "NotFound", NULL, "The operation '%s' was not found.",
                      route->operation);
    else
        return true;
    catalog_operation_fini(out_row);
    front_refuse(ask->call, &why);
    return false;
}

static json_t *result_of(struct operations *operations, const struct catalog_operation *row)
{
    if (row->result)
        return json_loads(row->result, 0, NULL);
    return operations->setup.result(operations->setup.arg, row);
}

static bool tell_percent(struct operations *operations, const struct catalog_operation *row,
                         json_t *body)
{
    double percent;

    return !operations->setup.percent ||
           !operations->setup.percent(operations->setup.arg, row, &percent) ||
           json_object_set_new(body, "percentComplete", json_real(percent)) == 0;
}

static void tell_status(void *arg, struct front_ask *ask)
{
    struct operations *operations = arg;
    struct catalog_operation row = {0};
    struct operation_links links;
    struct arm_error why = {0};
    bool running;
    json_t *body;

    if (!find(operations, ask, &row))
        return;
    running = row.status == CATALOG_IN_PROGRESS;
    make_links(ask->call, row.subscription, row.location, row.guid, &links);
    body = arm_render_operation(&row, row.remake && row.status == CATALOG_OPERATION_SUCCEEDED
                                          ? result_of(operations, &row)
                                          : NULL);
    if (body && (!running || tell_percent(operations, &row, body))) {
        front_answer(ask->call, 200, body, links.headers, running ? HEADERS_COUNT : 0);
    } else {
        json_decref(body);
        arm_error_memory(&why);
        front_refuse(ask->call, &why);
    }
    catalog_operation_fini(&row);
}

/* As the operation itself would have been refused. */
static json_t *error_body(const struct catalog_operation *row)
{
    json_t *error = row->error ? json_loads(row->error, 0, NULL) : NULL;

    if (!error)
        error = json_pack("{s:s, s:s}", "code", "OperationCanceled", "message",
                          "The operation was canceled.");
    return json_pack("{s:o}", "error", error);
}

static void tell_result(void *arg, struct front_ask *ask)
{
    struct operations *operations = arg;
    struct catalog_operation row = {0};
    struct operation_links links;
    json_t *result = NULL;

    if (!find(operations, ask, &row))
        return;
    switch (row.status) {
    case CATALOG_IN_PROGRESS:
        make_links(ask->call, row.subscription, row.location, row.guid, &links);
        front_answer(ask->call, 202, NULL, links.headers, HEADERS_COUNT);
        break;
    case CATALOG_OPERATION_SUCCEEDED:
        result = result_of(operations, &row);
        front_answer(ask->call, result ? 200 : 204, result, NULL, 0);
        break;
    default:
        front_answer(ask->call, 409, error_body(&row), NULL, 0);
        break;
    }
    catalog_operation_fini(&row);
}

void operations_serve(struct operations *operations, struct front_table *table)
{
    static const struct front_handler handlers[] = {
        {ARM_NONE, ARM_VERB_OPERATION, tell_status},
        {ARM_NONE, ARM_VERB_OPERATION_RESULT, tell_result},
    };

    front_table_add(table, handlers, sizeof handlers / sizeof handlers[0], operations);
}
