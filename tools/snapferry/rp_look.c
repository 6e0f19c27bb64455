/* rp_look.c - see rp_look.h. */
#include "tools/snapferry/rp_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/snapferry/arm_answer.h"
#include "tools/snapferry/view.h"

#define PATH(...) ((const char *const[]){__VA_ARGS__, NULL})

const char *rp_state_word(enum rp_state state)
{
    return state == RP_COMPLETE ? "complete" : state == RP_FAILED ? "failed" : "in progress";
}

/* Cut to what fits, and fit to be shown. */
static void take(char *out, size_t room, const json_t *body, const char *const *path)
{
    const char *text = arm_answer_text(body, path);

    if (!text)
        return;
    snprintf(out, room, "%s", text);
    view_clean(out);
}

#define TAKE(out, body, ...) take(out, sizeof(out), body, PATH(__VA_ARGS__))

/* ---- States ---- */

static bool holds(const char *text, const char *word)
{
    return strcasestr(text, word) != NULL;
}

/* Protocol E.6: only what says so is done, or failed; all else runs. */
static enum rp_state state_of(const char *code, const char *level)
{
    const char *state = strchr(code, '/') ? strchr(code, '/') + 1 : code;

    if (strcasecmp(state, "succeeded") == 0)
        return RP_COMPLETE;
    if (holds(state, "fail") || holds(state, "cancel") || holds(state, "abort") ||
        strcasecmp(level, "Error") == 0)
        return RP_FAILED;
    return RP_RUNS;
}

static double number_of(const json_t *value)
{
    if (json_is_string(value))
        return strtod(json_string_value(value), NULL); /* as old samples have it */
    return json_number_value(value);
}

static const json_t *view_of(const json_t *views, const struct rp_id *id)
{
    size_t index;
    json_t *one;

    json_array_foreach((json_t *)(uintptr_t)views, index, one)
    {
        const char *text = json_string_value(json_object_get(one, "id"));
        struct err ignored = {0};
        struct rp_id its;

        if (text && rp_id_parse(text, NULL, NULL, &its, &ignored) && rp_id_same(&its, id))
            return one;
    }
    return NULL;
}

static void judge_disk(const json_t *view, struct rp_disk *disk)
{
    const json_t *replication = json_object_get(view, "replicationStatus");
    const json_t *status = json_object_get(replication, "status");
    char level[32] = "";

    TAKE(disk->code, status, "code");
    TAKE(disk->display, status, "displayStatus");
    TAKE(disk->message, status, "message");
    TAKE(level, status, "level");
    disk->percent = number_of(json_object_get(replication, "completionPercent"));
    disk->state = *disk->code ? state_of(disk->code, level) : RP_RUNS;
}

/* A local point whose disks nobody tells of is complete once it was made. */
static void judge_untold(const struct rp_point *point, struct rp_disk *disk)
{
    if (!point->is_copy && strcasecmp(point->provisioning, "Succeeded") == 0) {
        disk->state = RP_COMPLETE;
        disk->percent = 100;
    }
}

static void judge_point(struct rp_point *point)
{
    point->state = point->disks_count ? RP_COMPLETE : RP_RUNS;
    for (unsigned i = 0; i < point->disks_count; i++) {
        if (point->disks[i].state == RP_FAILED)
            point->state = RP_FAILED;
        else if (point->disks[i].state == RP_RUNS && point->state == RP_COMPLETE)
            point->state = RP_RUNS;
    }
    if (strcasecmp(point->provisioning, "Failed") == 0)
        point->state = RP_FAILED;
    else if (strcasecmp(point->provisioning, "Succeeded") != 0 && point->state == RP_COMPLETE)
        point->state = RP_RUNS;
}

/* ---- Disks ---- */

/* A disk that was excluded has no restore point, and is none of ours. */
static bool take_disk(const json_t *entry, const json_t *views, struct rp_point *point,
                      struct err *e)
{
    const char *id = arm_answer_text(entry, PATH("diskRestorePoint", "id"));
    struct rp_disk *disk = &point->disks[point->disks_count];
    const json_t *view;

