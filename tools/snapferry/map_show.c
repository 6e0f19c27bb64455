/* map_show.c - see map_show.h. */
#include "tools/snapferry/map_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/event.h"
#include "tools/snapferry/share_text.h"
#include "tools/snapferry/size_text.h"
#include "tools/snapferry/view_json.h"

static const char *strength_name(enum map_strength strength)
{
    return strength == MAP_SHA_256 ? "SHA-256" : "XXH3-128";
}

/* Text of a map's head as it may be shown. */
static const char *cleaned(const char *text, char out_text[MARKER_SOURCE_MAX_BYTES])
{
    snprintf(out_text, MARKER_SOURCE_MAX_BYTES, "%s", text);
    view_clean(out_text);
    return out_text;
}

/* Blocks as bytes of the disk; the last one may be cut, which only a share of all of it shows. */
static uint64_t bytes_of(uint64_t blocks, uint64_t disk_bytes)
{
    uint64_t bytes = blocks * MAP_BLOCK_BYTES;

    return bytes < disk_bytes ? bytes : disk_bytes;
}

static void print_share(const char *name, uint64_t bytes, uint64_t disk_bytes)
{
    char size[SIZE_TEXT_MAX_BYTES], share[SHARE_TEXT_MAX_BYTES];

    size_text_format(bytes, size);
    share_text_format(bytes, disk_bytes, share);
    printf("  %-10s %11s  %s\n", name, size, share);
}

static void print_text(const char *name, const char *text)
{
    char shown[MARKER_SOURCE_MAX_BYTES];

    if (*text)
        printf("  %-10s %s\n", name, cleaned(text, shown));
}

static void print_time(uint64_t made_ms)
{
    time_t made_s = (time_t)(made_ms / 1000);
    char text[VIEW_TIME_MAX_BYTES];
    struct tm utc;

    if (made_ms && gmtime_r(&made_s, &utc) &&
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc))
        print_text("made", text);
}

static void print_summary(const struct map_file *map, const struct map_diff_totals *totals)
{
    const struct map_head *head = map_file_head(map);
    struct map_counts counts = map_file_counts(map);
    char size[SIZE_TEXT_MAX_BYTES], shown[MARKER_SOURCE_MAX_BYTES];

    size_text_format(head->disk_bytes, size);
    printf("block map of %s\n", cleaned(head->target, shown));
    printf("  %-10s %11s  %" PRIu64 " bytes\n", "disk", size, head->disk_bytes);
    print_share("allocated", bytes_of(counts.hashed_blocks, head->disk_bytes), head->disk_bytes);
    print_share("zero", bytes_of(counts.zero_blocks, head->disk_bytes), head->disk_bytes);
    if (counts.unknown_blocks)
        print_share("unknown", bytes_of(counts.unknown_blocks, head->disk_bytes), head->disk_bytes);
    if (totals)
        print_share("changed", totals->bytes[MAP_DIFFERENT], head->disk_bytes);
    if (totals && totals->blocks[MAP_NOT_KNOWN])
        print_share("perhaps", totals->bytes[MAP_NOT_KNOWN], head->disk_bytes);
    printf("  %-10s %11s  keyed by the map's own secret\n", "hashes",
           strength_name(head->strength));
    size_text_format(map_file_bytes(map), size);
    printf("  %-10s %11s\n", "map file", size);
    print_text("source", head->source);
    print_text("copy", head->copy_uuid);
    print_time(head->made_ms);
}

static void set_text(json_t *event, const char *name, const char *text)
{
    char shown[MARKER_SOURCE_MAX_BYTES];

    if (*text)
        view_json_set_text(event, name, cleaned(text, shown));
}

