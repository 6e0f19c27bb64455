/* arm_render.c - collections, disks, machines, operations; see arm_render.h. Restore points are rendered in
 * arm_render_point.c. */
#include "tools/controld/arm_render.h"

#include <string.h>

#include "tools/controld/arm_metadata.h"
#include "tools/controld/arm_render_parts.h"
#include "tools/controld/catalog_collections.h"
#include "tools/controld/catalog_disks.h"
#include "tools/controld/catalog_machines.h"
#include "tools/controld/catalog_operations.h"

#define GIB_BYTES (1ll << 30)

/* ---- Collections ---- */

/* An object's text, or an empty object. */
static json_t *object_of(const char *text)
{
    json_t *value = text ? json_loads(text, 0, NULL) : NULL;

    if (json_is_object(value))
        return value;
    json_decref(value);
    return json_object();
}

json_t *arm_render_collection(const struct catalog_collection *collection, json_t *points)
{
    struct arm_out out = arm_out_begin(), properties = arm_out_begin(), source = arm_out_begin();

    arm_out_text(&source, "id", collection->source_id);
    arm_out_text(&source, "location", collection->source_location);
    arm_out_value(&properties, "source", arm_out_end(&source));
    arm_out_text(&properties, "provisioningState", catalog_state_name(collection->state));
    arm_out_text(&properties, "restorePointCollectionId", collection->guid);
    arm_out_bool(&properties, "instantAccess", false);
    if (points)
        arm_out_value(&properties, "restorePoints", points);
    arm_out_identity(&out, collection->id, ARM_COLLECTION);
    arm_out_text(&out, "location", collection->location);
    arm_out_value(&out, "tags", object_of(collection->tags));
    arm_out_value(&out, "properties", arm_out_end(&properties));
    return arm_out_end(&out);
}

/* ---- Disks and machines ---- */

/* The members of a resource's document that stand beside its properties. */
static void put_outer(struct arm_out *out, const json_t *doc)
{
    static const char *const names[] = {"sku", "zones", "managedBy", "managedByExtended"};
    json_t *tags = json_object_get(doc, "tags");

    arm_out_value(out, "tags", json_is_object(tags) ? json_incref(tags) : json_object());
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_t *value = json_object_get(doc, names[i]);

        if (value && !json_is_null(value))
            arm_out_value(out, names[i], json_incref(value));
    }
}

/* What is answered beyond the service: where the disk lies, how far its restore is, and why. */
static json_t *disk_beyond(const struct catalog_disk *disk, enum arm_replication state)
{
    struct arm_out out = arm_out_begin();
    json_t *backing = object_of(disk->backing);

    json_object_del(backing, "outside"); /* of the catalog alone */
    if (out.object && backing && json_object_update(out.object, backing) < 0)
        arm_out_value(&out, "backing", NULL);
    json_decref(backing);
    if (disk->code) {
        arm_out_text(&out, "replicationState", arm_replication_word(state));
        arm_out_real(&out, "completionPercent", arm_replication_percent(state, disk->percent));
        arm_out_text(&out, "level", catalog_level_name(disk->level));
        arm_out_text(&out, "message", disk->message);
        arm_out_time(&out, "endTime", disk->ended_ns);
    }
    return arm_out_end(&out);
}

json_t *arm_render_disk(const struct catalog_disk *disk)
{
    struct arm_out out = arm_out_begin(), properties = {0};
    json_t *doc = object_of(disk->doc), *given = json_object_get(doc, "properties");
    enum arm_replication state = arm_replication_of(disk->code);
    bool attached = json_object_get(doc, "managedBy") ||
                    json_array_size(json_object_get(doc, "managedByExtended")) > 0;

    properties.object = json_is_object(given) ? json_deep_copy(given) : json_object();
    if (!json_object_get(properties.object, "creationData")) /* which official clients need */
        arm_out_value(&properties, "creationData", json_pack("{s:s}", "createOption", "Empty"));
    arm_out_text(&properties, "provisioningState", catalog_state_name(disk->state));
    arm_out_text(&properties, "diskState", attached ? "Attached" : "Unattached");
    arm_out_text(&properties, "uniqueId", disk->guid);
    arm_out_time(&properties, "timeCreated", disk->created_ns);
    if (disk->size_bytes > 0) {
        arm_out_int(&properties, "diskSizeBytes", disk->size_bytes);
        arm_out_int(&properties, "diskSizeGB", (disk->size_bytes + GIB_BYTES - 1) / GIB_BYTES);
    }
    if (disk->code)
        arm_out_real(&properties, "completionPercent",
                     arm_replication_percent(state, disk->percent));
    arm_out_value(&properties, "x-snapferry", disk_beyond(disk, state));
    arm_out_identity(&out, disk->id, ARM_DISK);
    arm_out_text(&out, "location", disk->location);
    put_outer(&out, doc);
    arm_out_value(&out, "properties", arm_out_end(&properties));
    json_decref(doc);
    return arm_out_end(&out);
}

/* A document is given its current form again: a configuration's was not a request's body. */
static json_t *machine_properties(const json_t *doc)
{
    json_t *given = json_object_get(doc, "properties");
    struct arm_error e = {0};
    json_t *shaped = given ? arm_shape_read(given, arm_machine_properties, "", &e) : NULL;

    return shaped ? shaped : json_object();
}

json_t *arm_render_machine(const struct catalog_machine *machine)
{
    struct arm_out out = arm_out_begin(), properties = {0};
    json_t *doc = object_of(machine->doc);

    properties.object = machine_properties(doc);
    arm_out_text(&properties, "vmId", machine->guid);
    arm_out_text(&properties, "provisioningState", catalog_state_name(machine->state));
    arm_out_time(&properties, "timeCreated", machine->created_ns);
    arm_out_identity(&out, machine->id, ARM_MACHINE);
    arm_out_text(&out, "location", machine->location);
    put_outer(&out, doc);
    arm_out_value(&out, "properties", arm_out_end(&properties));
    json_decref(doc);
    return arm_out_end(&out);
}

/* ---- Operations ---- */

json_t *arm_render_operation(const struct catalog_operation *operation, json_t *output)
{
    struct arm_out out = arm_out_begin();

    arm_out_text(&out, "name", operation->guid);
    arm_out_text(&out, "status", catalog_status_name(operation->status));
    arm_out_time(&out, "startTime", operation->start_ns);
    arm_out_time(&out, "endTime", operation->end_ns);
    if (output)
        arm_out_value(&out, "properties", json_pack("{s:o}", "output", output));
    if (operation->status == CATALOG_OPERATION_FAILED)
        arm_out_value(&out, "error", object_of(operation->error));
    return arm_out_end(&out);
}
