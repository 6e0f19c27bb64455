/* copy_manifest.c - the steps that make a copy's manifest, before the footer and the commit.
 *
 * A full copy tells the manifest each block as it makes the root. A delta sees only what changed, and a copy
 * from service to service nothing: when its data is at the target, the target is read back whole, and the
 * manifest is made of that.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "engine/copy_internal.h"
#include "engine/sample.h"

/* Not what a delta leaves alone, and nothing of what goes from service to service. */
static bool copy_sees_not_all(const struct copy *copy)
{
    return copy->summary.delta || copy_is_pulled(copy);
}

bool copy_want_manifest(const struct copy *copy)
{
    return copy_want_changes(copy) && copy->options.proof.manifest_path;
}

/* ---- A sample instead of all ---- */

bool copy_draw_sample(struct copy *copy)
{
    struct sample sample = {copy->options.proof.sample_ppm, copy->options.proof.seed};

    if (sample.ppm == 0)
        return true;
    copy->summary.proof.sample_of_bytes = plan_total_bytes(&copy->plan);
    return sample_plan(&sample, &copy->plan) ||
           err_set(&copy->err, ERR_LIMIT, RETRY_NEVER, "no memory for the sample");
}

/* ---- Before anything is changed ---- */

static bool base_manifest_refuse(struct copy *copy, const char *why)
{
    return err_set(&copy->err, ERR_USAGE, RETRY_NEVER, "%.150s is not a manifest of the base: %s",
                   copy->options.proof.base_manifest_path, why);
}

static bool open_base_manifest(struct copy *copy)
{
    const struct manifest_head *head;

    copy->proofs.base = manifest_reader_open(copy->options.proof.base_manifest_path, &copy->err);
    if (!copy->proofs.base)
        return false;
    head = manifest_reader_head(copy->proofs.base);
    if (strcmp(head->source, copy->base_identity) != 0)
        return base_manifest_refuse(copy, "it is of another disk or snapshot");
    if (head->source_bytes != copy->facts.base.size_bytes)
        return base_manifest_refuse(copy, "its size is another");
    if (head->disk_bytes > copy->summary.disk.length)
        return base_manifest_refuse(copy, "its disk is larger than the source's");
    return true;
}

bool copy_want_base_manifest(const struct copy *copy)
{
    return copy->summary.delta && copy->options.proof.base_manifest_path;
}

bool copy_after_base_manifest(struct copy *copy)
{
    return open_base_manifest(copy);
}

/* So that no copy of hours ends with a manifest that cannot be kept. */
bool copy_after_manifest_place(struct copy *copy)
{
    if (copy->summary.delta && copy_can(copy->ends.target, ENDPOINT_DISCARDS))
        return err_set(&copy->err, ERR_USAGE, RETRY_NEVER,
                       "a delta's manifest is made by reading the target back, and this target "
                       "keeps nothing");
    return manifest_writer_check(copy->options.proof.manifest_path, &copy->err);
}

/* ---- Making it ---- */

static bool manifest_begin(struct copy *copy)
{
    struct manifest_head head = {
        .source_bytes = copy->facts.source.size_bytes,
        .disk_bytes = copy->summary.disk.length,
        .target_bytes = copy->summary.target_size_bytes,
        .has_footer = copy->footer.target_has,
        .started_ms = reactor_wall_ns(copy->reactor) / NS_PER_MS,
    };

    manifest_writer_close(copy->proofs.writer);
    copy_make_uuid(copy); /* a target that takes no marker has none yet */
    memcpy(head.copy_uuid, copy->marker.copy_uuid, sizeof head.copy_uuid);
    snprintf(head.source, sizeof head.source, "%s", copy->source_identity);
    if (copy->summary.delta)
        snprintf(head.base, sizeof head.base, "%s", copy->base_identity);
    if (head.has_footer)
        memcpy(head.footer, copy->footer.written, sizeof head.footer);
    copy->proofs.writer =
        manifest_writer_open(copy->options.proof.manifest_path, &head, &copy->err);
    copy->proofs.sink =
        (struct root_sink){.blocks = manifest_writer_blocks, .arg = copy->proofs.writer};
    return copy->proofs.writer != NULL;
}

bool copy_manifest_sink(struct copy *copy, const struct root_sink **out_sink)
{
    *out_sink = copy->options.proof.sink;
    if (!copy_want_manifest(copy) || copy_sees_not_all(copy))
        return true;
    *out_sink = &copy->proofs.sink;
    return manifest_begin(copy);
}

/* ---- A delta's: the target read back ---- */

/* A block that is not the base's. What the delta touched may differ; of the rest the first
 * stretch is kept. */
static bool back_differs(void *arg, struct extent block, struct err *e)
{
    struct copy *copy = arg;
    struct extent *kept = &copy->proofs.changed;

    (void)e;
    if (extent_set_touches(&copy->plan.reads, block) ||
        extent_set_touches(&copy->plan.clears, block))
        return true;
    if (kept->length == 0)
        *kept = block;
    else if (extent_end(*kept) == block.offset)
        kept->length += block.length;
    return true;
}

static bool back_blocks(void *arg, uint64_t first, uint64_t count, const struct block_hash *hashes,
                        struct err *e)
{
    struct copy *copy = arg;
    const struct extent *changed = &copy->proofs.changed;

