/* cut.c - see cut.h. Phases follow each other in one order; a failure goes on with the thaw, and then
 * undoes. */
#include "tools/controld/cut.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum cut_phase {
    CUT_CLEARING,  /* what an earlier life left goes */
    CUT_PREPARING, /* disks are looked at */
    CUT_FREEZING,
    CUT_TAKING,
    CUT_THAWING, /* what is still being taken ends meanwhile */
    CUT_KEEPING, /* all is well: doubles go, files become durable */
    CUT_UNDOING, /* it is not: what was taken goes */
    CUT_ENDED
};

struct cut_part { /* one disk */
    struct cut *cut;
    const struct cut_disk *disk;
    struct region_snapshot snapshot; /* of a blob */
    struct cut_raw_op *raw;          /* of a raw disk */
    bool begun;                      /* to be taken: there may be something to undo */
    bool busy;
};

struct cut {
    struct cut_setup setup;
    enum cut_phase phase;
    struct cut_freeze *freeze; /* NULL: no hooks */
    size_t busy_count;
    bool thawed, timed_out, left;
    struct timer window, step;
    uint64_t begun_ns, window_ns, moment_ns;
    struct cut_hook_news news;
    struct err error; /* the first: why there is no cut */
    size_t count;
    struct cut_part parts[];
};

static void advance(struct cut *cut);
static void begin_thaw(struct cut *cut);

static uint64_t now_ns(const struct cut *cut)
{
    return reactor_now_ns(cut->setup.reactor);
}

/* ---- Failure: the first counts ---- */

static void fail(struct cut *cut, const struct err *why)
{
    if (!err_is_set(&cut->error))
        cut->error = *why;
}

static void fail_part(struct cut_part *part, const struct err *why)
{
    struct err error = *why;

    err_prefix(&error, "disk %.120s: ", part->disk->id);
    fail(part->cut, &error);
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
        begin_thaw(cut);
    else
        advance(cut);
}

static void on_snapshot(struct region_snapshot *s)
{
    part_ended(s->arg, &s->err);
}

static void on_raw(void *arg, struct cut_raw_op *op, const struct err *error)
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

static void clear(struct cut *cut)
{
    cut->phase = CUT_CLEARING;
    for (size_t i = 0; i < cut->count; i++)
        drop_part(&cut->parts[i]);
}

static void prepare(struct cut *cut)
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
    fail(cut, &why);
    begin_thaw(cut);
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

static void on_frozen(void *arg, const struct err *error)
{
    struct cut *cut = arg;

    if (!err_is_set(error)) {
        take(cut);
        return;
    }
    note(cut, CUT_HOOK_FREEZE_FAILED, error);
    fail(cut, error);
    begin_thaw(cut);
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
    advance(cut);
}

static void on_thawed(void *arg, const struct err *error)
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

static void begin_thaw(struct cut *cut)
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

static void undo(struct cut *cut)
{
    cut->phase = CUT_UNDOING;
    for (size_t i = 0; i < cut->count; i++) {
        struct cut_part *part = &cut->parts[i];

        if (part->begun && (part->raw || part->snapshot.unsure || part->snapshot.snapshot[0]))
            drop_part(part);
    }
}

/* What follows once nothing of this phase is under way. */
static void advance(struct cut *cut)
{
    bool failed = err_is_set(&cut->error);

    if (cut->busy_count || (cut->phase == CUT_THAWING && !cut->thawed))
        return;
    switch (cut->phase) {
    case CUT_CLEARING:
        if (failed)
            break;
        prepare(cut);
        if (cut->busy_count)
            return;
        begin_window(cut);
        return;
    case CUT_PREPARING:
        if (failed)
            break;
        begin_window(cut);
        return;
    case CUT_TAKING:
        begin_thaw(cut);
        return;
    case CUT_THAWING:
    case CUT_KEEPING:
        if (failed)
            undo(cut);
        else if (cut->phase == CUT_THAWING)
            keep(cut);
        else
            break;
        if (cut->busy_count)
            return;
        break;
    case CUT_UNDOING:
        break;
    case CUT_FREEZING:
    case CUT_ENDED:
        return;
    }
    cut->phase = CUT_ENDED;
    cut->setup.done(cut->setup.arg, cut);
}

/* Parts say their first word from the reactor, but a cut without blobs has none to say. */
static void on_begin(struct timer *timer)
{
    advance((struct cut *)((char *)timer - offsetof(struct cut, step)));
}

