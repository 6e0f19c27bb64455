/* command_map_look.c - snapferry map diff and map show: files only, no endpoint is opened. */
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/snapferry/map_picture.h"
#include "tools/snapferry/map_show.h"
#include "tools/snapferry/stage.h"

static struct map_file *open_map(const char *path, struct err *e)
{
    struct map_file *map = NULL;

    if (map_file_open(path, &map, e) && !map)
        err_set(e, ERR_USAGE, RETRY_NEVER, "there is no block map at %.200s", path);
    return map;
}

/* ---- diff ---- */

struct diffing {
    struct view *view;
    uint64_t ranges;
};

static bool diffing_told(void *arg, struct extent extent, enum map_difference kind, struct err *e)
{
    struct diffing *diffing = arg;

    (void)e;
    if (kind != MAP_SAME)
        diffing->ranges++;
    map_show_difference(diffing->view, extent, kind);
    return true;
}

void command_map_diff(struct stage *stage, struct view_outcome *outcome)
{
    struct diffing diffing = {.view = &stage->view};
    struct map_diff_sink sink = {.told = diffing_told, .arg = &diffing};
    struct map_diff_totals totals;
    struct map_file *a = open_map(stage->options->ends[0], &outcome->error);
    struct map_file *b = a ? open_map(stage->options->ends[1], &outcome->error) : NULL;

    if (b && map_diff(a, b, &sink, &totals, &outcome->error)) {
        map_show_verdict(&stage->view, &totals, diffing.ranges);
        if (diffing.ranges)
            outcome->status = STATUS_DIFFERENT;
    }
    map_file_close(a);
    map_file_close(b);
}

/* ---- show ---- */

static struct map_picture_style style_here(void)
{
    static const char *const locales[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    struct winsize size = {0};
    bool tty = isatty(STDOUT_FILENO);
    const char *locale = NULL;

    for (size_t i = 0; i < sizeof locales / sizeof locales[0] && !(locale && *locale); i++)
        locale = getenv(locales[i]);
    if (tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        size.ws_col = 0;
    return map_picture_style_of(tty, size.ws_col, getenv("NO_COLOR"), getenv("TERM"), locale);
}

static bool draw_states(struct map_file *map, struct map_picture *picture, struct err *e)
{
    static const enum map_picture_kind kinds[] = {[MAP_UNKNOWN] = PICTURE_UNKNOWN,
                                                  [MAP_ZERO] = PICTURE_ZERO,
                                                  [MAP_HASHED] = PICTURE_ALLOCATED};
    struct map_run run;

    for (uint64_t at = 0; at < picture->block_count; at += run.count) {
        if (!map_file_run(map, at, UINT64_MAX, &run, e))
            return false;
        map_picture_add(picture, at, run.count, kinds[run.state]);
    }
    return true;
}

static bool draw_change(void *arg, struct extent extent, enum map_difference kind, struct err *e)
{
    uint64_t blocks = extent.length / MAP_BLOCK_BYTES + (extent.length % MAP_BLOCK_BYTES != 0);

    (void)e;
    if (kind == MAP_DIFFERENT)
        map_picture_add(arg, extent.offset / MAP_BLOCK_BYTES, blocks, PICTURE_CHANGED);
    return true;
}

void command_map_show(struct stage *stage, struct view_outcome *outcome)
{
    struct map_picture_style style = style_here();
    struct map_picture *picture = malloc(sizeof *picture);
    struct map_diff_sink sink = {.told = draw_change, .arg = picture};
    const char *other_path = stage->options->other_map;
    struct map_file *map = open_map(stage->options->ends[0], &outcome->error);
    struct map_file *other = map && other_path ? open_map(other_path, &outcome->error) : NULL;
    struct map_diff_totals totals;
    bool ok = map && (other || !other_path);

    if (ok && !picture)
        ok = err_set(&outcome->error, ERR_LIMIT, RETRY_NEVER, "no memory for a picture");
    if (ok) {
        map_picture_init(picture, map_block_count(map_file_head(map)->disk_bytes), style.columns);
        ok = draw_states(map, picture, &outcome->error) &&
             (!other || map_diff(other, map, &sink, &totals, &outcome->error));
    }
    if (ok)
        map_show_summary(&stage->view, map, other ? &totals : NULL);
    if (ok && stage->view.kind != VIEW_JSON && stage->view.kind != VIEW_QUIET)
        map_picture_print(picture, &style, other != NULL, MAP_BLOCK_BYTES, stdout);
    map_file_close(map);
    map_file_close(other);
    free(picture);
}
