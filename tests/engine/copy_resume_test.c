/* copy_resume_test.c - the same copy again after it was stopped: it goes on, and reads nothing twice; a
 * journal that does not fit is refused, and neither it nor the target is touched. */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/copy_case.h"

#define KIB        COPY_CASE_KIB
#define PAGE       ENDPOINT_PAGE_BYTES
#define DISK_BYTES (4096 * KIB)
#define CUT_BYTES  (64u << 10)
#define WINDOW_MAX 4u
/* Of a block that several ranges touch all is read again, when not all of it was read. */
#define REREAD_MAX_BYTES ((uint64_t)WINDOW_MAX * CUT_BYTES)

static struct copy_case c;
static char journal_path[TEST_PATH_MAX_BYTES];
static struct extent_set read_before; /* of the source, by the runs that were stopped */
static uint64_t reread_bytes;         /* and more than once */
static uint32_t stop_after;           /* ranges done */
static struct copy *running;
static struct endpoint *wrapper; /* of the target, by the run that failed; owns it */

static bool file_exists(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0;
}

static void begin(void)
{
    copy_case_open(&c);
    c.source = copy_case_random_disk(&c, DISK_BYTES + PAGE, 5);
    copy_case_put_footer(c.source);
    copy_case_fill(c.source, (struct extent){0, 512 * KIB}, 3);
    c.target = copy_case_disk(&c, 0);
    copy_case_cut(c.target, CUT_BYTES);
    test_temp_path(journal_path, "journal");
    unlink(journal_path);
    c.options.journal_path = journal_path;
    c.options.source_id = "first";
    c.options.window_start = 2;
    c.options.window_max = WINDOW_MAX;
}

static void end(void)
{
    extent_set_fini(&read_before);
    if (wrapper)
        c.target = wrapper;
    copy_case_close(&c);
    unlink(journal_path);
}

TestSuite(copy_resume, .init = begin, .fini = end);

/* ---- Stop, and go on ---- */

static void note_moved(void *arg, struct extent extent, enum range_state from, enum range_state to)
{
    (void)arg;
    (void)extent;
    (void)from;
    if (to == RANGE_DONE && stop_after && --stop_after == 0)
        copy_stop(running);
}

/* What the next process finds: the same disks, opened anew. */
static void next_process(void)
{
    endpoint_mem_reopen(c.source, c.rig.r);
    endpoint_mem_reopen(c.target, c.rig.r);
    copy_case_cut(c.target, CUT_BYTES);
    c.options.random_seed++;
    c.moved = NULL;
}

static void note_read(void)
{
    const struct extent_set *now = &endpoint_mem_traffic(c.source)->read;
    struct extent_set both = {0}, all = {0};
    struct extent first = {0, PAGE}, footer = {DISK_BYTES, PAGE};

    cr_assert(extent_set_intersect(&both, &read_before, now));
    cr_assert(extent_set_subtract(&both, first) && extent_set_subtract(&both, footer));
    cr_assert(extent_set_union(&all, &read_before, now));
    reread_bytes += both.total_bytes;
    extent_set_fini(&both);
    extent_set_move(&read_before, &all);
}

static void run_and_stop(uint32_t ranges)
{
    stop_after = ranges;
    c.moved = note_moved;
    running = copy_case_start(&c);
    copy_case_finish(&c, running);
    cr_assert_eq(c.err.kind, ERR_CANCELED, "%s", c.err.text);
    cr_assert(c.summary.journal_kept);
    cr_assert(file_exists(journal_path));
    note_read();
    next_process();
}

static void expect_goes_on(void)
{
    char root[DIGEST_TEXT_MAX_BYTES];

    copy_case_run_ok(&c);
    cr_expect_gt(c.summary.resumed_bytes, 0u);
    cr_expect(strstr(c.said, "Going on from") && !strstr(c.said, "from 0.0"), "%s", c.said);
    copy_case_expect_same(c.source, c.target, DISK_BYTES + PAGE);
    cr_expect_eq(endpoint_mem_marker(c.target)->state, MARKER_COMPLETE);
    cr_expect_not(file_exists(journal_path), "nothing is left to go on with");
    if (!c.summary.delta) {
        copy_case_root(endpoint_mem_bytes(c.source), DISK_BYTES, root);
        cr_expect_str_eq(c.summary.root, root);
    }
    note_read();
    cr_expect_leq(reread_bytes, REREAD_MAX_BYTES);
}

Test(copy_resume, a_copy_that_was_stopped_goes_on_and_reads_nothing_twice)
{
    run_and_stop(7);
    expect_goes_on();
}

