/* copy_audit.c - the audit of a diff: reads at the source a share of what the service called unchanged
 * and holds it against the base's manifest, before anything at the target is changed.
 *
 * What the diff does not touch must still be as the base's manifest says, block by block. Of blocks that it
 * touches in part nothing is said: their other part has no hash of its own. Where the source's full list
 * has a hole and the base had data, the diff lies without a byte being read: that is looked for everywhere.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/copy_internal.h"
#include "engine/mover_access.h"
#include "engine/sample.h"
#include "io/endpoint_mem.h"

/* What a scan of the base's manifest works on. */
struct scan {
    struct copy *copy;
    struct copy_audit *audit;
    struct sample sample;
    uint64_t piece_bytes;
    uint64_t base_blocks, base_end;
    struct set_walk all, data, clears; /* of the source: its full list, and the diff */
    struct extent first; /* what is drawn when nothing is: the piece that ranks lowest */
    uint64_t first_rank;
};

bool copy_want_audit(const struct copy *copy)
{
    return copy->summary.delta && copy->options.proof.audit_ppm;
}

static bool audit_refuse(struct copy *copy, const struct extent *range, const char *what)
{
    return err_set(&copy->err, ERR_CORRUPT, RETRY_NEVER,
                   "%.150s: the diff is wrong: at offset %llu, length %llu it says that nothing "
                   "changed, and %s; make a full copy, without --base",
                   copy->ends.source->name, (unsigned long long)range->offset,
                   (unsigned long long)range->length, what);
}

/* ---- What is worth reading ---- */

static bool walk_touches(struct set_walk *walk, struct extent block)
{
    while (walk->index < walk->set->count &&
           extent_end(extent_set_at(walk->set, walk->index)) <= block.offset)
        walk->index++;
    return walk->index < walk->set->count &&
           extent_set_at(walk->set, walk->index).offset < extent_end(block);
}

/* By the diff; and where a disk that grew had its footer, which is copied in any case. */
static bool scan_is_touched(struct scan *scan, struct extent block)
{
    bool had_footer = block.offset <= scan->base_end && extent_end(block) > scan->base_end;

    return walk_touches(&scan->data, block) || walk_touches(&scan->clears, block) || had_footer;
}

static bool scan_draw(struct scan *scan, struct extent block)
{
    uint64_t piece = block.offset / scan->piece_bytes;
    uint64_t rank = sample_rank(&scan->sample, piece);

    scan->copy->summary.proof.auditable_bytes += block.length;
    if (scan->first.length == 0 || rank < scan->first_rank) {
        scan->first = block;
        scan->first_rank = rank;
    }
    return !sample_takes(&scan->sample, piece) ||
           extent_set_append(&scan->audit->plan.reads, block) ||
           err_set(&scan->copy->err, ERR_LIMIT, RETRY_NEVER, "no memory for the audit");
}

/* One block: had_data is the base's. False: the diff lies, or memory ran out. */
static bool scan_block(struct scan *scan, uint64_t block, bool had_data)
{
    struct copy *copy = scan->copy;
    struct extent extent = manifest_block_extent(copy->summary.disk.length, block);
    bool may_hold = walk_touches(&scan->all, extent);

    if ((!had_data && !may_hold) || scan_is_touched(scan, extent))
        return true;
    if (!may_hold)
        return audit_refuse(copy, &extent, "what the base held there is gone");
    return scan_draw(scan, extent);
}

static bool scan_blocks(struct scan *scan)
{
    struct copy *copy = scan->copy;
    uint64_t count = manifest_block_count(copy->summary.disk.length);

    for (uint64_t block = 0; block < count;) {
        struct manifest_run run = {block, count - block, NULL}; /* beyond the base: zeros */

        if (block < scan->base_blocks &&
            !manifest_reader_next(copy->proofs.base, count - block, &run, &copy->err))
            return false;
        for (uint64_t i = 0; i < run.count; i++)
            if (!scan_block(scan, block + i, run.hashes != NULL))
                return false;
        block += run.count;
    }
    return true;
}

