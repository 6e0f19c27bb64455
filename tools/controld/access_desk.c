/* access_desk.c - see access_desk.h. */
#include "tools/controld/access_desk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "io/reactor.h"
#include "io/secret.h"
#include "tools/controld/arm_body.h"
#include "tools/controld/catalog_accesses.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_disks.h"
#include "tools/controld/region_sas.h"
#include "tools/controld/regions.h"

#define READ_AND_WRITE "rw"
_Static_assert(sizeof READ_AND_WRITE <= REGION_PERMISSIONS_MAX_BYTES, "an errand has room for it");

/* What is asked for, or taken back; answered when the account has said so. */
struct errand {
    struct access_desk *desk;
    struct errand *next;
    struct front_ask *ask;
    char id[ARM_ID_MAX_BYTES];
    struct catalog_access row; /* its texts are in the errand's own */
    char region[ARM_LOCATION_MAX_BYTES], container[REGION_CONTAINER_MAX_BYTES];
    char blob[REGION_BLOB_MAX_BYTES], snapshot[REGION_SNAPSHOT_MAX_BYTES];
    char policy[REGION_POLICY_ID_MAX_BYTES], permissions[REGION_PERMISSIONS_MAX_BYTES];
    struct region_access_op op;
};

struct access_desk {
    struct service *service;
    struct errand *errands;
};

/* ---- Errands ---- */

static struct errand *errand_new(struct access_desk *desk, struct front_ask *ask,
                                 struct arm_error *why)
{
    struct errand *errand;
    char id[ARM_ID_MAX_BYTES];

    arm_id_text(&ask->route.id, id);
    for (errand = desk->errands; errand; errand = errand->next)
        if (strcasecmp(errand->id, id) == 0) {
            arm_error_set(why, 409, "AnotherOperationInProgress", NULL,
                          "Access to this resource is being granted or taken back at this moment.");
            return NULL;
        }
    errand = calloc(1, sizeof *errand);
    if (!errand) {
        arm_error_memory(why);
        return NULL;
    }
    errand->desk = desk;
    errand->ask = ask;
    memcpy(errand->id, id, sizeof id);
    errand->op.arg = errand;
    errand->next = desk->errands;
    desk->errands = errand;
    return errand;
}

static void errand_free(struct errand *errand)
{
    struct errand **at = &errand->desk->errands;

    while (*at != errand)
        at = &(*at)->next;
    *at = errand->next;
    free(errand);
}

static void refuse(struct errand *errand, const struct arm_error *why)
{
    service_refuse(errand->ask, why);
    errand_free(errand);
}

static const struct region *region_of(const struct errand *errand)
{
    return regions_find(errand->desk->service->regions, errand->region);
}

/* The row's texts become the errand's own, which outlive the row that was read. */
static void take_row(struct errand *errand, const struct catalog_access *row)
{
    errand->row = *row;
    snprintf(errand->region, sizeof errand->region, "%s", row->region);
    snprintf(errand->container, sizeof errand->container, "%s", row->container);
    snprintf(errand->blob, sizeof errand->blob, "%s", row->blob);
    snprintf(errand->snapshot, sizeof errand->snapshot, "%s", row->snapshot ? row->snapshot : "");
    snprintf(errand->policy, sizeof errand->policy, "%s", row->policy);
    snprintf(errand->permissions, sizeof errand->permissions, "%s", row->permissions);
    errand->row.resource_id = errand->id;
    errand->row.region = errand->region;
    errand->row.container = errand->container;
    errand->row.blob = errand->blob;
    errand->row.snapshot = errand->snapshot[0] ? errand->snapshot : NULL;
    errand->row.policy = errand->policy;
    errand->row.permissions = errand->permissions;
}

/* ---- What is opened ---- */

static bool place_of_disk_point(struct errand *errand, struct catalog_access *row,
                                struct catalog_disk_point *point, struct arm_error *why,
                                struct err *e)
{
    if (!catalog_disk_point_get(errand->desk->service->catalog, errand->id, point, e))
        return false;
    if (!point->id)
        return arm_id_not_found(&errand->ask->route.id, why);
    if (!point->snapshot)
        return arm_error_set(
            why, 409, ARM_DISK_CLIENT_ERROR, NULL,
            "The disk restore point is not complete yet ('%.60s'): there is nothing to be read.",
            point->code);
    if (!service_point_stays(errand->desk->service, point->point_id, why, e))
        return false;
    *row = (struct catalog_access){.region = point->region,
                                   .container = point->container,
                                   .blob = point->blob,
                                   .snapshot = point->snapshot};
    return true;
}

