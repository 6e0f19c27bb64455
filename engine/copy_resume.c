/* copy_resume.c - what an earlier process left: opened, read, gone on with. See copy_resume.h. */
#include "engine/copy_resume.h"

#include <assert.h>
#include <string.h>

#include "engine/copy_internal.h"

#define COPY_LOAD_WORK_MAX 16384u /* records, and extents in them, in one turn: some milliseconds */

void copy_resume_free(struct copy_resume *resume)
{
    journal_close(resume->journal);
    resume->journal = NULL;
}

void copy_resume_forget(struct copy *copy)
{
    struct journal *journal = copy->resume.journal;

    copy->resume = (struct copy_resume){.journal = journal, .opened = true};
    copy_list_forget(&copy->lists.source);
    copy_list_forget(&copy->lists.all);
    copy_list_forget(&copy->lists.target);
}

/* ---- What is there ---- */

static bool copy_refuse_record(struct copy *copy)
{
    return err_set(&copy->err, ERR_CORRUPT, RETRY_NEVER,
                   "the journal %.200s has records that contradict each other; nothing was "
                   "touched. --restart drops it and begins anew",
                   journal_path(copy->resume.journal));
}

struct copy_list *copy_resume_list(struct copy *copy, enum journal_list name)
{
    switch (name) {
    case JOURNAL_LIST_SOURCE:
        return &copy->lists.source;
    case JOURNAL_LIST_SOURCE_ALL:
        return &copy->lists.all;
    case JOURNAL_LIST_TARGET:
        return &copy->lists.target;
    case JOURNAL_LISTS:
        break;
    }
    return NULL;
}

/* A page whose last record was not written comes again behind what is here of it: so union, not append. */
static bool copy_load_listed(struct copy *copy, const struct journal_listed *listed)
{
    struct copy_list *list = copy_resume_list(copy, listed->list);
    struct extent_set *set;

    if (list && listed->up_to == 0 && listed->count == 0)
        copy_list_forget(list); /* it is in doubt */
    if (!list || listed->up_to < list->up_to || copy->resume.planned)
        return copy_refuse_record(copy);
    set = listed->clears ? &list->clears : &list->data;
    for (uint32_t i = 0; i < listed->count; i++) {
        if (extent_end(listed->extents[i]) > listed->size_bytes)
            return copy_refuse_record(copy);
        if (!extent_set_add(set, listed->extents[i]))
            return err_set(&copy->err, ERR_LIMIT, RETRY_NEVER, "no memory for a list of ranges");
    }
    list->up_to = listed->up_to;
    return true;
}

static bool copy_load_record(struct copy *copy, const struct journal_record *record)
{
    struct copy_resume *resume = &copy->resume;

    switch (record->type) {
    case JOURNAL_LISTED:
        return copy_load_listed(copy, &record->listed);
    case JOURNAL_MARKED:
        resume->marked = true;
        return true;
    case JOURNAL_PLANNED:
        resume->planned = true;
        resume->plan = record->planned;
        return resume->marked || copy_refuse_record(copy);
    case JOURNAL_DONE:
        resume->done_bytes += record->done.extent.length;
        return resume->planned || copy_refuse_record(copy);
    case JOURNAL_STAGE:
        resume->pulled |= record->stage == JOURNAL_PULLED;
        resume->moved |= record->stage != JOURNAL_PULLED;
        resume->committed |= record->stage == JOURNAL_COMMITTED;
        return resume->planned || copy_refuse_record(copy);
    case JOURNAL_HEADER:
        break;
    }
    return copy_refuse_record(copy);
}

/* What lies behind a list's up_to is of a page that was not recorded whole. */
static bool copy_cut_list(struct copy *copy, struct copy_list *list)
{
    struct extent behind = {list->up_to, COPY_LIST_WHOLE - list->up_to};

    if (extent_set_subtract(&list->data, behind) && extent_set_subtract(&list->clears, behind))
        return true;
    return err_set(&copy->err, ERR_LIMIT, RETRY_NEVER, "no memory for a list of ranges");
}

void copy_resume_recall(struct copy *copy)
{
    struct copy_resume *resume = &copy->resume;

    resume->recalled = true;
    if (resume->planned)
        progress_recall(&copy->progress, resume->done_bytes, resume->plan.total_bytes);
}

bool copy_want_journal(const struct copy *copy)
{
    return copy->options.journal_path && copy_want_changes(copy);
}

static bool copy_is_verify(const struct copy *copy)
{
    return copy_can(copy->ends.target, ENDPOINT_COMPARES);
}

/* Can do without: a verify beside another, and a copy whose user named no file. What is there and cannot
 * be read is never passed over. */
