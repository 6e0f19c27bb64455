/* arm_id_test.c - ids are read in every spelling of the documents, and written in one. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tools/controld/arm_id.h"

#define SUB   "00000000-0000-0000-0000-00000000000a"
#define GROUP "/subscriptions/" SUB "/resourceGroups/My.Group(1)/providers/Microsoft.Compute"
#define POINT GROUP "/restorePointCollections/nightly/restorePoints/p-1"
#define GUID  "1b4e28ba-2fa1-11d2-883f-0016d3cca427"

static struct arm_id parsed(const char *text)
{
    struct arm_id id;
    struct arm_error e = {0};

    cr_assert(arm_id_parse(text, "id", &id, &e), "%s: %s", text, e.message);
    return id;
}

static void expect_text(const char *text, const char *canonical)
{
    struct arm_id id = parsed(text);
    char out[ARM_ID_MAX_BYTES];

    arm_id_text(&id, out);
    cr_expect_str_eq(out, canonical);
}

Test(arm_id, reads_every_type_back_as_it_was_written)
{
    static const struct {
        const char *text;
        enum arm_type type;
        const char *name;
    } ids[] = {{GROUP "/restorePointCollections/nightly", ARM_COLLECTION, "nightly"},
               {POINT, ARM_POINT, "p-1"},
               {POINT "/diskRestorePoints/os_" GUID, ARM_DISK_POINT, "os_" GUID},
               {GROUP "/disks/data.0", ARM_DISK, "data.0"},
               {GROUP "/virtualMachines/vm_1", ARM_MACHINE, "vm_1"},
               {GROUP "/diskEncryptionSets/des", ARM_ENCRYPTION_SET, "des"}};

    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct arm_id id = parsed(ids[i].text);

        expect_text(ids[i].text, ids[i].text);
        cr_expect(id.type == ids[i].type);
        cr_expect_str_eq(arm_id_name(&id), ids[i].name);
        cr_expect_str_eq(id.subscription, SUB);
        cr_expect_str_eq(id.group, "My.Group(1)");
    }
}

Test(arm_id, reads_the_spellings_of_the_documents)
{
    /* another case, no provider, no leading slash, all three */
    expect_text("/SUBSCRIPTIONS/" SUB "/resourcegroups/My.Group(1)/Providers/microsoft.compute/"
                "restorepointcollections/nightly/RestorePoints/p-1",
                POINT);
    expect_text("/subscriptions/" SUB "/resourceGroups/My.Group(1)/restorePointCollections/nightly/"
                "restorePoints/p-1/diskRestorePoints/d",
                POINT "/diskRestorePoints/d");
    expect_text("subscriptions/" SUB
                "/resourceGroups/My.Group(1)/providers/Microsoft.Compute/disks/d",
                GROUP "/disks/d");
    expect_text("subscriptions/" SUB "/RESOURCEGROUPS/My.Group(1)/DISKS/d", GROUP "/disks/d");
}

Test(arm_id, refuses_what_is_no_id_of_ours_and_names_the_member)
{
    static const char *const wrong[] = {
        "",
        "/",
        "disk-1",
        "https://example.org/" POINT,
        GROUP,
        GROUP "/disks",
        GROUP "/disks/",
        GROUP "/disks/d/",
        GROUP "/disks/d/restorePoints/p",
        GROUP "/restorePoints/p",
        GROUP "/snapshots/s",
        POINT "/diskRestorePoints/a/b",
        GROUP "/disks//d",
        GROUP "/disks/..",
        GROUP "/disks/a..b",
        GROUP "/disks/.",
        GROUP "/disks/a b",
        GROUP "/disks/\xc3\xa4",
        GROUP "/disks/a?sig=x",
        "/subscriptions//resourceGroups/g/disks/d",
        "/subscriptions/s/resourceGroups//disks/d",
        "/subscriptions/s/resourceGroups/g./disks/d",
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/disks/d",
        "/subscriptions/s/resourceGroups/g/providers",
        "/subscriptions/s/disks/d"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct arm_id id;
        struct arm_error e = {0};

        cr_assert_not(arm_id_parse(wrong[i], "properties.source.id", &id, &e), "%s", wrong[i]);
        cr_expect_eq(e.status, 400);
        cr_expect_str_eq(e.code, "LinkedInvalidPropertyId");
        cr_expect_str_eq(e.target, "properties.source.id");
        cr_expect(id.type == ARM_NONE);
    }
}

