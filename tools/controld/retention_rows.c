/* retention_rows.c - see retention_rows.h. */
#include "tools/controld/retention_rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/controld/arm_id.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_families.h"
#include "tools/controld/catalog_points.h"

/* ---- The points ---- */

static bool add_points(struct retention_rows *rows, const struct catalog_point_list *list,
                       struct err *e)
{
    struct keep_point *grown =
        realloc(rows->points, (rows->count + list->count + 1) * sizeof *grown);

    if (!grown)
        return err_set_errno(e, ENOMEM, RETRY_LATER, "cannot look at restore points");
    rows->points = grown;
    for (size_t i = 0; i < list->count; i++) {
        const struct catalog_point *row = &list->rows[i];
        char *id;

        if (row->state == CATALOG_DELETING)
            continue;
        if (!(id = strdup(row->id)))
            return err_set_errno(e, ENOMEM, RETRY_LATER, "cannot look at restore points");
        grown[rows->count++] = (struct keep_point){
            .id = id,
            .created_ns = row->created_ns,
            .origin = row->origin,
            .worth = row->state == CATALOG_SUCCEEDED ? KEEP_WHOLE
                     : row->state == CATALOG_FAILED  ? KEEP_FAILED
                                                     : KEEP_UNDER_WAY,
        };
    }
    return true;
}

static bool read_points(struct catalog *catalog, const char *collection_id,
                        struct retention_rows *rows, struct err *e)
{
    struct catalog_page page = {.limit = CATALOG_PAGE_MAX};
    struct catalog_point_list list = {0};
    char after[ARM_ID_MAX_BYTES];
    bool ok = true, more = true;

    while (ok && more) {
        ok = catalog_point_list_of_origin(catalog, collection_id, CATALOG_ORIGIN_SCHEDULE, &page,
                                          &list, e) &&
             add_points(rows, &list, e);
        more = ok && list.more;
        if (more) {
            snprintf(after, sizeof after, "%s", list.rows[list.count - 1].id);
            page.after = after;
        }
        catalog_point_list_fini(&list);
    }
    return ok;
}

/* A point has Succeeded when its copy has begun: it is whole when nothing of it is on its way. */
static void mark_under_way(struct retention_rows *rows, const struct catalog_disk_point_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        for (size_t j = 0; j < rows->count; j++)
            if (rows->points[j].worth == KEEP_WHOLE &&
                strcasecmp(rows->points[j].id, list->rows[i].point_id) == 0)
                rows->points[j].worth = KEEP_UNDER_WAY;
}

static bool read_unended(struct catalog *catalog, struct retention_rows *rows, struct err *e)
{
    struct catalog_page page = {.limit = CATALOG_PAGE_MAX};
    struct catalog_disk_point_list list = {0};
    char after[ARM_ID_MAX_BYTES];
    bool ok = true, more = true;

    while (ok && more) {
        ok = catalog_disk_point_list_unended(catalog, &page, &list, e);
        if (ok)
            mark_under_way(rows, &list);
        more = ok && list.more;
        if (more) {
            snprintf(after, sizeof after, "%s", list.rows[list.count - 1].id);
            page.after = after;
        }
        catalog_disk_point_list_fini(&list);
    }
    return ok;
}

bool retention_rows_read(struct catalog *catalog, const char *collection_id,
                         struct retention_rows *out_rows, struct err *e)
{
    const struct config_keep everything = {0};

    if (!read_points(catalog, collection_id, out_rows, e) || !read_unended(catalog, out_rows, e)) {
        retention_rows_fini(out_rows);
        return false;
    }
    keep_rule_judge(&everything, out_rows->points, out_rows->count); /* in their order */
    return true;
}

void retention_rows_fini(struct retention_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free((char *)rows->points[i].id);
    free(rows->points);
    *rows = (struct retention_rows){0};
}

/* ---- Chains ---- */

bool retention_is_needed(struct catalog *catalog, const char *point_id, bool *out_needed,
                         struct err *e)
{
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    struct catalog_disk_point_list disks = {0};
    bool ok = catalog_disk_point_list(catalog, point_id, &all, &disks, e);

    *out_needed = false;
    for (size_t i = 0; ok && !*out_needed && i < disks.count; i++)
        ok = catalog_family_holds(catalog, disks.rows[i].id, out_needed, e);
    catalog_disk_point_list_fini(&disks);
    return ok;
}
