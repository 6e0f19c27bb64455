/* arm_body_test.c - bodies of collections, points and accesses: old forms are read, mistakes named. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/controld/arm_body.h"

#define GROUP "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute"
#define VM    GROUP "/virtualMachines/vm"
#define RPC   GROUP "/restorePointCollections/c"
#define RP    RPC "/restorePoints/p"
#define A5    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
#define FIFTY A5 A5 A5 A5 A5 A5 A5 A5 A5 A5 /* times five letters of two bytes */

static void expect_error(const struct arm_error *e, int status, const char *code,
                         const char *target, const char *body)
{
    cr_expect_eq(e->status, status, "%s: %s", body, e->message);
    cr_expect_str_eq(e->code, code, "%s: %s", body, e->code);
    cr_expect_str_eq(e->target, target, "%s: %s", body, e->target);
}

static void collection_refused(const char *body, const char *code, const char *target)
{
    struct arm_collection_body read;
    struct arm_error e = {0};

    cr_assert_not(arm_collection_read(body, strlen(body), &read, &e), "%s", body);
    expect_error(&e, 400, code, target, body);
    cr_expect_null(read.tags);
    arm_collection_body_fini(&read);
}

static void point_refused(const char *body, const char *code, const char *target)
{
    struct arm_point_body read;
    struct arm_error e = {0};

    cr_assert_not(arm_point_read(body, strlen(body), &read, &e), "%s", body);
    expect_error(&e, 400, code, target, body);
    cr_expect_null(read.exclude);
}

static struct arm_point_body point(const char *body)
{
    struct arm_point_body read;
    struct arm_error e = {0};

    cr_assert(arm_point_read(body, strlen(body), &read, &e), "%s: %s", body, e.message);
    return read;
}

Test(arm_body, reads_a_collection_of_a_machine_or_of_a_collection)
{
    static const char body[] =
        "{\"name\":\"ignored\",\"location\":\"region-b\",\"tags\":{\"department\":\"finance\"},"
        "\"properties\":{\"source\":{\"id\":\"" RPC "\",\"location\":\"x\"},\"more\":[1,{}]}}";
    static const char of_vm[] =
        "{\"Location\":\"r\",\"PROPERTIES\":{\"source\":{\"id\":\"subscriptions/s/resourceGroups/g/"
        "providers/microsoft.compute/virtualmachines/vm\"}}}";
    struct arm_collection_body read;
    struct arm_error e = {0};
    char text[ARM_ID_MAX_BYTES];

    cr_assert(arm_collection_read(body, sizeof body - 1, &read, &e), "%s", e.message);
    cr_expect_str_eq(read.location, "region-b");
    cr_expect_str_eq(json_string_value(json_object_get(read.tags, "department")), "finance");
    arm_id_text(&read.source, text);
    cr_expect_str_eq(text, RPC);
    arm_collection_body_fini(&read);

    cr_assert(arm_collection_read(of_vm, sizeof of_vm - 1, &read, &e), "%s", e.message);
    arm_id_text(&read.source, text);
    cr_expect_str_eq(text, VM);
    cr_expect_eq(json_object_size(read.tags), 0);
    arm_collection_body_fini(&read);
}

