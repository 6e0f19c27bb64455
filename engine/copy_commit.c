/* copy_commit.c - the last steps of a copy: everything that changes the target, in the order that keeps
 * an unfinished target from being mistaken for a whole one.
 */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "engine/copy_internal.h"

#define COPY_WAIT_OUT_S 60u /* twice what a service works on a request of a page at most */

bool copy_want_changes(const struct copy *copy)
{
    return !copy->options.plan_only;
}

/* A target that throws away or only compares has no footer that could be mistaken for a whole disk. */
static bool copy_keeps(const struct copy *copy)
{
    return !copy_can(copy->ends.target, ENDPOINT_DISCARDS) &&
           !copy_can(copy->ends.target, ENDPOINT_COMPARES);
}

/* ---- The marker, the size, the footer's place ---- */

void copy_make_uuid(struct copy *copy)
{
    uint64_t random[2] = {retry_random_next(&copy->random), retry_random_next(&copy->random)};
    unsigned char bytes[16];

    if (!copy->marker.copy_uuid[0]) {
        memcpy(bytes, random, sizeof bytes);
        marker_uuid_from(bytes, copy->marker.copy_uuid);
    }
}

/* Also when the step is tried again: the same copy, the same name. */
static void copy_begin_marker(struct copy *copy)
{
    copy_make_uuid(copy);
    memcpy(copy->summary.copy_uuid, copy->marker.copy_uuid, sizeof copy->marker.copy_uuid);
    copy->marker.state = MARKER_COPYING;
    snprintf(copy->marker.source, sizeof copy->marker.source, "%s", copy->source_identity);
    copy->marker.size_bytes = copy->summary.target_size_bytes;
    copy->marker.footer = copy->footer.target_has ? MARKER_FOOTER_VHD : MARKER_FOOTER_NONE;
}

bool copy_want_create(const struct copy *copy)
{
    return copy_want_changes(copy) && !copy->facts.target.exists;
}

bool copy_start_create(struct copy *copy)
{
    copy_begin_marker(copy);
    copy->setup.size_bytes = copy->summary.target_size_bytes;
    copy->setup.marker = copy_can(copy->ends.target, ENDPOINT_CAN_MARK) ? &copy->marker : NULL;
    copy_submit_setup(copy, SETUP_CREATE);
    return true;
}

/* It exists although we found nothing: it may be ours, made by a try whose answer was lost. */
bool copy_failed_create(struct copy *copy, const struct err *error)
{
    copy->look_created =
        error->kind == ERR_CONFLICT && copy_can(copy->ends.target, ENDPOINT_CAN_MARK);
    return copy->look_created;
}

bool copy_want_created(const struct copy *copy)
{
    return copy->look_created;
}

bool copy_after_created(struct copy *copy)
{
    if (copy->stat.exists && strcmp(copy->stat.marker.copy_uuid, copy->marker.copy_uuid) == 0 &&
        copy->stat.size_bytes == copy->summary.target_size_bytes)
        return true;
    return err_set(&copy->err, ERR_CONFLICT, RETRY_NEVER,
                   "%s: another made the target while this copy was about to",
                   copy->ends.target->name);
}

bool copy_want_mark(const struct copy *copy)
{
    return copy_want_changes(copy) && copy->facts.target.exists &&
           copy_can(copy->ends.target, ENDPOINT_CAN_MARK);
}

bool copy_start_mark(struct copy *copy)
{
    copy_begin_marker(copy);
    copy->setup.marker = &copy->marker;
    /* A delta is worth what the proof of its base is worth, and that was of the target as it was then. So
     * is what a map lets be skipped. */
    copy->setup.expect_etag =
        (copy->summary.delta || copy_map_binds_target(copy) || copy_compare_binds_target(copy)) &&
                !copy->resume.marked && copy->facts.target.etag[0]
            ? copy->facts.target.etag
            : NULL;
    copy_submit_setup(copy, SETUP_MARK);
    return true;
}