Test(copy_resume, also_when_it_is_stopped_again_and_again)
{
    run_and_stop(3);
    for (uint32_t i = 0; i < 5; i++) {
        double percent = c.progress.percent;

        run_and_stop(3);
        cr_expect_gt(c.progress.percent, percent, "it does not get on");
        cr_expect_leq(reread_bytes, (i + 1) * REREAD_MAX_BYTES);
        reread_bytes = 0;
    }
    expect_goes_on();
}

Test(copy_resume, onto_a_target_that_held_something_else)
{
    endpoint_close(c.target);
    c.target = copy_case_random_disk(&c, DISK_BYTES + PAGE, 11);
    copy_case_cut(c.target, CUT_BYTES);
    run_and_stop(5);
    expect_goes_on();
    cr_expect_eq(endpoint_mem_traffic(c.target)->lists_count, 0u, "its list is in the journal");
}

Test(copy_resume, the_percentage_begins_where_it_was)
{
    struct copy *copy;
    double before, first = -1;

    run_and_stop(9);
    before = c.progress.percent;
    copy = copy_case_start(&c);
    while (!c.ended) {
        double now = copy_progress(copy).percent;

        if (first < 0 && strcmp(copy_phase(copy), "looking") == 0)
            first = now;
        cr_assert(first < 0 || now >= before, "%f is below %f", now, before);
        rig_turn(&c.rig);
    }
    copy_case_finish(&c, copy);
    cr_expect_geq(first, before);
}

Test(copy_resume, with_restart_everything_is_copied_again)
{
    run_and_stop(6);
    c.options.restart = true;
    copy_case_run_ok(&c);
    cr_expect_eq(c.summary.resumed_bytes, 0u);
    cr_expect_eq(c.summary.read_bytes, c.summary.plan_read_bytes);
    copy_case_expect_same(c.source, c.target, DISK_BYTES + PAGE);
}

Test(copy_resume, a_torn_tail_costs_what_it_recorded_and_no_more)
{
    struct stat st;

    run_and_stop(6);
    cr_assert_eq(stat(journal_path, &st), 0);
    cr_assert_eq(truncate(journal_path, st.st_size - 5), 0);
    copy_case_run_ok(&c);
    cr_expect_not_null(strstr(c.said, "of the journal are damaged"), "%s", c.said);
    copy_case_expect_same(c.source, c.target, DISK_BYTES + PAGE);
    cr_expect_gt(c.summary.resumed_bytes, 0u);
    cr_expect_leq(c.summary.read_bytes + c.summary.resumed_bytes,
                  c.summary.plan_read_bytes + c.summary.plan_clear_bytes);
}

Test(copy_resume, a_journal_that_is_kept_is_dropped_by_hand)
{
    struct copy *copy;
    uint64_t ended_ns;

    c.options.keep_journal = true;
    copy = copy_case_start(&c);
    rig_until(&c.rig, &c.ended);
    cr_assert(c.summary.committed, "%s", c.err.text);
    cr_expect(file_exists(journal_path));
    ended_ns = reactor_now_ns(c.rig.r);
    rig_until_idle(&c.rig);
    cr_expect_eq(reactor_now_ns(c.rig.r), ended_ns, "a sync may be under way when it is dropped");
    copy_drop_journal(copy);
    cr_expect_not(file_exists(journal_path));
    copy_case_finish(&c, copy);
}

/* ---- Journals that do not fit ---- */

static void expect_refused(const char *words)
{
    struct stat before, after;
    uint64_t requests = c.target->requests_count;

    cr_assert_eq(stat(journal_path, &before), 0);
    copy_case_run(&c);
    cr_expect_eq(c.err.kind, ERR_CONFLICT, "%s", c.err.text);
    cr_expect_eq(c.err.retry, RETRY_NEVER);
    cr_expect_not_null(strstr(c.err.text, words), "\"%s\" is not in: %s", words, c.err.text);
    cr_expect_not_null(strstr(c.err.text, "--restart"), "%s", c.err.text);
    cr_assert_eq(stat(journal_path, &after), 0, "the journal is gone");
    cr_expect_eq(before.st_size, after.st_size);
    cr_expect_eq(endpoint_mem_traffic(c.target)->setups_count, 0u, "the target was touched");
    cr_expect_eq(c.target->requests_count, requests);
    c.options.restart = true;
    copy_case_run_ok(&c);
    copy_case_expect_same(c.source, c.target, DISK_BYTES + PAGE);
}

Test(copy_resume, of_another_source_is_refused)
{
    run_and_stop(4);
    endpoint_close(c.source);
    c.source = copy_case_random_disk(&c, DISK_BYTES + PAGE, 77);
    copy_case_put_footer(c.source);
    copy_case_scribble(c.source, DISK_BYTES, 78, 50); /* another ETag too */
    c.options.source_id = "second";
    expect_refused("its source is another, first");
}

