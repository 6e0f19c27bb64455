/* verify_show.c - see verify_show.h. */
#include "tools/snapferry/verify_show.h"

#include <inttypes.h>
#include <stdio.h>

#include "tools/snapferry/share_text.h"
#include "tools/snapferry/size_text.h"
#include "tools/snapferry/view_json.h"

static void show_difference(struct view *view, struct extent e)
{
    json_t *event;

    if (view->kind != VIEW_JSON) {
        printf("differs: offset %" PRIu64 " length %" PRIu64 "\n", e.offset, e.length);
        return;
    }
    event = view_json_begin(view, "difference");
    view_json_set_count(event, "offset", e.offset);
    view_json_set_count(event, "length", e.length);
    view_json_print(event);
}

static void show_rest(struct view *view, const struct verify_summary *found, size_t shown)
{
    size_t rest = found->differences->count - shown;

    if (view->kind != VIEW_JSON && (rest > 0 || found->differences_cut))
        printf("differs: %s%zu more ranges, %" PRIu64 " bytes in all\n",
               found->differences_cut ? "at least " : "", rest, found->different_bytes);
}

void verify_show_differences(struct view *view, const struct verify_summary *found)
{
    size_t max = view->kind == VIEW_JSON ? VERIFY_SHOWN_JSON_MAX : VERIFY_SHOWN_TEXT_MAX;
    size_t shown = found->differences->count < max ? found->differences->count : max;

    view_clear_line(view);
    if (view->kind == VIEW_QUIET)
        return;
    if (view->target[0] && view->kind != VIEW_JSON)
        printf("%s:\n", view->target);
    if (found->sizes_differ && view->kind != VIEW_JSON)
        printf("differs: the target has %" PRIu64 " bytes, %s %" PRIu64 "\n",
               found->target_size_bytes,
               found->against_manifest ? "by the manifest it must have" : "the source",
               found->source_size_bytes);
    for (size_t i = 0; i < shown; i++)
        show_difference(view, extent_set_at(found->differences, i));
    show_rest(view, found, shown);
}

/* Honest about what it is: a part, and which. */
static void print_sample(const struct verify_summary *found)
{
    char compared[SIZE_TEXT_MAX_BYTES], all[SIZE_TEXT_MAX_BYTES], share[SHARE_TEXT_MAX_BYTES];
    char different[SIZE_TEXT_MAX_BYTES];

    size_text_format(found->compared_bytes, compared);
    size_text_format(found->different_bytes, different);
    size_text_format(found->sample_of_bytes, all);
    share_text_format(found->compared_bytes, found->sample_of_bytes, share);
    if (found->equal)
        printf("equal in the sample: %s of %s (%s) compared, the rest was not; seed %" PRIu64 "\n",
               compared, all, share, found->sample_seed);
    else
        printf("DIFFERENT: %s of the sample of %s of %s (%s); seed %" PRIu64 "\n", different,
               compared, all, share, found->sample_seed);
}

static void print_summary(const struct verify_summary *found)
{
    char compared[SIZE_TEXT_MAX_BYTES], different[SIZE_TEXT_MAX_BYTES];

    size_text_format(found->compared_bytes, compared);
    size_text_format(found->different_bytes, different);
    if (found->sample_of_bytes)
        print_sample(found);
    else if (found->equal && found->against_manifest)
        printf("equal: %s, every block is as the manifest says; compared in %.2f s\n", compared,
               (double)(found->ended_ns - found->started_ns) / (double)NS_PER_S);
    else if (found->equal)
        printf("equal: %s compared in %.2f s, all else is zero at both ends\n", compared,
               (double)(found->ended_ns - found->started_ns) / (double)NS_PER_S);
    else if (found->sizes_differ && found->different_bytes == 0)
        printf("DIFFERENT: in size; of what both have, %s were compared\n", compared);
    else
        printf("DIFFERENT: %s of %s compared\n", different, compared);
    if (found->resumed_bytes) {
        char resumed[SIZE_TEXT_MAX_BYTES];

        size_text_format(found->resumed_bytes, resumed);
        printf("  and %s found equal by an earlier run\n", resumed);
    }
    if (found->marker_incomplete)
        printf("note: the target's marker says that its copy was not finished\n");
    if (found->equal && found->root[0])
        printf("  root %s\n", found->root);
}

void verify_show_summary(struct view *view, const struct verify_summary *found,
                         const struct view_outcome *outcome)
{
    json_t *event;

    view_clear_line(view);
    if (view->kind == VIEW_QUIET)
        return;
    if (view->kind != VIEW_JSON) {
        print_summary(found);
        return;
    }
    event = view_json_begin(view, "summary");
    view_json_set_text(event, "code", exit_status_code(outcome->status, &outcome->error));
    json_object_set_new(event, "equal", json_boolean(found->equal));
    json_object_set_new(event, "sizesDiffer", json_boolean(found->sizes_differ));
    json_object_set_new(event, "markerIncomplete", json_boolean(found->marker_incomplete));
    view_json_set_count(event, "comparedBytes", found->compared_bytes);
    view_json_set_count(event, "resumedBytes", found->resumed_bytes);
    if (found->sample_of_bytes) {
        view_json_set_count(event, "sampleOfBytes", found->sample_of_bytes);
        view_json_set_count(event, "seed", found->sample_seed);
    }
    view_json_set_count(event, "differentBytes", found->different_bytes);
    view_json_set_count(event, "differentRanges", found->differences->count);
    json_object_set_new(event, "differentRangesCut", json_boolean(found->differences_cut));
    view_json_set_count(event, "sourceBytes", found->source_size_bytes);
    view_json_set_count(event, "targetBytes", found->target_size_bytes);
    if (found->root[0])
        view_json_set_text(event, "root", found->root);
    view_json_set_count(event, "retries", found->retries);
    json_object_set_new(event, "seconds",
                        json_real((double)(found->ended_ns - found->started_ns) /
                                  (double)NS_PER_S));
    view_json_print(event);
}
