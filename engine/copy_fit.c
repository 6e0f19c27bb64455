/* copy_fit.c - does a journal fit this copy? All of it or nothing: it is never half used.
 *
 * Refused, with a sentence: one of another source, base, target or other options; one whose source was
 * written to since; one whose target does not carry its marker any more. One whose copy was completed, or
 * wrote nothing yet, or of a verify, gives way: little is lost, and nothing can be mistaken.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/copy_internal.h"

#define COPY_UNRECORDED_MAX_S 600u /* a flush of a slow disk, and more */

#define ADVICE "; nothing was touched. --restart drops the journal and begins anew"

void copy_fit_header(const struct copy *copy, struct journal_header *out_header)
{
    struct journal_header *h = out_header;
    const struct copy_facts *facts = &copy->facts;

    memset(h, 0, sizeof *h);
    h->kind = copy_can(copy->ends.target, ENDPOINT_COMPARES) ? JOURNAL_VERIFY : JOURNAL_COPY;
    h->created_s = reactor_wall_ns(copy->reactor) / NS_PER_S;
    snprintf(h->copy_uuid, sizeof h->copy_uuid, "%s", copy->marker.copy_uuid);
    snprintf(h->lease_id, sizeof h->lease_id, "%s", copy->lease.id);
    snprintf(h->source, sizeof h->source, "%s", copy->source_identity);
    h->source_bytes = facts->source.size_bytes;
    snprintf(h->source_etag, sizeof h->source_etag, "%s", facts->source.etag);
    snprintf(h->source_modified, sizeof h->source_modified, "%s", facts->source.last_modified);
    if (copy->summary.delta) {
        snprintf(h->base, sizeof h->base, "%s", copy->base_identity);
        h->base_bytes = facts->base.size_bytes;
        memcpy(h->base_root, facts->base_root, sizeof h->base_root);
        h->coalesce_bytes = copy_coalesce_bytes(copy);
    }
    snprintf(h->target, sizeof h->target, "%s", copy->ends.target->identity);
    h->target_bytes = facts->target_bytes;
    snprintf(h->target_etag, sizeof h->target_etag, "%s", facts->target.etag);
    h->footer = (uint8_t)copy->options.footer;
    h->hash = copy->options.hash;
    snprintf(h->map, sizeof h->map, "%s", copy_map_used(copy));
}