static bool place_of_disk(struct errand *errand, struct catalog_access *row,
                          struct catalog_disk *disk, json_t **out_backing, struct arm_error *why,
                          struct err *e)
{
    if (!catalog_disk_get(errand->desk->service->catalog, errand->id, disk, e))
        return false;
    if (!disk->id)
        return arm_id_not_found(&errand->ask->route.id, why);
    if (disk->state != CATALOG_SUCCEEDED)
        return arm_error_set(why, 409, ARM_CONFLICT, NULL, "The disk is '%s', not Succeeded.",
                             catalog_state_name(disk->state));
    *out_backing = service_json(disk->backing);
    row->region = json_string_value(json_object_get(*out_backing, "region"));
    row->container = json_string_value(json_object_get(*out_backing, "container"));
    row->blob = json_string_value(json_object_get(*out_backing, "blob"));
    return (row->region && row->container && row->blob) ||
           arm_error_refused(why, NULL,
                             "The disk is a file of this machine: there is no URL for it.");
}

static bool new_row(struct errand *errand, const struct arm_access_body *body,
                    struct arm_error *why, struct err *e)
{
    struct catalog_disk_point point = {0};
    struct catalog_disk disk = {0};
    struct catalog_access row = {0};
    json_t *backing = NULL;
    unsigned char random[16];
    char policy[REGION_POLICY_ID_MAX_BYTES];
    bool ok = errand->ask->route.type == ARM_DISK
                  ? place_of_disk(errand, &row, &disk, &backing, why, e)
                  : place_of_disk_point(errand, &row, &point, why, e);

    if (ok && getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        ok = err_set_errno(e, errno, RETRY_LATER, "no random bytes");
    if (ok) {
        region_access_policy_id(random, policy);
        row.policy = policy;
        row.permissions = body->access == ARM_ACCESS_WRITE ? READ_AND_WRITE : "r";
        row.begun_ns = service_now_ns(errand->desk->service);
        take_row(errand, &row);
    }
    json_decref(backing);
    catalog_disk_point_fini(&point);
    catalog_disk_fini(&disk);
    return ok;
}

/* ---- beginGetAccess ---- */

/* Its deletion may have begun while the account was asked. */
static bool is_still_there(struct errand *errand, struct arm_error *why, struct err *e)
{
    struct catalog_disk_point point = {0};
    struct catalog_disk disk = {0};
    struct catalog_access place = {0};
    json_t *backing = NULL;
    bool ok = errand->ask->route.type == ARM_DISK
                  ? place_of_disk(errand, &place, &disk, &backing, why, e)
                  : place_of_disk_point(errand, &place, &point, why, e);

    json_decref(backing);
    catalog_disk_point_fini(&point);
    catalog_disk_fini(&disk);
    return ok;
}

static bool keep_row(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    struct errand *errand = arg;

    if (!is_still_there(errand, why, e))
        return false;
    errand->row.expires_ns = (int64_t)errand->op.expiry_ns;
    return catalog_access_put(service->catalog, &errand->row, e);
}

static json_t *url_of(struct service *service, const struct catalog_access *row, struct err *e)
{
    const struct region *region = regions_find(service->regions, row->region);
    const struct region_sas sas = {.container = row->container,
                                   .blob = row->blob,
                                   .snapshot = row->snapshot,
                                   .permissions = row->permissions,
                                   .expiry_ns = (uint64_t)row->expires_ns,
                                   .policy = row->policy};
    json_t *body = NULL;
    char *url = NULL;

    if (region && region_sas_url(region->account, &sas, &url, e))
        body = json_pack("{ss}", "accessSAS", url);
    secret_wipe_free(url);
    return body;
}

static void granted(struct region_access_op *op)
{
    struct errand *errand = op->arg;
    struct service *service = errand->desk->service;
    struct arm_error why = {0};
    struct err e = {0};
    json_t *body = NULL;
    bool ok = !err_is_set(&op->err) || arm_error_of(&why, &op->err);

    ok = ok && service_change(service, keep_row, errand, &why);
    if (ok && !(body = url_of(service, &errand->row, &e)))
        ok = err_is_set(&e) ? arm_error_of(&why, &e) : arm_error_memory(&why);
    if (!ok) {
        refuse(errand, &why);
        return;
    }
    front_answer(errand->ask->call, 200, body, NULL, 0);
    errand_free(errand);
}

static bool read_errand(struct errand *errand, const struct arm_access_body *body,
                        struct arm_error *why)
{
    struct service *service = errand->desk->service;
    struct catalog_access old = {0};
    struct err e = {0};
    bool ok = catalog_access_get(service->catalog, errand->id, &old, &e);

