/* copy_proof.h - what a copy is asked to prove, and what it proved: manifest, audit, sample.
 *
 * Knows:         options and results. Part of copy.h, which includes it.
 * Must not know: how they come about (copy_manifest.c, copy_audit.c, plan_sample.h).
 */
#ifndef ENGINE_COPY_PROOF_H
#define ENGINE_COPY_PROOF_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/root.h"

struct copy;
struct stat_req;
struct progress_view;

/* All zero: nothing of it. Texts are borrowed. */
struct copy_proof_options {
    const char *manifest_path;      /* to be made, before the commit; needs hash */
    const char *base_manifest_path; /* of the base; what a delta leaves alone must be as it says */
    uint32_t
        audit_ppm; /* millionths of what the diff calls unchanged, read at the source; needs it */
    uint32_t
        sample_ppm; /* millionths of the plan that are moved at all: only where nothing is kept */
    uint64_t seed;  /* which millionths */
    /* Only so much of the source, from its start, whatever marker and last page say; 0: all of it */
    uint64_t only_bytes;
    uint64_t size_bytes;          /* with only_bytes: the whole length that the source must have */
    const struct root_sink *sink; /* told of the blocks of a full copy; NULL: nobody */
};

struct copy_proof_summary {
    bool has_manifest;        /* made, and in its place */
    uint64_t audited_bytes;   /* compared with the base's manifest */
    uint64_t auditable_bytes; /* of so much that was called unchanged */
    uint64_t sample_of_bytes; /* the plan before the sample was drawn; 0: no sample */
};

/* ---- Look ---- */
/* How far the audit, or the reading back of the target, is; false: neither is under way. */
bool copy_proof_progress(struct copy *copy, struct progress_view *out_view);

/* ---- Look, at the source of a copy that looked at it ---- */
const struct stat_req *copy_source_stat(const struct copy *copy);
const unsigned char *
copy_source_last_page(const struct copy *copy); /* 512 bytes; zeros in a hole */

#endif
