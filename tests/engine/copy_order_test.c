/* copy_order_test.c - the order of a copy: whatever request is the target's last before everything stops,
 * the target never looks whole and is not, and the same copy run again completes it.
 *
 * A target looks whole in two ways: its marker is complete, or a footer stands in its last page.
 */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/copy_case.h"

#define KIB        COPY_CASE_KIB
#define DISK_BYTES (384 * KIB)
#define CUT_BYTES  (32u << 10)
#define FOOTER     ENDPOINT_PAGE_BYTES
#define DEATHS_MAX 200u
#define ANSWER_NS  (150 * NS_PER_MS) /* slow, so that flushes fall between writes */

struct scenario {
    bool delta;
    bool grows;          /* the source is larger than the target */
    bool absent;         /* the target is made by the copy */
    bool without_marker; /* a host where the footer alone is the commit */
    bool buffers;        /* and what was not flushed is lost with the power */
    bool journal;        /* the second run goes on with what the first one did */
    enum copy_footer footer;
};

static struct copy_case c;
static unsigned char *old_image;
static uint64_t old_bytes;
static char journal_path[TEST_PATH_MAX_BYTES];
static uint32_t resumed_count; /* second runs that found something done */

static void forget_disks(void)
{
    rig_until_idle(&c.rig);
    endpoint_close(c.source);
    endpoint_close(c.base);
    endpoint_close(c.target);
    c.source = c.base = c.target = NULL;
    free(old_image);
    old_image = NULL;
}

static void begin(void)
{
    copy_case_open(&c);
    test_temp_path(journal_path, "journal");
    resumed_count = 0;
}

static void end(void)
{
    forget_disks();
    copy_case_close(&c);
    unlink(journal_path);
}

TestSuite(copy_order, .init = begin, .fini = end, .timeout = 100);

static uint64_t source_bytes(const struct scenario *s, uint64_t disk_bytes)
{
    return disk_bytes + (s->footer == COPY_FOOTER_ADD ? 0 : FOOTER);
}

/* A target that holds an older state of the source, whole and marked "base". */
static void make_older(const struct scenario *s, uint64_t seed)
{
    uint64_t bytes = source_bytes(s, DISK_BYTES);

    c.source = copy_case_random_disk(&c, bytes, seed);
    if (s->footer != COPY_FOOTER_ADD)
        copy_case_put_footer(c.source);
    c.target = copy_case_disk(&c, 0);
    c.options.source_id = "base";
    c.options.footer = s->footer;
    copy_case_run_ok(&c);
    copy_case_new_base(&c, "base", "newer");
}

static void make_newer(const struct scenario *s, uint64_t seed)
{
    struct setup_req req = {.verb = SETUP_RESIZE, .size_bytes = source_bytes(s, 2 * DISK_BYTES)};
    struct extent old_footer = {DISK_BYTES, FOOTER};
    uint64_t disk_bytes = s->grows ? 2 * DISK_BYTES : DISK_BYTES;

    if (s->grows) {
        copy_case_setup(&c, c.source, &req);
        if (s->footer != COPY_FOOTER_ADD) /* of one without a footer the diff is silent there */
            endpoint_mem_poke_clear(c.source, old_footer);
    }
    copy_case_scribble(c.source, disk_bytes, seed + 50, 14);
    if (s->grows && s->footer != COPY_FOOTER_ADD)
        copy_case_put_footer(c.source);
    copy_case_cut(c.source, CUT_BYTES);
}

static void make_target(const struct scenario *s)
{
    struct marker marker = *endpoint_mem_marker(c.target);
    struct err e = {0};

    if (!s->delta) { /* whole, but of something else */
        memcpy(marker.source, "other", 6);
        endpoint_mem_poke_marker(c.target, &marker);
    }

    old_bytes = s->absent ? 0 : c.target->size_bytes;
    if (s->absent) {
        endpoint_close(c.target);
        c.target = copy_case_disk(&c, 0);
    } else {
        old_image = copy_case_image(c.target);
    }
    if (s->without_marker) {
        c.target->capabilities = ENDPOINT_CAN_LIST;
        endpoint_mem_poke_marker(c.target, NULL);
    }
    if (s->buffers)
        cr_assert(endpoint_mem_track_flushes(c.target, &e), "%s", e.text);
    copy_case_cut(c.target, CUT_BYTES);
}

