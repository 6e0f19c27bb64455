/* point_cut.c - a restore point cut from a virtual machine: its rows, the cut, what the catalog is told;
 * see point_create.h.
 *
 * Knows:         which disks a machine has, where each lies, how each can be cut.
 * Must not know: how a raw cut is carried into its blob (replication.h).
 * Threads:       the reactor's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "io/reactor.h"
#include "tools/controld/arm_resource_body.h"
#include "tools/controld/catalog_disks.h"
#include "tools/controld/catalog_families.h"
#include "tools/controld/catalog_machines.h"
#include "tools/controld/config.h"
#include "tools/controld/cut_frozen.h"
#include "tools/controld/family_place.h"
#include "tools/controld/point_create_internal.h"

/* ---- Rows ---- */

struct machine_view { /* of a machine that is to be cut */
    struct catalog_machine row;
    const struct config_machine *config; /* NULL: it was put by a caller */
    json_t *doc, *metadata;
    size_t disks_count;
};

static const struct config_disk *config_disk_of(const struct config_machine *machine,
                                                const char *disk_id)
{
    for (unsigned i = 0; machine && i < machine->disk_count; i++)
        if (strcasecmp(machine->disks[i].id, disk_id) == 0)
            return &machine->disks[i];
    return NULL;
}

/* Seed 003: what no restore point is made of. */
static bool is_served(const struct config_disk *disk, struct arm_error *why)
{
    const char *what = !disk             ? NULL
                       : disk->ephemeral ? "an ephemeral OS disk"
                       : disk->shared    ? "a shared disk"
                       : disk->unmanaged ? "an unmanaged disk"
                       : disk->sku && strcasecmp(disk->sku, "UltraSSD_LRS") == 0 ? "an Ultra disk"
                                                                                 : NULL;

    return !what ||
           arm_error_refused(why, NULL,
                             "The disk '%s' is %s: restore points of it are not supported. Name it "
                             "in excludeDisks.",
                             disk->name, what);
}

/* What is read while it changes would be no disk. */
static bool can_be_cut(const struct config_disk *config, const struct catalog_disk *disk,
                       const json_t *backing, struct arm_error *why)
{
    const char *file = json_string_value(json_object_get(backing, "file"));

    return !file || (config && config->snapshot.means != CONFIG_MEANS_NONE) ||
           arm_error_set(why, 409, "SnapshotMeansRequired", NULL,
                         "The disk '%.300s' is a raw file or device without a means of a point in "
                         "time: give it a snapshot (reflink, LVM or a command) in the "
                         "configuration, or name it in excludeDisks.",
                         disk->id);
}

/* The chain of a page blob that is the disk itself. One of another blob, or of cuts that were carried to a
 * container of ours, is another chain: it was of this disk, and ends. */
static bool family_of(struct service *service, const struct catalog_disk *disk, const char *region,
                      const char *container, const char *blob, char out_guid[FRONT_GUID_BYTES],
                      struct err *e)
{
    struct catalog_family read = {0};
    bool ok = catalog_family_find(service->catalog, region, disk->id, NULL, &read, e), same;

    same = ok && read.guid && strcmp(read.container, container) == 0 && read.live_blob &&
           strcmp(read.live_blob, blob) == 0;
    if (ok && read.guid && !same)
        ok = family_place_close(service->catalog, &read, e);
    if (same) {
        snprintf(out_guid, FRONT_GUID_BYTES, "%s", read.guid);
    } else if (ok) {
        const struct catalog_family row = {
            .guid = out_guid,
            .region = region,
            .source_disk = disk->id,
            .container = container,
            .live_blob = blob,
        };

        front_make_guid(out_guid);
        ok = catalog_family_put(service->catalog, &row, e);
    }
    catalog_family_fini(&read);
    return ok;
}

static bool put_disk(struct asking *asking, struct machine_view *machine, const json_t *member,
                     bool os, const struct catalog_disk *disk, struct arm_error *why, struct err *e)
{
    const struct config_disk *config = config_disk_of(machine->config, disk->id);
    json_t *backing = service_json(disk->backing);
    const char *region = json_string_value(json_object_get(backing, "region"));
    const char *name = json_string_value(json_object_get(member, "name"));
    char id[ARM_ID_MAX_BYTES], guid[FRONT_GUID_BYTES];
    struct catalog_disk_point row = {
        .id = id,
        .point_id = asking->point_id,
        .name = name,
        .disk_id = disk->id,
        .role = os ? CATALOG_ROLE_OS : CATALOG_ROLE_DATA,
        .lun = os ? -1 : json_integer_value(json_object_get(member, "lun")),
        .location = asking->collection.location,
        .source_location = machine->row.location,
        .size_bytes = disk->size_bytes,
        .code = "ReplicationState/pending",
        .encryption_type = config && config->encryption_type ? config->encryption_type
                                                             : "EncryptionAtRestWithPlatformKey",
        .encryption_set_id = config ? config->encryption_set : NULL,
        .created_ns = service_now_ns(asking->service),
    };
    bool elsewhere = strcasecmp(row.location, row.source_location) != 0;
    bool ok = is_served(config, why) && can_be_cut(config, disk, backing, why) &&
              point_disk_id(asking, name ? name : "disk", id, why);

    if (elsewhere) {
        row.encryption_type = point_encryption_there(row.encryption_type);
        row.encryption_set_id = NULL;
    } else if (ok && region) {
        row.region = region;
        row.container = json_string_value(json_object_get(backing, "container"));
        row.blob = json_string_value(json_object_get(backing, "blob"));
        row.family = guid;
        ok = family_of(asking->service, disk, region, row.container, row.blob, guid, e);
    }
    ok = ok && catalog_disk_point_put(asking->service->catalog, &row, e);
    machine->disks_count += ok;
    json_decref(backing);
    return ok;
}

