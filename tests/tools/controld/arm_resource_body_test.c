/* arm_resource_body_test.c - bodies of disks and machines: what restoring needs, what is refused by name. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tools/controld/arm_resource_body.h"
#include "tools/controld/arm_shape.h"

#define GROUP "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute"
#define DRP   GROUP "/restorePointCollections/c/restorePoints/p/diskRestorePoints/d"

static struct arm_disk_body disk(const char *body)
{
    struct arm_disk_body read;
    struct arm_error e = {0};

    cr_assert(arm_disk_read(body, strlen(body), &read, &e), "%s: %s", body, e.message);
    return read;
}

static struct arm_machine_body machine(const char *body)
{
    struct arm_machine_body read;
    struct arm_error e = {0};

    cr_assert(arm_machine_read(body, strlen(body), &read, &e), "%s: %s", body, e.message);
    return read;
}

static void disk_refused(const char *body, const char *code, const char *target)
{
    struct arm_disk_body read;
    struct arm_error e = {0};

    cr_assert_not(arm_disk_read(body, strlen(body), &read, &e), "%s", body);
    cr_expect_str_eq(e.code, code, "%s: %s", body, e.message);
    cr_expect_str_eq(e.target, target, "%s: %s", body, e.target);
    cr_expect_null(read.doc);
}

static void machine_refused(const char *body, const char *code, const char *target)
{
    struct arm_machine_body read;
    struct arm_error e = {0};

    cr_assert_not(arm_machine_read(body, strlen(body), &read, &e), "%s", body);
    cr_expect_str_eq(e.code, code, "%s: %s", body, e.message);
    cr_expect_str_eq(e.target, target, "%s: %s", body, e.target);
    cr_expect_null(read.disks);
}

Test(arm_resource_body, reads_a_disk_to_be_restored)
{
    struct arm_disk_body read = disk(
        "{\"location\":\"region-b\",\"sku\":{\"name\":\"Premium_LRS\"},\"zones\":[\"1\"],"
        "\"tags\":{\"a\":\"b\"},\"properties\":{\"creationData\":{\"createOption\":\"restore\","
        "\"sourceResourceId\":\"" DRP
        "\"},\"diskSizeGB\":\"10\",\"x-snapferry\":{\"file\":\"/d/x\"},"
        "\"encryption\":{\"type\":\"EncryptionAtRestWithCustomerKey\",\"diskEncryptionSetId\":"
        "\"" GROUP "/diskEncryptionSets/des\"},\"unknown\":1}}");
    char *doc = json_dumps(read.doc, JSON_COMPACT | JSON_SORT_KEYS);

    cr_expect_eq(read.create, ARM_CREATE_RESTORE);
    cr_expect_eq(read.source.type, ARM_DISK_POINT);
    cr_expect_eq(read.size_bytes, 10ull << 30);
    cr_expect_str_eq(read.sku, "Premium_LRS");
    cr_expect_str_eq(read.file, "/d/x");
    cr_expect_str_eq(read.blob, "");
    cr_expect_str_eq(read.encryption, "EncryptionAtRestWithCustomerKey");
    cr_expect_str_eq(read.encryption_set.name[0], "des");
    cr_expect_not(read.ultra || read.shared);
    cr_expect_str_eq(doc, "{\"properties\":{\"creationData\":{\"createOption\":\"restore\","
                          "\"sourceResourceId\":\"" DRP
                          "\"},\"diskSizeGB\":10,\"encryption\":{\"diskEncryptionSetId\":\"" GROUP
                          "/diskEncryptionSets/des\",\"type\":\"EncryptionAtRestWithCustomerKey\"},"
                          "\"x-snapferry\":{\"file\":\"/d/x\"}},\"sku\":{\"name\":\"Premium_LRS\"},"
                          "\"tags\":{\"a\":\"b\"},\"zones\":[\"1\"]}");
    free(doc);
    arm_disk_body_fini(&read);
}

Test(arm_resource_body, tells_what_a_disk_is_refused_for)
{
    struct arm_disk_body read = disk(
        "{\"location\":\"r\",\"sku\":{\"name\":\"ultrassd_lrs\"},\"properties\":{\"maxShares\":2,"
        "\"creationData\":{\"createOption\":\"Empty\"}}}");

    cr_expect(read.ultra && read.shared);
    cr_expect_eq(read.create, ARM_CREATE_EMPTY);
    arm_disk_body_fini(&read);
    read =
        disk("{\"location\":\"r\",\"properties\":{\"creationData\":{\"createOption\":\"CopyStart\","
             "\"sourceResourceId\":\"/subscriptions/s/somewhere/else\"}}}");
    cr_expect_eq(read.create, ARM_CREATE_OTHER);
    arm_disk_body_fini(&read);
}

Test(arm_resource_body, names_what_is_wrong_in_a_disk)
{
    disk_refused("{}", "LocationRequired", "location");
    disk_refused("{\"location\":\"r\"}", "InvalidParameter",
                 "properties.creationData.createOption");
    disk_refused(
        "{\"location\":\"r\",\"properties\":{\"creationData\":{\"createOption\":\"Clone\"}}}",
        "InvalidParameter", "properties.creationData.createOption");
    disk_refused(
        "{\"location\":\"r\",\"properties\":{\"creationData\":{\"createOption\":\"Restore\"}}}",
        "InvalidParameter", "properties.creationData.sourceResourceId");
    disk_refused(
        "{\"location\":\"r\",\"properties\":{\"creationData\":{\"createOption\":\"Restore\","
        "\"sourceResourceId\":\"" GROUP "/virtualMachines/v\"}}}",
        "InvalidParameter", "properties.creationData.sourceResourceId");
    disk_refused("{\"location\":\"r\",\"properties\":{\"diskSizeGB\":1.5,\"creationData\":{"
                 "\"createOption\":\"Empty\"}}}",
                 "BadRequest", "properties.diskSizeGB");
    disk_refused("{\"location\":\"r\",\"properties\":{\"diskSizeGB\":65537,\"creationData\":{"
                 "\"createOption\":\"Empty\"}}}",
                 "BadRequest", "properties.diskSizeGB");
    disk_refused(
        "{\"location\":\"r\",\"properties\":{\"creationData\":{\"createOption\":\"Empty\"},"
        "\"x-snapferry\":{\"file\":\"a\",\"blob\":\"b/c\"}}}",
        "BadRequest", "properties.x-snapferry");
    disk_refused("{\"location\":\"r\",\"zones\":[\"1\",\"2\",\"3\",\"4\"]}", "BadRequest", "zones");
}

Test(arm_resource_body, reads_a_machine_made_of_restored_disks)
{
    struct arm_machine_body read = machine(
        "{\"location\":\"r\",\"properties\":{\"hardwareProfile\":{\"vmSize\":\"Standard_A1\"},"
        "\"storageProfile\":{\"osDisk\":{\"osType\":\"Linux\",\"name\":\"os\",\"createOption\":"
        "\"Attach\","
        "\"diskSizeGB\":\"30\",\"managedDisk\":{\"id\":\"" GROUP
        "/disks/os\",\"storageAccountType\":"
        "\"Premium_LRS\"}},\"dataDisks\":[{\"lun\":\"1\",\"createOption\":\"attach\","
        "\"managedDisk\":"
        "{\"id\":\"" GROUP "/disks/b\"}},{\"lun\":0,\"managedDisk\":{\"id\":\"" GROUP
        "/disks/a\"}}]}}}");

    cr_assert_eq(read.disk_count, 3);
    cr_expect(read.disks[0].os && read.disks[0].attach);
    cr_expect_str_eq(read.disks[0].name, "os");
    cr_expect_eq(read.disks[0].size_gib, 30);
    cr_expect_str_eq(read.disks[0].storage_type, "Premium_LRS");
    cr_expect(!read.disks[1].os && read.disks[1].attach);
    cr_expect_eq(read.disks[1].lun, 1);
    cr_expect_str_eq(read.disks[1].disk.name[0], "b");
    cr_expect(!read.disks[2].attach);
    cr_expect_eq(json_integer_value(
                     arm_shape_at(read.doc, "properties.storageProfile.osDisk.diskSizeGB")),
                 30);
    cr_expect_null(json_object_get(read.doc, "location"));
    arm_machine_body_fini(&read);
}

Test(arm_resource_body, tells_what_a_machine_s_disks_are_refused_for)
{
    struct arm_machine_body read = machine(
        "{\"location\":\"r\",\"properties\":{\"storageProfile\":{\"osDisk\":{\"diffDiskSettings\":"
        "{\"option\":\"Local\"}},\"dataDisks\":[{\"lun\":0,\"vhd\":{\"uri\":\"https://a/"
        "b?sig=SECRET\"}},"
        "{\"lun\":1,\"managedDisk\":{\"storageAccountType\":\"UltraSSD_LRS\"}}]}}}");
    char *doc = json_dumps(read.doc, 0);

    cr_expect(read.disks[0].ephemeral && !read.disks[0].unmanaged);
    cr_expect(read.disks[1].unmanaged && !read.disks[1].ultra);
    cr_expect(read.disks[2].ultra && !read.disks[2].unmanaged);
    cr_expect_null(strstr(doc, "SECRET"));
    free(doc);
    arm_machine_body_fini(&read);
}

Test(arm_resource_body, names_what_is_wrong_in_a_machine)
{
    machine_refused("{}", "LocationRequired", "location");
    machine_refused("{\"location\":\"r\",\"properties\":{\"storageProfile\":{\"dataDisks\":[{}]}}}",
                    "InvalidParameter", "properties.storageProfile.dataDisks[].lun");
    machine_refused(
        "{\"location\":\"r\",\"properties\":{\"storageProfile\":{\"dataDisks\":[{\"lun\":1},"
        "{\"lun\":\"1\"}]}}}",
        "BadRequest", "properties.storageProfile.dataDisks");
    machine_refused(
        "{\"location\":\"r\",\"properties\":{\"storageProfile\":{\"osDisk\":{\"managedDisk\":"
        "{\"id\":\"disk\"}}}}}",
        "LinkedInvalidPropertyId", "properties.storageProfile.osDisk");
    machine_refused(
        "{\"location\":\"r\",\"properties\":{\"storageProfile\":{\"osDisk\":{\"managedDisk\":"
        "{\"id\":\"" GROUP "/virtualMachines/v\"}}}}}",
        "InvalidParameter", "properties.storageProfile.osDisk");
    machine_refused("{\"location\":\"r\",\"properties\":{\"osProfile\":{\"windowsConfiguration\":{"
                    "\"provisionVMAgent\":\"perhaps\"}}}}",
                    "BadRequest", "properties.osProfile.windowsConfiguration.provisionVMAgent");
}

Test(arm_resource_body, keeps_a_machine_s_description_in_current_form_without_secrets)
{
    json_t *given = json_loads(
        "{\"vmId\":\"v\",\"optionalProperties\":\"opaque\",\"osProfile\":{\"computername\":"
        "\"host\","
        "\"adminPassword\":\"SECRET1\",\"customData\":\"SECRET2\",\"windowsConfiguration\":"
        "{\"provisionVMAgent\":\"TRUE\",\"enableAutomaticUpdates\":false}},\"storageProfile\":{"
        "\"osDisk\":"
        "{\"createOption\":\"Attach\",\"diskSizeGB\":\"10\"},\"dataDisks\":[{\"lun\":\"0\"}]}}",
        0, NULL);
    struct arm_error e = {0};
    json_t *kept = arm_metadata_read(given, &e);
    char *text;

    cr_assert_not_null(kept, "%s", e.message);
    text = json_dumps(kept, JSON_COMPACT | JSON_SORT_KEYS);
    cr_expect_str_eq(text,
                     "{\"osProfile\":{\"computerName\":\"host\",\"customData\":\"\","
                     "\"windowsConfiguration\":{\"enableAutomaticUpdates\":false,"
                     "\"provisionVMAgent\":true}},\"storageProfile\":{\"dataDisks\":[{\"lun\":0}],"
                     "\"osDisk\":{\"diskSizeGB\":10}},\"vmId\":\"v\"}");
    free(text);
    json_decref(kept);
    json_decref(given);
}
