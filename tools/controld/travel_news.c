/* travel_news.c - what the catalog is told of disks and points on their way; see replication_internal.h.
 *
 * Knows:         when progress is worth a row, that a disk point is complete when its snapshot is taken
 *                and the catalog knows it, never before.
 * Must not know: queues, children.
 * Threads:       the reactor's.
 *
 * A catalog that cannot be written (a full disk, somebody else's lock) loses news, not truth: what was not
 * told is not complete. An end is told again, by the next start of the program at the latest.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/reactor.h"
#include "tools/controld/catalog_bases.h"
#include "tools/controld/catalog_disks.h"
#include "tools/controld/cut_place.h"
#include "tools/controld/point_end.h"
#include "tools/controld/replication_internal.h"
#include "tools/controld/spare_bases.h"

#define KEPT_STEP 5.0             /* percent between two writes of a disk's progress */
#define SEAL_NS   (10 * NS_PER_S) /* to take a snapshot; then the region is away */

static enum catalog_level level_of(enum ferry_level level)
{
    return level == FERRY_ERROR     ? CATALOG_ERROR
           : level == FERRY_WARNING ? CATALOG_WARNING
                                    : CATALOG_INFO;
}

/* Runs one change; what fails is logged, and was not told. */
typedef bool news_fn(struct travel *travel, void *arg, struct err *e);

static bool tell(struct travel *travel, news_fn *change, void *arg)
{
    struct catalog *catalog = travel->replication->service->catalog;
    struct err e = {0};
    bool ok = catalog_begin(catalog, &e);

    if (ok && !change(travel, arg, &e)) {
        catalog_rollback(catalog);
        ok = false;
    } else if (ok) {
        ok = catalog_commit(catalog, &e);
    }
    if (!ok)
        replication_log(travel->replication, travel->id, &e);
    return ok;
}

/* ---- The copy has begun ---- */

static bool begun(struct travel *travel, void *arg, struct err *e)
{
    (void)arg;
    return point_end_begun(travel->replication->service, travel->id, e);
}

/* ---- Progress ---- */

static bool progress(struct travel *travel, void *arg, struct err *e)
{
    const struct travel_disk *disk = arg;
    struct catalog *catalog = travel->replication->service->catalog;
    const char *message = disk->last.message[0] ? disk->last.message : NULL;

    return travel->of_disk
               ? catalog_disk_set_progress(catalog, disk->id, event_code_name(disk->last.code),
                                           disk->last.percent, level_of(disk->last.level), message,
                                           e)
               : catalog_disk_point_set_progress(catalog, disk->id,
                                                 event_code_name(disk->last.code),
                                                 disk->last.percent, level_of(disk->last.level),
                                                 message, e);
}

/* ---- A disk's end ---- */

/* Where the next delta starts from. A snapshot that was cut for this copy alone stays for that. */
static bool hold(struct travel_disk *disk, struct catalog_disk_point *row, struct err *e)
{
    struct catalog *catalog = disk->travel->replication->service->catalog;
    const struct travel_place *source = &disk->source;
    struct catalog_held held = {.disk_point_id = disk->id,
                                .source_id = disk->source_id ? disk->source_id : disk->id};
    char *place = NULL;
    bool ok = true;

    if (source->region &&
        !(place = cut_place_of_blob(source->region->config->name, source->container, source->blob,
                                    source->snapshot)))
        return err_set_errno(e, ENOMEM, RETRY_LATER, "cannot keep a base");
    held.place = place;
    if (place && row->cut_path) {
        const struct catalog_base base = {place, disk->id};

        ok = catalog_base_put(catalog, &base, e);
        row->cut_path = NULL;
    }
    ok = ok && catalog_family_set_held(catalog, disk->family, &held, e);
    free(place);
    return ok;
}

static bool disk_ended(struct travel *travel, void *arg, struct err *e)
{
    struct travel_disk *disk = arg;
    struct service *service = travel->replication->service;
    struct catalog_disk_point old = {0}, row;
    bool ok = catalog_disk_point_get(service->catalog, disk->id, &old, e),
         well = disk->end_code == EVENT_SUCCEEDED;

    row = old;
    row.code = event_code_name(disk->end_code);
    row.level = well ? CATALOG_INFO : CATALOG_ERROR;
    row.message = disk->last.message[0] ? disk->last.message : NULL;
    row.ended_ns = service_now_ns(service);
    row.percent = well ? 100 : disk->last.percent > old.percent ? disk->last.percent : old.percent;
    if (well) {
        row.snapshot = disk->seal.snapshot;
        row.root = disk->last.outcome.root[0] ? disk->last.outcome.root : NULL;
        row.changed_bytes = (int64_t)disk->last.changed_bytes;
        row.wire_bytes = (int64_t)disk->last.outcome.read_bytes;
        if (disk->last.outcome.disk_bytes)
            row.size_bytes = (int64_t)disk->last.outcome.disk_bytes;
    }
    ok = ok && (!well || !disk->family || hold(disk, &row, e)) &&
         (!old.id || catalog_disk_point_put(service->catalog, &row, e)) &&
         point_end_conclude(service, travel->id, e);
    catalog_disk_point_fini(&old);
    return ok;
}