bool copy_want_resize(const struct copy *copy)
{
    return copy_want_changes(copy) && copy->facts.target.exists &&
           copy->facts.target.size_bytes < copy->summary.target_size_bytes &&
           !copy_can(copy->ends.target, ENDPOINT_DISCARDS);
}

bool copy_start_resize(struct copy *copy)
{
    copy->setup.size_bytes = copy->summary.target_size_bytes;
    copy_submit_setup(copy, SETUP_RESIZE);
    return true;
}

static struct extent copy_footer_page(const struct copy *copy)
{
    struct extent page = {copy->summary.disk.length, VHD_FOOTER_BYTES};

    return page;
}

/* Where the journal has a plan it was done: data may stand where an old footer stood. */
bool copy_want_clear_footer(const struct copy *copy)
{
    return copy_want_changes(copy) && copy->footer.target_has && copy->facts.target.exists &&
           !copy->resume.planned && copy_keeps(copy);
}

bool copy_start_clear_footer(struct copy *copy)
{
    copy_submit_block(copy, copy->ends.target, COPY_ZERO, copy_footer_page(copy));
    return true;
}

bool copy_want_clear_old_footer(const struct copy *copy)
{
    return copy_want_clear_footer(copy) && copy->footer.old_at;
}

bool copy_start_clear_old_footer(struct copy *copy)
{
    struct extent page = {copy->footer.old_at, VHD_FOOTER_BYTES};

    copy_submit_block(copy, copy->ends.target, COPY_ZERO, page);
    return true;
}

/* A power cut may take the clear and leave what came after it: data, or the journal's word that it was
 * cleared. */
bool copy_want_flush_clear(const struct copy *copy)
{
    return copy_want_clear_footer(copy) && copy_can(copy->ends.target, ENDPOINT_BUFFERS);
}

/* An upload disk takes no conditions: time is all there is. Only for the clear of the footer: late data is
 * the same data, and lands on nothing else of this copy. */
static bool copy_must_wait_out(const struct copy *copy)
{
    return copy_want_clear_footer(copy) && !copy->mover;
}

/* Three times: before the target is even listed, because an earlier copy that was not finished may have
 * left writes under way, and one that lands on what was listed as a hole stays there unseen; when the
 * footer was cleared, so that no late clear hits the new one; and before the commit, so that no late
 * write of this copy hits what a next one will put there. */
bool copy_want_fence(const struct copy *copy)
{
    return copy_want_changes(copy) && copy->indefinite &&
           (copy_can(copy->ends.target, ENDPOINT_CAN_FENCE) || copy_must_wait_out(copy));
}

static void copy_waited_out(struct timer *timer)
{
    struct copy *copy = (struct copy *)((char *)timer - offsetof(struct copy, timer));
    struct err none = {0};

    copy_step_end(copy, &none);
}

bool copy_start_fence(struct copy *copy)
{
    if (copy_can(copy->ends.target, ENDPOINT_CAN_FENCE)) {
        copy_submit_setup(copy, SETUP_FENCE);
        return true;
    }
    copy_say(copy,
             "Whether the old footer was cleared is in doubt, and this host has no fence: waiting "
             "%u s, so that no late clear lands on the new one.",
             COPY_WAIT_OUT_S);
    reactor_arm(copy->reactor, &copy->timer,
                reactor_now_ns(copy->reactor) + COPY_WAIT_OUT_S * NS_PER_S, copy_waited_out);
    return true;
}

bool copy_after_fence(struct copy *copy)
{
    copy->indefinite = false;
    return true;
}

/* ---- The data ---- */

