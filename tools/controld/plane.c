/* plane.c - see plane.h. */
#include "tools/controld/plane.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/reactor.h"
#include "tools/controld/access_desk.h"
#include "tools/controld/arm_render.h"
#include "tools/controld/catalog_disks.h"
#include "tools/controld/catalog_operations.h"
#include "tools/controld/collections.h"
#include "tools/controld/config.h"
#include "tools/controld/cut_drops.h"
#include "tools/controld/cut_frozen.h"
#include "tools/controld/disk_delete.h"
#include "tools/controld/disk_put.h"
#include "tools/controld/disks.h"
#include "tools/controld/machines.h"
#include "tools/controld/operation.h"
#include "tools/controld/orphans.h"
#include "tools/controld/overview.h"
#include "tools/controld/point_create.h"
#include "tools/controld/point_delete.h"
#include "tools/controld/points.h"
#include "tools/controld/regions.h"
#include "tools/controld/replication.h"
#include "tools/controld/retention.h"
#include "tools/controld/spare_bases.h"
#include "tools/controld/verify_desk.h"

#define PLANE_SWEEP_FIRST_NS NS_PER_S
#define PLANE_SWEEP_NS       (600 * NS_PER_S)
#define PLANE_GRACE_NS       (2 * NS_PER_S) /* for requests to regions, once the end was asked for */

struct plane {
    struct service service;
    struct point_create *creates;
    struct point_delete *deletes;
    struct disk_put *disk_puts;
    struct disk_delete *disk_deletes;
    struct access_desk *accesses;
    struct retention *retention;
    struct overview *overview;
    bool stopping, cuts_stopped, copies_stopped, orphans_stopped;
    struct timer grace, sweep;
};

static void say(void *arg, const char *sentence)
{
    (void)arg;
    fprintf(stderr, "snapferryd: %s\n", sentence);
}

/* ---- Operations ---- */

static json_t *result(void *arg, const struct catalog_operation *row)
{
    struct plane *plane = arg;
    struct catalog_disk disk = {0};
    struct arm_error why = {0};
    struct arm_id id;
    struct err e = {0};
    json_t *shown = NULL;

    if (strcmp(row->kind, arm_verb_name(ARM_VERB_PUT)) != 0 ||
        !arm_id_parse(row->resource_id, "id", &id, &why))
        return NULL;
    if (id.type == ARM_POINT)
        return points_render(&plane->service, row->resource_id, false, &e);
    if (id.type == ARM_DISK &&
        catalog_disk_get(plane->service.catalog, row->resource_id, &disk, &e) && disk.id)
        shown = arm_render_disk(&disk);
    catalog_disk_fini(&disk);
    return shown;
}

static bool sweep_operations(struct service *service, void *arg, struct arm_error *why,
                             struct err *e)
{
    (void)arg, (void)why;
    return operation_sweep(service->operations, e);
}

/* So many at a time that nobody waits for it. */
static void on_sweep(struct timer *timer)
{
    struct plane *plane = (struct plane *)((char *)timer - offsetof(struct plane, sweep));
    struct reactor *reactor = plane->service.reactor;
    struct arm_error why = {0};

    if (!service_change(&plane->service, sweep_operations, NULL, &why))
        fprintf(stderr, "snapferryd: cannot forget old operations: %s\n", why.message);
    reactor_arm(reactor, timer, reactor_now_ns(reactor) + PLANE_SWEEP_NS, on_sweep);
}

static bool percent(void *arg, const struct catalog_operation *row, double *out_percent)
{
    const struct plane *plane = arg;

    return verify_desk_percent(plane->service.verifications, row, out_percent);
}

/* ---- What was left in the regions ---- */

static struct region_account *account_of(void *arg, const char *name)
{
    struct plane *plane = arg;
    const struct region *region = regions_find(plane->service.regions, name);

    return region ? region->account : NULL;
}

static void orphans_told(void *arg, const char *region, const char *container, uint32_t deleted,
                         const struct err *error)
{
    (void)arg;
    if (err_is_set(error))
        fprintf(stderr, "snapferryd: cannot look for what was left in %s of %s: %s\n", container,
                region, error->text);
    else
        fprintf(stderr, "snapferryd: deleted %u snapshots that were left in %s of %s\n", deleted,
                container, region);
}

