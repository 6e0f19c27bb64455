/* verify_record.c - see verify_record.h. */
#include "tools/controld/verify_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/controld/arm_render.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_families.h"
#include "tools/controld/operation.h"
#include "tools/controld/verify_desk.h"

/* ---- What is kept of a disk ---- */

/* What a chain's next delta would start from is not what its source has: it starts anew. */
static bool forget_held(struct service *service, const struct catalog_disk_point *row,
                        struct err *e)
{
    struct catalog_family family = {0};
    bool ok = !row->family || catalog_family_get(service->catalog, row->family, &family, e);

    if (ok && family.held_disk_point_id && family.live_blob && row->blob &&
        strcmp(family.live_blob, row->blob) == 0)
        ok = catalog_family_set_held(service->catalog, family.guid, NULL, e);
    catalog_family_fini(&family);
    return ok;
}

static bool keep_text(struct service *service, const struct verify_check *check, const char *text,
                      struct err *e)
{
    const struct verify_finding *finding = verify_check_finding(check);
    bool root = finding->outcome == VERIFY_EQUAL && finding->root[0];

    return catalog_disk_point_set_verified(service->catalog, verify_check_id(check), text,
                                           root ? finding->root : NULL, e);
}

/* One that could not be compared leaves what was found before. */
static bool keep_finding(struct service *service, const struct verify_check *check,
                         const char *operation, struct err *e)
{
    enum verify_outcome outcome = verify_check_finding(check)->outcome;
    struct catalog_disk_point row = {0};
    char time[ARM_TIME_MAX_BYTES], *text = NULL;
    json_t *found;
    bool ok;

    if (outcome == VERIFY_UNFINISHED)
        return true;
    arm_time_text(service_now_ns(service), time);
    found = verify_check_json(check);
    if (found && json_object_set_new(found, "time", json_string(time)) == 0 &&
        json_object_set_new(found, "operation", json_string(operation)) == 0)
        text = service_text(found);
    json_decref(found);
    ok = text || err_set_errno(e, ENOMEM, RETRY_LATER, "cannot keep what was found");
    ok = ok && catalog_disk_point_get(service->catalog, verify_check_id(check), &row, e);
    if (ok && row.id)
        ok = keep_text(service, check, text, e) &&
             (outcome != VERIFY_DIFFERENT || forget_held(service, &row, e));
    catalog_disk_point_fini(&row);
    free(text);
    return ok;
}

/* ---- What the operation tells ---- */

/* The whole is different if any disk is; else unfinished if any is. NULL: all are equal. */
static const struct verify_check *worst_of(const struct verify_record *record)
{
    const struct verify_check *worst = NULL;

    for (size_t i = 0; i < record->count; i++) {
        const struct verify_check *check = record->checks[i];
        enum verify_outcome outcome = verify_check_finding(check)->outcome;

        if (outcome == VERIFY_DIFFERENT)
            return check;
        if (outcome == VERIFY_UNFINISHED && !worst)
            worst = check;
    }
    return worst;
}

static json_t *disks_json(const struct verify_record *record)
{
    json_t *disks = json_array();

    for (size_t i = 0; disks && i < record->count; i++) {
        const struct verify_check *check = record->checks[i];
        json_t *one = verify_check_json(check);

        if (one && json_object_set_new(one, "id", json_string(verify_check_id(check))) == 0 &&
            json_array_append(disks, one) == 0) {
            json_decref(one);
            continue;
        }
        json_decref(one);
        json_decref(disks);
        disks = NULL;
    }
    return disks;
}

static json_t *told_of(const struct verify_record *record)
{
    const struct verify_check *worst = worst_of(record);

    if (!record->of_point)
        return verify_check_json(record->checks[0]);
    return json_pack("{s:s, s:o}", "outcome",
                     verify_outcome_name(worst ? verify_check_finding(worst)->outcome
                                               : VERIFY_EQUAL),
                     "disks", disks_json(record));
}

/* Of a restore point the disk is named first; its whole id stands in what is told. */
static void reason_of(const struct verify_record *record, struct arm_error *out_why)
{
    const struct verify_check *worst = worst_of(record);
    char sentence[VERIFY_SENTENCE_MAX_BYTES];
    const char *id;

    if (!worst)
        return;
    id = verify_check_id(worst);
    verify_finding_sentence(verify_check_finding(worst), sentence);
    arm_error_set(out_why, 409,
                  verify_check_finding(worst)->outcome == VERIFY_DIFFERENT ? VERIFY_DIFFERS
                                                                           : VERIFY_NOT_DONE,
                  NULL, "%s%s%s", record->of_point ? strrchr(id, '/') + 1 : "",
                  record->of_point ? ": " : "", sentence);
}

bool verify_record_keep(struct service *service, const struct verify_record *record, struct err *e)
{
    struct arm_error why = {0};
    json_t *told = told_of(record);
    bool ok = told || err_set_errno(e, ENOMEM, RETRY_LATER, "cannot tell what was found");

    for (size_t i = 0; ok && i < record->count; i++)
        ok = keep_finding(service, record->checks[i], record->operation, e);
    reason_of(record, &why);
    ok = ok && operation_end_with(service->operations, record->operation,
                                  arm_error_is_set(&why) ? &why : NULL, told, e);
    json_decref(told);
    return ok;
}
