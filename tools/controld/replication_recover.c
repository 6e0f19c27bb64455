/* replication_recover.c - what an earlier life of the program had on its way goes on; see replication.h.
 *
 * Knows:         which rows have not ended. Must not know: how they go on.
 * Threads:       the reactor's.
 */
#include <stdio.h>

#include "tools/controld/catalog_disks.h"
#include "tools/controld/catalog_points.h"
#include "tools/controld/replication_internal.h"

/* What cannot go on (its source's region is gone from the configuration) has failed, and says so. */
static bool fail_point(struct service *service, const char *point_id, const struct err *why,
                       struct err *e)
{
    bool ok = catalog_begin(service->catalog, e);

    if (ok && !catalog_point_set_state(service->catalog, point_id, CATALOG_FAILED,
                                       ARM_POINT_SERVICE_ERROR, why->text, e)) {
        catalog_rollback(service->catalog);
        return false;
    }
    return ok && catalog_commit(service->catalog, e);
}

static bool go_on_with_point(struct replication *replication, const struct catalog_disk_point *row,
                             struct err *e)
{
    struct err why = {0};

    if (!row->cut_path && !row->source_disk_point_id) /* not cut yet: who cuts begins anew */
        return true;
    if (replication_runs(replication, row->point_id) ||
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

static bool go_on_with_disk(struct replication *replication, const struct catalog_disk *row,
                            struct err *e)
{
    struct catalog *catalog = replication->service->catalog;
    struct err why = {0};
    bool ok;

    if (!row->source_id || replication_begin_disk(replication, row->id, &why))
        return true;
    replication_log(replication, row->id, &why);
    ok = catalog_begin(catalog, e);
    if (ok && !(catalog_disk_set_progress(catalog, row->id, event_code_name(EVENT_FAILED), 0,
                                          CATALOG_ERROR, why.text, e) &&
                catalog_disk_set_state(catalog, row->id, CATALOG_FAILED,
                                       service_now_ns(replication->service), e))) {
        catalog_rollback(catalog);
        return false;
    }
    return ok && catalog_commit(catalog, e);
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

bool replication_recover(struct replication *replication, struct err *e)
{
    return recover_points(replication, e) && recover_disks(replication, e);
}
