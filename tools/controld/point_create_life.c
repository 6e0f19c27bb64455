/* point_create_life.c - the life of the module of point_create.h: begun, recovered, stopped; and cuts
 * that are dropped.
 *
 * Knows:         what an earlier life of the program may have left: frozen machines, points that are
 *                Creating.
 * Must not know: requests.
 * Threads:       the reactor's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/controld/config.h"
#include "tools/controld/cut_frozen.h"
#include "tools/controld/point_create_internal.h"
#include "tools/controld/replication.h"

static bool make_folder(const struct service *service, const char *name, struct err *e)
{
    char *path = NULL;
    bool ok = asprintf(&path, "%s/%s", service->data_folder, name) >= 0;

    if (!ok)
        return err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot make %s", name);
    ok = mkdir(path, 0700) == 0 || errno == EEXIST ||
         err_set_errno(e, errno, RETRY_NEVER, "cannot make %s", path);
    free(path);
    return ok;
}

struct point_create *point_create_new(struct service *service, struct err *e)
{
    struct point_create *create = calloc(1, sizeof *create);

    if (!create) {
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin");
        return NULL;
    }
    create->service = service;
    if (make_folder(service, "frozen", e) && make_folder(service, "cuts", e))
        return create;
    free(create);
    return NULL;
}

void point_create_stop(struct point_create *create, void (*stopped)(void *arg), void *arg)
{
    create->stopping = true;
    create->stopped = stopped;
    create->stopped_arg = arg;
    point_cut_cancel_all(create);
    point_create_maybe_stopped(create);
}

void point_create_maybe_stopped(struct point_create *create)
{
    void (*stopped)(void *arg) = create->stopped;

    if (!create->stopping || create->cuttings || create->thawing || !stopped)
        return;
    create->stopped = NULL;
    stopped(create->stopped_arg);
}

void point_create_free(struct point_create *create)
{
    if (!create)
        return;
    free(create);
}

/* ---- After a restart ---- */

/* Of a machine, and not cut: what was begun then is begun again now, with the disks as they are now. One
 * that is on its way was cut before, and failed on its way: its cut is what is copied again. */
static bool cut_one(struct point_create *create, const struct catalog_point *point)
{
    struct err why = {0};

    if (point->source_point_id || replication_runs(create->service->replication, point->id) ||
        point_cut_runs(create, point->id) || point_cut_begin(create, point->id, &why))
        return true;
    fprintf(stderr, "snapferryd: %s: %s\n", point->id, why.text);
    return point_cut_failed(create, point->id, &why);
}

static bool cut_again(struct point_create *create, struct err *e)
{
    struct catalog_page page = {.limit = CATALOG_PAGE_MAX};
    struct catalog_point_list list = {0};
    char after[ARM_ID_MAX_BYTES];
    bool ok = true, more = true;

    while (ok && more) {
        ok = catalog_point_list_in_state(create->service->catalog, CATALOG_CREATING, &page, &list,
                                         e);
        for (size_t i = 0; ok && i < list.count; i++)
            if (!cut_one(create, &list.rows[i]))
                fprintf(stderr, "snapferryd: %s stays as it is until the next start\n",
                        list.rows[i].id);
        more = ok && list.more;
        if (more) {
            snprintf(after, sizeof after, "%s", list.rows[list.count - 1].id);
            page.after = after;
        }
        catalog_point_list_fini(&list);
    }
    return ok;
}

static void all_thawed(void *arg)
{
    struct point_create *create = arg;
    struct err e = {0};

    create->thawing = false;
    if (!create->stopping && !cut_again(create, &e))
        fprintf(stderr, "snapferryd: cannot go on with restore points: %s\n", e.text);
    point_create_maybe_stopped(create);
}

bool point_create_recover(struct point_create *create, struct err *e)
{
    create->thawing = true;
    return cut_frozen_recover(create->service->frozen, all_thawed, create, e) ||
           (create->thawing = false);
}
