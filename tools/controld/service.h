/* service.h - what the API's handlers work with, and the few words they all say.
 *
 * Knows:         the parts of a running snapferryd, by pointer; how a handler refuses, looks up a row,
 *                and changes the catalog in one transaction.
 * Must not know: any resource.
 * Threads:       the reactor's. Everything is borrowed, set once before the first call, alive until the
 *                last.
 */
#ifndef CONTROLD_SERVICE_H
#define CONTROLD_SERVICE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "tools/controld/catalog.h"
#include "tools/controld/front_table.h"

struct config;
struct operations;
struct orphans;
struct reactor;
struct regions;
struct cut_drops;
struct cut_frozen;
struct replication;
struct spare_bases;
struct verify_desk;

struct service {
    struct reactor *reactor;
    const struct config *config;
    struct catalog *catalog;
    struct operations *operations;
    struct regions *regions;
    struct replication *replication;
    struct orphans *orphans;
    struct cut_drops *cuts;    /* that are no longer needed */
    struct spare_bases *bases; /* that are no longer needed */
    struct verify_desk *verifications;
    struct cut_frozen *frozen; /* machines whose thaw failed */
    const char *data_folder;
};

/* ---- Time, names ---- */
int64_t service_now_ns(const struct service *service); /* wall clock, as the catalog keeps times */

/* ---- Refuse: answers the call; false, so that `return service_...` reads well ---- */
bool service_refuse(struct front_ask *ask, const struct arm_error *why);
bool service_refuse_err(struct front_ask *ask,
                        const struct err *cause); /* 500, 503, as arm_error_of */
bool service_refuse_missing(struct front_ask *ask, const struct arm_id *id);        /* 404 */
bool service_refuse_missing_parent(struct front_ask *ask, const struct arm_id *id); /* 404 */

/* ---- Change ---- */
/* One transaction: change runs inside it, and false rolls back. False with *why set: nothing is changed.
 * A change may set *why itself (a conflict it found); else *e is told as arm_error_of. */
typedef bool service_change_fn(struct service *service, void *arg, struct arm_error *why,
                               struct err *e);
bool service_change(struct service *service, service_change_fn *change, void *arg,
                    struct arm_error *why);

/* Those of this kind (arm_verb_name; NULL: of any) that are in progress on a resource end; why: NULL when
 * well. Inside the transaction that ends what they are about, so that none is left in progress. */
bool service_end_operations(struct service *service, const char *resource_id, const char *kind,
                            const struct arm_error *why, struct err *e);

/* Is it no point that is being deleted (409)? */
bool service_point_stays(struct service *service, const char *point_id, struct arm_error *why,
                         struct err *e);

/* ---- Lists ---- */
/* Appends the page of rows whose ids begin with under to value. last_id: of the last of them where there are
 * more behind; else it stays "". */
typedef bool service_list_fn(struct service *service, const char *under,
                             const struct catalog_page *page, json_t *value,
                             char last_id[ARM_ID_MAX_BYTES], struct err *e);
/* Answers a list of a group or of a subscription, in pages. */
void service_list(struct service *service, struct front_ask *ask, service_list_fn *list);

/* ---- Texts of rows ---- */
/* A JSON text of the catalog, or of nothing: a new reference; NULL when it is absent or damaged. */
json_t *service_json(const char *text);
/* Compact text of it, malloc'd; NULL: no memory. value is borrowed. */
char *service_text(const json_t *value);

#endif