Test(arm_body, names_what_is_wrong_in_a_collection)
{
    collection_refused("", "InvalidRequestContent", "");
    collection_refused("{", "InvalidRequestContent", "");
    collection_refused("[]", "InvalidRequestContent", "");
    collection_refused("{\"location\":\"a\",\"location\":\"b\"}", "InvalidRequestContent", "");
    collection_refused("{}", "LocationRequired", "location");
    collection_refused("{\"location\":null}", "LocationRequired", "location");
    collection_refused("{\"location\":1}", "BadRequest", "location");
    collection_refused("{\"location\":\"a\",\"Location\":\"b\"}", "BadRequest", "location");
    collection_refused("{\"location\":\"a\",\"tags\":[]}", "BadRequest", "tags");
    collection_refused("{\"location\":\"a\",\"tags\":{\"k\":1}}", "BadRequest", "tags.k");
    collection_refused("{\"location\":\"a\",\"tags\":{\"\":\"v\"}}", "BadRequest", "tags");
    collection_refused("{\"location\":\"a\",\"properties\":[]}", "BadRequest", "properties");
    collection_refused("{\"location\":\"a\",\"properties\":{\"source\":{\"id\":7}}}", "BadRequest",
                       "properties.source.id");
    collection_refused("{\"location\":\"a\",\"properties\":{\"source\":{\"id\":\"vm\"}}}",
                       "LinkedInvalidPropertyId", "properties.source.id");
    collection_refused("{\"location\":\"a\",\"properties\":{\"source\":{\"id\":\"" GROUP
                       "/disks/d\"}}}",
                       "InvalidParameter", "properties.source.id");
    collection_refused("{\"location\":\"0123456789012345678901234567890123456789012345678901234567"
                       "8901234567890\"}",
                       "BadRequest", "location");
}

Test(arm_body, bounds_tags_as_the_service_does)
{
    json_t *body = json_pack("{s:s, s:{}}", "location", "a", "tags");
    json_t *tags = json_object_get(body, "tags");
    struct arm_collection_body read;
    struct arm_error e = {0};
    char name[ARM_TAG_NAME_MAX_CHARS + 2], *text;

    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "t%d", i);
        json_object_set_new(tags, name, json_string("v"));
    }
    text = json_dumps(body, 0);
    cr_assert(arm_collection_read(text, strlen(text), &read, &e), "%s", e.message);
    arm_collection_body_fini(&read);
    free(text);
    json_object_set_new(tags, "one more", json_string("v"));
    text = json_dumps(body, 0);
    collection_refused(text, "BadRequest", "tags");
    free(text);
    json_object_clear(tags);
    json_object_set_new(tags, "value", json_pack("s+s+s+s+s", FIFTY, FIFTY, FIFTY, FIFTY, FIFTY));
    text = json_dumps(body, 0);
    cr_assert(arm_collection_read(text, strlen(text), &read, &e), "250 characters, 500 bytes: %s",
              e.message);
    arm_collection_body_fini(&read);
    free(text);
    json_object_clear(tags);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    json_object_set_new(tags, name, json_string("v"));
    text = json_dumps(body, 0);
    collection_refused(text, "BadRequest", "tags");
    free(text);
    json_decref(body);
}

Test(arm_body, takes_nothing_but_tags_from_a_patch)
{
    static const char body[] = "{\"location\":5,\"tags\":{\"a\":\"b\"}}";
    struct arm_collection_body read;
    struct arm_error e = {0};

    cr_assert(arm_tags_read(body, sizeof body - 1, &read, &e), "%s", e.message);
    cr_expect_eq(json_object_size(read.tags), 1);
    cr_expect_str_eq(read.location, "");
    arm_collection_body_fini(&read);
    cr_assert(arm_tags_read("{}", 2, &read, &e));
    cr_expect_null(read.tags, "tags that are not told stay");
    cr_assert_not(arm_tags_read("{\"tags\":1}", 10, &read, &e));
    expect_error(&e, 400, "BadRequest", "tags", "tags");
}

Test(arm_body, refuses_a_body_above_the_limit_and_tells_nothing_of_it)
{
    size_t bytes = ARM_BODY_MAX_BYTES + 1;
    char *body = malloc(bytes);
    struct arm_point_body read;
    struct arm_error e = {0};

    memset(body, ' ', bytes);
    memcpy(body, "{}", 2);
    cr_assert_not(arm_point_read(body, bytes, &read, &e));
    expect_error(&e, 413, "RequestEntityTooLarge", "", "large");
    arm_error_clear(&e);
    cr_assert(arm_point_read(body, bytes - 1, &read, &e));
    arm_point_body_fini(&read);
    free(body);

    cr_assert_not(arm_point_read("{\"adminPassword\":\"hunter2\" x", 28, &read, &e));
    cr_expect_null(strstr(e.message, "hunter2"), "%s", e.message);
    cr_expect_not_null(strstr(e.message, "line 1"), "%s", e.message);
}

