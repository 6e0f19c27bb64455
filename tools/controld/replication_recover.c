/* replication_recover.c - what an earlier life of the program had on its way goes on; see replication.h.
 *
 * Knows:         which rows have not ended. Must not know: how they go on.
 * Threads:       the reactor's.
 */
#include <stdio.h>

#include "tools/controld/catalog_disks.h"
#include "tools/controld/catalog_points.h"
#include "tools/controld/point_end.h"
#include "tools/controld/replication_internal.h"

/* What cannot go on (its source's region is gone from the configuration) has failed, and says so. */
static bool fail_point(struct service *service, const char *point_id, const struct err *why,
                       struct err *e)
{
    bool ok = catalog_begin(service->catalog, e);
    struct arm_error reason = {0};

    arm_error_set(&reason, 500, ARM_POINT_SERVICE_ERROR, NULL, "%s", why->text);
    if (ok && !point_end_fail(service, point_id, &reason, e)) {
        catalog_rollback(service->catalog);
        return false;
    }
    return ok && catalog_commit(service->catalog, e);
}

/* Who deletes it goes on with that; what has failed waits to be put again. */
static bool is_wanted(struct replication *replication, const char *point_id, bool *out_wanted,
                      struct err *e)
{
    struct catalog_point point = {0};
    bool ok = catalog_point_get(replication->service->catalog, point_id, &point, e);

    *out_wanted = point.state == CATALOG_CREATING || point.state == CATALOG_SUCCEEDED;
    catalog_point_fini(&point);
    return ok;
}

static bool go_on_with_point(struct replication *replication, const struct catalog_disk_point *row,
                             struct err *e)
{
    struct err why = {0};
    bool wanted;

    if (!row->cut_path && !row->source_disk_point_id) /* not cut yet: who cuts begins anew */
        return true;
    if (!is_wanted(replication, row->point_id, &wanted, e))
        return false;
    if (!wanted || replication_runs(replication, row->point_id) ||
        replication_begin(replication, row->point_id, &why))
        return true;
    replication_log(replication, row->point_id, &why);
    return fail_point(replication->service, row->point_id, &why, e);
}

static bool recover_points(struct replication *replication, struct err *e)
{
    struct catalog_page page = {.limit = CATALOG_PAGE_MAX};
    struct catalog_disk_point_list list = {0};
    char after[ARM_ID_MAX_BYTES];
    bool ok = true, more = true;

    while (ok && more) {
        ok = catalog_disk_point_list_unended(replication->service->catalog, &page, &list, e);
        for (size_t i = 0; ok && i < list.count; i++)
            ok = go_on_with_point(replication, &list.rows[i], e);
        more = ok && list.more;
        if (more) {
            snprintf(after, sizeof after, "%s", list.rows[list.count - 1].id);
            page.after = after;
        }
        catalog_disk_point_list_fini(&list);
    }
    return ok;
}

static bool fail_disk(struct replication *replication, const char *disk_id, const struct err *why,
                      struct err *e)
{
    struct catalog *catalog = replication->service->catalog;
    bool ok = catalog_begin(catalog, e);

    if (ok && !replication_fail_disk(replication->service, disk_id, why, e)) {
        catalog_rollback(catalog);
        return false;
    }
    return ok && catalog_commit(catalog, e);
}

static bool go_on_with_disk(struct replication *replication, const struct catalog_disk *row,
                            struct err *e)
{
    struct err why = {0};

    if (!row->source_id || replication_begin_disk(replication, row->id, &why))
        return true;
    replication_log(replication, row->id, &why);
    return fail_disk(replication, row->id, &why, e);
}

bool replication_fail_disk(struct service *service, const char *disk_id, const struct err *why,
                           struct err *e)
{
    struct catalog *catalog = service->catalog;
    struct arm_error reason = {0};

    arm_error_of(&reason, why);
    return catalog_disk_set_progress(catalog, disk_id, event_code_name(EVENT_FAILED), 0,
                                     CATALOG_ERROR, reason.message, e) &&
           catalog_disk_set_state(catalog, disk_id, CATALOG_FAILED, service_now_ns(service), e) &&
           service_end_operations(service, disk_id, arm_verb_name(ARM_VERB_PUT), &reason, e);
}

static bool recover_disks(struct replication *replication, struct err *e)
{
    struct catalog_page page = {.limit = CATALOG_PAGE_MAX};
    struct catalog_disk_list list = {0};
    char after[ARM_ID_MAX_BYTES];
    bool ok = true, more = true;

    while (ok && more) {
        ok = catalog_disk_list_in_state(replication->service->catalog, CATALOG_CREATING, &page,
                                        &list, e);
        for (size_t i = 0; ok && i < list.count; i++)
            ok = go_on_with_disk(replication, &list.rows[i], e);
        more = ok && list.more;
        if (more) {
            snprintf(after, sizeof after, "%s", list.rows[list.count - 1].id);
            page.after = after;
        }
        catalog_disk_list_fini(&list);
    }
    return ok;
}

void replication_go_on(struct replication *replication, const char *id, bool of_disk)
{
    struct err why = {0}, e = {0};

    if (of_disk ? replication_begin_disk(replication, id, &why)
                : replication_begin(replication, id, &why))
        return;
    replication_log(replication, id, &why);
    if (!(of_disk ? fail_disk(replication, id, &why, &e)
                  : fail_point(replication->service, id, &why, &e)))
        replication_log(replication, id, &e);
}

bool replication_recover(struct replication *replication, struct err *e)
{
    return recover_points(replication, e) && recover_disks(replication, e);
}