static bool copy_goes_without_journal(struct copy *copy)
{
    bool spare = copy->options.journal_optional && copy->err.kind == ERR_IO;

    if (copy_is_verify(copy) && copy->err.kind == ERR_CONFLICT)
        spare = true;
    if (!spare)
        return false;
    copy_say(copy, "There is no journal, so an interruption would cost all that was done: %.200s",
             copy->err.text);
    err_clear(&copy->err);
    return true;
}

bool copy_after_journal_open(struct copy *copy)
{
    struct copy_resume *resume = &copy->resume;
    enum journal_kind kind = copy_is_verify(copy) ? JOURNAL_VERIFY : JOURNAL_COPY;

    resume->opened = true;
    resume->journal = journal_open(copy->reactor, copy->options.journal_path, &copy->err);
    if (!resume->journal)
        return copy_goes_without_journal(copy);
    if (copy->watch.recorded)
        journal_watch(resume->journal, copy->watch.recorded, copy->watch.arg);
    if (!journal_found(resume->journal))
        return true;
    if (journal_header(resume->journal)->kind != kind)
        return err_set(&copy->err, ERR_CONFLICT, RETRY_NEVER,
                       "%.200s is the journal of a %s; name another file",
                       copy->options.journal_path, copy_is_verify(copy) ? "copy" : "verify");
    resume->loading = !copy->options.restart;
    return true;
}

bool copy_reads_journal(const struct copy *copy)
{
    return (!copy->resume.opened && copy_want_journal(copy)) || copy->resume.loading ||
           (copy->resume.candidate && copy->resume.moved);
}

bool copy_want_journal_load(const struct copy *copy)
{
    return copy->resume.loading;
}

/* A journal may have gigabytes: some of it a turn, then the step comes again. */
bool copy_start_journal_load(struct copy *copy)
{
    const struct journal_record *record;
    const struct err fine = {0};

    for (uint32_t work = 0; work < COPY_LOAD_WORK_MAX; work++) {
        switch (journal_next(copy->resume.journal, &record, &copy->err)) {
        case JOURNAL_FAILED:
            return false;
        case JOURNAL_NO_MORE:
            copy_step_end(copy, &fine);
            return true;
        case JOURNAL_RECORD:
            break;
        }
        if (!copy_load_record(copy, record))
            return false;
        work += record->type == JOURNAL_LISTED ? record->listed.count : 0;
    }
    copy_post(copy);
    return true;
}

bool copy_after_journal_load(struct copy *copy)
{
    struct copy_resume *resume = &copy->resume;
    struct err why = {0};

    if (!copy_cut_list(copy, &copy->lists.source) || !copy_cut_list(copy, &copy->lists.all) ||
        !copy_cut_list(copy, &copy->lists.target))
        return false;
    if (journal_torn_bytes(resume->journal))
        copy_say(copy,
                 "The last %llu bytes of the journal are damaged and count for nothing: what they "
                 "recorded is done again.",
                 (unsigned long long)journal_torn_bytes(resume->journal));
    resume->loading = false;
    resume->candidate = true;
    /* Where all is moved the copy may be over, and the percentage another one's. */
    if (!copy_is_verify(copy) && !resume->moved && copy_fit_is_named(copy, &why) &&
        strcmp(journal_header(resume->journal)->source, copy->source_identity) == 0)
        copy_resume_recall(copy);
    return true;
}

bool copy_resume_finish(struct copy *copy)
{
    const struct journal_header *h = journal_header(copy->resume.journal);
    const struct marker *marker = &copy->facts.target.marker;
    struct copy_summary *summary = &copy->summary;
    uint64_t total_bytes = copy->resume.plan.total_bytes;

    if (!copy_manifest_is_kept(copy, h->copy_uuid))
        return false;
    summary->delta = h->base[0] != 0;
    memcpy(copy->marker.copy_uuid, h->copy_uuid, sizeof h->copy_uuid);
    memcpy(summary->copy_uuid, h->copy_uuid, sizeof h->copy_uuid);
    memcpy(summary->root, marker->root, sizeof marker->root);
    memcpy(summary->base_root, marker->base_root, sizeof marker->base_root);
    memcpy(summary->delta_digest, marker->delta, sizeof marker->delta);
    summary->planned = true;
    summary->resumed_bytes = total_bytes;
    summary->disk.length = copy->resume.plan.disk_bytes;
    summary->target_size_bytes = copy->facts.target.size_bytes;
    copy_say(copy, "An earlier run of this command completed the copy; nothing is left to do.");
    if (strcmp(copy->facts.known.copy_uuid, h->copy_uuid) != 0)
        copy_keep_target_state(copy, ""); /* its ETag now may be a foreign writer's */
    progress_plan(&copy->progress, total_bytes, reactor_now_ns(copy->reactor));
    progress_resume(&copy->progress, total_bytes, total_bytes, reactor_now_ns(copy->reactor));
    return copy_finish(copy);
}
