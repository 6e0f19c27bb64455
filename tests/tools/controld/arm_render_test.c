/* arm_render_test.c - rows become answers: states, percents, what is told only when it is there. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tools/controld/arm_render.h"
#include "tools/controld/arm_shape.h"
#include "tools/controld/catalog_collections.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_disks.h"
#include "tools/controld/catalog_machines.h"
#include "tools/controld/catalog_operations.h"
#include "tools/controld/catalog_points.h"

#define COMPUTE "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute"
#define RPC     COMPUTE "/restorePointCollections/c"
#define RP      RPC "/restorePoints/p"
#define NS      1000000000ll

static const struct catalog_point plain_point = {
    .id = RP, .state = CATALOG_SUCCEEDED, .created_ns = 1 * NS, .generation = 1};

static struct catalog_disk_point disk_at(const char *id, int64_t lun, const char *code,
                                         double percent)
{
    return (struct catalog_disk_point){.id = id,
                                       .role = lun < 0 ? CATALOG_ROLE_OS : CATALOG_ROLE_DATA,
                                       .lun = lun,
                                       .code = code,
                                       .percent = percent};
}

static void expect_text(const json_t *json, const char *path, const char *wanted)
{
    const char *text = arm_shape_text(json, path);

    cr_assert_not_null(text, "%s is absent", path);
    cr_expect_str_eq(text, wanted, "%s: %s", path, text);
}

static void expect_dump(json_t *json, const char *wanted)
{
    char *text = json_dumps(json, JSON_COMPACT);

    cr_expect_str_eq(text, wanted);
    free(text);
    json_decref(json);
}

Test(arm_render, writes_times_as_the_service_does)
{
    char text[ARM_TIME_MAX_BYTES];

    arm_time_text(0, text);
    cr_expect_str_eq(text, "1970-01-01T00:00:00.0000000+00:00");
    arm_time_text(1763745000 * NS + 123456789, text);
    cr_expect_str_eq(text, "2025-11-21T17:10:00.1234567+00:00");
}

/* ---- The state of a whole ---- */

/* The status of a point with these two disks. */
static void expect_whole(const char *first, const char *second, const char *code, const char *level)
{
    struct catalog_disk_point disks[] = {disk_at(RP "/diskRestorePoints/a", -1, first, 50),
                                         disk_at(RP "/diskRestorePoints/b", 0, second, 50)};
    json_t *ours = arm_render_point(&plain_point, disks, 2, true);
    json_t *status = json_array_get(arm_shape_at(ours, "properties.instanceView.statuses"), 0);

    expect_text(status, "code", code);
    expect_text(status, "level", level);
    json_decref(ours);
}

Test(arm_render, tells_of_the_whole_what_its_worst_disk_is)
{
    expect_whole("ReplicationState/succeeded", "ReplicationState/succeeded",
                 "ReplicationState/succeeded", "Info");
    expect_whole("ReplicationState/succeeded", "ReplicationState/failed", "ReplicationState/failed",
                 "Error");
    expect_whole("ReplicationState/inProgress", "ReplicationState/canceled",
                 "ReplicationState/canceled", "Error");
    expect_whole("ReplicationState/waitingForAccess", "ReplicationState/inProgress",
                 "ReplicationState/waitingForAccess", "Warning");
    expect_whole("ReplicationState/pending", "ReplicationState/pending", "ReplicationState/pending",
                 "Info");
    expect_whole("ReplicationState/pending", "ReplicationState/succeeded",
                 "ReplicationState/inProgress", "Info");
    expect_whole(NULL, "something new", "ReplicationState/pending", "Info");
}

