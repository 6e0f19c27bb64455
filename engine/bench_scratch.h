/* bench_scratch.h - a disk that a measurement makes for itself, in a container or at a receiver, and removes.
 *
 * Knows:         its name, the mark by which it is recognised, the order: look, then delete.
 * Must not know: what is written to it, where its name is kept.
 * Threads:       the reactor's.
 *
 * It is made only where nothing of that name is, and removed only while its mark (a blob's metadata, at a
 * receiver the marker of a copy) says that it is the one that was made: nothing that is somebody else's is
 * ever overwritten or deleted. An unfinished request about it is tried again a few times, as a forgotten
 * one costs money.
 */
#ifndef ENGINE_BENCH_SCRATCH_H
#define ENGINE_BENCH_SCRATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "engine/bench_relay.h"
#include "engine/retry.h"
#include "io/http.h"
#include "io/pageblob.h"
#include "io/relay_wire.h"
#include "io/secret.h"

#define BENCH_SCRATCH_PREFIX         RELAY_SCRATCH_PREFIX
#define BENCH_SCRATCH_ID_BYTES       33u /* 32 hex digits and a NUL */
#define BENCH_SCRATCH_NAME_MAX_BYTES 64u
#define BENCH_SCRATCH_METADATA       "snapferry_bench" /* its value is the id */
#define BENCH_SCRATCH_ATTEMPTS_MAX   4u

struct bench_place {              /* borrowed: where scratches are made */
    struct http *http;            /* to a container; a receiver's way has its own */
    const struct secret_url *url; /* a container, or a receiver with a NAME of ours */
    const struct http_options *options;
    const struct bench_relay_access *relay; /* NULL: it is a container */
};

struct bench_scratch {
    /* in */
    const char *id;                              /* borrowed */
    uint64_t bytes;                              /* of make */
    void (*done)(struct bench_scratch *scratch); /* once a verb, from the reactor */
    /* out */
    struct err err;
    bool was_there;    /* remove: it was, and is no more */
    bool may_be_there; /* make failed: whether it was made all the same is not known */
    /* private */
    struct reactor *reactor;
    struct http *http;     /* to a container */
    struct pageblob *blob; /* in a container; else NULL */
    struct pageblob_op op;
    struct pageblob_metadata metadata;
    struct bench_relay relay; /* at a receiver; else closed */
    struct stat_req stat;
    struct setup_req setup;
    struct marker marker;
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
/* id and done are set. */
bool bench_scratch_open(struct bench_scratch *scratch, const struct bench_place *place,
                        struct err *e);
void bench_scratch_close(
    struct bench_scratch *scratch); /* a zeroed struct is fine; nothing under way */

/* ---- Use: one verb at a time ---- */
void bench_scratch_make(struct bench_scratch *scratch);
void bench_scratch_remove(struct bench_scratch *scratch);
void bench_scratch_cancel(struct bench_scratch *scratch); /* a request under way; done follows */

/* ---- Look ---- */
const struct secret_url *bench_scratch_of(const struct bench_scratch *scratch); /* a view; NULL: */
struct bench_relay *bench_scratch_relay(struct bench_scratch *scratch); /* it is at a receiver */

#endif