/* ---- Life ---- */

static bool add_part(struct cut *cut, size_t at, struct err *e)
{
    const struct cut_disk *disk = &cut->setup.disks[at];
    struct cut_part *part = &cut->parts[at];
    struct cut_raw_setup raw = {.reactor = cut->setup.reactor,
                                .point = cut->setup.point,
                                .disk = disk->id,
                                .raw = &disk->raw,
                                .done = on_raw,
                                .arg = part};
    bool ok = true;

    part->cut = cut;
    part->disk = disk;
    if (disk->account) {
        part->snapshot = (struct region_snapshot){.account = disk->account,
                                                  .container = disk->container,
                                                  .blob = disk->blob,
                                                  .point = disk->id,
                                                  .done = on_snapshot,
                                                  .arg = part};
    } else {
        part->raw = cut_raw_new(&raw, e);
        ok = part->raw && cut_raw_look(part->raw, cut->setup.again, e);
    }
    if (!ok)
        err_prefix(e, "disk %.120s: ", disk->id);
    return ok;
}

struct cut *cut_begin(const struct cut_setup *setup, struct err *e)
{
    struct cut_freeze_setup freeze = {
        .reactor = setup->reactor, .point = setup->point, .frozen = on_frozen, .thawed = on_thawed};
    struct cut *cut;
    bool ok = true;

    if (setup->count == 0 || setup->count > CUT_DISKS_MAX) {
        err_set(e, ERR_USAGE, RETRY_NEVER, "a restore point has 1 to %u disks", CUT_DISKS_MAX);
        return NULL;
    }
    cut = calloc(1, sizeof *cut + setup->count * sizeof cut->parts[0]);
    if (!cut) {
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a cut");
        return NULL;
    }
    cut->setup = *setup;
    if (!cut->setup.window_ns)
        cut->setup.window_ns = CUT_WINDOW_NS;
    cut->count = setup->count;
    for (size_t i = 0; ok && i < setup->count; i++)
        ok = add_part(cut, i, e);
    if (ok && cut_hooks_any(&setup->hooks)) {
        freeze.hooks = &cut->setup.hooks;
        freeze.arg = cut;
        cut->freeze = cut_freeze_new(&freeze, e);
        ok = cut->freeze != NULL;
    }
    if (!ok) {
        cut->phase = CUT_ENDED;
        cut_free(cut);
        return NULL;
    }
    if (setup->again)
        clear(cut);
    else
        prepare(cut);
    if (!cut->busy_count)
        reactor_arm(setup->reactor, &cut->step, now_ns(cut), on_begin);
    return cut;
}

void cut_free(struct cut *cut)
{
    if (!cut)
        return;
    assert(cut->phase == CUT_ENDED);
    for (size_t i = 0; i < cut->count; i++) {
        region_snapshot_fini(&cut->parts[i].snapshot);
        cut_raw_free(cut->parts[i].raw);
    }
    cut_freeze_free(cut->freeze);
    free(cut);
}

void cut_cancel(struct cut *cut)
{
    struct err why = {0};

    if (cut->phase >= CUT_UNDOING)
        return;
    err_set(&why, ERR_CANCELED, RETRY_NEVER, "the cut was stopped");
    fail(cut, &why);
    if (cut->phase == CUT_FREEZING || cut->phase == CUT_TAKING)
        begin_thaw(cut);
}

/* ---- Look ---- */

const struct err *cut_error(const struct cut *cut)
{
    return &cut->error;
}

struct cut_result cut_result(const struct cut *cut, size_t disk)
{
    const struct cut_part *part = &cut->parts[disk];
    struct cut_result result = {.snapshot = "", .path = ""};

    assert(disk < cut->count);
    if (err_is_set(&cut->error))
        return result;
    if (part->raw) {
        result.path = part->disk->raw.cut_path;
        result.size_bytes = cut_raw_size_bytes(part->raw);
        result.used_bytes = cut_raw_used_bytes(part->raw);
    } else {
        result.snapshot = part->snapshot.snapshot;
        result.size_bytes = part->snapshot.size_bytes;
    }
    return result;
}

const struct cut_hook_news *cut_hook(const struct cut *cut)
{
    return &cut->news;
}

uint64_t cut_window_ns(const struct cut *cut)
{
    return cut->window_ns;
}

uint64_t cut_moment_ns(const struct cut *cut)
{
    return cut->moment_ns;
}

bool cut_left(const struct cut *cut)
{
    return cut->left;
}
