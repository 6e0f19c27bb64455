/* catalog_case.h - a catalog in a temp folder, and rows to put into it.
 *
 * Knows:         the catalog's contract, ids as ARM spells them.
 * Must not know: SQL.
 * Threads:       the test's own.
 */
#ifndef TESTS_CATALOG_CASE_H
#define TESTS_CATALOG_CASE_H

#include "tools/controld/catalog.h"
#include "tools/controld/catalog_disk_points.h"
#include "tools/controld/catalog_points.h"

#define CATALOG_CASE_ID_BYTES 256u
#define CATALOG_CASE_GROUP    "/subscriptions/s1/resourceGroups/Prod"
#define CATALOG_CASE_VM       CATALOG_CASE_GROUP "/providers/Microsoft.Compute/virtualMachines/web"
#define CATALOG_CASE_COLLECTION                                                                    \
    CATALOG_CASE_GROUP "/providers/Microsoft.Compute/restorePointCollections/Daily"

struct catalog_case {
    char folder[256];
    char path[300]; /* of the file */
    struct catalog *catalog;
};

void catalog_case_begin(struct catalog_case *k); /* the folder alone */
void catalog_case_open(struct catalog_case *k);  /* fails the test unless it opens */
void catalog_case_close(struct catalog_case *k);
void catalog_case_end(struct catalog_case *k); /* closes and removes the folder */

/* Fails the test with the error's text unless ok. */
void catalog_case_ok(bool ok, const struct err *e);

/* id of restore point n of a collection, and of its disk n. */
void catalog_case_point_id(char out_id[CATALOG_CASE_ID_BYTES], const char *collection_id,
                           unsigned n);
void catalog_case_disk_point_id(char out_id[CATALOG_CASE_ID_BYTES], const char *point_id,
                                unsigned n);

/* Puts plain rows, in the caller's transaction. */
void catalog_case_put_collection(struct catalog *c, const char *id);
void catalog_case_put_point(struct catalog *c, const char *collection_id, const char *id);
void catalog_case_put_disk_point(struct catalog *c, const char *point_id, const char *id);

#endif
