/* catalog_row.c - see catalog_row.h. Statements are made of names that are literals in these sources; values
 * are only ever bound. */
#include "tools/controld/catalog_row.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/controld/catalog_file.h"

#define ROW_SQL_MAX_BYTES 4096u
#define ROW_LIST_FIRST    16u /* rows there is room for at first */

_Static_assert(sizeof(enum catalog_state) == sizeof(unsigned), "a word's enum is read as unsigned");

/* ---- Statements ---- */

struct row_sql {
    char text[ROW_SQL_MAX_BYTES];
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void row_say(struct row_sql *sql, const char *fmt, ...)
{
    va_list ap;
    int bytes;

    va_start(ap, fmt);
    bytes = vsnprintf(sql->text + sql->used, sizeof sql->text - sql->used, fmt, ap);
    va_end(ap);
    assert(bytes >= 0 && (size_t)bytes < sizeof sql->text - sql->used);
    sql->used += (size_t)bytes;
}

static void row_say_select(struct row_sql *sql, const struct catalog_table *table)
{
    for (unsigned i = 0; i < table->column_count; i++)
        row_say(sql, "%s%s", i ? ", " : "SELECT ", table->columns[i].name);
    row_say(sql, " FROM %s", table->name);
}

static void row_say_put(struct row_sql *sql, const struct catalog_table *table)
{
    for (unsigned i = 0; i < table->column_count; i++)
        i ? row_say(sql, ", %s", table->columns[i].name)
          : row_say(sql, "INSERT INTO %s (%s", table->name, table->columns[i].name);
    for (unsigned i = 0; i < table->column_count; i++)
        row_say(sql, "%s?%u", i ? ", " : ") VALUES (", i + 1);
    row_say(sql, ") ON CONFLICT (%s) DO UPDATE", table->columns[0].name);
    for (unsigned i = 1; i < table->column_count; i++)
        row_say(sql, "%s%s = ?%u", i > 1 ? ", " : " SET ", table->columns[i].name, i + 1);
}

static void row_bind(struct catalog_statement *statement, const struct catalog_value *values,
                     unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (values[i].kind == CATALOG_INT)
            catalog_sql_bind_int(statement, i + 1, values[i].integer);
        else if (values[i].kind == CATALOG_REAL)
            catalog_sql_bind_real(statement, i + 1, values[i].real);
        else
            catalog_sql_bind_text(statement, i + 1, values[i].text);
    }
}

/* ---- Structs ---- */

static const void *row_member(const void *row, const struct catalog_column *column)
{
    return (const char *)row + column->offset;
}

static struct catalog_value row_value(const void *row, const struct catalog_column *column)
{
    const void *member = row_member(row, column);
    unsigned word;

    switch (column->kind) {
    case CATALOG_INT:
        return catalog_int(*(const int64_t *)member);
    case CATALOG_REAL:
        return catalog_real(*(const double *)member);
    case CATALOG_WORD:
        memcpy(&word, member, sizeof word);
        return catalog_text(catalog_words_name(column->words, word));
    default:
        return catalog_text(*(const char *const *)member);
    }
}

static bool row_load_text(struct catalog_statement *statement, unsigned i, const char **out_text,
                          struct err *e)
{
    bool failed = false;
    const char *text = catalog_sql_text(statement, i, &failed);

    if (text && !failed) {
        *out_text = strdup(text);
        failed = !*out_text;
    }
    return !failed || err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a row of the catalog");
}

static bool row_load_word(struct catalog_statement *statement, unsigned i,
                          const struct catalog_column *column, void *member, struct err *e)
{
    bool failed = false;
    const char *text = catalog_sql_text(statement, i, &failed);

    for (unsigned word = 0; text && word < column->words->count; word++) {
        if (strcmp(column->words->names[word], text) == 0) {
            memcpy(member, &word, sizeof word);
            return true;
        }
    }
    return err_set(e, ERR_CORRUPT, RETRY_NEVER, "the catalog's %s has an unknown word",
                   column->name);
}

