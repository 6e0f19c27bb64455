/* point_copy.c - the rows of a restore point that is a copy of another, in another region; see
 * point_create.h.
 *
 * Knows:         what may be copied: a complete restore point of the collection that this one refers to.
 * Must not know: how the data moves.
 * Threads:       the reactor's.
 */
#include <string.h>
#include <strings.h>

#include "tools/controld/point_create_internal.h"

#define CMK_TYPE "EncryptionAtRestWithCustomerKey"
#define PMK_TYPE "EncryptionAtRestWithPlatformKey"

static bool is_complete(const struct catalog_disk_point_list *disks, struct arm_error *why)
{
    for (size_t i = 0; i < disks->count; i++)
        if (!disks->rows[i].snapshot)
            return arm_error_set(
                why, 409, ARM_OPERATION_REFUSED, "properties.sourceRestorePoint.id",
                "The source restore point is not complete yet: its disk '%.200s' is '%.60s'.",
                disks->rows[i].name, disks->rows[i].code);
    return true;
}

/* Keys of customers stay in their region: a copy is encrypted with the platform's (seed 002). */
const char *point_encryption_there(const char *type)
{
    return type && strncasecmp(type, CMK_TYPE, strlen(CMK_TYPE)) == 0 ? PMK_TYPE : type;
}

static bool put_disk(struct asking *asking, const struct catalog_disk_point *source,
                     struct arm_error *why, struct err *e)
{
    char id[ARM_ID_MAX_BYTES];
    struct catalog_disk_point row = {
        .id = id,
        .point_id = asking->point_id,
        .name = source->name,
        .disk_id = source->disk_id,
        .role = source->role,
        .lun = source->lun,
        .facts = source->facts,
        .location = asking->collection.location,
        .source_location = source->location,
        .size_bytes = source->size_bytes,
        .code = "ReplicationState/pending",
        .level = CATALOG_INFO,
        .source_disk_point_id = source->id,
        .encryption_type = point_encryption_there(source->encryption_type),
        .created_ns = service_now_ns(asking->service),
    };

    if (row.encryption_type && strcmp(row.encryption_type, PMK_TYPE) != 0)
        row.encryption_set_id = source->encryption_set_id;
    return point_disk_id(asking, source->name, id, why) &&
           catalog_disk_point_put(asking->service->catalog, &row, e);
}

static bool put_disks(struct asking *asking, const struct catalog_disk_point_list *sources,
                      struct arm_error *why, struct err *e)
{
    size_t count = 0;

    for (size_t i = 0; i < sources->count; i++) {
        if (point_excludes(asking, sources->rows[i].disk_id) ||
            point_excludes(asking, sources->rows[i].id))
            continue;
        if (!put_disk(asking, &sources->rows[i], why, e))
            return false;
        count++;
    }
    return count > 0 ||
           arm_error_bad(why, "properties.excludeDisks", "No disk is left to be copied.");
}

static bool look_at_source(const struct asking *asking, const struct catalog_point *source,
                           struct arm_error *why)
{
    if (!source->id)
        return arm_id_not_found(&asking->body->source, why);
    if (strcasecmp(source->collection_id, asking->collection.source_id) != 0)
        return arm_error_set(
            why, 400, ARM_INVALID_PARAMETER, "properties.sourceRestorePoint.id",
            "The restore point is not one of the collection that this one is copied from.");
    if (source->state != CATALOG_SUCCEEDED)
        return arm_error_set(why, 409, ARM_OPERATION_REFUSED, "properties.sourceRestorePoint.id",
                             "The source restore point is '%s', not Succeeded.",
                             catalog_state_name(source->state));
    return true;
}

bool point_copy_rows(struct asking *asking, struct arm_error *why, struct err *e)
{
    struct catalog *catalog = asking->service->catalog;
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    struct catalog_disk_point_list disks = {0};
    struct catalog_point source = {0};
    char source_id[ARM_ID_MAX_BYTES];
    bool ok;

    arm_id_text(&asking->body->source, source_id);
    ok = catalog_point_get(catalog, source_id, &source, e) &&
         look_at_source(asking, &source, why) &&
         catalog_disk_point_list(catalog, source.id, &all, &disks, e) && is_complete(&disks, why) &&
         point_row_put(asking, source.id, source.consistency, source.metadata, e) &&
         put_disks(asking, &disks, why, e);
    catalog_disk_point_list_fini(&disks);
    catalog_point_fini(&source);
    return ok;
}