Test(arm_render, says_100_percent_only_of_a_disk_that_succeeded)
{
    struct catalog_disk_point disks[] = {
        disk_at(RP "/diskRestorePoints/a", -1, "ReplicationState/inProgress", 100),
        disk_at(RP "/diskRestorePoints/b", 0, "ReplicationState/succeeded", 99.9),
        disk_at(RP "/diskRestorePoints/c", 1, "ReplicationState/inProgress", 37.46)};
    json_t *ours = arm_render_point(&plain_point, disks, 3, true), *one;
    const json_t *views = arm_shape_at(ours, "properties.instanceView.diskRestorePoints");
    static const json_int_t wanted[] = {99, 100, 37};

    for (size_t i = 0; i < 3; i++) {
        const json_t *view = json_array_get(views, i);
        const json_t *percent = arm_shape_at(view, "replicationStatus.completionPercent");

        cr_expect(json_is_integer(percent));
        cr_expect_eq(json_integer_value(percent), wanted[i]);
        expect_text(view, "snapshotAccessState", i == 1 ? "Available" : "Pending");
    }
    one = arm_render_disk_point(&disks[2], &plain_point);
    cr_expect_float_eq(json_real_value(arm_shape_at(one, "properties.completionPercent")), 37.46,
                       1e-9, "fractional in the disk restore point itself");
    expect_text(one, "properties.replicationState", "InProgress");
    json_decref(one);
    json_decref(ours);
}

Test(arm_render, a_difference_that_was_found_stands_where_everybody_looks)
{
    struct catalog_disk_point disks[] = {
        disk_at(RP "/diskRestorePoints/a", -1, "ReplicationState/succeeded", 100),
        disk_at(RP "/diskRestorePoints/b", 0, "ReplicationState/succeeded", 100)};
    static const char *const levels[][3] = {{"Info", "Info", "Info"},
                                            {"Info", "Warning", "Warning"}};
    json_t *ours, *views;

    disks[0].verified = "{\"outcome\":\"equal\",\"comparedBytes\":7}";
    for (size_t i = 0; i < 2; i++) {
        disks[1].verified = i ? "{\"outcome\":\"different\"}" : NULL;
        ours = arm_render_point(&plain_point, disks, 2, true);
        views = json_object_get(arm_shape_at(ours, "properties.instanceView"), "diskRestorePoints");
        expect_text(json_array_get(views, 0), "replicationStatus.status.level", levels[i][0]);
        expect_text(json_array_get(views, 0), "x-snapferry.lastVerification.outcome", "equal");
        expect_text(json_array_get(views, 1), "replicationStatus.status.level", levels[i][1]);
        expect_text(json_array_get(json_object_get(arm_shape_at(ours, "properties.instanceView"),
                                                   "statuses"),
                                   0),
                    "level", levels[i][2]);
        json_decref(ours);
    }
    ours = arm_render_disk_point(&disks[1], &plain_point);
    expect_text(ours, "properties.x-snapferry.lastVerification.outcome", "different");
    json_decref(ours);
}

Test(arm_render, tells_why_a_restore_point_failed)
{
    struct catalog_point point = plain_point;
    json_t *ours, *status;

    point.state = CATALOG_FAILED;
    point.failure_code = "DiskRestorePointClientError";
    point.failure_message = "The account refused the key.";
    point.generation = 3;
    ours = arm_render_point(&point, NULL, 0, true);
    status = json_array_get(arm_shape_at(ours, "properties.instanceView.statuses"), 0);
    expect_text(ours, "properties.provisioningState", "Failed");
    expect_text(status, "code", "ReplicationState/failed");
    expect_text(status, "message", "The account refused the key.");
    expect_text(ours, "properties.x-snapferry.failure.code", "DiskRestorePointClientError");
    cr_expect_eq(json_integer_value(arm_shape_at(ours, "properties.x-snapferry.attempts")), 3);
    json_decref(ours);
}

/* ---- Restore points ---- */

Test(arm_render, leaves_out_what_a_restore_point_does_not_have)
{
    expect_dump(
        arm_render_point(&plain_point, NULL, 0, false),
        "{\"id\":\"" RP "\",\"name\":\"p\",\"type\":\"Microsoft.Compute/restorePointCollections/"
        "restorePoints\",\"properties\":{\"provisioningState\":\"Succeeded\",\"timeCreated\":"
        "\"1970-01-01T00:00:01.0000000+00:00\",\"consistencyMode\":\"CrashConsistent\","
        "\"x-snapferry\":{\"origin\":\"caller\"}}}");
}

