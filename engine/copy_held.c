/* copy_held.c - the target holds the source already: a caller who did not hear of the end asks again, and a
 * copy would take a good disk away for hours.
 *
 * The target shows it by its marker and by the ETag it was left with. The source must show that it is what
 * was copied then: a name that anybody may choose does not, a snapshot's own does, in the marker or beside
 * the ETag, and so does a disk that cannot change while it is exported and was last written to before that
 * copy was completed.
 */
#include <string.h>
#include <time.h>

#include "engine/copy_internal.h"

uint64_t copy_target_bytes_of(const struct copy *copy, uint64_t size_bytes)
{
    switch (copy->options.footer) {
    case COPY_FOOTER_STRIP:
        return size_bytes - VHD_FOOTER_BYTES;
    case COPY_FOOTER_ADD:
        return size_bytes + VHD_FOOTER_BYTES;
    case COPY_FOOTER_RAW: /* what the source has is not known before it was looked at */
        return size_bytes - (copy->footer.source_has ? VHD_FOOTER_BYTES : 0);
    case COPY_FOOTER_KEEP:
        break;
    }
    return size_bytes;
}

bool copy_takes_larger(const struct copy *copy)
{
    return copy->options.target_larger && !copy_can(copy->ends.target, ENDPOINT_CAN_RESIZE);
}

/* ---- Of a full copy ---- */

static bool parse_time(const char *text, time_t *out_s)
{
    struct tm tm = {0};

    if (!strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm))
        return false;
    *out_s = timegm(&tm);
    return true;
}

/* Under a name of the user's the marker has that alone; what the source calls itself was kept by us. */
static bool source_is_named_by_itself(const struct copy *copy)
{
    const char *own = copy->ends.source->identity;
    char digest[DIGEST_TEXT_MAX_BYTES];

    if (strcmp(copy->source_identity, own) == 0)
        return true;
    digest_sha256_text(own, strlen(own), digest);
    return strcmp(copy->facts.known.source, digest) == 0;
}

static bool source_is_what_was_copied(const struct copy *copy)
{
    const struct endpoint *source = copy->ends.source;
    time_t written_s, copied_s;

    if (!copy_can(source, ENDPOINT_CAN_DIFF) || !source_is_named_by_itself(copy))
        return false;
    return copy_can(source, ENDPOINT_IS_SNAPSHOT) ||
           (parse_time(copy->facts.source.last_modified, &written_s) &&
            parse_time(copy->facts.target.last_modified, &copied_s) && written_s < copied_s);
}

/* What a copy would leave beside the target, and cannot be had without one. */
static bool nothing_is_missing(const struct copy *copy)
{
    const struct marker *marker = &copy->facts.target.marker;
    struct manifest_reader *reader;
    struct err ignored = {0};
    bool kept;

    /* What goes from service to service has no root: a copy made again would have none either. */
    if (copy->options.hash && !copy_may_pull(copy) && !marker->root[0] && !marker->delta[0])
        return false;
    if (!copy_want_manifest(copy))
        return true;
    reader = manifest_reader_open(copy->options.proof.manifest_path, &ignored);
    kept = reader && strcmp(manifest_reader_head(reader)->copy_uuid, marker->copy_uuid) == 0;
    manifest_reader_close(reader);
    return kept;
}

/* ---- Of any ---- */

static bool copy_may_be_held(const struct copy *copy)
{
    const struct marker *said = copy->options.streamed_to;

    if (copy->options.bound.copy_uuid)
        return false; /* the base may have that very name */
    if (copy->summary.delta)
        return true;
    if (copy->options.streamed)
        return said && said->root[0] && strcmp(said->root, copy->facts.target.marker.root) == 0;
    return source_is_what_was_copied(copy) && nothing_is_missing(copy);
}

static bool copy_target_holds_source(const struct copy *copy)
{
    const struct stat_req *target = &copy->facts.target;
    const struct marker *marker = &target->marker;

    return !copy->options.restart && target->exists && marker->state == MARKER_COMPLETE &&
           copy_can(copy->ends.target, ENDPOINT_CAN_MARK) &&
           !copy_can(copy->ends.target, ENDPOINT_DISCARDS) &&
           !copy_can(copy->ends.source, ENDPOINT_CAN_MARK) &&
           strcmp(marker->source, copy->source_identity) == 0 &&
           marker->size_bytes == target->size_bytes &&
           target->size_bytes == copy_target_bytes_of(copy, copy->facts.source.size_bytes) &&
           copy_target_is_as_kept(copy) && copy_may_be_held(copy);
}

/* ---- The step ---- */

/* Of what was begun and is gone on with the journal decides. */
bool copy_want_held(const struct copy *copy)
{
    return !copy->resume.found;
}

bool copy_after_held(struct copy *copy)
{
    const struct marker *marker = &copy->facts.target.marker;
    struct copy_summary *summary = &copy->summary;

    if (!copy_target_holds_source(copy))
        return true;
    if (!copy_manifest_is_kept(copy, marker->copy_uuid))
        return false;
    copy_say(copy,
             "The target holds the source already, as an earlier copy left it; nothing is left "
             "to do. --restart copies all the same.");
    memcpy(summary->copy_uuid, marker->copy_uuid, sizeof marker->copy_uuid);
    memcpy(summary->root, marker->root, sizeof marker->root);
    memcpy(summary->base_root, marker->base_root, sizeof marker->base_root);
    memcpy(summary->delta_digest, marker->delta, sizeof marker->delta);
    summary->planned = true;
    summary->disk.length = copy_marked_disk_bytes(marker);
    summary->at_base_already = true;
    summary->target_size_bytes = copy->facts.target.size_bytes;
    progress_plan(&copy->progress, 0, reactor_now_ns(copy->reactor));
    return copy_finish(copy);
}