/* One that is being deleted stays so. */
static bool set_disk_state(struct service *service, const char *disk_id, bool well, struct err *e)
{
    struct catalog_disk row = {0};
    bool ok = catalog_disk_get(service->catalog, disk_id, &row, e);

    if (ok && row.state != CATALOG_DELETING)
        ok = catalog_disk_set_state(service->catalog, disk_id,
                                    well ? CATALOG_SUCCEEDED : CATALOG_FAILED,
                                    service_now_ns(service), e);
    catalog_disk_fini(&row);
    return ok;
}

static bool restored(struct travel *travel, void *arg, struct err *e)
{
    struct travel_disk *disk = arg;
    struct service *service = travel->replication->service;
    bool well = disk->end_code == EVENT_SUCCEEDED;
    struct arm_error why = {0};

    disk->last.code = disk->end_code;
    if (!well)
        disk->last.level = FERRY_ERROR;
    if (!well)
        arm_error_set(&why, 500,
                      disk->end_code == EVENT_CANCELED ? ARM_OPERATION_REFUSED
                                                       : ARM_DISK_CLIENT_ERROR,
                      NULL, "%.300s: %s", disk->id, disk->last.message);
    return progress(travel, disk, e) && set_disk_state(service, disk->id, well, e) &&
           service_end_operations(service, disk->id, arm_verb_name(ARM_VERB_PUT),
                                  well ? NULL : &why, e);
}

static void end_disk(struct travel_disk *disk)
{
    struct replication *replication = disk->travel->replication;
    bool told = tell(disk->travel, disk->travel->of_disk ? restored : disk_ended, disk);

    disk->untold = !told && !replication->stopping;
    disk->step = disk->untold ? TRAVEL_DISK_SEALING : TRAVEL_DISK_ENDED;
    if (told && disk->end_code == EVENT_SUCCEEDED && disk->cut_path && !disk->source.region &&
        replication->cuts.arrived)
        replication->cuts.arrived(replication->cuts.arg, disk->id);
    spare_bases_soon(replication->service->bases);
    replication_kick(replication);
}

static void fail_disk(struct travel_disk *disk, enum event_code code, const char *message)
{
    if (disk->step == TRAVEL_DISK_ENDED)
        return;
    disk->end_code = code;
    snprintf(disk->last.message, sizeof disk->last.message, "%s", message ? message : "");
    end_disk(disk);
}

/* ---- Its snapshot ---- */

static void seal_waits(struct travel_disk *disk)
{
    disk->seal_waits = true;
    disk->last.level = FERRY_WARNING;
    snprintf(disk->last.message, sizeof disk->last.message,
             "The data is there; its snapshot is taken when the region answers: %s",
             disk->seal.err.text);
}

static void seal_failed(struct travel_disk *disk)
{
    char sentence[FERRY_MESSAGE_MAX_BYTES];

    if (disk->travel->replication->stopping) { /* nothing has failed: the next life seals it */
        disk->step = TRAVEL_DISK_ENDED;
        replication_kick(disk->travel->replication);
        return;
    }
    if (disk->seal.err.retry == RETRY_LATER && !disk->travel->canceled) {
        seal_waits(disk);
        return;
    }
    snprintf(sentence, sizeof sentence,
             "The data is there, but the target's snapshot could not be taken: %s Put the restore "
             "point again.",
             disk->seal.err.text);
    fail_disk(disk, EVENT_FAILED, sentence);
}

static void seal_tidied(struct region_snapshot *seal)
{
    end_disk(seal->arg); /* what could not be tidied is found by the next sweep */
}

static void seal_taken(struct region_snapshot *seal)
{
    struct travel_disk *disk = seal->arg;

    if (err_is_set(&seal->err)) {
        seal_failed(disk);
    } else if (seal->unsure) {
        seal->done = seal_tidied;
        region_snapshot_tidy(seal);
    } else {
        end_disk(disk);
    }
}