Test(arm_render, tells_excluded_disks_as_objects)
{
    struct catalog_point point = plain_point;
    json_t *ours;

    point.exclude = "[\"" COMPUTE "/disks/a\",{\"id\":\"" COMPUTE "/disks/b\"}]";
    ours = arm_render_point(&point, NULL, 0, false);
    cr_assert_eq(json_array_size(arm_shape_at(ours, "properties.excludeDisks")), 2);
    expect_text(json_array_get(arm_shape_at(ours, "properties.excludeDisks"), 0), "id",
                COMPUTE "/disks/a");
    json_decref(ours);
    point.exclude = "[]";
    ours = arm_render_point(&point, NULL, 0, false);
    cr_expect_null(arm_shape_at(ours, "properties.excludeDisks"));
    json_decref(ours);
}

Test(arm_render, puts_each_disk_s_restore_point_where_its_description_is)
{
    struct catalog_point point = plain_point;
    struct catalog_disk_point disks[] = {disk_at(RP "/diskRestorePoints/five", 5, NULL, 0),
                                         disk_at(RP "/diskRestorePoints/os", -1, NULL, 0),
                                         disk_at(RP "/diskRestorePoints/new", 9, NULL, 0)};
    json_t *ours, *data;

    point.metadata =
        "{\"vmId\":\"v\",\"storageProfile\":{\"osDisk\":{\"osType\":\"Linux\",\"diskSizeGB\":30},"
        "\"dataDisks\":[{\"lun\":3,\"name\":\"excluded\"},{\"lun\":5,\"name\":\"five\"}]}}";
    disks[0].encryption_type = "EncryptionAtRestWithCustomerKey";
    disks[0].encryption_set_id = COMPUTE "/diskEncryptionSets/e";
    disks[0].source_disk_point_id = RP "x/diskRestorePoints/five";
    disks[2].disk_id = COMPUTE "/disks/new";
    disks[2].name = "new";
    disks[2].size_bytes = (5ll << 30) + 1;
    ours = arm_render_point(&point, disks, 3, false);
    data = arm_shape_at(ours, "properties.sourceMetadata.storageProfile.dataDisks");
    cr_assert_eq(json_array_size(data), 3);
    cr_expect_null(arm_shape_at(json_array_get(data, 0), "diskRestorePoint"),
                   "an excluded disk has none");
    expect_text(json_array_get(data, 1), "diskRestorePoint.id", RP "/diskRestorePoints/five");
    expect_text(json_array_get(data, 1), "diskRestorePoint.encryption.diskEncryptionSet.id",
                COMPUTE "/diskEncryptionSets/e");
    expect_text(json_array_get(data, 1), "diskRestorePoint.sourceDiskRestorePoint.id",
                RP "x/diskRestorePoints/five");
    expect_text(ours, "properties.sourceMetadata.storageProfile.osDisk.diskRestorePoint.id",
                RP "/diskRestorePoints/os");
    expect_text(ours,
                "properties.sourceMetadata.storageProfile.osDisk.diskRestorePoint.encryption.type",
                "EncryptionAtRestWithPlatformKey");
    /* one that the description does not have is told from the row */
    expect_text(json_array_get(data, 2), "managedDisk.id", COMPUTE "/disks/new");
    cr_expect_eq(json_integer_value(arm_shape_at(json_array_get(data, 2), "diskSizeGB")), 6);
    json_decref(ours);
}

Test(arm_render, takes_no_description_without_a_lun_for_that_of_lun_0)
{
    struct catalog_point point = plain_point;
    struct catalog_disk_point disk = disk_at(RP "/diskRestorePoints/zero", 0, NULL, 0);
    json_t *ours, *data;

    point.metadata = "{\"storageProfile\":{\"dataDisks\":[{\"name\":\"nowhere\"}]}}";
    ours = arm_render_point(&point, &disk, 1, false);
    data = arm_shape_at(ours, "properties.sourceMetadata.storageProfile.dataDisks");
    cr_assert_eq(json_array_size(data), 2);
    cr_expect_null(arm_shape_at(json_array_get(data, 0), "diskRestorePoint"));
    expect_text(json_array_get(data, 1), "diskRestorePoint.id", RP "/diskRestorePoints/zero");
    json_decref(ours);
}

