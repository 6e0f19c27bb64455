/* copy_lists.c - the middle steps of a copy: what changed, the footer, the sizes, the plan. Up to the list of
 * the target nothing is changed there; that list is made of a target that is marked and fenced, so that
 * no hole of it is written to behind our back.
 */
#include <assert.h>
#include <string.h>

#include "engine/copy_internal.h"

/* ---- Lists of the source ---- */

bool copy_want_diff(const struct copy *copy)
{
    return copy->summary.delta && !copy_list_is_whole(&copy->lists.source);
}

bool copy_start_diff(struct copy *copy)
{
    assert(copy->facts.at_base);
    if (copy->options.found)
        return copy_start_found(copy);
    copy_submit_list(copy, copy->ends.source, copy_access_since(copy), &copy->lists.source,
                     copy->facts.source.size_bytes);
    return true;
}

bool copy_failed_diff(struct copy *copy, const struct err *error)
{
    if (error->retry != RETRY_REPLAN)
        return false;
    copy_go_full(copy, "the service cannot tell what changed since the base: %.180s", error->text);
    copy_list_forget(&copy->lists.source);
    return copy_journal_begin_anew(copy);
}

uint64_t copy_coalesce_bytes(const struct copy *copy)
{
    if (copy->options.streamed)
        return 0; /* it has no gaps */
    if (copy->options.coalesce_bytes != COPY_COALESCE_DEFAULT)
        return copy->options.coalesce_bytes;
    return copy->ends.target->request_cost_bytes;
}

/* A full copy's one list; a delta wants it too: to see whether the diff was one at all when it names no
 * clear, to know which gaps hold no hole, and for the audit. */
bool copy_want_all(const struct copy *copy)
{
    const struct copy_lists *lists = &copy->lists;

    if (!copy->summary.delta)
        return !copy_list_is_whole(&lists->source);
    return !copy->options.streamed && !copy->options.found && !copy_list_is_whole(&lists->all) &&
           (copy->options.proof.audit_ppm || copy_is_by_block(copy) ||
            lists->source.clears.count == 0 ||
            (copy_coalesce_bytes(copy) && lists->source.data.count > 1));
}

bool copy_start_all(struct copy *copy)
{
    copy_submit_list(copy, copy->ends.source, NULL,
                     copy->summary.delta ? &copy->lists.all : &copy->lists.source,
                     copy->facts.source.size_bytes);
    return true;
}

/* Not where the list ends, but also when it was made by an earlier process. */
bool copy_after_lists(struct copy *copy)
{
    struct copy_lists *lists = &copy->lists;

    if (!copy->summary.delta || copy->options.streamed || copy->options.found ||
        lists->source.clears.count || !extent_set_equal(&lists->source.data, &lists->all.data))
        return true;
    copy_go_full(copy, "the service answered the diff with the full list and no clears, so it "
                       "may not be able to tell changes.");
    copy_list_forget(&lists->all);
    lists->source.up_to = 0; /* the journal begins anew, and is told at once */
    if (!copy_journal_begin_anew(copy) ||
        !copy_journal_listed(copy, &lists->source, &lists->source.data, &lists->source.clears,
                             COPY_LIST_WHOLE, &copy->err))
        return false;
    lists->source.up_to = COPY_LIST_WHOLE;
    return true;
}

/* ---- First and last page of the source: is there a footer, is it a disk we copy? ---- */

static struct extent copy_last_page(const struct copy *copy)
{
    struct extent page = {copy->facts.source.size_bytes - VHD_FOOTER_BYTES, VHD_FOOTER_BYTES};

    return page;
}

/* No byte of a hole is read, as far as holes are known: a diff does not name what is unchanged. */
bool copy_want_last_page(const struct copy *copy)
{
    const struct copy_lists *lists = &copy->lists;
    struct extent page = copy_last_page(copy);

    if (copy->options.streamed)
        return false; /* it was told, and judged when the stream was made */
    if (!copy->summary.delta)
        return extent_set_touches(&lists->source.data, page);
    if (extent_set_touches(&lists->source.clears, page))
        return false;
    return lists->all.data.count == 0 || extent_set_touches(&lists->all.data, page);
}

bool copy_start_last_page(struct copy *copy)
{
    if (!copy_page_make(copy))
        return false;
    copy_submit_block(copy, copy->ends.source, COPY_READ, copy_last_page(copy));
    return true;
}

