/* manifest_check.c - see manifest_check.h. */
#include "engine/manifest_check.h"

#include <stdlib.h>
#include <string.h>

#include "engine/manifest_walk.h"
#include "engine/read_back.h"

#define CHECK_DIFFERENCES_MAX 65536u /* separate ranges kept; all bytes are counted */

struct manifest_check {
    struct manifest_check_setup setup;
    struct manifest_reader *reader; /* owned */
    struct read_back *back;         /* owned */
    struct manifest_walk walk;
    struct extent_set differences;
    uint64_t different_bytes;
    struct manifest_check_summary summary;
    struct err err;
};

static bool check_differs(void *arg, struct extent range, struct err *e)
{
    struct manifest_check *check = arg;

    check->different_bytes += range.length;
    if (check->differences.count >= CHECK_DIFFERENCES_MAX ||
        extent_set_add(&check->differences, range))
        return true;
    return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the list of differences");
}

static void check_footer(struct manifest_check *check)
{
    const struct manifest_head *head = manifest_reader_head(check->reader);
    struct extent page = {head->disk_bytes, VHD_FOOTER_BYTES};

    if (!head->has_footer)
        return;
    check->summary.footer_bytes = VHD_FOOTER_BYTES;
    if (memcmp(read_back_last_page(check->back), head->footer, VHD_FOOTER_BYTES) != 0)
        (void)check_differs(check, page, &check->err);
}

static void check_judge(struct manifest_check *check)
{
    const struct manifest_head *head = manifest_reader_head(check->reader);
    const struct stat_req *target = read_back_stat(check->back);
    const struct copy_summary *read = read_back_summary(check->back);
    struct verify_summary *found = &check->summary.found;

    check->err = *read_back_error(check->back);
    found->source_size_bytes = head->target_bytes;
    found->target_size_bytes = target->size_bytes;
    found->sizes_differ = target->exists && target->size_bytes != head->target_bytes;
    found->marker_incomplete = target->exists && target->marker.state == MARKER_COPYING;
    check->summary.other_copy = target->exists && target->marker.state != MARKER_NONE &&
                                strcmp(target->marker.copy_uuid, head->copy_uuid) != 0;
    if (found->sizes_differ)
        err_clear(&check->err); /* a verdict, not a failure */
    else if (!err_is_set(&check->err) && manifest_reader_finish(check->reader, &check->err))
        check_footer(check);
    found->compared_bytes = read->committed ? head->disk_bytes + check->summary.footer_bytes : 0;
    found->different_bytes = check->different_bytes;
    found->differences = &check->differences;
    found->differences_cut = check->differences.total_bytes < check->different_bytes;
    memcpy(found->root, read->root, sizeof found->root);
    found->retries = read->retries;
    found->started_ns = read->started_ns;
    found->ended_ns = read->ended_ns;
    found->equal = !err_is_set(&check->err) && read->committed && !found->sizes_differ &&
                   check->different_bytes == 0;
}

static void check_done(void *arg)
{
    struct manifest_check *check = arg;

    check_judge(check);
    check->setup.done(check->setup.arg);
}

struct manifest_check *manifest_check_new(const struct manifest_check_setup *setup, struct err *e)
{
    struct manifest_check *check = calloc(1, sizeof *check);
    struct read_back_setup back = {.reactor = setup->reactor,
                                   .disk = setup->target,
                                   .pool = setup->pool,
                                   .access = setup->access,
                                   .window_start = setup->window_start,
                                   .window_max = setup->window_max,
                                   .random_seed = setup->random_seed,
                                   .done = check_done,
                                   .arg = check};

    if (!check) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to begin a verify");
        return NULL;
    }
    check->setup = *setup;
    check->summary.found.differences = &check->differences;
    check->summary.found.against_manifest = true;
    check->reader = manifest_reader_open(setup->manifest_path, e);
    if (check->reader) {
        back.disk_bytes = manifest_reader_head(check->reader)->disk_bytes;
        back.size_bytes = manifest_reader_head(check->reader)->target_bytes;
        check->walk = (struct manifest_walk){.reader = check->reader,
                                             .disk_bytes = back.disk_bytes,
                                             .differs = check_differs,
                                             .arg = check};
        back.sink = (struct root_sink){.blocks = manifest_walk_blocks, .arg = &check->walk};
        check->back = read_back_new(&back, e);
    }
    if (check->back)
        return check;
    manifest_check_free(check);
    return NULL;
}

void manifest_check_free(struct manifest_check *check)
{
    if (!check)
        return;
    read_back_free(check->back);
    manifest_reader_close(check->reader);
    extent_set_fini(&check->differences);
    free(check);
}

void manifest_check_start(struct manifest_check *check)
{
    read_back_start(check->back);
}

void manifest_check_stop(struct manifest_check *check)
{
    read_back_stop(check->back);
}

bool manifest_check_ended(const struct manifest_check *check)
{
    return read_back_ended(check->back);
}

const struct err *manifest_check_error(const struct manifest_check *check)
{
    return &check->err;
}

const struct manifest_check_summary *manifest_check_summary(const struct manifest_check *check)
{
    return &check->summary;
}

const struct manifest_head *manifest_check_head(const struct manifest_check *check)
{
    return manifest_reader_head(check->reader);
}

const struct manifest_end *manifest_check_end(const struct manifest_check *check)
{
    return manifest_reader_end(check->reader);
}

struct progress_view manifest_check_progress(struct manifest_check *check)
{
    return read_back_progress(check->back);
}