static void make_case(const struct scenario *s, uint64_t seed)
{
    forget_disks();
    unlink(journal_path);
    c.options.journal_path = s->journal ? journal_path : NULL;
    c.options.base_id = NULL;
    make_older(s, seed);
    make_newer(s, seed);
    make_target(s);
    if (!s->delta && !s->grows) {
        endpoint_close(c.base);
        c.base = NULL;
    }
}

static bool holds_older(const struct endpoint *target)
{
    return target->size_bytes == old_bytes && old_bytes &&
           copy_case_is_same(target, old_image, old_bytes);
}

static bool holds_newer(const struct endpoint *target)
{
    uint64_t disk_bytes = c.source->size_bytes;

    if (c.options.footer != COPY_FOOTER_ADD)
        disk_bytes -= FOOTER;
    if (!copy_case_is_same(target, endpoint_mem_bytes(c.source), disk_bytes))
        return false;
    if (c.options.footer == COPY_FOOTER_STRIP)
        return target->size_bytes == disk_bytes;
    return target->size_bytes == disk_bytes + FOOTER && copy_case_has_footer(target);
}

static void expect_honest(const struct endpoint *target, const char *when, uint32_t number)
{
    const struct marker *marker = endpoint_mem_marker(target);

    if (marker->state == MARKER_COMPLETE && strcmp(marker->source, "newer") == 0)
        cr_assert(holds_newer(target), "%s %u: marked complete, and is not", when, number);
    else if (marker->state == MARKER_COMPLETE)
        cr_assert(holds_older(target), "%s %u: still marked as the base", when, number);
    if (target->size_bytes && c.options.footer != COPY_FOOTER_STRIP && copy_case_has_footer(target))
        cr_assert(holds_newer(target) || holds_older(target), "%s %u: a footer, and is not whole",
                  when, number);
}

/* Runs the copy on a target that answers `number` requests, then one more in its own way, and fails
 * for good afterwards. False when the copy came through. */
static bool run_until_death(const struct scenario *s, uint32_t number, enum fault_kind last)
{
    const struct fault_rule rules[] = {
        {.ops = FAULT_ALL_OPS, .kind = last, .permille = 1000, .skip_count = number, .hits_max = 1},
        {.ops = FAULT_ALL_OPS, .kind = FAULT_DISK_FULL, .permille = 1000, .skip_count = number},
    };
    struct fault_options options = {.seed = number, .rules = rules, .rules_count = 2};
    struct endpoint *inner = c.target;
    bool died;

    c.options.random_seed++; /* another process: it must not have the UUID of the copy before */
    options.delay_min_ns = s->buffers ? ANSWER_NS : 0;
    copy_case_wrap(&c.target, &options);
    copy_case_run(&c);
    rig_until_idle(&c.rig);
    died = err_is_set(&c.err);
    expect_honest(inner, "after request", number);
    if (s->buffers) {
        endpoint_mem_lose_unflushed(inner);
        expect_honest(inner, "after a power cut at request", number);
    }
    cr_assert(died || holds_newer(inner));
    cr_assert(died || c.summary.delta == s->delta, "%s", c.summary.why_full);
    return died;
}

static void run_again(const struct scenario *s, uint32_t number)
{
    struct endpoint *wrapper = c.target;
    bool delta = s->delta && !c.summary.why_full[0]; /* the base's proof may be what failed */

    c.target = endpoint_fault_inner(wrapper);
    c.options.random_seed++;
    copy_case_run_ok(&c);
    if (s->journal) {
        cr_assert_eq(c.summary.delta, delta, "after request %u: %s", number, c.summary.why_full);
        cr_assert_neq(access(journal_path, F_OK), 0, "its journal is left");
        resumed_count += c.summary.resumed_bytes > 0;
    }
    cr_assert(holds_newer(c.target), "the second run, after request %u", number);
    expect_honest(c.target, "after the second run", number);
    c.target = wrapper;
}

