/* disks.c - see disks.h. */
#include "tools/controld/disks.h"

#include <stdio.h>

#include "engine/event.h"
#include "tools/controld/arm_render.h"
#include "tools/controld/catalog_disks.h"
#include "tools/controld/pace.h"
#include "tools/controld/replication.h"

static bool keep_progress(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    const struct catalog_disk *row = arg;

    (void)why;
    return catalog_disk_set_progress(service->catalog, row->id, row->code, row->percent, row->level,
                                     row->message, e);
}

/* As of restore points: what is shown was kept before, so that it never goes back. */
json_t *disks_render(struct service *service, const struct catalog_disk *row)
{
    const struct ferry_disk_view *view =
        row->ended_ns ? NULL : replication_look(service->replication, row->id, row->id);
    struct catalog_disk fresh = *row;
    struct arm_error why = {0};
    json_t *shown;

    if (view) {
        fresh.code = event_code_name(view->code);
        fresh.message = view->message[0] ? view->message : NULL;
        if (view->percent > fresh.percent)
            fresh.percent = view->percent;
    }
    if (fresh.percent > row->percent && !service_change(service, keep_progress, &fresh, &why))
        fresh.percent = row->percent;
    shown = arm_render_disk(&fresh);
    if (pace_tell(json_object_get(shown, "properties"), view))
        return shown;
    json_decref(shown);
    return NULL;
}

static void get(void *arg, struct front_ask *ask)
{
    struct service *service = arg;
    struct catalog_disk row = {0};
    char id[ARM_ID_MAX_BYTES];
    struct err e = {0};

    arm_id_text(&ask->route.id, id);
    if (!catalog_disk_get(service->catalog, id, &row, &e))
        service_refuse_err(ask, &e);
    else if (!row.id)
        service_refuse_missing(ask, &ask->route.id);
    else
        front_answer(ask->call, 200, disks_render(service, &row), NULL, 0);
    catalog_disk_fini(&row);
}

/* ---- Lists ---- */

static bool list_rows(struct service *service, const char *under, const struct catalog_page *page,
                      json_t *value, char last_id[ARM_ID_MAX_BYTES], struct err *e)
{
    struct catalog_disk_list rows = {0};
    bool ok = catalog_disk_list(service->catalog, under, page, &rows, e);

    for (size_t i = 0; i < rows.count; i++)
        json_array_append_new(value, disks_render(service, &rows.rows[i]));
    if (rows.more)
        snprintf(last_id, ARM_ID_MAX_BYTES, "%s", rows.rows[rows.count - 1].id);
    catalog_disk_list_fini(&rows);
    return ok;
}

static void list(void *arg, struct front_ask *ask)
{
    service_list(arg, ask, list_rows);
}

void disks_serve(struct service *service, struct front_table *table)
{
    static const struct front_handler handlers[] = {
        {ARM_DISK, ARM_VERB_GET, get},
        {ARM_DISK, ARM_VERB_LIST_GROUP, list},
        {ARM_DISK, ARM_VERB_LIST_SUBSCRIPTION, list},
    };

    front_table_add(table, handlers, sizeof handlers / sizeof handlers[0], service);
}
