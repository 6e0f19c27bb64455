/* service.c - see service.h. */
#include "tools/controld/service.h"

#include <stdio.h>
#include <string.h>

#include "io/reactor.h"
#include "tools/controld/catalog_operations.h"
#include "tools/controld/catalog_points.h"
#include "tools/controld/front_page.h"
#include "tools/controld/operation.h"

int64_t service_now_ns(const struct service *service)
{
    return (int64_t)reactor_wall_ns(service->reactor);
}

/* ---- Refuse ---- */

bool service_refuse(struct front_ask *ask, const struct arm_error *why)
{
    front_refuse(ask->call, why);
    return false;
}

bool service_refuse_err(struct front_ask *ask, const struct err *cause)
{
    struct arm_error why = {0};

    arm_error_of(&why, cause);
    return service_refuse(ask, &why);
}

bool service_refuse_missing(struct front_ask *ask, const struct arm_id *id)
{
    struct arm_error why = {0};

    arm_id_not_found(id, &why);
    return service_refuse(ask, &why);
}

bool service_refuse_missing_parent(struct front_ask *ask, const struct arm_id *id)
{
    struct arm_error why = {0};

    arm_id_parent_not_found(id, &why);
    return service_refuse(ask, &why);
}

/* ---- Change ---- */

bool service_change(struct service *service, service_change_fn *change, void *arg,
                    struct arm_error *why)
{
    struct err e = {0};
    bool ok = catalog_begin(service->catalog, &e);

    if (ok && !change(service, arg, why, &e)) {
        catalog_rollback(service->catalog);
        ok = false;
    } else if (ok) {
        ok = catalog_commit(service->catalog, &e);
    }
    if (!ok && !arm_error_is_set(why))
        arm_error_of(why, &e);
    return ok;
}

bool service_end_operations(struct service *service, const char *resource_id, const char *kind,
                            const struct arm_error *why, struct err *e)
{
    struct catalog_page page = {.limit = CATALOG_PAGE_MAX};
    struct catalog_operation_list list = {0};
    char after[FRONT_GUID_BYTES];
    bool ok = true, more = true;

    while (ok && more) {
        ok = catalog_operation_list_of_resource(service->catalog, resource_id, &page, &list, e);
        for (size_t i = 0; ok && i < list.count; i++)
            if (!kind || strcmp(list.rows[i].kind, kind) == 0)
                ok = operation_end(service->operations, list.rows[i].guid, why, e);
        more = ok && list.more;
        if (more) {
            snprintf(after, sizeof after, "%s", list.rows[list.count - 1].guid);
            page.after = after;
        }
        catalog_operation_list_fini(&list);
    }
    return ok;
}

bool service_point_stays(struct service *service, const char *point_id, struct arm_error *why,
                         struct err *e)
{
    struct catalog_point point = {0};
    bool ok = catalog_point_get(service->catalog, point_id, &point, e);

    if (ok && point.state == CATALOG_DELETING)
        ok = arm_error_set(why, 409, ARM_CONFLICT, NULL, "The restore point is being deleted.");
    catalog_point_fini(&point);
    return ok;
}

/* ---- Lists ---- */

/* What ids in a list of a group or of a subscription begin with. */
static void service_under(const struct arm_route *route, char out_under[ARM_ID_MAX_BYTES])
{
    const struct arm_id *id = &route->id;

    if (route->verb == ARM_VERB_LIST_GROUP)
        snprintf(out_under, ARM_ID_MAX_BYTES, "/subscriptions/%s/resourceGroups/%s",
                 id->subscription, id->group);
    else
        snprintf(out_under, ARM_ID_MAX_BYTES, "/subscriptions/%s", id->subscription);
}

void service_list(struct service *service, struct front_ask *ask, service_list_fn *list)
{
    struct front_page page = {0};
    char under[ARM_ID_MAX_BYTES], last_id[ARM_ID_MAX_BYTES] = "";
    struct arm_error why = {0};
    struct err e = {0};
    json_t *value;

    if (!front_page_read(ask->call, &page, &why)) {
        service_refuse(ask, &why);
        return;
    }
    service_under(&ask->route, under);
    value = json_array();
    const struct catalog_page part = {.after = page.after[0] ? page.after : NULL,
                                      .limit = page.limit};

    if (list(service, under, &part, value, last_id, &e)) {
        front_answer(ask->call, 200, front_page_make(ask->call, value, last_id[0] ? last_id : NULL),
                     NULL, 0);
    } else {
        json_decref(value);
        service_refuse_err(ask, &e);
    }
}

/* ---- Texts of rows ---- */

json_t *service_json(const char *text)
{
    return text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
}

char *service_text(const json_t *value)
{
    return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}