Test(arm_render, tells_a_disk_restore_point_with_its_source)
{
    struct catalog_point point = plain_point;
    struct catalog_disk_point disk =
        disk_at(RP "/diskRestorePoints/d", -1, "ReplicationState/succeeded", 100);
    json_t *ours;

    point.metadata =
        "{\"hyperVGeneration\":\"V2\",\"storageProfile\":{\"osDisk\":{\"osType\":\"Linux\"}}}";
    disk.disk_id = COMPUTE "/disks/d";
    disk.family = "f-1";
    disk.location = "region-b";
    disk.source_location = "region-a";
    disk.facts = "{\"uniqueId\":\"u-1\",\"supportsHibernation\":false}";
    disk.root = "sha256:00";
    ours = arm_render_disk_point(&disk, &point);
    expect_text(ours, "type",
                "Microsoft.Compute/restorePointCollections/restorePoints/diskRestorePoints");
    expect_text(ours, "name", "d");
    expect_text(ours, "properties.sourceResourceId", COMPUTE "/disks/d");
    expect_text(ours, "properties.sourceResourceLocation", "region-a");
    expect_text(ours, "properties.osType", "Linux");
    expect_text(ours, "properties.hyperVGeneration", "V2");
    expect_text(ours, "properties.familyId", "f-1");
    expect_text(ours, "properties.sourceUniqueId", "u-1");
    expect_text(ours, "properties.replicationState", "Succeeded");
    expect_text(ours, "properties.x-snapferry.root", "sha256:00");
    cr_expect(json_is_false(arm_shape_at(ours, "properties.supportsHibernation")));
    cr_expect_eq(json_integer_value(arm_shape_at(ours, "properties.logicalSectorSize")), 512);
    json_decref(ours);

    disk.source_location = "REGION-B";
    disk.source_disk_point_id = RP "x/diskRestorePoints/d";
    ours = arm_render_disk_point(&disk, &point);
    expect_text(ours, "properties.sourceResourceId", RP "x/diskRestorePoints/d");
    cr_expect_null(arm_shape_at(ours, "properties.sourceResourceLocation"), "the same region");
    json_decref(ours);
}

/* ---- The others ---- */

Test(arm_render, tells_a_collection_with_its_points_when_they_are_asked_for)
{
    const struct catalog_collection row = {.id = RPC,
                                           .location = "region-a",
                                           .source_id = COMPUTE "/virtualMachines/vm",
                                           .guid = "g-1",
                                           .state = CATALOG_SUCCEEDED};

    expect_dump(
        arm_render_collection(&row, json_pack("[{}]")),
        "{\"id\":\"" RPC "\",\"name\":\"c\",\"type\":\"Microsoft.Compute/restorePointCollections\","
        "\"location\":\"region-a\",\"tags\":{},\"properties\":{\"source\":{\"id\":\"" COMPUTE
        "/virtualMachines/vm\"},\"provisioningState\":\"Succeeded\",\"restorePointCollectionId\":"
        "\"g-1\",\"instantAccess\":false,\"restorePoints\":[{}]}}");
}