static void expect_order(const struct scenario *s)
{
    static const enum fault_kind last_words[] = {FAULT_NET_BEFORE, FAULT_NET_AFTER, FAULT_NET_TORN};

    for (size_t i = 0; i < sizeof last_words / sizeof last_words[0]; i++) {
        uint32_t number = 0;

        for (;; number++) {
            cr_assert_lt(number, DEATHS_MAX, "it never comes through");
            make_case(s, 1 + number % 5);
            if (!run_until_death(s, number, last_words[i]))
                break;
            run_again(s, number);
        }
        cr_assert_gt(number, 8u, "hardly a request was asked");
    }
    cr_assert(!s->journal || resumed_count > 10, "%u went on", resumed_count);
}

Test(copy_order, full_onto_a_target_that_held_something_else)
{
    expect_order(&(struct scenario){0});
    expect_order(&(struct scenario){.buffers = true});
}

Test(copy_order, full_onto_a_target_it_makes)
{
    expect_order(&(struct scenario){.absent = true});
}

Test(copy_order, full_onto_a_target_it_grows)
{
    expect_order(&(struct scenario){.grows = true});
    expect_order(&(struct scenario){.grows = true, .buffers = true});
}

Test(copy_order, delta)
{
    copy_case_keep_state(&c);
    expect_order(&(struct scenario){.delta = true});
    expect_order(&(struct scenario){.delta = true, .buffers = true});
}

Test(copy_order, delta_that_grows_the_target)
{
    expect_order(&(struct scenario){.delta = true, .grows = true});
    expect_order(&(struct scenario){.delta = true, .grows = true, .buffers = true});
}

Test(copy_order, a_host_where_the_footer_alone_is_the_commit)
{
    expect_order(&(struct scenario){.without_marker = true});
    expect_order(&(struct scenario){.without_marker = true, .buffers = true});
}

Test(copy_order, footers_that_are_added_or_stripped)
{
    expect_order(&(struct scenario){.footer = COPY_FOOTER_ADD});
    expect_order(&(struct scenario){.delta = true, .footer = COPY_FOOTER_ADD});
    expect_order(&(struct scenario){.footer = COPY_FOOTER_STRIP});
    expect_order(&(struct scenario){.delta = true, .footer = COPY_FOOTER_STRIP});
}

/* ---- The same, and the second run goes on with the first one's journal ---- */

Test(copy_order, full_with_a_journal)
{
    expect_order(&(struct scenario){.journal = true});
    expect_order(&(struct scenario){.journal = true, .buffers = true});
    expect_order(&(struct scenario){.journal = true, .absent = true});
}

Test(copy_order, full_that_grows_the_target_with_a_journal)
{
    expect_order(&(struct scenario){.journal = true, .grows = true});
    expect_order(&(struct scenario){.journal = true, .grows = true, .buffers = true});
}

Test(copy_order, delta_with_a_journal)
{
    copy_case_keep_state(&c);
    expect_order(&(struct scenario){.journal = true, .delta = true});
    expect_order(&(struct scenario){.journal = true, .delta = true, .buffers = true});
}

Test(copy_order, delta_that_grows_the_target_with_a_journal)
{
    expect_order(&(struct scenario){.journal = true, .delta = true, .grows = true});
    expect_order(
        &(struct scenario){.journal = true, .delta = true, .grows = true, .buffers = true});
}

Test(copy_order, a_host_where_the_footer_alone_is_the_commit_with_a_journal)
{
    expect_order(&(struct scenario){.journal = true, .without_marker = true});
    expect_order(&(struct scenario){.journal = true, .without_marker = true, .buffers = true});
}

Test(copy_order, footers_that_are_added_or_stripped_with_a_journal)
{
    expect_order(&(struct scenario){.journal = true, .footer = COPY_FOOTER_ADD});
    expect_order(&(struct scenario){.journal = true, .delta = true, .footer = COPY_FOOTER_ADD});
    expect_order(&(struct scenario){.journal = true, .footer = COPY_FOOTER_STRIP});
    expect_order(&(struct scenario){.journal = true, .delta = true, .footer = COPY_FOOTER_STRIP});
}

/* The footer that the target had is in nobody's list of changes: its clear alone takes it away. */
Test(copy_order, a_footer_that_is_added_where_the_disk_grew_with_a_journal)
{
    copy_case_keep_state(&c);
    expect_order(&(
        struct scenario){.journal = true, .delta = true, .grows = true, .footer = COPY_FOOTER_ADD});
    expect_order(&(struct scenario){
        .journal = true, .delta = true, .grows = true, .footer = COPY_FOOTER_ADD, .buffers = true});
}
