/* points.c - see points.h. */
#include "tools/controld/points.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/controld/arm_render.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_points.h"
#include "tools/controld/front_page.h"
#include "tools/controld/pace.h"
#include "tools/controld/replication.h"

/* ---- Rows, with the freshest word about what is under way ---- */

/* NULL: it is not under way. */
static const struct ferry_disk_view *look(const struct service *service,
                                          const struct catalog_disk_point *row)
{
    return service->replication && !row->ended_ns
               ? replication_look(service->replication, row->point_id, row->id)
               : NULL;
}

static void freshen(const struct service *service, struct catalog_disk_point *row)
{
    const struct ferry_disk_view *view = look(service, row);

    if (!view)
        return;
    row->code = event_code_name(view->code);
    row->level = view->level == FERRY_ERROR     ? CATALOG_ERROR
                 : view->level == FERRY_WARNING ? CATALOG_WARNING
                                                : CATALOG_INFO;
    row->message = view->message[0] ? view->message : NULL;
    if (view->percent > row->percent)
        row->percent = view->percent;
    /* Complete is what the catalog says: until the target's snapshot is taken, nothing can be restored. */
    if (row->percent > FERRY_PERCENT_UNENDED || view->code == EVENT_SUCCEEDED) {
        row->code = event_code_name(EVENT_IN_PROGRESS);
        row->percent = FERRY_PERCENT_UNENDED;
    }
}

static bool keep_progress(struct service *service, const struct catalog_disk_point *old,
                          const struct catalog_disk_point *fresh, size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++)
        if (fresh[i].percent > old[i].percent &&
            !catalog_disk_point_set_progress(service->catalog, fresh[i].id, fresh[i].code,
                                             fresh[i].percent, fresh[i].level, fresh[i].message, e))
            return false;
    return true;
}

/* A percentage that was shown never goes back, whatever dies next: it is durable before it is shown, and
 * one that cannot be kept is not shown. A disk says a new one each second at most. */
static void keep_what_is_shown(struct service *service, const struct catalog_disk_point *old,
                               struct catalog_disk_point *fresh, size_t count)
{
    struct err e = {0};
    size_t more = 0;

    for (size_t i = 0; i < count; i++)
        more += fresh[i].percent > old[i].percent;
    if (more == 0)
        return;
    if (catalog_begin(service->catalog, &e)) {
        if (keep_progress(service, old, fresh, count, &e) && catalog_commit(service->catalog, &e))
            return;
        catalog_rollback(service->catalog);
    }
    for (size_t i = 0; i < count; i++)
        fresh[i].percent = old[i].percent;
}

/* All of a point's disks: a point has at most CATALOG_PAGE_MAX. The array's texts are the list's. */
static struct catalog_disk_point *
fresh_copy(const struct service *service, const struct catalog_disk_point_list *list, struct err *e)
{
    struct catalog_disk_point *rows = calloc(list->count + 1, sizeof *rows);

    if (!rows) {
        err_set_errno(e, ENOMEM, RETRY_LATER, "cannot show the disks of a restore point");
        return NULL;
    }
    for (size_t i = 0; i < list->count; i++) {
        rows[i] = list->rows[i];
        freshen(service, &rows[i]);
    }
    return rows;
}

/* The instance view's disks are in the order of the rows. */
static bool tell_paces(const struct service *service, const struct catalog_disk_point *rows,
                       size_t count, json_t *shown)
{
    json_t *view = json_object_get(json_object_get(shown, "properties"), "instanceView");
    json_t *disks = json_object_get(view, "diskRestorePoints");

    for (size_t i = 0; disks && i < count; i++)
        if (!pace_tell(json_array_get(disks, i), look(service, &rows[i])))
            return false;
    return true;
}

static json_t *render(struct service *service, const struct catalog_point *point,
                      bool instance_view, struct err *e)
{
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    struct catalog_disk_point_list list = {0};
    struct catalog_disk_point *rows = NULL;
    json_t *shown = NULL;

    if (catalog_disk_point_list(service->catalog, point->id, &all, &list, e) &&
        (rows = fresh_copy(service, &list, e))) {
        if (instance_view)
            keep_what_is_shown(service, list.rows, rows, list.count);
        shown = arm_render_point(point, rows, list.count, instance_view);
        if (!shown || !tell_paces(service, rows, list.count, shown)) {
            json_decref(shown);
            shown = NULL;
            err_set_errno(e, ENOMEM, RETRY_LATER, "cannot show a restore point");
        }
    }
    free(rows);
    catalog_disk_point_list_fini(&list);
    return shown;
}

json_t *points_render(struct service *service, const char *point_id, bool instance_view,
                      struct err *e)
{
    struct catalog_point row = {0};
    json_t *shown = NULL;

