/* catalog_collections.c - see catalog_collections.h. */
#include "tools/controld/catalog_collections.h"

#include "tools/controld/catalog_row.h"

static const struct catalog_column columns[] = {
    {"id", CATALOG_TEXT, offsetof(struct catalog_collection, id), NULL},
    {"location", CATALOG_TEXT, offsetof(struct catalog_collection, location), NULL},
    {"tags", CATALOG_TEXT, offsetof(struct catalog_collection, tags), NULL},
    {"source_id", CATALOG_TEXT, offsetof(struct catalog_collection, source_id), NULL},
    {"source_kind", CATALOG_WORD, offsetof(struct catalog_collection, source_kind),
     &catalog_source_words},
    {"source_location", CATALOG_TEXT, offsetof(struct catalog_collection, source_location), NULL},
    {"guid", CATALOG_TEXT, offsetof(struct catalog_collection, guid), NULL},
    {"state", CATALOG_WORD, offsetof(struct catalog_collection, state), &catalog_state_words},
    {"created_ns", CATALOG_INT, offsetof(struct catalog_collection, created_ns), NULL},
};

static const struct catalog_table table = {"collections", "restore point collection", columns,
                                           sizeof columns / sizeof *columns,
                                           sizeof(struct catalog_collection)};

void catalog_collection_fini(struct catalog_collection *row)
{
    catalog_row_fini(&table, row);
}

void catalog_collection_list_fini(struct catalog_collection_list *list)
{
    struct catalog_rows rows = {list->rows, list->count, list->more};

    catalog_rows_fini(&table, &rows);
    *list = (struct catalog_collection_list){.rows = NULL};
}

static bool list_where(struct catalog *c, const char *where, const struct catalog_value *values,
                       unsigned count, const struct catalog_page *page,
                       struct catalog_collection_list *out_list, struct err *e)
{
    struct catalog_rows rows = {.rows = NULL};

    if (!catalog_rows_list(c, &table, where, values, count, page, &rows, e))
        return false;
    *out_list = (struct catalog_collection_list){rows.rows, rows.count, rows.more};
    return true;
}

bool catalog_collection_get(struct catalog *c, const char *id, struct catalog_collection *out_row,
                            struct err *e)
{
    return catalog_row_get(c, &table, id, out_row, e);
}

bool catalog_collection_put(struct catalog *c, const struct catalog_collection *row, struct err *e)
{
    return catalog_row_put(c, &table, row, e);
}

bool catalog_collection_delete(struct catalog *c, const char *id, struct err *e)
{
    return catalog_row_delete(c, &table, id, e);
}

bool catalog_collection_set_tags(struct catalog *c, const char *id, const char *tags, struct err *e)
{
    return catalog_row_set(c, &table, "UPDATE collections SET tags = ?2 WHERE id = ?1",
                           (struct catalog_value[]){catalog_text(id), catalog_text(tags)}, 2, e);
}

bool catalog_collection_set_state(struct catalog *c, const char *id, enum catalog_state state,
                                  struct err *e)
{
    return catalog_row_set(
        c, &table, "UPDATE collections SET state = ?2 WHERE id = ?1",
        (struct catalog_value[]){catalog_text(id), catalog_text(catalog_state_name(state))}, 2, e);
}

bool catalog_collection_list(struct catalog *c, const char *under, const struct catalog_page *page,
                             struct catalog_collection_list *out_list, struct err *e)
{
    struct catalog_rows rows = {.rows = NULL};

    if (!catalog_rows_list_under(c, &table, under, page, &rows, e))
        return false;
    *out_list = (struct catalog_collection_list){rows.rows, rows.count, rows.more};
    return true;
}

bool catalog_collection_list_of_source(struct catalog *c, const char *source_id,
                                       const struct catalog_page *page,
                                       struct catalog_collection_list *out_list, struct err *e)
{
    struct catalog_value value = catalog_text(source_id);

    return list_where(c, "source_id = ?1", &value, 1, page, out_list, e);
}