static void copy_move_done(void *arg)
{
    struct copy *copy = arg;
    struct err error = *mover_error(copy->mover);
    const struct mover_counts *counts = mover_count(copy->mover);

    copy->summary.read_bytes = counts->read_bytes;
    copy->summary.written_bytes = counts->written_bytes;
    copy->summary.pulled_bytes = counts->pulled_bytes;
    copy->summary.cleared_bytes = counts->cleared_bytes;
    copy->summary.skipped_bytes = counts->skipped_bytes;
    copy->summary.proof_bytes = counts->proof_bytes + copy->compare.proof_bytes;
    copy->summary.resumed_bytes = counts->resumed_bytes;
    copy->summary.retries += counts->retries;
    copy->summary.window = counts->window;
    copy->indefinite |= counts->indefinite;
    if (err_is_set(&error))
        copy_step_fail(copy, &error);
    else
        copy_step_end(copy, &error);
}

static bool copy_may_record(void *arg, struct extent extent)
{
    struct copy *copy = arg;

    return copy->watch.may_record(copy->watch.arg, extent);
}

bool copy_start_move(struct copy *copy)
{
    struct mover_setup setup = {
        .reactor = copy->reactor,
        .source = copy->ends.source,
        .target = copy->ends.target,
        .source_access = copy->ends.sides.source,
        .target_access = copy->ends.sides.target,
        .pool = copy->ends.pool,
        .seat = copy->options.seat,
        .reads_target = copy->options.seat_reads_target,
        .plan = &copy->plan,
        .keep = copy->map.keep,
        .older = copy_mover_older(copy),
        .held_below_bytes = copy->held.below_bytes,
        .progress = &copy->progress,
        .random = &copy->random,
        .hash = copy_hashes(copy),
        .pull = copy_mover_pull(copy),
        .journal = copy->resume.journal,
        .may_record = copy->watch.may_record ? copy_may_record : NULL,
        .window_start = copy->options.window_start,
        .window_max = copy->options.window_max,
        .trace = {.moved = copy->watch.moved, .arg = copy->watch.arg},
        .done = copy_move_done,
        .arg = copy,
    };

    if (!copy_journal_seek(copy, &copy->err) || !copy_manifest_sink(copy, &setup.sink))
        return false;
    copy->mover = mover_new(&setup, &copy->err);
    if (!copy->mover)
        return false;
    mover_start(copy->mover);
    return true;
}

/* Not before the data moved: only then is it known what the host answers. Not when ends are compared,
 * which is what such a host wants, and may follow a copy that has said it. */
static void copy_warn_unchecked(struct copy *copy, const struct endpoint *ep, const char *what)
{
    if (ep->warned_no_checksum && !copy_can(copy->ends.target, ENDPOINT_COMPARES))
        copy_say(copy,
                 "%.200s: the host knows neither CRC64 nor MD5 for what it %s, so nothing but "
                 "the connection guards it; --verify compares",
                 ep->name, what);
}

bool copy_after_move(struct copy *copy)
{
    struct copy_summary *summary = &copy->summary;

    copy_warn_unchecked(copy, copy->ends.source, "sends");
    copy_warn_unchecked(copy, copy->ends.target, "stores");
    if (!copy_hashes(copy))
        return true;
    if (!summary->delta) {
        mover_digest(copy->mover, summary->root);
        return true;
    }
    mover_digest(copy->mover, summary->delta_digest);
    memcpy(summary->base_root, copy->facts.base_root, sizeof summary->base_root);
    return true;
}

bool copy_start_flush(struct copy *copy)
{
    struct extent nothing = {0, 0};

    copy_submit_block(copy, copy->ends.target, COPY_FLUSH, nothing);
    return true;
}

/* ---- The commit ---- */

bool copy_want_footer(const struct copy *copy)
{
    return copy_want_changes(copy) && copy->footer.target_has &&
           (copy_keeps(copy) || copy->options.footer == COPY_FOOTER_KEEP);
}

bool copy_start_footer(struct copy *copy)
{
    if (!copy_page_make(copy))
        return false;
    memcpy(copy->page.memory, copy->footer.written, VHD_FOOTER_BYTES);
    copy_submit_block(copy, copy->ends.target, COPY_WRITE, copy_footer_page(copy));
    return true;
}

