/* command_restore_point_verify.c - snapferry restore-point verify: has the service compare, and tells what
 * it found. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/snapferry/arm_answer.h"
#include "tools/snapferry/rp_desk.h"
#include "tools/snapferry/size_text.h"
#include "tools/snapferry/view_json.h"

#define VERIFY_MAX_NS (7ull * 24 * ARM_OPERATION_MAX_NS) /* as long as snapferryd's own access */
#define DIFFERS       "DiskRestorePointDiffers"          /* its code; nobody else has one */

/* One disk that is equal, for a person. */
static void print_disk(const char *id, const json_t *found)
{
    static const char *const against[] = {"against", NULL};
    static const char *const state[] = {"source", "state", NULL};
    const char *word = arm_answer_text(found, against), *source = arm_answer_text(found, state);
    json_int_t bytes = json_integer_value(json_object_get(found, "comparedBytes"));
    char name[RP_NAME_MAX_BYTES], compared[SIZE_TEXT_MAX_BYTES];

    snprintf(name, sizeof name, "%s", strrchr(id, '/') ? strrchr(id, '/') + 1 : id);
    view_clean(name);
    size_text_format(bytes > 0 ? (uint64_t)bytes : 0, compared);
    if (word && strcmp(word, "source") == 0)
        printf("%s: equal to its source, %s compared\n", name, compared);
    else
        printf("%s: as it was copied, by the digest of %s; its source is %s\n", name, compared,
               source && strcmp(source, "unreachable") == 0 ? "out of reach" : "gone");
}

static void show(struct view *view, const char *id, json_t *found)
{
    static const char *const id_path[] = {"id", NULL};
    json_t *disks = json_object_get(found, "disks"), *disk, *event;
    size_t index;

    if (view->kind == VIEW_QUIET)
        return;
    if (view->kind == VIEW_JSON) {
        event = view_json_event(clock_wall_ns(view->clock), "verification", NULL);
        view_json_set_text(event, "restorePoint", id);
        json_object_set(event, "found", found);
        view_json_print(event);
        return;
    }
    if (!disks)
        print_disk(id, found);
    json_array_foreach(disks, index, disk)
    {
        const char *its_id = arm_answer_text(disk, id_path);

        print_disk(its_id ? its_id : "", disk);
    }
}

/* The output stands in the operation's state, or is all that Location gives. Without one it was no
 * snapferryd that answered, and nothing was compared. */
static bool read_found(json_t *answer, json_t **out_found, struct err *e)
{
    static const char *const path[] = {"outcome", NULL};
    json_t *output = arm_answer_output(answer);
    const char *outcome;

    *out_found = json_object_get(output ? output : answer, "x-snapferry");
    outcome = arm_answer_text(*out_found, path);
    return (outcome && strcmp(outcome, "equal") == 0) ||
           err_set(e, ERR_CORRUPT, RETRY_NEVER, "the service does not say that it is equal");
}

void command_restore_point_verify(struct stage *stage, struct view_outcome *outcome)
{
    struct err *e = &outcome->error;
    json_t *answer = NULL, *found;
    char name[RP_ID_MAX_BYTES];
    struct rp_desk desk;
    struct rp_id id;

    if (rp_desk_open(&desk, stage, e) &&
        rp_desk_id(&desk, stage->options->ends[0], RP_POINT + 1, RP_PARTS, &id, e)) {
        rp_id_text(&id, name);
        desk.limit_ns = VERIFY_MAX_NS;
        if (rp_ask(&desk, HTTP_POST, &id, "/verify", "", NULL, &answer, e) &&
            read_found(answer, &found, e))
            show(&stage->view, name, found);
        else if (strcmp(e->code, DIFFERS) == 0)
            outcome->status = STATUS_DIFFERENT;
    }
    json_decref(answer);
    rp_desk_close(&desk, outcome);
}
