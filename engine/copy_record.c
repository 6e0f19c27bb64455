/* copy_record.c - what this process writes into the copy's journal, and when that is closed. See
 * copy_resume.h.
 */
#include <assert.h>
#include <string.h>

#include "engine/copy_internal.h"
#include "engine/plan_digest.h"

/* ---- Beginning ---- */

bool copy_want_journal_begin(const struct copy *copy)
{
    const struct copy_resume *resume = &copy->resume;

    if (!resume->journal)
        return false;
    return !resume->found || copy->summary.delta != (journal_header(resume->journal)->base[0] != 0);
}

/* A sync that failed is not tried again: the journal says no more from then on. */
static void copy_journal_synced(void *arg, const struct err *error)
{
    struct copy *copy = arg;

    if (err_is_set(error))
        copy_step_fail(copy, error);
    else
        copy_step_end(copy, error);
}

static void copy_journal_begun(void *arg, const struct err *error)
{
    struct copy *copy = arg;

    copy->resume.begun = !err_is_set(error);
    copy_journal_synced(copy, error);
}

bool copy_start_journal_begin(struct copy *copy)
{
    struct journal_header header;

    copy_resume_forget(copy);
    copy_make_uuid(copy);
    copy_fit_header(copy, &header);
    if (!journal_begin_unsynced(copy->resume.journal, &header, &copy->err))
        return false;
    journal_sync(copy->resume.journal, JOURNAL_SYNC_NAME, copy_journal_begun, copy);
    return true;
}

bool copy_journal_begin_anew(struct copy *copy)
{
    struct journal_header header;

    if (!copy->resume.journal)
        return true;
    copy_fit_header(copy, &header);
    return journal_begin(copy->resume.journal, &header, &copy->err);
}

/* ---- Lists ---- */

struct listing {
    struct copy *copy;
    struct journal_record record;
    uint64_t left; /* extents still to come, of both sets */
    uint64_t up_to;
};

/* Only the last record of a page moves up_to: one that is cut off leaves the list where it was. */
static bool copy_listing_write(struct listing *l, struct err *e)
{
    struct journal_listed *listed = &l->record.listed;

    if (l->left == 0)
        listed->up_to = l->up_to;
    if (!journal_append(l->copy->resume.journal, &l->record, e))
        return false;
    listed->count = 0;
    return true;
}

static bool copy_listing_put(struct listing *l, const struct extent_set *set, bool clears,
                             struct err *e)
{
    struct journal_listed *listed = &l->record.listed;

    listed->clears = clears;
    for (size_t i = 0; i < set->count; i++) {
        listed->extents[listed->count++] = extent_set_at(set, i);
        l->left--;
        if ((listed->count == JOURNAL_EXTENTS_MAX || i + 1 == set->count) &&
            !copy_listing_write(l, e))
            return false;
    }
    return true;
}

bool copy_journal_listed(struct copy *copy, const struct copy_list *list,
                         const struct extent_set *data, const struct extent_set *clears,
                         uint64_t up_to, struct err *e)
{
    struct listing l = {.copy = copy, .record.type = JOURNAL_LISTED, .up_to = up_to};
    struct journal_listed *listed = &l.record.listed;
    enum journal_list name = JOURNAL_LIST_SOURCE;

    if (!copy->resume.journal || list == &copy->lists.diff)
        return true;
    while (copy_resume_list(copy, name) != list)
        name++;
    l.left = data->count + clears->count;
    listed->list = name;
    listed->size_bytes = copy->lists.size_bytes;
    listed->up_to = list->up_to;
    if (l.left == 0)
        return copy_listing_write(&l, e);
    return copy_listing_put(&l, data, false, e) && copy_listing_put(&l, clears, true, e);
}

/* ---- Stages: what a power cut takes of a journal's end is done again, and that does no harm, so
 *      little needs a sync ---- */

/* Twice in the table: a target that exists is marked before it is listed, one that does not is made
 * later. */
bool copy_want_note_marked(const struct copy *copy)
{
    return copy->resume.journal && !copy->resume.marked && copy->facts.target.exists;
}

bool copy_want_note_made(const struct copy *copy)
{
    return copy->resume.journal && !copy->resume.marked;
}

bool copy_after_note_marked(struct copy *copy)
{
    struct journal_record record = {.type = JOURNAL_MARKED};

    copy->resume.marked = true;
    return journal_append(copy->resume.journal, &record, &copy->err);
}

