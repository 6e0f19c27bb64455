/* operation.h - long-running operations: begun, asked for, ended; they outlive the program (protocol E.9).
 *
 * Knows:         their rows in the catalog, the headers Azure-AsyncOperation, Location and Retry-After.
 * Must not know: what is done meanwhile, and by whom.
 * Threads:       the reactor's.
 */
#ifndef CONTROLD_OPERATION_H
#define CONTROLD_OPERATION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "io/reactor.h"
#include "tools/controld/arm_error.h"
#include "tools/controld/front.h"
#include "tools/controld/front_table.h"

#define OPERATION_RETRY_AFTER_S "1"
#define OPERATION_KEPT_DAYS     7u /* after its end; then 404 */

struct catalog;
struct catalog_operation;
struct operations;

struct operation_setup {
    struct reactor *reactor; /* for the time */
    struct catalog *catalog; /* borrowed */
    /* What an operation that succeeded has to give, made anew each time it is asked for, so that no SAS is
     * ever kept: a new reference, or NULL: nothing (204). */
    json_t *(*result)(void *arg, const struct catalog_operation *row);
    /* How far one is that runs, 0 to 100; false: nobody knows. May be NULL. */
    bool (*percent)(void *arg, const struct catalog_operation *row, double *out_percent);
    void *arg;
};

struct operation_spec {
    const char *kind;                    /* the caller's own word: arm_verb_name and the like */
    const char *subscription, *location; /* stand in its URL */
    const char *resource;                /* canonical ARM id */
    bool has_output; /* of a POST: Azure-AsyncOperation tells the result as its output, too */
};

/* ---- Life ---- */
struct operations *operations_new(const struct operation_setup *setup, struct err *e);
void operations_free(
    struct operations *operations); /* NULL is fine; what runs goes on in the catalog */

/* ---- Use: begin, end and sweep inside the caller's transaction of the catalog ---- */
bool operation_begin(struct operations *operations, const struct operation_spec *spec,
                     char out_id[FRONT_GUID_BYTES], struct err *e);
/* why: NULL when it succeeded. One that has ended already, or is not there any more, stays as it is. */
bool operation_end(struct operations *operations, const char *id, const struct arm_error *why,
                   struct err *e);
/* The same, with something to tell: `beyond`, borrowed, without any secret, is kept, and is the x-snapferry
 * member of the output of one that succeeded (has_output), or of the error of one that failed. */
bool operation_end_with(struct operations *operations, const char *id, const struct arm_error *why,
                        json_t *beyond, struct err *e);
/* Drops what ended OPERATION_KEPT_DAYS ago. */
bool operation_sweep(struct operations *operations, struct err *e);

/* Answers 201 or 202 with the three headers. body: taken; NULL: none. */
void operation_answer(struct operations *operations, struct front_call *call, int status,
                      json_t *body, const struct operation_spec *spec, const char *id);

/* Registers the handlers of the URLs that Azure-AsyncOperation and Location tell. */
void operations_serve(struct operations *operations, struct front_table *table);

#endif
