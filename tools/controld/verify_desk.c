/* verify_desk.c - see verify_desk.h. */
#include "tools/controld/verify_desk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "tools/controld/catalog_collections.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_operations.h"
#include "tools/controld/catalog_points.h"
#include "tools/controld/operation.h"
#include "tools/controld/spare_bases.h"
#include "tools/controld/verify_check.h"
#include "tools/controld/verify_record.h"

enum item_step { ITEM_WAITS, ITEM_RUNS, ITEM_ENDED };

struct verify_item { /* one disk */
    struct verification *verification;
    enum item_step step;
};

struct verification { /* one operation */
    struct verify_desk *desk;
    struct verification *next; /* in the order they came */
    struct arm_id arm_id;
    char id[ARM_ID_MAX_BYTES], operation[FRONT_GUID_BYTES];
    struct verify_check **checks; /* each disk's */
    struct verify_item *items;    /* and how far it is */
    size_t count, ended;
};

struct verify_desk {
    struct verify_desk_setup setup;
    struct service *service;
    char *folder;
    struct verification *verifications;
    unsigned running, disks; /* of all that are here */
    bool stopping;
};

static const char *kind_name(void)
{
    return arm_verb_name(ARM_VERB_VERIFY);
}

/* ---- Verifications ---- */

static void verification_free(struct verification *verification)
{
    if (!verification)
        return;
    for (size_t i = 0; i < verification->count; i++)
        verify_check_free(verification->checks[i]);
    free(verification->checks);
    free(verification->items);
    free(verification);
}

static struct verification *verification_new(struct verify_desk *desk, const struct arm_id *id,
                                             struct arm_error *why)
{
    struct verification *verification = calloc(1, sizeof *verification);

    if (!verification) {
        arm_error_memory(why);
        return NULL;
    }
    verification->desk = desk;
    verification->arm_id = *id;
    arm_id_text(id, verification->id);
    return verification;
}

static void keep(struct verification *verification)
{
    struct verify_desk *desk = verification->desk;
    struct verification **at = &desk->verifications;

    while (*at)
        at = &(*at)->next;
    *at = verification;
    desk->disks += (unsigned)verification->count;
}

static void drop(struct verification *verification)
{
    struct verify_desk *desk = verification->desk;
    struct verification **at = &desk->verifications;

    while (*at != verification)
        at = &(*at)->next;
    *at = verification->next;
    desk->disks -= (unsigned)verification->count;
    verification_free(verification);
}

/* ---- The end ---- */

static bool keep_end(struct service *service, void *arg, struct arm_error *unused, struct err *e)
{
    const struct verification *verification = arg;
    const struct verify_record record = {.operation = verification->operation,
                                         .checks = verification->checks,
                                         .count = verification->count,
                                         .of_point = verification->arm_id.type == ARM_POINT};

    (void)unused;
    return verify_record_keep(service, &record, e);
}

/* What cannot be kept is in progress still, and is done again by the next life. */
static void conclude(struct verification *verification)
{
    struct arm_error why = {0};

    if (!service_change(verification->desk->service, keep_end, verification, &why))
        fprintf(stderr, "snapferryd: cannot keep what a verification of %s found: %s\n",
                verification->id, why.message);
    spare_bases_soon(verification->desk->service->bases); /* a chain may not go on any more */
    drop(verification);
}

/* ---- One after the other ---- */

static void kick(struct verify_desk *desk)
{
    struct verification *at;

    for (at = desk->verifications; at && !desk->stopping; at = at->next)
        for (size_t i = 0; i < at->count && desk->running < VERIFY_AT_ONCE; i++)
            if (at->items[i].step == ITEM_WAITS) {
                at->items[i].step = ITEM_RUNS;
                desk->running++;
                verify_check_begin(at->checks[i]);
            }
}

static void check_done(void *arg, struct verify_check *check)
{
    struct verify_item *item = arg;
    struct verification *verification = item->verification;
    struct verify_desk *desk = verification->desk;

    (void)check;
    item->step = ITEM_ENDED;
    desk->running--;
    if (++verification->ended == verification->count && !desk->stopping)
        conclude(verification);
    kick(desk);
}

static bool add_disk(struct verification *verification, const struct arm_id *disk_point,
                     struct arm_error *why)
{
    struct verify_desk *desk = verification->desk;
    struct verify_item *item = &verification->items[verification->count];
    char name[FRONT_GUID_BYTES + 12];
    const struct verify_check_setup setup = {.service = desk->service,
                                             .snapferry = desk->setup.snapferry,
                                             .cacert = desk->setup.cacert,
                                             .folder = desk->folder,
                                             .allow_http = desk->setup.allow_http,
                                             .done = check_done,
                                             .arg = item};

