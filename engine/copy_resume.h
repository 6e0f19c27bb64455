/* copy_resume.h - a copy's journal: looked for, judged, begun, written on, dropped.
 *
 * Knows:         what an earlier process left, and how far that spares this one its work.
 * Must not know: how records become bytes (engine/journal.h).
 * Threads:       the reactor's.
 *
 * The journal is opened before anything is asked of an end, so that the first percent that is told is
 * its own. It is judged when source and target were looked at (copy_fit.c): one that does not fit is
 * refused and not touched. A header is written before the target is marked; that the target is marked,
 * when that is so; the plan, before the first byte is moved and after the last footer was cleared.
 */
#ifndef ENGINE_COPY_RESUME_H
#define ENGINE_COPY_RESUME_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "blockmap/extent.h"
#include "engine/journal.h"

struct copy;
struct copy_list;

struct copy_resume {
    struct journal *journal; /* owned; NULL: none */
    bool opened;             /* or there is none: what was left is known to be there or not */
    bool loading;            /* an earlier process left records; not all were read */
    bool candidate;          /* all were, and they are not judged yet */
    bool found;              /* and they fit: this process goes on with them */
    bool by_footer;          /* if its footer shows that the source is the same */
    bool recalled;           /* the progress told is that of the records */
    bool begun;              /* a header of ours stands in the file */
    /* what was recorded, by whatever process */
    bool marked, planned, moved, committed;
    bool pulled; /* some of it may have no hashes */
    struct journal_planned plan;
    uint64_t done_bytes; /* durable before this process began */
};

/* ---- copy_resume.c ---- */
void copy_resume_free(struct copy_resume *resume);
/* Nothing of what was found is used. */
void copy_resume_forget(struct copy *copy);
/* The percentage begins where the journal says. */
void copy_resume_recall(struct copy *copy);
/* Where records of that list go; NULL: there is none of that name. */
struct copy_list *copy_resume_list(struct copy *copy, enum journal_list name);
/* Everything was done by an earlier process: the copy ends well without another step. */
bool copy_resume_finish(struct copy *copy);

/* ---- copy_record.c ---- */
/* data and clears are what list gains; it is then whole below up_to. Without a journal: nothing. */
bool copy_journal_listed(struct copy *copy, const struct copy_list *list,
                         const struct extent_set *data, const struct extent_set *clears,
                         uint64_t up_to, struct err *e);
/* The copy is not what it was when its journal was begun: a delta became a full copy. */
bool copy_journal_begin_anew(struct copy *copy);
void copy_journal_committed(struct copy *copy);
/* Right before data moves: the next records are those of what was moved. */
bool copy_journal_seek(struct copy *copy, struct err *e);
/* The plan just made is the journal's, if that has one. */
bool copy_plan_fits(struct copy *copy);
/* The copy ends: drops or closes the journal. False: a sync is under way, ask again soon. */
bool copy_journal_let_go(struct copy *copy);

/* ---- copy_fit.c ---- */
/* What this copy's journal is bound to, as it is now. */
void copy_fit_header(const struct copy *copy, struct journal_header *out_header);
/* What has the source's identity cannot change. */
bool copy_source_is_fixed(const struct copy *copy);
/* Is what was found of this command, as far as one knows before the ends were looked at? */
bool copy_fit_is_named(const struct copy *copy, struct err *e);

#endif
