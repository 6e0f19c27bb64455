/* point_end.c - see point_end.h. */
#include "tools/controld/point_end.h"

#include <strings.h>

#include "engine/event.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_points.h"

static bool end_creation(struct service *service, const char *point_id, const struct arm_error *why,
                         struct err *e)
{
    return service_end_operations(service, point_id, arm_verb_name(ARM_VERB_PUT), why, e);
}

static bool state_of(struct service *service, const char *point_id, bool *out_there,
                     enum catalog_state *out_state, struct err *e)
{
    struct catalog_point point = {0};
    bool ok = catalog_point_get(service->catalog, point_id, &point, e);

    *out_there = point.id != NULL;
    *out_state = point.state;
    catalog_point_fini(&point);
    return ok;
}

bool point_end_begun(struct service *service, const char *point_id, struct err *e)
{
    enum catalog_state state;
    bool there;

    if (!state_of(service, point_id, &there, &state, e))
        return false;
    return !there || state != CATALOG_CREATING ||
           (catalog_point_set_state(service->catalog, point_id, CATALOG_SUCCEEDED, NULL, NULL, e) &&
            end_creation(service, point_id, NULL, e));
}

/* Who waits for its creation is told; its state stays what the deletion made it. */
static bool left_alone(struct service *service, const char *point_id, struct err *e)
{
    struct arm_error why = {0};

    arm_error_refused(&why, NULL, "It was deleted before it was complete.");
    return end_creation(service, point_id, &why, e);
}

/* False in *out_ended: some disk has not. The reason stays empty when all are complete. */
static bool look_at_disks(struct service *service, const char *point_id, bool *out_ended,
                          struct arm_error *reason, struct err *e)
{
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    struct catalog_disk_point_list list = {0};
    bool ok = catalog_disk_point_list(service->catalog, point_id, &all, &list, e);

    *out_ended = true;
    for (size_t i = 0; ok && i < list.count; i++) {
        const struct catalog_disk_point *row = &list.rows[i];

        *out_ended = *out_ended && row->ended_ns;
        if (row->ended_ns && !row->snapshot && !arm_error_is_set(reason))
            arm_error_set(reason, 500,
                          strcasecmp(row->code, event_code_name(EVENT_CANCELED)) == 0
                              ? ARM_OPERATION_REFUSED
                              : ARM_POINT_SERVICE_ERROR,
                          NULL, "%.300s: %s", row->id, row->message ? row->message : row->code);
    }
    catalog_disk_point_list_fini(&list);
    return ok;
}

bool point_end_conclude(struct service *service, const char *point_id, struct err *e)
{
    struct arm_error reason = {0};
    enum catalog_state state;
    bool there, ended, failed;

    if (!state_of(service, point_id, &there, &state, e))
        return false;
    if (!there)
        return true;
    if (state == CATALOG_DELETING)
        return left_alone(service, point_id, e);
    if (!look_at_disks(service, point_id, &ended, &reason, e))
        return false;
    if (!ended)
        return true;
    failed = arm_error_is_set(&reason);
    return catalog_point_set_state(service->catalog, point_id,
                                   failed ? CATALOG_FAILED : CATALOG_SUCCEEDED,
                                   failed ? reason.code : NULL, failed ? reason.message : NULL,
                                   e) &&
           end_creation(service, point_id, failed ? &reason : NULL, e);
}

static bool fail_disk(struct service *service, const struct catalog_disk_point *disk,
                      const struct arm_error *why, struct err *e)
{
    struct catalog_disk_point row = *disk;

    if (row.ended_ns)
        return true;
    row.code = event_code_name(EVENT_FAILED);
    row.level = CATALOG_ERROR;
    row.message = why->message;
    row.ended_ns = service_now_ns(service);
    return catalog_disk_point_put(service->catalog, &row, e);
}

bool point_end_fail(struct service *service, const char *point_id, const struct arm_error *why,
                    struct err *e)
{
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    struct catalog_disk_point_list list = {0};
    bool ok = catalog_disk_point_list(service->catalog, point_id, &all, &list, e);

    for (size_t i = 0; ok && i < list.count; i++)
        ok = fail_disk(service, &list.rows[i], why, e);
    catalog_disk_point_list_fini(&list);
    return ok &&
           catalog_point_set_state(service->catalog, point_id, CATALOG_FAILED, why->code,
                                   why->message, e) &&
           end_creation(service, point_id, why, e);
}
