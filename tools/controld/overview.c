/* overview.c - see overview.h. */
#include "tools/controld/overview.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/controld/arm_render.h"
#include "tools/controld/catalog_collections.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_disks.h"
#include "tools/controld/catalog_points.h"
#include "tools/controld/disk_map.h"
#include "tools/controld/disks.h"
#include "tools/controld/front_page.h"
#include "tools/controld/points.h"

#define POINTS_PER_PAGE 100u /* each comes with its disks */
#define UNDERWAY_MAX    100u /* points, and disks */
#define FAILED_MAX      20u

struct overview {
    struct service *service;
    struct disk_maps *maps;
};

static bool append(json_t *list, json_t *take, struct err *e)
{
    if (take && json_array_append_new(list, take) == 0)
        return true;
    return err_is_set(e) ? false : err_set_errno(e, ENOMEM, RETRY_LATER, "cannot show a list");
}

/* ---- Lists in pages ---- */

/* Appends one page to value; *out_last: the key of its last row, malloc'd, when there is more. */
typedef bool list_fn(struct service *service, struct front_ask *ask,
                     const struct catalog_page *page, json_t *value, char **out_last,
                     struct err *e);

static bool keep_last(bool more, const char *id, char **out_last, struct err *e)
{
    if (!more)
        return true;
    *out_last = strdup(id);
    return *out_last || err_set_errno(e, ENOMEM, RETRY_LATER, "cannot show a list");
}

static bool list_collections(struct service *service, struct front_ask *ask,
                             const struct catalog_page *page, json_t *value, char **out_last,
                             struct err *e)
{
    struct catalog_collection_list rows = {0};
    bool ok = catalog_collection_list(service->catalog, NULL, page, &rows, e);

    (void)ask;
    for (size_t i = 0; ok && i < rows.count; i++)
        ok = append(value, arm_render_collection(&rows.rows[i], NULL), e);
    if (ok && rows.count)
        ok = keep_last(rows.more, rows.rows[rows.count - 1].id, out_last, e);
    catalog_collection_list_fini(&rows);
    return ok;
}

static bool list_disks(struct service *service, struct front_ask *ask,
                       const struct catalog_page *page, json_t *value, char **out_last,
                       struct err *e)
{
    struct catalog_disk_list rows = {0};
    bool ok = catalog_disk_list(service->catalog, NULL, page, &rows, e);

    (void)ask;
    for (size_t i = 0; ok && i < rows.count; i++)
        ok = append(value, disks_render(service, &rows.rows[i]), e);
    if (ok && rows.count)
        ok = keep_last(rows.more, rows.rows[rows.count - 1].id, out_last, e);
    catalog_disk_list_fini(&rows);
    return ok;
}

static bool list_points(struct service *service, struct front_ask *ask,
                        const struct catalog_page *page, json_t *value, char **out_last,
                        struct err *e)
{
    struct catalog_page part = {.after = page->after, .limit = POINTS_PER_PAGE};
    const char *collection = front_query(ask->call, "collection");
    struct catalog_point_list rows = {0};
    bool ok = catalog_point_list(service->catalog, collection ? collection : "", &part, &rows, e);

    for (size_t i = 0; ok && i < rows.count; i++)
        ok = append(value, points_render(service, rows.rows[i].id, true, e), e);
    if (ok && rows.count)
        ok = keep_last(rows.more, rows.rows[rows.count - 1].id, out_last, e);
    catalog_point_list_fini(&rows);
    return ok;
}

static void answer_list(struct service *service, struct front_ask *ask, list_fn *list)
{
    struct front_page page = {0};
    struct arm_error why = {0};
    struct err e = {0};
    json_t *value = json_array();
    char *last = NULL;

    if (!value)
        arm_error_memory(&why);
    if (!value || !front_page_read(ask->call, &page, &why)) {
        json_decref(value);
        service_refuse(ask, &why);
        return;
    }
    const struct catalog_page part = {.after = page.after[0] ? page.after : NULL,
                                      .limit = page.limit};

    if (list(service, ask, &part, value, &last, &e)) {
        front_answer(ask->call, 200, front_page_make(ask->call, value, last), NULL, 0);
    } else {
        json_decref(value);
        service_refuse_err(ask, &e);
    }
    free(last);
}

/* ---- What is under way ---- */

static bool holds(const json_t *points, const char *id)
{
    const char *one;

    for (size_t i = 0; i < json_array_size(points); i++) {
        one = json_string_value(json_object_get(json_array_get(points, i), "id"));
        if (one && strcasecmp(one, id) == 0)
            return true;
    }
    return false;
}

