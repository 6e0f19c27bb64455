/* arm_render_point.c - restore points and disk restore points; see arm_render.h. */
#include <string.h>

#include "tools/controld/arm_metadata.h"
#include "tools/controld/arm_render.h"
#include "tools/controld/arm_render_parts.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_points.h"

#define GIB_BYTES    (1ll << 30)
#define PLATFORM_KEY "EncryptionAtRestWithPlatformKey"
#define SECTOR_BYTES 512

#define LAST_VERIFICATION "lastVerification"
/* Said where everybody looks before a restore: the percentage alone would hide it. */
#define FOUND_DIFFERENT "The last verification found that it is not what was copied."
#define HAS_DIFFERENT   "The last verification found a disk that is not what was copied."

/* ---- sourceMetadata ---- */

static json_t *disk_point_encryption(const struct catalog_disk_point *disk, bool nested)
{
    struct arm_out out = arm_out_begin();

    arm_out_text(&out, "type", disk->encryption_type ? disk->encryption_type : PLATFORM_KEY);
    if (nested)
        arm_out_reference(&out, "diskEncryptionSet", disk->encryption_set_id);
    else
        arm_out_text(&out, "diskEncryptionSetId", disk->encryption_set_id);
    return arm_out_end(&out);
}

static json_t *disk_point_reference(const struct catalog_disk_point *disk)
{
    struct arm_out out = arm_out_begin();

    arm_out_text(&out, "id", disk->id);
    arm_out_value(&out, "encryption", disk_point_encryption(disk, true));
    arm_out_reference(&out, "sourceDiskRestorePoint", disk->source_disk_point_id);
    return arm_out_end(&out);
}

/* The member of an object, made if need be; NULL: no memory. A view. */
static json_t *member(json_t *object, const char *name, json_t *(*make)(void))
{
    json_t *value = json_object_get(object, name);

    if (value)
        return value;
    value = make();
    return value && json_object_set_new(object, name, value) == 0 ? value : NULL;
}

/* The entry of a data disk by its lun, made if the description has none. A view; NULL: no memory. */
static json_t *data_disk(json_t *list, int64_t lun)
{
    json_t *entry;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *its_lun;

        entry = json_array_get(list, i);
        its_lun = json_object_get(entry, "lun");
        if (json_is_integer(its_lun) && json_integer_value(its_lun) == lun)
            return entry;
    }
    entry = json_pack("{s:I}", "lun", (json_int_t)lun);
    return entry && json_array_append_new(list, entry) == 0 ? entry : NULL;
}

static bool set_once(json_t *object, const char *name, json_t *value)
{
    if (value && json_object_get(object, name)) {
        json_decref(value);
        return true;
    }
    return value && json_object_set_new(object, name, value) == 0;
}

/* What the row knows of a disk, where the description is silent; and its restore point. */
static bool tell_disk(json_t *entry, const struct catalog_disk_point *disk)
{
    json_t *managed = member(entry, "managedDisk", json_object);

    return managed && (!disk->disk_id || set_once(managed, "id", json_string(disk->disk_id))) &&
           (!disk->name || set_once(entry, "name", json_string(disk->name))) &&
           (disk->size_bytes <= 0 ||
            set_once(entry, "diskSizeGB",
                     json_integer((disk->size_bytes + GIB_BYTES - 1) / GIB_BYTES))) &&
           json_object_set_new(entry, "diskRestorePoint", disk_point_reference(disk)) == 0;
}

static bool tell_disks(json_t *metadata, const struct catalog_disk_point *disks, size_t count)
{
    json_t *storage = count ? member(metadata, "storageProfile", json_object) : NULL;

    for (size_t i = 0; i < count; i++) {
        bool os = disks[i].role == CATALOG_ROLE_OS;
        json_t *list = storage && !os ? member(storage, "dataDisks", json_array) : NULL;
        json_t *entry = NULL;

        if (storage && os)
            entry = member(storage, "osDisk", json_object);
        else if (list)
            entry = data_disk(list, disks[i].lun);
        if (!entry || !tell_disk(entry, &disks[i]))
            return false;
    }
    return true;
}

static json_t *source_metadata(const struct catalog_point *point,
                               const struct catalog_disk_point *disks, size_t count)
{
    json_t *metadata = arm_render_shaped(point->metadata, arm_metadata_members);

    if (metadata && tell_disks(metadata, disks, count))
        return metadata;
    json_decref(metadata);
    return NULL;
}

/* ---- instanceView ---- */

/* What the last verification found; NULL: there was none. A new reference. */
static json_t *verification_of(const struct catalog_disk_point *disk)
{
    return disk->verified ? json_loads(disk->verified, 0, NULL) : NULL;
}

static bool found_different(const struct catalog_disk_point *disk)
{
    json_t *verification = verification_of(disk);
    const char *outcome = json_string_value(json_object_get(verification, "outcome"));
    bool different = outcome && strcmp(outcome, "different") == 0;

    json_decref(verification);
    return different;
}

