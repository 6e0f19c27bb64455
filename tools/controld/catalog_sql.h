/* catalog_sql.h - SQLite behind a narrow door: a file with a known schema, transactions, statements.
 *
 * Knows:         sqlite3, which no other file calls.
 * Must not know: what the tables mean.
 * Threads:       all calls from one thread.
 */
#ifndef CONTROLD_CATALOG_SQL_H
#define CONTROLD_CATALOG_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"

#define CATALOG_SQL_STATEMENTS_MAX                                                                 \
    96u                          /* prepared and kept; the one unused for longest goes first */
#define CATALOG_SQL_BUSY_MS 250u /* how long another process's write is waited for */

struct catalog_sql;
struct catalog_statement;

/* What the file must look like: scripts[v] brings a file of version v to version v + 1; an empty file
 * is of version 0. Scripts are never changed once released. */
struct catalog_schema {
    const char *const *scripts;
    unsigned count;
};

/* ---- Life ---- */
/* Opens or makes the file (0600) and brings it to the newest version of schema, one transaction a
 * version. NULL: ERR_CORRUPT for what is damaged or no file of ours, ERR_USAGE for a newer version. */
struct catalog_sql *catalog_sql_open(const char *path, const struct catalog_schema *schema,
                                     struct err *e);
void catalog_sql_close(struct catalog_sql *sql); /* NULL is fine; no statement may be borrowed */

/* ---- Transactions: not nested; a statement that changes anything needs one ---- */
bool catalog_sql_begin(struct catalog_sql *sql, struct err *e);
/* Ends the transaction in any case. False: nothing of it is in the file; so too when a change in it
 * failed before. */
bool catalog_sql_commit(struct catalog_sql *sql, struct err *e);
void catalog_sql_rollback(struct catalog_sql *sql);
bool catalog_sql_begun(const struct catalog_sql *sql);

/* ---- Statements ---- */
/* Prepared or from the cache; any number at a time, also of one text. text is copied. */
struct catalog_statement *catalog_sql_borrow(struct catalog_sql *sql, const char *text,
                                             struct err *e);
void catalog_sql_release(struct catalog_statement *statement); /* NULL is fine */

/* Parameters count from 1. A text (NULL: SQL's NULL) must stay until release. What cannot be bound
 * (a text above CATALOG_TEXT_MAX_BYTES) is the error of the next step. */
void catalog_sql_bind_text(struct catalog_statement *statement, unsigned parameter,
                           const char *text);
void catalog_sql_bind_int(struct catalog_statement *statement, unsigned parameter, int64_t value);
void catalog_sql_bind_real(struct catalog_statement *statement, unsigned parameter, double value);

/* The next row, if there is one. After false or the last row only release is allowed. */
bool catalog_sql_step(struct catalog_statement *statement, bool *out_row, struct err *e);
/* All steps of a statement without rows. out_changed (NULL is fine): how many rows it changed. */
bool catalog_sql_run(struct catalog_statement *statement, uint64_t *out_changed, struct err *e);

/* ---- Columns of the row stepped to, counted from 0 ---- */
/* View, NUL-terminated, until the next step or release; NULL for SQL's NULL. *out_failed is set when
 * memory ran out. */
const char *catalog_sql_text(struct catalog_statement *statement, unsigned column,
                             bool *out_failed);
int64_t catalog_sql_int(struct catalog_statement *statement, unsigned column);
double catalog_sql_real(struct catalog_statement *statement, unsigned column);

#endif
