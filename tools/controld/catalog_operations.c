/* catalog_operations.c - see catalog_operations.h. */
#include "tools/controld/catalog_operations.h"

#include <assert.h>

#include "tools/controld/catalog_row.h"

static const struct catalog_column columns[] = {
    {"guid", CATALOG_TEXT, offsetof(struct catalog_operation, guid), NULL},
    {"kind", CATALOG_TEXT, offsetof(struct catalog_operation, kind), NULL},
    {"subscription", CATALOG_TEXT, offsetof(struct catalog_operation, subscription), NULL},
    {"location", CATALOG_TEXT, offsetof(struct catalog_operation, location), NULL},
    {"resource_id", CATALOG_TEXT, offsetof(struct catalog_operation, resource_id), NULL},
    {"status", CATALOG_WORD, offsetof(struct catalog_operation, status), &catalog_status_words},
    {"error", CATALOG_TEXT, offsetof(struct catalog_operation, error), NULL},
    {"result", CATALOG_TEXT, offsetof(struct catalog_operation, result), NULL},
    {"remake", CATALOG_INT, offsetof(struct catalog_operation, remake), NULL},
    {"start_ns", CATALOG_INT, offsetof(struct catalog_operation, start_ns), NULL},
    {"end_ns", CATALOG_INT, offsetof(struct catalog_operation, end_ns), NULL},
};

static const struct catalog_table table = {"operations", "operation", columns,
                                           sizeof columns / sizeof *columns,
                                           sizeof(struct catalog_operation)};

void catalog_operation_fini(struct catalog_operation *row)
{
    catalog_row_fini(&table, row);
}

void catalog_operation_list_fini(struct catalog_operation_list *list)
{
    struct catalog_rows rows = {list->rows, list->count, list->more};

    catalog_rows_fini(&table, &rows);
    *list = (struct catalog_operation_list){.rows = NULL};
}

static bool list_where(struct catalog *c, const char *where, const struct catalog_value *values,
                       unsigned count, const struct catalog_page *page,
                       struct catalog_operation_list *out_list, struct err *e)
{
    struct catalog_rows rows = {.rows = NULL};

    if (!catalog_rows_list(c, &table, where, values, count, page, &rows, e))
        return false;
    *out_list = (struct catalog_operation_list){rows.rows, rows.count, rows.more};
    return true;
}

bool catalog_operation_get(struct catalog *c, const char *guid, struct catalog_operation *out_row,
                           struct err *e)
{
    return catalog_row_get(c, &table, guid, out_row, e);
}

bool catalog_operation_put(struct catalog *c, const struct catalog_operation *row, struct err *e)
{
    return catalog_row_put(c, &table, row, e);
}

bool catalog_operation_delete(struct catalog *c, const char *guid, struct err *e)
{
    return catalog_row_delete(c, &table, guid, e);
}

bool catalog_operation_end(struct catalog *c, const char *guid, enum catalog_status status,
                           const char *error, const char *result, int64_t end_ns, struct err *e)
{
    assert(status != CATALOG_IN_PROGRESS && end_ns > 0);
    return catalog_row_set(
        c, &table,
        "UPDATE operations SET status = ?2, error = ?3, result = ?4, end_ns = ?5 "
        "WHERE guid = ?1 AND end_ns = 0",
        (struct catalog_value[]){catalog_text(guid), catalog_text(catalog_status_name(status)),
                                 catalog_text(error), catalog_text(result), catalog_int(end_ns)},
        5, e);
}

bool catalog_operation_list_in_progress(struct catalog *c, const struct catalog_page *page,
                                        struct catalog_operation_list *out_list, struct err *e)
{
    return list_where(c, "end_ns = 0", NULL, 0, page, out_list, e);
}

bool catalog_operation_list_of_resource(struct catalog *c, const char *resource_id,
                                        const struct catalog_page *page,
                                        struct catalog_operation_list *out_list, struct err *e)
{
    struct catalog_value value = catalog_text(resource_id);

    /* The plus keeps end_ns from being looked up: a resource has few operations, many are in progress. */
    return list_where(c, "resource_id = ?1 AND +end_ns = 0", &value, 1, page, out_list, e);
}

bool catalog_operation_forget(struct catalog *c, int64_t before_ns, unsigned limit,
                              uint64_t *out_count, struct err *e)
{
    struct catalog_value values[] = {catalog_int(before_ns), catalog_int(limit)};

    return catalog_row_run(c,
                           "DELETE FROM operations WHERE guid IN (SELECT guid FROM operations "
                           "WHERE end_ns > 0 AND end_ns <= ?1 ORDER BY end_ns LIMIT ?2)",
                           values, 2, out_count, e);
}
