/* guard_show_test.c - what a person and a program are told: the verdict, and nothing that a stranger
 * put into a marker to fool a terminal or to have a secret shown. */
#include "tools/snapferry/guard_show.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/test_reactor.h"

static char said[4096];

/* Runs a show with stdout caught in `said`. */
static void caught(enum view_kind kind, void (*show)(struct view *view))
{
    struct clock clock;
    struct view view;
    int file = test_temp_file(0), saved = dup(STDOUT_FILENO);
    ssize_t got;

    clock_init_real(&clock);
    view_init(&view, kind, &clock);
    view_name_disk(&view, "the disk");
    fflush(stdout);
    cr_assert_geq(dup2(file, STDOUT_FILENO), 0);
    show(&view);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    got = pread(file, said, sizeof said - 1, 0);
    cr_assert_geq(got, 0);
    said[got] = 0;
    close(file);
    close(saved);
}

static struct complete_summary complete_disk(void)
{
    struct complete_summary found = {
        .complete = true,
        .has_footer = true,
        .size_bytes = (64 << 20) + 512,
        .marker = {.state = MARKER_COMPLETE,
                   .copy_uuid = "0f0e0d0c-0b0a-4908-8706-050403020100",
                   .source = "https://h/c/d?snapshot=2026-01-01T00:00:00Z"},
    };

    return found;
}

static void show_yes(struct view *view)
{
    struct complete_summary found = complete_disk();

    guard_show_complete(view, &found);
}

static void show_no(struct view *view)
{
    struct complete_summary found = {.why = "There is nothing there."};

    guard_show_complete(view, &found);
}

static void show_evil(struct view *view)
{
    struct complete_summary found = complete_disk();

    strcpy(found.marker.source, "https://h/c/d?sv=1&SIG=S3CRET\x1b]0;owned\x07 \xc2\x9b");
    guard_show_complete(view, &found);
}

static void show_manifest(struct view *view)
{
    struct manifest_head head = {.copy_uuid = "0f0e0d0c-0b0a-4908-8706-050403020100",
                                 .source = "newer",
                                 .base = "older\xc2\x85",
                                 .disk_bytes = 512};
    struct manifest_end end = {.root = "sha256:00"};

    guard_show_manifest(view, &head, &end);
}

Test(guard_show, says_yes_with_what_it_is_and_no_with_the_reason)
{
    caught(VIEW_PLAIN, show_yes);
    cr_assert_str_eq(said, "complete: 64.0 MiB, with a sound VHD footer, a copy of "
                           "https://h/c/d?snapshot=2026-01-01T00:00:00Z\n");
    caught(VIEW_PLAIN, show_no);
    cr_assert_str_eq(said, "NOT COMPLETE: the disk: There is nothing there.\n");
    caught(VIEW_QUIET, show_yes);
    cr_assert_str_empty(said);
}

Test(guard_show, tells_programs_the_same)
{
    json_t *event;

    caught(VIEW_JSON, show_yes);
    event = json_loads(said, 0, NULL);
    cr_assert_not_null(event, "%s", said);
    cr_assert(json_is_true(json_object_get(event, "complete")));
    cr_assert_str_eq(json_string_value(json_object_get(event, "footer")), "vhd");
    cr_assert_str_eq(json_string_value(json_object_get(event, "source")),
                     "https://h/c/d?snapshot=2026-01-01T00:00:00Z");
    json_decref(event);
    caught(VIEW_JSON, show_no);
    event = json_loads(said, 0, NULL);
    cr_assert(json_is_false(json_object_get(event, "complete")));
    cr_assert_str_eq(json_string_value(json_object_get(event, "why")), "There is nothing there.");
    cr_assert_null(json_object_get(event, "footer"));
    json_decref(event);
}

Test(guard_show, shows_no_secret_and_no_control_character_of_a_marker)
{
    enum view_kind kinds[] = {VIEW_PLAIN, VIEW_JSON};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        caught(kinds[i], show_evil);
        cr_assert_not_null(strstr(said, "https://h/c/d"), "%s", said);
        cr_assert_null(strstr(said, "S3CRET"));
        cr_assert_null(strpbrk(said, "\x1b\x07"));
        cr_assert_null(strstr(said, "\xc2\x9b"));
    }
}

Test(guard_show, says_whose_a_manifest_is)
{
    caught(VIEW_PLAIN, show_manifest);
    cr_assert_str_eq(said, "manifest: copy 0f0e0d0c-0b0a-4908-8706-050403020100 of newer\n"
                           "  on base older??\n");
    caught(VIEW_JSON, show_manifest);
    cr_assert_not_null(strstr(said, "\"event\":\"manifest\""), "%s", said);
}
