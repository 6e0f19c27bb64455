/* arm_samples_test.c - the JSON of the documents (samples/, placeholders filled): requests are understood,
 * and each member of an answer stands in ours, in current form; what is gone is absent (protocol E.11). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/controld/arm_render.h"
#include "tools/controld/arm_resource_body.h"
#include "tools/controld/arm_shape.h"
#include "tools/controld/catalog_collections.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_points.h"

#define PATH_MAX_BYTES 512u
#define CREATED        "2023-10-31T12:34:56.0000000+00:00"
#define CREATED_NS     (1698755696ll * 1000000000ll)
#define GROUP          "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/backup"
#define COMPUTE        GROUP "/providers/Microsoft.Compute"

static json_t *sample(const char *name)
{
    char path[1024];
    json_error_t error;
    json_t *json;

    snprintf(path, sizeof path, "%s/tests/tools/controld/samples/%s.json",
             getenv("SNAPFERRY_SOURCE_DIR"), name);
    json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(json, "%s: %s", path, error.text);
    return json;
}

/* ---- Comparing a sample with an answer ---- */

static bool one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

static const char *const gone[] = {"optionalProperties", "provisioningDetails", "creationTime",
                                   "computername",       "properties   ",       NULL};
static const char *const numbers[] = {"lun", "diskSizeGB", "completionPercent", NULL};
static const char *const booleans[] = {"provisionVMAgent", "enableAutomaticUpdates",
                                       "disablePasswordAuthentication", "enabled", NULL};

static void expect_nothing_gone(const json_t *ours)
{
    const char *name;
    json_t *value;
    size_t i;

    json_object_foreach((json_t *)ours, name, value)
    {
        cr_expect_not(one_of(name, gone), "'%s' is gone from the API", name);
        cr_expect(!one_of(name, numbers) || json_is_number(value), "%s", name);
        cr_expect(!one_of(name, booleans) || json_is_boolean(value), "%s", name);
        expect_nothing_gone(value);
    }
    json_array_foreach(ours, i, value)
    {
        expect_nothing_gone(value);
    }
}

static bool same_id(const char *a, const char *b)
{
    struct arm_id left, right;
    struct arm_error e = {0};

    if (!arm_id_parse(a, "", &left, &e))
        return false;
    return arm_id_parse(b, "", &right, &e) && arm_id_same(&left, &right);
}

static bool same_scalar(const json_t *theirs, const json_t *ours)
{
    const char *text = json_string_value(theirs);
    char number[32];

    if (!text || json_is_string(ours))
        return json_equal(theirs, ours) || (text && same_id(text, json_string_value(ours)));
    if (json_is_boolean(ours))
        return strcmp(text, json_is_true(ours) ? "true" : "false") == 0;
    snprintf(number, sizeof number, "%g", json_number_value(ours));
    return strcmp(text, number) == 0;
}

/* The old name's place in an answer of ours; NULL: gone without one. */
static json_t *current(const json_t *ours, const char *name)
{
    char trimmed[64];
    const char *key;
    json_t *value;

    snprintf(trimmed, sizeof trimmed, "%.*s", (int)strcspn(name, " "), name);
    json_object_foreach((json_t *)ours, key, value)
    {
        if (strcasecmp(key, trimmed) == 0)
            return value;
    }
    return NULL;
}

static void expect_within(const json_t *theirs, const json_t *ours, const char *path);

static void expect_member(const char *name, const json_t *value, const json_t *ours,
                          const char *path)
{
    char at[PATH_MAX_BYTES];
    json_t *member = current(ours, name);

    snprintf(at, sizeof at, "%s.%s", path, name);
    if (strcmp(name, "optionalProperties") == 0 || strcmp(name, "provisioningDetails") == 0)
        return;
    /* An older answer had a restore point's properties at its top. */
    if (!member && *path == 0)
        member = current(json_object_get(ours, "properties"), name);
    cr_expect_not_null(member, "%s is not in the answer", at);
    if (member)
        expect_within(value, member, at);
}

