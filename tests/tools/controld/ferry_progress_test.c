/* ferry_progress_test.c - a percentage never goes back, an end is an end, a message is clean. */
#include <criterion/criterion.h>
#include <string.h>

#include "tools/controld/ferry_progress.h"

#define NOW_NS 1795270805000000000ull

static struct ferry_disk_view seeded(double percent)
{
    struct ferry_disk_view view;

    ferry_progress_init(&view, percent, NOW_NS);
    return view;
}

static void move(struct ferry_disk_view *view, double percent)
{
    struct progress_view progress = {
        .percent = percent, .total_bytes = 1000, .bytes_per_second = 7, .eta_seconds = 9};

    ferry_progress_moved(view, &progress, NOW_NS + 1);
}

Test(ferry_progress, begins_pending_where_an_earlier_life_was)
{
    struct ferry_disk_view view = seeded(37.5);

    cr_assert_eq(view.code, EVENT_PENDING);
    cr_assert_eq(view.percent, 37.5);
    cr_assert_eq(view.eta_s, UINT64_MAX);
    cr_assert_eq(view.heard_ns, NOW_NS);
    cr_assert_lt(seeded(100).percent, 100);
    cr_assert_eq(seeded(-3).percent, 0);
}

Test(ferry_progress, never_goes_back_and_is_100_only_when_it_succeeded)
{
    struct ferry_disk_view view = seeded(0);

    move(&view, 50);
    move(&view, 20);
    cr_assert_eq(view.percent, 50);
    cr_assert_eq(view.bytes_per_s, 7u);
    move(&view, 100);
    cr_assert_eq(view.percent, FERRY_PERCENT_UNENDED);
    ferry_progress_state(&view, EVENT_PENDING, FERRY_WARNING, "again", NOW_NS + 2);
    cr_assert_eq(view.percent, FERRY_PERCENT_UNENDED);
    cr_assert_eq(view.bytes_per_s, 0u, "what stands still has no rate");
    cr_assert_eq(view.eta_s, UINT64_MAX);
    ferry_progress_ended(&view, EVENT_SUCCEEDED, "done", NULL, NOW_NS + 3);
    cr_assert_eq(view.percent, 100);
    cr_assert_eq(view.heard_ns, NOW_NS + 3);
}

Test(ferry_progress, nothing_changes_what_has_ended)
{
    struct ferry_disk_view view = seeded(10), before;

    ferry_progress_ended(&view, EVENT_FAILED, "no", NULL, NOW_NS + 3);
    cr_assert_eq(view.level, FERRY_ERROR);
    before = view;
    move(&view, 50);
    ferry_progress_state(&view, EVENT_IN_PROGRESS, FERRY_INFO, "still", NOW_NS + 4);
    ferry_progress_ended(&view, EVENT_SUCCEEDED, "after all", NULL, NOW_NS + 5);
    cr_assert_eq(memcmp(&before, &view, sizeof view), 0);
}

Test(ferry_progress, a_state_cannot_end_a_disk)
{
    struct ferry_disk_view view = seeded(10);

    ferry_progress_state(&view, EVENT_SUCCEEDED, FERRY_INFO, "so they say", NOW_NS);
    cr_assert_eq(view.code, EVENT_PENDING);
}

static const char *shown(const char *message)
{
    static struct ferry_disk_view view;

    view = seeded(0);
    ferry_progress_state(&view, EVENT_IN_PROGRESS, FERRY_INFO, message, NOW_NS);
    return view.message;
}

Test(ferry_progress, messages_hold_no_secret_no_control_and_no_half_character)
{
    char text[2 * FERRY_MESSAGE_MAX_BYTES], secret[2 * FERRY_MESSAGE_MAX_BYTES];
    size_t count;

    cr_assert_str_eq(shown("caf\xc3\xa9 \xe2\x82\xac"), "caf\xc3\xa9 \xe2\x82\xac");
    cr_assert_str_eq(shown("a\nb\x1b[2J\x7f"), "a b [2J ");
    cr_assert_str_eq(shown("\xff\xc3z\xe2\x82"), "??z??");
    for (size_t shift = 0; shift < 3; shift++) {
        memset(text, 'x', shift);
        text[shift] = 0;
        while (strlen(text) + 4 < sizeof text)
            strcat(text, "\xe2\x82\xac");
        count = strlen(shown(text));
        cr_assert_lt(count, FERRY_MESSAGE_MAX_BYTES);
        cr_assert_eq((count - shift) % 3, 0u, "a character was cut");
    }
    memset(secret, 'x', sizeof secret);
    strcpy(secret + FERRY_MESSAGE_MAX_BYTES - 40, " https://a/b?sv=1&sig=SECRETSECRETSECRETSECRET");
    cr_assert_null(strstr(shown(secret), "SECRET"), "%s", shown(secret));
}
