/* arm_machine_body.c - the body of PUT machine; see arm_resource_body.h. */
#include <stdlib.h>
#include <string.h>

#include "tools/controld/arm_body_parts.h"
#include "tools/controld/arm_metadata.h"
#include "tools/controld/arm_resource_body.h"

#define OS_PATH   "properties.storageProfile.osDisk"
#define DATA_PATH "properties.storageProfile.dataDisks"

/* Beside its description: what tells that a disk is no managed one. Its address may hold a SAS, so that it is
 * looked at in what was given, and is in no table. */
static const struct arm_shape machine_members[] = {{"location", ARM_SHAPE_TEXT, NULL, 0},
                                                   {"tags", ARM_SHAPE_TAGS, NULL, 0},
                                                   {"zones", ARM_SHAPE_TEXTS, NULL, 3},
                                                   {"properties", ARM_SHAPE_OBJECT,
                                                    arm_machine_properties, 0},
                                                   {0}};

/* A member in any case. */
static const json_t *given_member(const json_t *object, const char *wanted)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)object, name, value)
    {
        if (strcasecmp(name, wanted) == 0)
            return value;
    }
    return NULL;
}

static bool is_unmanaged(const json_t *given_disk)
{
    return json_is_object(given_member(given_disk, "vhd"));
}

/* In the form in which disks are looked up, whatever form was given. */
static bool take_disk_id(const json_t *read, const char *id, const char *path,
                         struct arm_machine_disk *out, struct arm_error *e)
{
    json_t *managed = json_object_get(read, "managedDisk");
    char text[ARM_ID_MAX_BYTES];

    if (!arm_id_parse(id, path, &out->disk, e))
        return false;
    if (out->disk.type != ARM_DISK)
        return arm_error_set(e, 400, ARM_INVALID_PARAMETER, path,
                             "'%s.managedDisk.id' names a resource of type '%s', not a disk.", path,
                             arm_type_name(out->disk.type));
    arm_id_text(&out->disk, text);
    return json_object_set_new(managed, "id", json_string(text)) == 0 || arm_error_memory(e);
}

static bool take_disk(const json_t *read, const json_t *given, const char *path,
                      struct arm_machine_disk *out, struct arm_error *e)
{
    const char *option = arm_shape_text(read, "createOption");
    const char *id = arm_shape_text(read, "managedDisk.id");

    out->size_gib = (uint32_t)json_integer_value(arm_shape_at(read, "diskSizeGB"));
    out->attach = option && strcasecmp(option, "Attach") == 0;
    out->ephemeral = json_is_object(arm_shape_at(read, "diffDiskSettings"));
    out->unmanaged = is_unmanaged(given);
    if (!arm_body_copy(read, "name", out->name, sizeof out->name, e) ||
        !arm_body_copy(read, "managedDisk.storageAccountType", out->storage_type,
                       sizeof out->storage_type, e))
        return false;
    out->ultra = strcasecmp(out->storage_type, "UltraSSD_LRS") == 0;
    return !id || take_disk_id(read, id, path, out, e);
}

static bool take_lun(const json_t *read, struct arm_machine_body *out, struct arm_error *e)
{
    struct arm_machine_disk *disk = &out->disks[out->disk_count];
    const json_t *lun = json_object_get(read, "lun");

    if (!lun)
        return arm_body_missing(DATA_PATH "[].lun", e);
    disk->lun = (uint32_t)json_integer_value(lun);
    for (size_t i = 0; i < out->disk_count; i++)
        if (!out->disks[i].os && out->disks[i].lun == disk->lun)
            return arm_error_bad(e, DATA_PATH, "Two data disks have lun %u.", disk->lun);
    return true;
}

static bool take_disks(const json_t *read, const json_t *given, struct arm_machine_body *out,
                       struct arm_error *e)
{
    const json_t *os = arm_shape_at(read, OS_PATH);
    const json_t *list = arm_shape_at(read, DATA_PATH);
    const json_t *storage = given_member(given_member(given, "properties"), "storageProfile");
    const json_t *given_list = given_member(storage, "dataDisks");

    out->disks = calloc(json_array_size(list) + 1, sizeof *out->disks);
    if (!out->disks)
        return arm_error_memory(e);
    if (os) {
        out->disks[0].os = true;
        if (!take_disk(os, given_member(storage, "osDisk"), OS_PATH, &out->disks[0], e))
            return false;
        out->disk_count = 1;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);

        if (!take_lun(one, out, e) || !take_disk(one, json_array_get(given_list, i), DATA_PATH,
                                                 &out->disks[out->disk_count], e))
            return false;
        out->disk_count++;
    }
    return true;
}

bool arm_machine_read(const void *body, size_t bytes, struct arm_machine_body *out,
                      struct arm_error *e)
{
    json_t *given = arm_shape_parse(body, bytes, e);
    json_t *read = given ? arm_shape_read(given, machine_members, "", e) : NULL;
    bool ok;

    *out = (struct arm_machine_body){0};
    ok = read && arm_body_location(read, out->location, e) && take_disks(read, given, out, e);
    json_decref(given);
    if (!ok) {
        json_decref(read);
        arm_machine_body_fini(out);
        return false;
    }
    json_object_del(read, "location");
    out->doc = read;
    return true;
}

void arm_machine_body_fini(struct arm_machine_body *body)
{
    json_decref(body->doc);
    free(body->disks);
    *body = (struct arm_machine_body){0};
}