    if (!id)
        return true;
    if (point->disks_count == RP_DISKS_MAX)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "the restore point has more than %u disks",
                       RP_DISKS_MAX);
    if (strlen(id) >= sizeof disk->id_text || !rp_id_parse(id, NULL, NULL, &disk->id, e) ||
        disk->id.depth != RP_PARTS) {
        err_clear(e);
        return err_set(e, ERR_CORRUPT, RETRY_NEVER,
                       "the service names a disk by what is no id of a disk restore point");
    }
    TAKE(disk->id_text, entry, "diskRestorePoint", "id");
    snprintf(disk->name, sizeof disk->name, "%s", disk->id.part[RP_DISK]);
    TAKE(disk->name, entry, "name");
    view = view_of(views, &disk->id);
    if (view)
        judge_disk(view, disk);
    else
        judge_untold(point, disk);
    point->disks_count++;
    return true;
}

static bool take_disks(const json_t *properties, struct rp_point *point, struct err *e)
{
    const json_t *storage =
        json_object_get(json_object_get(properties, "sourceMetadata"), "storageProfile");
    const json_t *views =
        json_object_get(json_object_get(properties, "instanceView"), "diskRestorePoints");
    json_t *list = json_object_get(storage, "dataDisks"), *one;
    size_t index;

    point->disks = calloc(RP_DISKS_MAX + 1, sizeof *point->disks);
    if (!point->disks)
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for the disks of a restore point");
    if (!take_disk(json_object_get(storage, "osDisk"), views, point, e))
        return false;
    json_array_foreach(list, index, one)
    {
        if (!take_disk(one, views, point, e))
            return false;
    }
    return true;
}

/* ---- Points ---- */

bool rp_look_point(const json_t *body, struct rp_point *out_point, struct err *e)
{
    const json_t *properties = json_object_get(body, "properties");
    struct rp_point point = {.disks = NULL};

    if (!json_is_object(properties) || !json_is_string(json_object_get(body, "id")))
        return err_set(e, ERR_CORRUPT, RETRY_NEVER, "what the service answers is no restore point");
    TAKE(point.id_text, body, "id");
    TAKE(point.name, body, "name");
    TAKE(point.provisioning, properties, "provisioningState");
    TAKE(point.consistency, properties, "consistencyMode");
    TAKE(point.created, properties, "timeCreated");
    point.is_copy = arm_answer_text(properties, PATH("sourceRestorePoint", "id")) != NULL;
    if (!take_disks(properties, &point, e)) {
        rp_look_fini(&point);
        return false;
    }
    judge_point(&point);
    *out_point = point;
    return true;
}

void rp_look_fini(struct rp_point *point)
{
    free(point->disks);
    *point = (struct rp_point){.disks = NULL};
}

bool rp_look_disk(const json_t *body, struct rp_disk *disk, struct err *e)
{
    const json_t *properties = json_object_get(body, "properties");
    const char *id = json_string_value(json_object_get(body, "id"));

    if (!json_is_object(properties) || !id || strlen(id) >= sizeof disk->id_text)
        return err_set(e, ERR_CORRUPT, RETRY_NEVER,
                       "what the service answers is no disk restore point");
    TAKE(disk->family, properties, "familyId");
    TAKE(disk->created, properties, "timeCreated");
    if (*disk->id_text)
        return true;
    if (!rp_id_parse(id, NULL, NULL, &disk->id, e))
        return false;
    TAKE(disk->id_text, body, "id");
    snprintf(disk->name, sizeof disk->name, "%s", disk->id.part[RP_DISK]);
    TAKE(disk->code, properties, "replicationState");
    disk->percent = 100; /* where it is not told: of a local one */
    if (json_object_get(properties, "completionPercent"))
        disk->percent = number_of(json_object_get(properties, "completionPercent"));
    disk->state = *disk->code ? state_of(disk->code, "") : RP_COMPLETE;
    if (disk->state == RP_COMPLETE && disk->percent < 100)
        disk->state = RP_RUNS;
    return true;
}
