/* rp_look_test.c - what the service tells of restore points, in forms old and new (protocol E.5, E.11). */
#include "tools/snapferry/rp_look.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT                                                                                         \
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/restorePointCollections/c/"
#define POINT     AT "restorePoints/p"
#define DRP(name) POINT "/diskRestorePoints/" name

static json_t *json(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, 0, &error);

    cr_assert(value, "%s", error.text);
    return value;
}

/* A copy of two disks and an excluded one; more: members of its properties, with a comma before. */
static struct rp_point look(const char *state, const char *view)
{
    char text[4096];
    struct rp_point point = {0};
    struct err e = {0};
    json_t *body;

    snprintf(text, sizeof text,
             "{\"id\":\"" POINT "\",\"name\":\"p\",\"properties\":{\"provisioningState\":\"%s\","
             "\"sourceRestorePoint\":{\"id\":\"x\"},\"sourceMetadata\":{\"storageProfile\":{"
             "\"osDisk\":{\"name\":\"os\",\"diskRestorePoint\":{\"id\":\"" DRP(
                 "os_1") "\"}},"
                         "\"dataDisks\":[{\"lun\":\"0\",\"name\":\"left-out\"},{\"lun\":1,"
                         "\"diskRestorePoint\":"
                         "{\"id\":\"" DRP("data_1") "\"}}]}}%s}}",
             state, view);
    body = json(text);
    cr_assert(rp_look_point(body, &point, &e), "%s", e.text);
    json_decref(body);
    return point;
}

#define VIEW(os_code, os_percent, data)                                                            \
    ",\"instanceView\":{\"diskRestorePoints\":[{\"id\":\"" DRP(                                    \
        "OS_1") "\",\"replicationStatus\":{\"status\":{\"code\":\"" os_code                        \
                "\"},\"completionPercent\":" os_percent                                            \
                "}},{\"id\":\"" DRP("data_1") "\",\"replicationStatus\":{" data "}}]}"
#define DONE "\"status\":{\"code\":\"ReplicationState/succeeded\"},\"completionPercent\":100"

Test(rp_look, finds_the_disks_that_have_a_restore_point)
{
    struct rp_point point = look("Succeeded", VIEW("replicationstate/Succeeded", "\"100\"", DONE));

    cr_assert_eq(point.disks_count, 2u);
    cr_expect_str_eq(point.disks[0].name, "os");
    cr_expect_str_eq(point.disks[0].id_text, DRP("os_1"));
    cr_expect_str_eq(point.disks[1].name, "data_1", "a disk without a name has its point's");
    cr_expect_eq(point.state, RP_COMPLETE);
    cr_expect_float_eq(point.disks[0].percent, 100, 0.001, "a number as text");
    cr_expect(point.is_copy);
    rp_look_fini(&point);
}

Test(rp_look, only_what_says_so_is_complete_or_failed)
{
    static const struct {
        const char *state, *view;
        enum rp_state wanted;
    } rows[] = {
        {"Succeeded", VIEW("ReplicationState/inProgress", "40", DONE), RP_RUNS},
        {"Succeeded", VIEW("ReplicationState/neverHeardOf", "100", DONE), RP_RUNS},
        {"Succeeded", VIEW("ReplicationState/failed", "40", DONE), RP_FAILED},
        {"Succeeded", VIEW("ReplicationState/Canceled", "40", DONE), RP_FAILED},
        {"Succeeded", VIEW("ReplicationState/succeeded", "100", ""), RP_RUNS},
        {"Succeeded",
         VIEW("ReplicationState/x", "1", "\"status\":{\"code\":\"y\",\"level\":\"Error\"}"),
         RP_FAILED},
        {"Succeeded", "", RP_RUNS},
        {"Failed", VIEW("ReplicationState/succeeded", "100", DONE), RP_FAILED},
        {"Creating", VIEW("ReplicationState/succeeded", "100", DONE), RP_RUNS},
        {"Deleting", VIEW("ReplicationState/succeeded", "100", DONE), RP_RUNS},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rp_point point = look(rows[i].state, rows[i].view);

        cr_expect_eq(point.state, rows[i].wanted, "row %zu: %s", i, rp_state_word(point.state));
        rp_look_fini(&point);
    }
}

Test(rp_look, a_local_point_without_a_view_is_complete_once_it_was_made)
{
    json_t *body = json("{\"id\":\"" POINT "\",\"properties\":{\"provisioningState\":\"Succeeded\","
                        "\"sourceMetadata\":{\"storageProfile\":{\"osDisk\":{\"diskRestorePoint\":"
                        "{\"id\":\"" DRP("os_1") "\"}}}}}}");
    struct rp_point point = {0};
    struct err e = {0};

    cr_assert(rp_look_point(body, &point, &e), "%s", e.text);
    cr_expect_eq(point.state, RP_COMPLETE);
    rp_look_fini(&point);
    json_decref(body);
}

Test(rp_look, refuses_what_is_no_restore_point)
{
    static const char *const wrong[] = {
        "{}",
        "[]",
        "{\"id\":\"x\"}",
        "{\"id\":7,\"properties\":{}}",
        "{\"id\":\"" POINT "\",\"properties\":{\"sourceMetadata\":{\"storageProfile\":{\"osDisk\":"
        "{\"diskRestorePoint\":{\"id\":\"" POINT "\"}}}}}}",
        "{\"id\":\"" POINT "\",\"properties\":{\"sourceMetadata\":{\"storageProfile\":{\"osDisk\":"
        "{\"diskRestorePoint\":{\"id\":\"" DRP("..") "\"}}}}}}"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct rp_point point = {0};
        struct err e = {0};
        json_t *body = json(wrong[i]);

        cr_expect_not(rp_look_point(body, &point, &e), "%s", wrong[i]);
        cr_expect_eq(e.kind, ERR_CORRUPT);
        cr_expect_null(point.disks);
        json_decref(body);
    }
}

Test(rp_look, texts_are_fit_to_be_shown)
{
    struct rp_point point =
        look("Suc\\u001b[2Jceeded",
             VIEW("a", "1", "\"status\":{\"message\":\"see https://h/b?sv=1&sig=SECRET\"}"));

    cr_expect_null(strchr(point.provisioning, 27));
    cr_expect_null(strstr(point.disks[1].message, "SECRET"), "%s", point.disks[1].message);
    rp_look_fini(&point);
}

Test(rp_look, a_disk_point_alone_tells_family_and_time)
{
    json_t *body = json("{\"id\":\"" DRP(
        "d") "\",\"properties\":{\"familyId\":\"f\",\"timeCreated\":"
             "\"2026-01-01T00:00:00Z\",\"completionPercent\":40.5,\"replicationState\":"
             "\"Running\"}}");
    struct rp_disk *disk = calloc(1, sizeof *disk);
    struct err e = {0};

    cr_assert(disk && rp_look_disk(body, disk, &e), "%s", e.text);
    cr_expect_str_eq(disk->family, "f");
    cr_expect_str_eq(disk->created, "2026-01-01T00:00:00Z");
    cr_expect_str_eq(disk->name, "d");
    cr_expect_eq(disk->state, RP_RUNS);
    cr_expect_float_eq(disk->percent, 40.5, 0.001);
    free(disk);
    json_decref(body);
}