/* row is empty; what was loaded of it before a failure is freed by its fini. */
static bool row_load(struct catalog_statement *statement, const struct catalog_table *table,
                     void *row, struct err *e)
{
    for (unsigned i = 0; i < table->column_count; i++) {
        const struct catalog_column *column = &table->columns[i];
        void *member = (char *)row + column->offset;

        if (column->kind == CATALOG_INT)
            *(int64_t *)member = catalog_sql_int(statement, i);
        else if (column->kind == CATALOG_REAL)
            *(double *)member = catalog_sql_real(statement, i);
        else if (column->kind == CATALOG_WORD && !row_load_word(statement, i, column, member, e))
            return false;
        else if (column->kind == CATALOG_TEXT && !row_load_text(statement, i, member, e))
            return false;
    }
    /* To callers a row without its id is one that is not there. */
    return row_value(row, &table->columns[0]).text ||
           err_set(e, ERR_CORRUPT, RETRY_NEVER, "the catalog has a %s without an id", table->what);
}

void catalog_row_fini(const struct catalog_table *table, void *row)
{
    for (unsigned i = 0; i < table->column_count; i++)
        if (table->columns[i].kind == CATALOG_TEXT)
            free(*(char **)((char *)row + table->columns[i].offset));
    memset(row, 0, table->row_bytes);
}

void catalog_rows_fini(const struct catalog_table *table, struct catalog_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        catalog_row_fini(table, (char *)rows->rows + i * table->row_bytes);
    free(rows->rows);
    memset(rows, 0, sizeof *rows);
}

/* ---- One row ---- */

bool catalog_row_find(struct catalog *c, const struct catalog_table *table, const char *where,
                      const struct catalog_value *values, unsigned count, void *out_row,
                      struct err *e)
{
    struct row_sql sql = {.used = 0};
    struct catalog_statement *statement;
    bool row = false, ok;

    assert(!row_value(out_row, &table->columns[0]).text); /* it would leak */
    row_say_select(&sql, table);
    row_say(&sql, " WHERE %s LIMIT 1", where);
    statement = catalog_sql_borrow(catalog_file_sql(c), sql.text, e);
    if (!statement)
        return false;
    row_bind(statement, values, count);
    ok = catalog_sql_step(statement, &row, e) && (!row || row_load(statement, table, out_row, e));
    if (!ok)
        catalog_row_fini(table, out_row);
    catalog_sql_release(statement);
    return ok;
}

bool catalog_row_get(struct catalog *c, const struct catalog_table *table, const char *key,
                     void *out_row, struct err *e)
{
    struct row_sql where = {.used = 0};
    struct catalog_value value = catalog_text(key);

    row_say(&where, "%s = ?1", table->columns[0].name);
    return catalog_row_find(c, table, where.text, &value, 1, out_row, e);
}

bool catalog_row_run(struct catalog *c, const char *sql, const struct catalog_value *values,
                     unsigned count, uint64_t *out_changed, struct err *e)
{
    struct catalog_statement *statement = catalog_sql_borrow(catalog_file_sql(c), sql, e);
    bool ok;

    if (!statement)
        return false;
    row_bind(statement, values, count);
    ok = catalog_sql_run(statement, out_changed, e);
    catalog_sql_release(statement);
    return ok;
}

bool catalog_row_put(struct catalog *c, const struct catalog_table *table, const void *row,
                     struct err *e)
{
    struct row_sql sql = {.used = 0};
    struct catalog_statement *statement;
    bool ok;

    row_say_put(&sql, table);
    statement = catalog_sql_borrow(catalog_file_sql(c), sql.text, e);
    if (!statement)
        return false;
    for (unsigned i = 0; i < table->column_count; i++) {
        struct catalog_value value = row_value(row, &table->columns[i]);

        assert(i > 0 || (value.text && value.text[0]));
        if (value.kind == CATALOG_INT)
            catalog_sql_bind_int(statement, i + 1, value.integer);
        else if (value.kind == CATALOG_REAL)
            catalog_sql_bind_real(statement, i + 1, value.real);
        else
            catalog_sql_bind_text(statement, i + 1, value.text);
    }
    ok = catalog_sql_run(statement, NULL, e);
    catalog_sql_release(statement);
    if (!ok)
        err_prefix(e, "%s not kept: ", table->what);
    return ok;
}

bool catalog_row_delete(struct catalog *c, const struct catalog_table *table, const char *key,
                        struct err *e)
{
    struct row_sql sql = {.used = 0};
    struct catalog_value value = catalog_text(key);

    row_say(&sql, "DELETE FROM %s WHERE %s = ?1", table->name, table->columns[0].name);
    if (catalog_row_run(c, sql.text, &value, 1, NULL, e))
        return true;
    err_prefix(e, "%s not deleted: ", table->what);
    return false;
}

