/* machines_register.c - the configured virtual machines and their disks as rows; see machines.h.
 *
 * Knows: the configuration's machines. Must not know: calls. Threads: the reactor's.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tools/controld/catalog_disks.h"
#include "tools/controld/catalog_machines.h"
#include "tools/controld/config.h"
#include "tools/controld/machines.h"

#define BYTES_PER_GIB (1ull << 30)

/* ---- A disk ---- */

static json_t *backing_of(const struct config_machine *machine, const struct config_disk *disk)
{
    return disk->path ? json_pack("{ss}", "file", disk->path)
                      : json_pack("{ssssss}", "region", machine->location, "container",
                                  disk->container, "blob", disk->blob);
}

/* 0: not known before it is cut. */
static uint64_t size_of(const struct config_disk *disk)
{
    struct stat st;

    if (disk->size_bytes || !disk->path || stat(disk->path, &st) != 0 || !S_ISREG(st.st_mode))
        return disk->size_bytes;
    return (uint64_t)st.st_size;
}

static bool put_disk(struct service *service, const struct config_machine *machine,
                     const struct config_disk *disk, struct err *e)
{
    json_t *place = backing_of(machine, disk);
    json_t *doc = json_pack("{s{ss}ss}", "sku", "name", disk->sku ? disk->sku : "Standard_LRS",
                            "managedBy", machine->id);
    char *place_text = place ? service_text(place) : NULL,
         *doc_text = doc ? service_text(doc) : NULL;
    char guid[FRONT_GUID_BYTES];
    struct catalog_disk old = {0};
    bool ok;

    ok = place_text && doc_text
             ? catalog_disk_get(service->catalog, disk->id, &old, e)
             : err_set_errno(e, ENOMEM, RETRY_LATER, "cannot register %s", disk->name);
    front_make_guid(guid);
    if (ok) {
        const struct catalog_disk row = {
            .id = disk->id,
            .guid = old.id ? old.guid : guid,
            .location = machine->location,
            .doc = doc_text,
            .backing = place_text,
            .size_bytes = (int64_t)size_of(disk),
            .state = CATALOG_SUCCEEDED,
            .created_ns = old.id ? old.created_ns : service_now_ns(service),
        };

        ok = catalog_disk_put(service->catalog, &row, e);
    }
    catalog_disk_fini(&old);
    json_decref(place);
    json_decref(doc);
    free(place_text);
    free(doc_text);
    return ok;
}

/* ---- A machine ---- */

/* As a member of osDisk or dataDisks[]: the configuration's own members, and over them those that say
 * which disk it is. */
static json_t *disk_member(const struct config_disk *disk)
{
    json_t *member = disk->metadata ? json_deep_copy(disk->metadata) : json_object();
    json_t *managed = json_pack("{ssss}", "id", disk->id, "storageAccountType",
                                disk->sku ? disk->sku : "Standard_LRS");
    uint64_t size_bytes = size_of(disk);

    json_object_set_new(member, "name", json_string(disk->name));
    json_object_set_new(member, "createOption", json_string("Attach"));
    json_object_set_new(member, "managedDisk", managed);
    if (size_bytes)
        json_object_set_new(member, "diskSizeGB",
                            json_integer(
                                (json_int_t)((size_bytes + BYTES_PER_GIB - 1) / BYTES_PER_GIB)));
    if (!disk->os)
        json_object_set_new(member, "lun", json_integer((json_int_t)disk->lun));
    else if (!json_object_get(member, "osType"))
        json_object_set_new(member, "osType", json_string("Linux"));
    return member;
}

static json_t *properties_of(const struct config_machine *machine)
{
    json_t *properties = machine->metadata ? json_deep_copy(machine->metadata) : json_object();
    json_t *profile = json_object_get(properties, "storageProfile");
    json_t *data = json_array();

    if (!json_is_object(profile)) {
        profile = json_object();
        json_object_set_new(properties, "storageProfile", profile);
    }
    for (unsigned i = 0; i < machine->disk_count; i++)
        if (machine->disks[i].os)
            json_object_set_new(profile, "osDisk", disk_member(&machine->disks[i]));
        else
            json_array_append_new(data, disk_member(&machine->disks[i]));
    json_object_set_new(profile, "dataDisks", data);
    return properties;
}

static bool put_machine(struct service *service, const struct config_machine *machine,
                        struct err *e)
{
    json_t *doc = json_pack("{s{}so}", "tags", "properties", properties_of(machine));
    char *text = doc ? service_text(doc) : NULL;
    char guid[FRONT_GUID_BYTES];
    struct catalog_machine old = {0};
    bool ok = text ? catalog_machine_get(service->catalog, machine->id, &old, e)
                   : err_set_errno(e, ENOMEM, RETRY_LATER, "cannot register %s", machine->name);

    front_make_guid(guid);
    if (ok) {
        const struct catalog_machine row = {
            .id = machine->id,
            .guid = old.id ? old.guid : guid,
            .location = machine->location,
            .doc = text,
            .state = CATALOG_SUCCEEDED,
            .created_ns = old.id ? old.created_ns : service_now_ns(service),
        };

        ok = catalog_machine_put(service->catalog, &row, e);
    }
    catalog_machine_fini(&old);
    json_decref(doc);
    free(text);
    return ok;
}

bool machines_register(struct service *service, struct err *e)
{
    const struct config *config = service->config;
    bool ok = catalog_begin(service->catalog, e);

    for (unsigned i = 0; ok && i < config->machine_count; i++) {
        const struct config_machine *machine = &config->machines[i];

        for (unsigned j = 0; ok && j < machine->disk_count; j++)
            ok = put_disk(service, machine, &machine->disks[j], e);
        ok = ok && put_machine(service, machine, e);
    }
    if (ok)
        return catalog_commit(service->catalog, e);
    catalog_rollback(service->catalog);
    return false;
}
