/* retention_case.h - the schedule of one machine over a real catalog and the real deleter of points, on a
 * simulated clock. The cut is played: a row in the state that the test wants.
 *
 * Knows:         what a cut leaves in the catalog.
 * Must not know: when retention asks.
 * Threads:       the test's own.
 */
#ifndef TESTS_RETENTION_CASE_H
#define TESTS_RETENTION_CASE_H

#include "io/reactor.h"
#include "tests/support/catalog_case.h"
#include "tools/controld/point_delete.h"
#include "tools/controld/retention.h"

#define RETENTION_MINUTE_NS   (60 * (int64_t)NS_PER_S)
#define RETENTION_HOUR_NS     (60 * RETENTION_MINUTE_NS)
#define RETENTION_START_NS    (1795285740ll * (int64_t)NS_PER_S) /* 2026-11-21T18:29:00Z */
#define RETENTION_CREATES_MAX 64u

struct retention_case {
    struct catalog_case files;
    struct clock clock;
    struct config_region region;
    struct config_machine machine;
    struct config config;
    struct service service;
    struct point_delete *deletes;
    struct retention *retention;
    char data_folder[256];

    /* How a cut ends that is begun now. */
    enum catalog_state outcome;
    bool refuses;    /* nothing is made at all */
    bool disk_moves; /* of a point that Succeeded, a disk is still on its way */
    int64_t created_ns[RETENTION_CREATES_MAX]; /* when each was asked for */
    char created_id[RETENTION_CREATES_MAX][ARM_ID_MAX_BYTES];
    unsigned creates;
    unsigned said;
    char last_said[1600];
    bool replication_stopped;
};

void retention_case_begin(struct retention_case *k); /* each 60 minutes, nothing is ever pruned */
void retention_case_start(struct retention_case *k); /* again: as a new life of the program */
void retention_case_end(struct retention_case *k);

void retention_case_run(struct retention_case *k, int64_t for_ns); /* lets time pass */
int64_t retention_case_now(const struct retention_case *k);

/* Rows of the machine's collection, which is made if need be. */
void retention_case_put_collection(struct retention_case *k, const char *source_id,
                                   enum catalog_state state);
void retention_case_put(struct retention_case *k, const char *name, int64_t created_ns,
                        enum catalog_origin origin, enum catalog_state state);
/* A disk of it that is there, or moves; in a family or in none. */
void retention_case_put_disk(struct retention_case *k, const char *point_id, bool moves,
                             const char *source_disk_point_id, const char *family);
void retention_case_id(const struct retention_case *k, const char *name,
                       char out_id[ARM_ID_MAX_BYTES]);
bool retention_case_has(struct retention_case *k, const char *name); /* and is not being deleted */
unsigned retention_case_count(struct retention_case *k);

#endif