Test(arm_body, reads_a_restore_point_to_be_cut)
{
    struct arm_point_body read = point("");

    cr_expect_not(read.crash_consistent);
    cr_expect_eq(read.source.type, ARM_NONE);
    cr_expect_eq(read.exclude_count, 0);
    arm_point_body_fini(&read);
    read = point("{\"properties\":{\"consistencyMode\":\"crashconsistent\",\"excludeDisks\":[{"
                 "\"id\":\"" GROUP "/disks/a\"},{\"id\":\"" GROUP "/disks/b\"},{\"id\":\"" GROUP
                 "/DISKS/A\"}]}}");
    cr_expect(read.crash_consistent);
    cr_expect_eq(read.exclude_count, 2, "the same disk twice is one");
    cr_expect_str_eq(read.exclude[1].name[0], "b");
    arm_point_body_fini(&read);
}

Test(arm_body, reads_excluded_disks_in_the_old_form_too)
{
    struct arm_point_body read = point("{\"name\":\"x\",\"Properties\":{\"excludedisks\":[\"" GROUP
                                       "/disks/a\",{\"id\":\"" GROUP "/disks/b\"}]}}");

    cr_expect_eq(read.exclude_count, 2);
    cr_expect_str_eq(read.exclude[0].name[0], "a");
    arm_point_body_fini(&read);
}

Test(arm_body, reads_a_restore_point_to_be_copied)
{
    struct arm_point_body read = point("{\"properties\":{\"sourceRestorePoint\":{\"id\":\"" RP
                                       "\"},\"excludeDisks\":[\"" RP "/diskRestorePoints/d\"]}}");

    cr_expect_eq(read.source.type, ARM_POINT);
    cr_expect_str_eq(read.source.name[1], "p");
    cr_expect_eq(read.exclude[0].type, ARM_DISK_POINT);
    arm_point_body_fini(&read);
}

Test(arm_body, names_what_is_wrong_in_a_restore_point)
{
    char many[8192] = "{\"properties\":{\"excludeDisks\":[";

    point_refused("{\"properties\":{\"consistencyMode\":\"ApplicationConsistent\"}}",
                  "InvalidParameter", "properties.consistencyMode");
    point_refused("{\"properties\":{\"consistencyMode\":true}}", "BadRequest",
                  "properties.consistencyMode");
    point_refused("{\"properties\":{\"sourceRestorePoint\":{}}}", "InvalidParameter",
                  "properties.sourceRestorePoint.id");
    point_refused("{\"properties\":{\"sourceRestorePoint\":\"" RP "\"}}", "BadRequest",
                  "properties.sourceRestorePoint");
    point_refused("{\"properties\":{\"sourceRestorePoint\":{\"id\":\"" RPC "\"}}}",
                  "InvalidParameter", "properties.sourceRestorePoint.id");
    point_refused("{\"properties\":{\"excludeDisks\":{}}}", "BadRequest",
                  "properties.excludeDisks");
    point_refused("{\"properties\":{\"excludeDisks\":[7]}}", "BadRequest",
                  "properties.excludeDisks[0]");
    point_refused("{\"properties\":{\"excludeDisks\":[{}]}}", "InvalidParameter",
                  "properties.excludeDisks[].id");
    point_refused("{\"properties\":{\"excludeDisks\":[\"List of disks\"]}}",
                  "LinkedInvalidPropertyId", "properties.excludeDisks");
    point_refused("{\"properties\":{\"excludeDisks\":[\"" VM "\"]}}", "InvalidParameter",
                  "properties.excludeDisks");
    for (unsigned i = 0; i <= ARM_EXCLUDED_MAX; i++)
        strcat(many, i ? ",\"" GROUP "/disks/a\"" : "\"" GROUP "/disks/a\"");
    point_refused(strcat(many, "]}}"), "BadRequest", "properties.excludeDisks");
}

