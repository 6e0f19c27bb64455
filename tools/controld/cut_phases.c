/* cut_phases.c - see cut_phases.h. Phases follow each other in one order; a failure goes on with the
 * thaw, and then undoes. */
#include "tools/controld/cut_phases.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static uint64_t now_ns(const struct cut *cut)
{
    return reactor_now_ns(cut->setup.reactor);
}

/* ---- Failure: the first counts ---- */

void cut_fail(struct cut *cut, const struct err *why)
{
    if (!err_is_set(&cut->error))
        cut->error = *why;
}

static void fail_part(struct cut_part *part, const struct err *why)
{
    struct err error = *why;

    err_prefix(&error, "disk %.120s: ", part->disk->id);
    cut_fail(part->cut, &error);
}

static void note(struct cut *cut, enum cut_hook_status status, const struct err *why)
{
    cut->news.status = status;
    snprintf(cut->news.message, sizeof cut->news.message, "%s", why->text);
}

/* ---- What parts say ---- */

static void busy(struct cut_part *part)
{
    assert(!part->busy);
    part->busy = true;
    part->cut->busy_count++;
}

/* While disks are taken an error ends the window at once: a frozen VM waits for nothing in vain. */
static void part_ended(struct cut_part *part, const struct err *error)
{
    struct cut *cut = part->cut;

    part->busy = false;
    cut->busy_count--;
    cut->left = cut->left || (part->begun && part->disk->account && part->snapshot.unsure);
    if (err_is_set(error)) {
        if (cut->phase == CUT_UNDOING)
            cut->left = true;
        else if (cut->phase != CUT_KEEPING || part->raw)
            fail_part(part, error);
        else /* a double stays for the sweep; the cut is good */
            cut->left = true;
    }
    if (cut->phase == CUT_TAKING && err_is_set(&cut->error))
        cut_begin_thaw(cut);
    else
        cut_advance(cut);
}

void cut_on_snapshot(struct region_snapshot *s)
{
    part_ended(s->arg, &s->err);
}

void cut_on_raw(void *arg, struct cut_raw_op *op, const struct err *error)
{
    (void)op;
    part_ended(arg, error);
}

/* ---- Phases ---- */

/* Drops what a part has, or may have: for a blob every snapshot that names it. */
static void drop_part(struct cut_part *part)
{
    busy(part);
    if (part->raw) {
        cut_raw_drop(part->raw);
    } else {
        part->snapshot.snapshot[0] = 0;
        part->snapshot.due_ns = now_ns(part->cut) + CUT_TIDY_NS;
        region_snapshot_tidy(&part->snapshot);
    }
}

static void on_strays(void *arg, const struct err *error)
{
    struct cut *cut = arg;

    cut->busy_count--;
    if (err_is_set(error))
        cut_fail(cut, error);
    for (size_t i = 0; i < cut->count && !err_is_set(&cut->error); i++)
        drop_part(&cut->parts[i]);
    cut_advance(cut);
}

void cut_clear(struct cut *cut)
{
    size_t count = 0;

    cut->phase = CUT_CLEARING;
    for (size_t i = 0; i < cut->count; i++)
        if (cut->parts[i].stray)
            cut->stray_names[count++] = cut->parts[i].stray;
    cut->strays = (struct cut_strays){.reactor = cut->setup.reactor,
                                      .variables = cut->stray_names,
                                      .done = on_strays,
                                      .arg = cut};
    cut->busy_count++;
    cut_strays_end(&cut->strays);
}

void cut_prepare(struct cut *cut)
{
    cut->phase = CUT_PREPARING;
    for (size_t i = 0; i < cut->count; i++) {
        struct cut_part *part = &cut->parts[i];

        if (part->raw)
            continue; /* was looked at */
        busy(part);
        part->snapshot.due_ns = now_ns(cut) + CUT_PREPARE_NS;
        region_snapshot_prepare(&part->snapshot);
    }
}

static void on_window(struct timer *timer)
{
    struct cut *cut = (struct cut *)((char *)timer - offsetof(struct cut, window));
    struct err why = {0};

    err_set(&why, ERR_IO, RETRY_LATER,
            "the disks were not cut within %llu ms of the first freeze, and were let go",
            (unsigned long long)(cut->setup.window_ns / NS_PER_MS));
    cut->timed_out = !err_is_set(&cut->error);
    cut_fail(cut, &why);
    cut_begin_thaw(cut);
}

static void take(struct cut *cut)
{
    uint64_t due_ns = cut->begun_ns + cut->setup.window_ns;

    cut->phase = CUT_TAKING;
    cut->moment_ns = reactor_wall_ns(cut->setup.reactor);
    for (size_t i = 0; i < cut->count; i++) {
        struct cut_part *part = &cut->parts[i];

        busy(part);
        part->begun = true;
        if (part->raw) {
            cut_raw_take(part->raw, cut->setup.window_ns);
        } else {
            part->snapshot.due_ns = due_ns;
            region_snapshot_take(&part->snapshot);
        }
    }
}