void map_show_summary(struct view *view, const struct map_file *map,
                      const struct map_diff_totals *totals)
{
    const struct map_head *head = map_file_head(map);
    struct map_counts counts = map_file_counts(map);
    json_t *event;

    if (view->kind == VIEW_QUIET)
        return;
    if (view->kind != VIEW_JSON) {
        print_summary(map, totals);
        return;
    }
    event = view_json_event(clock_wall_ns(view->clock), "map", view->disk);
    view_json_set_count(event, "diskBytes", head->disk_bytes);
    view_json_set_count(event, "blockBytes", MAP_BLOCK_BYTES);
    view_json_set_text(event, "hash", strength_name(head->strength));
    view_json_set_count(event, "allocatedBlocks", counts.hashed_blocks);
    view_json_set_count(event, "zeroBlocks", counts.zero_blocks);
    view_json_set_count(event, "unknownBlocks", counts.unknown_blocks);
    view_json_set_count(event, "fileBytes", map_file_bytes(map));
    set_text(event, "of", head->target);
    set_text(event, "source", head->source);
    set_text(event, "copy", head->copy_uuid);
    if (head->made_ms)
        view_json_set_time(event, "made", head->made_ms * 1000000);
    if (totals) {
        view_json_set_count(event, "changedBytes", totals->bytes[MAP_DIFFERENT]);
        view_json_set_count(event, "notKnownBytes", totals->bytes[MAP_NOT_KNOWN]);
    }
    view_json_print(event);
}

void map_show_built(struct view *view, const struct copy_summary *read)
{
    double seconds = (double)(read->ended_ns - read->started_ns) / (double)NS_PER_S;
    char size[SIZE_TEXT_MAX_BYTES];
    json_t *event;

    if (view->kind == VIEW_QUIET)
        return;
    if (view->kind != VIEW_JSON) {
        size_text_format(read->read_bytes, size);
        printf("  %-10s %11s  in %.2f s\n  %-10s %s\n", "read", size, seconds, "root", read->root);
        return;
    }
    event = view_json_event(clock_wall_ns(view->clock), "summary", view->disk);
    view_json_set_text(event, "code", event_code_name(EVENT_SUCCEEDED));
    view_json_set_text(event, "root", read->root);
    view_json_set_count(event, "readBytes", read->read_bytes);
    view_json_set_count(event, "retries", read->retries);
    json_object_set_new(event, "seconds", json_real(seconds));
    view_json_print(event);
}

void map_show_difference(struct view *view, struct extent extent, enum map_difference kind)
{
    json_t *event;

    if (view->kind == VIEW_QUIET || kind == MAP_SAME)
        return;
    if (view->kind != VIEW_JSON) {
        printf("%s: offset %" PRIu64 " length %" PRIu64 "\n",
               kind == MAP_DIFFERENT ? "differs" : "not known", extent.offset, extent.length);
        return;
    }
    event = view_json_event(clock_wall_ns(view->clock), "difference", view->disk);
    view_json_set_count(event, "offset", extent.offset);
    view_json_set_count(event, "length", extent.length);
    json_object_set_new(event, "known", json_boolean(kind == MAP_DIFFERENT));
    view_json_print(event);
}

static void print_verdict(const struct map_diff_totals *totals, uint64_t ranges)
{
    char different[SIZE_TEXT_MAX_BYTES], unknown[SIZE_TEXT_MAX_BYTES], all[SIZE_TEXT_MAX_BYTES];

    size_text_format(totals->bytes[MAP_DIFFERENT], different);
    size_text_format(totals->bytes[MAP_NOT_KNOWN], unknown);
    size_text_format(
        totals->bytes[MAP_SAME] + totals->bytes[MAP_DIFFERENT] + totals->bytes[MAP_NOT_KNOWN], all);
    if (!ranges)
        printf("equal: %s, block by block\n", all);
    else
        printf("DIFFERENT: %s of %s, and %s not known, in %" PRIu64 " ranges\n", different, all,
               unknown, ranges);
}

void map_show_verdict(struct view *view, const struct map_diff_totals *totals, uint64_t ranges)
{
    json_t *event;

    if (view->kind == VIEW_QUIET)
        return;
    if (view->kind != VIEW_JSON) {
        print_verdict(totals, ranges);
        return;
    }
    event = view_json_event(clock_wall_ns(view->clock), "summary", view->disk);
    json_object_set_new(event, "equal", json_boolean(ranges == 0));
    view_json_set_count(event, "sameBytes", totals->bytes[MAP_SAME]);
    view_json_set_count(event, "differentBytes", totals->bytes[MAP_DIFFERENT]);
    view_json_set_count(event, "notKnownBytes", totals->bytes[MAP_NOT_KNOWN]);
    view_json_set_count(event, "differentRanges", ranges);
    view_json_print(event);
}