bool copy_plan_fits(struct copy *copy)
{
    struct journal_planned *plan = &copy->resume.plan;
    const struct copy_footer_pages *footer = &copy->footer;
    struct block_hash digest;

    if (!copy->resume.journal)
        return true;
    digest = plan_digest(&copy->plan, footer->last, footer->source_has ? sizeof footer->last : 0);
    if (copy->resume.planned)
        return (memcmp(digest.bytes, plan->plan, sizeof plan->plan) == 0 &&
                (footer->source_has || !copy->resume.by_footer)) ||
               err_set(&copy->err, ERR_CONFLICT, RETRY_NEVER,
                       "the journal %.150s does not fit: its lists or the source's footer make "
                       "another plan than they did, so this may be another source; --restart drops "
                       "it and begins anew",
                       journal_path(copy->resume.journal));
    plan->disk_bytes = copy->plan.disk_bytes;
    plan->target_bytes = copy->summary.target_size_bytes;
    plan->total_bytes = plan_total_bytes(&copy->plan);
    memcpy(plan->plan, digest.bytes, sizeof plan->plan);
    return true;
}

bool copy_want_note_planned(const struct copy *copy)
{
    return copy->resume.journal && !copy->resume.planned;
}

bool copy_after_note_planned(struct copy *copy)
{
    struct journal_record record = {.type = JOURNAL_PLANNED, .planned = copy->resume.plan};

    return journal_append(copy->resume.journal, &record, &copy->err);
}

bool copy_journal_seek(struct copy *copy, struct err *e)
{
    const struct journal_record *record;

    if (!copy->resume.planned)
        return true;
    journal_rewind(copy->resume.journal);
    do {
        if (journal_next(copy->resume.journal, &record, e) != JOURNAL_RECORD)
            return err_is_set(e) ||
                   err_set(e, ERR_CORRUPT, RETRY_LATER, "the journal changed while it was read");
    } while (record->type != JOURNAL_PLANNED);
    return true;
}

/* Before the footer stands: then all that is recorded as moved is so after a power cut too. */
bool copy_want_note_moved(const struct copy *copy)
{
    return copy->resume.journal && !copy->resume.moved;
}

bool copy_start_note_moved(struct copy *copy)
{
    struct journal_record record = {.type = JOURNAL_STAGE, .stage = JOURNAL_MOVED};

    if (!journal_append(copy->resume.journal, &record, &copy->err))
        return false;
    journal_sync(copy->resume.journal, JOURNAL_SYNC_RECORDS, copy_journal_synced, copy);
    return true;
}

/* The commit stands, whatever becomes of this. */
void copy_journal_committed(struct copy *copy)
{
    struct journal_record record = {.type = JOURNAL_STAGE, .stage = JOURNAL_COMMITTED};
    struct err e = {0};

    if (copy->resume.journal && !journal_append(copy->resume.journal, &record, &e))
        copy_say(copy, "The copy is complete, but its journal does not say so: %.200s", e.text);
}

/* ---- The end ---- */

/* Nothing was touched, and whoever asked must ask for something else. */
static bool copy_was_misused(const struct copy *copy)
{
    return copy->err.kind == ERR_USAGE && !copy->resume.marked;
}

/* Another run would find that what the journal is bound to is no more: it must begin anew, so let it. A 404
 * may be somebody's mistake, mended before that. */
static bool copy_journal_is_stale(const struct copy *copy)
{
    const struct err *error = &copy->err;

    return error->retry == RETRY_REPLAN && error->http_status != 404 && error->http_status != 416;
}

bool copy_journal_let_go(struct copy *copy)
{
    struct copy_resume *resume = &copy->resume;
    bool done = copy->summary.committed;
    bool kept;

    if (!resume->journal)
        return true;
    if (journal_busy(resume->journal))
        return false;
    if (done && copy->options.keep_journal) {
        journal_rest(resume->journal);
        return true;
    }
    kept = !done && journal_found(resume->journal);
    if (resume->begun)
        kept = !done && !copy_journal_is_stale(copy) && !copy_was_misused(copy);
    copy->summary.journal_kept = kept && (resume->begun || resume->recalled || copy->map.owed);
    if (kept)
        journal_close(resume->journal);
    else
        journal_drop(resume->journal);
    resume->journal = NULL;
    return true;
}

void copy_drop_journal(struct copy *copy)
{
    journal_drop(copy->resume.journal);
    copy->resume.journal = NULL;
}