static void expect_within(const json_t *theirs, const json_t *ours, const char *path)
{
    const char *name;
    json_t *value;
    size_t i;

    if (json_is_object(theirs)) {
        json_object_foreach((json_t *)theirs, name, value)
        {
            expect_member(name, value, ours, path);
        }
    } else if (json_is_array(theirs)) {
        cr_expect_eq(json_array_size(theirs), json_array_size(ours), "%s", path);
        json_array_foreach(theirs, i, value)
        {
            expect_within(value, json_array_get(ours, i), path);
        }
    } else {
        cr_expect(same_scalar(theirs, ours), "%s differs", path);
    }
}

/* ---- Collections ---- */

static void expect_collection(const char *name, enum catalog_source kind)
{
    json_t *theirs = sample(name), *ours;
    json_t *properties = json_object_get(theirs, "properties");
    char *tags = json_dumps(json_object_get(theirs, "tags"), 0);
    struct catalog_collection row = {.id = arm_shape_text(theirs, "id"),
                                     .location = arm_shape_text(theirs, "location"),
                                     .tags = tags,
                                     .source_kind = kind,
                                     .state = CATALOG_SUCCEEDED,
                                     .guid = "6f1d3c1e-0d6c-4a53-9a3c-0a7d0a4b1c2d",
                                     .created_ns = CREATED_NS};
    struct arm_id source;
    struct arm_error e = {0};
    char source_id[ARM_ID_MAX_BYTES];

    if (!properties)
        properties = json_object_get(theirs, "properties   ");
    cr_assert(arm_id_parse(arm_shape_text(properties, "source.id"), "", &source, &e));
    arm_id_text(&source, source_id);
    row.source_id = source_id;
    row.source_location = arm_shape_text(properties, "source.location");
    ours = arm_render_collection(&row, NULL);
    expect_within(theirs, ours, "");
    expect_nothing_gone(ours);
    cr_expect_str_eq(arm_shape_text(ours, "properties.provisioningState"), "Succeeded");
    cr_expect_str_eq(arm_shape_text(ours, "properties.restorePointCollectionId"), row.guid);
    cr_expect_null(arm_shape_at(ours, "properties.restorePoints"), "only with $expand");
    json_decref(ours);
    free(tags);
    json_decref(theirs);
}

Test(arm_samples, answers_a_collection_to_copy_into_as_documented)
{
    expect_collection("copy_collection_answer", CATALOG_SOURCE_COLLECTION);
}

Test(arm_samples, answers_a_collection_of_a_machine_elsewhere_as_documented)
{
    expect_collection("create_collection_answer", CATALOG_SOURCE_MACHINE);
}

Test(arm_samples, understands_the_request_for_a_collection)
{
    json_t *theirs = sample("copy_collection_request");
    char *text = json_dumps(theirs, 0);
    struct arm_collection_body body;
    struct arm_error e = {0};

    cr_assert(arm_collection_read(text, strlen(text), &body, &e), "%s", e.message);
    cr_expect_eq(body.source.type, ARM_COLLECTION);
    cr_expect_str_eq(body.location, "region-b");
    cr_expect(json_equal(body.tags, json_object_get(theirs, "tags")));
    arm_collection_body_fini(&body);
    free(text);
    json_decref(theirs);
}

/* ---- Restore points ---- */

Test(arm_samples, understands_the_request_for_a_copy)
{
    json_t *theirs = sample("copy_point_request");
    char *text = json_dumps(theirs, 0);
    struct arm_point_body body;
    struct arm_error e = {0};

    cr_assert(arm_point_read(text, strlen(text), &body, &e), "%s", e.message);
    cr_expect_eq(body.source.type, ARM_POINT);
    cr_expect_str_eq(body.source.name[0], "source-nightly");
    arm_point_body_fini(&body);
    free(text);
    json_decref(theirs);
}

Test(arm_samples, understands_the_request_for_a_point_without_a_disk)
{
    json_t *theirs = sample("create_point_request");
    char *text = json_dumps(theirs, 0);
    struct arm_point_body body;
    struct arm_error e = {0};

    cr_assert(arm_point_read(text, strlen(text), &body, &e), "%s", e.message);
    cr_assert_eq(body.exclude_count, 1);
    cr_expect_str_eq(body.exclude[0].name[0], "scratch");
    cr_expect_eq(body.source.type, ARM_NONE);
    arm_point_body_fini(&body);
    free(text);
    json_decref(theirs);
}