Test(copy_resume, of_another_size_is_refused)
{
    run_and_stop(4);
    endpoint_close(c.source);
    c.source = copy_case_random_disk(&c, DISK_BYTES, 5);
    copy_case_run(&c);
    cr_expect_eq(c.err.kind, ERR_CONFLICT, "%s", c.err.text);
    cr_expect_not_null(strstr(c.err.text, "bytes, and this one has"), "%s", c.err.text);
    cr_expect(file_exists(journal_path));
}

Test(copy_resume, of_a_source_that_was_written_to_is_refused)
{
    run_and_stop(4);
    copy_case_fill(c.source, (struct extent){64 * KIB, PAGE}, 9);
    expect_refused("was written to since");
}

Test(copy_resume, of_a_renewed_url_with_another_path_is_taken)
{
    run_and_stop(4);
    c.options.source_id = "first, by another name";
    expect_goes_on();
}

Test(copy_resume, with_other_options_is_refused)
{
    run_and_stop(4);
    c.options.hash = false;
    copy_case_run(&c);
    cr_expect_eq(c.err.kind, ERR_CONFLICT, "%s", c.err.text);
    c.options.hash = true;
    c.options.footer = COPY_FOOTER_STRIP;
    copy_case_run(&c);
    cr_expect_eq(c.err.kind, ERR_CONFLICT, "%s", c.err.text);
    cr_expect_not_null(strstr(c.err.text, "footer"), "%s", c.err.text);
    c.options.footer = COPY_FOOTER_KEEP;
    expect_goes_on();
}

Test(copy_resume, of_a_target_that_another_marked_is_refused)
{
    struct marker marker;

    run_and_stop(4);
    marker = *endpoint_mem_marker(c.target);
    marker.copy_uuid[0] = marker.copy_uuid[0] == '0' ? '1' : '0';
    endpoint_mem_poke_marker(c.target, &marker);
    expect_refused("another copy");
}

Test(copy_resume, of_a_target_without_its_marker_is_refused)
{
    run_and_stop(4);
    endpoint_mem_poke_marker(c.target, NULL);
    expect_refused("does not carry its marker");
}

/* Another disk of the same name. */
static void replace_target(uint64_t size_bytes)
{
    struct endpoint *old = c.target;

    c.target = copy_case_disk(&c, size_bytes);
    copy_case_cut(c.target, CUT_BYTES);
    free(c.target->identity);
    c.target->identity = strdup(old->identity);
    endpoint_close(old);
}

Test(copy_resume, of_a_target_that_was_deleted_is_refused)
{
    run_and_stop(4);
    replace_target(0);
    expect_refused("does not exist any more");
}

Test(copy_resume, of_a_target_that_was_made_anew_is_refused)
{
    run_and_stop(4);
    replace_target(DISK_BYTES + PAGE);
    expect_refused("does not carry its marker");
}

Test(copy_resume, of_another_target_is_refused)
{
    struct endpoint *first = c.target;

    run_and_stop(4);
    c.target = copy_case_disk(&c, 0); /* before the first is closed: its name is its address */
    endpoint_close(first);
    expect_refused("its target is mem:");
}

/* ---- Over, or not yet begun ---- */

/* The commit lands, its answer does not, and nothing can be asked any more. */
static void lose_the_commit(void)
{
    const struct fault_rule rules[] = {
        {.ops = FAULT_BIT(FAULT_SETUP),
         .kind = FAULT_NET_AFTER,
         .permille = 1000,
         .skip_count = 1, /* the create */
         .hits_max = 1},
        {.ops = FAULT_BIT(FAULT_SETUP), .kind = FAULT_DISK_FULL, .permille = 1000, .skip_count = 1},
    };
    struct fault_options options = {.seed = 1, .rules = rules, .rules_count = 2};
    struct endpoint *inner = c.target;

    copy_case_wrap(&c.target, &options);
    copy_case_run(&c);
    cr_assert_eq(c.err.kind, ERR_IO, "%s", c.err.text);
    cr_assert_eq(endpoint_mem_marker(inner)->state, MARKER_COMPLETE);
    wrapper = c.target;
    c.target = inner;
}

Test(copy_resume, a_commit_whose_answer_was_lost_is_found_and_nothing_is_moved)
{
    char root[DIGEST_TEXT_MAX_BYTES];

    c.target->capabilities &= ~(unsigned)ENDPOINT_CAN_LEASE; /* its setups would be counted too */
    lose_the_commit();
    next_process();
    copy_case_keep_state(&c);
    copy_case_run_ok(&c);
    cr_expect_eq(endpoint_mem_traffic(c.source)->read_bytes, 0u);
    cr_expect_eq(endpoint_mem_traffic(c.target)->setups_count, 0u);
    copy_case_root(endpoint_mem_bytes(c.source), DISK_BYTES, root);
    cr_expect_str_eq(c.summary.root, root);
    cr_expect_not(file_exists(journal_path));
}