Test(arm_id, takes_the_longest_names_and_no_longer_ones)
{
    char text[2048], name[1001];
    struct arm_id id;
    struct arm_error e = {0};
    char out[ARM_ID_MAX_BYTES], subscription[ARM_SUBSCRIPTION_MAX_BYTES] = {0};
    char group[ARM_GROUP_MAX_BYTES] = {0};

    memset(subscription, 's', sizeof subscription - 1);
    memset(group, 'g', sizeof group - 1);
    memset(name, 'n', sizeof name);
    snprintf(
        text, sizeof text,
        "/subscriptions/%s/resourceGroups/%s/providers/Microsoft.Compute/restorePointCollections/"
        "%.80s/restorePoints/%.80s/diskRestorePoints/%.117s",
        subscription, group, name, name, name);
    expect_text(text, text);
    id = parsed(text);
    arm_id_key(&id, out);

    for (size_t i = 81; i < sizeof name; i += 459) {
        snprintf(text, sizeof text, GROUP "/disks/%.*s", (int)i, name);
        cr_expect_not(arm_id_parse(text, "id", &id, &e));
        arm_error_clear(&e);
    }
    name[1000] = 0;
    cr_expect_not(arm_name_check(ARM_POINT, name, &e));
    cr_expect_str_eq(e.code, "InvalidResourceName");
}

Test(arm_id, compares_ignoring_case_and_has_one_key)
{
    struct arm_id a = parsed(POINT), b = parsed(POINT), c = parsed(POINT "/diskRestorePoints/d");
    char key_a[ARM_ID_MAX_BYTES], key_b[ARM_ID_MAX_BYTES], scope[ARM_ID_MAX_BYTES];

    strcpy(b.name[0], "NIGHTLY");
    strcpy(b.group, "MY.GROUP(1)");
    cr_expect(arm_id_same(&a, &b));
    arm_id_key(&a, key_a);
    arm_id_key(&b, key_b);
    cr_expect_str_eq(key_a, key_b);
    cr_expect_not(arm_id_same(&a, &c));
    strcpy(b.name[1], "p-2");
    cr_expect_not(arm_id_same(&a, &b));

    arm_scope_text(SUB, "My.Group(1)", scope);
    cr_expect(strncmp(POINT, scope, strlen(scope)) == 0 && POINT[strlen(scope)] == '/');
    arm_scope_text(SUB, NULL, scope);
    cr_expect_str_eq(scope, "/subscriptions/" SUB);
}

Test(arm_id, goes_up_to_the_parent_and_down_again)
{
    struct arm_id id = parsed(POINT "/diskRestorePoints/d"), point = parsed(POINT), up, down;
    struct arm_error e = {0};

    cr_assert(arm_id_parent(&id, &up));
    cr_expect(arm_id_same(&up, &point));
    cr_assert(arm_id_child(&up, ARM_DISK_POINT, "d", &down, &e));
    cr_expect(arm_id_same(&down, &id));
    cr_assert(arm_id_parent(&up, &up));
    cr_expect(up.type == ARM_COLLECTION);
    cr_expect_str_eq(up.name[1], "");
    cr_expect_not(arm_id_parent(&up, &up));
    cr_expect_not(arm_id_child(&up, ARM_POINT, "..", &down, &e));
    cr_expect_str_eq(e.code, "InvalidResourceName");
}

Test(arm_id, says_what_was_not_found_as_the_service_does)
{
    struct arm_id id = parsed(POINT);
    struct arm_error e = {0};

    cr_expect_not(arm_id_not_found(&id, &e));
    cr_expect_eq(e.status, 404);
    cr_expect_str_eq(e.code, "ResourceNotFound");
    cr_expect(strstr(e.message,
                     "'Microsoft.Compute/restorePointCollections/restorePoints/nightly/p-1' "
                     "under resource group 'My.Group(1)'") != NULL);
    arm_error_clear(&e);
    cr_expect_not(arm_id_parent_not_found(&id, &e));
    cr_expect_str_eq(e.code, "ParentResourceNotFound");
    cr_expect(strstr(e.message, "'nightly'") != NULL);
}