/* What the catalog would hold of the sample's restore point. */
struct rows {
    struct catalog_point point;
    struct catalog_disk_point disks[2];
    char *metadata;
    char ids[2][ARM_ID_MAX_BYTES];
};

static void make_rows(struct rows *rows, const json_t *theirs)
{
    const json_t *inner = json_object_get(theirs, "properties");
    const json_t *properties = inner ? inner : theirs;
    const json_t *details = json_object_get(properties, "provisioningDetails");
    const char *used = arm_shape_text(details, "totalUsedSizeInBytes");
    struct arm_error e = {0};
    json_t *metadata = arm_metadata_read(json_object_get(properties, "sourceMetadata"), &e);

    cr_assert_not_null(metadata, "%s", e.message);
    rows->metadata = json_dumps(metadata, 0);
    json_decref(metadata);
    rows->point = (struct catalog_point){.id = arm_shape_text(theirs, "id"),
                                         .state = CATALOG_SUCCEEDED,
                                         .created_ns = CREATED_NS,
                                         .consistency = CATALOG_CRASH_CONSISTENT,
                                         .source_point_id =
                                             arm_shape_text(properties, "sourceRestorePoint.id"),
                                         .metadata = rows->metadata,
                                         .hook_status = arm_shape_text(details, "statusCode"),
                                         .hook_message = arm_shape_text(details, "statusMessage"),
                                         .used_bytes = used ? atoll(used) : 0,
                                         .generation = 1};
    for (int i = 0; i < 2; i++) {
        snprintf(rows->ids[i], sizeof rows->ids[i],
                 COMPUTE "/restorePointCollections/target-nightly/restorePoints/p-1/"
                         "diskRestorePoints/%s_1",
                 i ? "datadisk0" : "os_disk");
        rows->disks[i] =
            (struct catalog_disk_point){.id = rows->ids[i],
                                        .role = i ? CATALOG_ROLE_DATA : CATALOG_ROLE_OS,
                                        .lun = i ? 0 : -1,
                                        .code = "ReplicationState/succeeded",
                                        .percent = 100,
                                        .size_bytes = 10ll << 30};
    }
}

static void expect_point(const char *name, bool view)
{
    json_t *theirs = sample(name), *ours, *views, *theirs_views;
    struct rows rows;

    make_rows(&rows, theirs);
    ours = arm_render_point(&rows.point, rows.disks, 2, view);
    /* The samples show one disk of the two in their view. */
    views = arm_shape_at(ours, "properties.instanceView.diskRestorePoints");
    theirs_views = arm_shape_at(theirs, "properties.instanceView.diskRestorePoints");
    cr_expect_eq(json_array_size(views), view ? 2 : 0);
    if (view)
        json_array_append(theirs_views, json_array_get(views, 1));
    expect_within(theirs, ours, "");
    expect_nothing_gone(ours);
    cr_expect_str_eq(arm_shape_text(ours, "properties.timeCreated"), CREATED);
    if (rows.point.used_bytes) {
        const json_t *beyond = arm_shape_at(ours, "properties.x-snapferry");

        cr_expect_eq(json_integer_value(arm_shape_at(beyond, "totalUsedSizeInBytes")), 25);
        cr_expect_str_eq(arm_shape_text(beyond, "statusCode"),
                         "status code reported by the extension");
        cr_expect_str_eq(arm_shape_text(beyond, "statusMessage"),
                         "status message reported by the extension");
    }
    json_decref(ours);
    free(rows.metadata);
    json_decref(theirs);
}

Test(arm_samples, answers_the_copy_of_a_restore_point_as_documented)
{
    expect_point("copy_point_answer", false);
}

Test(arm_samples, answers_the_state_of_a_copy_as_documented)
{
    expect_point("copy_point_view", true);
}

Test(arm_samples, answers_a_restore_point_made_elsewhere_as_documented)
{
    expect_point("create_point_answer", false);
}

Test(arm_samples, answers_the_state_of_a_restore_point_made_elsewhere_as_documented)
{
    expect_point("create_point_view", true);
}