bool catalog_row_set(struct catalog *c, const struct catalog_table *table, const char *sql,
                     const struct catalog_value *values, unsigned count, struct err *e)
{
    uint64_t changed = 0;

    if (!catalog_row_run(c, sql, values, count, &changed, e)) {
        err_prefix(e, "%s not changed: ", table->what);
        return false;
    }
    return changed > 0 || err_set(e, ERR_GONE, RETRY_NEVER, "no %s %.300s", table->what,
                                  values[0].text ? values[0].text : "without an id");
}

bool catalog_row_ask(struct catalog *c, const char *sql, const struct catalog_value *values,
                     unsigned count, int64_t *out_number, struct err *e)
{
    struct catalog_statement *statement = catalog_sql_borrow(catalog_file_sql(c), sql, e);
    bool row = false, ok;

    if (!statement)
        return false;
    row_bind(statement, values, count);
    ok = catalog_sql_step(statement, &row, e);
    if (ok)
        *out_number = row ? catalog_sql_int(statement, 0) : 0;
    catalog_sql_release(statement);
    return ok;
}

/* ---- Many ---- */

static bool rows_grow(struct catalog_rows *rows, size_t *room, size_t row_bytes, struct err *e)
{
    size_t wanted = *room ? *room * 2 : ROW_LIST_FIRST;
    void *grown;

    if (rows->count < *room)
        return true;
    grown = reallocarray(rows->rows, wanted, row_bytes);
    if (!grown)
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a list of the catalog");
    rows->rows = grown;
    *room = wanted;
    return true;
}

/* The statement asks for one row more than the page takes: it tells whether there are others. */
static bool rows_load(struct catalog_statement *statement, const struct catalog_table *table,
                      unsigned limit, struct catalog_rows *rows, struct err *e)
{
    size_t room = 0;
    bool row = false;

    for (;;) {
        void *next;

        if (!catalog_sql_step(statement, &row, e))
            return false;
        if (!row)
            return true;
        if (rows->count == limit) {
            rows->more = true;
            return true;
        }
        if (!rows_grow(rows, &room, table->row_bytes, e))
            return false;
        next = (char *)rows->rows + rows->count * table->row_bytes;
        memset(next, 0, table->row_bytes);
        rows->count++;
        if (!row_load(statement, table, next, e))
            return false;
    }
}

bool catalog_rows_list(struct catalog *c, const struct catalog_table *table, const char *where,
                       const struct catalog_value *values, unsigned count,
                       const struct catalog_page *page, struct catalog_rows *out_rows,
                       struct err *e)
{
    const char *key = table->columns[0].name;
    struct row_sql sql = {.used = 0};
    struct catalog_statement *statement;
    bool ok;

    assert(page->limit >= 1 && page->limit <= CATALOG_PAGE_MAX);
    assert(!out_rows->rows);
    row_say_select(&sql, table);
    row_say(&sql, " WHERE %s AND %s > ?%u ORDER BY %s LIMIT ?%u", where ? where : "1", key,
            count + 1, key, count + 2);
    statement = catalog_sql_borrow(catalog_file_sql(c), sql.text, e);
    if (!statement)
        return false;
    row_bind(statement, values, count);
    catalog_sql_bind_text(statement, count + 1, page->after ? page->after : "");
    catalog_sql_bind_int(statement, count + 2, (int64_t)page->limit + 1);
    ok = rows_load(statement, table, page->limit, out_rows, e);
    if (!ok)
        catalog_rows_fini(table, out_rows);
    catalog_sql_release(statement);
    return ok;
}

bool catalog_rows_list_under(struct catalog *c, const struct catalog_table *table,
                             const char *under, const struct catalog_page *page,
                             struct catalog_rows *out_rows, struct err *e)
{
    const char *key = table->columns[0].name;
    struct row_sql where = {.used = 0};
    char *first = NULL, *end = NULL; /* '0' is the sign behind '/' */
    bool ok = false;

    if (!under)
        return catalog_rows_list(c, table, NULL, NULL, 0, page, out_rows, e);
    row_say(&where, "%s > ?1 AND %s < ?2", key, key);
    if (asprintf(&first, "%s/", under) < 0)
        first = NULL;
    if (asprintf(&end, "%s0", under) < 0)
        end = NULL;
    if (!first || !end)
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a list of the catalog");
    else
        ok = catalog_rows_list(c, table, where.text,
                               (struct catalog_value[]){catalog_text(first), catalog_text(end)}, 2,
                               page, out_rows, e);
    free(first);
    free(end);
    return ok;
}
