/* blob_fold.h - epochs come and go: a snapshot seals one, a deletion folds one into the next newer,
 * Put Blob drops the open one.
 *
 * Each has a part that may fail and changes nothing, and a part that cannot fail. Between the two
 * the record is logged, so that memory and log never tell different stories. The prepared value
 * is used up by its apply; fini is right in any case.
 *
 * Knows:         epochs. Must not know: logs, files on disk, who asked.
 * Threads:       blob->write held to prepare; blob->state too to apply.
 */
#ifndef REGIOND_BLOB_FOLD_H
#define REGIOND_BLOB_FOLD_H

#include "tools/regiond/blob_state.h"

/* ---- A snapshot is taken ---- */
struct blob_seal {
    struct epoch *next;
    struct extent_index view;
    struct attributes attributes;
};
bool blob_seal_prepare(struct blob *blob, const struct attributes *attributes,
                       struct blob_seal *out);
void blob_seal_fini(struct blob_seal *seal);
void blob_apply_seal(struct blob *blob, struct blob_seal *take, uint64_t ticks);

/* ---- The snapshot that seals epoch `at` is deleted ---- */
struct blob_fold {
    struct extent_index runs;
    uint32_t *files, *dead_files;
    size_t file_count, dead_count;
};
bool blob_fold_prepare(struct blob *blob, size_t at, struct blob_fold *out);
void blob_fold_fini(struct blob_fold *fold);
/* fold->dead_files are the caller's to remove. */
void blob_apply_fold(struct blob *blob, size_t at, struct blob_fold *fold);

/* ---- Put Blob over an existing blob; `pages` of the new file hold data (a block blob's) ---- */
struct blob_renewal {
    struct epoch *next;
    struct attributes attributes;
};
bool blob_renewal_prepare(const struct blob *blob, const struct attributes *attributes,
                          uint64_t pages, struct blob_renewal *out);
void blob_renewal_fini(struct blob_renewal *renewal);
/* Returns the epoch that is no more, its files the caller's to remove. */
struct epoch *blob_apply_renewal(struct blob *blob, struct blob_renewal *take);

#endif