static json_t *disk_view(const struct catalog_disk_point *disk)
{
    enum arm_replication state = arm_replication_of(disk->code);
    struct arm_out out = arm_out_begin(), replication = arm_out_begin();
    bool different = found_different(disk);

    arm_out_value(
        &replication, "status",
        arm_replication_status(state, catalog_level_name(different ? CATALOG_WARNING : disk->level),
                               different ? FOUND_DIFFERENT : disk->message, disk->ended_ns));
    arm_out_int(&replication, "completionPercent",
                (int64_t)arm_replication_percent(state, disk->percent));
    arm_out_text(&out, "id", disk->id);
    arm_out_text(&out, "snapshotAccessState",
                 state == ARM_REPLICATION_SUCCEEDED ? "Available" : "Pending");
    arm_out_value(&out, "replicationStatus", arm_out_end(&replication));
    if (disk->verified)
        arm_out_value(&out, "x-snapferry",
                      json_pack("{s:o}", LAST_VERIFICATION, verification_of(disk)));
    return arm_out_end(&out);
}

/* A whole is what its worst part is; where some are ready and others wait for their turn, it is under way. */
static json_t *whole_status(const struct catalog_point *point,
                            const struct catalog_disk_point *disks, size_t count)
{
    enum arm_replication worst = count ? ARM_REPLICATION_SUCCEEDED : ARM_REPLICATION_PENDING;
    const char *message = NULL;
    size_t done = 0, different = 0;
    int64_t ended_ns = 0;

    for (size_t i = 0; i < count; i++) {
        enum arm_replication state = arm_replication_of(disks[i].code);

        done += state == ARM_REPLICATION_SUCCEEDED;
        different += found_different(&disks[i]);
        if (disks[i].ended_ns > ended_ns)
            ended_ns = disks[i].ended_ns;
        if (state < worst || (state == worst && !message)) {
            worst = state;
            message = disks[i].message;
        }
    }
    if (worst == ARM_REPLICATION_PENDING && done > 0)
        worst = ARM_REPLICATION_RUNNING;
    if (point->state == CATALOG_FAILED) {
        worst = ARM_REPLICATION_FAILED;
        message = point->failure_message ? point->failure_message : message;
    }
    if (worst == ARM_REPLICATION_SUCCEEDED && different > 0)
        return arm_replication_status(worst, catalog_level_name(CATALOG_WARNING), HAS_DIFFERENT,
                                      ended_ns);
    return arm_replication_status(worst, NULL, message,
                                  worst == ARM_REPLICATION_SUCCEEDED ? ended_ns : 0);
}

static json_t *instance_view_of(const struct catalog_point *point,
                                const struct catalog_disk_point *disks, size_t count)
{
    struct arm_out out = arm_out_begin();
    json_t *views = json_array();

    for (size_t i = 0; views && i < count; i++)
        if (json_array_append_new(views, disk_view(&disks[i])) < 0) {
            json_decref(views);
            views = NULL;
        }
    arm_out_value(&out, "statuses", json_pack("[o]", whole_status(point, disks, count)));
    arm_out_value(&out, "diskRestorePoints", views);
    return arm_out_end(&out);
}

/* ---- Restore points ---- */

/* Ids as texts or as objects with an id -> the latter; NULL: no memory. */
static json_t *excluded_of(const char *text)
{
    json_t *given = json_loads(text, 0, NULL), *out = json_array();

    for (size_t i = 0; out && i < json_array_size(given); i++) {
        json_t *value = json_array_get(given, i);
        json_t *one = json_is_string(value) ? json_pack("{s:O}", "id", value) : json_incref(value);

        if (json_array_append_new(out, one) < 0) {
            json_decref(out);
            out = NULL;
        }
    }
    json_decref(given);
    return out;
}

static void put_excluded(struct arm_out *out, const char *text)
{
    json_t *list = text ? excluded_of(text) : NULL;

    if (list && json_array_size(list) == 0)
        json_decref(list);
    else if (text)
        arm_out_value(out, "excludeDisks", list);
}

/* What the older documents called provisioningDetails, and what the service does not tell at all. */
static json_t *point_beyond(const struct catalog_point *point)
{
    struct arm_out out = arm_out_begin();

    if (point->used_bytes > 0)
        arm_out_int(&out, "totalUsedSizeInBytes", point->used_bytes);
    arm_out_text(&out, "statusCode", point->hook_status);
    arm_out_text(&out, "statusMessage", point->hook_message);
    arm_out_text(&out, "origin", catalog_origin_name(point->origin));
    if (point->generation > 1)
        arm_out_int(&out, "attempts", point->generation);
    arm_out_time(&out, "replicationDeadline", point->deadline_ns);
    if (point->failure_code)
        arm_out_value(&out, "failure",
                      json_pack("{s:s, s:s}", "code", point->failure_code, "message",
                                point->failure_message ? point->failure_message : ""));
    return arm_out_end(&out);
}

