/* resume_case.c - see resume_case.h. */
#include "tests/support/resume_case.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#define PAGE ENDPOINT_PAGE_BYTES

void resume_case_open(struct resume_case *m)
{
    struct copy_case *c = &m->c;

    memset(m, 0, sizeof *m);
    copy_case_open(c);
    c->source = copy_case_random_disk(c, RESUME_CASE_DISK_BYTES + PAGE, 5);
    copy_case_put_footer(c->source);
    copy_case_fill(c->source, (struct extent){0, 512 * COPY_CASE_KIB}, 3);
    c->target = copy_case_disk(c, 0);
    copy_case_cut(c->target, RESUME_CASE_CUT_BYTES);
    test_temp_path(m->journal_path, "journal");
    unlink(m->journal_path);
    c->options.journal_path = m->journal_path;
    c->options.source_id = "first";
    c->options.window_start = 2;
    c->options.window_max = RESUME_CASE_WINDOW_MAX;
}

void resume_case_close(struct resume_case *m)
{
    extent_set_fini(&m->read_before);
    if (m->wrapper)
        m->c.target = m->wrapper;
    copy_case_close(&m->c);
    unlink(m->journal_path);
}

bool resume_case_has_journal(const struct resume_case *m)
{
    return access(m->journal_path, F_OK) == 0;
}

/* ---- Run ---- */

static void note_moved(void *arg, struct extent extent, enum range_state from, enum range_state to)
{
    struct resume_case *m = arg;

    (void)extent;
    (void)from;
    if (to == RANGE_DONE && m->stop_after && --m->stop_after == 0)
        copy_stop(m->running);
}

void resume_case_next(struct resume_case *m)
{
    struct copy_case *c = &m->c;

    endpoint_mem_reopen(c->source, c->rig.r);
    endpoint_mem_reopen(c->target, c->rig.r);
    copy_case_cut(c->target, RESUME_CASE_CUT_BYTES);
    c->options.random_seed++;
    c->moved = NULL;
}

static void note_read(struct resume_case *m)
{
    const struct extent_set *now = &endpoint_mem_traffic(m->c.source)->read;
    struct extent_set both = {0}, all = {0};
    struct extent first = {0, PAGE}, footer = {RESUME_CASE_DISK_BYTES, PAGE};

    cr_assert(extent_set_intersect(&both, &m->read_before, now));
    cr_assert(extent_set_subtract(&both, first) && extent_set_subtract(&both, footer));
    cr_assert(extent_set_union(&all, &m->read_before, now));
    m->reread_bytes += both.total_bytes;
    extent_set_fini(&both);
    extent_set_move(&m->read_before, &all);
}

void resume_case_stop(struct resume_case *m, uint32_t ranges)
{
    struct copy_case *c = &m->c;

    m->stop_after = ranges;
    c->moved = note_moved;
    m->running = copy_case_start(c);
    copy_case_finish(c, m->running);
    cr_assert_eq(c->err.kind, ERR_CANCELED, "%s", c->err.text);
    cr_assert(c->summary.journal_kept);
    cr_assert(resume_case_has_journal(m));
    note_read(m);
    resume_case_next(m);
}

void resume_case_expect_goes_on(struct resume_case *m)
{
    struct copy_case *c = &m->c;
    char root[DIGEST_TEXT_MAX_BYTES];

    copy_case_run_ok(c);
    cr_expect_gt(c->summary.resumed_bytes, 0u);
    cr_expect(strstr(c->said, "Going on from") && !strstr(c->said, "from 0.0"), "%s", c->said);
    copy_case_expect_same(c->source, c->target, RESUME_CASE_DISK_BYTES + PAGE);
    cr_expect_eq(endpoint_mem_marker(c->target)->state, MARKER_COMPLETE);
    cr_expect_not(resume_case_has_journal(m), "nothing is left to go on with");
    if (!c->summary.delta) {
        copy_case_root(endpoint_mem_bytes(c->source), RESUME_CASE_DISK_BYTES, root);
        cr_expect_str_eq(c->summary.root, root);
    }
    note_read(m);
    cr_expect_leq(m->reread_bytes, RESUME_CASE_REREAD_MAX);
}