    if (ok && old.resource_id && old.expires_ns > service_now_ns(service)) {
        take_row(errand, &old); /* the same policy, and so the same URL */
        if (body->access == ARM_ACCESS_WRITE)
            strcpy(errand->permissions, READ_AND_WRITE); /* the policy says so, not the URL */
    } else {
        ok = ok && new_row(errand, body, why, &e);
    }
    catalog_access_fini(&old);
    if (!ok && !arm_error_is_set(why))
        arm_error_of(why, &e);
    return ok;
}

static void begin(void *arg, struct front_ask *ask)
{
    struct access_desk *desk = arg;
    struct arm_access_body body = {0};
    struct arm_error why = {0};
    struct errand *errand = NULL;
    const struct region *region = NULL;
    bool ok = arm_access_read(ask->call->body, ask->call->body_bytes, &body, &why);

    if (ok && body.access != ARM_ACCESS_READ &&
        (ask->route.type == ARM_DISK_POINT || body.access == ARM_ACCESS_NONE))
        ok = arm_error_set(&why, 400, ARM_INVALID_PARAMETER, "access",
                           "Access to it can only be 'Read'.");
    if (ok && body.vhdx)
        ok = arm_error_refused(&why, "fileFormat", "Only the file format 'VHD' is served.");
    ok = ok && (errand = errand_new(desk, ask, &why)) && read_errand(errand, &body, &why);
    if (ok && !(region = region_of(errand)))
        ok = arm_error_set(&why, 409, ARM_CONFLICT, NULL,
                           "Its region is not in the configuration any more.");
    if (!ok) {
        service_refuse(ask, &why);
        if (errand)
            errand_free(errand);
        return;
    }
    errand->op.container = errand->container;
    errand->op.policy = errand->policy;
    errand->op.permissions = errand->permissions;
    errand->op.expiry_ns = (uint64_t)service_now_ns(desk->service) + body.duration_s * NS_PER_S;
    errand->op.done = granted;
    region_access_grant(region->access, &errand->op);
}

/* ---- endGetAccess ---- */

static bool drop_row(struct service *service, void *arg, struct arm_error *why, struct err *e)
{
    struct errand *errand = arg;

    (void)why;
    return catalog_access_delete(service->catalog, errand->id, e);
}

static void revoked(struct region_access_op *op)
{
    struct errand *errand = op->arg;
    struct arm_error why = {0};

    if (err_is_set(&op->err))
        arm_error_of(&why, &op->err);
    else
        (void)service_change(errand->desk->service, drop_row, errand, &why);
    if (arm_error_is_set(&why)) {
        refuse(errand, &why);
        return;
    }
    front_answer(errand->ask->call, 200, NULL, NULL, 0);
    errand_free(errand);
}

static void end(void *arg, struct front_ask *ask)
{
    struct access_desk *desk = arg;
    struct arm_error why = {0};
    struct err e = {0};
    struct catalog_access row = {0};
    struct errand *errand = errand_new(desk, ask, &why);
    const struct region *region = NULL;

    if (!errand) {
        service_refuse(ask, &why);
        return;
    }
    if (!catalog_access_get(desk->service->catalog, errand->id, &row, &e)) {
        arm_error_of(&why, &e);
        refuse(errand, &why);
        return;
    }
    if (row.resource_id) {
        take_row(errand, &row);
        region = region_of(errand);
    }
    catalog_access_fini(&row);
    if (!region) { /* nobody has access */
        front_answer(ask->call, 200, NULL, NULL, 0);
        errand_free(errand);
        return;
    }
    errand->op.container = errand->container;
    errand->op.policy = errand->policy;
    errand->op.done = revoked;
    region_access_revoke(region->access, &errand->op);
}

/* ---- Life, use ---- */

struct access_desk *access_desk_new(struct service *service, struct err *e)
{
    struct access_desk *desk = calloc(1, sizeof *desk);

    if (desk)
        desk->service = service;
    else
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot begin");
    return desk;
}

void access_desk_free(struct access_desk *desk)
{
    free(desk);
}

bool access_desk_idle(const struct access_desk *desk)
{
    return !desk->errands;
}

void access_desk_serve(struct access_desk *desk, struct front_table *table)
{
    static const struct front_handler handlers[] = {
        {ARM_DISK_POINT, ARM_VERB_BEGIN_ACCESS, begin},
        {ARM_DISK_POINT, ARM_VERB_END_ACCESS, end},
        {ARM_DISK, ARM_VERB_BEGIN_ACCESS, begin},
        {ARM_DISK, ARM_VERB_END_ACCESS, end},
    };

    front_table_add(table, handlers, sizeof handlers / sizeof handlers[0], desk);
}

bool access_desk_active(struct service *service, const char *resource_id, bool *out_active,
                        struct err *e)
{
    struct catalog_access row = {0};
    bool ok = catalog_access_get(service->catalog, resource_id, &row, e);

    *out_active = ok && row.resource_id && row.expires_ns > service_now_ns(service);
    catalog_access_fini(&row);
    return ok;
}