json_t *arm_render_point(const struct catalog_point *point, const struct catalog_disk_point *disks,
                         size_t disk_count, bool instance_view)
{
    struct arm_out out = arm_out_begin(), properties = arm_out_begin();

    arm_out_text(&properties, "provisioningState", catalog_state_name(point->state));
    arm_out_time(&properties, "timeCreated", point->created_ns);
    arm_out_text(&properties, "consistencyMode", catalog_consistency_name(point->consistency));
    put_excluded(&properties, point->exclude);
    arm_out_reference(&properties, "sourceRestorePoint", point->source_point_id);
    arm_out_some(&properties, "sourceMetadata", source_metadata(point, disks, disk_count));
    if (instance_view)
        arm_out_value(&properties, "instanceView", instance_view_of(point, disks, disk_count));
    arm_out_value(&properties, "x-snapferry", point_beyond(point));
    arm_out_identity(&out, point->id, ARM_POINT);
    arm_out_value(&out, "properties", arm_out_end(&properties));
    return arm_out_end(&out);
}

/* ---- Disk restore points ---- */

static json_t *disk_point_beyond(const struct catalog_disk_point *disk)
{
    struct arm_out out = arm_out_begin();

    arm_out_text(&out, "diskName", disk->name);
    arm_out_text(&out, "sourceDiskId", disk->disk_id);
    arm_out_text(&out, "role", catalog_role_name(disk->role));
    if (disk->role == CATALOG_ROLE_DATA)
        arm_out_int(&out, "lun", disk->lun);
    arm_out_text(&out, "location", disk->location);
    if (disk->size_bytes > 0)
        arm_out_int(&out, "diskSizeBytes", disk->size_bytes);
    arm_out_text(&out, "level", catalog_level_name(disk->level));
    arm_out_text(&out, "message", disk->message);
    arm_out_text(&out, "root", disk->root);
    if (disk->verified)
        arm_out_value(&out, LAST_VERIFICATION, verification_of(disk));
    if (disk->changed_bytes > 0)
        arm_out_int(&out, "changedBytes", disk->changed_bytes);
    if (disk->wire_bytes > 0)
        arm_out_int(&out, "wireBytes", disk->wire_bytes);
    arm_out_text(&out, "sourceDiskRestorePointId", disk->source_disk_point_id);
    arm_out_text(&out, "baseDiskRestorePointId", disk->base_disk_point_id);
    arm_out_time(&out, "beginTime", disk->begun_ns);
    arm_out_time(&out, "endTime", disk->ended_ns);
    return arm_out_end(&out);
}

static void put_facts(struct arm_out *out, const char *text, const char *metadata_text, bool os)
{
    static const char *const kept[] = {"purchasePlan", "supportedCapabilities", "securityProfile",
                                       "supportsHibernation"};
    json_t *facts = text ? json_loads(text, 0, NULL) : NULL;
    json_t *metadata = arm_render_shaped(metadata_text, arm_metadata_members);
    const char *os_type = arm_shape_text(facts, "osType");
    const char *generation = arm_shape_text(facts, "hyperVGeneration");
    const json_t *sector = arm_shape_at(facts, "logicalSectorSize");

    if (os && !os_type)
        os_type = arm_shape_text(metadata, "storageProfile.osDisk.osType");
    if (os && !generation)
        generation = arm_shape_text(metadata, "hyperVGeneration");
    arm_out_text(out, "osType", os_type);
    arm_out_text(out, "hyperVGeneration", generation);
    arm_out_text(out, "sourceUniqueId", arm_shape_text(facts, "uniqueId"));
    arm_out_int(out, "logicalSectorSize",
                json_is_integer(sector) ? json_integer_value(sector) : SECTOR_BYTES);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (arm_shape_at(facts, kept[i]))
            arm_out_value(out, kept[i], json_incref(arm_shape_at(facts, kept[i])));
    json_decref(facts);
    json_decref(metadata);
}

json_t *arm_render_disk_point(const struct catalog_disk_point *disk,
                              const struct catalog_point *point)
{
    struct arm_out out = arm_out_begin(), properties = arm_out_begin();
    enum arm_replication state = arm_replication_of(disk->code);
    const char *elsewhere = disk->source_location;

    arm_out_time(&properties, "timeCreated", disk->created_ns);
    arm_out_text(&properties, "sourceResourceId",
                 disk->source_disk_point_id ? disk->source_disk_point_id : disk->disk_id);
    if (elsewhere && disk->location && strcasecmp(elsewhere, disk->location) != 0)
        arm_out_text(&properties, "sourceResourceLocation", elsewhere);
    put_facts(&properties, disk->facts, point->metadata, disk->role == CATALOG_ROLE_OS);
    arm_out_text(&properties, "familyId", disk->family);
    arm_out_value(&properties, "encryption", disk_point_encryption(disk, false));
    arm_out_text(&properties, "networkAccessPolicy", "AllowAll");
    arm_out_text(&properties, "publicNetworkAccess", "Enabled");
    arm_out_real(&properties, "completionPercent", arm_replication_percent(state, disk->percent));
    arm_out_text(&properties, "replicationState", arm_replication_word(state));
    arm_out_value(&properties, "x-snapferry", disk_point_beyond(disk));
    arm_out_identity(&out, disk->id, ARM_DISK_POINT);
    arm_out_value(&out, "properties", arm_out_end(&properties));
    return arm_out_end(&out);
}
