/* verify.h - reads source and target and compares them, page by page.
 *
 * Knows:         the union of what is allocated at either end: data in a hole of the other is a
 *                difference; footers as copy.h has them.
 * Must not know: what kind of endpoint either end is.
 * Threads:       the reactor's.
 *
 * A verify is a copy into endpoint_compare.h: what a copy would write is compared, what it would clear
 * must be zero.
 */
#ifndef ENGINE_VERIFY_H
#define ENGINE_VERIFY_H

#include "engine/copy.h"

struct verify;
struct share_seat;

struct verify_ends {
    struct endpoint *source;
    struct endpoint *target;
    struct bufpool *pool;
    struct copy_sides sides; /* as copy_ends; base is not looked at */
};

struct verify_options {
    enum copy_footer footer; /* STRIP: the target has no footer; ADD: the source has none */
    uint32_t sample_ppm;     /* compare only so many millionths; 0 = all. No root then */
    uint64_t sample_seed;
    uint32_t window_start; /* as copy_options */
    uint32_t window_max;
    const char *source_id; /* as copy_options */
    const char
        *journal_path; /* as copy_options, all three; a journal that does not fit gives way */
    bool journal_optional;
    bool restart;
    uint64_t random_seed;
    struct share_seat *seat; /* as copy_options */
};

struct verify_summary {
    uint64_t compared_bytes; /* of the union of what is allocated; by this process */
    uint64_t resumed_bytes;  /* found equal before this process began */
    uint64_t sample_seed;
    bool against_manifest;    /* the source is a manifest (manifest_check.h) */
    uint64_t sample_of_bytes; /* so large is the union; 0: no sample, all of it was compared */
    bool journal_kept;        /* as copy_summary */
    uint64_t different_bytes; /* pages that differ */
    const struct extent_set *differences; /* page-aligned, sorted; a view, owned by the verify */
    bool differences_cut;                 /* more separate ranges than are kept */
    bool sizes_differ;
    bool marker_incomplete; /* the target's marker says a copy is not finished */
    uint64_t source_size_bytes;
    uint64_t target_size_bytes;
    char root[DIGEST_TEXT_MAX_BYTES]; /* of the source, footer left out */
    uint64_t retries;
    uint64_t started_ns;
    uint64_t ended_ns;
    bool equal; /* the verdict */
};

struct verify_watch {
    void (*say)(void *arg, const char *sentence);
    void (*recorded)(void *arg, uint64_t records); /* as copy_watch; may be NULL */
    void (*done)(void *arg, struct verify *verify);
    void *arg;
};

struct verify *verify_new(struct reactor *r, const struct verify_ends *ends,
                          const struct verify_options *options, const struct verify_watch *watch,
                          struct err *e);
void verify_free(struct verify *verify);

void verify_start(struct verify *verify);
void verify_stop(struct verify *verify);

bool verify_ended(const struct verify *verify);
const struct err *verify_error(const struct verify *verify); /* a difference is no error */
const struct verify_summary *verify_summary(const struct verify *verify);
/* usual, or that it waits for access; static text as copy_phase */
const char *verify_phase(const struct verify *verify, const char *usual);
struct progress_view verify_progress(struct verify *verify);

#endif