static bool audit_plan(struct copy *copy)
{
    uint64_t base_bytes = manifest_reader_head(copy->proofs.base)->disk_bytes;
    uint32_t ppm = copy->options.proof.audit_ppm;
    struct plan *plan = &copy->proofs.audit->plan;
    struct scan scan = {.copy = copy,
                        .audit = copy->proofs.audit,
                        .sample = {ppm, copy->options.proof.seed},
                        .piece_bytes = sample_piece_bytes(copy->summary.disk.length, ppm),
                        .base_blocks = manifest_block_count(base_bytes),
                        .base_end = base_bytes,
                        .all = {&copy->lists.all.data, 0},
                        .data = {&copy->lists.source.data, 0},
                        .clears = {&copy->lists.source.clears, 0}};

    plan->disk_bytes = copy->summary.disk.length;
    if (!manifest_reader_rewind(copy->proofs.base, &copy->err) || !scan_blocks(&scan))
        return false;
    if (plan->reads.count == 0 && scan.first.length && !extent_set_append(&plan->reads, scan.first))
        return err_set(&copy->err, ERR_LIMIT, RETRY_NEVER, "no memory for the audit");
    return manifest_walk_begin(&copy->proofs.audit->walk, &copy->err);
}

/* ---- Reading it ---- */

/* A block that is not as the base's manifest says, and none that merely was not read. The first stretch of
 * them is kept. */
static bool audit_differs(void *arg, struct extent block, struct err *e)
{
    struct copy_audit *audit = arg;

    (void)e;
    if (!walk_touches(&audit->drawn, block))
        return true;
    if (audit->wrong.length == 0)
        audit->wrong = block;
    else if (extent_end(audit->wrong) == block.offset)
        audit->wrong.length += block.length;
    return true;
}

static void audit_done(void *arg)
{
    struct copy *copy = arg;
    struct copy_audit *audit = copy->proofs.audit;
    struct err error = *mover_error(audit->mover);

    copy->summary.retries += mover_count(audit->mover)->retries;
    copy->summary.proof.audited_bytes = mover_count(audit->mover)->read_bytes;
    if (!err_is_set(&error) && audit->wrong.length) {
        audit_refuse(copy, &audit->wrong, "what is there is not what the base held");
        error = copy->err;
    }
    if (err_is_set(&error))
        copy_step_fail(copy, &error);
    else
        copy_step_end(copy, &error);
}

static bool audit_move(struct copy *copy)
{
    struct copy_audit *audit = copy->proofs.audit;
    struct mover_setup setup = {.reactor = copy->reactor,
                                .source = copy->ends.source,
                                .target = audit->nothing,
                                .source_access = copy->ends.sides.source,
                                .pool = copy->ends.pool,
                                .seat = copy->options.seat,
                                .plan = &audit->plan,
                                .progress = &audit->progress,
                                .random = &copy->random,
                                .hash = true,
                                .sink = &audit->sink,
                                .window_start = copy->options.window_start,
                                .window_max = copy->options.window_max,
                                .done = audit_done,
                                .arg = copy};

    progress_plan(&audit->progress, plan_total_bytes(&audit->plan), reactor_now_ns(copy->reactor));
    audit->mover = mover_new(&setup, &copy->err);
    if (!audit->mover)
        return false;
    mover_start(audit->mover);
    return true;
}

bool copy_start_audit(struct copy *copy)
{
    struct copy_audit *audit = calloc(1, sizeof *audit);

    assert(!copy->proofs.audit);
    copy->proofs.audit = audit;
    if (!audit)
        return err_set(&copy->err, ERR_LIMIT, RETRY_NEVER, "no memory for the audit");
    audit->walk = (struct manifest_walk){.reader = copy->proofs.base,
                                         .disk_bytes = copy->summary.disk.length,
                                         .differs = audit_differs,
                                         .arg = audit};
    audit->drawn = (struct set_walk){&audit->plan.reads, 0};
    audit->sink = (struct root_sink){.blocks = manifest_walk_blocks, .arg = &audit->walk};
    audit->nothing = endpoint_null_new(copy->reactor, copy->summary.disk.length, &copy->err);
    if (!audit->nothing || !audit_plan(copy))
        return false;
    copy_say(copy,
             "Auditing the diff: reading %llu bytes of the %llu that it calls unchanged; seed "
             "%llu.",
             (unsigned long long)plan_total_bytes(&audit->plan),
             (unsigned long long)copy->summary.proof.auditable_bytes,
             (unsigned long long)copy->options.proof.seed);
    return audit_move(copy);
}

bool copy_after_audit(struct copy *copy)
{
    copy_audit_free(copy->proofs.audit);
    copy->proofs.audit = NULL;
    return true;
}

void copy_audit_stop(struct copy_audit *audit)
{
    if (audit && audit->mover)
        mover_stop(audit->mover);
}

bool copy_audit_waits(const struct copy_audit *audit)
{
    return audit && audit->mover && mover_access_waits(audit->mover);
}

void copy_audit_free(struct copy_audit *audit)
{
    if (!audit)
        return;
    mover_free(audit->mover);
    endpoint_close(audit->nothing);
    plan_fini(&audit->plan);
    free(audit);
}