static bool open_orphans(struct plane *plane, const struct plane_setup *setup, struct err *e)
{
    const struct orphans_setup orphans = {.reactor = setup->reactor,
                                          .catalog = setup->catalog,
                                          .account = account_of,
                                          .told = orphans_told,
                                          .arg = plane};

    plane->service.orphans = orphans_new(&orphans, e);
    return plane->service.orphans != NULL;
}

/* ---- Retention's hands ---- */

static bool create_scheduled(void *arg, const struct config_machine *machine, const char *point_id,
                             struct err *e)
{
    struct plane *plane = arg;

    return point_create_scheduled(plane->creates, machine->id, point_id, machine->crash_consistent,
                                  e);
}

static bool prune(void *arg, const char *point_id, struct arm_error *why)
{
    struct plane *plane = arg;

    return point_delete_begin(plane->deletes, point_id, why);
}

/* ---- Life ---- */

static bool make_disks_folder(const struct plane_setup *setup, struct err *e)
{
    char *path = NULL;
    bool ok;

    if (asprintf(&path, "%s/disks", setup->data_folder) < 0)
        return err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin");
    ok = mkdir(path, 0700) == 0 || errno == EEXIST ||
         err_set_errno(e, errno, RETRY_NEVER, "cannot make %s", path);
    free(path);
    return ok;
}

static bool open_frozen(struct service *service, struct err *e)
{
    struct cut_frozen_setup setup = {.reactor = service->reactor, .log = say};
    char *folder = NULL;

    if (asprintf(&folder, "%s/frozen", service->data_folder) < 0)
        return err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin");
    setup.folder = folder;
    service->frozen = cut_frozen_new(&setup, e);
    free(folder);
    return service->frozen != NULL;
}

static bool open_service(struct plane *plane, const struct plane_setup *setup, struct err *e)
{
    const struct operation_setup operations = {.reactor = setup->reactor,
                                               .catalog = setup->catalog,
                                               .result = result,
                                               .percent = percent,
                                               .arg = plane};
    struct replication_setup replication = {.service = &plane->service,
                                            .snapferry = setup->snapferry,
                                            .cacert = setup->cacert,
                                            .allow_http = setup->config->allow_http,
                                            .cuts = {.arrived = cut_drops_arrived},
                                            .log = say};
    const struct verify_desk_setup verifications = {.service = &plane->service,
                                                    .snapferry = setup->snapferry,
                                                    .cacert = setup->cacert,
                                                    .allow_http = setup->config->allow_http};
    struct service *service = &plane->service;

    *service = (struct service){.reactor = setup->reactor,
                                .config = setup->config,
                                .catalog = setup->catalog,
                                .data_folder = setup->data_folder};
    return (service->operations = operations_new(&operations, e)) &&
           (service->regions = regions_new(setup->reactor, setup->config, setup->cacert, e)) &&
           (service->cuts = replication.cuts.arg = cut_drops_new(service, e)) &&
           (service->bases = spare_bases_new(service, e)) && open_frozen(service, e) &&
           (service->replication = replication_new(&replication, e)) &&
           (service->verifications = verify_desk_new(&verifications, e));
}

static void serve(struct plane *plane, struct front_table *table)
{
    struct service *service = &plane->service;

    operations_serve(service->operations, table);
    collections_serve(service, table);
    machines_serve(service, table);
    points_serve(service, table);
    point_create_serve(plane->creates, table);
    point_delete_serve(plane->deletes, table);
    access_desk_serve(plane->accesses, table);
    verify_desk_serve(service->verifications, table);
    disks_serve(service, table);
    disk_put_serve(plane->disk_puts, table);
    disk_delete_serve(plane->disk_deletes, table);
    overview_serve(plane->overview, table);
}

struct plane *plane_new(const struct plane_setup *setup, struct err *e)
{
    struct plane *plane = calloc(1, sizeof *plane);
    const struct retention_hands hands = {
        .create = create_scheduled, .prune = prune, .log = say, .arg = plane};

    if (!plane) {
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin");
        return NULL;
    }
    if (make_disks_folder(setup, e) && open_service(plane, setup, e) &&
        open_orphans(plane, setup, e) && (plane->creates = point_create_new(&plane->service, e)) &&
        (plane->deletes = point_delete_new(&plane->service, e)) &&
        (plane->disk_puts = disk_put_new(&plane->service, e)) &&
        (plane->disk_deletes = disk_delete_new(&plane->service, e)) &&
        (plane->accesses = access_desk_new(&plane->service, e)) &&
        (plane->retention = retention_new(&plane->service, &hands, e)) &&
        (plane->overview = overview_new(&plane->service, e)) &&
        machines_register(&plane->service, e)) {
        serve(plane, setup->table);
        return plane;
    }
    plane_free(plane);
    return NULL;
}