Test(arm_render, tells_a_disk_that_is_being_restored)
{
    struct catalog_disk row = {
        .id = COMPUTE "/disks/d",
        .guid = "u-1",
        .location = "region-b",
        .doc = "{\"tags\":{\"a\":\"b\"},\"sku\":{\"name\":\"Premium_LRS\"},\"zones\":[\"1\"],"
               "\"properties\":"
               "{\"creationData\":{\"createOption\":\"Restore\",\"sourceResourceId\":\"" RP
               "/diskRestorePoints/d\"},\"x-snapferry\":{\"file\":\"asked\"}}}",
        .backing = "{\"file\":\"/data/d.img\"}",
        .size_bytes = 10ll << 30,
        .state = CATALOG_UPDATING,
        .code = "ReplicationState/inProgress",
        .percent = 12.5};
    json_t *ours = arm_render_disk(&row);

    expect_text(ours, "tags.a", "b");
    expect_text(ours, "sku.name", "Premium_LRS");
    expect_text(ours, "properties.creationData.createOption", "Restore");
    expect_text(ours, "properties.provisioningState", "Updating");
    expect_text(ours, "properties.diskState", "Unattached");
    expect_text(ours, "properties.x-snapferry.file", "/data/d.img");
    expect_text(ours, "properties.x-snapferry.replicationState", "InProgress");
    cr_expect_eq(json_integer_value(arm_shape_at(ours, "properties.diskSizeGB")), 10);
    cr_expect_eq(json_integer_value(arm_shape_at(ours, "properties.diskSizeBytes")), 10ll << 30);
    cr_expect_float_eq(json_real_value(arm_shape_at(ours, "properties.completionPercent")), 12.5,
                       1e-9);
    json_decref(ours);

    row.doc = "{\"managedBy\":\"" COMPUTE "/virtualMachines/vm\"}";
    row.code = NULL;
    ours = arm_render_disk(&row);
    expect_text(ours, "properties.diskState", "Attached");
    expect_text(ours, "managedBy", COMPUTE "/virtualMachines/vm");
    expect_text(ours, "properties.creationData.createOption", "Empty");
    cr_expect_null(arm_shape_at(ours, "properties.completionPercent"));
    json_decref(ours);
}

Test(arm_render, tells_a_machine_in_current_form_and_no_password)
{
    const struct catalog_machine row = {
        .id = COMPUTE "/virtualMachines/vm",
        .guid = "v-1",
        .location = "region-a",
        .doc =
            "{\"properties\":{\"osProfile\":{\"computername\":\"h\",\"adminPassword\":\"SECRET\"},"
            "\"storageProfile\":{\"osDisk\":{\"diskSizeGB\":\"30\",\"createOption\":\"Attach\"}}}}",
        .state = CATALOG_SUCCEEDED};
    json_t *ours = arm_render_machine(&row);
    char *text = json_dumps(ours, 0);

    cr_expect_null(strstr(text, "SECRET"));
    expect_text(ours, "properties.vmId", "v-1");
    expect_text(ours, "properties.osProfile.computerName", "h");
    expect_text(ours, "properties.storageProfile.osDisk.createOption", "Attach");
    cr_expect_eq(
        json_integer_value(arm_shape_at(ours, "properties.storageProfile.osDisk.diskSizeGB")), 30);
    free(text);
    json_decref(ours);
}

Test(arm_render, tells_an_operation_s_end_and_its_error_or_output)
{
    struct catalog_operation row = {.guid = "g-1", .status = CATALOG_IN_PROGRESS, .start_ns = NS};

    expect_dump(arm_render_operation(&row, NULL),
                "{\"name\":\"g-1\",\"status\":\"InProgress\",\"startTime\":"
                "\"1970-01-01T00:00:01.0000000+00:00\"}");
    row.status = CATALOG_OPERATION_FAILED;
    row.error = "{\"code\":\"Conflict\",\"message\":\"No.\"}";
    row.end_ns = 2 * NS;
    expect_dump(
        arm_render_operation(&row, NULL),
        "{\"name\":\"g-1\",\"status\":\"Failed\",\"startTime\":\"1970-01-01T00:00:01.0000000+00:"
        "00\","
        "\"endTime\":\"1970-01-01T00:00:02.0000000+00:00\",\"error\":{\"code\":\"Conflict\","
        "\"message\":\"No.\"}}");
    row.status = CATALOG_OPERATION_SUCCEEDED;
    row.end_ns = 0;
    expect_dump(arm_render_operation(&row, json_pack("{s:i}", "a", 1)),
                "{\"name\":\"g-1\",\"status\":\"Succeeded\",\"startTime\":"
                "\"1970-01-01T00:00:01.0000000+00:00\",\"properties\":{\"output\":{\"a\":1}}}");
}