static bool put_member(struct asking *asking, struct machine_view *machine, const json_t *member,
                       bool os, struct arm_error *why, struct err *e)
{
    const char *id =
        json_string_value(json_object_get(json_object_get(member, "managedDisk"), "id"));
    struct catalog_disk disk = {0};
    bool ok;

    if (!member || (id && point_excludes(asking, id)))
        return true;
    ok = !id || catalog_disk_get(asking->service->catalog, id, &disk, e);
    if (ok && !disk.id)
        ok = arm_error_set(why, 409, ARM_POINT_CLIENT_ERROR, NULL,
                           "The virtual machine's disk '%.200s' is not there.", id ? id : "?");
    ok = ok && put_disk(asking, machine, member, os, &disk, why, e);
    catalog_disk_fini(&disk);
    return ok;
}

static bool put_disks(struct asking *asking, struct machine_view *machine, struct arm_error *why,
                      struct err *e)
{
    json_t *profile =
               json_object_get(json_object_get(machine->doc, "properties"), "storageProfile"),
           *member;
    size_t i;

    if (!put_member(asking, machine, json_object_get(profile, "osDisk"), true, why, e))
        return false;
    json_array_foreach(json_object_get(profile, "dataDisks"), i,
                       member) if (!put_member(asking, machine, member, false, why,
                                               e)) return false;
    return machine->disks_count > 0 || arm_error_bad(why, "properties.excludeDisks",
                                                     "No disk is left to be in the restore point.");
}

static bool leaves_alone(const struct asking *asking, const struct catalog_point *point,
                         struct arm_error *why, struct err *e)
{
    struct catalog_collection collection = {0};
    bool ok =
        point->source_point_id ||
        catalog_collection_get(asking->service->catalog, point->collection_id, &collection, e);

    if (ok && collection.source_id &&
        strcasecmp(collection.source_id, asking->collection.source_id) == 0)
        ok = arm_error_set(why, 409, ARM_POINT_CLIENT_ERROR, NULL,
                           "Another restore point of this virtual machine is being created: %.300s",
                           point->id);
    catalog_collection_fini(&collection);
    return ok;
}

bool point_cut_awake(const struct service *service, const char *machine, struct arm_error *why)
{
    const char *since = machine ? cut_frozen_since(service->frozen, machine) : NULL;

    return !since ||
           arm_error_set(why, 409, ARM_POINT_CLIENT_ERROR, NULL,
                         "This virtual machine may still be frozen: its thaw has failed since the "
                         "restore point %.300s. It is tried again and again (the log of snapferryd "
                         "tells why it fails); no other restore point is made before.",
                         since);
}

bool point_cut_alone(const struct asking *asking, struct arm_error *why, struct err *e)
{
    struct catalog_page page = {.limit = CATALOG_PAGE_MAX};
    struct catalog_point_list list = {0};
    char after[ARM_ID_MAX_BYTES];
    bool ok = point_cut_awake(asking->service, asking->collection.source_id, why), more = true;

    while (ok && more) {
        ok = catalog_point_list_in_state(asking->service->catalog, CATALOG_CREATING, &page, &list,
                                         e);
        for (size_t i = 0; ok && i < list.count; i++)
            ok = leaves_alone(asking, &list.rows[i], why, e);
        more = ok && list.more;
        if (more) {
            snprintf(after, sizeof after, "%s", list.rows[list.count - 1].id);
            page.after = after;
        }
        catalog_point_list_fini(&list);
    }
    return ok;
}

static bool view_machine(struct asking *asking, struct machine_view *machine, struct arm_error *why,
                         struct err *e)
{
    struct service *service = asking->service;

    if (!catalog_machine_get(service->catalog, asking->collection.source_id, &machine->row, e))
        return false;
    if (!machine->row.id)
        return arm_error_set(why, 404, "ResourceNotFound", NULL,
                             "The virtual machine '%.300s' is not there.",
                             asking->collection.source_id);
    machine->config = config_machine_of(service->config, machine->row.id);
    machine->doc = service_json(machine->row.doc);
    machine->metadata = arm_metadata_read(json_object_get(machine->doc, "properties"), why);
    if (!machine->metadata)
        return false;
    json_object_set_new(machine->metadata, "vmId", json_string(machine->row.guid));
    json_object_set_new(machine->metadata, "location", json_string(machine->row.location));
    return true;
}

static enum catalog_consistency consistency_of(const struct asking *asking,
                                               const struct machine_view *machine)
{
    const struct config_hooks *hooks = machine->config ? &machine->config->hooks : NULL;

    if (asking->body->crash_consistent || !hooks)
        return CATALOG_CRASH_CONSISTENT;
    return hooks->freeze_command ? CATALOG_APPLICATION_CONSISTENT
           : hooks->mount_count  ? CATALOG_FILE_SYSTEM_CONSISTENT
                                 : CATALOG_CRASH_CONSISTENT;
}

bool point_cut_rows(struct asking *asking, struct arm_error *why, struct err *e)
{
    struct machine_view machine = {0};
    char *metadata = NULL;
    bool ok = view_machine(asking, &machine, why, e) && point_cut_alone(asking, why, e);

    if (ok && !(metadata = service_text(machine.metadata)))
        ok = arm_error_memory(why);
    ok = ok && point_row_put(asking, NULL, consistency_of(asking, &machine), metadata, e) &&
         put_disks(asking, &machine, why, e);
    free(metadata);
    json_decref(machine.metadata);
    json_decref(machine.doc);
    catalog_machine_fini(&machine.row);
    return ok;
}
