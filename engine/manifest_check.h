/* manifest_check.h - compares a disk with a manifest: reads only the disk, names each block that is wrong.
 *
 * Knows:         the manifest's blocks, size and footer page; the disk's holes, which are not read.
 * Must not know: what kind of endpoint the disk is; the source it was copied of.
 * Threads:       the reactor's. Opening reads the manifest once, blocking.
 */
#ifndef ENGINE_MANIFEST_CHECK_H
#define ENGINE_MANIFEST_CHECK_H

#include "engine/manifest.h"
#include "engine/verify.h"

struct manifest_check;

struct manifest_check_setup {
    struct reactor *reactor; /* these are borrowed until it is freed */
    struct endpoint *target;
    struct bufpool *pool;
    struct access *access; /* of the target's URL; NULL: it is what it is */
    const char *manifest_path;
    uint32_t window_start; /* as copy_options */
    uint32_t window_max;
    uint64_t random_seed;
    void (*done)(void *arg); /* once, from the reactor */
    void *arg;
};

/* As of a verify, with the manifest as the source: ranges are of blocks (64 KiB, cut at the disk's
 * end), and of the footer's page. */
struct manifest_check_summary {
    struct verify_summary found;
    bool other_copy;       /* the target's marker is of another copy than the manifest */
    uint64_t footer_bytes; /* of the target, by the manifest: 512 or 0 */
};

/* NULL also when the manifest cannot be read or is not sound. */
struct manifest_check *manifest_check_new(const struct manifest_check_setup *setup, struct err *e);
void manifest_check_free(struct manifest_check *check); /* NULL is fine */

void manifest_check_start(struct manifest_check *check);
void manifest_check_stop(struct manifest_check *check);

bool manifest_check_ended(const struct manifest_check *check);
const struct err *
manifest_check_error(const struct manifest_check *check); /* a difference is none */
const struct manifest_check_summary *manifest_check_summary(const struct manifest_check *check);
const struct manifest_head *manifest_check_head(const struct manifest_check *check);
const struct manifest_end *manifest_check_end(const struct manifest_check *check);
struct progress_view manifest_check_progress(struct manifest_check *check);

#endif