static bool add_point(struct service *service, json_t *points, const char *id, struct err *e)
{
    if (json_array_size(points) >= UNDERWAY_MAX || holds(points, id))
        return true;
    return append(points, points_render(service, id, true, e), e);
}

/* Whose disks have not ended, and those that are being cut and have none yet. */
static bool points_underway(struct service *service, json_t *points, struct err *e)
{
    const struct catalog_page first = {.limit = CATALOG_PAGE_MAX};
    struct catalog_disk_point_list disks = {0};
    struct catalog_point_list creating = {0};
    bool ok = catalog_disk_point_list_unended(service->catalog, &first, &disks, e) &&
              catalog_point_list_in_state(service->catalog, CATALOG_CREATING, &first, &creating, e);

    for (size_t i = 0; ok && i < disks.count; i++)
        ok = add_point(service, points, disks.rows[i].point_id, e);
    for (size_t i = 0; ok && i < creating.count; i++)
        ok = add_point(service, points, creating.rows[i].id, e);
    catalog_disk_point_list_fini(&disks);
    catalog_point_list_fini(&creating);
    return ok;
}

static bool points_failed(struct service *service, json_t *points, struct err *e)
{
    const struct catalog_page first = {.limit = FAILED_MAX};
    struct catalog_point_list rows = {0};
    bool ok = catalog_point_list_in_state(service->catalog, CATALOG_FAILED, &first, &rows, e);

    for (size_t i = 0; ok && i < rows.count; i++)
        ok = append(points, points_render(service, rows.rows[i].id, true, e), e);
    catalog_point_list_fini(&rows);
    return ok;
}

static bool disks_underway(struct service *service, json_t *disks, struct err *e)
{
    const struct catalog_page first = {.limit = UNDERWAY_MAX};
    struct catalog_disk_list rows = {0};
    bool ok = catalog_disk_list_in_state(service->catalog, CATALOG_CREATING, &first, &rows, e);

    for (size_t i = 0; ok && i < rows.count; i++)
        ok = append(disks, disks_render(service, &rows.rows[i]), e);
    catalog_disk_list_fini(&rows);
    return ok;
}

static void answer_underway(struct service *service, struct front_ask *ask)
{
    json_t *points = json_array(), *failed = json_array(), *disks = json_array();
    struct err e = {0};
    bool ok = (points && failed && disks) ||
              err_set_errno(&e, ENOMEM, RETRY_LATER, "cannot show what is under way");

    if (ok && points_underway(service, points, &e) && points_failed(service, failed, &e) &&
        disks_underway(service, disks, &e)) {
        front_answer(ask->call, 200,
                     json_pack("{s:o, s:o, s:o}", "restorePoints", points, "failed", failed,
                               "disks", disks),
                     NULL, 0);
        return;
    }
    json_decref(points);
    json_decref(failed);
    json_decref(disks);
    service_refuse_err(ask, &e);
}

/* ---- The door ---- */

static void show(void *arg, struct front_ask *ask)
{
    static const struct {
        const char *path;
        list_fn *list;
    } lists[] = {{"/x-snapferry/collections", list_collections},
                 {"/x-snapferry/disks", list_disks},
                 {"/x-snapferry/restorePoints", list_points}};
    struct overview *overview = arg;
    struct arm_error why = {0};

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        if (strcmp(ask->call->path, lists[i].path) == 0) {
            answer_list(overview->service, ask, lists[i].list);
            return;
        }
    if (strcmp(ask->call->path, "/x-snapferry/underway") == 0) {
        answer_underway(overview->service, ask);
        return;
    }
    if (strcmp(ask->call->path, "/x-snapferry/map") == 0) {
        disk_maps_show(overview->maps, ask);
        return;
    }
    arm_error_set(&why, 404, "ResourceNotFound", NULL, "There is nothing at this path.");
    service_refuse(ask, &why);
}

void overview_serve(struct overview *overview, struct front_table *table)
{
    static const struct front_handler handler = {ARM_NONE, ARM_VERB_PAGE, show};

    front_table_add(table, &handler, 1, overview);
}

/* ---- Life ---- */

struct overview *overview_new(struct service *service, struct err *e)
{
    struct overview *overview = calloc(1, sizeof *overview);

    if (!overview) {
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin");
        return NULL;
    }
    overview->service = service;
    overview->maps = disk_maps_new(service, e);
    if (overview->maps)
        return overview;
    free(overview);
    return NULL;
}

void overview_free(struct overview *overview)
{
    if (!overview)
        return;
    disk_maps_free(overview->maps);
    free(overview);
}

bool overview_idle(const struct overview *overview)
{
    return disk_maps_idle(overview->maps);
}