    if (catalog_point_get(service->catalog, point_id, &row, e) && row.id)
        shown = render(service, &row, instance_view, e);
    catalog_point_fini(&row);
    return shown;
}

json_t *points_render_of_collection(struct service *service, const char *collection_id,
                                    struct err *e)
{
    struct catalog_page page = {.limit = CATALOG_PAGE_MAX};
    struct catalog_point_list list = {0};
    json_t *all = json_array(), *one;
    char after[ARM_ID_MAX_BYTES];
    bool ok = all || err_set_errno(e, ENOMEM, RETRY_LATER, "cannot show restore points"),
         more = true;

    while (ok && more) {
        ok = catalog_point_list(service->catalog, collection_id, &page, &list, e);
        for (size_t i = 0; ok && i < list.count; i++)
            ok = (one = render(service, &list.rows[i], false, e)) &&
                 json_array_append_new(all, one) == 0;
        more = ok && list.more;
        if (more) {
            snprintf(after, sizeof after, "%s", list.rows[list.count - 1].id);
            page.after = after;
        }
        catalog_point_list_fini(&list);
    }
    if (ok)
        return all;
    json_decref(all);
    if (!err_is_set(e))
        err_set_errno(e, ENOMEM, RETRY_LATER, "cannot show restore points");
    return NULL;
}

/* ---- Handlers ---- */

static void get_point(void *arg, struct front_ask *ask)
{
    char id[ARM_ID_MAX_BYTES];
    struct err e = {0};
    json_t *shown;

    arm_id_text(&ask->route.id, id);
    shown = points_render(arg, id, ask->route.expand_instance_view, &e);
    if (shown)
        front_answer(ask->call, 200, shown, NULL, 0);
    else if (err_is_set(&e))
        service_refuse_err(ask, &e);
    else
        service_refuse_missing(ask, &ask->route.id);
}

static json_t *render_disk(struct service *service, const struct catalog_disk_point *disk,
                           const struct catalog_point *point)
{
    struct catalog_disk_point fresh = *disk;
    json_t *shown;

    freshen(service, &fresh);
    keep_what_is_shown(service, disk, &fresh, 1);
    shown = arm_render_disk_point(&fresh, point);
    if (pace_tell(json_object_get(shown, "properties"), look(service, disk)))
        return shown;
    json_decref(shown);
    return NULL;
}

static void get_disk_point(void *arg, struct front_ask *ask)
{
    struct service *service = arg;
    struct catalog_disk_point row = {0};
    struct catalog_point point = {0};
    char id[ARM_ID_MAX_BYTES];
    struct err e = {0};

    arm_id_text(&ask->route.id, id);
    if (!catalog_disk_point_get(service->catalog, id, &row, &e) ||
        (row.id && !catalog_point_get(service->catalog, row.point_id, &point, &e)))
        service_refuse_err(ask, &e);
    else if (!point.id)
        service_refuse_missing(ask, &ask->route.id);
    else
        front_answer(ask->call, 200, render_disk(service, &row, &point), NULL, 0);
    catalog_disk_point_fini(&row);
    catalog_point_fini(&point);
}

static void list_disk_points(void *arg, struct front_ask *ask)
{
    struct service *service = arg;
    struct catalog_disk_point_list rows = {0};
    struct catalog_point point = {0};
    struct front_page page = {0};
    struct arm_error why = {0};
    char id[ARM_ID_MAX_BYTES];
    struct err e = {0};
    json_t *value;

    if (!front_page_read(ask->call, &page, &why)) {
        service_refuse(ask, &why);
        return;
    }
    const struct catalog_page part = {.after = page.after[0] ? page.after : NULL,
                                      .limit = page.limit};

    arm_id_text(&ask->route.id, id);
    if (!catalog_point_get(service->catalog, id, &point, &e) ||
        (point.id && !catalog_disk_point_list(service->catalog, id, &part, &rows, &e))) {
        service_refuse_err(ask, &e);
    } else if (!point.id) {
        service_refuse_missing(ask, &ask->route.id);
    } else {
        value = json_array();
        for (size_t i = 0; i < rows.count; i++)
            json_array_append_new(value, render_disk(service, &rows.rows[i], &point));
        front_answer(ask->call, 200,
                     front_page_make(ask->call, value,
                                     rows.more ? rows.rows[rows.count - 1].id : NULL),
                     NULL, 0);
    }
    catalog_disk_point_list_fini(&rows);
    catalog_point_fini(&point);
}

void points_serve(struct service *service, struct front_table *table)
{
    static const struct front_handler handlers[] = {
        {ARM_POINT, ARM_VERB_GET, get_point},
        {ARM_DISK_POINT, ARM_VERB_GET, get_disk_point},
        {ARM_DISK_POINT, ARM_VERB_LIST_CHILDREN, list_disk_points},
    };

    front_table_add(table, handlers, sizeof handlers / sizeof handlers[0], service);
}