bool copy_after_last_page(struct copy *copy)
{
    memcpy(copy->footer.last, copy->page.memory, VHD_FOOTER_BYTES);
    return true;
}

bool copy_want_first_page(const struct copy *copy)
{
    struct extent page = {0, VHD_FOOTER_BYTES};

    return !copy->options.streamed && !copy->summary.delta &&
           extent_set_touches(&copy->lists.source.data, page);
}

bool copy_start_first_page(struct copy *copy)
{
    struct extent page = {0, VHD_FOOTER_BYTES};

    if (!copy_page_make(copy))
        return false;
    copy_submit_block(copy, copy->ends.source, COPY_READ, page);
    return true;
}

bool copy_after_first_page(struct copy *copy)
{
    memcpy(copy->footer.first, copy->page.memory, VHD_FOOTER_BYTES);
    return true;
}

/* ---- Footer and sizes ---- */

static void copy_make_footer(struct copy *copy)
{
    /* 2000-01-01 in seconds since 1970: where a VHD's time begins. */
    const uint64_t vhd_epoch_s = 946684800;
    uint64_t wall_s = reactor_wall_ns(copy->reactor) / NS_PER_S;
    uint64_t random[2] = {retry_random_next(&copy->random), retry_random_next(&copy->random)};
    unsigned char uuid[16];

    memcpy(uuid, random, sizeof uuid);
    vhd_encode(copy->footer.written, copy->summary.disk.length,
               wall_s > vhd_epoch_s ? (uint32_t)(wall_s - vhd_epoch_s) : 0, uuid);
}

/* Only the source's first bytes are asked for: what they are is not looked at. */
static bool copy_cut(struct copy *copy, const struct copy_proof_options *proof)
{
    copy->summary.disk.length = proof->only_bytes;
    copy->summary.target_size_bytes = proof->only_bytes;
    if (copy->facts.source.size_bytes == proof->size_bytes)
        return true;
    return err_set(&copy->err, ERR_GONE, RETRY_NEVER, "%s: its size is not what it must be",
                   copy->ends.source->name);
}

static bool copy_judge_footer(struct copy *copy)
{
    struct copy_footer_pages *footer = &copy->footer;
    enum copy_footer mode = copy->options.footer;
    uint64_t size_bytes = copy->facts.source.size_bytes;

    if (copy->options.proof.only_bytes)
        return copy_cut(copy, &copy->options.proof);
    if (!vhd_judge(footer->first, footer->last, size_bytes, &footer->vhd, &copy->err)) {
        err_prefix(&copy->err, "%s: ", copy->ends.source->name);
        return false;
    }
    footer->source_has = footer->vhd.kind == VHD_FIXED;
    if (mode == COPY_FOOTER_STRIP && !footer->source_has)
        return err_set(&copy->err, ERR_USAGE, RETRY_NEVER,
                       "%s: there is no VHD footer to strip; copy it without --strip-footer",
                       copy->ends.source->name);
    if (mode == COPY_FOOTER_ADD && footer->source_has)
        return err_set(&copy->err, ERR_USAGE, RETRY_NEVER,
                       "%s: has a VHD footer already; copy it without --add-footer",
                       copy->ends.source->name);
    footer->target_has =
        mode == COPY_FOOTER_ADD || (mode == COPY_FOOTER_KEEP && footer->source_has);
    copy->summary.disk.length = size_bytes - (footer->source_has ? VHD_FOOTER_BYTES : 0);
    copy->summary.target_size_bytes =
        copy->summary.disk.length + (footer->target_has ? VHD_FOOTER_BYTES : 0);
    memcpy(footer->written, footer->last, VHD_FOOTER_BYTES);
    if (mode == COPY_FOOTER_ADD)
        copy_make_footer(copy);
    return true;
}