Test(copy_resume, the_journal_of_a_copy_that_is_over_gives_way_to_another_copy)
{
    c.target->capabilities &= ~(unsigned)ENDPOINT_CAN_LEASE;
    lose_the_commit();
    next_process();
    copy_case_fill(c.source, (struct extent){64 * KIB, PAGE}, 9);
    c.options.source_id = "second";
    copy_case_run_ok(&c);
    cr_expect_str_eq(endpoint_mem_marker(c.target)->source, "second");
    copy_case_expect_same(c.source, c.target, DISK_BYTES + PAGE);
}

/* Stops the copy at the first setup of the target: all that comes before is planning. */
static void stop_while_planning(void)
{
    const struct fault_rule rule = {.ops = FAULT_BIT(FAULT_SETUP),
                                    .kind = FAULT_DISK_FULL,
                                    .permille = 1000};
    struct fault_options options = {.seed = 1, .rules = &rule, .rules_count = 1};
    struct endpoint *inner = c.target;

    copy_case_wrap(&c.target, &options);
    copy_case_run(&c);
    cr_assert_eq(c.err.kind, ERR_IO, "%s", c.err.text);
    cr_assert(c.summary.journal_kept);
    wrapper = c.target;
    c.target = inner;
    next_process();
}

Test(copy_resume, lists_that_were_made_are_not_made_again)
{
    stop_while_planning();
    copy_case_run_ok(&c);
    cr_expect_eq(endpoint_mem_traffic(c.source)->lists_count, 0u);
    cr_expect_not_null(strstr(c.said, "while it was planned"), "%s", c.said);
    copy_case_expect_same(c.source, c.target, DISK_BYTES + PAGE);
}

Test(copy_resume, a_copy_that_wrote_nothing_gives_way_to_another)
{
    stop_while_planning();
    copy_case_fill(c.source, (struct extent){64 * KIB, PAGE}, 9);
    c.options.source_id = "second";
    copy_case_run_ok(&c);
    cr_expect_not_null(strstr(c.said, "gives way"), "%s", c.said);
    cr_expect_eq(endpoint_mem_traffic(c.source)->lists_count, 1u);
    copy_case_expect_same(c.source, c.target, DISK_BYTES + PAGE);
}

/* Two disks of one machine may have one size, and snapshots of one second. */
Test(copy_resume, lists_of_another_name_are_not_believed)
{
    stop_while_planning();
    c.options.source_id = "first, by another name";
    copy_case_run_ok(&c);
    cr_expect_eq(endpoint_mem_traffic(c.source)->lists_count, 1u);
}

static void without_etag(struct stat_req *req)
{
    req->etag[0] = '\0';
    snprintf(req->last_modified, sizeof req->last_modified, "one second");
}

static const struct endpoint_ops *honest;
static struct endpoint_ops bent;
static void (*stat_done)(struct stat_req *);

static void bent_done(struct stat_req *req)
{
    without_etag(req);
    stat_done(req);
}

static void bent_stat(struct endpoint *ep, struct stat_req *req)
{
    stat_done = req->done;
    req->done = bent_done;
    honest->stat(ep, req);
}

/* A host that gives no ETag, and a disk that cannot change. */
static void bend_source(void)
{
    honest = c.source->ops;
    bent = *honest;
    bent.stat = bent_stat;
    c.source->ops = &bent;
    c.source->capabilities = ENDPOINT_CAN_LIST | ENDPOINT_CAN_DIFF;
}

Test(copy_resume, without_an_etag_time_and_footer_show_that_a_source_is_the_same)
{
    bend_source();
    run_and_stop(4);
    c.options.source_id = "first, by another name";
    expect_goes_on();
}

Test(copy_resume, without_an_etag_and_a_footer_another_name_is_refused)
{
    endpoint_mem_poke_clear(c.source, (struct extent){DISK_BYTES, PAGE});
    bend_source();
    run_and_stop(4);
    c.options.source_id = "first, by another name";
    copy_case_run(&c);
    cr_expect_eq(c.err.kind, ERR_CONFLICT, "%s", c.err.text);
    cr_expect_not_null(strstr(c.err.text, "may be another source"), "%s", c.err.text);
    c.options.source_id = "first";
    copy_case_run_ok(&c);
    cr_expect_gt(c.summary.resumed_bytes, 0u);
}
