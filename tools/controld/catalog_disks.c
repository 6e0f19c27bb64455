/* catalog_disks.c - see catalog_disks.h. */
#include "tools/controld/catalog_disks.h"

#include "tools/controld/catalog_row.h"

static const struct catalog_column columns[] = {
    {"id", CATALOG_TEXT, offsetof(struct catalog_disk, id), NULL},
    {"guid", CATALOG_TEXT, offsetof(struct catalog_disk, guid), NULL},
    {"location", CATALOG_TEXT, offsetof(struct catalog_disk, location), NULL},
    {"doc", CATALOG_TEXT, offsetof(struct catalog_disk, doc), NULL},
    {"backing", CATALOG_TEXT, offsetof(struct catalog_disk, backing), NULL},
    {"size_bytes", CATALOG_INT, offsetof(struct catalog_disk, size_bytes), NULL},
    {"source_id", CATALOG_TEXT, offsetof(struct catalog_disk, source_id), NULL},
    {"state", CATALOG_WORD, offsetof(struct catalog_disk, state), &catalog_state_words},
    {"code", CATALOG_TEXT, offsetof(struct catalog_disk, code), NULL},
    {"percent", CATALOG_REAL, offsetof(struct catalog_disk, percent), NULL},
    {"level", CATALOG_WORD, offsetof(struct catalog_disk, level), &catalog_level_words},
    {"message", CATALOG_TEXT, offsetof(struct catalog_disk, message), NULL},
    {"created_ns", CATALOG_INT, offsetof(struct catalog_disk, created_ns), NULL},
    {"ended_ns", CATALOG_INT, offsetof(struct catalog_disk, ended_ns), NULL},
};

static const struct catalog_table table = {"disks", "disk", columns,
                                           sizeof columns / sizeof *columns,
                                           sizeof(struct catalog_disk)};

void catalog_disk_fini(struct catalog_disk *row)
{
    catalog_row_fini(&table, row);
}

void catalog_disk_list_fini(struct catalog_disk_list *list)
{
    struct catalog_rows rows = {list->rows, list->count, list->more};

    catalog_rows_fini(&table, &rows);
    *list = (struct catalog_disk_list){.rows = NULL};
}

static bool list_where(struct catalog *c, const char *where, const struct catalog_value *values,
                       unsigned count, const struct catalog_page *page,
                       struct catalog_disk_list *out_list, struct err *e)
{
    struct catalog_rows rows = {.rows = NULL};

    if (!catalog_rows_list(c, &table, where, values, count, page, &rows, e))
        return false;
    *out_list = (struct catalog_disk_list){rows.rows, rows.count, rows.more};
    return true;
}

bool catalog_disk_get(struct catalog *c, const char *id, struct catalog_disk *out_row,
                      struct err *e)
{
    return catalog_row_get(c, &table, id, out_row, e);
}

bool catalog_disk_put(struct catalog *c, const struct catalog_disk *row, struct err *e)
{
    return catalog_row_put(c, &table, row, e);
}

bool catalog_disk_delete(struct catalog *c, const char *id, struct err *e)
{
    return catalog_row_delete(c, &table, id, e);
}

bool catalog_disk_set_progress(struct catalog *c, const char *id, const char *code, double percent,
                               enum catalog_level level, const char *message, struct err *e)
{
    return catalog_row_set(
        c, &table,
        "UPDATE disks SET code = ?2, percent = max(percent, ?3), level = ?4, message = ?5 "
        "WHERE id = ?1",
        (struct catalog_value[]){catalog_text(id), catalog_text(code), catalog_real(percent),
                                 catalog_text(catalog_level_name(level)), catalog_text(message)},
        5, e);
}

bool catalog_disk_set_state(struct catalog *c, const char *id, enum catalog_state state,
                            int64_t ended_ns, struct err *e)
{
    return catalog_row_set(c, &table, "UPDATE disks SET state = ?2, ended_ns = ?3 WHERE id = ?1",
                           (struct catalog_value[]){catalog_text(id),
                                                    catalog_text(catalog_state_name(state)),
                                                    catalog_int(ended_ns)},
                           3, e);
}

bool catalog_disk_list(struct catalog *c, const char *under, const struct catalog_page *page,
                       struct catalog_disk_list *out_list, struct err *e)
{
    struct catalog_rows rows = {.rows = NULL};

    if (!catalog_rows_list_under(c, &table, under, page, &rows, e))
        return false;
    *out_list = (struct catalog_disk_list){rows.rows, rows.count, rows.more};
    return true;
}

bool catalog_disk_list_of_source(struct catalog *c, const char *source_id,
                                 const struct catalog_page *page,
                                 struct catalog_disk_list *out_list, struct err *e)
{
    struct catalog_value value = catalog_text(source_id);

    return list_where(c, "source_id = ?1", &value, 1, page, out_list, e);
}

bool catalog_disk_list_in_state(struct catalog *c, enum catalog_state state,
                                const struct catalog_page *page, struct catalog_disk_list *out_list,
                                struct err *e)
{
    struct catalog_value value = catalog_text(catalog_state_name(state));

    return list_where(c, "state = ?1", &value, 1, page, out_list, e);
}
