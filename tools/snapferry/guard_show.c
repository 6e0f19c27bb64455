/* guard_show.c - see guard_show.h. */
#include "tools/snapferry/guard_show.h"

#include <inttypes.h>
#include <stdio.h>

#include "tools/snapferry/size_text.h"
#include "tools/snapferry/view_json.h"

static void print_complete(const char *target, const struct complete_summary *found,
                           const char *source)
{
    char size[SIZE_TEXT_MAX_BYTES];

    if (!found->complete) {
        printf("NOT COMPLETE: %s: %s\n", target, found->why);
        return;
    }
    size_text_format(found->size_bytes, size);
    printf("complete: %s, %s, a copy of %s\n", size,
           found->has_footer ? "with a sound VHD footer" : "a raw disk without a footer", source);
    if (found->marker.root[0])
        printf("  root %s\n", found->marker.root);
}

void guard_show_complete(struct view *view, const struct complete_summary *found)
{
    char source[MARKER_SOURCE_MAX_BYTES];
    json_t *event;

    snprintf(source, sizeof source, "%s", found->marker.source);
    view_clean(source);
    view_clear_line(view);
    if (view->kind == VIEW_QUIET)
        return;
    if (view->kind != VIEW_JSON) {
        print_complete(view->disk, found, source);
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
        view_json_set_text(event, "source", source);
    }
    if (found->marker.root[0])
        view_json_set_text(event, "root", found->marker.root);
    view_json_print(event);
}

void guard_show_manifest(struct view *view, const struct manifest_head *head,
                         const struct manifest_end *end)
{
    char source[MARKER_SOURCE_MAX_BYTES], base[MARKER_SOURCE_MAX_BYTES];
    json_t *event;

    snprintf(source, sizeof source, "%s", head->source);
    snprintf(base, sizeof base, "%s", head->base);
    view_clean(source);
    view_clean(base);
    if (view->kind == VIEW_QUIET)
        return;
    if (view->kind != VIEW_JSON) {
        printf("manifest: copy %s of %s\n", head->copy_uuid, source);
        if (base[0])
            printf("  on base %s\n", base);
        return;
    }
    event = view_json_event(clock_wall_ns(view->clock), "manifest", view->disk);
    view_json_set_text(event, "copy", head->copy_uuid);
    view_json_set_text(event, "source", source);
    if (base[0])
        view_json_set_text(event, "base", base);
    view_json_set_count(event, "diskBytes", head->disk_bytes);
    view_json_set_count(event, "targetBytes", head->target_bytes);
    view_json_set_text(event, "root", end->root);
    view_json_print(event);
}