    snprintf(name, sizeof name, "%s-%u", verification->operation, (unsigned)verification->count);
    item->verification = verification;
    verification->checks[verification->count] = verify_check_new(&setup, disk_point, name, why);
    if (!verification->checks[verification->count])
        return false;
    verification->count++;
    return true;
}

static bool make_room(struct verification *verification, size_t count, struct arm_error *why)
{
    verification->checks = calloc(count, sizeof(struct verify_check *));
    verification->items = calloc(count, sizeof *verification->items);
    return (verification->checks && verification->items) || arm_error_memory(why);
}

/* The disks that it is about; each must be one that can be verified. */
static bool add_disks(struct verification *verification, struct arm_error *why, struct err *e)
{
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    struct catalog_disk_point_list list = {0};
    bool one = verification->arm_id.type == ARM_DISK_POINT;
    bool ok = one || catalog_disk_point_list(verification->desk->service->catalog, verification->id,
                                             &all, &list, e);

    if (ok && !one && list.count == 0)
        ok = arm_error_set(why, 409, ARM_CONFLICT, NULL,
                           "The restore point has no disks yet: there is nothing to verify.");
    ok = ok && make_room(verification, one ? 1 : list.count, why);
    if (ok && one)
        ok = add_disk(verification, &verification->arm_id, why);
    for (size_t i = 0; ok && i < list.count; i++) {
        struct arm_id id;

        ok = arm_id_parse(list.rows[i].id, "id", &id, why) && add_disk(verification, &id, why);
    }
    catalog_disk_point_list_fini(&list);
    return ok;
}

/* ---- POST ---- */

static bool nobody_does(const struct verification *verification, struct arm_error *why)
{
    const struct verify_desk *desk = verification->desk;

    for (const struct verification *at = desk->verifications; at; at = at->next)
        for (size_t i = 0; i < at->count; i++)
            for (size_t j = 0; j < verification->count; j++)
                if (strcasecmp(verify_check_id(at->checks[i]),
                               verify_check_id(verification->checks[j])) == 0)
                    return arm_error_set(why, 409, "AnotherOperationInProgress", NULL,
                                         "It is being verified already, by the operation %s.",
                                         at->operation);
    if (desk->disks + verification->count > VERIFY_WAITING_MAX)
        return arm_error_set(why, 429, "TooManyRequests", NULL,
                             "%u disks are to be verified already; at most %u wait.", desk->disks,
                             VERIFY_WAITING_MAX);
    return true;
}

struct posting {
    struct verification *verification;
    char location[ARM_LOCATION_MAX_BYTES];
    struct operation_spec spec;
};

static bool find_location(struct service *service, struct posting *posting, struct arm_error *why,
                          struct err *e)
{
    const struct arm_id *id = &posting->verification->arm_id;
    struct catalog_point point = {0};
    struct catalog_collection collection = {0};
    struct arm_id point_id = *id;
    char text[ARM_ID_MAX_BYTES];
    bool ok;

    if (id->type == ARM_DISK_POINT)
        arm_id_parent(id, &point_id);
    arm_id_text(&point_id, text);
    ok = catalog_point_get(service->catalog, text, &point, e) &&
         (point.id || arm_id_not_found(id, why)) &&
         catalog_collection_get(service->catalog, point.collection_id, &collection, e) &&
         (collection.id || arm_id_not_found(id, why));
    if (ok)
        snprintf(posting->location, sizeof posting->location, "%s", collection.location);
    catalog_collection_fini(&collection);
    catalog_point_fini(&point);
    return ok;
}

static bool put_operation(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    struct posting *posting = arg;
    struct verification *verification = posting->verification;

    posting->spec = (struct operation_spec){.kind = kind_name(),
                                            .subscription = verification->arm_id.subscription,
                                            .location = posting->location,
                                            .resource = verification->id,
                                            .has_output = true};
    return find_location(service, posting, why, e) &&
           operation_begin(service->operations, &posting->spec, verification->operation, e) &&
           add_disks(verification, why, e) && nobody_does(verification, why);
}

static void post(void *arg, struct front_ask *ask)
{
    struct verify_desk *desk = arg;
    struct arm_error why = {0};
    struct posting posting = {.verification = verification_new(desk, &ask->route.id, &why)};

    if (!posting.verification || !service_change(desk->service, put_operation, &posting, &why)) {
        verification_free(posting.verification);
        service_refuse(ask, &why);
        return;
    }
    keep(posting.verification);
    operation_answer(desk->service->operations, ask->call, 202, NULL, &posting.spec,
                     posting.verification->operation);
    kick(desk);
}