static bool misfit(const struct copy *copy, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static bool misfit(const struct copy *copy, struct err *e, const char *fmt, ...)
{
    char what[ERR_TEXT_MAX_BYTES];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return err_set(e, ERR_CONFLICT, RETRY_NEVER, "the journal %.130s does not fit: %.170s" ADVICE,
                   journal_path(copy->resume.journal), what);
}

/* ---- What one knows before the ends were looked at ---- */

static bool copy_fit_base(const struct copy *copy, const struct journal_header *h, struct err *e)
{
    if (!h->base[0])
        return true; /* a full copy, also where a base is given: it was not at it, and is not now */
    if (!copy->ends.base)
        return misfit(copy, e, "it is of a delta; give the same --base %.100s", h->base);
    if (strcmp(h->base, copy->base_identity) != 0)
        return misfit(copy, e, "it is of a delta on another base, %.100s", h->base);
    return true;
}

static bool copy_fit_options(const struct copy *copy, const struct journal_header *h, struct err *e)
{
    if (h->footer != (uint8_t)copy->options.footer)
        return misfit(copy, e, "its footer is kept, stripped or added otherwise");
    if (h->hash != copy->options.hash)
        return misfit(copy, e, "it was begun %s --no-root", h->hash ? "without" : "with");
    if (h->base[0] && h->coalesce_bytes != copy_coalesce_bytes(copy))
        return misfit(copy, e, "it was begun with --coalesce %llu",
                      (unsigned long long)h->coalesce_bytes);
    return true;
}

static bool copy_fit_same_target(const struct copy *copy, const struct journal_header *h,
                                 struct err *e)
{
    if (strcmp(h->target, copy->ends.target->identity) != 0)
        return misfit(copy, e, "its target is %.110s", h->target);
    return true;
}

bool copy_fit_is_named(const struct copy *copy, struct err *e)
{
    const struct journal_header *h = journal_header(copy->resume.journal);

    return copy_fit_same_target(copy, h, e) && copy_fit_base(copy, h, e) &&
           copy_fit_options(copy, h, e);
}

/* ---- The ends ---- */

/* A snapshot, or a disk exported for reading, cannot change; a live blob can, and a file. */
bool copy_source_is_fixed(const struct copy *copy)
{
    return copy_can(copy->ends.source, ENDPOINT_CAN_DIFF) &&
           !copy_can(copy->ends.source, ENDPOINT_CAN_MARK);
}

static bool copy_source_has_name(const struct copy *copy, const struct journal_header *h)
{
    return strcmp(h->source, copy->source_identity) == 0;
}

static bool copy_source_has_etag(const struct copy *copy, const struct journal_header *h)
{
    const char *etag = copy->facts.source.etag;

    return etag[0] && strcmp(h->source_etag, etag) == 0;
}

/* A URL that was renewed may have another path. Then the blob must show that it is the same one: by its
 * ETag, or, where the host gives none, by its time and its footer, which is in the plan's digest. Its
 * lists are believed only if there is such a plan. */
static bool copy_source_was_renamed(const struct copy *copy, const struct journal_header *h)
{
    const struct stat_req *source = &copy->facts.source;
    bool same_time = !source->etag[0] && source->last_modified[0] &&
                     strcmp(h->source_modified, source->last_modified) == 0;

    return copy->resume.planned && (same_time || copy_source_has_etag(copy, h));
}

/* What cannot change is the same if its name is; also with another ETag, if the name is the user's own. */
static bool copy_source_is_unchanged(const struct copy *copy, const struct journal_header *h)
{
    if (copy_source_has_etag(copy, h))
        return true;
    return copy_source_is_fixed(copy) && (!copy->facts.source.etag[0] || copy->options.source_id);
}

static bool copy_fit_source(const struct copy *copy, const struct journal_header *h, struct err *e)
{
    uint64_t size_bytes = copy->facts.source.size_bytes;

    if (h->source_bytes != size_bytes)
        return misfit(copy, e, "its source %.90s had %llu bytes, and this one has %llu", h->source,
                      (unsigned long long)h->source_bytes, (unsigned long long)size_bytes);
    if (!copy_source_has_name(copy, h) && !copy_source_was_renamed(copy, h))
        return misfit(copy, e, "its source is another, %.110s", h->source);
    if (!copy_source_is_unchanged(copy, h))
        return misfit(copy, e, "the source was written to since, or cannot show that it was not");
    return true;
}

/* A copy writes records while it writes its target, so a file that is much younger than the last record
 * was written to by another. Of a blob only the service's clock could tell; its lease guards it. */
static bool copy_target_is_younger(const struct copy *copy)
{
    struct tm tm = {0};

    return copy_can(copy->ends.target, ENDPOINT_BUFFERS) &&
           strptime(copy->facts.target.last_modified, "%a, %d %b %Y %H:%M:%S GMT", &tm) &&
           (uint64_t)timegm(&tm) > journal_touched_s(copy->resume.journal) + COPY_UNRECORDED_MAX_S;
}

static bool copy_fit_target(const struct copy *copy, const struct journal_header *h, struct err *e)
{
    const struct stat_req *target = &copy->facts.target;

    if (copy_can(copy->ends.target, ENDPOINT_DISCARDS))
        return true;
    if (!target->exists)
        return misfit(copy, e, "the target it wrote to does not exist any more");
    if (copy_can(copy->ends.target, ENDPOINT_CAN_MARK)) {
        if (target->marker.state == MARKER_NONE)
            return misfit(copy, e,
                          "the target does not carry its marker any more: it was "
                          "replaced, or its metadata removed");
        if (strcmp(target->marker.copy_uuid, h->copy_uuid) != 0)
            return misfit(copy, e, "another copy (%s) wrote to the target since",
                          target->marker.copy_uuid);
    }
    if (copy_target_is_younger(copy))
        return misfit(copy, e, "the target was written to after the copy was interrupted");
    if (target->size_bytes < h->target_bytes ||
        (copy->resume.planned && target->size_bytes != copy->resume.plan.target_bytes &&
         !copy_takes_larger(copy)))
        return misfit(copy, e, "the target had %llu bytes, and now has %llu",
                      (unsigned long long)h->target_bytes, (unsigned long long)target->size_bytes);
    return true;
}

/* Of a target that was not touched yet: is it as it was found? */
static bool copy_target_is_untouched(const struct copy *copy, const struct journal_header *h)
{
    const struct stat_req *target = &copy->facts.target;

    if (target->exists && target->marker.state == MARKER_COPYING &&
        strcmp(target->marker.copy_uuid, h->copy_uuid) == 0)
        return true; /* marked, and killed before that was recorded */
    if (copy->facts.target_bytes != h->target_bytes)
        return false;
    /* A full copy may go to a target of any content; a delta's base was proven of this one, and so was
     * the map that is in use. */
    return (!h->base[0] && (!h->map[0] || strcmp(h->map, JOURNAL_MAP_NEW) == 0)) ||
           strcmp(target->etag, h->target_etag) == 0;
}

/* ---- The verdict ---- */

static void copy_fit_take(struct copy *copy, const struct journal_header *h)
{
    copy->resume.found = true;
    copy->resume.begun = true;
    copy->resume.by_footer = !copy_source_has_name(copy, h) && !copy_source_has_etag(copy, h);
    memcpy(copy->marker.copy_uuid, h->copy_uuid, sizeof copy->marker.copy_uuid);
    if (h->lease_id[0] && !copy->options.lease_id)
        snprintf(copy->lease.id, sizeof copy->lease.id, "%.36s", h->lease_id);
    copy->facts.target_bytes = h->target_bytes;
    if (!copy->resume.planned && !copy_can(copy->ends.target, ENDPOINT_CAN_MARK))
        copy->indefinite =
            true; /* the clear of its footer may be under way; a marker would say so */
    if (h->base[0]) {
        copy->facts.at_base = true;
        copy->facts.base.size_bytes = h->base_bytes;
        memcpy(copy->facts.base_root, h->base_root, sizeof h->base_root);
    } else if (copy->summary.delta) {
        copy_go_full(copy, "the copy that is gone on with was begun as a full one.");
    }
}

static void copy_fit_say(struct copy *copy)
{
    const struct copy_resume *resume = &copy->resume;
    double mib = (double)resume->done_bytes / (1 << 20);

    if (!resume->planned)
        copy_say(copy, "Going on with a copy that was interrupted while it was planned.");
    else
        copy_say(copy, "Going on from %.1f %%: %.1f %s are durable already.",
                 progress_look(&copy->progress, reactor_now_ns(copy->reactor)).percent,
                 mib < 1024 ? mib : mib / 1024, mib < 1024 ? "MiB" : "GiB");
}

static bool copy_fit_is_complete(const struct copy *copy, const struct journal_header *h)
{
    const struct stat_req *target = &copy->facts.target;

    if (!copy_can(copy->ends.target, ENDPOINT_CAN_MARK) ||
        copy_can(copy->ends.target, ENDPOINT_DISCARDS))
        return copy->resume.committed;
    return target->exists && target->marker.state == MARKER_COMPLETE &&
           strcmp(target->marker.copy_uuid, h->copy_uuid) == 0;
}

static bool copy_fit_verify(struct copy *copy, const struct journal_header *h)
{
    struct err why = {0};

    if (copy_fit_is_named(copy, &why) && copy_fit_source(copy, h, &why) && h->target_etag[0] &&
        strcmp(copy->facts.target.etag, h->target_etag) == 0) {
        copy_fit_take(copy, h);
        copy_resume_recall(copy);
        copy_fit_say(copy);
        return true;
    }
    copy_say(copy, "The journal of an earlier verify is of other disks, or of what they were "
                   "then: comparing everything.");
    copy_resume_forget(copy);
    return true;
}

bool copy_want_fit(const struct copy *copy)
{
    return copy->resume.candidate;
}

/* Of a copy that is over, or that wrote nothing yet, a journal is worth little: it gives way. */
static bool copy_fit_give_way(struct copy *copy, const char *sentence)
{
    if (sentence)
        copy_say(copy, "%s", sentence);
    copy_resume_forget(copy);
    return true;
}

bool copy_after_fit(struct copy *copy)
{
    const struct journal_header *h = journal_header(copy->resume.journal);
    struct err why = {0};
    bool fits;

    copy->resume.candidate = false;
    if (h->kind == JOURNAL_VERIFY)
        return copy_fit_verify(copy, h);
    if (!copy_fit_same_target(copy, h, &copy->err))
        return false;
    fits = copy_fit_is_named(copy, &why) && copy_fit_source(copy, h, &why);
    if (copy_fit_is_complete(copy, h))
        return fits ? copy_resume_finish(copy) : copy_fit_give_way(copy, NULL);
    if (!copy->resume.marked && !fits)
        return copy_fit_give_way(copy, "Another copy to this target was begun and interrupted "
                                       "before it wrote anything: its journal gives way.");
    if (!copy->resume.marked && !copy_target_is_untouched(copy, h))
        return copy_fit_give_way(copy, "The target was changed since this copy was begun, before "
                                       "that wrote anything: beginning anew.");
    if (!fits || (copy->resume.marked && !copy_fit_target(copy, h, &why))) {
        copy->err = why;
        return false;
    }
    copy_fit_take(copy, h);
    copy_resume_recall(copy); /* of a source with another name, it was not believed until now */
    copy_fit_say(copy);
    return true;
}
