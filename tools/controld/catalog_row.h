/* catalog_row.h - rows and structs: one description a table, from which its statements are made. For the
 * files catalog_*.c alone; everybody else calls those.
 *
 * Knows:         columns, kinds of values, pages.
 * Must not know: which tables there are.
 * Threads:       as catalog.h.
 */
#ifndef CONTROLD_CATALOG_ROW_H
#define CONTROLD_CATALOG_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "tools/controld/catalog.h"
#include "tools/controld/catalog_words.h"

enum catalog_kind {
    CATALOG_TEXT, /* const char *, NULL allowed */
    CATALOG_INT,  /* int64_t */
    CATALOG_REAL, /* double */
    CATALOG_WORD  /* an enum in the struct, its word in the file */
};

struct catalog_column {
    const char *name;
    enum catalog_kind kind;
    size_t offset;                     /* in the struct */
    const struct catalog_words *words; /* of CATALOG_WORD */
};

/* The first column is the key: a text, never NULL, compared ignoring case by the table's collation. */
struct catalog_table {
    const char *name;
    const char *what; /* for sentences: "restore point" */
    const struct catalog_column *columns;
    unsigned column_count;
    size_t row_bytes;
};

/* A value for a parameter; build it with the functions below. */
struct catalog_value {
    enum catalog_kind kind;
    const char *text;
    int64_t integer;
    double real;
};

/* What all structs of lists look like. */
struct catalog_rows {
    void *rows;
    size_t count;
    bool more;
};

static inline struct catalog_value catalog_text(const char *text)
{
    return (struct catalog_value){.kind = CATALOG_TEXT, .text = text};
}

static inline struct catalog_value catalog_int(int64_t integer)
{
    return (struct catalog_value){.kind = CATALOG_INT, .integer = integer};
}

static inline struct catalog_value catalog_real(double real)
{
    return (struct catalog_value){.kind = CATALOG_REAL, .real = real};
}

/* ---- One row ---- */
void catalog_row_fini(const struct catalog_table *table, void *row);
/* The row for which where holds, which is a condition with values as ?1, ?2...; the first if several. */
bool catalog_row_find(struct catalog *c, const struct catalog_table *table, const char *where,
                      const struct catalog_value *values, unsigned count, void *out_row,
                      struct err *e);
bool catalog_row_get(struct catalog *c, const struct catalog_table *table, const char *key,
                     void *out_row, struct err *e);
bool catalog_row_put(struct catalog *c, const struct catalog_table *table, const void *row,
                     struct err *e);
bool catalog_row_delete(struct catalog *c, const struct catalog_table *table, const char *key,
                        struct err *e);
/* An UPDATE of the row whose key is values[0]; ERR_GONE when it changes none. */
bool catalog_row_set(struct catalog *c, const struct catalog_table *table, const char *sql,
                     const struct catalog_value *values, unsigned count, struct err *e);

/* ---- Many ---- */
void catalog_rows_fini(const struct catalog_table *table, struct catalog_rows *rows);
/* where as in catalog_row_find; NULL: all. */
bool catalog_rows_list(struct catalog *c, const struct catalog_table *table, const char *where,
                       const struct catalog_value *values, unsigned count,
                       const struct catalog_page *page, struct catalog_rows *out_rows,
                       struct err *e);
/* Those whose key begins with under and a slash; NULL: all. */
bool catalog_rows_list_under(struct catalog *c, const struct catalog_table *table,
                             const char *under, const struct catalog_page *page,
                             struct catalog_rows *out_rows, struct err *e);
/* Any statement of ours: the number it asks for (no row: 0), or how many rows it changed. */
bool catalog_row_ask(struct catalog *c, const char *sql, const struct catalog_value *values,
                     unsigned count, int64_t *out_number, struct err *e);
bool catalog_row_run(struct catalog *c, const char *sql, const struct catalog_value *values,
                     unsigned count, uint64_t *out_changed, struct err *e);

#endif
