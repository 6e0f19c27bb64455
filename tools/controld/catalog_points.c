/* catalog_points.c - see catalog_points.h. */
#include "tools/controld/catalog_points.h"

#include "tools/controld/catalog_row.h"

static const struct catalog_column columns[] = {
    {"id", CATALOG_TEXT, offsetof(struct catalog_point, id), NULL},
    {"collection_id", CATALOG_TEXT, offsetof(struct catalog_point, collection_id), NULL},
    {"state", CATALOG_WORD, offsetof(struct catalog_point, state), &catalog_state_words},
    {"created_ns", CATALOG_INT, offsetof(struct catalog_point, created_ns), NULL},
    {"consistency", CATALOG_WORD, offsetof(struct catalog_point, consistency),
     &catalog_consistency_words},
    {"origin", CATALOG_WORD, offsetof(struct catalog_point, origin), &catalog_origin_words},
    {"asked", CATALOG_TEXT, offsetof(struct catalog_point, asked), NULL},
    {"exclude", CATALOG_TEXT, offsetof(struct catalog_point, exclude), NULL},
    {"source_point_id", CATALOG_TEXT, offsetof(struct catalog_point, source_point_id), NULL},
    {"metadata", CATALOG_TEXT, offsetof(struct catalog_point, metadata), NULL},
    {"failure_code", CATALOG_TEXT, offsetof(struct catalog_point, failure_code), NULL},
    {"failure_message", CATALOG_TEXT, offsetof(struct catalog_point, failure_message), NULL},
    {"hook_status", CATALOG_TEXT, offsetof(struct catalog_point, hook_status), NULL},
    {"hook_message", CATALOG_TEXT, offsetof(struct catalog_point, hook_message), NULL},
    {"used_bytes", CATALOG_INT, offsetof(struct catalog_point, used_bytes), NULL},
    {"deadline_ns", CATALOG_INT, offsetof(struct catalog_point, deadline_ns), NULL},
    {"generation", CATALOG_INT, offsetof(struct catalog_point, generation), NULL},
};

static const struct catalog_table table = {"points", "restore point", columns,
                                           sizeof columns / sizeof *columns,
                                           sizeof(struct catalog_point)};

void catalog_point_fini(struct catalog_point *row)
{
    catalog_row_fini(&table, row);
}

void catalog_point_list_fini(struct catalog_point_list *list)
{
    struct catalog_rows rows = {list->rows, list->count, list->more};

    catalog_rows_fini(&table, &rows);
    *list = (struct catalog_point_list){.rows = NULL};
}

static bool list_where(struct catalog *c, const char *where, const struct catalog_value *values,
                       unsigned count, const struct catalog_page *page,
                       struct catalog_point_list *out_list, struct err *e)
{
    struct catalog_rows rows = {.rows = NULL};

    if (!catalog_rows_list(c, &table, where, values, count, page, &rows, e))
        return false;
    *out_list = (struct catalog_point_list){rows.rows, rows.count, rows.more};
    return true;
}

bool catalog_point_get(struct catalog *c, const char *id, struct catalog_point *out_row,
                       struct err *e)
{
    return catalog_row_get(c, &table, id, out_row, e);
}

bool catalog_point_put(struct catalog *c, const struct catalog_point *row, struct err *e)
{
    return catalog_row_put(c, &table, row, e);
}

bool catalog_point_delete(struct catalog *c, const char *id, struct err *e)
{
    return catalog_row_delete(c, &table, id, e);
}

bool catalog_point_set_state(struct catalog *c, const char *id, enum catalog_state state,
                             const char *failure_code, const char *failure_message, struct err *e)
{
    return catalog_row_set(
        c, &table,
        "UPDATE points SET state = ?2, failure_code = ?3, failure_message = ?4 WHERE id = ?1",
        (struct catalog_value[]){catalog_text(id), catalog_text(catalog_state_name(state)),
                                 catalog_text(failure_code), catalog_text(failure_message)},
        4, e);
}

bool catalog_point_set_hook(struct catalog *c, const char *id, const char *status,
                            const char *message, struct err *e)
{
    return catalog_row_set(
        c, &table, "UPDATE points SET hook_status = ?2, hook_message = ?3 WHERE id = ?1",
        (struct catalog_value[]){catalog_text(id), catalog_text(status), catalog_text(message)}, 3,
        e);
}

bool catalog_point_list(struct catalog *c, const char *collection_id,
                        const struct catalog_page *page, struct catalog_point_list *out_list,
                        struct err *e)
{
    struct catalog_value value = catalog_text(collection_id);

    return list_where(c, "collection_id = ?1", &value, 1, page, out_list, e);
}

bool catalog_point_list_of_origin(struct catalog *c, const char *collection_id,
                                  enum catalog_origin origin, const struct catalog_page *page,
                                  struct catalog_point_list *out_list, struct err *e)
{
    const struct catalog_value values[] = {catalog_text(collection_id),
                                           catalog_text(catalog_origin_name(origin))};

    return list_where(c, "collection_id = ?1 AND origin = ?2", values, 2, page, out_list, e);
}

bool catalog_point_list_in_state(struct catalog *c, enum catalog_state state,
                                 const struct catalog_page *page,
                                 struct catalog_point_list *out_list, struct err *e)
{
    struct catalog_value value = catalog_text(catalog_state_name(state));

    return list_where(c, "state = ?1", &value, 1, page, out_list, e);
}

bool catalog_point_list_of_source(struct catalog *c, const char *source_point_id,
                                  const struct catalog_page *page,
                                  struct catalog_point_list *out_list, struct err *e)
{
    struct catalog_value value = catalog_text(source_point_id);

    return list_where(c, "source_point_id = ?1", &value, 1, page, out_list, e);
}

bool catalog_point_count(struct catalog *c, const char *collection_id, uint64_t *out_count,
                         struct err *e)
{
    struct catalog_value value = catalog_text(collection_id);
    int64_t count = 0;

    if (!catalog_row_ask(c, "SELECT count(*) FROM points WHERE collection_id = ?1", &value, 1,
                         &count, e))
        return false;
    *out_count = (uint64_t)count;
    return true;
}
