/* bench_scratch.h - a page blob that a measurement makes for itself in a container, and removes again.
 *
 * Knows:         its name, the metadata by which it is recognised, the order: look, then delete.
 * Must not know: what is written to it, where its name is kept.
 * Threads:       the reactor's.
 *
 * It is made only where no blob of that name is, and removed only while its metadata says that it is the one
 * that was made: nothing that is somebody else's is ever overwritten or deleted. An unfinished request
 * about it is tried again a few times, as a forgotten blob costs money.
 */
#ifndef ENGINE_BENCH_SCRATCH_H
#define ENGINE_BENCH_SCRATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "engine/retry.h"
#include "io/http.h"
#include "io/pageblob.h"
#include "io/secret.h"

#define BENCH_SCRATCH_PREFIX         "snapferry-bench-"
#define BENCH_SCRATCH_ID_BYTES       33u /* 32 hex digits and a NUL */
#define BENCH_SCRATCH_NAME_MAX_BYTES 64u
#define BENCH_SCRATCH_METADATA       "snapferry_bench" /* its value is the id */
#define BENCH_SCRATCH_ATTEMPTS_MAX   4u

struct bench_scratch {
    /* in */
    const char *id;                              /* borrowed */
    uint64_t bytes;                              /* of make */
    void (*done)(struct bench_scratch *scratch); /* once a verb, from the reactor */
    /* out */
    struct err err;
    bool was_there; /* remove: it was, and is no more */
    /* private */
    struct reactor *reactor;
    struct pageblob *blob;
    struct pageblob_op op;
    struct pageblob_metadata metadata;
    struct timer timer;
    struct retry_random random;
    uint32_t attempts;
    void (*again)(struct bench_scratch *scratch);
};

/* ---- Names ---- */
void bench_scratch_name(const char *id, char out_name[BENCH_SCRATCH_NAME_MAX_BYTES]);
bool bench_scratch_is_id(const char *text);
/* The blob's URL, with the container's SAS. */
bool bench_scratch_url(const struct secret_url *container, const char *id,
                       struct secret_url *out_url, struct err *e);
/* Does the container's SAS permit all that is needed: create, read, write, delete? What a SAS does not
 * say (it refers to a stored policy) is found out later. ERR_USAGE. */
bool bench_scratch_check(const struct secret_url *container, struct err *e);

/* ---- Life ---- */
/* id and done are set; http is borrowed. */
bool bench_scratch_open(struct bench_scratch *scratch, struct http *http,
                        const struct secret_url *container, struct err *e);
void bench_scratch_close(
    struct bench_scratch *scratch); /* a zeroed struct is fine; nothing under way */

/* ---- Use: one verb at a time ---- */
void bench_scratch_make(struct bench_scratch *scratch);
void bench_scratch_remove(struct bench_scratch *scratch);

/* ---- Look ---- */
const struct secret_url *bench_scratch_of(const struct bench_scratch *scratch); /* a view */

#endif