    if (copy->proofs.base && !manifest_walk_blocks(&copy->proofs.walk, first, count, hashes, e))
        return false;
    if (changed->length)
        return err_set(e, ERR_CORRUPT, RETRY_REPLAN,
                       "%.150s: at offset %llu, length %llu the target is neither changed by this "
                       "delta nor what its base's manifest says; make a full copy, without --base",
                       copy->ends.target->name, (unsigned long long)changed->offset,
                       (unsigned long long)changed->length);
    return manifest_writer_blocks(copy->proofs.writer, first, count, hashes, e);
}

bool copy_want_disk_back(const struct copy *copy)
{
    return copy_want_manifest(copy) && copy_sees_not_all(copy);
}

static void back_done(void *arg)
{
    struct copy *copy = arg;
    struct err error = *read_back_error(copy->proofs.back);

    /* Its own requests were retried already. */
    if (err_is_set(&error))
        copy_step_fail(copy, &error);
    else
        copy_step_end(copy, &error);
}

bool copy_start_disk_back(struct copy *copy)
{
    struct read_back_setup setup = {.reactor = copy->reactor,
                                    .disk = copy->ends.target,
                                    .pool = copy->ends.pool,
                                    .access = copy->ends.sides.target,
                                    .disk_bytes = copy->summary.disk.length,
                                    .size_bytes = copy->summary.target_size_bytes,
                                    .sink = {.blocks = back_blocks, .arg = copy},
                                    .window_start = copy->options.window_start,
                                    .window_max = copy->options.window_max,
                                    .seat = copy->options.seat,
                                    .random_seed = retry_random_next(&copy->random),
                                    .done = back_done,
                                    .arg = copy};

    copy_say(copy, "%s: reading the target back for the manifest.",
             copy->summary.delta ? "A delta does not see what did not change"
                                 : "The data does not go through this machine");
    if (!manifest_begin(copy))
        return false;
    copy->proofs.changed = (struct extent){0, 0};
    copy->proofs.walk = (struct manifest_walk){.reader = copy->proofs.base,
                                               .disk_bytes = copy->summary.disk.length,
                                               .differs = back_differs,
                                               .arg = copy};
    if (copy->proofs.base && !manifest_walk_begin(&copy->proofs.walk, &copy->err))
        return false;
    copy->proofs.back = read_back_new(&setup, &copy->err);
    if (!copy->proofs.back)
        return false;
    read_back_start(copy->proofs.back);
    return true;
}

/* What was read back is a root like a full copy's, and the marker may say so. */
bool copy_after_disk_back(struct copy *copy)
{
    const struct copy_summary *back = read_back_summary(copy->proofs.back);

    copy->summary.retries += back->retries;
    memcpy(copy->summary.root, back->root, sizeof copy->summary.root);
    return true;
}

/* ---- Keeping it ---- */

bool copy_after_manifest(struct copy *copy)
{
    struct manifest_end end = {.read_bytes = copy->summary.read_bytes,
                               .written_bytes = copy->summary.written_bytes,
                               .cleared_bytes = copy->summary.cleared_bytes,
                               .skipped_bytes = copy->summary.skipped_bytes,
                               .ended_ms = reactor_wall_ns(copy->reactor) / NS_PER_MS};

    if (!manifest_writer_commit(copy->proofs.writer, &end, &copy->err))
        return false;
    copy->summary.proof.has_manifest = true;
    assert(strcmp(end.root, copy->summary.root) == 0); /* made twice of the same hashes */
    return true;
}

/* A run that was killed after its commit has left its manifest too, if it was asked for one. */
bool copy_manifest_is_kept(struct copy *copy, const char *copy_uuid)
{
    struct err e = {0};
    struct manifest_reader *reader;

    if (!copy_want_manifest(copy))
        return true;
    reader = manifest_reader_open(copy->options.proof.manifest_path, &e);
    copy->summary.proof.has_manifest =
        reader && strcmp(manifest_reader_head(reader)->copy_uuid, copy_uuid) == 0;
    manifest_reader_close(reader);
    return copy->summary.proof.has_manifest ||
           err_set(&copy->err, ERR_CONFLICT, RETRY_NEVER,
                   "an earlier run completed this copy, and %.150s is not its manifest; to have "
                   "one made the copy must be made again, with --restart",
                   copy->options.proof.manifest_path);
}

void copy_proofs_stop(struct copy *copy)
{
    if (copy->proofs.back)
        read_back_stop(copy->proofs.back);
    copy_audit_stop(copy->proofs.audit);
}

bool copy_proof_progress(struct copy *copy, struct progress_view *out_view)
{
    struct copy_proofs *proofs = &copy->proofs;

    if (proofs->audit && !copy->ended)
        *out_view = progress_look(&proofs->audit->progress, reactor_now_ns(copy->reactor));
    else if (proofs->back && !read_back_ended(proofs->back))
        *out_view = read_back_progress(proofs->back);
    else
        return false;
    return true;
}

bool copy_proofs_wait(const struct copy *copy)
{
    return (copy->proofs.back && read_back_waits(copy->proofs.back)) ||
           copy_audit_waits(copy->proofs.audit);
}

void copy_proofs_fini(struct copy *copy)
{
    copy_audit_free(copy->proofs.audit);
    read_back_free(copy->proofs.back);
    manifest_writer_close(copy->proofs.writer);
    manifest_reader_close(copy->proofs.base);
}