bool plane_recover(struct plane *plane, struct err *e)
{
    struct reactor *reactor = plane->service.reactor;
    bool ok =
        replication_recover(plane->service.replication, e) &&
        verify_desk_recover(plane->service.verifications, e) &&
        cut_drops_recover(plane->service.cuts, e) && point_delete_recover(plane->deletes, e) &&
        disk_delete_recover(plane->disk_deletes, e) && point_create_recover(plane->creates, e);

    if (ok) {
        retention_begin(plane->retention);
        spare_bases_soon(plane->service.bases);
        reactor_arm(reactor, &plane->sweep, reactor_now_ns(reactor) + PLANE_SWEEP_FIRST_NS,
                    on_sweep);
    }
    return ok;
}

/* ---- The end ---- */

static void cuts_stopped(void *arg)
{
    struct plane *plane = arg;

    plane->cuts_stopped = true;
}

static void copies_stopped(void *arg)
{
    struct plane *plane = arg;

    plane->copies_stopped = true;
}

static void orphans_stopped(void *arg)
{
    struct plane *plane = arg;

    plane->orphans_stopped = true;
}

/* A region that does not answer is asked for minutes: nobody waits for that to end the program. What was
 * asked may have been done all the same: rows stay as they are, and the next life looks. */
static void grace_over(struct timer *timer)
{
    struct plane *plane = (struct plane *)((char *)timer - offsetof(struct plane, grace));

    regions_stop(plane->service.regions);
    cut_frozen_give_up(plane->service.frozen); /* its record stays, and the next start tries it */
}

void plane_stop(struct plane *plane)
{
    struct reactor *reactor = plane->service.reactor;

    if (plane->stopping)
        return;
    plane->stopping = true;
    reactor_disarm(reactor, &plane->sweep);
    retention_stop(plane->retention);
    orphans_stop(plane->service.orphans, orphans_stopped, plane);
    point_delete_stop(plane->deletes);
    disk_delete_stop(plane->disk_deletes);
    point_create_stop(plane->creates, cuts_stopped, plane);
    replication_stop(plane->service.replication, copies_stopped, plane);
    cut_drops_stop(plane->service.cuts);
    spare_bases_stop(plane->service.bases);
    verify_desk_stop(plane->service.verifications);
    cut_frozen_stop(plane->service.frozen);
    reactor_arm(reactor, &plane->grace, reactor_now_ns(reactor) + PLANE_GRACE_NS, grace_over);
}

bool plane_stopped(const struct plane *plane)
{
    return plane->cuts_stopped && plane->copies_stopped && plane->orphans_stopped &&
           access_desk_idle(plane->accesses) && overview_idle(plane->overview) &&
           point_delete_idle(plane->deletes) && disk_put_idle(plane->disk_puts) &&
           disk_delete_idle(plane->disk_deletes) && cut_drops_idle(plane->service.cuts) &&
           spare_bases_idle(plane->service.bases) &&
           verify_desk_idle(plane->service.verifications) && cut_frozen_idle(plane->service.frozen);
}

void plane_free(struct plane *plane)
{
    struct service *service;

    if (!plane)
        return;
    service = &plane->service;
    if (plane->retention)
        retention_stop(plane->retention);
    retention_free(plane->retention);
    if (plane->stopping)
        reactor_disarm(service->reactor, &plane->grace);
    if (plane->sweep.slot)
        reactor_disarm(service->reactor, &plane->sweep);
    overview_free(plane->overview);
    access_desk_free(plane->accesses);
    disk_delete_free(plane->disk_deletes);
    disk_put_free(plane->disk_puts);
    point_delete_free(plane->deletes);
    point_create_free(plane->creates);
    verify_desk_free(service->verifications);
    replication_free(service->replication);
    orphans_free(service->orphans);
    cut_drops_free(service->cuts);
    spare_bases_free(service->bases);
    cut_frozen_free(service->frozen);
    regions_free(service->regions);
    operations_free(service->operations);
    free(plane);
}