static bool copy_judge_sizes(struct copy *copy)
{
    const struct stat_req *target = &copy->facts.target;
    const char *name = copy->ends.target->name;
    uint64_t wanted_bytes = copy->summary.target_size_bytes;
    uint64_t first_bytes = copy->facts.target_bytes;

    if (!target->exists || copy_can(copy->ends.target, ENDPOINT_DISCARDS))
        return true;
    if (target->size_bytes > wanted_bytes && !copy_takes_larger(copy))
        return err_set(&copy->err, ERR_USAGE, RETRY_NEVER,
                       "%s: the target has %llu bytes, more than the %llu it must have; a target "
                       "is never shrunk",
                       name, (unsigned long long)target->size_bytes,
                       (unsigned long long)wanted_bytes);
    if (target->size_bytes < wanted_bytes &&
        (!copy->ends.base || !copy_can(copy->ends.target, ENDPOINT_CAN_RESIZE)))
        return err_set(&copy->err, ERR_USAGE, RETRY_NEVER,
                       "%s: the target has %llu bytes and must have %llu; it is grown only by a "
                       "copy with --base",
                       name, (unsigned long long)target->size_bytes,
                       (unsigned long long)wanted_bytes);
    if (copy->footer.target_has && first_bytes >= VHD_FOOTER_BYTES && first_bytes < wanted_bytes)
        copy->footer.old_at = first_bytes - VHD_FOOTER_BYTES;
    return true;
}

bool copy_after_judge(struct copy *copy)
{
    return copy_judge_footer(copy) && copy_judge_sizes(copy);
}

/* ---- The plan ---- */

/* Did it hold anything before this copy's first process began? */
static bool copy_target_held(const struct copy *copy)
{
    return !copy->summary.delta && copy->facts.target_bytes > 0 &&
           !copy_can(copy->ends.target, ENDPOINT_DISCARDS);
}

bool copy_want_target_list(const struct copy *copy)
{
    return copy_target_held(copy) && !copy_list_is_whole(&copy->lists.target);
}

bool copy_start_target_list(struct copy *copy)
{
    copy_submit_list(copy, copy->ends.target, NULL, &copy->lists.target,
                     copy->facts.target.size_bytes);
    return true;
}

/* Of a base that was smaller the last page may have been a footer: the target had it cleared just now,
 * or, stripped, never had it. So its content comes from the source even when the diff calls it
 * unchanged. */
static bool copy_add_old_footer(struct copy *copy)
{
    struct extent page = {copy->facts.base.size_bytes - VHD_FOOTER_BYTES, VHD_FOOTER_BYTES};

    if (!copy->summary.delta || !copy->footer.source_has ||
        copy->facts.base.size_bytes < VHD_FOOTER_BYTES ||
        copy->facts.base.size_bytes >= copy->facts.source.size_bytes ||
        extent_set_touches(&copy->lists.source.clears, page))
        return true;
    if (extent_set_add(&copy->lists.source.data, page) &&
        (!copy->lists.all.data.count || extent_set_add(&copy->lists.all.data, page)))
        return true;
    return err_set(&copy->err, ERR_LIMIT, RETRY_NEVER, "no memory for the plan");
}

static void copy_summarize_plan(struct copy *copy)
{
    struct copy_summary *summary = &copy->summary;
    const struct plan *plan = &copy->plan;

    summary->planned = true;
    summary->plan_read_bytes = plan_fetch_bytes(plan);
    summary->plan_clear_bytes = plan->clears.total_bytes;
    summary->plan_clear_count = plan->clears.count;
    summary->plan_range_count = plan->by_block ? plan->fetch.count : plan->reads.count;
    summary->plan_read_count = plan_read_count(plan, BUF_BYTES);
    summary->gap_bytes = plan->gap_bytes;
    summary->at_base_already = plan->delta && plan_total_bytes(plan) == 0;
}

bool copy_after_plan(struct copy *copy)
{
    struct copy_lists *lists = &copy->lists;
    struct plan_input input = {
        .disk_bytes = copy->summary.disk.length,
        .delta = copy->summary.delta,
        .source_data = &lists->source.data,
        .source_clears = copy->summary.delta ? &lists->source.clears : NULL,
        .take_data = &lists->source.data,
        .take_clears = copy->summary.delta ? &lists->source.clears : NULL,
        .source_all = lists->all.data.count || copy_is_by_block(copy) ? &lists->all.data : NULL,
        .target_data = copy_target_held(copy) ? &lists->target.data : NULL,
        .coalesce_bytes = copy_coalesce_bytes(copy),
        .by_block = copy_is_by_block(copy),
    };

    if (!copy_add_old_footer(copy) || !plan_make(&input, &copy->plan, &copy->err) ||
        !copy_draw_sample(copy))
        return false;
    copy_list_forget(&lists->source);
    copy_list_forget(&lists->all);
    copy_list_forget(&lists->target);
    copy_summarize_plan(copy);
    progress_plan(&copy->progress, plan_total_bytes(&copy->plan), reactor_now_ns(copy->reactor));
    return copy_plan_fits(copy);
}