void cut_on_frozen(void *arg, const struct err *error)
{
    struct cut *cut = arg;

    if (!err_is_set(error)) {
        take(cut);
        return;
    }
    note(cut, CUT_HOOK_FREEZE_FAILED, error);
    cut_fail(cut, error);
    cut_begin_thaw(cut);
}

static void begin_window(struct cut *cut)
{
    cut->phase = CUT_FREEZING;
    cut->begun_ns = now_ns(cut);
    reactor_arm(cut->setup.reactor, &cut->window, cut->begun_ns + cut->setup.window_ns, on_window);
    if (cut->freeze)
        cut_freeze_start(cut->freeze);
    else
        take(cut);
}

static void end_window(struct cut *cut)
{
    cut->thawed = true;
    cut->window_ns = now_ns(cut) - cut->begun_ns;
    cut_advance(cut);
}

void cut_on_thawed(void *arg, const struct err *error)
{
    struct cut *cut = arg;

    if (err_is_set(error))
        note(cut, CUT_HOOK_THAW_FAILED, error);
    else if (cut->timed_out)
        note(cut, CUT_HOOK_TIMED_OUT, &cut->error);
    else if (cut->news.status == CUT_HOOK_NONE)
        cut->news.status = CUT_HOOK_SUCCEEDED;
    end_window(cut);
}

void cut_begin_thaw(struct cut *cut)
{
    assert(cut->phase == CUT_FREEZING || cut->phase == CUT_TAKING);
    cut->phase = CUT_THAWING;
    reactor_disarm(cut->setup.reactor, &cut->window);
    for (size_t i = 0; i < cut->count; i++)
        if (cut->parts[i].raw && cut->parts[i].busy)
            cut_raw_stop(cut->parts[i].raw);
    if (cut->freeze)
        cut_freeze_thaw(cut->freeze);
    else
        end_window(cut);
}

static void keep(struct cut *cut)
{
    cut->phase = CUT_KEEPING;
    for (size_t i = 0; i < cut->count; i++) {
        struct cut_part *part = &cut->parts[i];

        if (!part->raw && !part->snapshot.unsure)
            continue;
        busy(part);
        if (part->raw) {
            cut_raw_keep(part->raw);
        } else {
            part->snapshot.due_ns = now_ns(cut) + CUT_TIDY_NS;
            region_snapshot_tidy(&part->snapshot);
        }
    }
}

/* Nice to know, and no reason to fail or to be late. */
static void on_measured(struct region_op *op)
{
    const struct err none = {0};

    if (err_is_set(&op->err))
        op->used_bytes = 0;
    part_ended(op->arg, &none);
}

static void measure(struct cut *cut)
{
    cut->phase = CUT_MEASURING;
    for (size_t i = 0; i < cut->count; i++) {
        struct cut_part *part = &cut->parts[i];

        if (part->raw)
            continue;
        busy(part);
        part->measure = (struct region_op){.container = part->disk->container,
                                           .blob = part->disk->blob,
                                           .snapshot = part->snapshot.snapshot,
                                           .due_ns = now_ns(cut) + CUT_MEASURE_NS,
                                           .done = on_measured,
                                           .arg = part};
        region_account_used(part->disk->account, &part->measure);
    }
}

static void undo(struct cut *cut)
{
    cut->phase = CUT_UNDOING;
    for (size_t i = 0; i < cut->count; i++) {
        struct cut_part *part = &cut->parts[i];

        if (part->begun && (part->raw || part->snapshot.unsure || part->snapshot.snapshot[0]))
            drop_part(part);
    }
}

/* The phase after this one; CUT_ENDED is the last. A failure before the freeze has nothing to undo. */
static enum cut_phase next_phase(const struct cut *cut)
{
    bool failed = err_is_set(&cut->error);

    switch (cut->phase) {
    case CUT_CLEARING:
        return failed ? CUT_ENDED : CUT_PREPARING;
    case CUT_PREPARING:
        return failed ? CUT_ENDED : CUT_FREEZING;
    case CUT_FREEZING:
    case CUT_TAKING:
        return CUT_THAWING;
    case CUT_THAWING:
        return failed ? CUT_UNDOING : CUT_KEEPING;
    case CUT_KEEPING:
        return failed ? CUT_UNDOING : CUT_MEASURING;
    case CUT_MEASURING:
        return failed ? CUT_UNDOING : CUT_ENDED;
    case CUT_UNDOING:
    case CUT_ENDED:
        break;
    }
    return CUT_ENDED;
}

/* Goes on, once nothing of this phase is under way; through phases that have nothing to do. */
void cut_advance(struct cut *cut)
{
    while (!cut->busy_count && (cut->phase != CUT_THAWING || cut->thawed)) {
        switch (next_phase(cut)) {
        case CUT_PREPARING:
            cut_prepare(cut);
            break;
        case CUT_FREEZING:
            begin_window(cut);
            return; /* goes on from there */
        case CUT_THAWING:
            cut_begin_thaw(cut);
            return;
        case CUT_KEEPING:
            keep(cut);
            break;
        case CUT_MEASURING:
            measure(cut);
            break;
        case CUT_UNDOING:
            undo(cut);
            break;
        default:
            cut->phase = CUT_ENDED;
            cut->setup.done(cut->setup.arg, cut);
            return;
        }
    }
}