static void seal_prepared(struct region_snapshot *seal)
{
    if (err_is_set(&seal->err)) {
        seal_failed(seal->arg);
        return;
    }
    seal->done = seal_taken;
    region_snapshot_take(seal);
}

/* An earlier life may have taken it and died before the catalog knew. */
static void seal_looked(struct region_snapshot *seal)
{
    if (err_is_set(&seal->err)) {
        seal_failed(seal->arg);
    } else if (seal->snapshot[0]) {
        end_disk(seal->arg);
    } else {
        seal->done = seal_prepared;
        region_snapshot_prepare(seal);
    }
}

static void seal(struct travel_disk *disk)
{
    struct reactor *reactor = disk->travel->replication->service->reactor;

    disk->step = TRAVEL_DISK_SEALING;
    region_snapshot_fini(&disk->seal); /* of an earlier try */
    disk->seal = (struct region_snapshot){
        .account = disk->target.region->account,
        .container = disk->target.container,
        .blob = disk->target.blob,
        .point = disk->id,
        .due_ns = reactor_now_ns(reactor) + SEAL_NS,
        .done = seal_looked,
        .arg = disk,
    };
    region_snapshot_find(&disk->seal);
}

void travel_try_again(struct travel *travel)
{
    for (size_t i = 0; i < travel->count; i++) {
        struct travel_disk *disk = &travel->disks[i];

        if (disk->untold)
            end_disk(disk);
        if (!disk->seal_waits)
            continue;
        disk->seal_waits = false;
        if (travel->canceled) {
            seal_failed(disk);
            continue;
        }
        disk->last.level = FERRY_INFO;
        snprintf(disk->last.message, sizeof disk->last.message, "Complete and committed.");
        seal(disk);
    }
}

/* ---- What is heard ---- */

void travel_heard(struct travel_disk *disk, const struct ferry_disk_view *view)
{
    struct travel *travel = disk->travel;

    if (disk->step != TRAVEL_DISK_MOVING)
        return;
    disk->last = *view;
    if (view->code == EVENT_IN_PROGRESS && !travel->begun && !travel->of_disk)
        travel->begun = tell(travel, begun, NULL);
    if (view->code == EVENT_SUCCEEDED) {
        disk->end_code = EVENT_SUCCEEDED;
        if (travel->of_disk)
            end_disk(disk);
        else
            seal(disk);
    } else if (ferry_code_is_last(view->code)) {
        fail_disk(disk, view->code, view->message);
    } else if (view->code != disk->kept_code || view->percent >= disk->kept_percent + KEPT_STEP) {
        disk->kept_code = view->code;
        disk->kept_percent = view->percent;
        (void)tell(travel, progress, disk);
    }
}

static void fail_rest(struct travel *travel, enum event_code code, const char *message)
{
    for (size_t i = 0; i < travel->count; i++)
        if (travel->disks[i].step == TRAVEL_DISK_WAITING ||
            travel->disks[i].step == TRAVEL_DISK_MOVING)
            fail_disk(&travel->disks[i], code, message);
}

void travel_waits(struct travel *travel, const char *why)
{
    for (size_t i = 0; i < travel->count; i++) {
        struct travel_disk *disk = &travel->disks[i];

        disk->last.code = EVENT_PENDING;
        disk->last.level = FERRY_WARNING;
        snprintf(disk->last.message, sizeof disk->last.message, "Waits for its region: %s", why);
        (void)tell(travel, progress, disk);
    }
}

void travel_ferry_ended(struct travel *travel, enum event_code code, const char *message)
{
    travel->ferry_has_it = false;
    if (travel->overdue)
        fail_rest(travel, EVENT_FAILED, REPLICATION_OVERDUE);
    else
        fail_rest(travel, code == EVENT_SUCCEEDED ? EVENT_FAILED : code, message);
    replication_kick(travel->replication);
}

void travel_give_up(struct travel *travel, enum event_code code, const char *message)
{
    fail_rest(travel, code, message);
    replication_kick(travel->replication);
}

bool travel_over(const struct travel *travel)
{
    for (size_t i = 0; i < travel->count; i++)
        if (travel->disks[i].step != TRAVEL_DISK_ENDED)
            return false;
    return !travel->ferry_has_it && travel->making_count == 0;
}

/* ---- The end of all ---- */

/* Was told with its last disk's; once more, should that have had no room in the catalog then. */
static bool concluded(struct travel *travel, void *arg, struct err *e)
{
    (void)arg;
    return point_end_conclude(travel->replication->service, travel->id, e);
}

void travel_conclude(struct travel *travel)
{
    if (!travel->of_disk)
        (void)tell(travel, concluded, NULL);
}