/* ---- After a restart ---- */

struct failing {
    const char *operation;
    const struct arm_error *why;
};

static bool fail_operation(struct service *service, void *arg, struct arm_error *unused,
                           struct err *e)
{
    const struct failing *failing = arg;

    (void)unused;
    return operation_end(service->operations, failing->operation, failing->why, e);
}

/* What cannot be gone on with has failed, and says why. */
static bool take_up(struct verify_desk *desk, const struct catalog_operation *row, struct err *e)
{
    struct arm_error why = {0}, trouble = {0};
    struct arm_id id;
    struct verification *verification = NULL;
    struct failing failing = {row->guid, &why};
    bool ok = arm_id_parse(row->resource_id ? row->resource_id : "", "id", &id, &why) &&
              (verification = verification_new(desk, &id, &why));

    if (ok) {
        snprintf(verification->operation, sizeof verification->operation, "%s", row->guid);
        ok = add_disks(verification, &why, e);
    }
    if (ok) {
        keep(verification);
        return true;
    }
    verification_free(verification);
    if (err_is_set(e))
        return false;
    return service_change(desk->service, fail_operation, &failing, &trouble) ||
           err_set(e, ERR_IO, RETRY_LATER, "cannot end an operation: %s", trouble.message);
}

bool verify_desk_recover(struct verify_desk *desk, struct err *e)
{
    struct catalog_page page = {.limit = CATALOG_PAGE_MAX};
    struct catalog_operation_list list = {0};
    char after[FRONT_GUID_BYTES];
    bool ok = true, more = true;

    while (ok && more) {
        ok = catalog_operation_list_in_progress(desk->service->catalog, &page, &list, e);
        for (size_t i = 0; ok && i < list.count; i++)
            if (strcmp(list.rows[i].kind, kind_name()) == 0)
                ok = take_up(desk, &list.rows[i], e);
        more = ok && list.more;
        if (more) {
            snprintf(after, sizeof after, "%s", list.rows[list.count - 1].guid);
            page.after = after;
        }
        catalog_operation_list_fini(&list);
    }
    if (ok)
        kick(desk);
    return ok;
}

/* ---- Life ---- */

struct verify_desk *verify_desk_new(const struct verify_desk_setup *setup, struct err *e)
{
    struct verify_desk *desk = calloc(1, sizeof *desk);

    if (!desk || asprintf(&desk->folder, "%s/verify", setup->service->data_folder) < 0) {
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin");
        free(desk);
        return NULL;
    }
    desk->setup = *setup;
    desk->service = setup->service;
    if (mkdir(desk->folder, 0700) == 0 || errno == EEXIST)
        return desk;
    err_set_errno(e, errno, RETRY_NEVER, "cannot make %s", desk->folder);
    verify_desk_free(desk);
    return NULL;
}

void verify_desk_stop(struct verify_desk *desk)
{
    desk->stopping = true;
    for (struct verification *at = desk->verifications; at; at = at->next)
        for (size_t i = 0; i < at->count; i++)
            if (at->items[i].step == ITEM_RUNS)
                verify_check_stop(at->checks[i]);
}

bool verify_desk_idle(const struct verify_desk *desk)
{
    return desk->running == 0;
}

void verify_desk_free(struct verify_desk *desk)
{
    if (!desk)
        return;
    while (desk->verifications)
        drop(desk->verifications);
    free(desk->folder);
    free(desk);
}

void verify_desk_serve(struct verify_desk *desk, struct front_table *table)
{
    static const struct front_handler handlers[] = {
        {ARM_DISK_POINT, ARM_VERB_VERIFY, post},
        {ARM_POINT, ARM_VERB_VERIFY, post},
    };

    front_table_add(table, handlers, sizeof handlers / sizeof handlers[0], desk);
}

/* ---- Look ---- */

bool verify_desk_reads(const struct verify_desk *desk, const char *disk_point_id)
{
    for (const struct verification *at = desk ? desk->verifications : NULL; at; at = at->next)
        for (size_t i = 0; i < at->count; i++)
            if (verify_check_reads(at->checks[i], disk_point_id))
                return true;
    return false;
}

bool verify_desk_percent(const struct verify_desk *desk, const struct catalog_operation *row,
                         double *out_percent)
{
    for (const struct verification *at = desk->verifications; at; at = at->next) {
        double sum = 0;

        if (strcmp(at->operation, row->guid) != 0)
            continue;
        for (size_t i = 0; i < at->count; i++)
            sum += at->items[i].step == ITEM_ENDED ? 100
                                                   : verify_check_finding(at->checks[i])->percent;
        *out_percent = sum / (double)at->count;
        return true;
    }
    return false;
}
