/* catalog.h - what snapferryd remembers: one SQLite file in its data folder. The rows are in the headers
 * catalog_collections.h, catalog_points.h, catalog_disk_points.h, catalog_families.h, catalog_disks.h,
 * catalog_machines.h, catalog_accesses.h and catalog_operations.h.
 *
 * Knows:         the file, its lock, transactions, pages.
 * Must not know: HTTP, ARM's grammar of ids, who may do what, what is to be deleted with what.
 * Threads:       all calls from one thread; each blocks for as long as SQLite does (a commit syncs).
 *
 * What holds for every table:
 *   Rows      are structs; a NULL text: nothing there. The texts of a row that was read are the row's own:
 *             catalog_X_fini frees them and leaves the row empty; fini of an empty row is fine. A put
 *             borrows the row it is given, so its texts may be anybody's, and such a row has no fini.
 *             To change what was read: copy the struct, change the copy, put it, fini the first.
 *   Ids       are compared ignoring ASCII case and kept as they were first put. NULL, as columns have it
 *             that refer to nothing, is the id of no row.
 *   get       into an empty row: asserted. A row that is not there is no error: out_row then stays empty,
 *             and its id (guid) is NULL. False only when the catalog could not be read.
 *   put       adds the row or replaces all of it but the id's spelling.
 *   set_...   changes the named parts of a row; ERR_GONE when there is none.
 *   delete    of a row that is not there is fine. A row that others refer to is ERR_CONFLICT: the caller
 *             deletes those first, nothing cascades.
 *   list      in the order of ids, a page at a time, into an empty list, to be freed by its _fini.
 *   Changes   (put, set, delete) only between catalog_begin and catalog_commit: asserted. Get and list
 *             also outside.
 *   Errors    ERR_CONFLICT with RETRY_LATER: somebody else writes the file; ERR_CORRUPT: it is damaged;
 *             ERR_IO: the disk (ENOSPC: full); ERR_LIMIT: a text above CATALOG_TEXT_MAX_BYTES. After a
 *             failed change the transaction can only be rolled back.
 *   Secrets   no row holds a SAS, a key or a token.
 *   Times     are nanoseconds since 1970, UTC; 0: not yet.
 */
#ifndef CONTROLD_CATALOG_H
#define CONTROLD_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

#include "blockmap/err.h"

#define CATALOG_TEXT_MAX_BYTES (1u << 20) /* one text of a row; whole documents are such */
#define CATALOG_PAGE_MAX       1000u      /* rows of one page */

struct catalog;

/* Which part of a list: the rows behind after (the id of the last row seen; NULL: from the first),
 * limit of them at most, 1 to CATALOG_PAGE_MAX. The list's `more` says whether there are others behind. */
struct catalog_page {
    const char *after;
    unsigned limit;
};

/* ---- Life ---- */
/* Opens FOLDER/catalog.db; makes folder (0700) and file (0600) if need be, brings an older file to the
 * newest schema. NULL with a sentence: ERR_CONFLICT when another process has this data folder,
 * ERR_CORRUPT when the file is damaged or is something else, ERR_USAGE when a newer snapferryd wrote it. */
struct catalog *catalog_open(const char *folder, struct err *e);
void catalog_close(struct catalog *c); /* NULL is fine; rolls back what is open; frees the lock */

/* ---- Transactions: one an operation, not nested ---- */
bool catalog_begin(struct catalog *c, struct err *e);
/* Durable when it returns true. False: nothing of the transaction is there, and it has ended. */
bool catalog_commit(struct catalog *c, struct err *e);
void catalog_rollback(struct catalog *c); /* without a transaction: nothing */
bool catalog_in_transaction(const struct catalog *c);

#endif
