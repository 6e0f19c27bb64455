/* rp_show.c - see rp_show.h. */
#include "tools/snapferry/rp_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/snapferry/arm_answer.h"
#include "tools/snapferry/view_json.h"

#define SHOWN_MAX_BYTES 1024u

static json_t *begin(const struct view *view, const char *event)
{
    return view_json_event(clock_wall_ns(view->clock), event, NULL);
}

/* ---- Lists ---- */

static void clean(char out[SHOWN_MAX_BYTES], const json_t *body, const char *const *path)
{
    const char *text = arm_answer_text(body, path);

    snprintf(out, SHOWN_MAX_BYTES, "%s", text ? text : "");
    view_clean(out);
}

void rp_show_collection(struct view *view, const json_t *collection)
{
    char id[SHOWN_MAX_BYTES], name[SHOWN_MAX_BYTES], location[SHOWN_MAX_BYTES],
        source[SHOWN_MAX_BYTES];
    json_t *event;

    clean(id, collection, (const char *const[]){"id", NULL});
    clean(name, collection, (const char *const[]){"name", NULL});
    clean(location, collection, (const char *const[]){"location", NULL});
    clean(source, collection, (const char *const[]){"properties", "source", "id", NULL});
    if (view->kind != VIEW_JSON) {
        printf("%-32s %-16s of %s\n", name, location, *source ? source : "nothing that is told");
        return;
    }
    event = begin(view, "collection");
    view_json_set_text(event, "id", id);
    view_json_set_text(event, "name", name);
    view_json_set_text(event, "location", location);
    view_json_set_text(event, "source", source);
    view_json_print(event);
}

static json_t *point_event(const struct view *view, const struct rp_point *point)
{
    json_t *event = begin(view, "restorePoint");

    view_json_set_text(event, "id", point->id_text);
    view_json_set_text(event, "name", point->name);
    view_json_set_text(event, "provisioningState", point->provisioning);
    view_json_set_text(event, "timeCreated", point->created);
    view_json_set_text(event, "consistencyMode", point->consistency);
    view_json_set_count(event, "disks", point->disks_count);
    return event;
}

/* To the second; a zone that is not UTC is no second's. */
static int shown_bytes(const char *time)
{
    size_t bytes = strlen(time);
    bool utc = bytes > sizeof "+00:00" &&
               (strcmp(time + bytes - 6, "+00:00") == 0 || time[bytes - 1] == 'Z');

    return utc && bytes > 19 ? 19 : (int)bytes;
}

void rp_show_point_row(struct view *view, const struct rp_point *point)
{
    if (view->kind == VIEW_JSON)
        view_json_print(point_event(view, point));
    else
        printf("%-32s %-10s %.*s%s %-22s %u disk%s\n", point->name, point->provisioning,
               shown_bytes(point->created), point->created,
               shown_bytes(point->created) == 19 ? "Z" : "", point->consistency, point->disks_count,
               point->disks_count == 1 ? "" : "s");
}

static json_t *disk_event(const struct view *view, const struct rp_disk *disk)
{
    json_t *event = begin(view, "diskRestorePoint");

    view_json_set_text(event, "id", disk->id_text);
    view_json_set_text(event, "name", disk->name);
    view_json_set_text(event, "state", rp_state_word(disk->state));
    if (*disk->code)
        view_json_set_text(event, "code", disk->code);
    if (*disk->display)
        view_json_set_text(event, "displayStatus", disk->display);
    if (*disk->message)
        view_json_set_text(event, "message", disk->message);
    if (*disk->family)
        view_json_set_text(event, "familyId", disk->family);
    json_object_set_new(event, "completionPercent", json_real(disk->percent));
    return event;
}

void rp_show_disk_row(struct view *view, const struct rp_disk *disk)
{
    if (view->kind == VIEW_JSON)
        view_json_print(disk_event(view, disk));
    else
        printf("%-48s %-12s %5.1f %%%s%s\n", disk->name, rp_state_word(disk->state), disk->percent,
               *disk->message ? "  " : "", disk->message);
}

/* ---- One ---- */

void rp_show_point(struct view *view, const struct rp_point *point)
{
    json_t *event;

    if (view->kind == VIEW_QUIET)
        return;
    for (unsigned i = 0; i < point->disks_count; i++)
        rp_show_disk_row(view, &point->disks[i]);
    if (view->kind != VIEW_JSON) {
        printf("%s: %s (%s)\n", point->name, rp_state_word(point->state), point->provisioning);
        return;
    }
    event = point_event(view, point);
    view_json_set_text(event, "state", rp_state_word(point->state));
    view_json_print(event);
}

char *rp_show_digest(const struct rp_point *point)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *to = open_memstream(&text, &bytes);

    if (!to)
        return NULL;
    fprintf(to, "%s %d", point->provisioning, (int)point->state);
    for (unsigned i = 0; i < point->disks_count; i++)
        fprintf(to, " %s %.1f %s", point->disks[i].code, point->disks[i].percent,
                point->disks[i].message);
    if (fclose(to) == 0)
        return text;
    free(text);
    return NULL;
}
