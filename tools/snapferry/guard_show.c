/* guard_show.c - see guard_show.h. */
#include "tools/snapferry/guard_show.h"

#include <inttypes.h>
#include <stdio.h>

#include "tools/snapferry/size_text.h"
#include "tools/snapferry/view_json.h"

static void print_complete(const struct complete_summary *found)
{
    char size[SIZE_TEXT_MAX_BYTES];

    if (!found->complete) {
        printf("NOT COMPLETE: %s\n", found->why);
        return;
    }
    size_text_format(found->size_bytes, size);
    printf("complete: %s, %s, a copy of %s\n", size,
           found->has_footer ? "with a sound VHD footer" : "a raw disk without a footer",
           found->marker.source);
    if (found->marker.root[0])
        printf("  root %s\n", found->marker.root);
}

void guard_show_complete(struct view *view, const struct complete_summary *found)
{
    json_t *event;

    view_clear_line(view);
    if (view->kind == VIEW_QUIET)
        return;
    if (view->kind != VIEW_JSON) {
        print_complete(found);
        return;
    }
    event = view_json_event(clock_wall_ns(view->clock), "complete", view->disk);
    json_object_set_new(event, "complete", json_boolean(found->complete));
    view_json_set_count(event, "targetBytes", found->size_bytes);
    if (found->why[0])
        view_json_set_text(event, "why", found->why);
    if (found->complete)
        view_json_set_text(event, "footer", found->has_footer ? "vhd" : "none");
    if (found->marker.state != MARKER_NONE) {
        view_json_set_text(event, "copy", found->marker.copy_uuid);
        view_json_set_text(event, "source", found->marker.source);
    }
    if (found->marker.root[0])
        view_json_set_text(event, "root", found->marker.root);
    view_json_print(event);
}

void guard_show_manifest(struct view *view, const struct manifest_head *head)
{
    char sentence[MARKER_SOURCE_MAX_BYTES + 128];

    snprintf(sentence, sizeof sentence, "The manifest is of copy %s, of %s", head->copy_uuid,
             head->source);
    view_say(view, sentence);
}