Test(arm_body, knows_the_same_wish_in_other_words)
{
    struct arm_point_body
        a = point("{\"properties\":{\"excludeDisks\":[\"" GROUP "/disks/a\",\"" GROUP
                  "/disks/B\"]}}"),
        b = point("{\"properties\":{\"excludeDisks\":[{\"id\":\"" GROUP
                  "/disks/b\"},{\"id\":\"subscriptions/S/resourceGroups/G/disks/A\"}]}}"),
        c = point("{\"properties\":{\"consistencyMode\":\"CrashConsistent\"}}"),
        d = point("{\"properties\":{\"sourceRestorePoint\":{\"id\":\"" RP "\"}}}");
    char *text[] = {arm_point_asked(&a), arm_point_asked(&b), arm_point_asked(&c),
                    arm_point_asked(&d)};

    cr_expect_str_eq(text[0], text[1]);
    cr_expect_str_neq(text[0], text[2]);
    cr_expect_str_neq(text[2], text[3]);
    for (int i = 0; i < 4; i++)
        free(text[i]);
    arm_point_body_fini(&a);
    arm_point_body_fini(&b);
    arm_point_body_fini(&c);
    arm_point_body_fini(&d);
}

static void access_refused(const char *body, const char *code, const char *target)
{
    struct arm_access_body read;
    struct arm_error e = {0};

    cr_assert_not(arm_access_read(body, strlen(body), &read, &e), "%s", body);
    expect_error(&e, 400, code, target, body);
}

Test(arm_body, reads_what_access_is_asked_and_for_how_long)
{
    static const char number[] = "{\"access\":\"Read\",\"durationInSeconds\":3600}";
    static const char text[] =
        "{\"access\":\"write\",\"durationInSeconds\":\"120\",\"fileFormat\":\"VHDX\"}";
    struct arm_access_body read;
    struct arm_error e = {0};

    cr_assert(arm_access_read(number, sizeof number - 1, &read, &e), "%s", e.message);
    cr_expect_eq(read.access, ARM_ACCESS_READ);
    cr_expect_eq(read.duration_s, 3600);
    cr_expect_not(read.vhdx);
    cr_assert(arm_access_read(text, sizeof text - 1, &read, &e), "%s", e.message);
    cr_expect_eq(read.access, ARM_ACCESS_WRITE);
    cr_expect_eq(read.duration_s, 120);
    cr_expect(read.vhdx);
    cr_assert(arm_access_read("{\"access\":\"None\"}", 17, &read, &e), "%s", e.message);
    cr_expect_eq(read.duration_s, ARM_ACCESS_DEFAULT_S);

    access_refused("", "InvalidRequestContent", "");
    access_refused("{}", "InvalidParameter", "access");
    access_refused("{\"access\":\"Append\"}", "InvalidParameter", "access");
    access_refused("{\"access\":\"Read\",\"durationInSeconds\":0}", "InvalidParameter",
                   "durationInSeconds");
    access_refused("{\"access\":\"Read\",\"durationInSeconds\":-5}", "BadRequest",
                   "durationInSeconds");
    access_refused("{\"access\":\"Read\",\"durationInSeconds\":5184001}", "BadRequest",
                   "durationInSeconds");
    access_refused("{\"access\":\"Read\",\"durationInSeconds\":\"1h\"}", "BadRequest",
                   "durationInSeconds");
    access_refused("{\"access\":\"Read\",\"fileFormat\":\"RAW\"}", "InvalidParameter",
                   "fileFormat");
}
