/* cut.c - see cut.h. The life of a cut and what is told of it; cut_phases.c does it. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/controld/cut_phases.h"

/* ---- Life ---- */

/* Parts say their first word from the reactor, but a cut without blobs has none to say. */
static void on_begin(struct timer *timer)
{
    cut_advance((struct cut *)((char *)timer - offsetof(struct cut, step)));
}

static bool add_part(struct cut *cut, size_t at, struct err *e)
{
    const struct cut_disk *disk = &cut->setup.disks[at];
    struct cut_part *part = &cut->parts[at];
    struct cut_raw_setup raw = {.reactor = cut->setup.reactor,
                                .point = cut->setup.point,
                                .disk = disk->id,
                                .raw = &disk->raw,
                                .done = cut_on_raw,
                                .arg = part};
    bool ok = true;

    part->cut = cut;
    part->disk = disk;
    if (disk->account) {
        part->snapshot = (struct region_snapshot){.account = disk->account,
                                                  .container = disk->container,
                                                  .blob = disk->blob,
                                                  .point = disk->id,
                                                  .done = cut_on_snapshot,
                                                  .arg = part};
    } else {
        part->raw = cut_raw_new(&raw, e);
        ok = part->raw && cut_raw_look(part->raw, cut->setup.again, e);
        if (ok && asprintf(&part->stray, CUT_RAW_VARIABLE "%s", disk->raw.cut_path) < 0) {
            part->stray = NULL;
            ok = err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a cut");
        }
    }
    if (!ok)
        err_prefix(e, "disk %.120s: ", disk->id);
    return ok;
}

struct cut *cut_begin(const struct cut_setup *setup, struct err *e)
{
    struct cut_freeze_setup freeze = {.reactor = setup->reactor,
                                      .point = setup->point,
                                      .frozen = cut_on_frozen,
                                      .thawed = cut_on_thawed};
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
        cut_clear(cut);
    else
        cut_prepare(cut);
    if (!cut->busy_count)
        reactor_arm(setup->reactor, &cut->step, reactor_now_ns(setup->reactor), on_begin);
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
        free(cut->parts[i].stray);
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
    cut_fail(cut, &why);
    if (cut->phase == CUT_FREEZING || cut->phase == CUT_TAKING)
        cut_begin_thaw(cut);
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
        result.used_bytes = part->measure.used_bytes;
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