bool copy_want_read_back(const struct copy *copy)
{
    return copy_want_footer(copy) && copy_keeps(copy);
}

bool copy_start_read_back(struct copy *copy)
{
    if (!copy_page_make(copy))
        return false;
    memset(copy->page.memory, 0xA5, VHD_FOOTER_BYTES); /* so that an old copy of it cannot pass */
    copy_submit_block(copy, copy->ends.target, COPY_READ, copy_footer_page(copy));
    return true;
}

bool copy_after_read_back(struct copy *copy)
{
    if (memcmp(copy->page.memory, copy->footer.written, VHD_FOOTER_BYTES) == 0)
        return true;
    return err_set(&copy->err, ERR_CORRUPT, RETRY_LATER,
                   "%s: the footer that was written is not the footer that is read back",
                   copy->ends.target->name);
}

bool copy_want_complete(const struct copy *copy)
{
    return copy_want_changes(copy) && copy_can(copy->ends.target, ENDPOINT_CAN_MARK);
}

_Static_assert(DIGEST_TEXT_MAX_BYTES == MARKER_DIGEST_MAX_BYTES, "a marker holds any digest");

bool copy_start_complete(struct copy *copy)
{
    copy->marker.state = MARKER_COMPLETE;
    copy->setup.expect_etag = NULL;
    memcpy(copy->marker.root, copy->summary.root, sizeof copy->marker.root);
    memcpy(copy->marker.base_root, copy->summary.base_root, sizeof copy->marker.base_root);
    memcpy(copy->marker.delta, copy->summary.delta_digest, sizeof copy->marker.delta);
    copy->setup.marker = &copy->marker;
    copy_submit_setup(copy, SETUP_MARK);
    return true;
}

static bool copy_keeps_state(const struct copy *copy)
{
    return copy_want_complete(copy) && copy->options.state_folder && copy_keeps(copy);
}

static struct target_state copy_state_now(const struct copy *copy, const char *etag)
{
    struct target_state state = {0};

    memcpy(state.copy_uuid, copy->marker.copy_uuid, sizeof state.copy_uuid);
    snprintf(state.etag, sizeof state.etag, "%s", etag);
    digest_sha256_text(copy->ends.source->identity, strlen(copy->ends.source->identity),
                       state.source);
    return state;
}

/* Without the state file a later delta needs another proof of its base: worth a sentence, no more. */
static void copy_say_not_kept(struct copy *copy, const struct err *error)
{
    copy_say(copy, "The copy is complete, but what is known of its target was not kept: %s",
             error->text);
}

void copy_keep_target_state(struct copy *copy, const char *etag)
{
    struct target_state state;
    struct err e = {0};

    if (!copy_keeps_state(copy))
        return;
    state = copy_state_now(copy, etag);
    if (!target_state_save(copy->options.state_folder, copy->ends.target->identity, &state, &e))
        copy_say_not_kept(copy, &e);
}

static void copy_state_kept(void *arg, const struct err *error)
{
    struct copy *copy = arg;
    struct err none = {0};

    if (err_is_set(error))
        copy_say_not_kept(copy, error);
    copy_step_end(copy, &none);
}

/* The ETag is the one that the marker's own write answered: one that is asked for later may already be
 * a foreign writer's. */
bool copy_start_keep_state(struct copy *copy)
{
    struct target_state state = copy_state_now(copy, copy->setup.out_etag);
    struct err e = {0};

    if (copy_keeps_state(copy) &&
        target_state_save_later(copy->reactor, copy->options.state_folder,
                                copy->ends.target->identity, &state, copy_state_kept, copy, &e))
        return true;
    if (err_is_set(&e))
        copy_say_not_kept(copy, &e);
    copy->step++;
    copy_post(copy);
    return true;
}

bool copy_after_commit(struct copy *copy)
{
    copy->summary.committed = true;
    progress_commit(&copy->progress);
    copy_journal_committed(copy);
    return true;
}
